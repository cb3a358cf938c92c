"""A check finds something, or says why it cannot look."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from assay_cli.doctor.aws import CouldNotLookError
from assay_cli.doctor.check import (
    Finding,
    Level,
    check,
    could_not_look,
    error,
    ok,
    warning,
)


@check(name="any", what="what", why="why", remedy="remedy", actions=("iam:GetRole",))
def example(failure: Exception | None) -> Iterator[Finding]:
    """Finds one thing, and fails after it."""
    yield ok("first")
    if failure:
        raise failure


def test_a_check_has_what_it_was_made_with() -> None:
    assert (example.name, example.what, example.why) == ("any", "what", "why")
    assert (example.remedy, example.actions) == ("remedy", ("iam:GetRole",))
    assert list(example.run(None)) == [Finding(Level.OK, "first")]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (
            CouldNotLookError("the credentials lack iam:GetRole", ("iam:GetRole",)),
            Finding(
                Level.COULD_NOT_LOOK,
                "the credentials lack iam:GetRole",
                "allow iam:GetRole",
                ("iam:GetRole",),
            ),
        ),
        (CouldNotLookError("no network"), Finding(Level.COULD_NOT_LOOK, "no network")),
        (
            ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "GetRole"),
            Finding(Level.COULD_NOT_LOOK, "AWS answered Throttling to GetRole: slow down"),
        ),
        (
            ClientError({"Error": {"Code": "500", "Message": "<html>"}}, "GetRole"),
            Finding(Level.COULD_NOT_LOOK, "AWS answered 500 to GetRole"),
        ),
        (
            ClientError({"Error": {"Code": "404"}}, "HeadBucket"),
            Finding(Level.COULD_NOT_LOOK, "AWS answered 404 to HeadBucket"),
        ),
        (
            KeyError("role"),
            Finding(Level.COULD_NOT_LOOK, "looking failed unexpectedly: KeyError: 'role'"),
        ),
    ],
)
def test_what_fails_ends_a_check_and_is_told(failure: Exception, told: Finding) -> None:
    assert list(example.run(failure)) == [Finding(Level.OK, "first"), told]


def test_findings_have_their_levels() -> None:
    made = [ok("m"), warning("m", "r"), error("m"), could_not_look("m", "r")]
    assert [(each.level, each.message, each.remedy) for each in made] == [
        ("ok", "m", None),
        ("warning", "m", "r"),
        ("error", "m", None),
        ("could_not_look", "m", "r"),
    ]
