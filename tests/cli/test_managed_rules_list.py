"""Rules are found by names, identifiers and types, listed, and explained for settings."""

import json

import pytest
import yaml

from assay import rules as catalogue
from assay_cli.display import Display
from assay_cli.managed_rules_list import AnyKind, NoSuchRuleError, as_json, find, show, snippet
from assay_constructs import managed_rules
from assay_constructs.managed_rules import problems

MANAGED = [
    rule
    for identifier in managed_rules.identifiers()
    if (rule := managed_rules.facts(identifier)) is not None
]


def names(rules: list[AnyKind]) -> list[str]:
    return [rule.name for rule in rules]


def shown(search: str | None, capsys: pytest.CaptureFixture[str]) -> str:
    show(find(search), Display(terminal=False))
    return capsys.readouterr().out


def test_all_rules_are_found_assay_s_own_first() -> None:
    found = names(find(None))
    own = len(catalogue.names())
    assert found[:own] == list(catalogue.names())
    assert found[own:] == sorted(rule.name for rule in MANAGED)
    assert len(MANAGED) == len(managed_rules.identifiers())


@pytest.mark.parametrize(
    ("search", "name"),
    [
        ("restricted-ssh", "restricted-ssh"),
        ("INCOMING_SSH_DISABLED", "restricted-ssh"),
        ("incoming_ssh_disabled ", "restricted-ssh"),
        ("rds-storage-encrypted", "rds-storage-encrypted"),
        ("S3-Encryption-Compliance", "s3-encryption-compliance"),
    ],
)
def test_a_name_or_identifier_finds_its_rule_only(search: str, name: str) -> None:
    assert names(find(search)) == [name]


def test_words_find_what_has_all_of_them() -> None:
    assert names(find("ssl S3_BUCKET")) == ["s3-bucket-ssl-requests-only"]
    found = find("AWS::EC2::Volume")
    assert "ebs-encryption-compliance" in names(found)
    assert "encrypted-volumes" in names(found)
    assert all("AWS::EC2::Volume" in json.dumps(as_json([rule])) for rule in found)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (
            "S3_BUCKET_SSL_REQUEST_OLNY",
            (
                "no rule has 'S3_BUCKET_SSL_REQUEST_OLNY' in its name, identifier or types; did "
                "you mean s3-bucket-ssl-requests-only?"
            ),
        ),
        (
            "restricted-shs",
            (
                "no rule has 'restricted-shs' in its name, identifier or types; did you mean "
                "restricted-ssh or restricted-common-ports or nacl-no-unrestricted-ssh-rdp?"
            ),
        ),
        (
            "?",
            "no rule has '?' in its name, identifier or types; `assay rules` lists all",
        ),
    ],
)
def test_what_no_rule_has_is_answered_with_the_nearest_names(search: str, message: str) -> None:
    with pytest.raises(NoSuchRuleError) as refused:
        find(search)
    assert str(refused.value) == message


