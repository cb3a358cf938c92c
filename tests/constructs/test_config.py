import json
from collections.abc import Callable
from typing import Any

import cdktf
import pytest
from cdktf import App, TerraformStack

from assay import rules
from assay.rule import Permission
from assay_constructs.config import CHANGE_MESSAGE_TYPES, Config, LambdaRule
from assay_constructs.conformance_pack import ConformancePack
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.guard_rule import GuardRule
from assay_constructs.managed_rules import ManagedRule
from assay_constructs.remediation import Remediation

Find = Callable[[str, str, str], Any]

BARE = "s3-bucket-ssl-requests-only"

RULES = {
    "ec2-tag-compliance": (
        "AWS::EC2::Instance",
        {"requiredTags": {"Environment": ["dev", "test"], "Owner": []}},
    ),
    "s3-encryption-compliance": (
        "AWS::S3::Bucket",
        {"allowedAlgorithms": ["aws:kms"], "allowedKmsKeys": []},
    ),
    "rds-backup-compliance": (
        "AWS::RDS::DBInstance",
        {"minimumRetentionDays": 14, "includeReadReplicas": False},
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_rules_have_name_description_scope_and_parameters(find: Find, rule: str) -> None:
    resource_type, parameters = RULES[rule]
    found = find("create", "aws_config_config_rule", f"Config/Rule-{rule}-test")
    assert found["name"] == f"{rule}-test"
    assert found["description"] == rules.load(rule).requirement
    assert found["scope"] == {"compliance_resource_types": [resource_type]}
    given = json.loads(found["input_parameters"])
    assert all(isinstance(value, str) for value in given.values())
    assert {name: json.loads(value) for name, value in given.items()} == parameters


@pytest.mark.parametrize("stack", ["create", "existing"])
@pytest.mark.parametrize("rule", RULES)
def test_rules_call_their_function_on_both_kinds_of_change(
    find: Find, stack: str, rule: str
) -> None:
    found = find(stack, "aws_config_config_rule", f"Config/Rule-{rule}-test")
    assert found["source"]["owner"] == "CUSTOM_LAMBDA"
    assert found["source"]["source_identifier"].startswith(
        f"${{aws_lambda_function.Compliance_Evaluator-{rule}_"
    )
    assert found["source"]["source_identifier"].endswith(".arn}")
    assert found["source"]["source_detail"] == [
        {"event_source": "aws.config", "message_type": "ConfigurationItemChangeNotification"},
        {
            "event_source": "aws.config",
            "message_type": "OversizedConfigurationItemChangeNotification",
        },
    ]


@pytest.mark.parametrize("rule", RULES)
def test_rules_wait_for_permission_and_for_an_own_recorder(find: Find, rule: str) -> None:
    path = f"Config/Rule-{rule}-test"
    own = find("create", "aws_config_config_rule", path)["depends_on"]
    assert own[0].startswith(f"aws_lambda_permission.Config_Permission-{rule}-test_")
    assert own[1].startswith("aws_config_configuration_recorder_status.Config_Recorder_Status_")
    theirs = find("existing", "aws_config_config_rule", path)["depends_on"]
    assert [each.split(".")[0] for each in theirs] == ["aws_lambda_permission"]


@pytest.mark.parametrize("rule", RULES)
def test_config_of_this_account_alone_may_invoke_the_function(find: Find, rule: str) -> None:
    permission = find("create", "aws_lambda_permission", f"Config/Permission-{rule}-test")
    assert permission["action"] == "lambda:InvokeFunction"
    assert permission["principal"] == "config.amazonaws.com"
    assert permission["source_account"] == "${data.aws_caller_identity.Account.account_id}"
    assert permission["function_name"].startswith(
        f"${{aws_lambda_function.Compliance_Evaluator-{rule}_"
    )


def test_the_periodic_trigger_is_added_only_when_asked_for(stacks: dict[str, Any]) -> None:
    for rule in stacks["daily"]["resource"]["aws_config_config_rule"].values():
        assert rule["source"]["source_detail"][2:] == [
            {
                "event_source": "aws.config",
                "message_type": "ScheduledNotification",
                "maximum_execution_frequency": "Six_Hours",
            }
        ]


def test_a_rule_may_be_triggered_otherwise_than_the_rest(find: Find) -> None:
    """Where nothing but the clock starts a rule, AWS Config refuses a scope."""
    rules = {
        rule: find("config-rules", "aws_config_config_rule", f"Config/Rule-{rule}-test")
        for rule in RULES
    }
    triggers = {
        rule: [
            (each["message_type"], each.get("maximum_execution_frequency"))
            for each in found["source"]["source_detail"]
        ]
        for rule, found in rules.items()
    }
    changes = [(message_type, None) for message_type in CHANGE_MESSAGE_TYPES]
    assert triggers == {
        "ec2-tag-compliance": [("ScheduledNotification", "One_Hour")],
        "rds-backup-compliance": changes,
        "s3-encryption-compliance": [*changes, ("ScheduledNotification", "Twelve_Hours")],
    }
    assert {rule for rule, found in rules.items() if "scope" not in found} == {"ec2-tag-compliance"}


def test_managed_rules_are_in_terraforms_terms(find: Find) -> None:
    rule = find("config-rules", "aws_config_config_rule", "Config/Rule-keys-are-rotated-test")
    assert rule["name"] == "keys-are-rotated-test"
    assert rule["description"] == "Access keys are at most 60 days old."
    assert rule["source"] == {"owner": "AWS", "source_identifier": "ACCESS_KEYS_ROTATED"}
    assert rule["input_parameters"] == '{"maxAccessKeyAge":"60"}'
    assert rule["maximum_execution_frequency"] == "Six_Hours"
    assert not {"scope", "evaluation_mode"} & set(rule)
    one = find("config-rules", "aws_config_config_rule", "Config/Rule-desired-instance-type-test")
    assert one["source"] == {"owner": "AWS", "source_identifier": "DESIRED_INSTANCE_TYPE"}
    assert one["scope"] == {
        "compliance_resource_id": "i-0123456789abcdef0",
        "compliance_resource_types": ["AWS::EC2::Instance"],
    }
    bare = find("existing-rules", "aws_config_config_rule", f"Config/Rule-{BARE}-test")
    assert not {"scope", "input_parameters", "maximum_execution_frequency"} & set(bare)
    modes = find("config-rules", "aws_config_config_rule", f"Config/Rule-{BARE}-test")
    assert modes["evaluation_mode"] == [{"mode": "DETECTIVE"}]


def test_a_managed_rule_that_is_off_is_not_deployed(stacks: dict[str, Any]) -> None:
    rules = stacks["config-rules"]["resource"]["aws_config_config_rule"].values()
    assert "ec2-ebs-encryption-by-default-test" not in {rule["name"] for rule in rules}


@pytest.mark.parametrize("rule", [BARE, "bucket-names"])
def test_rules_that_aws_judges_by_wait_for_an_own_recorder(find: Find, rule: str) -> None:
    path = f"Config/Rule-{rule}-test"
    own = find("config-rules", "aws_config_config_rule", path)["depends_on"]
    assert [each.split(".")[0] for each in own] == ["aws_config_configuration_recorder_status"]
    theirs = find("existing-rules", "aws_config_config_rule", path)
    assert theirs.get("depends_on", []) == []


def test_an_existing_recorder_is_left_alone(stacks: dict[str, Any]) -> None:
    kinds = set(stacks["existing"]["resource"])
    assert not kinds & {
        "aws_config_configuration_recorder",
        "aws_config_configuration_recorder_status",
        "aws_config_delivery_channel",
        "aws_iam_role_policy_attachment",
    }
    assert "aws_config_config_rule" in kinds


def test_without_config_there_is_nothing_of_it(stacks: dict[str, Any]) -> None:
    assert not [kind for kind in stacks["none"]["resource"] if kind.startswith("aws_config_")]
    permissions = stacks["none"]["resource"]["aws_lambda_permission"].values()
    assert {permission["principal"] for permission in permissions} == {"events.amazonaws.com"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "n" * 65}, "name must be 1 to 64 characters long; received 'nnn"),
        ({"name": ""}, "name must be 1 to 64 characters long; received ''"),
        ({"description": "d" * 257}, "description must be 1 to 256 characters long"),
        (
            {"input_parameters": {"p": "v" * 1024}},
            "input_parameters must be 1 to 1024 characters long",
        ),
        (
            {"input_parameters": {"days": 7}},
            r"input_parameters\['days'\] must be a string; received 7",
        ),
        (
            {"config_triggers": []},
            r"config_triggers must be change, periodic or both; received \[\]",
        ),
        (
            {"config_triggers": ["change"], "maximum_execution_frequency": "One_Hour"},
            (
                "maximum_execution_frequency must be left out, or periodic among config_triggers; "
                "received 'One_Hour'"
            ),
        ),
    ],
)
def test_the_limits_of_config_hold_at_synth(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "name": "n" * 64,
        "description": "d" * 256,
        "function_name": "function",
        "function_arn": "arn",
        "resource_type": "AWS::S3::Bucket",
        "input_parameters": {"p": "v" * (1024 - len('{"p":""}'))},
    }
    LambdaRule(**arguments)
    with pytest.raises(ConstructArgumentError, match=message):
        LambdaRule(**{**arguments, **changes})


