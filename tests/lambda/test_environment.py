from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from assay.environment import (
    AggregatorEnvironment,
    EnvironmentVariableError,
    EvaluatorEnvironment,
)
from assay.rule import Severity
from assay.rules.ec2_tag_compliance import Ec2TagCompliance
from assay.rules.rds_backup_compliance import BackupParameters, RdsBackupCompliance

if TYPE_CHECKING:
    from pathlib import Path

EVALUATOR = {
    "RULE_CLASS": "assay.rules.rds_backup_compliance:RdsBackupCompliance",
    "RULE_PARAMETERS": json.dumps(BackupParameters(14).to_input_parameters()),
    "RULE_SEVERITY": "critical",
    "DYNAMODB_TABLE": "history",
    "STATE_TABLE": "state",
    "SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
    "HISTORY_RETENTION_DAYS": "365",
    "ENVIRONMENT_SUFFIX": "dev",
    "CONTINUATION_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/continuations",
}
RULES = {
    "rds-backup-compliance": {"class": EVALUATOR["RULE_CLASS"], "severity": "low"},
    "ec2-tag-compliance": {
        "class": "assay.rules.ec2_tag_compliance:Ec2TagCompliance",
        "severity": "high",
    },
}
AGGREGATOR = {
    "DYNAMODB_TABLE": "history",
    "STATE_TABLE": "state",
    "REPORTS_BUCKET": "reports",
    "RULES": json.dumps(RULES),
    "ENVIRONMENT_SUFFIX": "dev",
}


def test_an_evaluators_environment_is_typed() -> None:
    environment = EvaluatorEnvironment.read(EVALUATOR)
    assert isinstance(environment.rule, RdsBackupCompliance)
    assert environment.parameters == BackupParameters(14)
    assert environment.severity is Severity.CRITICAL
    assert (environment.history_table, environment.state_table) == ("history", "state")
    assert environment.topic_arn == EVALUATOR["SNS_TOPIC_ARN"]
    assert environment.history_retention_days == 365
    assert environment.environment_suffix == "dev"
    assert environment.continuation_queue_url == EVALUATOR["CONTINUATION_QUEUE_URL"]


def test_a_rule_of_another_package_is_taken_by_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "from assay.rules.rds_backup_compliance import RdsBackupCompliance as Own\n"
    (tmp_path / "rules_of_their_own.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    variables = {**EVALUATOR, "RULE_CLASS": "rules_of_their_own:Own"}
    assert isinstance(EvaluatorEnvironment.read(variables).rule, RdsBackupCompliance)


def test_concurrency_and_time_have_defaults() -> None:
    environment = EvaluatorEnvironment.read(EVALUATOR)
    assert (environment.maximum_concurrency, environment.time_reserve_seconds) == (16, 60)


def test_concurrency_and_time_can_be_set() -> None:
    variables = {"MAXIMUM_CONCURRENCY": "4", "TIME_RESERVE_SECONDS": "90"}
    environment = EvaluatorEnvironment.read({**EVALUATOR, **variables})
    assert (environment.maximum_concurrency, environment.time_reserve_seconds) == (4, 90)


@pytest.mark.parametrize(
    ("variables", "mode"),
    [({}, False), ({"CONFIG_TEST_MODE": "false"}, False), ({"CONFIG_TEST_MODE": "true"}, True)],
)
def test_config_is_only_tested_when_the_environment_says_so(
    variables: dict[str, str], mode: bool
) -> None:
    assert EvaluatorEnvironment.read({**EVALUATOR, **variables}).config_test_mode is mode


def test_an_aggregators_environment_is_typed() -> None:
    assert AggregatorEnvironment.read(AGGREGATOR) == AggregatorEnvironment(
        history_table="history",
        state_table="state",
        reports_bucket="reports",
        rules={Ec2TagCompliance: Severity.HIGH, RdsBackupCompliance: Severity.LOW},
        environment_suffix="dev",
    )


@pytest.mark.parametrize("name", EVALUATOR)
def test_each_variable_of_an_evaluator_is_required(name: str) -> None:
    variables = {key: value for key, value in EVALUATOR.items() if key != name}
    with pytest.raises(EnvironmentVariableError, match=f"^{name}: required .*, is not set$"):
        EvaluatorEnvironment.read(variables)


@pytest.mark.parametrize("name", AGGREGATOR)
def test_each_variable_of_an_aggregator_is_required(name: str) -> None:
    variables = {key: value for key, value in AGGREGATOR.items() if key != name}
    with pytest.raises(EnvironmentVariableError, match=f"^{name}: required .*, is not set$"):
        AggregatorEnvironment.read(variables)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "RULE_CLASS",
            "assay.rules.rds",
            "rule class: must be module:Class .*, got 'assay.rules.rds'",
        ),
        ("RULE_CLASS", "assay.rule:Page", "rule class: must be .*, got 'assay.rule:Page'"),
        ("RULE_PARAMETERS", "[]", r"must be a JSON object, got '\[\]'"),
        ("RULE_PARAMETERS", "{", "must be a JSON object, got '{'"),
        ("RULE_PARAMETERS", '{"minimumRetentionDays":"0"}', "minimumRetentionDays: must be 1 to"),
        ("RULE_SEVERITY", "grave", "must be one of low, medium, high, critical, got 'grave'"),
        ("DYNAMODB_TABLE", "", "must not be empty, got ''"),
        ("HISTORY_RETENTION_DAYS", "0", "must be a whole number of at least 1, got '0'"),
        ("HISTORY_RETENTION_DAYS", "1.5", "must be a whole number of at least 1, got '1.5'"),
        ("CONFIG_TEST_MODE", "yes", "must be true or false, got 'yes'"),
        ("ENVIRONMENT_SUFFIX", "", "must not be empty, got ''"),
        ("CONTINUATION_QUEUE_URL", "", "must not be empty, got ''"),
        ("MAXIMUM_CONCURRENCY", "0", "must be a whole number of at least 1, got '0'"),
        ("TIME_RESERVE_SECONDS", "-1", "must be a whole number of at least 1, got '-1'"),
    ],
)
def test_an_impossible_variable_of_an_evaluator_is_named(
    name: str, value: str, message: str
) -> None:
    with pytest.raises(EnvironmentVariableError, match=f"^{name}: {message}"):
        EvaluatorEnvironment.read({**EVALUATOR, name: value})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("x", "must be a JSON object, got 'x'"),
        (
            '{"ec2-tags": "low"}',
            "ec2-tags: must be an object with class and severity, got 'low'",
        ),
        (
            '{"ec2-tags": {"class": 1, "severity": "low"}}',
            "ec2-tags: must be an object with class and severity, got {'class': 1,",
        ),
        (
            '{"ec2-tags": {"class": "assay.rules.ec2_tags:Tags", "severity": "low"}}',
            "rule class: must be module:Class .*, got 'assay.rules.ec2_tags:Tags'",
        ),
        (
            '{"x": {"class": "assay.rules.ec2_tag_compliance:Ec2TagCompliance", "severity": 1}}',
            "must be one of low, medium, high, critical, got 1",
        ),
        (
            '{"x": {"class": "assay.rules.ec2_tag_compliance:Ec2TagCompliance"}}',
            "must be one of low, medium, high, critical, got None",
        ),
    ],
)
def test_impossible_rules_of_an_aggregator_are_named(value: str, message: str) -> None:
    with pytest.raises(EnvironmentVariableError, match=f"^RULES: {message}"):
        AggregatorEnvironment.read({**AGGREGATOR, "RULES": value})
