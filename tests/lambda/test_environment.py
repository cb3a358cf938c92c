from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from assay.environment import (
    AggregatorEnvironment,
    EnvironmentVariableError,
    EvaluatorEnvironment,
)
from assay.rule import Severity
from assay.rules.ec2_tag_compliance import Ec2TagCompliance
from assay.rules.rds_backup_compliance import BackupParameters, RdsBackupCompliance
from assay.waivers import Waiver

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
    "ENVIRONMENT_SUFFIX": "dev",
    "REPORT_FORMS": "json",
    "HISTORY_RETENTION_DAYS": "365",
}


@pytest.fixture
def aggregator(tmp_path: Path) -> dict[str, str]:
    """Variables of an aggregator, with its rules in a file."""
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(RULES), encoding="utf-8")
    return {**AGGREGATOR, "RULES_FILE": str(file)}


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


def test_there_are_no_waivers_without_a_file() -> None:
    assert EvaluatorEnvironment.read(EVALUATOR).waivers.all == []


def test_waivers_are_read_from_a_file(tmp_path: Path) -> None:
    waiver = Waiver("rds-backup-compliance", "arn:*", "me@example.com", "So.", date(2026, 11, 23))
    file = tmp_path / "waivers.json"
    file.write_text(json.dumps([waiver.to_json()]), encoding="utf-8")
    environment = EvaluatorEnvironment.read({**EVALUATOR, "WAIVERS_FILE": str(file)})
    assert environment.waivers.all == [waiver]


def test_a_file_of_waivers_is_looked_for_beside_the_package() -> None:
    message = "^WAIVERS_FILE: must name a JSON list of waivers, got 'assay/waivers.py': "
    with pytest.raises(EnvironmentVariableError, match=message):
        EvaluatorEnvironment.read({**EVALUATOR, "WAIVERS_FILE": "assay/waivers.py"})


def test_a_file_of_waivers_that_is_not_there_is_named() -> None:
    message = "^WAIVERS_FILE: must name a file, got 'none.json': No such file or directory$"
    with pytest.raises(EnvironmentVariableError, match=message):
        EvaluatorEnvironment.read({**EVALUATOR, "WAIVERS_FILE": "none.json"})


@pytest.mark.parametrize(
    ("variables", "mode"),
    [({}, False), ({"CONFIG_TEST_MODE": "false"}, False), ({"CONFIG_TEST_MODE": "true"}, True)],
)
def test_config_is_only_tested_when_the_environment_says_so(
    variables: dict[str, str], mode: bool
) -> None:
    assert EvaluatorEnvironment.read({**EVALUATOR, **variables}).config_test_mode is mode


def test_an_aggregators_environment_is_typed(aggregator: dict[str, str]) -> None:
    environment = AggregatorEnvironment.read(aggregator)
    assert environment == AggregatorEnvironment(
        history_table="history",
        state_table="state",
        reports_bucket="reports",
        rules={Ec2TagCompliance: Severity.HIGH, RdsBackupCompliance: Severity.LOW},
        environment_suffix="dev",
        report_forms=["json"],
        silence=timedelta(hours=13),
        history_retention_days=365,
        recorder_name=None,
        dashboard_name=None,
        security_hub=False,
        waivers=environment.waivers,
    )
    assert environment.waivers.all == []


def test_what_an_aggregator_does_besides_can_be_set(
    aggregator: dict[str, str], tmp_path: Path
) -> None:
    waiver = Waiver("rds-backup-compliance", "arn:*", "me@example.com", "So.", date(2026, 11, 23))
    file = tmp_path / "waivers.json"
    file.write_text(json.dumps([waiver.to_json()]), encoding="utf-8")
    variables = {
        "SILENCE_HOURS": "25",
        "CONFIG_RECORDER_NAME": "assay-dev",
        "DASHBOARD_NAME": "compliance-dev",
        "SECURITY_HUB": "true",
        "WAIVERS_FILE": str(file),
    }
    environment = AggregatorEnvironment.read({**aggregator, **variables})
    assert environment.silence == timedelta(hours=25)
    assert environment.recorder_name == "assay-dev"
    assert environment.dashboard_name == "compliance-dev"
    assert environment.security_hub is True
    assert environment.waivers.all == [waiver]


@pytest.mark.parametrize("name", ["CONFIG_RECORDER_NAME", "DASHBOARD_NAME", "WAIVERS_FILE"])
def test_an_empty_variable_says_that_there_is_none(aggregator: dict[str, str], name: str) -> None:
    environment = AggregatorEnvironment.read({**aggregator, name: ""})
    assert (environment.recorder_name, environment.dashboard_name) == (None, None)
    assert environment.waivers.all == []


def test_forms_are_taken_in_their_own_order_and_once(aggregator: dict[str, str]) -> None:
    environment = AggregatorEnvironment.read({**aggregator, "REPORT_FORMS": "oscal,csv,json,csv"})
    assert environment.report_forms == ["json", "csv", "oscal"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "REPORT_FORMS",
            "html",
            "must be json and any others of json, html, csv, .*, by commas, got 'html'",
        ),
        ("REPORT_FORMS", "json,pdf", "must be json and any others of .*, got 'json,pdf'"),
        ("REPORT_FORMS", "json, csv", "must be json and any others of .*, got 'json, csv'"),
        ("REPORT_FORMS", "", "must be json and any others of .*, got ''"),
        ("SILENCE_HOURS", "0", "must be a whole number of at least 1, got '0'"),
        ("HISTORY_RETENTION_DAYS", "x", "must be a whole number of at least 1, got 'x'"),
        ("SECURITY_HUB", "yes", "must be true or false, got 'yes'"),
        ("WAIVERS_FILE", "none.json", "must name a file, got 'none.json': No such file"),
    ],
)
def test_an_impossible_variable_of_an_aggregator_is_named(
    aggregator: dict[str, str], name: str, value: str, message: str
) -> None:
    with pytest.raises(EnvironmentVariableError, match=f"^{name}: {message}"):
        AggregatorEnvironment.read({**aggregator, name: value})


@pytest.mark.parametrize("name", EVALUATOR)
def test_each_variable_of_an_evaluator_is_required(name: str) -> None:
    variables = {key: value for key, value in EVALUATOR.items() if key != name}
    with pytest.raises(EnvironmentVariableError, match=f"^{name}: required .*, is not set$"):
        EvaluatorEnvironment.read(variables)


@pytest.mark.parametrize("name", [*AGGREGATOR, "RULES_FILE"])
def test_each_variable_of_an_aggregator_is_required(aggregator: dict[str, str], name: str) -> None:
    variables = {key: value for key, value in aggregator.items() if key != name}
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
def test_impossible_rules_of_an_aggregator_are_named(
    aggregator: dict[str, str], value: str, message: str
) -> None:
    Path(aggregator["RULES_FILE"]).write_text(value, encoding="utf-8")
    with pytest.raises(EnvironmentVariableError, match=f"^RULES_FILE: {message}"):
        AggregatorEnvironment.read(aggregator)


def test_rules_of_an_aggregator_that_are_not_there_are_named(aggregator: dict[str, str]) -> None:
    message = "^RULES_FILE: must name a file, got 'none.json': No such file or directory$"
    with pytest.raises(EnvironmentVariableError, match=message):
        AggregatorEnvironment.read({**aggregator, "RULES_FILE": "none.json"})