def test_a_periodic_rule_without_a_frequency_runs_once_a_day() -> None:
    stack = TerraformStack(App(), "periodic")
    rule = LambdaRule(**{**LAMBDA_RULE, "config_triggers": ["periodic"]})
    make_config(stack, rules=[rule])
    (made,) = json.loads(cdktf.Testing.synth(stack))["resource"]["aws_config_config_rule"].values()
    assert made["source"]["source_detail"] == [
        {
            "event_source": "aws.config",
            "message_type": "ScheduledNotification",
            "maximum_execution_frequency": "TwentyFour_Hours",
        }
    ]


LAMBDA_RULE: dict[str, Any] = {
    "name": "rule",
    "description": "Something is required.",
    "function_name": "function",
    "function_arn": "arn",
    "resource_type": "AWS::S3::Bucket",
    "input_parameters": {},
}


def make_config(stack: TerraformStack, **arguments: Any) -> Config:
    bucket: dict[str, Any] = {"bucket_name": "b", "bucket_arn": "arn", "bucket_policy": None}
    return Config(
        stack,
        "Config",
        suffix="test",
        account_id="123456789012",
        partition="aws",
        region="eu-west-1",
        recorder_mode="existing",
        recorder_name="theirs",
        **{"rules": [], **bucket, **arguments},
    )


