"""What the credentials reach, and what they may."""

import os
from collections.abc import Iterator

from assay_cli.doctor.aws import Aws
from assay_cli.doctor.check import Finding, check, could_not_look, error, ok, warning
from assay_cli.doctor.subjects import Deployment, Place

# Where the partition's APIs tell of all its regions.
_MAIN_REGIONS = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}

# What a deployment does with each type of resource that somebody may have forbidden.
_CREATES = {
    "aws_cloudwatch_event_rule": "events:PutRule",
    "aws_cloudwatch_log_group": "logs:CreateLogGroup",
    "aws_cloudwatch_metric_alarm": "cloudwatch:PutMetricAlarm",
    "aws_config_config_rule": "config:PutConfigRule",
    "aws_config_configuration_recorder": "config:PutConfigurationRecorder",
    "aws_config_configuration_recorder_status": "config:StartConfigurationRecorder",
    "aws_config_conformance_pack": "config:PutConformancePack",
    "aws_config_delivery_channel": "config:PutDeliveryChannel",
    "aws_config_remediation_configuration": "config:PutRemediationConfigurations",
    "aws_dynamodb_table": "dynamodb:CreateTable",
    "aws_iam_role": "iam:CreateRole",
    "aws_kms_key": "kms:CreateKey",
    "aws_lambda_function": "lambda:CreateFunction",
    "aws_s3_bucket": "s3:CreateBucket",
    "aws_sns_topic": "sns:CreateTopic",
    "aws_sqs_queue": "sqs:CreateQueue",
}
_OF_RECORDERS = ("config:PutConfigurationRecorder", "config:PutDeliveryChannel")


@check(
    name="account",
    what="the credentials are of the account that the settings name",
    why="Terraform refuses any other account where account_id is set, and deploys to just any "
    "where it is not.",
    remedy='account_id: "<the account>"; or credentials of that account (AWS_PROFILE)',
)
def account(deployment: Deployment) -> Iterator[Finding]:
    """Compare the accounts."""
    wanted, reached = deployment.environment.settings.account_id, deployment.account_id
    if wanted in (None, reached):
        yield ok(
            reached if wanted else f"{reached}; account_id is left out, so any account will do"
        )
    elif deployment.environment.asked_for:
        yield error(f"the settings are for account {wanted}, and the credentials of {reached}")
    else:
        yield could_not_look(
            f"the settings are for account {wanted}, and the credentials of {reached}",
            "credentials of that account (AWS_PROFILE)",
        )


@check(
    name="region",
    what="the region is there, and enabled in the account",
    why="Newer regions have to be enabled before they take any request.",
    remedy="region: another one; or aws account enable-region --region-name <region>",
    actions=("ec2:DescribeRegions",),
)
def region(deployment: Deployment) -> Iterator[Finding]:
    """Ask EC2, which knows all regions."""
    wanted = deployment.aws.region
    statuses = region_statuses(deployment)
    if wanted not in statuses:
        yield error(f"there is no region {wanted} in partition {deployment.partition}")
    elif statuses[wanted] == "not-opted-in":
        yield error(f"region {wanted} is not enabled in account {deployment.account_id}")
    else:
        yield ok(f"{wanted} is enabled")


def region_statuses(place: Place) -> dict[str, str]:
    """All regions of the partition, and whether they are enabled.

    Raises:
        CouldNotLookError: The credentials may not.
    """
    aws = place.aws.in_region(main_region(place.partition))
    found = aws.call("ec2", "describe_regions", AllRegions=True)["Regions"]
    return {each["RegionName"]: each["OptInStatus"] for each in found}


def main_region(partition: str) -> str:
    """The region of a partition that is always enabled."""
    return _MAIN_REGIONS.get(partition, "us-east-1")


@check(
    name="shell-region",
    what="the shell's region is the settings' one",
    why="Terraform deploys to the settings' region, but `assay report`, `invoke` and `redrive` "
    "look in the shell's.",
    remedy="export AWS_DEFAULT_REGION=<the settings' region>",
)
def shell_region(deployment: Deployment) -> Iterator[Finding]:
    """Compare the variables."""
    region = deployment.aws.region
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        given = os.environ.get(variable)
        if given not in (None, "", region):
            yield warning(
                f"{variable} is {given}, and the settings have {region}",
                f"export {variable}={region}",
            )


@check(
    name="permissions",
    what="nothing forbids what a deployment does",
    why="It would stop half-way. Organizations, AWS Control Tower among them, often forbid to "
    "change recorders.",
    remedy="allow the actions",
    actions=("iam:GetRole", "iam:SimulatePrincipalPolicy"),
)
def permissions(deployment: Deployment) -> Iterator[Finding]:
    """Let IAM simulate it.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    principal = _policy_source(deployment.principal, deployment.aws)
    if principal is None:
        return
    synthesized = deployment.environment.stack["resource"]
    actions = sorted({_CREATES[each] for each in synthesized if each in _CREATES})
    results = deployment.aws.pages(
        "iam",
        "simulate_principal_policy",
        "EvaluationResults",
        PolicySourceArn=principal,
        ActionNames=actions,
    )
    by_organization = [each for each in results if not _organization_allows(each)]
    forbidden = [
        each
        for each in results
        if each["EvalDecision"] == "explicitDeny" and each not in by_organization
    ]
    missing = [each for each in results if each["EvalDecision"] == "implicitDeny"]
    missing = [each for each in missing if each not in by_organization]
    if by_organization:
        yield error(
            f"a policy of the organization forbids {_listed(by_organization)}",
            _remedy(by_organization),
        )
    if forbidden:
        yield error(f"a policy forbids {_listed(forbidden)}", _remedy(forbidden))
    if missing:
        # Policies may allow it for the names that are deployed, and not for any name.
        yield warning(f"no policy allows {_listed(missing)} on just any resource")
    if not (by_organization or forbidden or missing):
        yield ok(f"{len(actions)} actions are allowed")


def _policy_source(principal: str, aws: Aws) -> str | None:
    """ARN of the user or role whose policies count; the account's root has none."""
    resource = principal.split(":", 5)[5]
    kind, _, rest = resource.partition("/")
    if kind == "user":
        return principal
    if kind != "assumed-role":
        return None
    name = rest.partition("/")[0]
    arn: str = aws.call("iam", "get_role", RoleName=name)["Role"]["Arn"]
    return arn


def _organization_allows(result: dict[str, dict[str, bool]]) -> bool:
    return result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True)


def _listed(results: list[dict[str, str]]) -> str:
    return ", ".join(each["EvalActionName"] for each in results)


def _remedy(results: list[dict[str, str]]) -> str | None:
    if any(each["EvalActionName"] in _OF_RECORDERS for each in results):
        return "recorder: {mode: existing, name: ...}, or allow the actions"
    return None
