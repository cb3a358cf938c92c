"""AWS Config in depth: what moto knows is applied, and what it does not know is planned."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.terraform import Provider, Terraform, find_terraform

POLICY = """\
# What Terraform would take for expressions is left as it is: ${this} and %{that}.
rule bucket_names when resourceType == "AWS::S3::Bucket" {
    resourceName == /^team-/
}
"""
PACK = """\
Parameters:
  MaximumAge: {Type: Number}
Resources:
  Keys:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: !Sub "${AWS::Region}-keys"
      InputParameters: {maxAccessKeyAge: !Ref MaximumAge}
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
"""
BASE: dict[str, Any] = {
    "region": "us-east-1",
    "retain_data": False,
    "object_retention_days": None,
}
GLOBAL = ["AWS::IAM::Group", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::IAM::User"]
APPLIED: dict[str, Any] = {
    **BASE,
    "environment_suffix": "config",
    "recorder": {
        "mode": "create",
        "exclude_resource_types": [*GLOBAL, "AWS::Config::ResourceCompliance"],
        "recording_frequency_overrides": [
            {
                "resource_types": ["AWS::EC2::NetworkInterface"],
                "recording_frequency": "DAILY",
                "description": "They change with everything else.",
            }
        ],
    },
    "rules": {
        "s3-encryption-compliance": {
            "config_triggers": ["periodic"],
            "maximum_execution_frequency": "Twelve_Hours",
        }
    },
    "managed_rules": {
        "s3-bucket-ssl-requests-only": {"resource_types": ["AWS::S3::Bucket"]},
        "keys-are-rotated": {
            "identifier": "ACCESS_KEYS_ROTATED",
            "description": "Access keys are at most 60 days old.",
            "input_parameters": {"maxAccessKeyAge": 60},
            "maximum_execution_frequency": "Six_Hours",
        },
        "desired-instance-type": {
            "input_parameters": {"instanceType": ["t3.micro", "t3.small"]},
            "resource_types": ["AWS::EC2::Instance"],
            "resource_id": "i-0123456789abcdef0",
        },
    },
}
REMEDIATION: dict[str, Any] = {
    "document": "AWS-EnableS3BucketEncryption",
    "automatic": True,
    "parameters": {
        "BucketName": {"resource_value": "RESOURCE_ID"},
        "SSEAlgorithm": {"static_value": "AES256"},
        "Others": {"static_values": ["a", "b"]},
    },
    "permissions": [
        {
            "actions": ["s3:PutEncryptionConfiguration"],
            "resources": ["arn:{partition}:s3:::*"],
        }
    ],
}
PLANNED: dict[str, Any] = {
    **BASE,
    "environment_suffix": "planned",
    "recorder": {
        "mode": "create",
        "all_supported": True,
        "include_global_resource_types": True,
        "record_costly_types": True,
        "recording_frequency": "DAILY",
        "recording_frequency_overrides": [
            {"resource_types": ["AWS::S3::Bucket"], "recording_frequency": "CONTINUOUS"}
        ],
    },
    "rules": {"s3-encryption-compliance": {"remediation": REMEDIATION}},
    "managed_rules": {
        "s3-bucket-logging-enabled": {"evaluation_modes": ["DETECTIVE", "PROACTIVE"]},
        "ec2-ebs-encryption-by-default": {},
        "tagged-buckets": {
            "identifier": "S3_BUCKET_VERSIONING_ENABLED",
            "tag_key": "Team",
            "tag_value": "platform",
        },
    },
    "guard_rules": {
        "bucket-names": {
            "file": "bucket-names.guard",
            "resource_types": ["AWS::S3::Bucket"],
            "input_parameters": {"prefix": "team-"},
            "debug_logging": True,
            "evaluation_modes": ["DETECTIVE", "PROACTIVE"],
        }
    },
    "conformance_packs": {
        "storage": {"template_file": "pack.yaml", "input_parameters": {"MaximumAge": 30}},
        "large": {"template_s3_uri": "s3://templates/large.yaml"},
    },
}


@pytest.fixture(scope="module")
def stacks(synthesize: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both stacks; what the settings name lies in another folder."""
    files = tmp_path_factory.mktemp("files")
    (files / "bucket-names.guard").write_text(POLICY, encoding="utf-8")
    (files / "pack.yaml").write_text(PACK, encoding="utf-8")
    planned = json.dumps(PLANNED)
    for file in files.iterdir():
        planned = planned.replace(f'"{file.name}"', json.dumps(str(file)))
    return synthesize({"config": APPLIED, "planned": json.loads(planned)})


