from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay import rules
from assay.alerts import ALERT_ACTIONS
from assay.config_service import CONFIG_ACTIONS
from assay.environment import EnvironmentVariableError
from assay.events import Trigger, UnsupportedEventError
from assay.history import HISTORY_ACTIONS
from assay.parameters import ParameterError
from assay.state import EVALUATOR_STATE_ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.run import RunSummary

    Evaluate = Callable[[object], RunSummary]
    Event = Callable[..., dict[str, Any]]
    Items = Callable[[str], list[dict[str, Any]]]
    Records = Callable[[], list[dict[str, Any]]]
    RunInstance = Callable[..., str]
    Calls = list[tuple[str, dict[str, Any]]]

ARN = "arn:aws:ec2:us-east-1:123456789012:instance/"
EARLIER, LATER = "2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z"
# Operations whose IAM action is named otherwise.
ACTIONS = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
}


class Crash(Exception):  # noqa: N818 - it is an end of the process, not an error of ours
    """The process ends here."""


def test_a_sweep_records_judges_alerts_and_sums_up(  # noqa: PLR0913 - fixtures
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    alerts: Records,
    calls: Calls,
) -> None:
    good, bad = run_instance(Owner="web"), run_instance()
    calls.clear()
    summary = evaluate(event("eventbridge-schedule"))
    started_at, finished_at = summary["started_at"], summary["finished_at"]
    assert started_at <= finished_at
    assert summary == {
        "rule_name": "ec2-tag-compliance",
        "run_id": "8f507cfc-example",
        "trigger": "Scheduled Event",
        "ordering_timestamp": "2026-11-23T06:00:00.000000Z",
        "started_at": started_at,
        "finished_at": finished_at,
        "resources": 2,
        "compliant": 1,
        "non_compliant": 1,
        "not_applicable": 0,
        "transitions": 2,
        "unreadable": [],
        "alerted": 1,
    }
    assert json.loads(json.dumps(summary)) == summary
    found = {item["resource_id"]: item["compliance_type"] for item in items("compliance-history")}
    assert found == {f"{ARN}{good}": "COMPLIANT", f"{ARN}{bad}": "NON_COMPLIANT"}
    assert {item["resource_id"]: item["compliance_type"] for item in verdicts()} == found
    assert not any("alert_pending" in item for item in verdicts())
    (alert,) = alerts()
    assert [violation["config_resource_id"] for violation in alert["new_violations"]] == [bad]
    assert "config:PutEvaluations" not in {name for name, _ in calls}


def test_records_expire_after_the_retention(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, items: Items
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule"))
    year_later = 1795413600 + 365 * 24 * 60 * 60
    assert {item["expires_at"] for item in items("compliance-history")} == {year_later}


@pytest.mark.parametrize("name", ["config-change", "config-oversized-change"])
def test_a_change_judges_its_resource_and_reports_to_config(  # noqa: PLR0913 - fixtures
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    verdicts: Records,
    alerts: Records,
    calls: Calls,
    name: str,
) -> None:
    run_instance()
    changed = run_instance()
    summary = evaluate(event(name, item={"resourceId": changed}))
    assert (summary["resources"], summary["non_compliant"], summary["alerted"]) == (1, 1, 1)
    assert [item["config_resource_id"] for item in verdicts()] == [changed]
    assert len(alerts()) == 1
    (put,) = [params for name, params in calls if name == "config:PutEvaluations"]
    assert put["ResultToken"] == "myResultToken"
    assert put["TestMode"] is True
    (evaluation,) = put["Evaluations"]
    assert evaluation["ComplianceResourceId"] == changed
    assert evaluation["ComplianceType"] == "NON_COMPLIANT"
    assert evaluation["OrderingTimestamp"] == "2026-11-23T05:11:12.345000Z"


@pytest.mark.parametrize("name", ["config-deleted", "config-left-scope"])
def test_a_resource_that_departed_is_not_applicable(
    evaluate: Evaluate, event: Event, verdicts: Records, calls: Calls, name: str
) -> None:
    summary = evaluate(event(name))
    assert (summary["resources"], summary["not_applicable"], summary["alerted"]) == (1, 1, 0)
    assert verdicts()[0]["compliance_type"] == "NOT_APPLICABLE"
    (put,) = [params for name, params in calls if name == "config:PutEvaluations"]
    assert put["Evaluations"][0]["ComplianceType"] == "NOT_APPLICABLE"


def test_configs_schedule_sweeps_and_reports_to_config(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, calls: Calls
) -> None:
    ids = {run_instance(), run_instance(Owner="web")}
    assert evaluate(event("config-scheduled"))["resources"] == 2
    (put,) = [params for name, params in calls if name == "config:PutEvaluations"]
    assert {evaluation["ComplianceResourceId"] for evaluation in put["Evaluations"]} == ids


def test_configs_parameters_win_over_the_environments(
    evaluate: Evaluate, event: Event, run_instance: RunInstance
) -> None:
    changed = run_instance(Cost="42")
    parameters = json.dumps({"requiredTags": '{"Cost":[]}'})
    item = {"resourceId": changed}
    assert evaluate(event("config-change", item=item))["compliant"] == 0
    given = event("config-change", item=item, ruleParameters=parameters)
    assert evaluate(given)["compliant"] == 1


def test_configs_parameters_that_are_not_the_rules_are_refused(
    evaluate: Evaluate, event: Event
) -> None:
    with pytest.raises(ParameterError, match="x: unknown parameter, allowed: requiredTags"):
        evaluate(event("config-change", ruleParameters='{"x": "1"}'))


def test_a_second_sweep_writes_history_and_nothing_else_when_nothing_changed(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, calls: Calls, alerts: Records
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule"))
    alerts()
    calls.clear()
    summary = evaluate(event("eventbridge-schedule", time=LATER))
    assert (summary["transitions"], summary["alerted"]) == (0, 0)
    assert alerts() == []
    assert [name for name, _ in calls if name.startswith(("dynamodb", "sns"))] == [
        "dynamodb:Query",
        "dynamodb:BatchWriteItem",
        "dynamodb:PutItem",
    ]


def test_another_reason_is_written_and_is_no_transition(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, verdicts: Records, alerts: Records
) -> None:
    instance_id = run_instance()
    evaluate(event("eventbridge-schedule"))
    boto3.client("ec2").terminate_instances(InstanceIds=[instance_id])
    assert evaluate(event("eventbridge-schedule", time=LATER))["transitions"] == 1
    gone = event("config-deleted", item={"resourceId": instance_id}, time="2026-11-23T18:00:00Z")
    assert evaluate(gone)["transitions"] == 0
    assert verdicts()[0]["since"] == "2026-11-23T12:00:00.000000Z"
    assert verdicts()[0]["annotation"] == "The resource no longer exists."
    assert len(alerts()) == 1


def test_a_vanished_resource_is_retired_once(
    evaluate: Evaluate, event: Event, items: Items, verdicts: Records, run_instance: RunInstance
) -> None:
    vanished = run_instance()
    evaluate(event("config-change", item={"resourceId": vanished}))
    boto3.client("dynamodb").update_item(
        TableName="compliance-state",
        Key={"rule_name": {"S": "ec2-tag-compliance"}, "resource_id": {"S": f"{ARN}{vanished}"}},
        UpdateExpression="SET resource_id_kept = :x",
        ExpressionAttributeValues={":x": {"S": "x"}},
    )
    assert items and verdicts
