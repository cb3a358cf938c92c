from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from assay.events import Trigger
from assay.summaries import DIGESTS_AN_ITEM, Summaries, digest, packed, unpacked
from assay.timestamps import read_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws
    from assay.run import Run, RunSummary

    Calls = list[tuple[str, dict[str, Any]]]
    Items = Callable[[str], list[dict[str, Any]]]

EARLIER, NOW, LATER = (f"2026-11-23T{hour}:00:00.000000Z" for hour in ("00", "06", "12"))
ARN = "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0"
RULE = "ec2-tag-compliance"
MESSAGES = [{"step": "alerts", "error_code": "InternalError", "message": "refused"}]


@pytest.fixture
def summaries(aws: Aws, tables: None) -> Summaries:
    assert tables is None
    return Summaries(aws.client("dynamodb"), "compliance-state")


@pytest.fixture
def keys(items: Items) -> Callable[[], list[tuple[str, str]]]:
    """Reads the keys of all items."""
    return lambda: [(item["rule_name"], item["resource_id"]) for item in items("compliance-state")]


@pytest.fixture
def other_run(run: Run) -> Run:
    """A run of the same rule at another time."""
    return replace(run, ordering_timestamp=LATER)


def test_the_latest_sweeps_summary_is_found_whatever_was_written_last(
    summaries: Summaries, run: Run, other_run: Run, summary: RunSummary
) -> None:
    late: RunSummary = {**summary, "ordering_timestamp": LATER}
    summaries.put(other_run, late)
    summaries.put(run, summary)
    assert summaries.last_sweep(RULE) == late


def test_a_summary_lies_beside_the_verdicts_and_expires_with_history(
    summaries: Summaries, run: Run, summary: RunSummary, items: Items
) -> None:
    summaries.put(run, summary)
    (item,) = items("compliance-state")
    assert item["rule_name"] == "run#ec2-tag-compliance"
    assert item["resource_id"] == NOW
    assert item["expires_at"] == run.expires_at


def test_a_summary_outlives_any_silence_that_may_pass_however_short_history_is_kept(
    summaries: Summaries, run: Run, summary: RunSummary, items: Items
) -> None:
    ran_at = int(read_timestamp(run.ordering_timestamp).timestamp())
    summaries.put(replace(run, expires_at=ran_at + 86_400), summary)
    (item,) = items("compliance-state")
    assert item["expires_at"] == ran_at + 15 * 86_400


def test_a_rule_without_a_sweep_has_no_last_one(summaries: Summaries) -> None:
    assert summaries.last_sweep(RULE) is None
    assert summaries.last_failure(RULE) is None


def test_a_sweep_that_failed_lies_apart_until_it_is_repeated(
    summaries: Summaries, run: Run, summary: RunSummary, keys: Callable[[], Any]
) -> None:
    failed: RunSummary = {**summary, "complete": False, "errors": MESSAGES}  # type: ignore[typeddict-item]
    summaries.put(run, failed)
    assert keys() == [("failed-run#ec2-tag-compliance", NOW)]
    assert summaries.last_sweep(RULE) is None
    assert summaries.last_failure(RULE) == failed
    summaries.put(run, summary)
    assert summaries.last_sweep(RULE) == summary
    # It did fail once; the report sees that it has been repeated.
    assert summaries.last_failure(RULE) == failed


def test_the_run_of_a_change_lies_apart_with_its_resource(
    summaries: Summaries, run: Run, summary: RunSummary, items: Items
) -> None:
    unreadable = [{"resource_id": ARN, "error_code": "AccessDenied"}]
    summary |= {"unreadable": unreadable, "unreadable_count": 1}  # type: ignore[typeddict-item]
    change = replace(run, trigger=Trigger.CHANGE)
    summaries.put(change, summary, subject=ARN)
    summaries.put(change, summary, subject=f"{ARN}9")
    first, second = items("compliance-state")
    assert (first["rule_name"], first["resource_id"]) == (
        "change-run#ec2-tag-compliance",
        f"{NOW}#{ARN}",
    )
    assert first["unreadable"] == unreadable
    assert second["resource_id"] == f"{NOW}#{ARN}9"
    assert summaries.last_sweep(RULE) is None


def test_the_run_of_a_change_that_failed_lies_with_the_others(
    summaries: Summaries, run: Run, summary: RunSummary, keys: Callable[[], Any]
) -> None:
    summaries.put(run, {**summary, "complete": False}, subject=ARN)
    assert keys() == [("change-run#ec2-tag-compliance", f"{NOW}#{ARN}")]


