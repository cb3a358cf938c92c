from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from jsonschema import Draft202012Validator, validate

from assay import forms, report_aggregator
from assay.environment import EnvironmentVariableError
from assay.events import UnsupportedEventError
from assay.permissions import (
    AGGREGATOR_STATE_ACTIONS,
    RECORDER_ACTIONS,
    REPORT_ACTIONS,
    REPORT_COPY_ACTIONS,
    SECURITY_HUB_ACTIONS,
)
from assay.report_aggregator import FormsNotWrittenError, SecurityHubError
from assay.rules import load
from assay.waivers import Waiver

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = json.loads(
    Path(__file__).parents[2].joinpath("docs/schemas/report-1.json").read_text("utf-8")
)
STEM = "reports/2026/11/23/compliance-report-062000Z"
KEY = f"{STEM}.json"
LATEST = "latest/compliance-report.json"
EARLIER, TIME, LATER = (f"2026-11-23T{hour}:20:00Z" for hour in ("00", "06", "12"))


def stored(key: str = KEY) -> tuple[dict[str, Any], str]:
    found = boto3.client("s3").get_object(Bucket="compliance-reports", Key=key)
    report = json.loads(found["Body"].read())
    validate(report, SCHEMA, cls=Draft202012Validator)
    return report, found["ContentType"]


def objects() -> dict[str, tuple[bytes, str]]:
    """Reads the whole bucket: bytes and content type by key."""
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket="compliance-reports").get("Contents", [])
    found = {}
    for each in listed:
        answer = s3.get_object(Bucket="compliance-reports", Key=each["Key"])
        found[each["Key"]] = (answer["Body"].read(), answer["ContentType"])
    return found


def test_a_report_covers_every_enabled_rule_and_no_other(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    run_instance: Callable[..., str],
) -> None:
    run_instance(Owner="web")
    run_instance()
    last_run = evaluate(event("eventbridge-schedule"))
    result = aggregate(event("eventbridge-schedule", time=TIME))
    assert result == {
        "report_bucket": "compliance-reports",
        "report_key": KEY,
        "report_keys": {"json": KEY},
        "latest": True,
        "resources": 2,
        "compliant": 1,
        "non_compliant": 1,
        "waived": 0,
        "not_applicable": 0,
        "judged": 2,
    }
    report, content_type = stored()
    assert content_type == "application/json"
    assert report["summary"] == {
        "resources": 2,
        "compliant": 1,
        "non_compliant": 1,
        "waived": 0,
        "not_applicable": 0,
        "judged": 2,
        "score": 50.0,
    }
    assert [rule["rule_name"] for rule in report["rules"]] == [
        "ec2-tag-compliance",
        "s3-encryption-compliance",
    ]
    assert [rule["last_run"] for rule in report["rules"]] == [last_run, None]
    assert [rule["last_failure"] for rule in report["rules"]] == [None, None]
    assert {resource["evaluated_at"] for resource in report["resources"]} == {
        "2026-11-23T06:00:00.000000Z"
    }


def test_a_retry_writes_the_same_bytes_to_the_same_keys(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    run_instance: Callable[..., str],
    items: Callable[[str], list[dict[str, Any]]],
) -> None:
    aggregate(event("eventbridge-schedule", time=EARLIER))
    run_instance()
    evaluate(event("eventbridge-schedule"))
    first = aggregate(event("eventbridge-schedule", time=TIME))
    written, kept = objects(), items("compliance-state")
    assert aggregate(event("eventbridge-schedule", time=TIME)) == first
    assert objects() == written
    assert items("compliance-state") == kept
    assert len(written) == 3
    # It compares with the same report before, and not with itself.
    assert stored()[0]["changes"]["compared_with"] == "2026-11-23T00:20:00.000000Z"
    assert len(stored()[0]["trend"]) == 1


