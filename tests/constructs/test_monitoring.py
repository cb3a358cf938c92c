import json
from collections.abc import Callable
from typing import Any

import pytest
from cdktf import App, TerraformStack

from assay_constructs.errors import ConstructArgumentError
from assay_constructs.monitoring import Monitoring

Find = Callable[[str, str, str], Any]
Statements = Callable[[str, str], dict[str, Any]]

TABLES = {
    "HistoryTable": ("compliance-history-test", "resource_id", "evaluation_timestamp"),
    "StateTable": ("compliance-state-test", "rule_name", "resource_id"),
}


@pytest.mark.parametrize("table", TABLES)
def test_tables_have_their_keys_recovery_and_ttl(find: Find, table: str) -> None:
    name, hash_key, range_key = TABLES[table]
    found = find("create", "aws_dynamodb_table", f"Monitoring/{table}")
    assert found["name"] == name
    assert (found["hash_key"], found["range_key"]) == (hash_key, range_key)
    assert found["attribute"] == [
        {"name": hash_key, "type": "S"},
        {"name": range_key, "type": "S"},
    ]
    assert found["billing_mode"] == "PAY_PER_REQUEST"
    assert found["point_in_time_recovery"] == {"enabled": True}
    assert found["ttl"] == {"attribute_name": "expires_at", "enabled": True}


def test_data_survives_only_where_it_shall(stacks: dict[str, Any]) -> None:
    for stack, kept in (("create", False), ("protected", True)):
        resources = stacks[stack]["resource"]
        for table in resources["aws_dynamodb_table"].values():
            assert table["deletion_protection_enabled"] is kept
        for bucket in resources["aws_s3_bucket"].values():
            assert bucket["force_destroy"] is not kept
        keepers = [
            resource
            for kind in ("aws_dynamodb_table", "aws_s3_bucket", "aws_kms_key")
            for resource in resources.get(kind, {}).values()
        ]
        assert len(keepers) == (5 if kept else 4)
        for resource in keepers:
            assert (resource.get("lifecycle") == {"prevent_destroy": True}) is kept


def test_subscribers_get_what_settings_say(stacks: dict[str, Any], find: Find) -> None:
    topic = find("create", "aws_sns_topic", "Monitoring/AlertTopic")
    assert topic["name"] == "compliance-alerts-test"
    subscriptions = stacks["create"]["resource"]["aws_sns_topic_subscription"].values()
    by_protocol = {each["protocol"]: each for each in subscriptions}
    assert by_protocol["email"]["endpoint"] == "team@example.com"
    assert "filter_policy" not in by_protocol["email"]
    sqs = by_protocol["sqs"]
    assert json.loads(sqs["filter_policy"]) == {"severity": ["high", "critical"]}
    assert sqs["raw_message_delivery"] is True
    for subscription in by_protocol.values():
        assert subscription["topic_arn"].startswith("${aws_sns_topic.Monitoring_AlertTopic")
        assert subscription["depends_on"][0].startswith("aws_sns_topic_policy.")


