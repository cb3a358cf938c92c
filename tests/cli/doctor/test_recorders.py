"""A recorder: what it records, and whose it is."""

from collections.abc import Callable

import boto3

from assay_cli.doctor.aws import Aws
from assay_cli.doctor.recorders import Recorder, owner, recorders

ROLE = "arn:aws:iam::123456789012:role/aws-service/platform-config"
ARN = "arn:aws:config:us-east-1:123456789012:configuration-recorder/default/abc"


def of(**answer: object) -> Recorder:
    return Recorder.from_api({"name": "default", "roleARN": ROLE, **answer})


def test_recorders_of_services_and_connectors_do_not_count(
    aws: Aws, stub: Callable[..., None]
) -> None:
    found = [
        {"name": "AWSConfigurationRecorderForX", "servicePrincipal": "x.amazonaws.com"},
        {"name": "elsewhere", "connectorArn": "arn:aws:config:us-east-1:1:connector/x"},
        {"name": "default"},
    ]
    stub("config.DescribeConfigurationRecorders", {"ConfigurationRecorders": found})
    (only,) = recorders(aws)
    assert (only.name, only.arn, only.role_arn, only.role_name) == ("default", "", "", "")


def test_what_is_recorded_is_read() -> None:
    types = of(recordingGroup={"resourceTypes": ["AWS::S3::Bucket"]}).recording
    assert (types.records("AWS::S3::Bucket"), types.records("AWS::EC2::Instance")) == (True, False)
    excluded = {"resourceTypes": ["AWS::S3::Bucket"]}
    others = of(recordingGroup={"exclusionByResourceTypes": excluded}).recording
    assert (others.records("AWS::S3::Bucket"), others.records("AWS::IAM::User")) == (False, True)
    most = of(recordingGroup={"allSupported": True}).recording
    assert (most.records("AWS::S3::Bucket"), most.records("AWS::IAM::User")) == (True, False)
    everything = {"allSupported": True, "includeGlobalResourceTypes": True}
    assert of(recordingGroup=everything).recording.records("AWS::IAM::User")


def test_the_owner_is_told_by_tags_of_recorder_role_and_bucket(
    aws: Aws,
    session: boto3.Session,
    put_recorder: Callable[..., None],
    stub: Callable[..., None],
) -> None:
    put_recorder(tags={"Team": "platform"})
    session.client("s3").put_bucket_tagging(
        Bucket="org-config", Tagging={"TagSet": [{"Key": "Stack", "Value": "archive"}]}
    )
    stub("config.ListTagsForResource", {"Tags": [{"Key": "Owner", "Value": "audit"}]})
    assert owner(of(arn=ARN), aws) == (
        "It is tagged Owner=audit. Its role platform-config is tagged Team=platform. Its bucket "
        "org-config is tagged Stack=archive."
    )


def test_the_recorder_of_control_tower_is_known_by_its_name(aws: Aws) -> None:
    found = of(name="aws-controltower-BaselineConfigRecorder", roleARN="")
    assert owner(found, aws) == "It is AWS Control Tower's, whose controls forbid to change it."


def test_tags_that_may_not_be_read_are_told(aws: Aws, deny: Callable[..., None]) -> None:
    deny("config.ListTagsForResource")
    deny("config.DescribeDeliveryChannels")
    assert owner(of(arn=ARN), aws) == (
        "It may have tags that cannot be read (the credentials lack config:ListTagsForResource). "
        "Its role platform-config has no tags."
    )


def test_many_tags_are_cut(aws: Aws, put_recorder: Callable[..., None]) -> None:
    put_recorder(tags={f"Key{number}": "v" for number in range(9)})
    told = ", ".join(f"Key{number}=v" for number in range(8))
    assert owner(of(), aws) == (
        f"Its role platform-config is tagged {told}, .... Its bucket org-config has no tags."
    )
