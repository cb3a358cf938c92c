"""Conformance packs become settings for managed rules, and what does not is named."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from assay_cli import import_pack
from assay_cli.import_pack import Imported, Left, as_json, as_yaml
from assay_cli.pack_template import PackError
from assay_constructs.environments import read_environments
from assay_constructs.managed_rules import problems

PACK = """
AWSTemplateFormatVersion: 2010-09-09
Description: Everything that a pack can hold.
Parameters:
  KeyAge: {Type: String, Default: '60'}
  Policies: {Type: String, Default: ''}
  Encryption: {Type: String, Default: aws:kms}
Conditions:
  hasPolicies: !Not [!Equals ['', !Ref Policies]]
Resources:
  RestrictTls:
    Type: AWS::Config::RemediationConfiguration
    Properties:
      ConfigRuleName: !Ref Tls
      TargetType: SSM_DOCUMENT
      TargetId: Example-RestrictTls
      TargetVersion: '3'
      Automatic: true
      MaximumAutomaticAttempts: 5
      RetryAttemptSeconds: 60
      ResourceType: AWS::S3::Bucket
      ExecutionControls:
        SsmControls: {ConcurrentExecutionRatePercentage: 10, ErrorPercentage: 20}
      Parameters:
        BucketName: {ResourceValue: {Value: RESOURCE_ID}}
        SSEAlgorithm: {StaticValue: {Values: [!Ref Encryption]}}
        Accounts: {StaticValue: {Values: ['1', '2']}}
        AutomationAssumeRole:
          StaticValue: {Values: [!Sub 'arn:aws:iam::${AWS::AccountId}:role/mends']}
  Tls:
    Type: AWS::Config::ConfigRule
    Properties:
      Description: Buckets take requests by TLS only.
      Source: {Owner: AWS, SourceIdentifier: S3_BUCKET_SSL_REQUESTS_ONLY}
      Scope: {ComplianceResourceTypes: [AWS::S3::Bucket], ComplianceResourceId: logs}
  KeysRotated:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: keys-are-young
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
      InputParameters: {maxAccessKeyAge: !Ref KeyAge}
      MaximumExecutionFrequency: Six_Hours
  Stages:
    Type: AWS::Config::ConfigRule
    Properties:
      Source: {Owner: AWS, SourceIdentifier: API_GW_XRAY_ENABLED}
      Scope: {TagKey: Data, TagValue: personal}
      EvaluationModes: [{Mode: DETECTIVE}, {Mode: PROACTIVE}]
  Blocked:
    Type: AWS::Config::ConfigRule
    Properties:
      Source: {Owner: AWS, SourceIdentifier: IAM_POLICY_IN_USE}
      InputParameters: '{"policyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}'
