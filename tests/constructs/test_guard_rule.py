from collections.abc import Callable
from typing import Any

import pytest

from assay_constructs.errors import ConstructArgumentError
from assay_constructs.guard_rule import GuardRule

Find = Callable[[str, str, str], Any]

CHANGES = [
    {"event_source": "aws.config", "message_type": "ConfigurationItemChangeNotification"},
    {"event_source": "aws.config", "message_type": "OversizedConfigurationItemChangeNotification"},
]


def test_a_guard_rule_runs_on_both_kinds_of_change_and_never_periodically(find: Find) -> None:
    rule = find("config-rules", "aws_config_config_rule", "Config/Rule-bucket-names-test")
    assert rule["source"]["owner"] == "CUSTOM_POLICY"
    assert rule["source"]["source_detail"] == CHANGES
    assert "source_identifier" not in rule["source"]
    assert "maximum_execution_frequency" not in rule


def test_a_guard_rule_holds_its_policy_as_it_is_in_the_file(find: Find) -> None:
    rule = find("config-rules", "aws_config_config_rule", "Config/Rule-bucket-names-test")
    policy = rule["source"]["custom_policy_details"]
    assert policy["policy_runtime"] == "guard-2.x.x"
    assert policy["enable_debug_log_delivery"] is True
    # Escaped, so that Terraform takes neither for an expression.
    assert "/^$${prefix}%%{digits}/" in policy["policy_text"]


def test_a_guard_rule_judges_types_or_resources_with_a_tag(find: Find) -> None:
    kind = "aws_config_config_rule"
    by_type = find("config-rules", kind, "Config/Rule-bucket-names-test")
    assert by_type["scope"] == {"compliance_resource_types": ["AWS::S3::Bucket"]}
    assert by_type["input_parameters"] == '{"limits":"1,2","prefix":"team-"}'
    assert by_type["evaluation_mode"] == [{"mode": "DETECTIVE"}, {"mode": "PROACTIVE"}]
    by_tag = find("config-rules", kind, "Config/Rule-tagged-test")
    assert by_tag["scope"] == {"tag_key": "Team", "tag_value": "platform"}
    assert "input_parameters" not in by_tag
    assert "evaluation_mode" not in by_tag


def test_a_guard_rule_that_is_off_is_not_deployed(stacks: dict[str, Any]) -> None:
    rules = stacks["config-rules"]["resource"]["aws_config_config_rule"].values()
    assert "off-test" not in {rule["name"] for rule in rules}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "n" * 65}, "name must be 1 to 64 characters long"),
        ({"policy_text": ""}, "policy_text must be 1 to 10000 characters long; received ''"),
        ({"policy_text": "p" * 10_001}, "policy_text must be 1 to 10000 characters long"),
        ({"description": "d" * 257}, "description must be 1 to 256 characters long"),
        (
            {"input_parameters": {"p": "v" * 1024}},
            "input_parameters must be 1 to 1024 characters long",
        ),
        ({"tag_key": "Team"}, "tag_key must be nothing beside resource_types"),
        ({"resource_types": []}, "resource_id must be nothing"),
    ],
)
def test_the_limits_of_config_hold_at_synth(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "name": "n" * 64,
        "policy_text": "p" * 10_000,
        "description": "d" * 256,
        "resource_types": ["AWS::S3::Bucket"],
        "resource_id": "bucket",
        "input_parameters": {"p": "v" * (1024 - len('{"p":""}'))},
    }
    GuardRule(**arguments)
    with pytest.raises(ConstructArgumentError, match=message):
        GuardRule(**{**arguments, **changes})


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("config-rules", "Config/Rule-bucket-names-test")
