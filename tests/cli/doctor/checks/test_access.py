"""The account, the region, and what the credentials may."""

from collections.abc import Callable

import boto3
import pytest

from assay_cli.doctor.checks import access
from assay_cli.doctor.subjects import Deployment

Look = Callable[..., list[tuple[str, str, str | None]]]
Deploy = Callable[..., Deployment]

ACCOUNT_ID = "123456789012"
OTHER = "210987654321"
FUNCTIONS = {"aws_lambda_function": {"Any": {"function_name": "any"}}}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (ACCOUNT_ID, ACCOUNT_ID),
        (None, f"{ACCOUNT_ID}; account_id is left out, so any account will do"),
    ],
)
def test_the_right_account_is_well(
    look: Look, deployment: Deploy, given: str | None, told: str
) -> None:
    assert look(access.account, deployment(account_id=given)) == [("ok", told, None)]


def test_another_account_is_an_error_where_the_environment_is_asked_for(
    look: Look, deployment: Deploy
) -> None:
    assert look(access.account, deployment(account_id=OTHER)) == [
        (
            "error",
            f"the settings are for account {OTHER}, and the credentials of {ACCOUNT_ID}",
            None,
        )
    ]


def test_another_account_is_not_looked_at_where_all_environments_are(
    look: Look, deployment: Deploy
) -> None:
    assert look(access.account, deployment(account_id=OTHER, asked_for=False)) == [
        (
            "could_not_look",
            f"the settings are for account {OTHER}, and the credentials of {ACCOUNT_ID}",
            "credentials of that account (AWS_PROFILE)",
        )
    ]


@pytest.mark.parametrize(
    ("region", "told"),
    [
        ("us-east-1", ("ok", "us-east-1 is enabled", None)),
        (
            "ap-east-1",
            ("error", f"region ap-east-1 is not enabled in account {ACCOUNT_ID}", None),
        ),
        ("us-east-9", ("error", "there is no region us-east-9 in partition aws", None)),
    ],
)
def test_the_region_has_to_be_enabled(
    look: Look, deployment: Deploy, region: str, told: tuple[str, str, None]
) -> None:
    found = deployment()
    elsewhere = Deployment(
        found.aws.in_region(region), found.account_id, found.principal, found.environment
    )
    assert look(access.region, elsewhere) == [told]


@pytest.mark.parametrize(
    ("partition", "region"),
    [("aws", "us-east-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")],
)
def test_each_partition_has_a_region_to_ask(partition: str, region: str) -> None:
    assert access.main_region(partition) == region


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_another_region_in_the_shell_is_told(
    look: Look, deployment: Deploy, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv(variable, "eu-west-1")
    assert look(access.shell_region, deployment()) == [
        (
            "warning",
            f"{variable} is eu-west-1, and the settings have us-east-1",
            f"export {variable}=us-east-1",
        )
    ]


@pytest.mark.parametrize("given", ["", "us-east-1"])
def test_the_same_region_in_the_shell_or_none_is_well(
    look: Look, deployment: Deploy, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", given)
    assert look(access.shell_region, deployment()) == []


def result(action: str, decision: str, *, organization: bool = True) -> dict[str, object]:
    return {
        "EvalActionName": action,
        "EvalDecision": decision,
        "OrganizationsDecisionDetail": {"AllowedByOrganizations": organization},
    }


def test_what_organization_and_policies_forbid_is_told(
    look: Look, deployment: Deploy, stub: Callable[..., None]
) -> None:
    found = [
        result("config:PutConfigurationRecorder", "implicitDeny", organization=False),
        result("iam:CreateRole", "explicitDeny"),
        result("s3:CreateBucket", "implicitDeny"),
        result("sns:CreateTopic", "allowed"),
    ]
    stub("iam.SimulatePrincipalPolicy", {"EvaluationResults": found, "IsTruncated": False})
    assert look(access.permissions, deployment(FUNCTIONS)) == [
        (
            "error",
            "a policy of the organization forbids config:PutConfigurationRecorder",
            "recorder: {mode: existing, name: ...}, or allow the actions",
        ),
        ("error", "a policy forbids iam:CreateRole", None),
        ("warning", "no policy allows s3:CreateBucket on just any resource", None),
    ]


def test_allowed_actions_are_counted(
    look: Look, deployment: Deploy, stub: Callable[..., None]
) -> None:
    # Outside an organization IAM tells nothing of one.
    found = [{"EvalActionName": "any", "EvalDecision": "allowed"}]
    stub("iam.SimulatePrincipalPolicy", {"EvaluationResults": found, "IsTruncated": False})
    assert look(access.permissions, deployment(FUNCTIONS)) == [
        ("ok", "2 actions are allowed", None)
    ]


@pytest.mark.parametrize(
    ("principal", "asked"),
    [
        (f"arn:aws:iam::{ACCOUNT_ID}:user/you", [f"arn:aws:iam::{ACCOUNT_ID}:user/you"]),
        (
            f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/deployer/session",
            [f"arn:aws:iam::{ACCOUNT_ID}:role/teams/deployer"],
        ),
        (f"arn:aws:iam::{ACCOUNT_ID}:root", []),
    ],
)
def test_policies_are_those_of_the_user_or_role(
    session: boto3.Session,
    look: Look,
    deployment: Deploy,
    stub: Callable[..., None],
    principal: str,
    asked: list[str],
) -> None:
    session.client("iam").create_role(
        RoleName="deployer", Path="/teams/", AssumeRolePolicyDocument="{}"
    )
    stub("iam.SimulatePrincipalPolicy", {"EvaluationResults": [], "IsTruncated": False})
    sources: list[str] = []
    session.events.register(
        "before-parameter-build.iam.SimulatePrincipalPolicy",
        lambda params, **_: sources.append(params["PolicySourceArn"]),
    )
    found = look(access.permissions, deployment(FUNCTIONS, principal=principal))
    assert [level for level, *_ in found] == ["ok"] * len(asked)
    assert sources == asked


def test_simulation_may_be_denied(deployment: Deploy, deny: Callable[..., None]) -> None:
    deny("iam.SimulatePrincipalPolicy")
    (found,) = access.permissions.run(deployment())
    assert found.level == "could_not_look"
    assert found.missing_actions == ("iam:SimulatePrincipalPolicy",)