def test_topic_and_queue_refuse_plain_http(statements: Statements) -> None:
    for path, action in (
        ("Monitoring/AlertTopicPolicyDocument", "sns:Publish"),
        ("Monitoring/DeadLetterQueuePolicyDocument", "sqs:*"),
    ):
        deny = statements("create", path)["DenyInsecureTransport"]
        assert deny["effect"] == "Deny"
        assert deny["actions"] == [action]
        assert deny["principals"] == [{"type": "*", "identifiers": ["*"]}]
        assert deny["condition"] == [
            {"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]}
        ]


def test_only_this_accounts_alarms_and_schedules_may_deliver(statements: Statements) -> None:
    own_account = [
        {
            "test": "StringEquals",
            "variable": "aws:SourceAccount",
            "values": ["${data.aws_caller_identity.Account.account_id}"],
        }
    ]
    alarms = statements("create", "Monitoring/AlertTopicPolicyDocument")["AlarmsPublish"]
    assert alarms["principals"][0]["identifiers"] == ["cloudwatch.amazonaws.com"]
    assert alarms["condition"] == own_account
    schedules = statements("create", "Monitoring/DeadLetterQueuePolicyDocument")["SchedulesSend"]
    assert schedules["principals"][0]["identifiers"] == ["events.amazonaws.com"]
    assert schedules["actions"] == ["sqs:SendMessage"]
    assert schedules["condition"] == own_account


def test_dead_letter_queue_keeps_messages_for_two_weeks_encrypted(find: Find) -> None:
    plain = find("create", "aws_sqs_queue", "Monitoring/DeadLetterQueue")
    assert plain["name"] == "compliance-dead-letters-test"
    assert plain["message_retention_seconds"] == 1_209_600
    assert plain["sqs_managed_sse_enabled"] is True
    assert plain["policy"].startswith("${data.aws_iam_policy_document.Monitoring_DeadLetter")
    keyed = find("protected", "aws_sqs_queue", "Monitoring/DeadLetterQueue")
    assert keyed["kms_master_key_id"].startswith("${aws_kms_key.Monitoring_Key")
    assert "sqs_managed_sse_enabled" not in keyed


def test_config_may_deliver_to_its_bucket_for_this_account_only(statements: Statements) -> None:
    policy = statements("create", "Monitoring/ConfigBucket/PolicyDocument")
    bucket = (
        "arn:${data.aws_partition.Partition.partition}:s3:::assay-config-test-"
        "${data.aws_caller_identity.Account.account_id}-eu-west-1"
    )
    account = {
        "test": "StringEquals",
        "variable": "AWS:SourceAccount",
        "values": ["${data.aws_caller_identity.Account.account_id}"],
    }
    check, deliver = policy["ConfigChecksBucket"], policy["ConfigDelivers"]
    for statement in (check, deliver):
        assert statement["effect"] == "Allow"
        assert statement["principals"] == [
            {"type": "Service", "identifiers": ["config.amazonaws.com"]}
        ]
    assert check["actions"] == ["s3:GetBucketAcl", "s3:ListBucket"]
    assert check["resources"] == [bucket]
    assert check["condition"] == [account]
    assert deliver["actions"] == ["s3:PutObject"]
    assert deliver["resources"] == [
        f"{bucket}/AWSLogs/${{data.aws_caller_identity.Account.account_id}}/Config/*"
    ]
    assert deliver["condition"] == [
        account,
        {
            "test": "StringEquals",
            "variable": "s3:x-amz-acl",
            "values": ["bucket-owner-full-control"],
        },
    ]


def test_bucket_names_are_unique_worldwide(find: Find) -> None:
    for purpose, path in (("config", "ConfigBucket"), ("reports", "ReportsBucket")):
        bucket = find("create", "aws_s3_bucket", f"Monitoring/{path}/Resource")
        account = "${data.aws_caller_identity.Account.account_id}"
        assert bucket["bucket"] == f"assay-{purpose}-test-{account}-eu-west-1"


def test_an_alarm_goes_off_for_each_functions_errors(stacks: dict[str, Any]) -> None:
    alarms = [
        alarm
        for alarm in stacks["create"]["resource"]["aws_cloudwatch_metric_alarm"].values()
        if alarm["metric_name"] == "Errors"
    ]
    assert {alarm["dimensions"]["FunctionName"] for alarm in alarms} == {
        "ec2-tag-compliance-test",
        "s3-encryption-compliance-test",
        "rds-backup-compliance-test",
        "report-aggregator-test",
    }
    for alarm in alarms:
        assert alarm["namespace"] == "AWS/Lambda"
        assert alarm["statistic"] == "Sum"
        assert alarm["threshold"] == 1
        assert alarm["comparison_operator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["treat_missing_data"] == "notBreaching"
        assert alarm["alarm_actions"][0].startswith("${aws_sns_topic.Monitoring_AlertTopic")


def test_an_alarm_goes_off_when_a_schedule_falls_silent(stacks: dict[str, Any]) -> None:
    for stack, hours in (("create", 13), ("daily", 30)):
        alarms = {
            alarm["dimensions"]["RuleName"]: alarm
            for alarm in stacks[stack]["resource"]["aws_cloudwatch_metric_alarm"].values()
            if alarm["namespace"] == "AWS/Events"
        }
        assert set(alarms) == {"compliance-schedule-test", "compliance-report-test"}
        for alarm in alarms.values():
            assert alarm["metric_name"] == "Invocations"
            assert alarm["comparison_operator"] == "LessThanThreshold"
            assert alarm["threshold"] == 1
            assert alarm["period"] * alarm["evaluation_periods"] == hours * 3600
            assert alarm["datapoints_to_alarm"] == hours
            assert alarm["treat_missing_data"] == "breaching"


RULES = ("ec2-tag-compliance", "rds-backup-compliance", "s3-encryption-compliance")


@pytest.mark.parametrize("rule", RULES)
def test_an_alarm_goes_off_for_a_resource_that_cannot_be_read(find: Find, rule: str) -> None:
    alarm = find("create", "aws_cloudwatch_metric_alarm", f"Monitoring/Unreadable-{rule}")
    assert alarm["alarm_name"] == f"{rule}-test-unreadable"
    assert alarm["metric_name"] == "Unreadable"
    assert alarm["threshold"] == 1
    _is_on_the_latest_value(alarm, rule)


@pytest.mark.parametrize("rule", RULES)
def test_an_alarm_goes_off_when_no_sweep_for_a_rule_has_been_completed(
    find: Find, rule: str
) -> None:
    for stack, hours in (("create", 13), ("daily", 30)):
        alarm = find(stack, "aws_cloudwatch_metric_alarm", f"Monitoring/Silence-{rule}")
        assert alarm["alarm_name"] == f"{rule}-test-silent"
        assert alarm["metric_name"] == "LastGoodRunAge"
        assert alarm["threshold"] == hours * 3600
        _is_on_the_latest_value(alarm, rule)


def _is_on_the_latest_value(alarm: Any, rule: str) -> None:
    """Between two values, hours apart, an alarm stays as it is."""
    assert alarm["namespace"] == "Assay"
    assert alarm["dimensions"] == {"environment_suffix": "test", "rule_name": rule}
    assert alarm["statistic"] == "Maximum"
    assert alarm["comparison_operator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["evaluation_periods"] == 1
    assert alarm["treat_missing_data"] == "ignore"
    for actions in (alarm["alarm_actions"], alarm["ok_actions"]):
        assert actions[0].startswith("${aws_sns_topic.Monitoring_AlertTopic")


def test_an_alarm_goes_off_for_any_dead_letter(find: Find) -> None:
    alarm = find("create", "aws_cloudwatch_metric_alarm", "Monitoring/DeadLetters")
    assert alarm["namespace"] == "AWS/SQS"
    assert alarm["metric_name"] == "ApproximateNumberOfMessagesVisible"
    assert alarm["threshold"] == 1
    assert alarm["dimensions"]["QueueName"].startswith("${aws_sqs_queue.Monitoring_Dead")


def test_one_customer_managed_key_encrypts_everything(stacks: dict[str, Any]) -> None:
    resources = stacks["protected"]["resource"]
    key = "${aws_kms_key.Monitoring_Key_"
    encrypted_by = [
        *(
            t["server_side_encryption"]["kms_key_arn"]
            for t in _all(resources, "aws_dynamodb_table")
        ),
        *(t["kms_master_key_id"] for t in _all(resources, "aws_sns_topic")),
        *(q["kms_master_key_id"] for q in _all(resources, "aws_sqs_queue")),
        *(g["kms_key_id"] for g in _all(resources, "aws_cloudwatch_log_group")),
        *(f["kms_key_arn"] for f in _all(resources, "aws_lambda_function")),
        *(
            e["rule"][0]["apply_server_side_encryption_by_default"]["kms_master_key_id"]
            for e in _all(resources, "aws_s3_bucket_server_side_encryption_configuration")
        ),
        *(c["s3_kms_key_arn"] for c in _all(resources, "aws_config_delivery_channel")),
    ]
    assert len(encrypted_by) == 2 + 1 + 4 + 4 + 4 + 2 + 1
    assert all(arn.startswith(key) for arn in encrypted_by)


def _all(resources: dict[str, Any], kind: str) -> list[Any]:
    return list(resources[kind].values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"suffix": "UPPER"}, "suffix must be 1 to 20 lower-case letters"),
        ({"suffix": "a" * 21}, "suffix must be 1 to 20 lower-case letters"),
        ({"silence_hours": 0}, "silence_hours must be from 1 to 168; received 0"),
        ({"silence_hours": 169}, "silence_hours must be from 1 to 168; received 169"),
    ],
)
def test_impossible_arguments_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "suffix": "test",
        "account_id": "123456789012",
        "partition": "aws",
        "dns_suffix": "amazonaws.com",
        "region": "eu-west-1",
    }
    stack = TerraformStack(App(), "refused")
    with pytest.raises(ConstructArgumentError, match=message):
        Monitoring(stack, "Monitoring", **{**arguments, **changes})


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("create", "Monitoring")