def _rules(count: int) -> list[ManagedRule]:
    identifier = "S3_BUCKET_SSL_REQUESTS_ONLY"
    return [ManagedRule(name=f"rule-{number}", identifier=identifier) for number in range(count)]


def _pack(name: str) -> ConformancePack:
    template = "Resources: {Rule: {Type: AWS::Config::ConfigRule}}"
    return ConformancePack(name=name, template_body=template)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {
                "managed_rules": _rules(1),
                "guard_rules": [GuardRule(name="rule-0", policy_text="rule x { a exists }")],
            },
            "rules must be of names that are used once; received 'rule-0'",
        ),
        (
            {"conformance_packs": [_pack("pack"), _pack("pack")]},
            "conformance_packs must be of names that are used once; received 'pack'",
        ),
        (
            {"managed_rules": _rules(1000), "conformance_packs": [_pack("pack")]},
            "rules must be at most 1000, those of conformance packs among them; received 1001",
        ),
        (
            {"conformance_packs": [_pack(f"pack-{number}") for number in range(51)]},
            "conformance_packs must be at most 50; received 51",
        ),
        (
            {
                "managed_rules": _rules(2),
                "remediations": [
                    Remediation(
                        config_rule_name="rule-2",
                        target_id="Mend",
                        permissions=[Permission(("s3:PutBucketAcl",))],
                    )
                ],
            },
            "config_rule_name must be the name of a rule here: rule-0, rule-1; received 'rule-2'",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConstructArgumentError, match=message):
        make_config(TerraformStack(App(), "refused"), **arguments)


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("create", "Config")


def test_snapshot_of_a_managed_rule(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("config-rules", "Config/Rule-keys-are-rotated-test")
