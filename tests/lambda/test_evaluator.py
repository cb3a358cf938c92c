from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from assay import evaluator, rules
from assay.dynamodb import to_item
from assay.environment import EnvironmentVariableError
from assay.evaluator import NotReadError, OvertakenError
from assay.events import Trigger, UnsupportedEventError
from assay.parameters import ParameterError
from assay.permissions import (
    ALERT_ACTIONS,
    CONFIG_ACTIONS,
    CONTINUATION_ACTIONS,
    EVALUATOR_STATE_ACTIONS,
    HISTORY_ACTIONS,
)
from assay.state import Verdict
from assay.timestamps import read_timestamp
from assay.waivers import Waiver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.aws import Aws
    from assay.run import RunSummary

    Evaluate = Callable[[object], RunSummary]
    EvaluateWithin = Callable[..., RunSummary]
    Event = Callable[..., dict[str, Any]]
    Items = Callable[[str], list[dict[str, Any]]]
    Records = Callable[[], list[dict[str, Any]]]
    RunInstance = Callable[..., str]
    Calls = list[tuple[str, dict[str, Any]]]
    UseRule = Callable[..., None]

ARN = "arn:aws:ec2:us-east-1:123456789012:instance/"
RULE = "ec2-tag-compliance"
EARLIER, LATER = "2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z"
GONE = "i-0123456789abcdef0"
# Clients take longer to make than most tests take.
client: Any = cache(boto3.client)
# Operations whose IAM action is named otherwise.
ACTIONS = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
}


class Crash(BaseException):
    """The process ends here."""


def actions(calls: Calls) -> set[str]:
    """Returns the IAM actions that calls need."""
    found = set()
    for name, parameters in calls:
        if name == "dynamodb:TransactWriteItems":
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
            found |= {
                f"dynamodb:{kind}Item" for each in parameters["TransactItems"] for kind in each
            }
        elif name == "s3:GetPublicAccessBlock":
            owner = "Account" if "AccountId" in parameters else "Bucket"
            found.add(f"s3:Get{owner}PublicAccessBlock")
        else:
            found.add(ACTIONS.get(name, name))
    return found


def sweep_summaries(items: Items) -> list[tuple[str, ...]]:
    """Returns kind and error steps of each sweep that the state table tells of."""
    return [
        (item["rule_name"].partition("#")[0], *(error["step"] for error in item["errors"]))
        for item in items("compliance-state")
        if item["rule_name"].partition("#")[0] in {"run", "failed-run"}
    ]


@pytest.fixture
def use_rule(
    monkeypatch: pytest.MonkeyPatch,
    evaluator_environment: None,
) -> UseRule:
    """Makes the evaluator that of another rule."""
    assert evaluator_environment is None

    def use_rule(name: str) -> None:
        monkeypatch.setenv("RULE_CLASS", rules.load(name).reference())
        monkeypatch.setenv("RULE_NAME", name)
        monkeypatch.setenv("RULE_PARAMETERS", "{}")

    return use_rule


@pytest.fixture
def remember(tables: None) -> Callable[..., None]:
    """Writes a verdict that an earlier run has left on an instance."""
    assert tables is None
    dynamodb = client("dynamodb")

    def remember(instance_id: str, **fields: Any) -> None:
        verdict = {
            "rule_name": RULE,
            "resource_id": f"{ARN}{instance_id}",
            "resource_type": "AWS::EC2::Instance",
            "config_resource_id": instance_id,
            "compliance_type": "COMPLIANT",
            "annotation": "All required tags are present.",
            "severity": "medium",
            "since": "2026-11-22T00:00:00.000000Z",
            "ordering_timestamp": "2026-11-22T00:00:00.000000Z",
            **fields,
        }
        item = to_item(asdict(Verdict(**verdict)))
        dynamodb.put_item(TableName="compliance-state", Item=item)

    return remember


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Reads the metrics that were written since it was last asked, and their dimensions."""

    def metrics() -> list[dict[str, Any]]:
        found = []
        for line in capsys.readouterr().out.splitlines():
            written = json.loads(line)
            if "_aws" in written:
                (metric,) = written.pop("_aws")["CloudWatchMetrics"]
                assert metric["Namespace"] == "Assay"
                assert metric["Dimensions"] == [["environment_suffix", "rule_name"]]
                found.append(
                    {
                        name: value if isinstance(value, str) else value[0]
                        for name, value in written.items()
                    }
                )
        return found

    return metrics


@pytest.fixture
def in_segments(
    evaluate_within: EvaluateWithin, continuations: Records
) -> Callable[[object], list[RunSummary]]:
    """Sweeps by invocations that are always late, as far as the queue leads."""

    def in_segments(event: object) -> list[RunSummary]:
        summaries = [evaluate_within(0, event)]
        while messages := continuations():
            (rest,) = messages
            summaries.append(evaluate_within(0, rest, run_id=f"segment-{len(summaries) + 1}"))
        return summaries

    return in_segments


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
        "segments": 1,
        "continued": False,
        "complete": True,
        "resources": 2,
        "compliant": 1,
        "non_compliant": 1,
        "not_applicable": 0,
        "transitions": 2,
        "unreadable_count": 0,
        "unreadable": [],
        "errors": [],
        "alerted": 1,
        "resolved": 0,
        "api_calls": {
            "dynamodb:BatchWriteItem": 1,
            "dynamodb:GetItem": 1,
            "dynamodb:PutItem": 1,
            "dynamodb:Query": 1,
            "dynamodb:TransactWriteItems": 1,
            "dynamodb:UpdateItem": 1,
            "ec2:DescribeInstances": 1,
            "sns:Publish": 1,
        },
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


@pytest.mark.parametrize(
    "name",
    ["config-change", "config-change-short", "config-discovered", "config-oversized-change"],
)
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


@pytest.mark.parametrize(
    "name",
    [
        *("config-deleted", "config-deleted-not-recorded", "config-left-scope"),
        *("config-not-recorded", "config-oversized-deleted"),
    ],
)
def test_a_resource_that_departed_is_not_applicable(
    evaluate: Evaluate, event: Event, verdicts: Records, calls: Calls, name: str
) -> None:
    summary = evaluate(event(name))
    assert (summary["resources"], summary["not_applicable"], summary["alerted"]) == (1, 1, 0)
    assert verdicts()[0]["compliance_type"] == "NOT_APPLICABLE"
    (put,) = [params for name, params in calls if name == "config:PutEvaluations"]
    assert put["Evaluations"][0]["ComplianceType"] == "NOT_APPLICABLE"


def test_a_departed_resource_without_a_name_is_known_by_its_arn(
    evaluate: Evaluate, event: Event, verdicts: Records, use_rule: UseRule
) -> None:
    use_rule("rds-backup-compliance")
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
    use_rule: UseRule,
) -> None:
    use_rule("rds-backup-compliance")
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


@pytest.fixture
def world(run_instance: RunInstance) -> None:
    """Something of each resource type, with every fault that a rule could find."""
    run_instance()
    ec2, s3, iam, rds = (client(name) for name in ("ec2", "s3", "iam", "rds"))
    ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)
    group = ec2.create_security_group(GroupName="open", Description="open")["GroupId"]
    everybody = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{**everybody, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    s3.create_bucket(Bucket="example-bucket")
    rds.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        BackupRetentionPeriod=0,
        PubliclyAccessible=True,
    )
    iam.create_user(UserName="anna", Path="/people/")
    iam.create_login_profile(UserName="anna", Password="example")
    iam.create_access_key(UserName="anna")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = iam.create_policy(
        PolicyName="everything",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    iam.attach_user_policy(UserName="anna", PolicyArn=policy["Policy"]["Arn"])


def changed_item(verdict: dict[str, Any]) -> dict[str, Any]:
    """Returns fields of the configuration item of a verdict's resource."""
    return {
        "resourceType": verdict["resource_type"],
        "resourceId": verdict["config_resource_id"],
        "resourceName": verdict["resource_id"].rpartition(":")[2],
        "ARN": verdict["resource_id"],
    }


