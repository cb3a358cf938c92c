"""Names that a deployment needs: free, its own, or somebody's."""

from collections.abc import Callable

import boto3
import pytest

from assay_cli.doctor.checks import names
from assay_cli.doctor.subjects import Deployment

Look = Callable[..., list[tuple[str, str, str | None]]]
Deploy = Callable[..., Deployment]

STATE = "terraform.assay-dev.tfstate"
BUCKET = "assay-config-dev-123456789012-us-east-1"
BUCKETS = {
    "aws_s3_bucket": {
        "Config": {
            "bucket": "assay-config-dev-${data.aws_caller_identity.Account.account_id}-us-east-1"
        },
        "Unknown": {"bucket": "${aws_something.Else.name}"},
    }
}
CLOUD = {"type": "cloud", "organization": "example", "workspace": {"name": "dev"}}
UNKNOWN = "the stack's folder is not initialized here, as `cdktf diff` does"
FREE = [("ok", "names are this environment's own, or free", None)]


def test_free_bucket_names_are_well(look: Look, deployment: Deploy) -> None:
    assert look(names.buckets, deployment(BUCKETS)) == FREE


def test_an_own_bucket_is_well(
    look: Look,
    deployment: Deploy,
    session: boto3.Session,
    write_state: Callable[..., None],
    called: set[str],
) -> None:
    session.client("s3").create_bucket(Bucket=BUCKET)
    write_state(("aws_s3_bucket", {"bucket": BUCKET}))
    assert look(names.buckets, deployment(BUCKETS)) == FREE
    assert called == set()