def test_each_form_is_written_with_its_content_type_and_again_as_the_latest(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REPORT_FORMS", "markdown,csv,json")
    result = aggregate(event("eventbridge-schedule", time=TIME))
    suffixes = {name: forms.load(name).suffix for name in ("json", "csv", "markdown")}
    assert result["report_keys"] == {name: STEM + suffix for name, suffix in suffixes.items()}
    assert result["report_key"] == KEY
    found = objects()
    assert len(found) == 6
    for name, suffix in suffixes.items():
        dated = found[STEM + suffix]
        assert dated[0]
        assert dated[1] == forms.load(name).content_type
        assert found[f"latest/compliance-report{suffix}"] == dated


def test_objects_are_written_before_what_is_kept_of_them_and_the_latest_last(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    monkeypatch.setenv("REPORT_FORMS", "json,csv")
    calls.clear()
    aggregate(event("eventbridge-schedule", time=TIME))
    written = [name for name, _ in calls if name != "dynamodb:Query"]
    assert written == [*["s3:PutObject"] * 2, "dynamodb:PutItem", *["s3:CopyObject"] * 2]


def test_a_late_retry_of_an_older_report_leaves_the_latest_alone(
    aggregate: Callable[[object], Any], event: Callable[..., Any]
) -> None:
    assert aggregate(event("eventbridge-schedule", time=LATER))["latest"]
    assert not aggregate(event("eventbridge-schedule", time=TIME))["latest"]
    assert stored()[0]["generated_at"] == "2026-11-23T06:20:00.000000Z"
    assert stored(LATEST)[0]["generated_at"] == "2026-11-23T12:20:00.000000Z"


def test_a_form_that_fails_takes_no_other_with_it_and_is_named(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    fail: Callable[..., None],
    recover: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    items: Callable[[str], list[dict[str, Any]]],
) -> None:
    monkeypatch.setenv("REPORT_FORMS", "json,csv,markdown")
    fail("PutObject", "SlowDown", when=lambda parameters: parameters["Key"].endswith(".csv"))
    with pytest.raises(FormsNotWrittenError, match=r"^forms not written: csv \(SlowDown\)$"):
        aggregate(event("eventbridge-schedule", time=TIME))
    # What could be written is the latest report, so that one form's fault hides no other.
    suffix = forms.load("markdown").suffix
    stems = ("latest/compliance-report", STEM)
    assert sorted(objects()) == [stem + end for stem in stems for end in (".json", suffix)]
    assert [item["rule_name"] for item in items("compliance-state")] == ["report#run"]
    recover()
    assert aggregate(event("eventbridge-schedule", time=TIME))["latest"]
    assert len(objects()) == 6


def test_what_changed_and_the_trend_come_from_the_reports_before(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    run_instance: Callable[..., str],
) -> None:
    mended, left = run_instance(), run_instance()
    evaluate(event("eventbridge-schedule", time="2026-11-23T00:00:00Z"))
    aggregate(event("eventbridge-schedule", time=EARLIER))
    boto3.client("ec2").create_tags(Resources=[mended], Tags=[{"Key": "Owner", "Value": "web"}])
    added = run_instance()
    evaluate(event("eventbridge-schedule"))
    aggregate(event("eventbridge-schedule", time=TIME))
    report, _ = stored()
    assert report["changes"] == {
        "compared_with": "2026-11-23T00:20:00.000000Z",
        "new": 1,
        "resolved": 1,
        "still_open": 1,
        "no_longer_judged": 0,
    }
    changes = {each["config_resource_id"]: each["change"] for each in report["resources"]}
    assert changes == {mended: "resolved", left: None, added: "new"}
    (point,) = report["trend"]
    assert point == {
        "generated_at": "2026-11-23T00:20:00.000000Z",
        "silent_rules": 1,
        "resources": 2,
        "compliant": 0,
        "non_compliant": 2,
        "waived": 0,
        "not_applicable": 0,
        "judged": 2,
        "score": 0.0,
    }


def test_waivers_are_read_from_the_deployed_file(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    run_instance: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule"))
    waiver = Waiver("ec2-tag-compliance", "*", "me@example.com", "So.", date(2026, 12, 31))
    file = tmp_path / "waivers.json"
    file.write_text(json.dumps([waiver.to_json()]), encoding="utf-8")
    monkeypatch.setenv("WAIVERS_FILE", str(file))
    result = aggregate(event("eventbridge-schedule", time=TIME))
    assert (result["non_compliant"], result["waived"]) == (0, 1)
    assert stored()[0]["waivers"][0]["owner"] == "me@example.com"


def test_the_recorder_the_dashboard_and_silence_come_from_the_environment(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate(event("eventbridge-schedule", time="2026-11-22T06:00:00Z"))
    monkeypatch.setenv("CONFIG_RECORDER_NAME", "assay-dev")
    monkeypatch.setenv("DASHBOARD_NAME", "compliance-dev")
    aggregate(event("eventbridge-schedule", time=TIME))
    report, _ = stored()
    assert report["recorder"] == {
        "name": "assay-dev",
        "recording": None,
        "last_status": None,
        "error": "NoSuchConfigurationRecorderException",
    }
    assert report["dashboard_url"].endswith("#dashboards/dashboard/compliance-dev")
    assert [rule["status"] for rule in report["rules"]] == ["silent", "never_reported"]
    monkeypatch.setenv("SILENCE_HOURS", "25")
    aggregate(event("eventbridge-schedule", time=TIME))
    assert [rule["status"] for rule in stored()[0]["rules"]] == ["reporting", "never_reported"]


def test_a_deployment_without_aws_config_has_no_recorder_to_ask_for(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    calls.clear()
    aggregate(event("eventbridge-schedule", time=TIME))
    assert stored()[0]["recorder"] is None
    assert not any(name.startswith(("config:", "securityhub:")) for name, _ in calls)


def test_findings_go_to_security_hub_where_that_is_switched_on(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    run_instance: Callable[..., str],
    answer: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_instance()
    run_instance(Owner="web")
    evaluate(event("eventbridge-schedule"))
    monkeypatch.setenv("SECURITY_HUB", "true")
    answer("BatchImportFindings", {"SuccessCount": 4, "FailedCount": 0, "FailedFindings": []})
    result = aggregate(event("eventbridge-schedule", time=TIME))
    # The violation, and what there is to say of two rules and the recorder.
    assert result["security_hub"] == {"sent": 4, "failed": 0}
    assert calls[-1][0] == "securityhub:BatchImportFindings"
    assert len(calls[-1][1]["Findings"]) == 4
    calls.clear()
    assert "security_hub" not in aggregate(event("eventbridge-schedule", time=EARLIER))
    assert "securityhub:BatchImportFindings" not in {name for name, _ in calls}


def test_findings_that_do_not_arrive_fail_the_invocation_once_all_else_is_done(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    run_instance: Callable[..., str],
    fail: Callable[..., None],
    logged: Callable[[], list[dict[str, Any]]],
    items: Callable[[str], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule"))
    monkeypatch.setenv("SECURITY_HUB", "true")
    fail("BatchImportFindings", "InvalidAccessException")
    message = r"^Security Hub has not taken 4 findings: InvalidAccessException$"
    with pytest.raises(SecurityHubError, match=message):
        aggregate(event("eventbridge-schedule", time=TIME))
    assert set(objects()) == {KEY, LATEST}
    kept = {item["rule_name"] for item in items("compliance-state")}
    assert {"report#run", "report#open"} <= kept
    *_, written, failed = logged()
    assert written["message"] == "report written"
    assert written["security_hub"] == {"sent": 0, "failed": 4}
    assert failed["exception_name"] == "SecurityHubError"


@pytest.mark.parametrize(
    ("name", "received"),
    [
        ("config-scheduled", "ScheduledNotification"),
        ("config-change", "ConfigurationItemChangeNotification"),
        ("assay-reminder", "Assay Reminder"),
        # Also one that names such a schedule as what began it.
        ("assay-continuation", ".*"),
    ],
)
def test_only_eventbridges_schedule_makes_a_report(
    aggregate: Callable[[object], Any], event: Callable[..., Any], name: str, received: str
) -> None:
    message = f"event: must be an EventBridge 'Scheduled Event', got {received}"
    with pytest.raises(UnsupportedEventError, match=message):
        aggregate(event(name))


def test_a_report_names_what_the_last_sweep_could_not_read(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    fail: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RULE_CLASS", load("s3-encryption-compliance").reference())
    monkeypatch.setenv("RULE_NAME", "s3-encryption-compliance")
    monkeypatch.setenv("RULE_PARAMETERS", "{}")
    for name in ("closed", "open"):
        boto3.client("s3").create_bucket(Bucket=name)
    evaluate(event("eventbridge-schedule", time="2026-11-23T00:00:00Z"))
    fail("GetBucketEncryption", "AccessDenied", when=lambda params: params["Bucket"] == "closed")
    evaluate(event("eventbridge-schedule"))
    aggregate(event("eventbridge-schedule", time=TIME))
    report, _ = stored()
    unreadable = [{"resource_id": "arn:aws:s3:::closed", "error_code": "AccessDenied"}]
    assert report["rules"][1]["last_run"]["unreadable"] == unreadable
    marked = {
        resource["config_resource_id"]: (resource["unreadable"], resource["evaluated_at"][11:13])
        for resource in report["resources"]
    }
    assert marked["closed"] == ("AccessDenied", "00")
    assert marked["open"] == (None, "06")


def test_a_report_shows_the_sweep_that_failed(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    fail: Callable[..., None],
) -> None:
    fail("DescribeInstances", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        evaluate(event("eventbridge-schedule"))
    aggregate(event("eventbridge-schedule", time=TIME))
    failure = stored()[0]["rules"][0]["last_failure"]
    assert failure["errors"][0]["error_code"] == "UnauthorizedOperation"
    assert stored()[0]["rules"][0]["last_run"] is None


def test_the_age_of_each_rules_last_sweep_is_a_metric(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    evaluate(event("eventbridge-schedule"))
    capsys.readouterr()
    aggregate(event("eventbridge-schedule", time=TIME))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    swept, never_swept = [line for line in lines if "LastGoodRunAge" in line]
    assert (swept["rule_name"], never_swept["rule_name"]) == (
        "ec2-tag-compliance",
        "s3-encryption-compliance",
    )
    assert {swept["environment_suffix"], never_swept["environment_suffix"]} == {"dev"}
    swept_at = datetime(2026, 11, 23, 6, tzinfo=UTC)
    assert swept["LastGoodRunAge"] == [
        pytest.approx((datetime.now(UTC) - swept_at).total_seconds(), abs=60)
    ]
    assert never_swept["LastGoodRunAge"][0] > 168 * 60 * 60


def test_scores_are_metrics_even_when_the_report_cannot_be_written(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    run_instance: Callable[..., str],
    fail: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule"))
    fail("PutObject", "AccessDenied")
    capsys.readouterr()
    with pytest.raises(FormsNotWrittenError):
        aggregate(event("eventbridge-schedule", time=TIME))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (total,) = [line for line in lines if "SilentRules" in line]
    assert (total["Score"], total["Violations"], total["SilentRules"]) == ([0.0], [1], [1])
    assert sum("Violations" in line for line in lines) == 3


def test_a_missing_variable_is_named(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("REPORTS_BUCKET")
    with pytest.raises(EnvironmentVariableError, match=r"^REPORTS_BUCKET: "):
        aggregate(event("eventbridge-schedule"))


@pytest.mark.parametrize("operation", ["Query", "PutItem", "CopyObject"])
def test_what_cannot_be_read_or_kept_is_an_error(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    fail: Callable[..., None],
    operation: str,
) -> None:
    fail(operation, "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        aggregate(event("eventbridge-schedule"))


def test_a_failure_is_logged_with_its_run(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    fail: Callable[..., None],
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    fail("PutObject", "AccessDenied")
    with pytest.raises(FormsNotWrittenError, match=r"^forms not written: json \(AccessDenied\)$"):
        aggregate(event("eventbridge-schedule"))
    with pytest.raises(UnsupportedEventError):
        aggregate({})
    form, failed, refused = logged()
    assert (form["message"], form["form"]) == ("form not written", "json")
    assert form["exception_name"] == "ClientError"
    assert (failed["level"], failed["message"]) == ("ERROR", "run failed")
    assert failed["exception_name"] == "FormsNotWrittenError"
    assert (failed["run_id"], failed["trigger"]) == ("8f507cfc-example", "Scheduled Event")
    assert refused["run_id"] == "8f507cfc-example"
    assert "trigger" not in refused


def test_a_runs_keys_go_with_it(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    aggregate(event("eventbridge-schedule"))
    report_aggregator.logger.info("between two invocations")
    run, between = logged()
    assert {"run_id", "trigger"} <= run.keys()
    assert not {"run_id", "trigger"} & between.keys()


def test_calls_stay_within_the_declared_actions(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    run_instance: Callable[..., str],
    answer: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule"))
    monkeypatch.setenv("CONFIG_RECORDER_NAME", "assay-dev")
    monkeypatch.setenv("SECURITY_HUB", "true")
    answer("BatchImportFindings", {"SuccessCount": 1, "FailedCount": 0, "FailedFindings": []})
    calls.clear()
    aggregate(event("eventbridge-schedule", time=TIME))
    # A copy needs no action of its own:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html.
    needed = {"s3:CopyObject": {"s3:GetObject", "s3:PutObject"}}
    actions = set().union(*(needed.get(name, {name}) for name, _ in calls))
    assert actions == {
        *AGGREGATOR_STATE_ACTIONS,
        *REPORT_ACTIONS,
        *REPORT_COPY_ACTIONS,
        *RECORDER_ACTIONS,
        *SECURITY_HUB_ACTIONS,
    }
    copied = [parameters for name, parameters in calls if name == "s3:CopyObject"]
    assert [parameters["CopySource"]["Key"] for parameters in copied] == [KEY]
    put = [parameters["Key"] for name, parameters in calls if name == "s3:PutObject"]
    assert put == [KEY]


def test_requirements_come_from_the_rules(
    aggregate: Callable[[object], Any], event: Callable[..., Any]
) -> None:
    aggregate(event("eventbridge-schedule", time=TIME))
    for rule in stored()[0]["rules"]:
        assert rule["requirement"] == load(rule["rule_name"]).requirement