def test_a_reminders_run_lies_apart_and_is_no_sweep(
    summaries: Summaries, run: Run, summary: RunSummary, keys: Callable[[], Any]
) -> None:
    summaries.put(replace(run, trigger=Trigger.REMINDER), summary)
    assert keys() == [("reminder-run#ec2-tag-compliance", NOW)]
    assert summaries.last_sweep(RULE) is None


def test_a_repeated_run_writes_over_its_own_summary(
    summaries: Summaries, run: Run, summary: RunSummary, keys: Callable[[], Any]
) -> None:
    summaries.put(run, summary)
    summaries.put(run, {**summary, "resources": 9})
    assert len(keys()) == 1
    found = summaries.last_sweep(RULE)
    assert found is not None
    assert found["resources"] == 9


def test_a_sweep_is_overtaken_once_a_newer_one_has_begun(
    summaries: Summaries, run: Run, other_run: Run, keys: Callable[[], Any]
) -> None:
    assert summaries.newest_sweep(RULE) == ""
    assert not summaries.is_overtaken(run)
    summaries.begin_sweep(run)
    assert not summaries.is_overtaken(run)
    summaries.begin_sweep(other_run)
    assert summaries.newest_sweep(RULE) == LATER
    assert summaries.is_overtaken(run)
    assert not summaries.is_overtaken(other_run)
    assert not summaries.is_overtaken(replace(run, rule_name="another-rule"))
    assert keys() == [("sweep#ec2-tag-compliance", "latest")]


@pytest.mark.parametrize("again", [EARLIER, NOW])
def test_an_older_sweep_that_begins_later_overtakes_nothing(
    summaries: Summaries, run: Run, again: str
) -> None:
    summaries.begin_sweep(run)
    summaries.begin_sweep(replace(run, ordering_timestamp=again))
    assert summaries.newest_sweep(RULE) == NOW
    assert summaries.is_overtaken(replace(run, ordering_timestamp=EARLIER))


