"""The embedded AWS holds samples of every kind, with the verdicts that they demand."""

from collections import Counter
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.rule import ComplianceType
from assay_cli import samples
from assay_cli.embedded_aws import EmbeddedAws


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[boto3.Session, samples.Verdicts]]:
    with EmbeddedAws() as aws, aws.exported():
        yield boto3.Session(), samples.seed(boto3.Session())


def test_every_rule_has_several_samples_of_each_verdict_that_counts(
    filled: tuple[boto3.Session, samples.Verdicts],
) -> None:
    counted = Counter(item for verdicts in filled[1].values() for item in verdicts.items())
    for rule in ("ec2-tag-compliance", "s3-encryption-compliance", "rds-backup-compliance"):
        assert counted[rule, ComplianceType.COMPLIANT] > 1
        assert counted[rule, ComplianceType.NON_COMPLIANT] > 1
    assert counted["ec2-tag-compliance", ComplianceType.NOT_APPLICABLE] == 1
    assert counted["rds-backup-compliance", ComplianceType.NOT_APPLICABLE] == 1


def test_instances_are_there_and_the_one_that_is_not_applicable_is_terminated(
    filled: tuple[boto3.Session, samples.Verdicts],
) -> None:
    session, verdicts = filled
    states = {
        f"arn:aws:ec2:us-east-1:123456789012:instance/{instance['InstanceId']}": instance["State"]
        for reservation in session.client("ec2").describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    }
    judged = {arn for arn, rules in verdicts.items() if "ec2-tag-compliance" in rules}
    assert judged == set(states)
    for arn, state in states.items():
        not_applicable = verdicts[arn]["ec2-tag-compliance"] is ComplianceType.NOT_APPLICABLE
        assert (state["Name"] == "terminated") == not_applicable


def test_buckets_without_default_encryption_are_those_that_violate(
    filled: tuple[boto3.Session, samples.Verdicts],
) -> None:
    session, verdicts = filled
    s3 = session.client("s3")
    for arn, rules in verdicts.items():
        if "s3-encryption-compliance" in rules:
            try:
                s3.get_bucket_encryption(Bucket=arn.removeprefix("arn:aws:s3:::"))
                verdict = ComplianceType.COMPLIANT
            except ClientError:
                verdict = ComplianceType.NON_COMPLIANT
            assert rules["s3-encryption-compliance"] is verdict


def test_a_bucket_of_another_region_is_there_and_gets_no_verdict(
    filled: tuple[boto3.Session, samples.Verdicts],
) -> None:
    session, verdicts = filled
    location = session.client("s3").get_bucket_location(Bucket="sample-elsewhere")
    assert location["LocationConstraint"] == "eu-central-1"
    assert "arn:aws:s3:::sample-elsewhere" not in verdicts


def test_databases_are_there_with_a_read_replica_that_is_not_applicable(
    filled: tuple[boto3.Session, samples.Verdicts],
) -> None:
    session, verdicts = filled
    for database in session.client("rds").describe_db_instances()["DBInstances"]:
        if "ReadReplicaSourceDBInstanceIdentifier" in database:
            verdict = ComplianceType.NOT_APPLICABLE
        elif database["BackupRetentionPeriod"] >= 7:
            verdict = ComplianceType.COMPLIANT
        else:
            verdict = ComplianceType.NON_COMPLIANT
        assert verdicts[database["DBInstanceArn"]] == {"rds-backup-compliance": verdict}


def test_changes_make_some_better_and_some_worse_and_say_which() -> None:
    with EmbeddedAws() as aws, aws.exported():
        session = boto3.Session()
        before = samples.seed(session)
        steps = [dict(each) for each in samples.change(session, before)]
        s3, rds = session.client("s3"), session.client("rds")
        (retention,) = (
            each["BackupRetentionPeriod"]
            for each in rds.describe_db_instances(DBInstanceIdentifier="sample-sessions")[
                "DBInstances"
            ]
        )
        for bucket in ("sample-exports", "sample-drafts"):
            with pytest.raises(ClientError, match="ServerSideEncryptionConfigurationNotFound"):
                s3.get_bucket_encryption(Bucket=bucket)
        (orphan,) = (
            instance
            for reservation in session.client("ec2").describe_instances()["Reservations"]
            for instance in reservation["Instances"]
            if {"Key": "Name", "Value": "orphan"} in instance.get("Tags", [])
        )
    assert retention == 7
    assert {"Key": "Owner", "Value": "shop-team"} in orphan["Tags"]
    mended = {"ec2-tag-compliance": ComplianceType.COMPLIANT}
    spoilt = {"s3-encryption-compliance": ComplianceType.NON_COMPLIANT}
    instance = f"arn:aws:ec2:us-east-1:123456789012:instance/{orphan['InstanceId']}"
    expected: list[samples.Verdicts] = []
    for change in (
        {instance: mended},
        {"arn:aws:s3:::sample-exports": spoilt},
        {
            "arn:aws:rds:us-east-1:123456789012:db:sample-sessions": {
                "rds-backup-compliance": ComplianceType.COMPLIANT
            },
            "arn:aws:s3:::sample-drafts": spoilt,
        },
    ):
        expected.append((expected[-1] if expected else before) | change)
    assert steps == expected