def test_a_recorder_and_rules_are_applied_planned_again_without_change_and_destroyed(
    aws: EmbeddedAws,
    session: boto3.Session,
    provider: Provider,
    stacks: Path,
    inventory: Callable[[], dict[str, set[str]]],
) -> None:
    before = inventory()
    terraform = Terraform(stacks / "assay-config", aws.environment())
    terraform.init(provider.plugin_dir)
    terraform.validate()
    terraform.apply()

    config = session.client("config")
    (recorder,) = config.describe_configuration_recorders()["ConfigurationRecorders"]
    excluded = recorder["recordingGroup"]["exclusionByResourceTypes"]["resourceTypes"]
    assert set(excluded) == {"AWS::Config::ResourceCompliance", *GLOBAL}
    rules = {rule["ConfigRuleName"]: rule for rule in config.describe_config_rules()["ConfigRules"]}
    assert set(rules) == {
        "s3-encryption-compliance-config",
        "s3-bucket-ssl-requests-only-config",
        "keys-are-rotated-config",
        "desired-instance-type-config",
    }
    periodic = rules["s3-encryption-compliance-config"]
    assert periodic["Source"]["SourceDetails"] == [
        {
            "EventSource": "aws.config",
            "MessageType": "ScheduledNotification",
            "MaximumExecutionFrequency": "Twelve_Hours",
        }
    ]
    assert "Scope" not in periodic
    keys = rules["keys-are-rotated-config"]
    assert keys["Source"]["SourceIdentifier"] == "ACCESS_KEYS_ROTATED"
    assert keys["MaximumExecutionFrequency"] == "Six_Hours"
    assert json.loads(keys["InputParameters"]) == {"maxAccessKeyAge": "60"}
    instance = rules["desired-instance-type-config"]
    assert instance["Scope"]["ComplianceResourceId"] == "i-0123456789abcdef0"

    assert not terraform.plan()
    assert not terraform.plan()
    terraform.destroy()
    assert inventory() == before


def test_what_moto_does_not_know_is_valid_and_planned_as_it_is_meant(
    aws: EmbeddedAws, provider: Provider, stacks: Path, tmp_path: Path
) -> None:
    stack = stacks / "assay-planned"
    terraform = Terraform(stack, aws.environment())
    terraform.init(provider.plugin_dir)
    terraform.validate()
    assert terraform.plan(out=tmp_path / "plan")
    shown = subprocess.run(
        [*find_terraform(), "show", "-json", str(tmp_path / "plan")],
        cwd=stack,
        env=aws.environment(),
        capture_output=True,
        check=True,
    )
    changes = json.loads(shown.stdout)["resource_changes"]

    def planned(kind: str) -> dict[str, Mapping[str, Any]]:
        made = [each["change"]["after"] for each in changes if each["type"] == f"aws_config_{kind}"]
        return {each.get("name") or each["target_id"]: each for each in made}

    (recorder,) = planned("configuration_recorder").values()
    assert recorder["recording_group"][0]["all_supported"] is True
    assert recorder["recording_group"][0]["include_global_resource_types"] is True
    (mode,) = recorder["recording_mode"]
    assert mode["recording_frequency"] == "DAILY"
    (override,) = mode["recording_mode_override"]
    assert override["recording_frequency"] == "CONTINUOUS"
    assert override["resource_types"] == ["AWS::S3::Bucket"]
    rules = planned("config_rule")
    (policy,) = rules["bucket-names-planned"]["source"][0]["custom_policy_details"]
    assert policy["policy_text"] == POLICY
    modes = rules["s3-bucket-logging-enabled-planned"]["evaluation_mode"]
    assert {each["mode"] for each in modes} == {"DETECTIVE", "PROACTIVE"}
    (scope,) = rules["tagged-buckets-planned"]["scope"]
    assert (scope["tag_key"], scope["tag_value"]) == ("Team", "platform")
    packs = planned("conformance_pack")
    assert packs["storage-planned"]["template_body"] == PACK
    assert packs["storage-planned"]["input_parameter"] == [
        {"parameter_name": "MaximumAge", "parameter_value": "30"}
    ]
    assert packs["large-planned"]["template_s3_uri"] == "s3://templates/large.yaml"
    (remediation,) = planned("remediation_configuration").values()
    assert remediation["automatic"] is True
    assert remediation["maximum_automatic_attempts"] == 5
    names = [parameter["name"] for parameter in remediation["parameter"]]
    assert names == ["AutomationAssumeRole", "BucketName", "Others", "SSEAlgorithm"]