def test_a_bucket_of_the_account_that_is_in_no_state_is_told(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    session.client("s3").create_bucket(Bucket=BUCKET)
    assert look(names.buckets, deployment(BUCKETS)) == [
        (
            "error",
            (
                f"bucket {BUCKET}: there already, but not this environment's by Terraform's state "
                f"({STATE}): cannot "
                "be made, or in us-east-1 would be taken over, and later destroyed"
            ),
            None,
        )
    ]


def test_whose_a_bucket_is_may_not_be_known(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    session.client("s3").create_bucket(Bucket=BUCKET)
    assert look(names.buckets, deployment(BUCKETS, backend=CLOUD)) == [
        (
            "could_not_look",
            (
                f"bucket {BUCKET}: there already, and whether it is this environment's cannot be "
                f"told ({UNKNOWN})"
            ),
            None,
        )
    ]


def test_a_bucket_of_another_account_is_told(
    look: Look, deployment: Deploy, stub: Callable[..., None]
) -> None:
    stub("s3.HeadBucket", code="403")
    assert look(names.buckets, deployment(BUCKETS)) == [
        (
            "error",
            f"bucket {BUCKET} is another account's",
            "environment_suffix: another one",
        )
    ]


def test_an_own_bucket_that_may_not_be_looked_at_is_known_by_the_list(
    look: Look, deployment: Deploy, session: boto3.Session, stub: Callable[..., None]
) -> None:
    session.client("s3").create_bucket(Bucket=BUCKET)
    stub("s3.HeadBucket", code="403")
    assert look(names.buckets, deployment(BUCKETS)) == [
        (
            "error",
            (
                f"bucket {BUCKET}: there already, but not this environment's by Terraform's state "
                f"({STATE}): cannot "
                "be made, or in us-east-1 would be taken over, and later destroyed"
            ),
            None,
        )
    ]


def test_without_the_list_a_forbidden_bucket_is_not_known(
    deployment: Deploy, stub: Callable[..., None], deny: Callable[..., None]
) -> None:
    stub("s3.HeadBucket", code="403")
    deny("s3.ListBuckets")
    (found,) = names.buckets.run(deployment(BUCKETS))
    assert (found.level, found.message) == (
        "could_not_look",
        "the credentials lack s3:ListAllMyBuckets",
    )


STACK = {
    "aws_dynamodb_table": {"A": {"name": "history"}, "B": {"name": "state"}},
    "aws_lambda_function": {"A": {"function_name": "judge"}},
    "aws_iam_role": {"A": {"name": "judge"}},
    "aws_sqs_queue": {"A": {"name": "letters"}},
    "aws_cloudwatch_event_rule": {"A": {"name": "schedule"}},
    "aws_cloudwatch_log_group": {"A": {"name": "/aws/lambda/judge"}},
    "aws_sns_topic": {"A": {"name": "alerts"}},
}
OWN = [
    ("aws_dynamodb_table", {"name": "history"}),
    ("aws_dynamodb_table", {"name": "state"}),
    ("aws_lambda_function", {"function_name": "judge"}),
    ("aws_iam_role", {"name": "judge"}),
    ("aws_sqs_queue", {"name": "letters"}),
    ("aws_cloudwatch_event_rule", {"name": "schedule"}),
    ("aws_cloudwatch_log_group", {"name": "/aws/lambda/judge"}),
    ("aws_sns_topic", {"name": "alerts"}),
]


@pytest.fixture
def all_there(session: boto3.Session) -> None:
    """Everything that the stack names is in the account, and a log group with a longer name."""
    dynamodb = session.client("dynamodb")
    for table in ("history", "state"):
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    role = session.client("iam").create_role(RoleName="judge", AssumeRolePolicyDocument="{}")
    session.client("lambda").create_function(
        FunctionName="judge",
        Role=role["Role"]["Arn"],
        Runtime="python3.13",
        Handler="any",
        Code={"ZipFile": b"any"},
    )
    session.client("sqs").create_queue(QueueName="letters")
    session.client("events").put_rule(Name="schedule", ScheduleExpression="rate(1 day)")
    session.client("logs").create_log_group(logGroupName="/aws/lambda/judge-more")
    session.client("logs").create_log_group(logGroupName="/aws/lambda/judge")
    session.client("sns").create_topic(Name="alerts")


def test_free_names_are_well(look: Look, deployment: Deploy) -> None:
    assert look(names.others, deployment(STACK)) == FREE


def test_a_name_that_only_begins_like_one_that_is_taken_is_free(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    session.client("logs").create_log_group(logGroupName="/aws/lambda/judge-more")
    assert look(names.others, deployment(STACK)) == FREE


@pytest.mark.usefixtures("all_there")
def test_own_names_are_not_asked_for(
    look: Look, deployment: Deploy, write_state: Callable[..., None], called: set[str]
) -> None:
    write_state(*OWN)
    assert look(names.others, deployment(STACK)) == FREE
    assert called == set()


@pytest.mark.usefixtures("all_there")
def test_names_that_are_taken_are_told_with_what_would_happen(
    look: Look, deployment: Deploy
) -> None:
    there = f"there already, but not this environment's by Terraform's state ({STATE})"
    taken_over = "would be taken over, and later destroyed"
    assert look(names.others, deployment(STACK)) == [
        ("error", f"EventBridge rule schedule: {there}: {taken_over}", None),
        ("error", f"tables history, state: {there}: cannot be made", None),
        ("error", f"role judge: {there}: cannot be made", None),
        ("error", f"function judge: {there}: cannot be made", None),
        ("error", f"queue letters: {there}: {taken_over}", None),
        ("error", f"log group /aws/lambda/judge: {there}: cannot be made", None),
        ("error", f"topic alerts: {there}: {taken_over}", None),
    ]


@pytest.mark.usefixtures("all_there")
def test_whose_names_are_may_not_be_known(look: Look, deployment: Deploy) -> None:
    tables = {"aws_dynamodb_table": STACK["aws_dynamodb_table"]}
    assert look(names.others, deployment(tables, backend=CLOUD)) == [
        (
            "could_not_look",
            (
                "tables history, state: there already, and whether it is this environment's cannot "
                f"be told ({UNKNOWN})"
            ),
            None,
        )
    ]