"""
RULES: dict[str, Any] = {
    "s3-bucket-ssl-requests-only": {
        "identifier": "S3_BUCKET_SSL_REQUESTS_ONLY",
        "description": "Buckets take requests by TLS only.",
        "resource_types": ["AWS::S3::Bucket"],
        "resource_id": "logs",
    },
    "keys-are-young": {
        "identifier": "ACCESS_KEYS_ROTATED",
        "input_parameters": {"maxAccessKeyAge": 60},
        "maximum_execution_frequency": "Six_Hours",
    },
    "api-gw-xray-enabled": {
        "identifier": "API_GW_XRAY_ENABLED",
        "tag_key": "Data",
        "tag_value": "personal",
        "evaluation_modes": ["DETECTIVE", "PROACTIVE"],
    },
    "iam-policy-in-use": {
        "identifier": "IAM_POLICY_IN_USE",
        "input_parameters": {"policyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    },
}
REMEDIATION: dict[str, Any] = {
    "document": "Example-RestrictTls",
    "document_version": "3",
    "automatic": True,
    "maximum_automatic_attempts": 5,
    "retry_attempt_seconds": 60,
    "concurrent_percentage": 10,
    "error_percentage": 20,
    "resource_type": "AWS::S3::Bucket",
    "parameters": {
        "BucketName": {"resource_value": "RESOURCE_ID"},
        "SSEAlgorithm": {"static_value": "aws:kms"},
        "Accounts": {"static_values": ["1", "2"]},
    },
    "role_parameter": "AutomationAssumeRole",
    "permissions": [{"actions": [], "resources": []}],
}
TLS = {"Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_SSL_REQUESTS_ONLY"}}
COMMENT = (
    "the remediation of 's3-bucket-ssl-requests-only' is a comment: name in permissions what its "
    "document may do, which a pack does not say"
)
MENDS = {
    "ConfigRuleName": {"Ref": "Tls"},
    "TargetType": "SSM_DOCUMENT",
    "TargetId": "Example-RestrictTls",
    "Automatic": "false",
}


def turn(folder: Path, template: Any) -> Imported:
    file = folder / "pack.yaml"
    file.write_text(template if isinstance(template, str) else json.dumps(template))
    return import_pack.read(str(file))


def rule(properties: Any, **attributes: Any) -> dict[str, Any]:
    return {"Type": "AWS::Config::ConfigRule", "Properties": properties, **attributes}


def remediation(**changes: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Config::RemediationConfiguration",
        "Properties": {**MENDS, **changes},
    }


def test_a_pack_s_managed_rules_become_settings(tmp_path: Path) -> None:
    imported = turn(tmp_path, PACK)
    assert imported.rules == RULES
    assert imported.remediations == {"s3-bucket-ssl-requests-only": REMEDIATION}
    assert imported.left == [Left("RestrictTls", COMMENT)]
    for settings in imported.rules.values():
        checked = {key: value for key, value in settings.items() if key != "description"}
        assert list(problems(**checked)) == []


def test_settings_are_yaml_with_what_is_left_as_comments(tmp_path: Path) -> None:
    text = as_yaml(turn(tmp_path, PACK), "pack.yaml")
    assert yaml.safe_load(text) == {"managed_rules": RULES}
    lines = text.splitlines()
    assert lines[:5] == [
        "# From pack.yaml, with its parameters' defaults.",
        "managed_rules:",
        "  s3-bucket-ssl-requests-only:",
        "    identifier: S3_BUCKET_SSL_REQUESTS_ONLY",
        "    description: Buckets take requests by TLS only.",
    ]
    assert lines[-2:] == ["# Not turned, or not completely:", f"# RestrictTls: {COMMENT}"]


def test_a_remediation_needs_only_its_comment_signs_taken_away(tmp_path: Path) -> None:
    text = as_yaml(turn(tmp_path, PACK), "pack.yaml").replace("    # ", "    ")
    found = yaml.safe_load(text)["managed_rules"]["s3-bucket-ssl-requests-only"]
    assert found == {**RULES["s3-bucket-ssl-requests-only"], "remediation": REMEDIATION}


def test_settings_take_what_is_written_for_them(tmp_path: Path) -> None:
    text = as_yaml(turn(tmp_path, PACK), "pack.yaml").replace("    # ", "    ")
    permissions = "[{actions: [s3:PutBucketPolicy], resources: ['*']}]"
    text = re.sub(r"permissions:\n( +- | +)actions: \[\]\n +resources: \[\]", permissions, text)
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "dev.yaml").write_text(
        "environment_suffix: dev\nregion: us-east-1\nrules: {s3-encryption-compliance: {}}\n"
        "recorder: {mode: create}\n" + text.replace(permissions, f"permissions: {permissions}")
    )
    settings = read_environments(folder)["dev"]
    assert list(settings.managed_rules) == list(RULES)
    assert list(settings.remediations()) == ["s3-bucket-ssl-requests-only"]


def test_json_has_all_of_it(tmp_path: Path) -> None:
    assert as_json(turn(tmp_path, PACK)) == {
        "managed_rules": RULES,
        "remediations": {"s3-bucket-ssl-requests-only": REMEDIATION},
        "left": [{"resource": "RestrictTls", "reason": COMMENT}],
    }


def test_a_pack_of_json_is_turned_alike(tmp_path: Path) -> None:
    imported = turn(tmp_path, {"Resources": {"Tls": rule(TLS)}})
    assert imported.rules == {
        "s3-bucket-ssl-requests-only": {"identifier": "S3_BUCKET_SSL_REQUESTS_ONLY"}
    }
    assert imported.left == []
    assert "#" not in as_yaml(imported, "pack.json").partition("\n")[2]


SOURCE = TLS["Source"]
KEYS = {"Owner": "AWS", "SourceIdentifier": "ACCESS_KEYS_ROTATED"}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (
            rule({"Source": {"Owner": "CUSTOM_LAMBDA", "SourceIdentifier": {"Fn::GetAtt": "F.A"}}}),
            (
                "a custom Lambda rule, whose function is not in the pack: make it a rule of your "
                "own (docs/rules-of-your-own.md)"
            ),
        ),
        (
            rule({"Source": {"Owner": "CUSTOM_POLICY", "CustomPolicyDetails": {}}}),
            (
                "a rule in Guard: save its PolicyText as a file, and name that in settings as "
                "guard_rules.<name>.file"
            ),
        ),
        (rule({"Source": {}}), "Source.Owner: allowed: AWS; got ''"),
        (rule({}), "Source: allowed: a mapping; got nothing"),
        (rule(None), "Properties: allowed: a mapping; got 'null'"),
        (
            rule({"Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_SSL"}}),
            (
                "identifier: allowed: the identifier of a managed rule; with allow_unknown: true, "
                "one newer than 2026-10; got 'S3_BUCKET_SSL'"
            ),
        ),
        (
            rule({"Source": {"Owner": "AWS"}}),
            (
                "identifier: allowed: the identifier of a managed rule; with allow_unknown: true, "
                "one newer than 2026-10; got ''"
            ),
        ),
        (
            rule({"Source": KEYS, "Scope": {"TagKey": "a"}}),
            (
                "input_parameters.maxAccessKeyAge: allowed: a whole number, such as 90, which AWS "
                "documents as the default but only its console fills in; got nothing; "
                "tag_key: allowed: nothing, for ACCESS_KEYS_ROTATED runs periodically only, where "
                "AWS Config refuses a scope; got 'a'"
            ),
        ),
        (
            rule({"Source": KEYS, "InputParameters": {"maxAccessKeyAge": "young"}}),
            "input_parameters.maxAccessKeyAge: allowed: a whole number; got 'young'",
        ),
        (
            rule({"Source": KEYS, "InputParameters": "{"}),
            "InputParameters: allowed: JSON; got '{'",
        ),
        (
            rule({"Source": KEYS, "InputParameters": '{"maxAccessKeyAge": [1]}'}),
            "input_parameters.maxAccessKeyAge: allowed: a whole number; got [1]",
        ),
        (
            rule({"Source": KEYS, "InputParameters": ["90"]}),
            "InputParameters: allowed: a mapping; got ['90']",
        ),
        (
            rule({"Source": KEYS, "InputParameters": {"maxAccessKeyAge": {"Ref": "Unset"}}}),
            "parameter Unset has no default",
        ),
        (
            rule({**TLS, "Description": "${now}"}),
            (
                "allowed: text without ${ and %{, which Terraform would take for an expression; "
                "got '${now}'"
            ),
        ),
        (rule({**TLS, "Description": ["a"]}), "Properties.Description: allowed: a string; got "),
        (
            rule({**TLS, "Scope": {"ComplianceResourceTypes": "AWS::S3::Bucket"}}),
            "Properties.Scope.ComplianceResourceTypes: allowed: a list of strings; got 'AWS::S3",
        ),
        (
            rule({**TLS, "Scope": "all"}),
            "Properties.Scope: allowed: a mapping; got 'all'",
        ),
        (
            rule({**TLS, "EvaluationModes": "DETECTIVE"}),
            "Properties.EvaluationModes: allowed: a list; got 'DETECTIVE'",
        ),
        (
            rule({**TLS, "EvaluationModes": ["DETECTIVE"]}),
            "Properties.EvaluationModes: allowed: a mapping; got 'DETECTIVE'",
        ),
        (
            rule({**TLS, "ConfigRuleName": "TLS only"}),
            (
                "ConfigRuleName: allowed: a name of letters, digits, hyphens and underscores; got "
                "'TLS only'"
            ),
        ),
        (
            rule({**TLS, "ConfigRuleName": "n" * 63}),
            "ConfigRuleName: allowed: at most 64 characters together with -x; got 65",
        ),
        (
            rule({**TLS, "Description": "d" * 257}),
            "description: allowed: 1 to 256 characters; got 'ddd",
        ),
        (
            rule({**TLS, "Scope": {"ComplianceResourceTypes": ["Bucket"]}}),
            (
                "resource_types.0: allowed: a resource type of AWS Config, such as "
                "AWS::S3::Bucket; got 'Bucket'"
            ),
        ),
        (
            rule({**TLS, "Tags": [], "Compliance": {}}),
            "Properties: settings have nothing like Tags, Compliance",
        ),
        (
            rule({"Source": {**SOURCE, "SourceDetails": []}}),
            "Properties.Source: settings have nothing like SourceDetails",
        ),
        (
            rule({**TLS, "ConfigRuleName": "tls"}),
            "allowed: each ConfigRuleName once; got 'tls' twice",
        ),
        (
            rule(TLS, Condition="never"),
            "condition never is false by the parameters' defaults",
        ),
        (rule(TLS, Condition="none"), "allowed: the name of a condition; got 'none'"),
        (
            {"Type": "AWS::S3::Bucket"},
            (
                "allowed: AWS::Config::ConfigRule and AWS::Config::RemediationConfiguration; got "
                "'AWS::S3::Bucket'"
            ),
        ),
        (
            "bucket",
            (
                "allowed: AWS::Config::ConfigRule and AWS::Config::RemediationConfiguration; got "
                "'bucket'"
            ),
        ),
        (remediation(ConfigRuleName={"Ref": "Odd"}), "Odd, which it refers to, is not turned"),
        (remediation(ConfigRuleName="of-aws"), "its rule 'of-aws' is not turned"),
        (remediation(TargetType="LAMBDA"), "TargetType: allowed: SSM_DOCUMENT; got 'LAMBDA'"),
        (
            remediation(MaximumAutomaticAttempts="many"),
            "Properties.MaximumAutomaticAttempts: allowed: a whole number; got 'many'",
        ),
        (
            remediation(Parameters={"Role": {"StaticValue": {"Values": []}}}),
            (
                "Parameters.Role: allowed: a StaticValue with Values, or a ResourceValue with "
                "Value; got {'StaticValue': {'Values': []}}"
            ),
        ),
        (
            remediation(Parameters={"Role": {"StaticValue": {"Values": [{"Fn::GetAtt": "R"}]}}}),
            "allowed: Ref, Fn::If, Fn::Join and Fn::Sub; got Fn::GetAtt",
        ),
        (
            remediation(ExecutionControls={"Other": {}}),
            "Properties.ExecutionControls: settings have nothing like Other",
        ),
    ],
)
def test_what_is_not_turned_is_named_with_its_reason(
    tmp_path: Path, resource: Any, reason: str
) -> None:
    template = {
        "Parameters": {"Unset": {"Type": "String"}},
        "Conditions": {"never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Tls": rule({**TLS, "ConfigRuleName": "tls"}), "Odd": resource},
    }
    imported = turn(tmp_path, template)
    assert list(imported.rules) == ["tls"]
    assert imported.remediations == {}
    assert [each.resource for each in imported.left] == ["Odd"]
    assert imported.left[0].reason.startswith(reason)


def test_a_rule_whose_condition_is_true_is_turned(tmp_path: Path) -> None:
    template = {
        "Conditions": {"always": {"Fn::Equals": ["a", "a"]}},
        "Resources": {"Tls": rule(TLS, Condition="always")},
    }
    assert len(turn(tmp_path, template).rules) == 1


def test_attempts_do_not_count_when_people_start_a_remediation(tmp_path: Path) -> None:
    mends = remediation(MaximumAutomaticAttempts="5", RetryAttemptSeconds="60")
    imported = turn(tmp_path, {"Resources": {"Tls": rule(TLS), "Mends": mends}})
    assert imported.remediations["s3-bucket-ssl-requests-only"] == {
        "document": "Example-RestrictTls",
        "automatic": False,
        "permissions": [{"actions": [], "resources": []}],
    }


def test_a_second_remediation_of_a_rule_is_left(tmp_path: Path) -> None:
    resources = {"Tls": rule(TLS), "One": remediation(), "Two": remediation(TargetId="Other")}
    imported = turn(tmp_path, {"Resources": resources})
    assert imported.remediations["s3-bucket-ssl-requests-only"]["document"] == "Example-RestrictTls"
    assert imported.left[1] == Left(
        "Two",
        "allowed: one remediation for each rule; got a second for 's3-bucket-ssl-requests-only'",
    )


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "template: allowed: a mapping; got nothing"),
        ("[]", "template: allowed: a mapping; got []"),
        ("{}", "Resources: allowed: a mapping; got nothing"),
        ({"Resources": [], "Parameters": {}}, "Resources: allowed: a mapping; got []"),
        ({"Resources": {}, "Conditions": "a"}, "Conditions: allowed: a mapping; got 'a'"),
        (
            {
                "Resources": {"Tls": rule(TLS, Condition="a")},
                "Conditions": {"a": {"Condition": "a"}},
            },
            ("allowed: a template that nests less deeply, without conditions that need themselves"),
        ),
    ],
)
def test_what_is_no_pack_is_refused(tmp_path: Path, template: Any, message: str) -> None:
    with pytest.raises(PackError) as refused:
        turn(tmp_path, template)
    assert str(refused.value) == f"{tmp_path / 'pack.yaml'}: {message}"


def test_nothing_to_turn_is_no_rule(tmp_path: Path) -> None:
    imported = turn(tmp_path, {"Resources": {"Odd": "bucket"}})
    assert yaml.safe_load(as_yaml(imported, "pack.yaml")) == {"managed_rules": {}}


def test_names_cannot_end_a_comment_or_command_a_terminal(tmp_path: Path) -> None:
    imported = turn(tmp_path, {"Resources": {"a\nevil: true\x1b": "bucket"}})
    text = as_yaml(imported, "p\nevil: true")
    assert yaml.safe_load(text) == {"managed_rules": {}}
    assert text.splitlines()[0] == "# From p evil: true, with its parameters' defaults."
    assert text.splitlines()[-1].startswith("# a evil: true : allowed: ")


def test_settings_are_written_with_the_folders_that_they_need(tmp_path: Path) -> None:
    imported = turn(tmp_path, PACK)
    out = tmp_path / "new" / "rules.yaml"
    import_pack.write(imported, "pack.yaml", out)
    assert out.read_bytes().decode() == as_yaml(imported, "pack.yaml")
    with pytest.raises(PackError, match="new: cannot be written: Is a directory"):
        import_pack.write(imported, "pack.yaml", out.parent)


TEXTS = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda text: "${" not in text and "%{" not in text
)


@given(name=TEXTS, description=TEXTS, value=TEXTS)
def test_any_text_comes_back_from_yaml_as_it_was(name: str, description: str, value: str) -> None:
    rules = {
        name: {"identifier": "A", "description": description, "input_parameters": {"a": value}}
    }
    remediations = {name: {"document": value}}
    imported = Imported(rules=rules, remediations=remediations, left=[Left(name, value)])
    text = as_yaml(imported, name)
    assert yaml.safe_load(text) == {"managed_rules": rules}
    uncommented = yaml.safe_load(text.replace("\n    # ", "\n    "))
    assert uncommented["managed_rules"][name]["remediation"] == {"document": value}


# Without control characters, which JSON has and YAML does not.
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5)
JSON = st.recursive(
    WORDS | st.sampled_from(["AWS", "Ref", "Tls", "AWS::NoValue"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            WORDS
            | st.sampled_from(
                ["Ref", "Fn::If", "Fn::Sub", "Fn::Join", "Source", "Scope", "Parameters", "Owner"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(rule_properties=JSON, remediation_properties=JSON, condition=JSON)
def test_any_template_is_turned_or_left(
    tmp_path_factory: pytest.TempPathFactory,
    rule_properties: Any,
    remediation_properties: Any,
    condition: Any,
) -> None:
    resources = {
        "Tls": rule(TLS),
        "Odd": rule(rule_properties, Condition="odd"),
        "Mends": {
            "Type": "AWS::Config::RemediationConfiguration",
            "Properties": remediation_properties,
        },
    }
    template = {"Conditions": {"odd": condition}, "Resources": resources}
    imported = turn(tmp_path_factory.getbasetemp(), template)
    assert [each.resource for each in imported.left] == ["Odd", "Mends"]
