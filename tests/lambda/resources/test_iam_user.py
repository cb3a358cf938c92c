"""Any rule on users serves here: it lists as its base does."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.resources.iam_user import read
from assay.rule import ResourceGoneError
from assay.rules.iam_mfa_compliance import IamMfaCompliance, User

RULE = IamMfaCompliance()
ARN = "arn:aws:iam::123456789012:user"


@pytest.fixture
def make_user() -> Callable[..., User]:
    def make_user(name: str, path: str = "/") -> User:
        user = boto3.client("iam").create_user(UserName=name, Path=path)["User"]
        return User(user["Arn"], user["UserId"])

    return make_user


def described(name: str) -> dict[str, str]:
    return {"Arn": f"{ARN}/{name}", "UserId": f"AIDA{name}"}


def test_all_users_are_listed(aws: Aws, make_user: Callable[..., User]) -> None:
    users = [make_user("ann"), make_user("bob", "/sales/eu/")]
    page = RULE.page(aws, None)
    assert page.next_token is None
    assert sorted(page.resources, key=lambda found: found.resource_id) == users
    assert [found.user_name for found in users] == ["ann", "bob"]


def test_a_listing_goes_on_where_the_page_before_ended(
    aws: Aws, answer: Callable[..., None], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    answer(
        "ListUsers",
        {"Users": [described("ann")], "IsTruncated": True, "Marker": "next"},
        {"Users": [described("bob")], "IsTruncated": False},
    )
    first = RULE.page(aws, None)
    second = RULE.page(aws, first.next_token)
    assert first.resources == [User(f"{ARN}/ann", "AIDAann")]
    assert second.resources == [User(f"{ARN}/bob", "AIDAbob")]
    assert second.next_token is None
    assert calls == [
        ("iam:ListUsers", {"MaxItems": 1000}),
        ("iam:ListUsers", {"MaxItems": 1000, "Marker": "next"}),
    ]


def test_users_are_named_by_path_and_name(
    aws: Aws, make_user: Callable[..., User], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    ann, bob = make_user("ann"), make_user("bob", "/sales/eu/")
    make_user("eve")
    calls.clear()
    assert list(RULE.named(aws, ["ann", "sales/eu/bob"])) == [ann, bob]
    assert calls == [("iam:GetUser", {"UserName": "ann"}), ("iam:GetUser", {"UserName": "bob"})]


def test_a_user_who_does_not_exist_is_left_out(aws: Aws, make_user: Callable[..., User]) -> None:
    ann = make_user("ann")
    assert list(RULE.named(aws, ["vanished", "ann"])) == [ann]


def test_a_user_of_another_path_is_left_out(aws: Aws, make_user: Callable[..., User]) -> None:
    make_user("bob", "/sales/")
    assert list(RULE.named(aws, ["bob", "sales/eu/bob"])) == []


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("ListUsers", lambda aws: RULE.page(aws, None)),
        ("GetUser", lambda aws: list(RULE.named(aws, ["ann"]))),
    ],
)
def test_a_listing_that_fails_is_an_error(
    aws: Aws, fail: Callable[..., None], operation: str, call: Callable[[Aws], object]
) -> None:
    fail(operation, "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        call(aws)


def test_what_cannot_be_read_for_want_of_the_user_is_gone(aws: Aws) -> None:
    with pytest.raises(ResourceGoneError, match=f"^{ARN}/vanished$"):
        read(aws.client("iam").list_access_keys, User(f"{ARN}/vanished", "AIDA"))


@pytest.mark.parametrize("user_id", ["bob", "sales/eu/bob", "!x~/{y}/b+=,.@-_"])
def test_an_id_is_what_follows_in_the_arn(aws: Aws, user_id: str) -> None:
    assert RULE.arn(aws, user_id) == f"{ARN}/{user_id}"
    assert RULE.id_in(aws, f"{ARN}/{user_id}") == user_id


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::210987654321:user/bob",
        "arn:aws:iam::123456789012:group/bob",
        f"{ARN}/",
        f"{ARN}/sales/",
        f"{ARN}/b b",
    ],
)
def test_other_arns_hold_no_id(aws: Aws, arn: str) -> None:
    assert RULE.id_in(aws, arn) is None


def test_the_console_shows_a_user_by_name(aws: Aws) -> None:
    assert RULE.console_url(aws, f"{ARN}/sales/eu/b@example.com") == (
        "https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1"
        "#/users/details/b%40example.com?section=security_credentials"
    )
