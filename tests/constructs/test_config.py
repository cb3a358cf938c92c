import json
from collections.abc import Callable
from typing import Any

import pytest

from assay import rules
from assay_constructs.config import LambdaRule
from assay_constructs.errors import ConstructArgumentError

Find = Callable[[str, str, str], Any]

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


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("create", "Config")
