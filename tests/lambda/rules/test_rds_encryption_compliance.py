from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.kms_keys import KeyParameters
from assay.rule import ComplianceType, Evaluation, ParameterError
from assay.rules.rds_encryption_compliance import DatabaseStorage, RdsEncryptionCompliance

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = RdsEncryptionCompliance()
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = KEY.replace("1234abcd", "abcd1234")


def database(
    key: str | None = KEY, engine: str = "postgres", *, encrypted: bool = True
) -> DatabaseStorage:
    arn = "arn:aws:rds:us-east-1:123456789012:db:orders"
    return DatabaseStorage(arn, "db-ABC", engine, encrypted, key)


def make_database(name: str, **options: Any) -> None:
    rds: Any = boto3.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t4g.micro", Engine="postgres", **options
    )


def test_encrypted_storage_is_compliant() -> None:
    assert RULE.evaluate(database(), KeyParameters(), NOW) == Evaluation(
        ComplianceType.COMPLIANT, f"Encrypted by {KEY}."
    )


def test_storage_that_aws_encrypts_by_a_key_of_its_own_is_compliant() -> None:
    assert RULE.evaluate(database(None), KeyParameters(), NOW) == Evaluation(
        ComplianceType.COMPLIANT, "Encrypted by a key that AWS owns."
    )


def test_storage_that_is_not_encrypted_is_non_compliant() -> None:
    plain = database(None, encrypted=False)
    assert RULE.evaluate(plain, KeyParameters(), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "The storage is not encrypted."
    )


def test_an_allowed_key_is_compliant() -> None:
    evaluation = RULE.evaluate(database(), KeyParameters((OTHER, KEY)), NOW)
    assert evaluation.compliance_type is ComplianceType.COMPLIANT


@pytest.mark.parametrize(("key", "named"), [(KEY, KEY), (None, "a key that AWS owns")])
def test_another_key_than_allowed_is_non_compliant(key: str | None, named: str) -> None:
    assert RULE.evaluate(database(key), KeyParameters((OTHER,)), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, f"Encrypted by {named}, which is not an allowed key."
    )


@pytest.mark.parametrize(
    ("engine", "service"), [("docdb", "Amazon DocumentDB"), ("neptune", "Amazon Neptune")]
)
def test_instances_of_other_services_are_not_applicable(engine: str, service: str) -> None:
    plain = database(None, engine, encrypted=False)
    assert RULE.evaluate(plain, KeyParameters(), NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, f"The instance belongs to {service}."
    )


def test_an_alias_is_refused_because_rds_tells_the_key() -> None:
    alias = "arn:aws:kms:us-east-1:123456789012:alias/databases"
    with pytest.raises(ParameterError) as caught:
        RULE.Parameters.from_settings({"allowed_kms_keys": [alias]})
    assert caught.value.problems == [
        ("allowed_kms_keys", f"must be ARNs of KMS keys, not of aliases, got '{alias}'")
    ]


def test_all_instances_are_listed_with_their_encryption(aws: Aws) -> None:
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    make_database("encrypted", StorageEncrypted=True, KmsKeyId=key)
    make_database("plain", StorageEncrypted=False)
    listed = {
        found.resource_id: (found.is_encrypted, found.kms_key)
        for found in RULE.page(aws, None).resources
    }
    assert listed == {
        "arn:aws:rds:us-east-1:123456789012:db:encrypted": (True, key),
        "arn:aws:rds:us-east-1:123456789012:db:plain": (False, None),
    }


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"StorageEncrypted": False}, database(None, encrypted=False)),
        (
            {"StorageEncrypted": False, "StorageEncryptionType": "none"},
            database(None, encrypted=False),
        ),
        (
            {"StorageEncrypted": True, "StorageEncryptionType": "sse-kms", "KmsKeyId": KEY},
            database(KEY),
        ),
        # Without a key that somebody chose, AWS says that the storage is not encrypted.
        ({"StorageEncrypted": False, "StorageEncryptionType": "sse-rds"}, database(None)),
        (
            {"StorageEncrypted": True, "StorageEncryptionType": "sse-rds", "KmsKeyId": KEY},
            database(None),
        ),
    ],
)
def test_an_instance_is_known_by_the_type_of_its_encryption(
    aws: Aws, answer: Callable[..., None], told: dict[str, Any], found: DatabaseStorage
) -> None:
    instance = {"DBInstanceIdentifier": "orders", "DbiResourceId": "db-ABC", "Engine": "postgres"}
    answer("DescribeDBInstances", {"DBInstances": [instance | told]})
    assert list(RULE.named(aws, ["orders"])) == [found]


def test_an_instance_that_does_not_exist_is_left_out(aws: Aws) -> None:
    assert list(RULE.named(aws, ["vanished"])) == []


def test_a_call_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("DescribeDBInstances", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.page(aws, None)
    with pytest.raises(ClientError, match="AccessDenied"):
        list(RULE.named(aws, ["orders"]))
