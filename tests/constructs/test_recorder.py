from collections.abc import Callable
from typing import Any

import pytest
from cdktf import App, TerraformStack

from assay_constructs.errors import ConstructArgumentError
from assay_constructs.recorder import Recorder
from assay_constructs.recording import Recording

Find = Callable[[str, str, str], Any]

BUCKETS = ("AWS::S3::Bucket",)


def test_named_types_are_recorded_and_never_all(find: Find) -> None:
    recorder = find("daily", "aws_config_configuration_recorder", "Config/Recorder/Resource")
    assert recorder["name"] == "mine"
    assert recorder["recording_group"] == {
        "all_supported": False,
        "include_global_resource_types": False,
        "resource_types": [
            "AWS::EC2::Instance",
            "AWS::EC2::Volume",
            "AWS::RDS::DBInstance",
            "AWS::S3::Bucket",
        ],
        "recording_strategy": [{"use_only": "INCLUSION_BY_RESOURCE_TYPES"}],
    }
    assert recorder["recording_mode"] == {"recording_frequency": "DAILY"}


def test_the_types_of_enabled_rules_are_recorded_by_default(find: Find) -> None:
    path = "Config/Recorder/Resource"
    types = {
        stack: find(stack, "aws_config_configuration_recorder", path)["recording_group"][
            "resource_types"
        ]
        for stack in ("create", "one-rule")
    }
    assert types == {
        "create": ["AWS::EC2::Instance", "AWS::RDS::DBInstance", "AWS::S3::Bucket"],
        "one-rule": ["AWS::S3::Bucket"],
    }


def test_global_types_are_recorded_where_they_are_named(find: Find) -> None:
    """AWS Config records the global types of IAM when they are named, whatever the flag says.

    https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingGroup.html
    """
    recorder = find("recorder", "aws_config_configuration_recorder", "Recorder/Resource")
    assert recorder["recording_group"] == {
        "all_supported": False,
        "include_global_resource_types": False,
        "resource_types": ["AWS::IAM::User", "AWS::S3::Bucket"],
        "recording_strategy": [{"use_only": "INCLUSION_BY_RESOURCE_TYPES"}],
    }


def test_all_types_but_some_are_recorded_and_some_less_often(find: Find) -> None:
    path = "Config/Recorder/Resource"
    recorder = find("config-rules", "aws_config_configuration_recorder", path)
    assert recorder["recording_group"] == {
        "all_supported": False,
        "include_global_resource_types": False,
        "exclusion_by_resource_types": [
            {
                "resource_types": [
                    "AWS::IAM::Group",
                    "AWS::IAM::Policy",
                    "AWS::IAM::Role",
                    "AWS::IAM::User",
                ]
            }
        ],
        "recording_strategy": [{"use_only": "EXCLUSION_BY_RESOURCE_TYPES"}],
    }
    assert recorder["recording_mode"] == {
        "recording_frequency": "CONTINUOUS",
        "recording_mode_override": {
            "description": "They change all the time.",
            "recording_frequency": "DAILY",
            "resource_types": ["AWS::EC2::Instance", "AWS::EC2::NetworkInterface"],
        },
    }


def test_all_types_are_recorded_with_the_global_ones_when_asked_for(find: Find) -> None:
    path = "Config/Recorder/Resource"
    recorder = find("all-types", "aws_config_configuration_recorder", path)
    assert recorder["recording_group"] == {
        "all_supported": True,
        "include_global_resource_types": True,
        "recording_strategy": [{"use_only": "ALL_SUPPORTED_RESOURCE_TYPES"}],
    }
    assert recorder["recording_mode"] == {
        "recording_frequency": "DAILY",
        "recording_mode_override": {
            "recording_frequency": "CONTINUOUS",
            "resource_types": ["AWS::S3::Bucket"],
        },
    }


def test_recorder_then_channel_then_status(find: Find) -> None:
    recorder = find("create", "aws_config_configuration_recorder", "Config/Recorder/Resource")
    channel = find("create", "aws_config_delivery_channel", "Config/Recorder/DeliveryChannel")
    status = find("create", "aws_config_configuration_recorder_status", "Config/Recorder/Status")
    assert [each.split(".")[0] for each in recorder["depends_on"]] == [
        "aws_iam_role_policy_attachment",
        "aws_iam_role_policy",
    ]
    assert [each.split(".")[0] for each in channel["depends_on"]] == [
        "aws_config_configuration_recorder",
        "aws_s3_bucket_policy",
    ]
    assert channel["depends_on"][1].startswith("aws_s3_bucket_policy.Monitoring_ConfigBucket")
    assert [each.split(".")[0] for each in status["depends_on"]] == ["aws_config_delivery_channel"]
    assert status["is_enabled"] is True
    assert status["name"].startswith("${aws_config_configuration_recorder.")


def test_the_role_records_by_the_managed_policy_and_delivers_to_one_prefix(
    find: Find, statements: Callable[[str, str], dict[str, Any]]
) -> None:
    attachment = find("recorder", "aws_iam_role_policy_attachment", "Recorder/Records")
    assert attachment["policy_arn"] == (
        "arn:aws-us-gov:iam::aws:policy/service-role/AWS_ConfigRole"
    )
    delivery = statements("recorder", "Recorder/DeliveryDocument")
    assert delivery["CheckBucket"]["resources"] == ["arn:aws-us-gov:s3:::deliveries"]
    assert delivery["Deliver"]["actions"] == ["s3:PutObject"]
    assert delivery["Deliver"]["resources"] == [
        "arn:aws-us-gov:s3:::deliveries/AWSLogs/123456789012/Config/*"
    ]
    assert delivery["UseKey"]["resources"] == ["arn:aws-us-gov:kms:key"]
    assert "UseKey" not in statements("create", "Config/Recorder/DeliveryDocument")


def test_only_config_for_this_account_may_assume_the_role(
    statements: Callable[[str, str], dict[str, Any]],
) -> None:
    trust = statements("recorder", "Recorder/TrustDocument")["ConfigAssumes"]
    assert trust["actions"] == ["sts:AssumeRole"]
    assert "resources" not in trust
    assert trust["principals"] == [{"type": "Service", "identifiers": ["config.amazonaws.com"]}]
    assert trust["condition"][0]["variable"] == "aws:SourceAccount"
    assert trust["condition"][0]["values"] == ["123456789012"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recording": Recording()}, "resource_types must be at least one type"),
        (
            {"recording": Recording(resource_types=BUCKETS, all_supported=True)},
            "all_supported must be left out beside resource_types; received True",
        ),
        (
            {"recording": Recording(resource_types=BUCKETS, override_description="d" * 257)},
            "override_description must be 1 to 256 characters long",
        ),
        ({"name": "n" * 257}, "name must be 1 to 256 characters long"),
        ({"role_name": "r" * 65}, "role_name must be 1 to 64 characters long"),
    ],
)
def test_impossible_arguments_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "name": "mine",
        "role_name": "role",
        "account_id": "123456789012",
        "partition": "aws",
        "recording": Recording(resource_types=BUCKETS),
        "bucket_name": "deliveries",
        "bucket_arn": "arn:aws:s3:::deliveries",
        "bucket_policy": None,
    }
    stack = TerraformStack(App(), "refused")
    with pytest.raises(ConstructArgumentError, match=message):
        Recorder(stack, "Recorder", **{**arguments, **changes})


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("recorder", "Recorder")
