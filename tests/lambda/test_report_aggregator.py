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


@pytest.mark.parametrize("name", ["config-scheduled", "config-change"])
def test_only_eventbridges_schedule_makes_a_report(
    aggregate: Callable[[object], Any], event: Callable[..., Any], name: str
) -> None:
    message = "event: must be an EventBridge 'Scheduled Event', got .*Notification"
    with pytest.raises(UnsupportedEventError, match=message):
        aggregate(event(name))


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
