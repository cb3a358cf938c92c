import json
from collections.abc import Callable
from typing import Any

import pytest

from assay import rules
from assay_constructs.compliance import evaluation_schedule_names

Find = Callable[[str, str, str], Any]
Statements = Callable[[str, str], dict[str, Any]]

RULES = ("ec2-tag-compliance", "rds-backup-compliance", "s3-encryption-compliance")
SEVERITIES = dict(zip(RULES, ("critical", "high", "high"), strict=True))
STATE_TABLE = "${aws_dynamodb_table.Monitoring_StateTable_"
HISTORY_TABLE = "${aws_dynamodb_table.Monitoring_HistoryTable_"


@pytest.mark.parametrize("rule", RULES)
def test_evaluators_know_their_rule_tables_and_topic(find: Find, rule: str) -> None:
    function = find("create", "aws_lambda_function", f"Compliance/Evaluator-{rule}/Resource")
    assert function["function_name"] == f"{rule}-test"
    assert function["handler"] == "assay.evaluator.handler"
    variables = function["environment"]["variables"]
    assert variables["RULE_NAME"] == rule
    assert variables["RULE_SEVERITY"] == SEVERITIES[rule]
    assert variables["DYNAMODB_TABLE"].startswith(HISTORY_TABLE)
    assert variables["STATE_TABLE"].startswith(STATE_TABLE)
    assert variables["SNS_TOPIC_ARN"].startswith("${aws_sns_topic.Monitoring_AlertTopic_")
    assert variables["HISTORY_RETENTION_DAYS"] == "45"
    assert "CONFIG_TEST_MODE" not in variables
    config_rule = find("create", "aws_config_config_rule", f"Config/Rule-{rule}-test")
    assert variables["RULE_PARAMETERS"] == config_rule["input_parameters"]
    parameters = rules.load(rule).Parameters
    read = parameters.from_input_parameters(json.loads(variables["RULE_PARAMETERS"]))
    assert read.to_input_parameters() == json.loads(variables["RULE_PARAMETERS"])


def test_the_aggregator_knows_rules_table_and_bucket(find: Find) -> None:
    function = find("create", "aws_lambda_function", "Compliance/ReportAggregator/Resource")
    assert function["function_name"] == "report-aggregator-test"
    assert function["handler"] == "assay.report_aggregator.handler"
    variables = function["environment"]["variables"]
    assert variables["DYNAMODB_TABLE"].startswith(HISTORY_TABLE)
    assert variables["STATE_TABLE"].startswith(STATE_TABLE)
    assert variables["REPORTS_BUCKET"].startswith("${aws_s3_bucket.Monitoring_ReportsBucket_")
    assert variables["ENVIRONMENT_SUFFIX"] == "test"
    assert json.loads(variables["RULES"]) == SEVERITIES
    assert "SNS_TOPIC_ARN" not in variables


def test_only_an_embedded_aws_gets_put_evaluations_in_test_mode(stacks: dict[str, Any]) -> None:
    evaluators = [
        function["environment"]["variables"]
        for function in stacks["embedded"]["resource"]["aws_lambda_function"].values()
        if function["handler"] == "assay.evaluator.handler"
    ]
    assert [variables["CONFIG_TEST_MODE"] for variables in evaluators] == ["true"] * 3


EVALUATOR_ACTIONS = {
    "WriteOwnLog": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "ReportFailures": {"sqs:SendMessage"},
    "WriteHistory": {"dynamodb:BatchWriteItem"},
    "KeepState": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"},
    "Alert": {"sns:Publish"},
    "AnswerConfig": {"config:PutEvaluations"},
}
DESCRIBE_ACTIONS = {
    "ec2-tag-compliance": {"Describe1": {"ec2:DescribeInstances"}},
    "rds-backup-compliance": {"Describe1": {"rds:DescribeDBInstances"}},
    "s3-encryption-compliance": {
        "Describe1": {"s3:ListAllMyBuckets"},
        "Describe2": {"s3:GetEncryptionConfiguration"},
    },
}