# Late enough for every access key to be too old.
FIRST, SECOND, THIRD = (f"2100-11-23T0{hour}:00:00Z" for hour in (1, 2, 3))


@pytest.mark.parametrize("name", rules.names())
def test_sweeps_and_changes_know_a_resource_by_the_same_id(
    evaluate: Evaluate,
    event: Event,
    use_rule: UseRule,
    world: None,
    verdicts: Records,
    alerts: Records,
    name: str,
) -> None:
    assert world is None
    use_rule(name)
    assert evaluate(event("eventbridge-schedule", time=FIRST))["non_compliant"]
    before = verdicts()
    violation = next(found for found in before if found["compliance_type"] == "NON_COMPLIANT")
    item = changed_item(violation)
    own: dict[str, Any] = {"item": item, "ruleParameters": "", "configRuleName": f"{name}-dev"}
    assert evaluate(event("config-change", time=SECOND, **own))["transitions"] == 0
    # Nothing is another but when somebody last looked.
    moment = "2100-11-23T02:00:00.000000Z"
    looked = {violation["resource_id"]: {**violation, "ordering_timestamp": moment}}
    assert verdicts() == [looked.get(found["resource_id"], found) for found in before]
    assert evaluate(event("eventbridge-schedule", time=THIRD))["transitions"] == 0
    assert verdicts() == [looked.get(found["resource_id"], found) for found in before]
    assert len(alerts()) == 1
    deleted = event("config-deleted", time="2100-11-23T04:00:00Z", **own)
    assert evaluate(deleted)["transitions"] == 1
    (departed,) = [found for found in verdicts() if found["since"] == "2100-11-23T04:00:00.000000Z"]
    assert departed["resource_id"] == violation["resource_id"]
    assert departed["config_resource_id"] == violation["config_resource_id"]


def test_each_run_leaves_a_summary(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, items: Items
) -> None:
    instance_id = run_instance()
    change = evaluate(event("config-change", item={"resourceId": instance_id}))
    sweep = evaluate(event("eventbridge-schedule"))
    stored = {item["rule_name"]: item for item in items("compliance-state")}
    assert list(stored) == [
        "change-run#ec2-tag-compliance",
        "ec2-tag-compliance",
        "run#ec2-tag-compliance",
        "sweep#ec2-tag-compliance",
    ]
    subject = f"2026-11-23T05:11:12.345000Z#{ARN}{instance_id}"
    assert stored["change-run#ec2-tag-compliance"]["resource_id"] == subject
    kept = set(sweep) - {"rule_name", "unreadable"}
    for name, summary in (("change-run", change), ("run", sweep)):
        item = stored[f"{name}#ec2-tag-compliance"]
        assert {field: item[field] for field in kept} == {
            field: value for field, value in summary.items() if field in kept
        }
    assert (change["complete"], change["resources"], change["transitions"]) == (True, 1, 1)


