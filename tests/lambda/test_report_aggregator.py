from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay import report_aggregator
from assay.environment import EnvironmentVariableError
from assay.events import UnsupportedEventError
from assay.permissions import AGGREGATOR_STATE_ACTIONS, REPORT_ACTIONS
from assay.rules import load

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "reports/2026/11/23/compliance-report-062000Z.json"
TIME = "2026-11-23T06:20:00Z"


def stored() -> tuple[dict[str, Any], str]:
    found = boto3.client("s3").get_object(Bucket="compliance-reports", Key=KEY)
    return json.loads(found["Body"].read()), found["ContentType"]


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
        "resources": 2,
        "compliant": 1,
        "non_compliant": 1,
        "not_applicable": 0,
    }
    report, content_type = stored()
    assert content_type == "application/json"
    assert report["summary"] == {
        "resources": 2,
        "compliant": 1,
        "non_compliant": 1,
        "not_applicable": 0,
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


def test_a_retry_writes_the_same_bytes_to_the_same_key(
    evaluate: Callable[[object], Any],
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    run_instance: Callable[..., str],
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule"))
    first = aggregate(event("eventbridge-schedule", time=TIME)), stored()
    assert (aggregate(event("eventbridge-schedule", time=TIME)), stored()) == first
    listed = boto3.client("s3").list_objects_v2(Bucket="compliance-reports")
    assert listed["KeyCount"] == 1


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
    swept, never_swept = [line for line in lines if "_aws" in line]
    assert (swept["rule_name"], never_swept["rule_name"]) == (
        "ec2-tag-compliance",
        "s3-encryption-compliance",
    )
    assert {swept["environment_suffix"], never_swept["environment_suffix"]} == {"dev"}
    assert swept["LastGoodRunAge"] == [20 * 60]
    assert never_swept["LastGoodRunAge"][0] > 168 * 60 * 60


def test_a_missing_variable_is_named(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("REPORTS_BUCKET")
    with pytest.raises(EnvironmentVariableError, match=r"^REPORTS_BUCKET: "):
        aggregate(event("eventbridge-schedule"))


def test_a_report_that_cannot_be_written_is_an_error(
    aggregate: Callable[[object], Any], event: Callable[..., Any], fail: Callable[..., None]
) -> None:
    fail("PutObject", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        aggregate(event("eventbridge-schedule"))


def test_a_failure_is_logged_with_its_run(
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    fail: Callable[..., None],
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    fail("PutObject", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        aggregate(event("eventbridge-schedule"))
    with pytest.raises(UnsupportedEventError):
        aggregate({})
    failed, refused = logged()
    assert (failed["level"], failed["message"]) == ("ERROR", "run failed")
    assert failed["exception_name"] == "ClientError"
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
    aggregate: Callable[[object], Any],
    event: Callable[..., Any],
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    calls.clear()
    aggregate(event("eventbridge-schedule"))
    assert {name for name, _ in calls} == {*AGGREGATOR_STATE_ACTIONS, *REPORT_ACTIONS}


def test_requirements_come_from_the_rules(
    aggregate: Callable[[object], Any], event: Callable[..., Any]
) -> None:
    aggregate(event("eventbridge-schedule", time=TIME))
    for rule in stored()[0]["rules"]:
        assert rule["requirement"] == load(rule["rule_name"]).requirement