def test_a_table_has_a_row_for_each_rule(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(None, capsys).splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    assert ["s3-tls-compliance", "medium", "AWS::S3::Bucket"] in rows
    ssh = ["restricted-ssh", "INCOMING_SSH_DISABLED", "changes and periodic"]
    assert [*ssh, "AWS::EC2::SecurityGroup"] in rows
    types = {row[1]: row[3] for row in rows if len(row) == 4}
    assert types["ACCESS_KEYS_ROTATED"] == "AWS::IAM::User"
    assert types["REQUIRED_TAGS"] == (
        "AWS::ACM::Certificate, AWS::AutoScaling::AutoScalingGroup and 28 more"
    )
    assert types["IAM_PASSWORD_POLICY"] == "none documented"
    assert "Managed rules of AWS Config, as of 2026-10" in [line.strip() for line in lines]
    total = len(catalogue.names()) + len(MANAGED)
    assert lines[-1] == f"{total} rules; `assay rules NAME` explains one"


def test_a_table_of_one_kind_only_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    managed = shown("workspaces", capsys)
    assert "Managed rules" in managed
    assert "Assay's own" not in managed
    own = shown("s3 compliance", capsys)
    assert "Assay's own rules" in own
    assert "Managed rules" not in own


EXPLANATION = """\
cloudwatch-alarm-action-check

A managed rule of AWS Config, as of 2026-10.

Identifier:      CLOUDWATCH_ALARM_ACTION_CHECK
Trigger:         changes
Resource types:  AWS::CloudWatch::Alarm

Parameters:
  okActionRequired                String, required, default false
  insufficientDataActionRequired  String, required, default true
  alarmActionRequired             String, required, default true
  action1                         String, optional
  action2                         String, optional
  action3                         String, optional
  action4                         String, optional
  action5                         String, optional
A default is only what the AWS console fills in: deployed, a rule gets none of them.

For settings:

managed_rules:
  cloudwatch-alarm-action-check:
    identifier: CLOUDWATCH_ALARM_ACTION_CHECK
    input_parameters:
      okActionRequired: false
      insufficientDataActionRequired: true
      alarmActionRequired: true
      # action1:  # String
      # action2:  # String
      # action3:  # String
      # action4:  # String
      # action5:  # String
"""


def test_a_managed_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown("CLOUDWATCH_ALARM_ACTION_CHECK", capsys) == EXPLANATION


def test_several_resource_types_stand_below_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    explained = shown("API_GW_EXECUTION_LOGGING_ENABLED", capsys)
    types = "Resource types:  AWS::ApiGateway::Stage\n                 AWS::ApiGatewayV2::Stage\n"
    assert types in explained


def test_what_a_rule_lacks_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    explained = shown("RDS_STORAGE_ENCRYPTED", capsys)
    assert "Proactive:       AWS lists it for that (2023-06)\n" in explained
    assert "A default is only" not in explained
    password = shown("IAM_PASSWORD_POLICY", capsys)
    assert "Resource types:  none documented\n" in password
    assert "It has no parameters.\n" in shown("S3_BUCKET_SSL_REQUESTS_ONLY", capsys)
    assert "Proactive" not in password


def test_an_own_rule_is_explained_with_its_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    explained = shown("ec2-tag-compliance", capsys)
    rule = catalogue.load("ec2-tag-compliance")
    assert explained.startswith(f"{rule.name}\n\nOne of Assay's own rules.\n\n{rule.requirement}\n")
    assert f"\nRemedy: {rule.remedy}\n" in explained
    settings = yaml.safe_load(explained[explained.index("rules:\n") :])
    defaults: dict[str, dict[str, list[str]]] = {"required_tags": {"Environment": [], "Owner": []}}
    assert settings == {"rules": {"ec2-tag-compliance": {"parameters": defaults}}}


def test_an_own_rule_without_parameters_has_empty_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    explained = shown("s3-tls-compliance", capsys)
    settings = yaml.safe_load(explained[explained.index("rules:\n") :])
    assert settings == {"rules": {"s3-tls-compliance": {}}}


def test_snippets_lack_nothing_but_what_aws_documents_no_default_of() -> None:
    lacking = {}
    for rule in MANAGED:
        ((name, settings),) = yaml.safe_load(snippet(rule))["managed_rules"].items()
        assert name == rule.name
        lacking[rule.identifier] = [place for place, _ in problems(**settings)]
    assert lacking == {
        rule.identifier: [
            ("input_parameters", parameter.name)
            for parameter in rule.parameters
            if parameter.required and parameter.default is None
        ]
        for rule in MANAGED
    }


def test_a_snippet_s_comments_are_its_optional_parameters() -> None:
    rule = managed_rules.by_name("required-tags")
    assert rule
    uncommented = yaml.safe_load(snippet(rule).replace("# ", ""))
    parameters = uncommented["managed_rules"]["required-tags"]["input_parameters"]
    assert parameters == {
        parameter.name: parameter.default if parameter.required else parameter.type
        for parameter in rule.parameters
    }


def test_a_snippet_of_optional_parameters_only_is_a_comment_with_its_key() -> None:
    rule = managed_rules.by_name("api-gw-execution-logging-enabled")
    assert rule
    identifier = {"identifier": "API_GW_EXECUTION_LOGGING_ENABLED"}
    read = yaml.safe_load(snippet(rule))["managed_rules"]
    assert read == {"api-gw-execution-logging-enabled": identifier}
    read = yaml.safe_load(snippet(rule).replace("# ", ""))["managed_rules"]
    parameters = {"input_parameters": {"loggingLevel": "ERROR,INFO"}}
    assert read == {"api-gw-execution-logging-enabled": identifier | parameters}


def test_json_has_what_is_known_of_each_rule() -> None:
    own, managed = find("s3-tls-compliance")[0], find("ACCESS_KEYS_ROTATED")[0]
    rule = catalogue.load("s3-tls-compliance")
    listed = as_json([own, managed])
    assert json.loads(json.dumps(listed)) == {
        "as_of": "2026-10",
        "rules": [
            {
                "kind": "assay",
                "name": "s3-tls-compliance",
                "requirement": rule.requirement,
                "severity": "medium",
                "resource_types": ["AWS::S3::Bucket"],
                "parameters": {},
            },
            {
                "kind": "managed",
                "identifier": "ACCESS_KEYS_ROTATED",
                "name": "access-keys-rotated",
                "trigger": "periodic",
                "resource_types": ["AWS::IAM::User"],
                "parameters": [
                    {"name": "maxAccessKeyAge", "type": "int", "required": True, "default": "90"}
                ],
                "proactive": False,
            },
        ],
    }
