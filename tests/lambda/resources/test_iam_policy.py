"""Any rule on policies serves here: it lists and reads as its base does."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.resources.iam_policy import Policy
from assay.rule import ResourceGoneError
from assay.rules.iam_policy_compliance import IamPolicyCompliance

RULE = IamPolicyCompliance()
ARN = "arn:aws:iam::123456789012:policy"
STATEMENT = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
DOCUMENT = {"Version": "2012-10-17", "Statement": [STATEMENT]}


@pytest.fixture
def make_policy() -> Callable[..., Policy]:
    def make_policy(name: str, path: str = "/") -> Policy:
        made = boto3.client("iam").create_policy(
            PolicyName=name, Path=path, PolicyDocument=json.dumps(DOCUMENT)
        )["Policy"]
        return Policy(made["Arn"], made["PolicyId"], attachments=0, version_id="v1")

    return make_policy


def test_all_customer_managed_policies_are_listed_page_by_page(
    aws: Aws,
    make_policy: Callable[..., Policy],
    change_parameters: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    policies = [make_policy("a"), make_policy("b", "/team/x/"), make_policy("c")]
    change_parameters("ListPolicies", MaxItems=2)
    calls.clear()
    first = RULE.page(aws, None)
    second = RULE.page(aws, first.next_token)
    assert second.next_token is None
    found = [*first.resources, *second.resources]
    assert sorted(found, key=lambda policy: policy.resource_id) == sorted(
        policies, key=lambda policy: policy.resource_id
    )
    assert calls == [
        ("iam:ListPolicies", {"Scope": "Local", "MaxItems": 1000}),
        ("iam:ListPolicies", {"Scope": "Local", "MaxItems": 1000, "Marker": first.next_token}),
    ]


def test_policies_are_named_by_path_and_name(
    aws: Aws, make_policy: Callable[..., Policy], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    a, b = make_policy("a"), make_policy("b", "/team/x/")
    calls.clear()
    assert list(RULE.named(aws, ["a", "team/x/b"])) == [a, b]
    assert calls == [
        ("iam:GetPolicy", {"PolicyArn": f"{ARN}/a"}),
        ("iam:GetPolicy", {"PolicyArn": f"{ARN}/team/x/b"}),
    ]


def test_a_policy_that_does_not_exist_is_left_out(
    aws: Aws, make_policy: Callable[..., Policy]
) -> None:
    a = make_policy("a")
    assert list(RULE.named(aws, ["vanished", "team/a", "a"])) == [a]


def test_attachments_are_counted(aws: Aws, make_policy: Callable[..., Policy]) -> None:
    arn = make_policy("a").resource_id
    iam = boto3.client("iam")
    iam.create_group(GroupName="everybody")
    iam.attach_group_policy(GroupName="everybody", PolicyArn=arn)
    assert [found.attachments for found in RULE.page(aws, None).resources] == [1]
    assert [found.attachments for found in RULE.named(aws, ["a"])] == [1]


def test_the_document_of_the_version_in_force_is_read(
    aws: Aws, make_policy: Callable[..., Policy]
) -> None:
    made = make_policy("a")
    assert RULE.complete(aws, made).document == DOCUMENT
    newer = {"Version": "2012-10-17", "Statement": {**STATEMENT, "Action": "s3:List*"}}
    boto3.client("iam").create_policy_version(
        PolicyArn=made.resource_id, PolicyDocument=json.dumps(newer), SetAsDefault=True
    )
    (found,) = RULE.named(aws, ["a"])
    assert RULE.complete(aws, found) == Policy(
        made.resource_id, made.config_resource_id, 0, "v2", document=newer
    )


def test_a_policy_that_was_deleted_since_is_gone(
    aws: Aws, make_policy: Callable[..., Policy]
) -> None:
    made = make_policy("a")
    boto3.client("iam").delete_policy(PolicyArn=made.resource_id)
    with pytest.raises(ResourceGoneError, match=f"^{ARN}/a$"):
        RULE.complete(aws, made)


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("ListPolicies", lambda aws: RULE.page(aws, None)),
        ("GetPolicy", lambda aws: list(RULE.named(aws, ["a"]))),
        ("GetPolicyVersion", lambda aws: RULE.complete(aws, Policy(f"{ARN}/a", "ANPA", 0, "v1"))),
    ],
)
def test_a_call_that_fails_is_an_error(
    aws: Aws, fail: Callable[..., None], operation: str, call: Callable[[Aws], object]
) -> None:
    fail(operation, "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        call(aws)


@pytest.mark.parametrize("policy_id", ["a", "team/x/b", "a+=,.@-_/b"])
def test_an_id_is_what_follows_in_the_arn(aws: Aws, policy_id: str) -> None:
    assert RULE.arn(aws, policy_id) == f"{ARN}/{policy_id}"
    assert RULE.id_in(aws, f"{ARN}/{policy_id}") == policy_id


@pytest.mark.parametrize(
    "arn", ["arn:aws:iam::aws:policy/ReadOnlyAccess", f"{ARN}/", f"{ARN}/team/", f"{ARN}//b"]
)
def test_other_arns_hold_no_id(aws: Aws, arn: str) -> None:
    assert RULE.id_in(aws, arn) is None


def test_the_console_shows_a_policy_by_arn(aws: Aws) -> None:
    assert RULE.console_url(aws, f"{ARN}/team/b") == (
        "https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1#/policies/details/"
        "arn%3Aaws%3Aiam%3A%3A123456789012%3Apolicy%2Fteam%2Fb?section=permissions"
    )
