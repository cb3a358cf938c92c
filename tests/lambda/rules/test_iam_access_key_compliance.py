from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, ParameterError, ResourceGoneError
from assay.rules.iam_access_key_compliance import (
    AccessKey,
    AccessKeyParameters,
    IamAccessKeyCompliance,
    User,
)

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = IamAccessKeyCompliance()
DEFAULT = AccessKeyParameters()
ARN = "arn:aws:iam::123456789012:user/sales/bob"


def user(*ages: timedelta) -> User:
    keys = [AccessKey(f"AKIAEXAMPLE{number}", NOW - age) for number, age in enumerate(ages, 1000)]
    return User(ARN, "AIDA", tuple(keys))


@pytest.fixture
def bob() -> User:
    made = boto3.client("iam").create_user(UserName="bob", Path="/sales/")["User"]
    return User(made["Arn"], made["UserId"])


@pytest.mark.parametrize("age", [timedelta(days=90), timedelta(0), timedelta(days=-1)])
def test_keys_up_to_the_allowed_age_are_compliant(age: timedelta) -> None:
    assert RULE.evaluate(user(age, timedelta(days=1)), DEFAULT, NOW) == Evaluation(
        ComplianceType.COMPLIANT, "No active access key is older than 90 days."
    )


def test_a_key_that_is_older_is_named_by_its_end_and_day() -> None:
    resource = user(timedelta(days=90, seconds=1), timedelta(days=90))
    assert RULE.evaluate(resource, DEFAULT, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT,
        "Active access keys older than 90 days: the one that ends with 1000, "
        "created on 2026-08-25.",
    )


def test_each_key_that_is_older_is_named() -> None:
    resource = user(timedelta(days=8), timedelta(days=10))
    assert RULE.evaluate(resource, AccessKeyParameters(7), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT,
        "Active access keys older than 7 days: the one that ends with 1000, created on "
        "2026-11-15; the one that ends with 1001, created on 2026-11-13.",
    )


def test_the_reason_stays_the_same_from_day_to_day() -> None:
    resource = user(timedelta(days=100))
    tomorrow = NOW + timedelta(days=1)
    assert RULE.evaluate(resource, DEFAULT, NOW) == RULE.evaluate(resource, DEFAULT, tomorrow)


def test_a_user_without_active_keys_is_not_applicable() -> None:
    assert RULE.evaluate(user(), DEFAULT, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, "The user has no active access key."
    )


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=400)), min_size=1, max_size=2))
def test_compliant_means_exactly_that_no_key_is_older(ages: list[timedelta]) -> None:
    evaluation = RULE.evaluate(user(*ages), DEFAULT, NOW)
    compliant = evaluation.compliance_type is ComplianceType.COMPLIANT
    assert compliant == (max(ages) <= timedelta(days=90))


@pytest.mark.parametrize("days", [0, 3651])
def test_an_age_that_makes_no_sense_is_refused(days: int) -> None:
    with pytest.raises(ParameterError) as caught:
        AccessKeyParameters(maximum_age_days=days)
    assert caught.value.problems == [("maximum_age_days", f"must be 1 to 3650, got {days}")]


@pytest.mark.parametrize("days", [1, 3650])
def test_the_ends_of_the_range_are_taken(days: int) -> None:
    assert AccessKeyParameters(maximum_age_days=days).maximum_age_days == days


def test_all_users_are_listed_and_read(
    aws: Aws, bob: User, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    iam = boto3.client("iam")
    active = iam.create_access_key(UserName="bob")["AccessKey"]
    inactive = iam.create_access_key(UserName="bob")["AccessKey"]
    iam.update_access_key(UserName="bob", AccessKeyId=inactive["AccessKeyId"], Status="Inactive")
    calls.clear()
    read = [RULE.complete(aws, found) for found in RULE.page(aws, None).resources]
    key = AccessKey(active["AccessKeyId"], active["CreateDate"])
    assert read == [User(bob.resource_id, bob.config_resource_id, (key,))]
    assert calls == [
        ("iam:ListUsers", {"MaxItems": 1000}),
        ("iam:ListAccessKeys", {"UserName": "bob"}),
    ]


def test_a_key_as_aws_tells_it_can_be_judged(aws: Aws, bob: User) -> None:
    boto3.client("iam").create_access_key(UserName="bob")
    read = RULE.complete(aws, bob)
    later = datetime.now(UTC) + timedelta(days=91)
    evaluation = RULE.evaluate(read, DEFAULT, later)
    assert evaluation.compliance_type is ComplianceType.NON_COMPLIANT


def test_a_user_is_named_by_path_and_name(aws: Aws, bob: User) -> None:
    assert list(RULE.named(aws, ["sales/bob", "sales/vanished"])) == [bob]


def test_a_user_who_was_deleted_since_is_gone(aws: Aws) -> None:
    with pytest.raises(ResourceGoneError, match=f"^{ARN}$"):
        RULE.complete(aws, user())


def test_a_user_who_cannot_be_read_is_an_error(
    aws: Aws, bob: User, fail: Callable[..., None]
) -> None:
    fail("ListAccessKeys", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.complete(aws, bob)
