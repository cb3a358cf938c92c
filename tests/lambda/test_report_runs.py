from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from assay.report import TrendPoint
from assay.report_runs import ReportRuns
from assay.reporting import counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws

    Items = Callable[[str], list[dict[str, Any]]]

NOW, LATER = (f"2026-11-23T{hour}:20:00.000000Z" for hour in ("06", "12"))
LARGEST = 2**64 - 1
# The epoch second of NOW.
MADE_AT = 1_795_414_800


@pytest.fixture
def report_runs(aws: Aws, tables: None) -> ReportRuns:
    assert tables is None
    return ReportRuns(aws.client("dynamodb"), "compliance-state")


def point(generated_at: str = NOW, non_compliant: int = 2) -> TrendPoint:
    return TrendPoint(
        generated_at=generated_at,
        silent_rules=1,
        **counts(compliant=1, non_compliant=non_compliant, waived=3, not_applicable=4),
    )


def hour(number: int) -> str:
    return f"2026-11-{1 + number // 24:02}T{number % 24:02}:20:00.000000Z"


def test_counts_and_violations_lie_beside_the_verdicts_and_expire(
    report_runs: ReportRuns, items: Items
) -> None:
    report_runs.put(point(), [0, LARGEST], retention_days=365)
    violations, kept = items("compliance-state")
    assert violations.pop("violations").value == b"\x00" * 8 + b"\xff" * 8
    assert violations == {
        "rule_name": "report#open",
        "resource_id": f"{NOW}#00000",
        "expires_at": MADE_AT + 35 * 86_400,
    }
    assert kept == {
        "rule_name": "report#run",
        "resource_id": NOW,
        "expires_at": MADE_AT + 365 * 86_400,
        "compliant": 1,
        "non_compliant": 2,
        "waived": 3,
        "not_applicable": 4,
        "silent_rules": 1,
    }


def test_counts_are_there_for_the_next_report_however_short_history_is_kept(
    report_runs: ReportRuns, items: Items
) -> None:
    report_runs.put(point(), [], retention_days=1)
    assert [item["expires_at"] for item in items("compliance-state")] == [MADE_AT + 35 * 86_400]


def test_what_was_kept_is_found_again(report_runs: ReportRuns) -> None:
    report_runs.put(point(), [0, LARGEST], retention_days=365)
    assert report_runs.before(LATER) == [point()]
    assert report_runs.open_violations(point()) == {0, LARGEST}


def test_a_trend_is_of_the_reports_before_the_oldest_first(report_runs: ReportRuns) -> None:
    for number in (3, 1, 2):
        report_runs.put(point(hour(number)), [], retention_days=365)
    assert [each.generated_at for each in report_runs.before(hour(3))] == [hour(1), hour(2)]
    assert report_runs.before(hour(1)) == []


def test_a_trend_costs_one_call_whatever_the_history(
    report_runs: ReportRuns, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    for number in range(95):
        report_runs.put(point(hour(number)), [], retention_days=365)
    calls.clear()
    trend = report_runs.before(hour(93))
    assert [each.generated_at for each in trend] == [hour(number) for number in range(3, 93)]
    ((name, parameters),) = calls
    assert (name, parameters["Limit"]) == ("dynamodb:Query", 90)


def test_a_repeated_report_writes_over_what_it_kept(report_runs: ReportRuns, items: Items) -> None:
    report_runs.put(point(), [1, 2], retention_days=365)
    report_runs.put(point(non_compliant=1), [3], retention_days=365)
    assert len(items("compliance-state")) == 2
    assert report_runs.before(LATER) == [point(non_compliant=1)]
    assert report_runs.open_violations(point(non_compliant=1)) == {3}


def test_a_report_is_the_latest_until_there_is_a_newer_one(report_runs: ReportRuns) -> None:
    assert report_runs.is_latest(NOW)
    report_runs.put(point(), [], retention_days=365)
    assert report_runs.is_latest(NOW)
    report_runs.put(point(LATER), [], retention_days=365)
    assert not report_runs.is_latest(NOW)
    assert report_runs.is_latest(LATER)


def test_a_report_without_open_violations_needs_no_call_to_say_so(
    report_runs: ReportRuns, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    calls.clear()
    assert report_runs.open_violations(point(non_compliant=0)) == set()
    assert calls == []


def test_violations_that_are_not_all_there_are_not_known(report_runs: ReportRuns) -> None:
    assert report_runs.open_violations(point()) is None
    report_runs.put(point(), [1], retention_days=365)
    assert report_runs.open_violations(point()) is None


def test_a_hundred_thousand_violations_fit_into_items_and_are_read_to_the_last_page(
    report_runs: ReportRuns, items: Items, change_parameters: Callable[..., None]
) -> None:
    many = point(non_compliant=100_001)
    report_runs.put(many, range(100_001), retention_days=365)
    written = [item for item in items("compliance-state") if "violations" in item]
    # Of 400 KB that an item may have.
    assert [len(item["violations"].value) for item in written] == [320_000, 320_000, 160_008]
    change_parameters("Query", Limit=2)
    assert report_runs.open_violations(many) == set(range(100_001))
    # What an earlier attempt with more violations has left is none of a later one's.
    fewer = point(non_compliant=40_000)
    report_runs.put(fewer, range(40_000), retention_days=365)
    assert report_runs.open_violations(fewer) == set(range(40_000))


def test_another_reports_violations_are_not_taken_for_its_own(report_runs: ReportRuns) -> None:
    report_runs.put(point(), [1, 2], retention_days=365)
    report_runs.put(point(LATER), [3, 4], retention_days=365)
    assert report_runs.open_violations(point()) == {1, 2}
    assert report_runs.open_violations(point(LATER)) == {3, 4}


def test_counts_are_written_last_and_all_is_read_as_it_is(
    report_runs: ReportRuns, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    calls.clear()
    report_runs.put(replace(point(), silent_rules=0), [1, 2], retention_days=365)
    assert [parameters["Item"]["rule_name"]["S"] for _, parameters in calls] == [
        "report#open",
        "report#run",
    ]
    calls.clear()
    report_runs.before(NOW)
    report_runs.is_latest(NOW)
    report_runs.open_violations(point())
    assert [name for name, _ in calls] == ["dynamodb:Query"] * 3
    assert all(parameters["ConsistentRead"] for _, parameters in calls)
