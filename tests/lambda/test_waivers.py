from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.waivers import Waiver, Waivers

RULE = "s3-encryption-compliance"
LAST_DAY = date(2026, 11, 30)
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def waiver(resource: str = "arn:aws:s3:::legacy-*", expires: date = LAST_DAY) -> Waiver:
    return Waiver(RULE, resource, "archive@example.com", "It goes soon.", expires)


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:aws:s3:::legacy", "arn:aws:s3:::legacy", True),
        ("arn:aws:s3:::legacy", "arn:aws:s3:::legacy-2", False),
        ("arn:aws:s3:::legacy-*", "arn:aws:s3:::legacy-", True),
        ("arn:aws:s3:::legacy-?", "arn:aws:s3:::legacy-1", True),
        ("arn:aws:s3:::legacy-?", "arn:aws:s3:::legacy-10", False),
        ("arn:*:s3:::a.b", "arn:aws-cn:s3:::a.b", True),
        ("arn:aws:s3:::a.b", "arn:aws:s3:::a-b", False),
        ("arn:aws:s3:::[ab]", "arn:aws:s3:::a", False),
        ("arn:aws:s3:::A", "arn:aws:s3:::a", False),
    ],
)
def test_a_pattern_has_two_wildcards_and_matches_from_end_to_end(
    pattern: str, arn: str, expected: bool
) -> None:
    assert waiver(pattern).matches(arn) is expected


@given(st.text("ab*?.\n"), st.text("ab.\n"))
def test_a_pattern_matches_as_in_a_shell(pattern: str, text: str) -> None:
    assert waiver(pattern).matches(text) is fnmatchcase(text, pattern)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(-14, "active"), (-13, "expiring"), (0, "expiring"), (1, "expired")],
)
def test_a_waiver_warns_for_fourteen_days_and_holds_through_its_last(
    days: int, expected: str
) -> None:
    assert waiver().status(NOON + timedelta(days=days)) == expected


def test_days_are_those_of_utc() -> None:
    west = datetime.fromisoformat("2026-11-30T20:00:00-08:00")
    assert waiver().status(west) == "expired"


def test_only_violations_of_its_rule_and_pattern_are_covered() -> None:
    waivers = Waivers([waiver()])
    assert waivers.cover(RULE, "arn:aws:s3:::legacy-1", NOON)
    assert not waivers.cover("s3-tls-compliance", "arn:aws:s3:::legacy-1", NOON)
    assert not waivers.cover(RULE, "arn:aws:s3:::other", NOON)
    assert not waivers.cover(RULE, "arn:aws:s3:::legacy-1", NOON + timedelta(days=1))


def test_of_several_waivers_the_one_that_holds_longest_counts() -> None:
    short, long = waiver(), waiver("arn:aws:s3:::*", expires=date(2027, 1, 1))
    for waivers in (Waivers([short, long]), Waivers([long, short])):
        assert waivers.find(RULE, "arn:aws:s3:::legacy-1") == long
        assert waivers.cover(RULE, "arn:aws:s3:::legacy-1", NOON + timedelta(days=1))


def test_an_expired_waiver_is_still_found() -> None:
    old = waiver(expires=date(2020, 1, 1))
    assert Waivers([old]).find(RULE, "arn:aws:s3:::legacy-1") == old
    assert Waivers().find(RULE, "arn:aws:s3:::legacy-1") is None


def test_its_name_follows_from_rule_and_pattern_alone() -> None:
    renewed = Waiver(RULE, "arn:aws:s3:::legacy-*", "other@example.com", "", date(2030, 1, 1))
    assert waiver().waiver_id == renewed.waiver_id
    assert waiver().waiver_id != waiver("arn:aws:s3:::legacy").waiver_id


def test_what_is_written_is_read_in_order_of_rule_and_pattern() -> None:
    given_waivers = [waiver("arn:aws:s3:::b"), waiver("arn:aws:s3:::a")]
    text = json.dumps([each.to_json() for each in given_waivers])
    assert list(Waivers.read(text).all) == given_waivers[::-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting property name"),
        ("{}", "must be a list, got {}"),
        ("[1]", "must be objects with expires, owner, reason, resource, rule_name, got 1"),
        ("[{}]", "must be objects with expires, owner, reason, resource, rule_name, got {}"),
        (json.dumps([{**waiver().to_json(), "owner": 1}]), "must have strings only, got .*1"),
        (json.dumps([{**waiver().to_json(), "expires": "soon"}]), "Invalid isoformat.*'soon'"),
    ],
)
def test_what_is_no_list_of_waivers_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Waivers.read(text)
