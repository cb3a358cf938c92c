from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest

from assay import metrics
from assay.report import SCHEMA_VERSION, Counts, Report, RuleReport, RunReport
from assay.reporting import counts
from assay.timestamps import write_timestamp

if TYPE_CHECKING:
    from assay.run import RunError, RunSummary

ERROR: RunError = {"step": "alerts", "error_code": "InternalError", "message": "refused"}


@pytest.fixture
def last_run(summary: RunSummary) -> RunReport:
    """The same sweep in a report."""
    values: dict[str, Any] = {**summary}
    return RunReport(**values)


def written(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, float]]:
    """Reads the one line of metrics: unit and value by name."""
    line = json.loads(capsys.readouterr().out)
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    return {each["Name"]: (each["Unit"], *line[each["Name"]]) for each in metric["Metrics"]}


def test_metrics_are_lines_in_the_embedded_metric_format_with_two_dimensions(
    summary: RunSummary,
    last_run: RunReport,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It would be a third one.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "assay")
    metrics.put_run("dev", summary, is_sweep=True)
    metrics.put_error("staging", "s3-encryption-compliance")
    metrics.put_age("dev", "x", last_run)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    dimensions = ["environment_suffix", "rule_name"]
    for line in lines:
        (metric,) = line["_aws"]["CloudWatchMetrics"]
        assert metric["Namespace"] == "Assay"
        assert metric["Dimensions"] == [dimensions]
        assert isinstance(line["_aws"]["Timestamp"], int)
        names = {each["Name"] for each in metric["Metrics"]}
        assert line.keys() == {"_aws", *dimensions, *names}
    assert [(line["environment_suffix"], line["rule_name"]) for line in lines] == [
        ("dev", "ec2-tag-compliance"),
        ("staging", "s3-encryption-compliance"),
        ("dev", "x"),
    ]


def test_a_sweep_gives_the_rules_counts_score_errors_and_duration(
    summary: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    summary |= {"compliant": 2, "non_compliant": 1, "not_applicable": 4, "unreadable_count": 5}
    metrics.put_run("dev", summary, is_sweep=True)
    assert written(capsys) == {
        "Errors": ("Count", 0),
        "RunDuration": ("Milliseconds", 2500),
        "Compliant": ("Count", 2),
        "NonCompliant": ("Count", 1),
        "NotApplicable": ("Count", 4),
        "Unreadable": ("Count", 5),
        "ComplianceScore": ("Percent", 66.67),
    }


def test_a_sweep_that_has_judged_nothing_has_no_score(
    summary: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    summary |= {"compliant": 0, "not_applicable": 1}
    metrics.put_run("dev", summary, is_sweep=True)
    found = written(capsys)
    assert found["Compliant"] == ("Count", 0)
    assert "ComplianceScore" not in found


def test_a_sweep_that_is_not_complete_gives_no_counts(
    summary: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    summary |= {"complete": False, "errors": [ERROR, ERROR]}
    metrics.put_run("dev", summary, is_sweep=True)
    assert written(capsys) == {"Errors": ("Count", 2), "RunDuration": ("Milliseconds", 2500)}


def test_a_segment_that_is_not_the_last_gives_its_errors_alone(
    summary: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    summary |= {"continued": True, "complete": False}
    metrics.put_run("dev", summary, is_sweep=True)
    assert written(capsys) == {"Errors": ("Count", 0)}


def test_the_run_of_a_change_says_nothing_about_the_rules_resources(
    summary: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics.put_run("dev", summary, is_sweep=False)
    assert written(capsys) == {"Errors": ("Count", 0), "RunDuration": ("Milliseconds", 2500)}


def test_a_change_whose_resource_could_not_be_read_says_so(
    summary: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    summary["unreadable_count"] = 1
    metrics.put_run("dev", summary, is_sweep=False)
    assert written(capsys) == {
        "Errors": ("Count", 0),
        "RunDuration": ("Milliseconds", 2500),
        "Unreadable": ("Count", 1),
    }


def test_an_invocation_that_could_do_nothing_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics.put_error("dev", "ec2-tag-compliance")
    assert written(capsys) == {"Errors": ("Count", 1)}


def test_the_last_sweep_is_as_old_as_its_event(
    last_run: RunReport, capsys: pytest.CaptureFixture[str]
) -> None:
    six_hours_ago = write_timestamp(datetime.now(UTC) - timedelta(hours=6))
    last_run = replace(last_run, ordering_timestamp=six_hours_ago)
    metrics.put_age("dev", "ec2-tag-compliance", last_run)
    ((name, (unit, seconds)),) = written(capsys).items()
    assert (name, unit) == ("LastGoodRunAge", "Seconds")
    assert seconds == pytest.approx(6 * 60 * 60, abs=60)


def test_before_the_first_sweep_the_age_is_beyond_every_alarms_threshold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics.put_age("dev", "ec2-tag-compliance", None)
    ((unit, seconds),) = written(capsys).values()
    assert unit == "Seconds"
    assert seconds > 168 * 60 * 60


def rule(
    name: str, status: Literal["reporting", "silent"] = "reporting", **counted: int
) -> RuleReport:
    return RuleReport(
        rule_name=name,
        requirement="So.",
        severity="high",
        last_run=None,
        status=status,
        **counts(**counted),
    )


def test_a_report_gives_scores_and_violations_by_rule_and_of_all_rules(
    capsys: pytest.CaptureFixture[str],
) -> None:
    total = counts(compliant=2, non_compliant=1, waived=3, not_applicable=4)
    report = Report(
        schema_version=SCHEMA_VERSION,
        generated_at="2026-11-23T06:20:00.000000Z",
        account_id="123456789012",
        region="us-east-1",
        environment_suffix="dev",
        history_table="compliance-history-dev",
        summary=Counts(**total),
        rules=[
            rule("a", compliant=2, non_compliant=1, waived=1, not_applicable=0),
            rule("b", compliant=0, non_compliant=0, waived=2, not_applicable=4),
            rule("c", "silent", compliant=9, non_compliant=0, waived=0, not_applicable=0),
        ],
        resources=[],
    )
    metrics.put_report(report, silent_rules=1)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = []
    for line in lines:
        (metric,) = line.pop("_aws")["CloudWatchMetrics"]
        units = {each["Name"]: each["Unit"] for each in metric["Metrics"]}
        (dimensions,) = metric["Dimensions"]
        assert line.keys() == {*dimensions, *units}
        assert {units.pop("Score", "Percent"), *units.values()} == {"Percent", "Count"}
        found.append(line)
    assert found == [
        {
            "environment_suffix": "dev",
            "rule_name": "a",
            "Score": [66.67],
            "Violations": [1],
            "Waived": [1],
        },
        # It has judged nothing but what is waived.
        {"environment_suffix": "dev", "rule_name": "b", "Violations": [0], "Waived": [2]},
        # What it said last may be true no more.
        {"environment_suffix": "dev", "rule_name": "c", "Violations": [0], "Waived": [0]},
        {
            "environment_suffix": "dev",
            "Score": [66.67],
            "Violations": [1],
            "Waived": [3],
            "SilentRules": [1],
        },
    ]
