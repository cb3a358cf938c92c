"""RDS instances keep automated backups long enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.messages import counted
from assay.resources.rds_instance import (
    DatabaseInstance,
    DatabaseInstanceRule,
    is_read_replica,
    of_other_service,
)
from assay.rule import Evaluation, Parameters, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mypy_boto3_rds.type_defs import DBInstanceTypeDef

    from assay.parameters import Problem

_MAXIMUM_RETENTION_DAYS = 35


@dataclass(frozen=True)
class BackupParameters(Parameters):
    """Which backups are required.

    Attributes:
        minimum_retention_days: Days that automated backups are kept at least, 1 to 35. Default: 7.
        include_read_replicas: Whether read replicas need backups of their own. Default: False.
    """

    minimum_retention_days: int = 7
    include_read_replicas: bool = False

    def problems(self) -> Iterator[Problem]:
        """Yields a retention that RDS does not have."""
        days, maximum = self.minimum_retention_days, _MAXIMUM_RETENTION_DAYS
        if not 1 <= days <= maximum:
            yield "minimum_retention_days", f"must be 1 to {maximum}, got {days}"


@dataclass(frozen=True)
class DatabaseBackups(DatabaseInstance):
    """An instance's backups; zero days of retention mean that there are none."""

    retention_days: int
    is_read_replica: bool


class RdsBackupCompliance(DatabaseInstanceRule[BackupParameters, DatabaseBackups]):
    """Judges RDS instances by the retention of their automated backups."""

    name = "rds-backup-compliance"
    requirement = "RDS instances have automated backups, kept for at least the required days."
    rationale = (
        "Without automated backups a lost or damaged database cannot be brought back to a point in "
        "time, and a fault that is noticed late needs backups that are still kept."
    )
    remedy = "Raise the instance's backup retention period to at least the required days."
    severity = Severity.HIGH
    Parameters = BackupParameters

    def record(self, arn: str, instance: DBInstanceTypeDef) -> DatabaseBackups:
        """Notes the retention, and whether the instance replicates another one or a cluster."""
        return DatabaseBackups(
            arn,
            instance["DbiResourceId"],
            instance["Engine"],
            retention_days=instance["BackupRetentionPeriod"],
            is_read_replica=is_read_replica(instance),
        )

    def evaluate(
        self,
        resource: DatabaseBackups,
        parameters: BackupParameters,
        now: datetime,  # noqa: ARG002 - retention does not age
    ) -> Evaluation:
        """Judges an instance; other services' engines, and replicas by default, do not apply."""
        if foreign := of_other_service(resource):
            return foreign
        if resource.is_read_replica and not parameters.include_read_replicas:
            return Evaluation.not_applicable("The instance is a read replica.")
        days, minimum = resource.retention_days, parameters.minimum_retention_days
        if days == 0:
            return Evaluation.non_compliant("There are no automated backups.")
        kept = f"Automated backups are kept for {counted(days, 'day')}"
        if days < minimum:
            return Evaluation.non_compliant(f"{kept}, at least {minimum} are required.")
        return Evaluation.compliant(f"{kept}.")