def test_a_sweep_that_cannot_say_that_it_begins_is_an_error(
    summaries: Summaries, run: Run, fail: Callable[..., None]
) -> None:
    fail("PutItem", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        summaries.begin_sweep(run)


def test_the_fence_and_the_summaries_are_read_as_they_are(
    summaries: Summaries, run: Run, summary: RunSummary, calls: Calls
) -> None:
    summaries.put(run, {**summary, "unreadable_count": 1})
    calls.clear()
    summaries.is_overtaken(run)
    summaries.last_sweep(RULE)
    summaries.seen(run, before=2)
    assert [name for name, _ in calls] == ["dynamodb:GetItem", *["dynamodb:Query"] * 3]
    assert all(params["ConsistentRead"] for _, params in calls)


def test_what_the_segments_before_have_seen_is_found(
    summaries: Summaries, run: Run, other_run: Run, keys: Callable[[], Any]
) -> None:
    largest = 2**64 - 1
    summaries.put_segment(run, 1, {0, 1}, {})
    summaries.put_segment(run, 2, {2, largest}, {})
    summaries.put_segment(run, 3, {3}, {})
    summaries.put_segment(other_run, 1, {4}, {})
    summaries.put_segment(replace(run, rule_name="another-rule"), 1, {5}, {})
    assert summaries.seen(run, before=3) == {0, 1, 2, largest}
    assert summaries.seen(run, before=2) == {0, 1}
    assert summaries.seen(run, before=1) == set()
    assert ("segment#ec2-tag-compliance", f"{NOW}#00001#seen#00000") in keys()


@given(st.sets(st.text()))
def test_digests_tell_resources_apart_and_fit_into_eight_bytes(names: set[str]) -> None:
    digests = {digest(name) for name in names}
    assert len(digests) == len(names)
    assert all(0 <= number < 2**64 for number in digests)


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_digests_are_the_same_when_unpacked(digests: list[int]) -> None:
    found = [each for item in packed(digests) for each in unpacked(item)]
    assert found == digests


def test_digests_are_packed_as_many_to_an_item_as_it_has_room_for() -> None:
    items = list(packed(range(DIGESTS_AN_ITEM + 1)))
    assert [len(item) for item in items] == [320_000, 8]


def test_a_digest_never_changes() -> None:
    # What a segment has written, the next one reads in another process.
    assert digest(ARN) == 1163531187152959385


def test_a_hundred_thousand_resources_fit_into_a_segments_items(
    summaries: Summaries, run: Run, items: Items
) -> None:
    seen = set(range(100_001))
    summaries.put_segment(run, 1, seen, {})
    written = items("compliance-state")
    # Of 400 KB that an item may have.
    assert [len(item["seen"].value) for item in written] == [320_000, 320_000, 160_008]
    assert summaries.seen(run, before=2) == seen


def test_the_longest_names_fit_into_a_segments_items(
    summaries: Summaries, run: Run, summary: RunSummary, items: Items
) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    longest = f"arn:aws-us-gov:iam::123456789012:user/{'p' * 510}/{'n' * 60}"
    unreadable = {f"{longest}{index:04}": "AccessDenied" for index in range(501)}
    summaries.put_segment(run, 1, (), unreadable)
    written = items("compliance-state")
    assert [len(item["unreadable"]) for item in written] == [250, 250, 1]
    assert all(len(json.dumps(item, default=str)) < 400_000 for item in written)
    summaries.put(run, {**summary, "unreadable_count": 501})
    found = summaries.last_sweep(RULE)
    assert found is not None
    assert len(found["unreadable"]) == 501


def test_the_last_sweep_names_what_each_of_its_segments_could_not_read(
    summaries: Summaries, run: Run, other_run: Run, summary: RunSummary, items: Items
) -> None:
    summaries.put_segment(run, 1, {1}, {"arn:b": "AccessDenied"})
    summaries.put_segment(run, 2, (), {"arn:a": "SlowDown", "arn:c": "AccessDenied"})
    summaries.put_segment(other_run, 1, (), {"arn:d": "AccessDenied"})
    # What an attempt with more segments has left.
    summaries.put_segment(run, 3, (), {"arn:e": "AccessDenied"})
    named = [{"resource_id": "arn:a", "error_code": "SlowDown"}]
    told = {"segments": 2, "unreadable_count": 3, "unreadable": named}
    summary |= told  # type: ignore[typeddict-item]
    summaries.put(run, summary)
    (stored,) = [item for item in items("compliance-state") if item["resource_id"] == NOW]
    assert "unreadable" not in stored
    found = summaries.last_sweep(RULE)
    assert found is not None
    assert found["unreadable"] == [
        {"resource_id": "arn:a", "error_code": "SlowDown"},
        {"resource_id": "arn:b", "error_code": "AccessDenied"},
        {"resource_id": "arn:c", "error_code": "AccessDenied"},
    ]


def test_no_segment_is_read_when_everything_was_readable(
    summaries: Summaries, run: Run, summary: RunSummary, calls: Calls
) -> None:
    summaries.put_segment(run, 1, (), {"arn:a": "of an attempt before"})
    summaries.put(run, summary)
    calls.clear()
    assert summaries.last_sweep(RULE) == summary
    assert [name for name, _ in calls] == ["dynamodb:Query"]


def test_a_summary_of_a_time_before_such_counts_is_read(
    summaries: Summaries, run: Run, summary: RunSummary
) -> None:
    older: Any = {name: summary[name] for name in summary if name != "unreadable_count"}  # type: ignore[literal-required]
    summaries.put(run, older)
    assert summaries.last_sweep(RULE) == older


def test_segments_expire_with_history(summaries: Summaries, run: Run, items: Items) -> None:
    summaries.put_segment(run, 1, {1}, {"arn:a": "AccessDenied"})
    assert {item["expires_at"] for item in items("compliance-state")} == {run.expires_at}


def test_segments_are_read_to_the_last_page(
    summaries: Summaries, run: Run, change_parameters: Callable[..., None], calls: Calls
) -> None:
    for segment in (1, 2, 3):
        summaries.put_segment(run, segment, {segment}, {})
    change_parameters("Query", Limit=2)
    calls.clear()
    assert summaries.seen(run, before=4) == {1, 2, 3}
    assert len(calls) == 2


def test_verdicts_of_the_same_table_are_none_of_a_summarys_business(
    summaries: Summaries, run: Run, summary: RunSummary
) -> None:
    dynamodb: Any = boto3.client("dynamodb")
    key = {"rule_name": {"S": RULE}, "resource_id": {"S": ARN}}
    dynamodb.put_item(TableName="compliance-state", Item=key)
    summaries.put(run, summary)
    assert summaries.last_sweep(RULE) == summary
