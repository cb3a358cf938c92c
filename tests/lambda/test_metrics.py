from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay import metrics

if TYPE_CHECKING:
    import pytest

    from assay.run import RunError, RunSummary

ERROR: RunError = {"step": "alerts", "error_code": "InternalError", "message": "refused"}


def written(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, float]]:
    """Reads the one line of metrics: unit and value by name."""
    line = json.loads(capsys.readouterr().out)
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    return {each["Name"]: (each["Unit"], *line[each["Name"]]) for each in metric["Metrics"]}


def test_metrics_are_lines_in_the_embedded_metric_format_with_two_dimensions(
    summary: RunSummary, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would be a third one.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "assay")
    metrics.put_run("dev", summary, is_sweep=True)
    metrics.put_error("staging", "s3-encryption-compliance")
    metrics.put_age("dev", "x", summary, datetime(2026, 11, 23, 7, tzinfo=UTC))
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
    summary: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime(2026, 11, 23, 12, 0, 0, 500_000, tzinfo=UTC)
    metrics.put_age("dev", "ec2-tag-compliance", summary, now)
    assert written(capsys) == {"LastGoodRunAge": ("Seconds", 6 * 60 * 60 + 0.5)}


def test_before_the_first_sweep_the_age_is_beyond_every_alarms_threshold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics.put_age("dev", "ec2-tag-compliance", None, datetime(2026, 11, 23, tzinfo=UTC))
    ((unit, seconds),) = written(capsys).values()
    assert unit == "Seconds"
    assert seconds > 168 * 60 * 60
