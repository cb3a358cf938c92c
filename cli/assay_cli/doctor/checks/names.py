"""Names that a deployment needs, and that somebody may have taken."""

from collections.abc import Iterator
from typing import NamedTuple

from botocore.exceptions import ClientError

from assay_cli.doctor.aws import Aws
from assay_cli.doctor.check import Finding, check, could_not_look, error, ok
from assay_cli.doctor.subjects import Deployment

_FREE = "names are this environment's own, or free"
_REFUSED = "cannot be made"
_TAKEN_OVER = "would be taken over, and later destroyed"


def bucket_is_there(aws: Aws, name: str, **owner: str) -> bool | None:
    """Whether a bucket is there, and its owner's; `None` where S3 does not tell.

    Raises:
        CouldNotLookError: S3 cannot be reached.
    """
    try:
        aws.call("s3", "head_bucket", Bucket=name, **owner)
    except ClientError as refused:
        return False if refused.response["Error"]["Code"] == "404" else None
    return True


@check(
    name="bucket-names",
    what="the names of the buckets are free, or this environment's",
    why="Names of buckets are the world's: one that is taken stops the deployment.",
    remedy="environment_suffix: another one; or `terraform import` what is this environment's",
    actions=("s3:ListAllMyBuckets", "s3:ListBucket"),
)
def buckets(deployment: Deployment) -> Iterator[Finding]:
    """Ask S3 for each bucket that is not in Terraform's state."""
    problems = [
        problem
        for each in deployment.taken("aws_s3_bucket")
        for problem in _bucket(deployment, each)
    ]
    yield from problems
    if not problems:
        yield ok(_FREE)


def _bucket(deployment: Deployment, name: str) -> Iterator[Finding]:
    aws, account_id = deployment.aws, deployment.account_id
    there = bucket_is_there(aws, name, ExpectedBucketOwner=account_id)
    if there is None:
        own = aws.call("s3", "list_buckets")["Buckets"]
        there = name in (each["Name"] for each in own)
        if not there:
            yield error(f"bucket {name} is another account's", "environment_suffix: another one")
    if there:
        harm = f"{_REFUSED}, or in us-east-1 {_TAKEN_OVER}"
        yield _there_already(deployment, f"bucket {name}", harm)


class _Kind(NamedTuple):
    """How to ask whether something of a name is there."""

    words: str
    service: str
    method: str
    parameter: str
    absent: tuple[str, ...]
    harm: str = _REFUSED


_KINDS = {
    "aws_cloudwatch_event_rule": _Kind(
        "EventBridge rule",
        "events",
        "describe_rule",
        "Name",
        ("ResourceNotFoundException",),
        harm=_TAKEN_OVER,
    ),
    "aws_dynamodb_table": _Kind(
        "table", "dynamodb", "describe_table", "TableName", ("ResourceNotFoundException",)
    ),
    "aws_iam_role": _Kind("role", "iam", "get_role", "RoleName", ("NoSuchEntity",)),
    "aws_lambda_function": _Kind(
        "function",
        "lambda",
        "get_function_configuration",
        "FunctionName",
        ("ResourceNotFoundException",),
    ),
    "aws_sqs_queue": _Kind(
        "queue",
        "sqs",
        "get_queue_url",
        "QueueName",
        ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
        harm=_TAKEN_OVER,
    ),
}


@check(
    name="names",
    what="the names of tables, functions, roles and the like are free, or this environment's",
    why="What is there already is refused in the middle of the deployment, or taken over and "
    "later destroyed. A log group often outlives its function.",
    remedy="environment_suffix: another one; or delete it; or `terraform import` it",
    actions=(
        "dynamodb:DescribeTable",
        "events:DescribeRule",
        "iam:GetRole",
        "lambda:GetFunctionConfiguration",
        "logs:DescribeLogGroups",
        "sns:ListTopics",
        "sqs:GetQueueUrl",
    ),
)
def others(deployment: Deployment) -> Iterator[Finding]:
    """Ask for each that is not in Terraform's state."""
    found = False
    for words, harm, there in _there(deployment):
        found = True
        plural = "s" if len(there) > 1 else ""
        yield _there_already(deployment, f"{words}{plural} {', '.join(there)}", harm)
    if not found:
        yield ok(_FREE)


def _there(deployment: Deployment) -> Iterator[tuple[str, str, list[str]]]:
    """Names that are there already: of what, and what a deployment does to them."""
    aws = deployment.aws
    for resource_type, kind in _KINDS.items():
        there = [
            each
            for each in deployment.taken(resource_type)
            if aws.find(kind.service, kind.method, kind.absent, **{kind.parameter: each})
        ]
        if there:
            yield kind.words, kind.harm, there
    groups = [each for each in deployment.taken("aws_cloudwatch_log_group") if _group(aws, each)]
    if groups:
        yield "log group", _REFUSED, groups
    wanted = deployment.taken("aws_sns_topic")
    listed = aws.pages("sns", "list_topics", "Topics") if wanted else []
    topics = {each["TopicArn"].rpartition(":")[2] for each in listed}.intersection(wanted)
    if topics:
        yield "topic", _TAKEN_OVER, sorted(topics)


def _group(aws: Aws, name: str) -> bool:
    found = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    return name in (each["logGroupName"] for each in found)


def _there_already(deployment: Deployment, what: str, harm: str) -> Finding:
    state = deployment.state
    if state.unknown:
        return could_not_look(
            f"{what}: there already, and whether it is this environment's cannot be told "
            f"({state.unknown})"
        )
    return error(
        f"{what}: there already, but not this environment's by Terraform's state "
        f"({state.where}): {harm}"
    )