def test_a_change_that_could_not_be_told_leaves_a_summary_that_says_so(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    fail: Callable[..., None],
) -> None:
    fail("Publish", "InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        evaluate(event("config-change", item={"resourceId": run_instance()}))
    (item,) = [item for item in items("compliance-state") if "change-run#" in item["rule_name"]]
    assert [error["step"] for error in item["errors"]] == ["alerts"]
    assert item["complete"] is False


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
    made = [name for name, _ in calls]
    assert alerts() == []
    assert made == [
        "dynamodb:PutItem",
        "dynamodb:Query",
        "ec2:DescribeInstances",
        "dynamodb:BatchWriteItem",
        "dynamodb:PutItem",
    ]
    partitions = [params["Item"]["rule_name"]["S"] for name, params in calls if "PutItem" in name]
    assert partitions == ["sweep#ec2-tag-compliance", "run#ec2-tag-compliance"]


def test_another_reason_is_written_and_is_no_transition(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, verdicts: Records, alerts: Records
) -> None:
    instance_id = run_instance()
    evaluate(event("eventbridge-schedule"))
    client("ec2").terminate_instances(InstanceIds=[instance_id])
    resolved = evaluate(event("eventbridge-schedule", time=LATER))
    assert (resolved["transitions"], resolved["alerted"], resolved["resolved"]) == (1, 0, 1)
    gone = event("config-deleted", item={"resourceId": instance_id}, time="2026-11-23T18:00:00Z")
    assert evaluate(gone)["transitions"] == 0
    assert verdicts()[0]["since"] == "2026-11-23T12:00:00.000000Z"
    assert verdicts()[0]["annotation"] == "The resource no longer exists."
    told = [(len(alert["new_violations"]), len(alert["resolved"])) for alert in alerts()]
    assert told == [(1, 0), (0, 1)]


def test_a_vanished_resource_is_retired_once(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    calls: Calls,
    answer: Callable[..., None],
) -> None:
    instance_id = run_instance()
    evaluate(event("eventbridge-schedule"))
    nothing: dict[str, Any] = {"Reservations": []}
    answer("DescribeInstances", nothing, nothing, nothing)
    calls.clear()
    summary = evaluate(event("eventbridge-schedule", time=LATER))
    assert (summary["resources"], summary["not_applicable"], summary["transitions"]) == (1, 1, 1)
    listed, named = [params for name, params in calls if name == "ec2:DescribeInstances"]
    assert "Filters" not in listed
    assert named["Filters"] == [{"Name": "instance-id", "Values": [instance_id]}]
    (verdict,) = verdicts()
    assert verdict["annotation"] == "The resource no longer exists."
    assert verdict["expires_at"] > 0
    assert len(items("compliance-history")) == 2
    summary = evaluate(event("eventbridge-schedule", time="2026-11-23T18:00:00Z"))
    assert summary["resources"] == 0
    assert len(items("compliance-history")) == 2


def test_a_resource_that_a_shifting_listing_has_skipped_is_judged_and_not_retired(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    verdicts: Records,
    answer: Callable[..., None],
) -> None:
    run_instance(Owner="web")
    evaluate(event("eventbridge-schedule"))
    answer("DescribeInstances", {"Reservations": []})
    summary = evaluate(event("eventbridge-schedule", time=LATER))
    assert (summary["compliant"], summary["not_applicable"], summary["transitions"]) == (1, 0, 0)
    assert verdicts()[0]["compliance_type"] == "COMPLIANT"


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
    [
        *("DescribeInstances", "BatchWriteItem", "TransactWriteItems", "PutItem", "UpdateItem"),
        *("Publish", "PutEvaluations", "Query", "GetItem"),
    ],
)
def test_after_a_crash_at_any_call_the_retry_completes_the_run(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    alerts: Records,
    fail: Callable[..., None],
    fail_after: Callable[[str, BaseException], None],
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


def test_a_violation_that_is_resolved_before_its_alert_could_be_sent_is_told_as_resolved(
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
    client("ec2").create_tags(Resources=[instance_id], Tags=[{"Key": "Owner", "Value": "web"}])
    # Nobody knows whether the first alert went out before its call failed.
    summary = evaluate(event("eventbridge-schedule", time=LATER))
    assert (summary["alerted"], summary["resolved"]) == (0, 1)
    (alert,) = alerts()
    assert alert["new_violations"] == []
    assert [entry["config_resource_id"] for entry in alert["resolved"]] == [instance_id]
    assert evaluate(event("eventbridge-schedule", time="2026-11-23T18:00:00Z"))["resolved"] == 0


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
    client("ec2").delete_tags(Resources=[instance_id], Tags=[{"Key": "Owner"}])
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
    verdicts: Records,
    alerts: Records,
    meanwhile: Callable[..., None],
    remember: Callable[..., None],
) -> None:
    instance_id = run_instance()
    newer = "2026-11-23T11:00:00.000000Z"
    # The first PutItem is the one that notes that the sweep begins.
    meanwhile(
        "PutItem",
        lambda: None,
        lambda: remember(instance_id, since=newer, ordering_timestamp=newer),
    )
    summary = evaluate(event("eventbridge-schedule"))
    assert (summary["non_compliant"], summary["transitions"], summary["alerted"]) == (1, 0, 0)
    assert alerts() == []
    assert verdicts()[0]["ordering_timestamp"] == newer


def test_a_resource_that_cannot_be_read_is_named_and_keeps_its_verdict(
    evaluate: Evaluate,
    event: Event,
    use_rule: UseRule,
    verdicts: Records,
    items: Items,
    fail: Callable[..., None],
    metrics: Records,
    logged: Records,
) -> None:
    use_rule("s3-encryption-compliance")
    for name in ("closed", "open"):
        client("s3").create_bucket(Bucket=name)
    evaluate(event("eventbridge-schedule"))
    before = verdicts()
    metrics()
    fail("GetBucketEncryption", "AccessDenied", when=lambda params: params["Bucket"] == "closed")
    summary = evaluate(event("eventbridge-schedule", time=LATER))
    unreadable = [{"resource_id": "arn:aws:s3:::closed", "error_code": "AccessDenied"}]
    assert (summary["unreadable"], summary["unreadable_count"]) == (unreadable, 1)
    assert (summary["resources"], summary["non_compliant"], summary["alerted"]) == (2, 1, 0)
    assert (summary["complete"], summary["errors"]) == (True, [])
    assert verdicts() == before
    assert len(items("compliance-history")) == 3
    moment = summary["ordering_timestamp"]
    stored = [item for item in items("compliance-state") if moment in item["resource_id"]]
    segment, run = sorted(stored, key=lambda item: str(item["rule_name"]), reverse=True)
    assert segment["rule_name"] == "segment#s3-encryption-compliance"
    assert segment["unreadable"] == {"arn:aws:s3:::closed": "AccessDenied"}
    assert run["rule_name"] == "run#s3-encryption-compliance"
    assert run["unreadable_count"] == 1
    (metric,) = metrics()
    assert (metric["Unreadable"], metric["NonCompliant"], metric["Errors"]) == (1, 1, 0)
    (warning,) = [line for line in logged() if line["level"] == "WARNING"]
    assert warning["resource_id"] == "arn:aws:s3:::closed"
    assert warning["rule_name"] == "s3-encryption-compliance"
    assert (warning["run_id"], warning["trigger"]) == ("8f507cfc-example", "Scheduled Event")


def test_what_cannot_be_read_is_named_a_hundred_times_and_kept_in_full(
    evaluate: Evaluate,
    event: Event,
    use_rule: UseRule,
    items: Items,
    answer: Callable[..., None],
    fail: Callable[..., None],
) -> None:
    use_rule("s3-encryption-compliance")
    names = [f"bucket-{number:03}" for number in range(251)]
    answer("ListBuckets", {"Buckets": [{"Name": name} for name in names]})
    fail("GetBucketEncryption", "AccessDenied")
    summary = evaluate(event("eventbridge-schedule"))
    assert (summary["resources"], summary["unreadable_count"]) == (251, 251)
    assert [each["resource_id"] for each in summary["unreadable"]] == [
        f"arn:aws:s3:::{name}" for name in names[:100]
    ]
    kept = [item["unreadable"] for item in items("compliance-state") if "unreadable" in item]
    assert [len(part) for part in kept] == [250, 1]


@pytest.mark.parametrize(
    "code",
    ["AccessDenied", "AccessDeniedException", "AllAccessDisabled", "UnauthorizedOperation"],
)
def test_a_change_whose_resource_may_not_be_read_names_it_and_succeeds(
    evaluate: Evaluate,
    event: Event,
    use_rule: UseRule,
    items: Items,
    verdicts: Records,
    calls: Calls,
    fail: Callable[..., None],
    metrics: Records,
    code: str,
) -> None:
    use_rule("s3-encryption-compliance")
    client("s3").create_bucket(Bucket="example-bucket")
    fail("GetBucketEncryption", code)
    summary = evaluate(event("config-change-s3"))
    unreadable = [{"resource_id": "arn:aws:s3:::example-bucket", "error_code": code}]
    assert (summary["unreadable"], summary["resources"]) == (unreadable, 1)
    assert (items("compliance-history"), verdicts()) == ([], [])
    assert "config:PutEvaluations" not in {name for name, _ in calls}
    (stored,) = [item for item in items("compliance-state") if "change-run#" in item["rule_name"]]
    assert stored["unreadable"] == unreadable
    (metric,) = metrics()
    assert (metric["Unreadable"], metric["Errors"]) == (1, 0)


def test_a_change_whose_resource_could_not_be_read_this_time_is_repeated(
    evaluate: Evaluate,
    event: Event,
    use_rule: UseRule,
    items: Items,
    verdicts: Records,
    fail: Callable[..., None],
    recover: Callable[[], None],
) -> None:
    use_rule("s3-encryption-compliance")
    client("s3").create_bucket(Bucket="example-bucket")
    fail("GetBucketEncryption", "SlowDown")
    with pytest.raises(NotReadError, match=r"^arn:aws:s3:::example-bucket: SlowDown$"):
        evaluate(event("config-change-s3"))
    (stored,) = [item for item in items("compliance-state") if "change-run#" in item["rule_name"]]
    assert [error["step"] for error in stored["errors"]] == ["reading"]
    assert stored["complete"] is False
    assert [each["error_code"] for each in stored["unreadable"]] == ["SlowDown"]
    recover()
    assert evaluate(event("config-change-s3"))["complete"]
    assert len(verdicts()) == 1


def test_a_rules_own_fault_on_one_resource_is_seen_and_hides_no_other(
    evaluate: Evaluate,
    event: Event,
    use_rule: UseRule,
    verdicts: Records,
    metrics: Records,
    logged: Records,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = (
        "from assay.rules.s3_encryption_compliance import S3EncryptionCompliance\n"
        "class Faulty(S3EncryptionCompliance):\n"
        "    def evaluate(self, resource, parameters, now):\n"
        "        assert resource.kms_key, 'no key'\n"
        "        return super().evaluate(resource, parameters, now)\n"
    )
    (tmp_path / "faulty_rule.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    use_rule("s3-encryption-compliance")
    monkeypatch.setenv("RULE_CLASS", "faulty_rule:Faulty")
    s3 = client("s3")
    key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/key"}
    for name in ("plain", "encrypted"):
        s3.create_bucket(Bucket=name)
    configuration = {"Rules": [{"ApplyServerSideEncryptionByDefault": key}]}
    s3.put_bucket_encryption(Bucket="encrypted", ServerSideEncryptionConfiguration=configuration)
    summary = evaluate(event("eventbridge-schedule"))
    assert summary["unreadable"] == [
        {"resource_id": "arn:aws:s3:::plain", "error_code": "AssertionError"}
    ]
    assert [item["resource_id"] for item in verdicts()] == ["arn:aws:s3:::encrypted"]
    assert metrics()[0]["Unreadable"] == 1
    (failed,) = [line for line in logged() if line["message"] == "rule failed"]
    assert failed["exception_name"] == "AssertionError"
    assert failed["resource_id"] == "arn:aws:s3:::plain"
    assert failed["rule_name"] == "s3-encryption-compliance"
    assert (failed["run_id"], failed["trigger"]) == ("8f507cfc-example", "Scheduled Event")


def test_a_listing_that_fails_is_an_error_and_the_run_is_recorded_as_failed(
    evaluate: Evaluate,
    event: Event,
    items: Items,
    fail: Callable[..., None],
    metrics: Records,
    remember: Callable[..., None],
    verdicts: Records,
) -> None:
    remember(GONE)
    fail("DescribeInstances", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        evaluate(event("eventbridge-schedule"))
    assert sweep_summaries(items) == [("failed-run", "listing")]
    assert verdicts()[0]["compliance_type"] == "COMPLIANT"
    (metric,) = metrics()
    assert metric["Errors"] == 1
    assert "Compliant" not in metric


def test_a_page_that_fails_keeps_what_came_before_and_retires_nothing(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    alerts: Records,
    change_parameters: Callable[..., None],
    fail: Callable[..., None],
    recover: Callable[[], None],
    remember: Callable[..., None],
) -> None:
    remember(GONE)
    first, second = run_instance(), run_instance()
    change_parameters("DescribeInstances", MaxResults=1)
    fail("DescribeInstances", "InternalError", when=lambda params: "NextToken" in params)
    with pytest.raises(ClientError, match="InternalError"):
        evaluate(event("eventbridge-schedule"))
    found = {item["config_resource_id"]: item["compliance_type"] for item in verdicts()}
    assert found == {GONE: "COMPLIANT", first: "NON_COMPLIANT"}
    assert len(items("compliance-history")) == 1
    assert [alert["new_violations_count"] for alert in alerts()] == [1]
    recover()
    assert evaluate(event("eventbridge-schedule"))["complete"]
    found = {item["config_resource_id"]: item["compliance_type"] for item in verdicts()}
    assert found == {GONE: "NOT_APPLICABLE", first: "NON_COMPLIANT", second: "NON_COMPLIANT"}
    assert len(items("compliance-history")) == 3


@pytest.mark.parametrize(
    ("operation", "step", "history", "state", "told"),
    [
        # Nobody is told what history does not hold.
        ("BatchWriteItem", "history", 0, 0, 0),
        ("TransactWriteItems", "state", 2, 0, 0),
        ("PutEvaluations", "PutEvaluations", 2, 2, 1),
        ("Publish", "alerts", 2, 2, 0),
        ("UpdateItem", "alerts", 2, 2, 1),
    ],
)
def test_what_cannot_be_recorded_keeps_nothing_else_from_it_and_fails_the_run_in_the_end(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    alerts: Records,
    calls: Calls,
    fail: Callable[..., None],
    recover: Callable[[], None],
    metrics: Records,
    operation: str,
    step: str,
    history: int,
    state: int,
    told: int,
) -> None:
    run_instance(Owner="web")
    run_instance()
    fail(operation, "InternalError")
    with pytest.raises(ClientError, match=f"InternalError.*{operation}"):
        evaluate(event("config-scheduled"))
    assert (len(items("compliance-history")), len(verdicts())) == (history, state)
    reported = [params for name, params in calls if name == "config:PutEvaluations"]
    assert [len(params["Evaluations"]) for params in reported] == ([2] if history else [])
    assert sweep_summaries(items) == [("failed-run", step)]
    (failed,) = [item for item in items("compliance-state") if "failed-run" in item["rule_name"]]
    assert failed["errors"][0]["error_code"] == "InternalError"
    assert (failed["complete"], failed["continued"]) == (False, False)
    (metric,) = metrics()
    assert metric["Errors"] == 1
    assert len(alerts()) == told
    recover()
    assert evaluate(event("config-scheduled"))["complete"]
    assert (len(items("compliance-history")), len(verdicts())) == (2, 2)
    assert ("run",) in sweep_summaries(items)
    # Once too often where the mark could not be taken off.
    assert len(alerts()) == (0 if operation == "PutEvaluations" else 1)


def test_a_summary_that_cannot_be_written_fails_the_run(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    verdicts: Records,
    fail: Callable[..., None],
    recover: Callable[[], None],
) -> None:
    run_instance()
    fail(
        "PutItem",
        "InternalError",
        when=lambda params: params["Item"]["rule_name"]["S"].startswith("run#"),
    )
    with pytest.raises(ClientError, match="InternalError"):
        evaluate(event("eventbridge-schedule"))
    assert sweep_summaries(items) == []
    assert len(verdicts()) == 1
    recover()
    evaluate(event("eventbridge-schedule"))
    assert sweep_summaries(items) == [("run",)]


def test_names_of_unreadable_resources_that_cannot_be_written_fail_the_run(
    evaluate: Evaluate,
    event: Event,
    use_rule: UseRule,
    items: Items,
    fail: Callable[..., None],
) -> None:
    use_rule("s3-encryption-compliance")
    client("s3").create_bucket(Bucket="closed")
    fail("GetBucketEncryption", "AccessDenied")
    fail(
        "PutItem",
        "InternalError",
        when=lambda params: params["Item"]["rule_name"]["S"].startswith("segment#"),
    )
    with pytest.raises(ClientError, match="InternalError"):
        evaluate(event("eventbridge-schedule"))
    assert sweep_summaries(items) == [("failed-run", "summary")]


def test_state_that_cannot_be_read_is_an_error_at_once(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    fail: Callable[..., None],
    metrics: Records,
) -> None:
    run_instance()
    fail("Query", "InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        evaluate(event("eventbridge-schedule"))
    assert items("compliance-history") == []
    assert metrics() == [{"Errors": 1, "environment_suffix": "dev", "rule_name": RULE}]


def test_a_poisoned_item_is_the_only_one_that_is_not_recorded(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    verdicts: Records,
    items: Items,
    fail: Callable[..., None],
) -> None:
    poisoned = f"{ARN}{run_instance()}"
    others = {f"{ARN}{run_instance()}" for _ in range(3)}
    reasons = {"CancellationReasons": [{"Code": "None"}, {"Code": "ValidationError"}]}
    refusal: Any = {"Error": {"Code": "TransactionCanceledException"}, **reasons}
    fail("TransactWriteItems", ClientError(refusal, "TransactWriteItems"))
    fail(
        "PutItem",
        "ValidationException",
        when=lambda params: params["Item"]["resource_id"]["S"] == poisoned,
    )
    with pytest.raises(ClientError, match="ValidationException"):
        evaluate(event("eventbridge-schedule"))
    assert {item["resource_id"] for item in verdicts()} == others
    assert {item["resource_id"] for item in items("compliance-history")} == {poisoned, *others}
    assert sweep_summaries(items) == [("failed-run", "state")]


def test_a_sweep_without_time_goes_on_through_the_queue_and_ends_as_one_sweep(
    in_segments: Callable[[object], list[RunSummary]],
    event: Event,
    run_instance: RunInstance,
    remember: Callable[..., None],
    change_parameters: Callable[..., None],
    items: Items,
    verdicts: Records,
    alerts: Records,
    calls: Calls,
    metrics: Records,
    logged: Records,
) -> None:
    instances = [run_instance(**({"Owner": "web"} if number % 3 else {})) for number in range(30)]
    remember(GONE)
    change_parameters("DescribeInstances", MaxResults=28)
    calls.clear()
    summaries = in_segments(event("eventbridge-schedule"))
    *earlier, last = summaries
    # 25 of the first page; the rest of it; the second page; and what there is to tell.
    assert [summary["resources"] for summary in summaries] == [25, 28, 31, 31]
    assert [summary["segments"] for summary in summaries] == [1, 2, 3, 4]
    assert [summary["continued"] for summary in summaries] == [True, True, True, False]
    assert [summary["complete"] for summary in summaries] == [False, False, False, True]
    assert {summary["run_id"] for summary in summaries} == {"8f507cfc-example"}
    assert len({summary["started_at"] for summary in summaries}) == 1
    assert (last["compliant"], last["non_compliant"], last["not_applicable"]) == (20, 10, 1)
    assert (last["transitions"], last["alerted"], last["resolved"]) == (31, 10, 0)
    assert [summary["alerted"] for summary in earlier] == [0, 0, 0]
    recorded = [item["config_resource_id"] for item in items("compliance-history")]
    assert sorted(recorded) == sorted([*instances, GONE])
    assert len(verdicts()) == 31
    (alert,) = alerts()
    assert alert["new_violations_count"] == 10
    assert sweep_summaries(items) == [("run",)]
    (stored,) = [item for item in items("compliance-state") if "run#" in item["rule_name"]]
    assert (stored["resources"], stored["segments"], stored["complete"]) == (31, 4, True)
    found = metrics()
    assert [metric.get("Compliant") for metric in found] == [None, None, None, 20]
    assert [metric["Errors"] for metric in found] == [0, 0, 0, 0]
    assert "RunDuration" not in found[0]
    assert [line["run_id"] for line in logged()] == ["8f507cfc-example"] * 4
    # Each call is counted once, but those that tell of the counts.
    counted = [name for name, _ in calls]
    for name in ("ec2:DescribeInstances", "dynamodb:Query", "dynamodb:BatchWriteItem"):
        assert last["api_calls"][name] == counted.count(name)
    assert earlier[0]["api_calls"]["sqs:SendMessage"] == 1
    assert last["api_calls"]["ec2:DescribeInstances"] == 4
    asked = [params for name, params in calls if name == "ec2:DescribeInstances"][-1]
    assert asked["Filters"] == [{"Name": "instance-id", "Values": [GONE]}]


def test_a_sweep_that_is_late_at_its_end_tells_in_a_fresh_invocation(
    evaluate_within: EvaluateWithin,
    event: Event,
    run_instance: RunInstance,
    continuations: Records,
    alerts: Records,
    items: Items,
) -> None:
    run_instance()
    swept = evaluate_within(0, event("eventbridge-schedule"))
    assert (swept["continued"], swept["resources"], swept["alerted"]) == (True, 1, 0)
    assert (alerts(), sweep_summaries(items)) == ([], [])
    (rest,) = continuations()
    told = evaluate_within(0, rest)
    assert (told["continued"], told["resources"], told["alerted"]) == (False, 1, 1)
    assert len(alerts()) == 1
    assert sweep_summaries(items) == [("run",)]
    assert len(items("compliance-history")) == 1


def test_each_segment_remembers_only_what_it_has_seen_itself(
    in_segments: Callable[[object], list[RunSummary]],
    event: Event,
    run_instance: RunInstance,
    change_parameters: Callable[..., None],
    items: Items,
) -> None:
    for _ in range(3):
        run_instance()
    change_parameters("DescribeInstances", MaxResults=1)
    in_segments(event("eventbridge-schedule"))
    segments = [item for item in items("compliance-state") if "segment#" in item["rule_name"]]
    assert [item["resource_id"] for item in segments] == [
        "2026-11-23T06:00:00.000000Z#00001#handed-on",
        "2026-11-23T06:00:00.000000Z#00001#seen#00000",
        "2026-11-23T06:00:00.000000Z#00002#handed-on",
        "2026-11-23T06:00:00.000000Z#00002#seen#00000",
        "2026-11-23T06:00:00.000000Z#00003#handed-on",
        "2026-11-23T06:00:00.000000Z#00003#seen#00000",
    ]
    assert [len(item["seen"].value) for item in segments if "seen" in item] == [8, 8, 8]


def test_a_segment_that_is_done_does_nothing_when_its_message_comes_again(
    evaluate_within: Callable[..., RunSummary],
    event: Event,
    run_instance: RunInstance,
    change_parameters: Callable[..., None],
    continuations: Callable[[], list[dict[str, Any]]],
    calls: Calls,
) -> None:
    for _ in range(3):
        run_instance()
    change_parameters("DescribeInstances", MaxResults=1)
    evaluate_within(10, event("eventbridge-schedule"))
    (message,) = continuations()
    assert evaluate_within(10, message)["continued"]
    assert len(continuations()) == 1
    calls.clear()
    assert evaluate_within(10, message)["continued"]
    assert [name for name, _ in calls] == ["dynamodb:GetItem"]
    assert continuations() == []


def test_only_the_last_segment_retires_and_judges_what_the_listing_has_skipped(
    in_segments: Callable[[object], list[RunSummary]],
    event: Event,
    run_instance: RunInstance,
    remember: Callable[..., None],
    verdicts: Records,
    answer: Callable[..., None],
    aws: Aws,
) -> None:
    listed, skipped = run_instance(Owner="web"), run_instance(Owner="web")
    for name in (GONE, listed, skipped):
        remember(name)
    described = aws.client("ec2").describe_instances(InstanceIds=[listed])["Reservations"]
    answer("DescribeInstances", {"Reservations": [], "NextToken": "x"}, {"Reservations": described})
    first, second, last = in_segments(event("eventbridge-schedule"))
    assert (first["resources"], first["not_applicable"]) == (0, 0)
    for found in (second, last):
        assert (found["compliant"], found["not_applicable"], found["transitions"]) == (2, 1, 1)
    standing = {item["config_resource_id"]: item["compliance_type"] for item in verdicts()}
    assert standing == {GONE: "NOT_APPLICABLE", listed: "COMPLIANT", skipped: "COMPLIANT"}


def test_a_segment_takes_token_and_parameters_of_config_along(
    in_segments: Callable[[object], list[RunSummary]],
    event: Event,
    run_instance: RunInstance,
    change_parameters: Callable[..., None],
    calls: Calls,
) -> None:
    for _ in range(2):
        run_instance(Cost="42")
    change_parameters("DescribeInstances", MaxResults=1)
    parameters = json.dumps({"requiredTags": '{"Cost":[]}'})
    summaries = in_segments(event("config-scheduled", ruleParameters=parameters))
    assert [summary["compliant"] for summary in summaries] == [1, 2, 2]
    reported = [params for name, params in calls if name == "config:PutEvaluations"]
    assert [params["ResultToken"] for params in reported] == ["myResultToken"] * 2


def test_what_no_segment_could_read_is_kept_together(
    in_segments: Callable[[object], list[RunSummary]],
    event: Event,
    use_rule: UseRule,
    items: Items,
    answer: Callable[..., None],
    fail: Callable[..., None],
) -> None:
    use_rule("s3-encryption-compliance")
    names = [f"bucket-{number:03}" for number in range(26)]
    buckets = {"Buckets": [{"Name": name} for name in names]}
    answer("ListBuckets", buckets, buckets)
    fail("GetBucketEncryption", "AccessDenied")
    summaries = in_segments(event("eventbridge-schedule"))
    assert [summary["unreadable_count"] for summary in summaries] == [25, 26, 26]
    assert [len(summary["unreadable"]) for summary in summaries] == [25, 1, 0]
    kept = [item["unreadable"] for item in items("compliance-state") if "unreadable" in item]
    assert {arn for part in kept for arn in part} == {f"arn:aws:s3:::{name}" for name in names}


def test_a_segment_that_fails_is_repeated_and_ends_the_same_sweep(
    evaluate_within: EvaluateWithin,
    event: Event,
    run_instance: RunInstance,
    continuations: Records,
    change_parameters: Callable[..., None],
    items: Items,
    alerts: Records,
    fail: Callable[..., None],
    recover: Callable[[], None],
) -> None:
    for _ in range(2):
        run_instance()
    change_parameters("DescribeInstances", MaxResults=1)
    evaluate_within(0, event("eventbridge-schedule"))
    (rest,) = continuations()
    fail("DescribeInstances", "InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        evaluate_within(0, rest)
    assert sweep_summaries(items) == [("failed-run", "listing")]
    assert continuations() == []
    recover()
    last = evaluate_within(300, rest)
    assert (last["complete"], last["resources"], last["segments"]) == (True, 2, 2)
    assert len(items("compliance-history")) == 2
    # The failed attempt has told what was there to tell.
    assert [alert["new_violations_count"] for alert in alerts()] == [1, 1]


def test_a_sweep_that_cannot_be_continued_fails_and_is_repeated(
    evaluate_within: EvaluateWithin,
    event: Event,
    run_instance: RunInstance,
    continuations: Records,
    change_parameters: Callable[..., None],
    items: Items,
    fail: Callable[..., None],
    recover: Callable[[], None],
) -> None:
    for _ in range(2):
        run_instance()
    change_parameters("DescribeInstances", MaxResults=1)
    fail("SendMessage", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        evaluate_within(0, event("eventbridge-schedule"))
    assert sweep_summaries(items) == [("failed-run", "continuation")]
    assert len(items("compliance-history")) == 1
    recover()
    assert evaluate_within(0, event("eventbridge-schedule"))["continued"]
    assert len(continuations()) == 1


@pytest.mark.parametrize(("seconds", "continued"), [(59.999, True), (60, False)])
def test_a_sweep_is_late_when_less_than_its_reserve_is_left(
    evaluate_within: EvaluateWithin,
    event: Event,
    run_instance: RunInstance,
    change_parameters: Callable[..., None],
    seconds: float,
    continued: bool,
) -> None:
    for _ in range(2):
        run_instance()
    change_parameters("DescribeInstances", MaxResults=1)
    assert evaluate_within(seconds, event("eventbridge-schedule"))["continued"] is continued


def test_the_reserve_can_be_set(
    evaluate_within: EvaluateWithin,
    event: Event,
    run_instance: RunInstance,
    change_parameters: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TIME_RESERVE_SECONDS", "120")
    for _ in range(2):
        run_instance()
    change_parameters("DescribeInstances", MaxResults=1)
    assert evaluate_within(119, event("eventbridge-schedule"))["continued"]


def test_a_continuation_of_another_rule_is_refused(
    evaluate: Evaluate, event: Event, use_rule: UseRule
) -> None:
    use_rule("rds-backup-compliance")
    message = "^rule_name: must be rds-backup-compliance, got 'ec2-tag-compliance'$"
    with pytest.raises(UnsupportedEventError, match=message):
        evaluate(event("assay-continuation"))


def test_a_continuation_keeps_what_was_counted_before(evaluate: Evaluate, event: Event) -> None:
    summary = evaluate(event("assay-continuation"))
    assert (summary["resources"], summary["compliant"], summary["non_compliant"]) == (3, 1, 1)
    assert (summary["transitions"], summary["unreadable_count"]) == (2, 1)
    assert summary["api_calls"]["ec2:DescribeInstances"] == 2
    assert summary["started_at"] == "2026-11-23T06:00:01.234567Z"


def mend(instance_id: str) -> None:
    """Gives an instance the tag that it lacks."""
    client("ec2").create_tags(Resources=[instance_id], Tags=[{"Key": "Owner", "Value": "web"}])


def begin(evaluate: Evaluate, event: Event, moment: str) -> Callable[[], object]:
    """Returns what lets a sweep of another time run as a whole."""
    return lambda: evaluate(event("eventbridge-schedule", time=moment))


def test_a_change_that_a_newer_sweep_has_overtaken_is_judged_again(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    remember: Callable[..., None],
    verdicts: Records,
    alerts: Records,
    items: Items,
    meanwhile: Callable[..., None],
    metrics: Records,
) -> None:
    instance_id = run_instance()
    remember(instance_id)

    def overtake() -> None:
        # The change's run has read the instance without its tag. Now it is mended, and a newer
        # sweep finds in state what was there before either.
        mend(instance_id)
        assert evaluate(event("eventbridge-schedule"))["transitions"] == 0

    meanwhile("BatchWriteItem", overtake)
    summary = evaluate(event("config-change", item={"resourceId": instance_id}))
    assert verdicts()[0]["compliance_type"] == "COMPLIANT"
    assert (summary["resources"], summary["compliant"], summary["non_compliant"]) == (1, 1, 0)
    assert (summary["transitions"], summary["resolved"]) == (2, 1)
    assert [alert["new_violations_count"] for alert in alerts()] == [0]
    history = [item["compliance_type"] for item in items("compliance-history")]
    assert history == ["COMPLIANT", "COMPLIANT"]
    assert [metric["Errors"] for metric in metrics()] == [0, 0]


def test_a_change_is_judged_as_often_as_newer_sweeps_begin(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    calls: Calls,
    meanwhile: Callable[..., None],
) -> None:
    instance_id = run_instance()
    meanwhile(
        "GetItem",
        lambda: None,
        begin(evaluate, event, "2026-11-23T06:00:00Z"),
        lambda: None,
        begin(evaluate, event, LATER),
    )
    calls.clear()
    evaluate(event("config-change", item={"resourceId": instance_id}))
    judged = [params for name, params in calls if name == "config:PutEvaluations"]
    assert len(judged) == 3


def test_an_older_sweep_keeps_no_change_from_being_judged_once(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    calls: Calls,
    meanwhile: Callable[..., None],
) -> None:
    instance_id = run_instance()
    meanwhile("GetItem", lambda: None, begin(evaluate, event, EARLIER))
    evaluate(event("config-change", item={"resourceId": instance_id}))
    assert len([name for name, _ in calls if name == "config:PutEvaluations"]) == 1


def test_a_sweep_that_wrote_while_a_newer_one_began_fails_and_is_right_when_repeated(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    remember: Callable[..., None],
    verdicts: Records,
    items: Items,
    meanwhile: Callable[..., None],
) -> None:
    instance_id = run_instance()
    remember(instance_id)

    def overtake() -> None:
        mend(instance_id)
        assert evaluate(event("eventbridge-schedule", time=LATER))["transitions"] == 0

    meanwhile("BatchWriteItem", overtake)
    message = f"a newer sweep of {RULE} began during that of 2026-11-23T06:00:00.000000Z"
    with pytest.raises(OvertakenError, match=message):
        evaluate(event("eventbridge-schedule"))
    assert sweep_summaries(items) == [("failed-run", "state"), ("run",)]
    assert verdicts()[0]["compliance_type"] == "NON_COMPLIANT"
    # This one mends it, and is no surer of what the newer one has seen.
    with pytest.raises(OvertakenError):
        evaluate(event("eventbridge-schedule"))
    assert verdicts()[0]["compliance_type"] == "COMPLIANT"
    assert evaluate(event("eventbridge-schedule"))["complete"]
    assert sweep_summaries(items) == [("failed-run", "state"), ("run",), ("run",)]


def test_a_sweep_that_wrote_another_reason_asks_for_newer_ones_too(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    remember: Callable[..., None],
    meanwhile: Callable[..., None],
) -> None:
    instance_id = run_instance()
    remember(instance_id, compliance_type="NON_COMPLIANT", annotation="Another.")
    newer = begin(evaluate, event, LATER)
    # After this sweep has written, and before it asks.
    meanwhile("GetItem", newer)
    with pytest.raises(OvertakenError):
        evaluate(event("eventbridge-schedule"))


def test_a_sweep_that_wrote_nothing_need_not_know_of_newer_ones(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    meanwhile: Callable[..., None],
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule", time=EARLIER))
    meanwhile("BatchWriteItem", begin(evaluate, event, LATER))
    assert evaluate(event("eventbridge-schedule"))["complete"]


def test_a_segment_that_wrote_while_a_newer_sweep_began_is_repeated_before_it_is_continued(
    evaluate: Evaluate,
    evaluate_within: EvaluateWithin,
    event: Event,
    run_instance: RunInstance,
    remember: Callable[..., None],
    verdicts: Records,
    continuations: Records,
    change_parameters: Callable[..., None],
    meanwhile: Callable[..., None],
) -> None:
    instances = [run_instance(), run_instance()]
    for instance_id in instances:
        remember(instance_id)
    change_parameters("DescribeInstances", MaxResults=1)

    def overtake() -> None:
        for instance_id in instances:
            mend(instance_id)
        assert evaluate(event("eventbridge-schedule", time=LATER))["transitions"] == 0

    meanwhile("BatchWriteItem", overtake)
    for _ in range(2):
        with pytest.raises(OvertakenError):
            evaluate_within(0, event("eventbridge-schedule"))
        assert continuations() == []
    assert evaluate_within(0, event("eventbridge-schedule"))["continued"]
    assert {item["compliance_type"] for item in verdicts()} == {"COMPLIANT"}


def test_a_reminder_tells_what_is_still_open_and_changes_nothing(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    items: Items,
    alerts: Records,
    metrics: Records,
    calls: Calls,
) -> None:
    run_instance(Owner="web")
    opened = {run_instance(), run_instance()}
    evaluate(event("eventbridge-schedule"))
    alerts()
    metrics()
    before = items("compliance-state"), items("compliance-history")
    calls.clear()
    summary = evaluate(event("assay-reminder", time=LATER))
    made = ["dynamodb:Query", "sns:Publish", "dynamodb:PutItem"]
    assert [name for name, _ in calls] == made
    assert (summary["trigger"], summary["alerted"], summary["complete"]) == (
        "Assay Reminder",
        2,
        True,
    )
    (reminder,) = alerts()
    assert (reminder["kind"], reminder["open_violations_count"]) == ("compliance-reminder", 2)
    told = reminder["open_violations"]
    assert {entry["config_resource_id"] for entry in told} == opened
    assert {entry["since"] for entry in told} == {"2026-11-23T06:00:00.000000Z"}
    assert reminder["ordering_timestamp"] == "2026-11-23T12:00:00.000000Z"
    (metric,) = metrics()
    assert metric.keys() == {"environment_suffix", "rule_name", "Errors", "RunDuration"}
    after = items("compliance-state")
    (stored,) = [item for item in after if item not in before[0]]
    assert (stored["rule_name"], stored["alerted"]) == ("reminder-run#ec2-tag-compliance", 2)
    assert ([item for item in after if item != stored], items("compliance-history")) == before


def test_there_is_no_reminder_of_nothing(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, alerts: Records
) -> None:
    run_instance(Owner="web")
    evaluate(event("eventbridge-schedule"))
    assert evaluate(event("assay-reminder"))["alerted"] == 0
    assert alerts() == []


def test_a_reminder_that_cannot_be_sent_is_an_error(
    evaluate: Evaluate,
    event: Event,
    remember: Callable[..., None],
    fail: Callable[..., None],
    metrics: Records,
) -> None:
    remember(GONE, compliance_type="NON_COMPLIANT")
    fail("Publish", "InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        evaluate(event("assay-reminder"))
    assert [metric["Errors"] for metric in metrics()] == [1]


@pytest.fixture
def waive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Waives all violations of the EC2 rule up to a day."""

    def waive(expires: str) -> None:
        waiver = Waiver(RULE, f"{ARN}*", "web@example.com", "Later.", date.fromisoformat(expires))
        file = tmp_path / "waivers.json"
        file.write_text(json.dumps([waiver.to_json()]), encoding="utf-8")
        monkeypatch.setenv("WAIVERS_FILE", str(file))

    return waive


def test_a_waived_violation_is_told_when_its_waiver_has_ended(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    alerts: Records,
    verdicts: Records,
    waive: Callable[[str], None],
) -> None:
    instance_id = run_instance()
    waive("2026-11-23")
    summary = evaluate(event("eventbridge-schedule"))
    assert (summary["non_compliant"], summary["transitions"], summary["alerted"]) == (1, 1, 0)
    assert [item["compliance_type"] for item in verdicts()] == ["NON_COMPLIANT"]
    assert evaluate(event("eventbridge-schedule", time=LATER))["alerted"] == 0
    assert alerts() == []
    assert evaluate(event("eventbridge-schedule", time="2026-11-24T00:00:00Z"))["alerted"] == 1
    (alert,) = alerts()
    (told,) = alert["new_violations"]
    assert (told["config_resource_id"], told["waiver_expired"]) == (instance_id, "2026-11-23")
    assert evaluate(event("eventbridge-schedule", time="2026-11-24T06:00:00Z"))["alerted"] == 0


def test_a_violation_that_was_told_before_its_waiver_is_told_again_when_that_has_ended(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    alerts: Records,
    calls: Calls,
    waive: Callable[[str], None],
) -> None:
    run_instance()
    assert evaluate(event("eventbridge-schedule", time=EARLIER))["alerted"] == 1
    waive("2026-11-23")
    assert evaluate(event("eventbridge-schedule"))["alerted"] == 0
    calls.clear()
    evaluate(event("eventbridge-schedule", time=LATER))
    assert "dynamodb:UpdateItem" not in actions(calls)
    assert len(alerts()) == 1
    assert evaluate(event("eventbridge-schedule", time="2026-11-24T00:00:00Z"))["alerted"] == 1
    assert len(alerts()) == 1


def test_a_violation_whose_waiver_is_taken_away_is_told_by_the_next_sweep(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    alerts: Records,
    monkeypatch: pytest.MonkeyPatch,
    waive: Callable[[str], None],
) -> None:
    run_instance()
    waive("2026-12-31")
    evaluate(event("eventbridge-schedule"))
    monkeypatch.delenv("WAIVERS_FILE")
    assert evaluate(event("eventbridge-schedule", time=LATER))["alerted"] == 1
    (alert,) = alerts()
    assert "waiver_expired" not in alert["new_violations"][0]


def test_a_violation_that_is_resolved_while_it_is_waived_is_never_told(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    alerts: Records,
    verdicts: Records,
    monkeypatch: pytest.MonkeyPatch,
    waive: Callable[[str], None],
) -> None:
    instance_id = run_instance()
    waive("2026-12-31")
    evaluate(event("eventbridge-schedule"))
    mend(instance_id)
    summary = evaluate(event("eventbridge-schedule", time=LATER))
    assert (summary["transitions"], summary["resolved"]) == (1, 0)
    assert "alert_pending" not in verdicts()[0]
    monkeypatch.delenv("WAIVERS_FILE")
    evaluate(event("eventbridge-schedule", time="2026-11-24T00:00:00Z"))
    assert alerts() == []


def test_a_changed_resource_is_not_alerted_on_while_it_is_waived(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    alerts: Records,
    verdicts: Records,
    waive: Callable[[str], None],
) -> None:
    instance_id = run_instance()
    waive("2026-12-31")
    summary = evaluate(
        event("config-change", item={"resourceId": instance_id, "ARN": ARN + instance_id})
    )
    assert (summary["non_compliant"], summary["alerted"]) == (1, 0)
    assert verdicts()[0]["alert_pending"] is True
    assert alerts() == []


def test_no_reminder_is_sent_of_what_is_waived(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    alerts: Records,
    waive: Callable[[str], None],
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule", time=EARLIER))
    alerts()
    waive("2026-12-31")
    assert evaluate(event("assay-reminder"))["alerted"] == 0
    assert alerts() == []


def test_waivers_whose_alerts_cannot_be_held_back_fail_the_run_in_the_end(
    evaluate: Evaluate,
    event: Event,
    run_instance: RunInstance,
    fail: Callable[..., None],
    waive: Callable[[str], None],
) -> None:
    run_instance()
    evaluate(event("eventbridge-schedule", time=EARLIER))
    waive("2026-12-31")
    fail("UpdateItem", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        evaluate(event("eventbridge-schedule"))


def test_metrics_tell_of_a_sweep_and_of_a_change(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, metrics: Records
) -> None:
    changed = run_instance()
    run_instance(Owner="web")
    evaluate(event("config-change", item={"resourceId": changed}))
    evaluate(event("eventbridge-schedule"))
    change, sweep = metrics()
    dimensions = {"environment_suffix": "dev", "rule_name": "ec2-tag-compliance"}
    assert change == {**dimensions, "Errors": 0, "RunDuration": change["RunDuration"]}
    assert sweep == {
        **dimensions,
        "Errors": 0,
        "RunDuration": sweep["RunDuration"],
        "Compliant": 1,
        "NonCompliant": 1,
        "NotApplicable": 0,
        "Unreadable": 0,
        "ComplianceScore": 50,
    }
    assert change["RunDuration"] > 0


def test_calls_of_earlier_invocations_are_not_counted(
    evaluate: Evaluate, event: Event, run_instance: RunInstance
) -> None:
    run_instance(Owner="web")
    evaluate(event("eventbridge-schedule"))
    for time in (LATER, "2026-11-23T18:00:00Z"):
        summary = evaluate(event("eventbridge-schedule", time=time))
        assert summary["api_calls"] == {
            "dynamodb:BatchWriteItem": 1,
            "dynamodb:PutItem": 1,
            "dynamodb:Query": 1,
            "ec2:DescribeInstances": 1,
        }


def test_a_run_is_timed_by_the_clock(evaluate: Evaluate, event: Event) -> None:
    before = datetime.now(UTC)
    summary = evaluate(event("eventbridge-schedule"))
    started = read_timestamp(summary["started_at"])
    finished = read_timestamp(summary["finished_at"])
    assert before <= started <= finished <= datetime.now(UTC)


def test_a_resource_of_another_type_is_refused(evaluate: Evaluate, event: Event) -> None:
    message = r"^resourceType: must be AWS::EC2::Instance .*, got 'AWS::RDS::DBInstance'$"
    with pytest.raises(UnsupportedEventError, match=message):
        evaluate(event("config-change-rds", configRuleName="ec2-tag-compliance-dev"))


@pytest.mark.parametrize("name", ["config-change", "config-scheduled"])
def test_what_another_config_rule_asks_for_is_refused(
    evaluate: Evaluate, event: Event, run_instance: RunInstance, items: Items, name: str
) -> None:
    run_instance()
    message = "^configRuleName: must be ec2-tag-compliance-dev, got 'ec2-tag-compliance-staging'$"
    with pytest.raises(UnsupportedEventError, match=message):
        evaluate(event(name, configRuleName="ec2-tag-compliance-staging"))
    assert (items("compliance-state"), items("compliance-history")) == ([], [])


def test_an_event_need_not_say_which_config_rule_asks(evaluate: Evaluate, event: Event) -> None:
    assert evaluate(event("config-scheduled", configRuleName=None))["complete"]


def test_no_log_line_holds_a_secret(
    evaluate: Evaluate,
    evaluate_within: EvaluateWithin,
    event: Event,
    run_instance: RunInstance,
    continuations: Records,
    fail: Callable[..., None],
    logged: Records,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-secret-key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "example-session-token")
    item = {"resourceId": run_instance()}
    evaluate(event("config-change", item=item))
    evaluate_within(0, event("config-scheduled"))
    (rest,) = continuations()
    evaluate(rest)
    malformed = [
        event("config-change", item={"configurationItemStatus": "Lost"}),
        event("config-change", ruleParameters="x"),
        {**event("config-change"), "invokingEvent": "x"},
        event("config-snapshot-delivered"),
        {"resultToken": "myResultToken"},
        {"Records": [*rest["Records"], *rest["Records"]]},
        {"Records": [{**rest["Records"][0], "body": rest["Records"][0]["body"][:-1]}]},
    ]
    for told in malformed:
        with pytest.raises(UnsupportedEventError):
            evaluate(told)
    fail("PutEvaluations", "InvalidResultTokenException")
    with pytest.raises(ClientError, match="InvalidResultTokenException"):
        evaluate(event("config-scheduled"))
    captured = capsys.readouterr()
    told_in_all = f"{captured.out}{captured.err}{json.dumps(logged())}"
    assert told_in_all.count("run failed") >= len(malformed) + 1
    for secret in ("myResultToken", "example-secret-key", "example-session-token"):
        assert secret not in told_in_all


def test_an_rds_change_finds_the_instance_by_name(
    evaluate: Evaluate, event: Event, verdicts: Records, use_rule: UseRule
) -> None:
    use_rule("rds-backup-compliance")
    for name, days in (("orders", 7), ("other", 1)):
        client("rds").create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            BackupRetentionPeriod=days,
        )
    assert evaluate(event("config-change-rds"))["compliant"] == 1
    assert [item["resource_id"] for item in verdicts()] == [
        "arn:aws:rds:us-east-1:123456789012:db:orders"
    ]


def test_a_users_change_finds_it_by_its_arn(
    evaluate: Evaluate, event: Event, verdicts: Records, use_rule: UseRule
) -> None:
    use_rule("iam-mfa-compliance")
    iam = client("iam")
    iam.create_user(UserName="anna", Path="/people/")
    iam.create_login_profile(UserName="anna", Password="example")
    assert evaluate(event("config-change-iam-user"))["non_compliant"] == 1
    assert [item["resource_id"] for item in verdicts()] == [
        "arn:aws:iam::123456789012:user/people/anna"
    ]


def test_a_failure_is_logged_with_its_run(
    evaluate: Evaluate, event: Event, fail: Callable[..., None], logged: Records
) -> None:
    fail("DescribeInstances", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        evaluate(event("eventbridge-schedule"))
    finished, line = logged()
    assert finished["summary"]["errors"][0]["error_code"] == "UnauthorizedOperation"
    assert (line["level"], line["message"]) == ("ERROR", "run failed")
    assert line["exception_name"] == "ClientError"
    assert line["rule_name"] == "ec2-tag-compliance"
    assert line["run_id"] == "8f507cfc-example"
    assert line["trigger"] == "Scheduled Event"


def test_a_failure_before_the_event_is_understood_has_nothing_of_the_run_before(
    evaluate: Evaluate,
    event: Event,
    logged: Records,
    metrics: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate(event("eventbridge-schedule"))
    with pytest.raises(UnsupportedEventError):
        evaluate({})
    for name in ("RULE_NAME", "ENVIRONMENT_SUFFIX"):
        monkeypatch.delenv(name)
    with pytest.raises(EnvironmentVariableError):
        evaluate({})
    finished, refused, nameless = logged()
    assert finished["trigger"] == "Scheduled Event"
    assert (refused["rule_name"], refused["run_id"]) == ("ec2-tag-compliance", "8f507cfc-example")
    assert (nameless["rule_name"], nameless["run_id"]) == ("unknown", "8f507cfc-example")
    assert not {"trigger"} & {*refused, *nameless}
    assert metrics()[1:] == [
        {"Errors": 1, "environment_suffix": "dev", "rule_name": "ec2-tag-compliance"},
        {"Errors": 1, "environment_suffix": "unknown", "rule_name": "unknown"},
    ]


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
    use_rule: UseRule,
    world: None,
    verdicts: Records,
    calls: Calls,
    name: str,
) -> None:
    assert world is None
    use_rule(name)
    engine = {*HISTORY_ACTIONS, *EVALUATOR_STATE_ACTIONS, *ALERT_ACTIONS, *CONFIG_ACTIONS}
    declared = {
        action for permission in rules.load(name).permissions for action in permission.actions
    }
    calls.clear()
    own = {"ruleParameters": "", "configRuleName": f"{name}-dev"}
    evaluate(event("config-scheduled", time=FIRST, **own))
    item = changed_item(verdicts()[0])
    evaluate(event("config-change", item=item, time=SECOND, **own))
    assert actions(calls) - {"dynamodb:Scan"} == engine | declared


def test_a_continued_sweep_calls_exactly_what_is_declared(
    in_segments: Callable[[object], list[RunSummary]],
    event: Event,
    run_instance: RunInstance,
    change_parameters: Callable[..., None],
    calls: Calls,
) -> None:
    for _ in range(2):
        run_instance()
    change_parameters("DescribeInstances", MaxResults=1)
    calls.clear()
    assert len(in_segments(event("eventbridge-schedule"))) == 3
    engine = {*HISTORY_ACTIONS, *EVALUATOR_STATE_ACTIONS, *ALERT_ACTIONS, *CONTINUATION_ACTIONS}
    # The queue is read by Lambda, which the test stands in for.
    by_lambda = {"sqs:ReceiveMessage", "sqs:DeleteMessage"}
    assert actions(calls) - by_lambda == engine | {"ec2:DescribeInstances"}


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
    st.sampled_from(
        ["invokingEvent", "ruleParameters", "resultToken", "detail-type", "time", "Records"]
    ),
    json_values
    | json_values.map(json.dumps)
    | st.datetimes().map(lambda time: f"{time.isoformat()}Z")
    | st.sampled_from(Trigger),
)


@given(
    st.sampled_from(
        [
            *("config-change", "config-oversized-change", "config-scheduled"),
            *("eventbridge-schedule", "assay-reminder", "assay-continuation"),
        ]
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


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("kind", "rule_name", "run_id", "trigger", "ordering_timestamp", "started_at"),
                *("segment", "offset", "listed", "result_token", "rule_parameters"),
                *("totals", "api_calls"),
            ]
        ),
        json_values
        | st.sampled_from(Trigger)
        | st.datetimes().map(lambda time: f"{time.isoformat()}Z")
        | st.dictionaries(st.text(), st.integers(min_value=0), max_size=3),
    )
)
def test_any_continuation_is_answered_or_refused_by_name(
    evaluate: Evaluate, event: Event, fields: dict[str, Any]
) -> None:
    told = event("assay-continuation")
    body = json.loads(told["Records"][0]["body"]) | fields
    told["Records"][0]["body"] = json.dumps(body)
    with suppress(UnsupportedEventError, ParameterError):
        assert evaluate(told)["rule_name"] == "ec2-tag-compliance"


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
