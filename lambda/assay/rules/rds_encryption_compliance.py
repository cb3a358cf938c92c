"""RDS instances encrypt their storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay import kms_keys
from assay.kms_keys import KeyParameters
from assay.resources.rds_instance import DatabaseInstance, DatabaseInstanceRule, of_other_service
from assay.rule import Evaluation, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_rds.type_defs import DBInstanceTypeDef

# Aurora clusters that nobody chose a key for; their instances say StorageEncrypted: false. See
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBCluster.html.
_BY_A_KEY_OF_AWS = "sse-rds"


@dataclass(frozen=True)
class DatabaseStorage(DatabaseInstance):
    """An instance's encryption; the key is an ARN, and None where AWS owns it."""

    is_encrypted: bool
    kms_key: str | None


class RdsEncryptionCompliance(DatabaseInstanceRule[KeyParameters, DatabaseStorage]):
    """Judges RDS instances by the encryption of their storage."""

    name = "rds-encryption-compliance"
    requirement = "RDS instances encrypt their storage, by an allowed KMS key."
    rationale = (
        "A snapshot of a database that is not encrypted can be made public by one call. With "
        "encryption, the choice of the key decides who else has to agree before data can be read."
    )
    remedy = (
        "Restore the instance, or its cluster, from an encrypted copy of a snapshot, and use that "
        "one instead; the storage of an existing instance cannot be encrypted."
    )
    severity = Severity.HIGH
    Parameters = KeyParameters

    def record(self, arn: str, instance: DBInstanceTypeDef) -> DatabaseStorage:
        """Notes the encryption; RDS names a key by its ARN, even when it was given an alias."""
        by_aws = instance.get("StorageEncryptionType") == _BY_A_KEY_OF_AWS
        return DatabaseStorage(
            arn,
            instance["DbiResourceId"],
            instance["Engine"],
            is_encrypted=instance["StorageEncrypted"] or by_aws,
            kms_key=None if by_aws else instance.get("KmsKeyId"),
        )

    def evaluate(
        self,
        resource: DatabaseStorage,
        parameters: KeyParameters,
        now: datetime,  # noqa: ARG002 - encryption does not age
    ) -> Evaluation:
        """Judges an instance; other services' engines do not apply."""
        if foreign := of_other_service(resource):
            return foreign
        if not resource.is_encrypted:
            return Evaluation.non_compliant("The storage is not encrypted.")
        return kms_keys.judge(resource.kms_key, parameters)
