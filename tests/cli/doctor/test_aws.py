"""Questions to AWS: asked once, and answered with the reason where there is no answer."""

from collections.abc import Callable

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from assay_cli.doctor.aws import Aws, CouldNotLookError, iam_action


def test_a_question_is_asked_once(aws: Aws, session: boto3.Session, called: set[str]) -> None:
    first = aws.call("iam", "list_roles")
    session.client("iam").create_role(RoleName="late", AssumeRolePolicyDocument="{}")
    called.clear()
    assert aws.call("iam", "list_roles") is first
    assert called == set()
    found = aws.pages("iam", "list_users", "Users")
    assert aws.pages("iam", "list_users", "Users") is found


def test_a_refusal_is_asked_for_once_too(aws: Aws, called: set[str]) -> None:
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws.call("iam", "get_role", RoleName="none")
    called.clear()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws.call("iam", "get_role", RoleName="none")
    assert called == set()


def test_regions_are_asked_apart_and_kept(aws: Aws, session: boto3.Session) -> None:
    session.client("sqs", region_name="eu-west-1").create_queue(QueueName="there")
    assert aws.in_region("us-east-1") is aws
    there = aws.in_region("eu-west-1")
    assert aws.in_region("eu-west-1") is there
    assert there.call("sqs", "get_queue_url", QueueName="there")["QueueUrl"]
    with pytest.raises(ClientError, match="NonExistentQueue"):
        aws.call("sqs", "get_queue_url", QueueName="there")


def test_what_is_not_there_is_nothing(aws: Aws) -> None:
    assert aws.find("iam", "get_role", ("NoSuchEntity",), RoleName="none") is None


def test_a_refusal_for_another_reason_stays_one(aws: Aws) -> None:
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws.find("iam", "get_role", ("SomethingElse",), RoleName="none")


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (
            "with an explicit deny in an identity-based policy",
            "an identity-based policy forbids config:DescribeConfigRules",
        ),
        (
            "with an explicit deny in a permissions boundary: arn:aws:iam::1:policy/b",
            "a permissions boundary forbids config:DescribeConfigRules",
        ),
        (
            "with an explicit deny in a VPC endpoint policy",
            "a VPC endpoint policy forbids config:DescribeConfigRules",
        ),
        (
            "because no service control policy allows the config:DescribeConfigRules action",
            "no service control policy allows config:DescribeConfigRules",
        ),
        ("", "the credentials lack config:DescribeConfigRules"),
    ],
)
def test_a_denial_tells_the_action_and_the_policy(
    aws: Aws, deny: Callable[..., None], policy: str, reason: str
) -> None:
    deny("config.DescribeConfigRules", f"User: u is not authorized to perform: a {policy}".strip())
    with pytest.raises(CouldNotLookError) as raised:
        aws.pages("config", "describe_config_rules", "ConfigRules")
    assert str(raised.value) == reason
    assert raised.value.actions == ("config:DescribeConfigRules",)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("HeadBucket", "s3:ListBucket"),
        ("ListBuckets", "s3:ListAllMyBuckets"),
        ("GetObject", "s3:GetObject"),
    ],
)
def test_actions_are_those_of_iam(operation: str, action: str) -> None:
    assert iam_action("s3", operation) == action


def test_an_answer_that_cannot_be_read_is_told_without_its_text(
    aws: Aws, session: boto3.Session
) -> None:
    def unreadable(**_: object) -> None:
        # As moto's server does for what it lacks.
        raise ResponseParserError("<!doctype html>")

    session.events.register_first("before-call.iam.ListRoles", unreadable)
    with pytest.raises(CouldNotLookError) as raised:
        aws.call("iam", "list_roles")
    assert str(raised.value) == "the answer to iam list_roles cannot be read"
    assert raised.value.actions == ()


def test_an_endpoint_out_of_reach_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    session = boto3.Session(aws_access_key_id="any", aws_secret_access_key="any")
    with pytest.raises(CouldNotLookError, match=r"127\.0\.0\.1:1"):
        Aws(session, "us-east-1").call("iam", "list_roles")


def test_an_endpoint_that_is_no_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    session = boto3.Session(aws_access_key_id="any", aws_secret_access_key="any")
    with pytest.raises(CouldNotLookError, match="Invalid endpoint: nonsense"):
        Aws(session, "us-east-1").call("iam", "list_roles")
