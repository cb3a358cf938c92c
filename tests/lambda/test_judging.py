from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from assay.events import ChangedResource, UnsupportedEventError
from assay.judging import Judge
from assay.rule import ComplianceType, Unreadable
from assay.rules.ec2_tag_compliance import Ec2TagCompliance, TagParameters
from assay.rules.rds_backup_compliance import BackupParameters, RdsBackupCompliance
from assay.rules.s3_encryption_compliance import EncryptionParameters, S3EncryptionCompliance
from assay.run import GONE, Judgement
from assay.state import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
ARN = "arn:aws:ec2:us-east-1:123456789012:instance/"
DATABASE_ARN = "arn:aws:rds:us-east-1:123456789012:db:"
VANISHED = "i-0123456789abcdef0"


def known(instance_id: str, annotation: str = "All required tags are present.") -> Verdict:
    return Verdict(
        rule_name="ec2-tag-compliance",
        resource_id=f"{ARN}{instance_id}",
        resource_type="AWS::EC2::Instance",
        config_resource_id=instance_id,
        compliance_type="COMPLIANT",
        annotation=annotation,
        severity="medium",
        since="2026-11-23T00:00:00.000000Z",
        ordering_timestamp="2026-11-23T00:00:00.000000Z",
    )


def changed(
    resource_id: str, departure: str | None = None, resource_type: str = "AWS::EC2::Instance"
) -> ChangedResource:
    return ChangedResource(resource_type, resource_id, None, None, departure)


def database(name: str | None, arn: str | None, departure: str | None = GONE) -> ChangedResource:
    return ChangedResource("AWS::RDS::DBInstance", "db-ABC", name, arn, departure)


@pytest.fixture
def judge(aws: Aws) -> Judge:
    return Judge(Ec2TagCompliance(), TagParameters({"Owner": ()}), aws, NOW)


def test_a_sweep_judges_all_and_retires_what_has_vanished(
    judge: Judge, run_instance: Callable[..., str]
) -> None:
    there = run_instance(Owner="web")
    assert list(judge.sweep([known(there), known(VANISHED)])) == [
        Judgement(
            f"{ARN}{there}", there, ComplianceType.COMPLIANT, "All required tags are present."
        ),
        Judgement(f"{ARN}{VANISHED}", VANISHED, ComplianceType.NOT_APPLICABLE, GONE),
    ]


def test_what_is_retired_stays_so_without_a_word(judge: Judge) -> None:
    assert list(judge.sweep([known(VANISHED, GONE)])) == []


def test_a_listing_that_fails_retires_nothing(judge: Judge, fail: Callable[..., None]) -> None:
    fail("DescribeInstances", "InternalError")
    found = judge.sweep([known(VANISHED)])
    with pytest.raises(ClientError, match="InternalError"):
        next(found)
    assert list(found) == []


def test_a_resource_that_cannot_be_read_is_not_retired(
    aws: Aws, fail: Callable[..., None], answer: Callable[..., None]
) -> None:
    judge = Judge(S3EncryptionCompliance(), EncryptionParameters(), aws, NOW)
    answer("ListBuckets", {"Buckets": [{"Name": "closed"}]})
    fail("GetBucketEncryption", "AccessDenied")
    before = Verdict(
        "s3-encryption-compliance", "arn:aws:s3:::closed", "", "closed", "", "", "", "", ""
    )
    assert list(judge.sweep([before])) == [
        Unreadable("arn:aws:s3:::closed", "closed", "AccessDenied")
    ]


def test_a_changed_resource_is_judged_alone(judge: Judge, run_instance: Callable[..., str]) -> None:
    run_instance()
    instance_id = run_instance()
    (judgement,) = judge.changed(changed(instance_id))
    assert judgement == Judgement(
        f"{ARN}{instance_id}",
        instance_id,
        ComplianceType.NON_COMPLIANT,
        "Tags: Owner is missing or empty.",
    )


def test_a_changed_resource_that_has_vanished_since_is_gone(judge: Judge) -> None:
    assert list(judge.changed(changed(VANISHED))) == [
        Judgement(f"{ARN}{VANISHED}", VANISHED, ComplianceType.NOT_APPLICABLE, GONE)
    ]


def test_a_departed_resource_is_not_applicable_without_a_call(
    judge: Judge, calls: list[object]
) -> None:
    assert list(judge.changed(changed(VANISHED, "Left."))) == [
        Judgement(f"{ARN}{VANISHED}", VANISHED, ComplianceType.NOT_APPLICABLE, "Left.")
    ]
    assert calls == []


def test_an_rds_instance_is_known_by_its_name(aws: Aws) -> None:
    judge = Judge(RdsBackupCompliance(), BackupParameters(), aws, NOW)
    (judgement,) = judge.changed(database("orders", None))
    assert judgement == Judgement(
        f"{DATABASE_ARN}orders", "db-ABC", ComplianceType.NOT_APPLICABLE, GONE
    )
    with pytest.raises(UnsupportedEventError, match=r"^resourceName: must match .*, got '0'$"):
        judge.changed(database("0", f"{DATABASE_ARN}orders"))


def test_a_departed_resource_without_a_name_is_known_by_its_arn(aws: Aws) -> None:
    judge = Judge(RdsBackupCompliance(), BackupParameters(), aws, NOW)
    (judgement,) = judge.changed(database(None, f"{DATABASE_ARN}orders", "Left."))
    assert judgement == Judgement(
        f"{DATABASE_ARN}orders", "db-ABC", ComplianceType.NOT_APPLICABLE, "Left."
    )


@pytest.mark.parametrize(
    "arn",
    [
        None,
        DATABASE_ARN,
        f"{DATABASE_ARN}0",
        f"{DATABASE_ARN}orders\n",
        f"x{DATABASE_ARN}orders",
        "arn:aws:rds:us-east-1:123456789012:cluster:orders",
        "arn:aws:rds:us-east-1:210987654321:db:orders",
        "arn:aws:rds:eu-west-1:123456789012:db:orders",
        "arn:aws-cn:rds:us-east-1:123456789012:db:orders",
    ],
)
def test_an_arn_that_is_not_one_of_the_rules_here_names_nothing(aws: Aws, arn: str | None) -> None:
    judge = Judge(RdsBackupCompliance(), BackupParameters(), aws, NOW)
    message = (
        f"ARN: must be {DATABASE_ARN}{{id}} with an id that matches "
        f"{RdsBackupCompliance.id_pattern} where resourceName is missing, got {arn!r}"
    )
    with pytest.raises(UnsupportedEventError, match=f"^{re.escape(message)}$"):
        judge.changed(database(None, arn))


def test_a_resource_of_another_type_is_refused(judge: Judge) -> None:
    message = (
        "^resourceType: must be AWS::EC2::Instance for the rule ec2-tag-compliance, "
        "got 'AWS::S3::Bucket'$"
    )
    with pytest.raises(UnsupportedEventError, match=message):
        judge.changed(changed(VANISHED, resource_type="AWS::S3::Bucket"))


@pytest.mark.parametrize("resource_id", ["i-x", "i-0123456789abcdef0\n", "../i-01234567"])
def test_what_cannot_be_an_id_is_refused(judge: Judge, resource_id: str) -> None:
    with pytest.raises(UnsupportedEventError, match=r"^resourceId: must match "):
        judge.arn(changed(resource_id))
