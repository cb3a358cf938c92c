from collections.abc import Callable
from typing import Any

import pytest
from cdktf import Token

from assay_constructs.conformance_pack import ConformancePack
from assay_constructs.errors import ConstructArgumentError

Find = Callable[[str, str, str], Any]

KIND = "aws_config_conformance_pack"
BODY = """\
Parameters:
  Days: {Type: Number}
Resources:
  One: {Type: AWS::Config::ConfigRule}
  Two: {Type: AWS::Config::ConfigRule}
  Mend: {Type: AWS::Config::RemediationConfiguration}
"""


def test_a_template_from_a_file_is_in_the_stack_as_it_is(find: Find) -> None:
    pack = find("config-rules", KIND, "Config/Pack-storage-test")
    assert pack["name"] == "storage-test"
    # Escaped, so that Terraform does not take it for an expression.
    assert '!Sub "$${AWS::Region}-keys"' in pack["template_body"]
    assert "template_s3_uri" not in pack
    assert pack["input_parameter"] == [
        {"parameter_name": "MaximumAge", "parameter_value": "30"},
        {"parameter_name": "Ports", "parameter_value": "22,3389"},
    ]


def test_a_template_in_a_bucket_is_named(find: Find) -> None:
    pack = find("config-rules", KIND, "Config/Pack-large-test")
    assert pack["template_s3_uri"] == "s3://templates/large.yaml"
    assert "template_body" not in pack
    assert pack["input_parameter"] == []


def test_packs_wait_for_an_own_recorder(find: Find) -> None:
    own = find("config-rules", KIND, "Config/Pack-large-test")["depends_on"]
    assert [each.split(".")[0] for each in own] == ["aws_config_configuration_recorder_status"]
    assert find("existing-rules", KIND, "Config/Pack-large-test").get("depends_on", []) == []


def test_the_rules_of_a_template_are_counted_where_it_is_known() -> None:
    parameters = {"Days": "30"}
    assert (
        ConformancePack(name="a", template_body=BODY, input_parameters=parameters).rule_count == 2
    )
    assert ConformancePack(name="a", template_s3_uri="s3://b/k").rule_count == 0
    later = Token.as_string(Token.as_any("later"))
    assert ConformancePack(name="a", template_body=later).rule_count == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "n" * 257}, "name must be 1 to 256 characters long"),
        ({"name": "1-pack"}, "name must be letters, digits and hyphens, letter first"),
        (
            {"template_body": None},
            "template_body must be given, or template_s3_uri instead of it; received 'neither'",
        ),
        (
            {"template_s3_uri": "s3://b/k"},
            "template_body must be given, or template_s3_uri instead of it; received 'both'",
        ),
        (
            {"template_body": None, "template_s3_uri": "https://b/k"},
            "template_s3_uri must be s3://bucket/key; received 'https://b/k'",
        ),
        (
            {"template_body": None, "template_s3_uri": f"s3://{'k' * 1020}"},
            "template_s3_uri must be 1 to 1024 characters long",
        ),
        (
            {"template_body": "Resources: {}"},
            "template_body must be a template with Resources; received {'Resources': {}}",
        ),
        (
            {"input_parameters": {"Days": "many"}},
            r"input_parameters\['Days'\] must be a value of type Number; received 'many'",
        ),
        (
            {"input_parameters": {f"p{number}": "v" for number in range(61)}},
            "input_parameters must be at most 60 parameters; received 61",
        ),
    ],
)
def test_impossible_arguments_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "name": "n" * 256,
        "template_body": BODY,
        "input_parameters": {"Days": "30"},
    }
    ConformancePack(**arguments)
    with pytest.raises(ConstructArgumentError, match=message):
        ConformancePack(**{**arguments, **changes})


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("config-rules", "Config/Pack-storage-test")
