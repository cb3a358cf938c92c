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

from assay import evaluator, rules
from assay.environment import EnvironmentVariableError
from assay.events import Trigger, UnsupportedEventError
from assay.parameters import ParameterError
from assay.permissions import (
    ALERT_ACTIONS,
    CONFIG_ACTIONS,
    EVALUATOR_STATE_ACTIONS,
    HISTORY_ACTIONS,
)

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


def test_a_sweep_records_judges_alerts_and_sums_up(
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
def test_a_change_judges_its_resource_and_reports_to_config(
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


def test_a_departed_resource_without_a_name_is_known_by_its_arn(
    evaluate: Evaluate, event: Event, verdicts: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RULE_NAME", "rds-backup-compliance")
    monkeypatch.setenv("RULE_PARAMETERS", "{}")
    assert evaluate(event("config-deleted-rds"))["not_applicable"] == 1
    (verdict,) = verdicts()
    assert verdict["resource_id"] == "arn:aws:rds:us-east-1:123456789012:db:orders"
    assert verdict["config_resource_id"] == "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_a_database_that_was_made_again_under_its_name_is_alerted_anew(
    evaluate: Evaluate,
    event: Event,
    verdicts: Records,
    alerts: Records,
    answer: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RULE_NAME", "rds-backup-compliance")
    monkeypatch.setenv("RULE_PARAMETERS", "{}")
    database = {"DBInstanceIdentifier": "orders", "Engine": "postgres", "BackupRetentionPeriod": 0}
    first, second = (
        {"DBInstances": [{**database, "DbiResourceId": resource_id}]}
        for resource_id in ("db-FIRST", "db-SECOND")
    )
    answer("DescribeDBInstances", first, second, second)
    evaluate(event("eventbridge-schedule", time=EARLIER))
    summary = evaluate(event("eventbridge-schedule"))
    assert (summary["transitions"], summary["alerted"]) == (1, 1)
    (verdict,) = verdicts()
    assert verdict["config_resource_id"] == "db-SECOND"
    assert verdict["since"] == "2026-11-23T06:00:00.000000Z"
    summary = evaluate(event("eventbridge-schedule", time=LATER))
    assert (summary["transitions"], summary["alerted"]) == (0, 0)
    assert verdicts() == [verdict]
    assert [alert["new_violations"][0]["config_resource_id"] for alert in alerts()] == [
        "db-FIRST",
        "db-SECOND",
    ]


@pytest.mark.parametrize("name", rules.names())
def test_sweeps_and_changes_know_a_resource_by_the_same_id(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    verdicts: Records,
    alerts: Records,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setenv("RULE_NAME", name)
    monkeypatch.setenv("RULE_PARAMETERS", "{}")
    run_instance()
    boto3.client("s3").create_bucket(Bucket="example-bucket")
    boto3.client("rds").create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        BackupRetentionPeriod=0,
    )
    evaluate(event("eventbridge-schedule", time=EARLIER))
    before = verdicts()
    item = {
        "resourceType": rules.load(name).resource_type,
        "resourceId": before[0]["config_resource_id"],
        "resourceName": "orders",
    }
    changed = event("config-change", item=item, ruleParameters="")
    assert evaluate(changed)["transitions"] == 0
    assert evaluate(event("eventbridge-schedule"))["transitions"] == 0
    assert verdicts() == before
    assert len(alerts()) == 1
    deleted = event("config-deleted", item=item, ruleParameters="", time=LATER)
    assert evaluate(deleted)["transitions"] == 1
    assert verdicts()[0]["config_resource_id"] == before[0]["config_resource_id"]


def test_only_sweeps_leave_a_summary(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, items: Items
) -> None:
    evaluate(event("config-change", item={"resourceId": run_instance()}))
    names = [item["rule_name"] for item in items("compliance-state")]
    assert names == ["ec2-tag-compliance"]
    evaluate(event("eventbridge-schedule"))
    names = [item["rule_name"] for item in items("compliance-state")]
    assert names == ["ec2-tag-compliance", "run#ec2-tag-compliance"]


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
    told = event("config-change", item=item, ruleParameters=parameters)
    assert evaluate(told)["compliant"] == 1


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
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    answer: Callable[..., None],
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule"))
    answer("DescribeInstances", {"Reservations": []}, {"Reservations": []})
    summary = evaluate(event("eventbridge-schedule", time=LATER))
    assert (summary["resources"], summary["not_applicable"], summary["transitions"]) == (1, 1, 1)
    (verdict,) = verdicts()
    assert verdict["annotation"] == "The resource no longer exists."
    assert verdict["expires_at"] > 0
    assert len(items("compliance-history")) == 2
    summary = evaluate(event("eventbridge-schedule", time="2026-11-23T18:00:00Z"))
    assert summary["resources"] == 0
    assert len(items("compliance-history")) == 2


@pytest.mark.parametrize("name", ["eventbridge-schedule", "config-scheduled", "config-change"])
def test_a_retry_of_the_same_event_records_nothing_new_and_alerts_no_second_time(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    alerts: Records,
    name: str,
) -> None:
    changed = run_instance()
    told = event(name, item={"resourceId": changed} if name == "config-change" else None)
    evaluate(told)
    recorded = items("compliance-history"), verdicts()
    assert len(alerts()) == 1
    assert evaluate(told)["transitions"] == 0
    assert (items("compliance-history"), verdicts()) == recorded
    assert alerts() == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "operation",
    ["DescribeInstances", "BatchWriteItem", "PutItem", "Publish", "UpdateItem", "PutEvaluations"],
)
def test_after_a_crash_at_any_call_the_retry_completes_the_run(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    alerts: Records,
    fail: Callable[..., None],
    fail_after: Callable[[str, Exception], None],
    recover: Callable[[], None],
    operation: str,
    when: str,
) -> None:
    good, bad = run_instance(Owner="web"), run_instance()
    (fail if when == "before" else fail_after)(operation, Crash())
    with pytest.raises(Crash):
        evaluate(event("config-scheduled"))
    recover()
    evaluate(event("config-scheduled"))
    expected = {f"{ARN}{good}": "COMPLIANT", f"{ARN}{bad}": "NON_COMPLIANT"}
    for records in (items("compliance-history"), verdicts()):
        assert {item["resource_id"]: item["compliance_type"] for item in records} == expected
        assert len(records) == 2
    assert not any("alert_pending" in item for item in verdicts())
    alerted = [violation for alert in alerts() for violation in alert["new_violations"]]
    assert {violation["resource_id"] for violation in alerted} == {f"{ARN}{bad}"}
    # Once too often is what a crash between publishing and clearing the mark costs.
    twice = (operation, when) in {("Publish", "after"), ("UpdateItem", "before")}
    assert len(alerted) == (2 if twice else 1)


def test_what_a_crashed_run_left_pending_the_next_sweep_sends(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    verdicts: Records,
    alerts: Records,
    fail: Callable[..., None],
    recover: Callable[[], None],
) -> None:
    item = {"resourceId": run_instance()}
    fail("Publish", "InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        evaluate(event("config-change", item=item))
    assert verdicts()[0]["alert_pending"] is True
    assert alerts() == []
    recover()
    assert evaluate(event("eventbridge-schedule"))["alerted"] == 1
    (alert,) = alerts()
    assert alert["new_violations"][0]["since"] == "2026-11-23T05:11:12.345000Z"
    assert "alert_pending" not in verdicts()[0]


def test_a_violation_that_is_resolved_before_its_alert_is_not_alerted(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    alerts: Records,
    fail: Callable[..., None],
    recover: Callable[[], None],
) -> None:
    instance_id = run_instance()
    fail("Publish", "InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        evaluate(event("eventbridge-schedule"))
    recover()
    boto3.client("ec2").create_tags(
        Resources=[instance_id], Tags=[{"Key": "Owner", "Value": "web"}]
    )
    assert evaluate(event("eventbridge-schedule", time=LATER))["alerted"] == 0
    assert alerts() == []


def test_an_older_event_is_kept_in_history_and_never_replaces_newer_state(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    alerts: Records,
) -> None:
    instance_id = run_instance(Owner="web")
    evaluate(event("eventbridge-schedule"))
    boto3.client("ec2").delete_tags(Resources=[instance_id], Tags=[{"Key": "Owner"}])
    before = verdicts()
    summary = evaluate(event("eventbridge-schedule", time=EARLIER))
    assert (summary["non_compliant"], summary["transitions"], summary["alerted"]) == (1, 0, 0)
    assert verdicts() == before
    assert alerts() == []
    assert len(items("compliance-history")) == 2


def test_a_write_that_a_newer_event_has_overtaken_is_dropped_with_its_alert(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    alerts: Records,
    fail: Callable[..., None],
) -> None:
    run_instance()
    fail(
        "PutItem",
        "ConditionalCheckFailedException",
        when=lambda params: "ConditionExpression" in params,
    )
    summary = evaluate(event("eventbridge-schedule"))
    assert (summary["non_compliant"], summary["transitions"], summary["alerted"]) == (1, 0, 0)
    assert alerts() == []


def test_a_resource_that_cannot_be_read_is_named_and_keeps_its_verdict(
    evaluate: Evaluate,
    event: Event,
    verdicts: Records,
    items: Items,
    fail: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RULE_NAME", "s3-encryption-compliance")
    monkeypatch.setenv("RULE_PARAMETERS", "{}")
    for name in ("closed", "open"):
        boto3.client("s3").create_bucket(Bucket=name)
    evaluate(event("eventbridge-schedule"))
    before = verdicts()
    fail("GetBucketEncryption", "AccessDenied", when=lambda params: params["Bucket"] == "closed")
    summary = evaluate(event("eventbridge-schedule", time=LATER))
    assert summary["unreadable"] == [
        {"resource_id": "arn:aws:s3:::closed", "error_code": "AccessDenied"}
    ]
    assert (summary["resources"], summary["non_compliant"], summary["alerted"]) == (2, 1, 0)
    assert verdicts() == before
    assert len(items("compliance-history")) == 3
    (stored,) = [
        item
        for item in items("compliance-state")
        if item["resource_id"] == summary["ordering_timestamp"]
    ]
    assert stored["unreadable"] == summary["unreadable"]


def test_a_listing_that_fails_is_an_error_and_no_run_is_recorded(
    evaluate: Evaluate, event: Event, items: Items, fail: Callable[..., None]
) -> None:
    fail("DescribeInstances", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        evaluate(event("eventbridge-schedule"))
    assert items("compliance-state") == []


def test_a_resource_of_another_rule_is_refused(evaluate: Evaluate, event: Event) -> None:
    message = r"^resourceType: must be AWS::EC2::Instance .*, got 'AWS::RDS::DBInstance'$"
    with pytest.raises(UnsupportedEventError, match=message):
        evaluate(event("config-change-rds"))


def test_an_rds_change_finds_the_instance_by_name(
    evaluate: Evaluate, event: Event, verdicts: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RULE_NAME", "rds-backup-compliance")
    monkeypatch.setenv("RULE_PARAMETERS", "{}")
    for name, days in (("orders", 7), ("other", 1)):
        boto3.client("rds").create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            BackupRetentionPeriod=days,
        )
    assert evaluate(event("config-change-rds"))["compliant"] == 1
    assert [item["resource_id"] for item in verdicts()] == [
        "arn:aws:rds:us-east-1:123456789012:db:orders"
    ]


def test_a_failure_is_logged_with_its_run(
    evaluate: Evaluate, event: Event, fail: Callable[..., None], logged: Records
) -> None:
    fail("DescribeInstances", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        evaluate(event("eventbridge-schedule"))
    (line,) = logged()
    assert (line["level"], line["message"]) == ("ERROR", "run failed")
    assert line["exception_name"] == "ClientError"
    assert line["rule_name"] == "ec2-tag-compliance"
    assert line["run_id"] == "8f507cfc-example"
    assert line["trigger"] == "Scheduled Event"


def test_a_failure_before_the_event_is_understood_has_nothing_of_the_run_before(
    evaluate: Evaluate, event: Event, logged: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(event("eventbridge-schedule"))
    with pytest.raises(UnsupportedEventError):
        evaluate({})
    monkeypatch.delenv("RULE_NAME")
    with pytest.raises(EnvironmentVariableError):
        evaluate({})
    finished, refused, nameless = logged()
    assert finished["trigger"] == "Scheduled Event"
    assert (refused["rule_name"], refused["run_id"]) == ("ec2-tag-compliance", "8f507cfc-example")
    assert nameless["run_id"] == "8f507cfc-example"
    assert not {"trigger"} & refused.keys()
    assert not {"trigger", "rule_name"} & nameless.keys()


def test_a_runs_keys_go_with_it(evaluate: Evaluate, event: Event, logged: Records) -> None:
    evaluate(event("eventbridge-schedule"))
    evaluator.logger.info("between two invocations")
    run, between = logged()
    assert {"rule_name", "run_id", "trigger"} <= run.keys()
    assert not {"rule_name", "run_id", "trigger"} & between.keys()


def test_a_missing_variable_is_named(
    evaluate: Evaluate, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATE_TABLE")
    with pytest.raises(EnvironmentVariableError, match=r"^STATE_TABLE: required"):
        evaluate(event("eventbridge-schedule"))


@pytest.mark.parametrize("name", rules.names())
def test_each_rule_and_the_engine_call_exactly_what_they_declare(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    rule = rules.load(name)
    monkeypatch.setenv("RULE_NAME", name)
    monkeypatch.setenv("RULE_PARAMETERS", "{}")
    run_instance()
    boto3.client("s3").create_bucket(Bucket="example-bucket")
    boto3.client("rds").create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        BackupRetentionPeriod=0,
    )
    engine = {*HISTORY_ACTIONS, *EVALUATOR_STATE_ACTIONS, *ALERT_ACTIONS, *CONFIG_ACTIONS}
    declared = {action for permission in rule.permissions for action in permission.actions}
    calls.clear()
    evaluate(event("config-scheduled", ruleParameters=""))
    (judged,) = [params for name, params in calls if name == "config:PutEvaluations"]
    item = {
        "resourceType": rule.resource_type,
        "resourceId": judged["Evaluations"][0]["ComplianceResourceId"],
        "resourceName": "orders",
    }
    evaluate(event("config-change", item=item, ruleParameters=""))
    assert {ACTIONS.get(name, name) for name, _ in calls} == engine | declared


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
item_fields = st.dictionaries(
    st.sampled_from(
        [
            "configurationItemCaptureTime",
            "configurationItemStatus",
            "resourceId",
            "resourceName",
            "resourceType",
        ]
    ),
    json_values | st.from_regex(r"i-[0-9a-f]{8}", fullmatch=True) | st.datetimes().map(str),
)
event_fields = st.dictionaries(
    st.sampled_from(["invokingEvent", "ruleParameters", "resultToken", "detail-type", "time"]),
    json_values
    | json_values.map(json.dumps)
    | st.datetimes().map(lambda time: f"{time.isoformat()}Z")
    | st.sampled_from(Trigger),
)


@settings(
    deadline=None,
    # The fixtures stay as they are from one example to the next, and may.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(
        ["config-change", "config-oversized-change", "config-scheduled", "eventbridge-schedule"]
    ),
    item_fields,
    event_fields,
)
def test_any_event_is_answered_or_refused_by_name(
    evaluate: Evaluate, event: Event, name: str, item: dict[str, Any], fields: dict[str, Any]
) -> None:
    told = event(name)
    if "invokingEvent" in told and name != "config-scheduled":
        told = event(name, item=item)
    with suppress(UnsupportedEventError, ParameterError):
        assert evaluate({**told, **fields})["rule_name"] == "ec2-tag-compliance"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json_values)
def test_any_json_is_answered_or_refused_by_name(evaluate: Evaluate, told: object) -> None:
    with suppress(UnsupportedEventError, ParameterError):
        assert evaluate(told)["rule_name"] == "ec2-tag-compliance"


@pytest.mark.parametrize("module", ["assay.evaluator", "assay.report_aggregator"])
def test_a_function_imports_little(module: str) -> None:
    program = (
        f"import sys; before = set(sys.modules); import {module};"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before}"
        " - sys.stdlib_module_names - {'__mp_main__'});"
        "print(*[name for name in sys.modules if name.startswith('assay.rules.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, encoding="utf-8"
    )
    packages, loaded_rules = done.stdout.split("\n")[:2]
    assert set(packages.split()) <= {
        "assay",
        "aws_lambda_powertools",
        "boto3",
        "botocore",
        "certifi",
        "dateutil",
        "jmespath",
        "s3transfer",
        "six",
        "typing_extensions",
        "urllib3",
    }
    assert loaded_rules == ""
