from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, Parameters, ResourceGoneError
from assay.rules.iam_mfa_compliance import IamMfaCompliance, User

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = IamMfaCompliance()
ARN = "arn:aws:iam::123456789012:user/sales/bob"


def user(*, has_mfa: bool = False, has_password: bool = False) -> User:
    return User(ARN, "AIDA", has_mfa, has_password)


@pytest.fixture
def make_user() -> Callable[..., User]:
    def make_user(name: str, *, mfa: bool, password: bool) -> User:
        iam = boto3.client("iam")
        made = iam.create_user(UserName=name, Path="/sales/")["User"]
        if mfa:
            device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
            iam.enable_mfa_device(
                UserName=name,
                SerialNumber=device["SerialNumber"],
                AuthenticationCode1="123456",
                AuthenticationCode2="654321",
            )
        if password:
            iam.create_login_profile(UserName=name, Password="example")
        return User(made["Arn"], made["UserId"])

    return make_user


@pytest.mark.parametrize("has_password", [False, True])
def test_a_user_with_mfa_is_compliant(has_password: bool) -> None:
    resource = user(has_mfa=True, has_password=has_password)
    assert RULE.evaluate(resource, Parameters(), NOW) == Evaluation(
        ComplianceType.COMPLIANT, "The user has an MFA device."
    )


def test_a_password_without_mfa_is_non_compliant() -> None:
    assert RULE.evaluate(user(has_password=True), Parameters(), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "The user has a console password and no MFA device."
    )


def test_a_user_without_a_password_is_not_applicable() -> None:
    assert RULE.evaluate(user(), Parameters(), NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, "The user has no console password."
    )


def test_all_users_are_listed_and_read(
    aws: Aws, make_user: Callable[..., User], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    ann = make_user("ann", mfa=True, password=True)
    bob = make_user("bob", mfa=False, password=True)
    eve = make_user("eve", mfa=False, password=False)
    calls.clear()
    listed = sorted(RULE.page(aws, None).resources, key=lambda found: found.resource_id)
    assert [RULE.complete(aws, found) for found in listed] == [
        User(ann.resource_id, ann.config_resource_id, has_mfa=True),
        User(bob.resource_id, bob.config_resource_id, has_password=True),
        eve,
    ]
    assert calls == [
        ("iam:ListUsers", {"MaxItems": 1000}),
        ("iam:ListMFADevices", {"UserName": "ann"}),
        ("iam:ListMFADevices", {"UserName": "bob"}),
        ("iam:GetLoginProfile", {"UserName": "bob"}),
        ("iam:ListMFADevices", {"UserName": "eve"}),
        ("iam:GetLoginProfile", {"UserName": "eve"}),
    ]


def test_a_user_is_named_by_path_and_name(aws: Aws, make_user: Callable[..., User]) -> None:
    bob = make_user("bob", mfa=False, password=True)
    assert list(RULE.named(aws, ["sales/bob", "sales/vanished"])) == [bob]


def test_a_user_who_was_deleted_since_is_gone(aws: Aws) -> None:
    with pytest.raises(ResourceGoneError, match=f"^{ARN}$"):
        RULE.complete(aws, user())


@pytest.mark.parametrize("operation", ["ListMFADevices", "GetLoginProfile"])
def test_a_user_who_cannot_be_read_is_an_error(
    aws: Aws, make_user: Callable[..., User], fail: Callable[..., None], operation: str
) -> None:
    bob = make_user("bob", mfa=False, password=True)
    fail(operation, "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.complete(aws, bob)
