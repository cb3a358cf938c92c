import inspect
from collections.abc import Callable
from typing import Any

import pytest
from cdktf import App, TerraformStack

from assay.rules.iam_mfa_compliance import IamMfaCompliance
from assay_constructs.compliance import EvaluatorRule
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.guard_rule import GuardRule
from assay_constructs.settings import Reports, Schedules, Settings
from assay_constructs.system import ComplianceSystem

Find = Callable[[str, str, str], Any]

FUNCTIONS = {
    "iam-mfa-compliance-test",
    "s3-encryption-compliance-test",
    "report-aggregator-test",
}


def test_suffix_region_and_rules_are_enough(stacks: dict[str, Any]) -> None:
    resources = stacks["system"]["resource"]
    functions = resources["aws_lambda_function"].values()
    assert {function["function_name"] for function in functions} == FUNCTIONS
    config_rules = resources["aws_config_config_rule"].values()
    assert {rule["name"] for rule in config_rules} == FUNCTIONS - {"report-aggregator-test"}


def test_an_own_recorder_is_named_after_the_suffix_and_records_what_the_rules_judge(
    find: Find,
) -> None:
    path = "Assay/Config/Recorder/Resource"
    recorder = find("system", "aws_config_configuration_recorder", path)
    assert recorder["name"] == "assay-test"
    assert recorder["recording_group"]["resource_types"] == ["AWS::IAM::User", "AWS::S3::Bucket"]


def test_an_own_recorder_records_what_rules_of_every_kind_judge_on_changes(
    stacks: dict[str, Any],
) -> None:
    """Those of packs among them; a periodic rule of Assay's own needs nothing recorded."""
    (recorder,) = stacks["system-rules"]["resource"]["aws_config_configuration_recorder"].values()
    assert recorder["recording_group"]["resource_types"] == [
        *("AWS::EC2::Instance", "AWS::RDS::DBInstance", "AWS::S3::Bucket")
    ]


def test_without_config_there_are_no_rules_that_aws_judges_by() -> None:
    with pytest.raises(
        ConstructArgumentError, match="recorder_mode must be create or existing with managed_rules"
    ):
        ComplianceSystem(
            TerraformStack(App(), "refused"),
            "Assay",
            suffix="test",
            region="eu-west-1",
            rules=[EvaluatorRule(rule=IamMfaCompliance)],
            recorder_mode="none",
            guard_rules=[GuardRule(name="a", policy_text="rule x { a exists }")],
        )


def test_every_function_and_every_schedule_is_watched(stacks: dict[str, Any]) -> None:
    resources = stacks["system"]["resource"]
    watched: dict[str, set[str]] = {}
    for alarm in resources["aws_cloudwatch_metric_alarm"].values():
        watched.setdefault(alarm["metric_name"], set()).update(alarm["dimensions"].values())
    schedules = resources["aws_cloudwatch_event_rule"].values()
    assert watched["Errors"] == FUNCTIONS
    assert watched["Invocations"] == {schedule["name"] for schedule in schedules}
    rules = {"iam-mfa-compliance", "s3-encryption-compliance"}
    assert watched["LastGoodRunAge"] == watched["Unreadable"] == {"test", *rules}


def test_what_is_left_out_is_as_in_the_settings() -> None:
    settings = {name: field.default for name, field in Settings.model_fields.items()}
    schedules = {name: field.default for name, field in Schedules.model_fields.items()}
    settings |= {f"{name}_schedule": value for name, value in schedules.items()}
    settings |= schedules
    settings["maximum_execution_frequency"] = schedules["config_maximum_execution_frequency"]
    parameters = inspect.signature(ComplianceSystem.__init__).parameters
    defaults = {name: each.default for name, each in parameters.items() if name in settings}
    del defaults["region"], defaults["rules"]
    reports = {name: field.default for name, field in Reports.model_fields.items()}
    assert list(defaults.pop("waivers")) == settings["waivers"]
    assert list(parameters["report_forms"].default) == reports["forms"]
    assert parameters["security_hub"].default == reports["security_hub"]
    for kind in ("managed_rules", "guard_rules", "conformance_packs"):
        assert defaults.pop(kind) == ()
        assert settings[kind] == {}
    assert len(defaults) == 11
    assert defaults == {name: settings[name] for name in defaults}