@pytest.mark.parametrize("rule", RULES)
def test_evaluators_may_do_exactly_what_they_do(statements: Statements, rule: str) -> None:
    allowed = statements("create", f"Compliance/Evaluator-{rule}/PermissionsDocument")
    assert {sid: set(statement["actions"]) for sid, statement in allowed.items()} == {
        **EVALUATOR_ACTIONS,
        **DESCRIBE_ACTIONS[rule],
    }


def test_the_aggregator_may_read_state_and_write_reports(statements: Statements) -> None:
    allowed = statements("create", "Compliance/ReportAggregator/PermissionsDocument")
    assert {sid: set(statement["actions"]) for sid, statement in allowed.items()} == {
        "WriteOwnLog": {"logs:CreateLogStream", "logs:PutLogEvents"},
        "ReportFailures": {"sqs:SendMessage"},
        "ReadState": {"dynamodb:Query"},
        "WriteReports": {"s3:PutObject"},
    }
    (reports,) = allowed["WriteReports"]["resources"]
    assert reports.startswith("${aws_s3_bucket.Monitoring_ReportsBucket_")
    assert reports.endswith(".arn}/reports/*")


def test_without_config_no_evaluator_may_answer_it(statements: Statements) -> None:
    for rule in RULES:
        allowed = statements("none", f"Compliance/Evaluator-{rule}/PermissionsDocument")
        assert "AnswerConfig" not in allowed


# AWS offers no narrower resource for these: DescribeInstances, ListAllMyBuckets, PutEvaluations.
WILDCARDS = {"ec2:DescribeInstances", "s3:ListAllMyBuckets", "config:PutEvaluations"}


@pytest.mark.parametrize("stack", ["create", "existing", "none", "protected"])
def test_no_identity_policy_has_a_wildcard_that_is_not_needed(
    stacks: dict[str, Any], stack: str
) -> None:
    documents = stacks[stack]["data"]["aws_iam_policy_document"]
    policies = [
        statement
        for name, document in documents.items()
        if "PermissionsDocument" in name or "DeliveryDocument" in name
        for statement in document["statement"]
    ]
    assert len(policies) > 10
    wide = {
        action
        for statement in policies
        if "*" in statement["resources"]
        for action in statement["actions"]
    }
    assert wide <= WILDCARDS
    assert not [s for s in policies if any("*" in action for action in s["actions"])]


def test_the_schedules_start_evaluators_then_the_report(find: Find) -> None:
    evaluation = find(
        "create", "aws_cloudwatch_event_rule", "Compliance/EvaluationSchedule1/Resource"
    )
    assert evaluation["name"] == "compliance-schedule-test"
    assert evaluation["schedule_expression"] == "cron(0 */6 * * ? *)"
    report = find("create", "aws_cloudwatch_event_rule", "Compliance/ReportSchedule/Resource")
    assert report["name"] == "compliance-report-test"
    assert report["schedule_expression"] == "cron(20 */6 * * ? *)"
    for rule in RULES:
        target = find(
            "create",
            "aws_cloudwatch_event_target",
            f"Compliance/EvaluationSchedule1/Target-{rule}",
        )
        assert target["arn"].startswith(f"${{aws_lambda_function.Compliance_Evaluator-{rule}_")


def test_schedules_are_those_of_the_settings(find: Find) -> None:
    path = "Compliance/EvaluationSchedule1/Resource"
    assert find("daily", "aws_cloudwatch_event_rule", path)["schedule_expression"] == "rate(1 hour)"


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (1, ("compliance-schedule-x",)),
        (5, ("compliance-schedule-x",)),
        (6, ("compliance-schedule-x", "compliance-schedule-x-2")),
        (11, ("compliance-schedule-x", "compliance-schedule-x-2", "compliance-schedule-x-3")),
    ],
)
def test_five_evaluators_share_a_schedule(count: int, names: tuple[str, ...]) -> None:
    assert evaluation_schedule_names(count, "x") == names


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("one-rule", "Compliance")
