from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.kms_keys import KeyParameters
from assay.rule import ComplianceType, Evaluation, ParameterError
from assay.rules.ebs_encryption_compliance import EbsEncryptionCompliance, Volume

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = EbsEncryptionCompliance()
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = KEY.replace("1234abcd", "abcd1234")


def volume(key: str | None = KEY, state: str = "in-use") -> Volume:
    arn = "arn:aws:ec2:us-east-1:123456789012:volume/vol-1"
    return Volume(arn, "vol-1", state, key is not None, key)


def make_volume(**options: Any) -> str:
    ec2: Any = boto3.client("ec2")
    made = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, **options)
    name: str = made["VolumeId"]
    return name


def test_an_encrypted_volume_is_compliant() -> None:
    assert RULE.evaluate(volume(), KeyParameters(), NOW) == Evaluation(
        ComplianceType.COMPLIANT, f"Encrypted by {KEY}."
    )


def test_a_volume_that_is_not_encrypted_is_non_compliant() -> None:
    assert RULE.evaluate(volume(None), KeyParameters(), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "The volume is not encrypted."
    )


def test_an_allowed_key_is_compliant() -> None:
    evaluation = RULE.evaluate(volume(), KeyParameters((OTHER, KEY)), NOW)
    assert evaluation.compliance_type is ComplianceType.COMPLIANT


def test_another_key_than_allowed_is_non_compliant() -> None:
    assert RULE.evaluate(volume(), KeyParameters((OTHER,)), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, f"Encrypted by {KEY}, which is not an allowed key."
    )


@pytest.mark.parametrize("state", ["deleting", "deleted"])
def test_a_volume_that_is_going_or_gone_is_not_applicable(state: str) -> None:
    assert RULE.evaluate(volume(None, state), KeyParameters(), NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, f"The volume is {state}."
    )


@pytest.mark.parametrize("state", ["creating", "available", "in-use", "error"])
def test_a_volume_in_any_other_state_is_judged(state: str) -> None:
    evaluation = RULE.evaluate(volume(None, state), KeyParameters(), NOW)
    assert evaluation.compliance_type is ComplianceType.NON_COMPLIANT


def test_an_alias_is_refused_because_ec2_tells_the_key() -> None:
    alias = "arn:aws:kms:us-east-1:123456789012:alias/volumes"
    with pytest.raises(ParameterError) as caught:
        RULE.Parameters.from_settings({"allowed_kms_keys": [alias]})
    assert caught.value.problems == [
        ("allowed_kms_keys", f"must be ARNs of KMS keys, not of aliases, got '{alias}'")
    ]


def test_all_volumes_are_listed_with_their_encryption(aws: Aws) -> None:
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    ids = (make_volume(), make_volume(Encrypted=True, KmsKeyId=key))
    arns = [f"arn:aws:ec2:us-east-1:123456789012:volume/{name}" for name in ids]
    assert set(RULE.page(aws, None).resources) == {
        Volume(arns[0], ids[0], "available", is_encrypted=False, kms_key=None),
        Volume(arns[1], ids[1], "available", is_encrypted=True, kms_key=key),
    }


def test_a_volume_that_does_not_exist_is_left_out(aws: Aws) -> None:
    make_volume()
    there = make_volume(Encrypted=True)
    found = RULE.named(aws, ["vol-0123456789abcdef0", there])
    assert [one.config_resource_id for one in found] == [there]


def test_a_call_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("DescribeVolumes", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        RULE.page(aws, None)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        list(RULE.named(aws, ["vol-0123456789abcdef0"]))
