"""Checks of a deployed environment, whichever it is: they read its flat outputs and change nothing.

``assay outputs`` writes ``cfn-outputs/flat-outputs.json``; ``ASSAY_OUTPUTS`` names another file.
Credentials and region are those of the environment, as for any AWS tool.
"""

import json
import os
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

OUTPUTS = Path(os.environ.get("ASSAY_OUTPUTS", "cfn-outputs/flat-outputs.json"))
TABLE_KEYS = {
    "history": ("resource_id", "evaluation_timestamp"),
    "state": ("rule_name", "resource_id"),
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, str]:
    found: dict[str, str] = json.loads(OUTPUTS.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def evaluators(outputs: dict[str, str]) -> list[str]:
    """Names of the evaluator functions whose rules are on."""
    keys = ("ec2_tag_lambda_name", "s3_encryption_lambda_name", "rds_backup_lambda_name")
    return [outputs[key] for key in keys if outputs[key]]


@pytest.fixture(scope="module")
def functions(outputs: dict[str, str], evaluators: list[str]) -> dict[str, Any]:
    """Configurations of evaluators and aggregator, by function name."""
    client = boto3.client("lambda")
    return {
        name: client.get_function_configuration(FunctionName=name)
        for name in [*evaluators, outputs["report_aggregator_lambda_name"]]
    }


def test_all_eleven_outputs_are_there(outputs: dict[str, str]) -> None:
    assert set(outputs) == {
        "config_recorder_name",
        "config_bucket_name",
        "dead_letter_queue_url",
        "dynamodb_table_name",
        "sns_topic_arn",
        "reports_bucket_name",
        "dashboard_url",
        "ec2_tag_lambda_name",
        "s3_encryption_lambda_name",
        "rds_backup_lambda_name",
        "report_aggregator_lambda_name",
    }
    optional = {"config_recorder_name", *(key for key in outputs if key.endswith("lambda_name"))}
    optional.discard("report_aggregator_lambda_name")
    assert all(value for key, value in outputs.items() if key not in optional)


def test_the_dashboard_shows_metrics_of_the_aggregator_and_alarms(outputs: dict[str, str]) -> None:
    name = outputs["dashboard_url"].rpartition("/")[2]
    body = boto3.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    assert {each["type"] for each in widgets} == {"text", "metric", "alarm"}
    shown = [metric for each in widgets for metric in each["properties"].get("metrics", ())]
    aggregator = outputs["report_aggregator_lambda_name"]
    assert any(
        metric[:4] == ["AWS/Lambda", "Errors", "FunctionName", aggregator] for metric in shown
    )
    alarms = [arn for each in widgets for arn in each["properties"].get("alarms", ())]
    names = [arn.rpartition(":")[2] for arn in alarms]
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert {alarm["AlarmArn"] for alarm in found} == set(alarms)


@pytest.mark.parametrize("table", TABLE_KEYS)
def test_tables_are_active_recoverable_and_expire_items(
    outputs: dict[str, str], table: str
) -> None:
    client = boto3.client("dynamodb")
    name = outputs["dynamodb_table_name"].replace("history", table, 1)
    description = client.describe_table(TableName=name)["Table"]
    assert description["TableStatus"] == "ACTIVE"
    assert tuple(key["AttributeName"] for key in description["KeySchema"]) == TABLE_KEYS[table]
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert recovery == "ENABLED"
    ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "expires_at"
    assert ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING")


@pytest.mark.parametrize("key", ["config_bucket_name", "reports_bucket_name"])
def test_buckets_are_versioned_encrypted_private_and_tls_only(
    outputs: dict[str, str], key: str
) -> None:
    client = boto3.client("s3")
    bucket = outputs[key]
    assert client.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    encryption = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    assert default["SSEAlgorithm"] in ("AES256", "aws:kms")
    block = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(block.values())
    assert len(block) == 4
    policy = json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"])
    assert "DenyInsecureTransport" in {each["Sid"] for each in policy["Statement"]}


def test_the_topic_refuses_plain_http(outputs: dict[str, str]) -> None:
    attributes = boto3.client("sns").get_topic_attributes(TopicArn=outputs["sns_topic_arn"])
    policy = json.loads(attributes["Attributes"]["Policy"])
    assert "DenyInsecureTransport" in {each["Sid"] for each in policy["Statement"]}


def test_functions_run_as_designed_with_what_they_need(
    outputs: dict[str, str], functions: dict[str, Any]
) -> None:
    for name, function in functions.items():
        assert function["Runtime"] == "python3.13", name
        assert function["Architectures"] == ["arm64"], name
        assert function["Timeout"] == 300, name
        variables = function["Environment"]["Variables"]
        assert variables["DYNAMODB_TABLE"] == outputs["dynamodb_table_name"], name
        if name == outputs["report_aggregator_lambda_name"]:
            assert variables["REPORTS_BUCKET"] == outputs["reports_bucket_name"]
        else:
            assert variables["SNS_TOPIC_ARN"] == outputs["sns_topic_arn"], name


def test_functions_log_to_groups_that_expire(functions: dict[str, Any]) -> None:
    client = boto3.client("logs")
    for name in functions:
        group = f"/aws/lambda/{name}"
        groups = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        (found,) = (each for each in groups if each["logGroupName"] == group)
        assert found["retentionInDays"] > 0


def test_failed_invocations_go_to_a_queue(functions: dict[str, Any]) -> None:
    client = boto3.client("lambda")
    for name in functions:
        config = client.get_function_event_invoke_config(FunctionName=name)
        assert ":sqs:" in config["DestinationConfig"]["OnFailure"]["Destination"]


def test_an_enabled_schedule_starts_every_function(functions: dict[str, Any]) -> None:
    client = boto3.client("events")
    for name, function in functions.items():
        rules = client.list_rule_names_by_target(TargetArn=function["FunctionArn"])["RuleNames"]
        assert len(rules) == 1, name
        assert client.describe_rule(Name=rules[0])["State"] == "ENABLED"


def test_every_function_has_an_alarm_that_tells_somebody(
    outputs: dict[str, str], functions: dict[str, Any]
) -> None:
    client = boto3.client("cloudwatch")
    for name in functions:
        alarms = client.describe_alarms(AlarmNames=[f"{name}-errors"])["MetricAlarms"]
        assert [alarm["AlarmActions"] for alarm in alarms] == [[outputs["sns_topic_arn"]]]


def test_the_recorder_records(outputs: dict[str, str]) -> None:
    client = boto3.client("config")
    statuses = {
        each["name"]: each["recording"]
        for each in client.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    }
    name = outputs["config_recorder_name"]
    assert not name or statuses[name] is True


def test_each_evaluator_has_its_config_rule_and_config_may_call_it(
    outputs: dict[str, str], evaluators: list[str], functions: dict[str, Any]
) -> None:
    """Without a recorder there are no Config rules at all."""
    found = boto3.client("config").get_paginator("describe_config_rules").paginate()
    sources = {
        rule["Source"]["SourceIdentifier"]: rule for page in found for rule in page["ConfigRules"]
    }
    for name in evaluators:
        arn = functions[name]["FunctionArn"]
        principals = _principals(name)
        if not outputs["config_recorder_name"]:
            assert arn not in sources
            assert principals == {"events.amazonaws.com"}
            continue
        rule = sources[arn]
        assert rule["ConfigRuleName"] == name
        assert rule["ConfigRuleState"] == "ACTIVE"
        assert {detail["MessageType"] for detail in rule["Source"]["SourceDetails"]} >= {
            "ConfigurationItemChangeNotification",
            "OversizedConfigurationItemChangeNotification",
        }
        assert principals == {"config.amazonaws.com", "events.amazonaws.com"}


def _principals(function_name: str) -> set[str]:
    try:
        policy = boto3.client("lambda").get_policy(FunctionName=function_name)["Policy"]
    except ClientError as error:
        pytest.fail(f"nobody may invoke {function_name}: {error}")
    return {statement["Principal"]["Service"] for statement in json.loads(policy)["Statement"]}
