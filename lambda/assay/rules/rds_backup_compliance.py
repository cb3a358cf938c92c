"""RDS instances keep automated backups long enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from assay.aws import error_code
from assay.rule import Evaluation, Parameters, Permission, Resource, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBInstanceTypeDef

    from assay.aws import Aws
    from assay.parameters import Problem

# They answer the same API and are not RDS.
_OTHER_SERVICES = {"docdb": "Amazon DocumentDB", "neptune": "Amazon Neptune"}
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
class DatabaseInstance(Resource):
    """An RDS instance's backups; zero days of retention mean that there are none."""

    engine: str
    retention_days: int
    is_read_replica: bool


class RdsBackupCompliance(Rule[BackupParameters, DatabaseInstance]):
    """Judges RDS instances by the retention of their automated backups."""

    name = "rds-backup-compliance"
    requirement = "RDS instances have automated backups, kept for at least the required days."
    rationale = (
        "Without automated backups a lost or damaged database cannot be brought back to a point in "
        "time, and a fault that is noticed late needs backups that are still kept."
    )
    severity = Severity.HIGH
    resource_type = "AWS::RDS::DBInstance"
    # AWS Config's resource id is the DbiResourceId, which neither the ARN nor the API's caller has.
    identified_by = "resourceName"
    id_pattern = r"[A-Za-z][A-Za-z0-9-]{0,62}"
    arn_format = "arn:{partition}:rds:{region}:{account}:db:{id}"
    permissions = (
        Permission(("rds:DescribeDBInstances",), ("arn:{partition}:rds:{region}:{account}:db:*",)),
    )
    Parameters = BackupParameters

    def describe(self, aws: Aws, ids: Collection[str] | None = None) -> Iterator[DatabaseInstance]:
        """Yields instances of every engine.

        See https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html.
        """
        rds: RDSClient = aws.client("rds")
        for instance in _all(rds) if ids is None else _named(rds, ids):
            yield DatabaseInstance(
                resource_id=self.arn(aws, instance["DBInstanceIdentifier"]),
                config_resource_id=instance["DbiResourceId"],
                engine=instance["Engine"],
                retention_days=instance["BackupRetentionPeriod"],
                is_read_replica=bool(
                    instance.get("ReadReplicaSourceDBInstanceIdentifier")
                    or instance.get("ReadReplicaSourceDBClusterIdentifier")
                ),
            )

    def evaluate(
        self,
        resource: DatabaseInstance,
        parameters: BackupParameters,
        now: datetime,  # noqa: ARG002 - retention does not age
    ) -> Evaluation:
        """Judges an instance; other services' engines, and replicas by default, do not apply."""
        if service := _OTHER_SERVICES.get(resource.engine):
            return Evaluation.not_applicable(f"The instance belongs to {service}.")
        if resource.is_read_replica and not parameters.include_read_replicas:
            return Evaluation.not_applicable("The instance is a read replica.")
        days, minimum = resource.retention_days, parameters.minimum_retention_days
        if days == 0:
            return Evaluation.non_compliant("There are no automated backups.")
        if days < minimum:
            return Evaluation.non_compliant(
                f"Automated backups are kept for {days} days, at least {minimum} are required."
            )
        return Evaluation.compliant(f"Automated backups are kept for {days} days.")


def _all(rds: RDSClient) -> Iterator[DBInstanceTypeDef]:
    paginator = rds.get_paginator("describe_db_instances")
    for page in paginator.paginate(PaginationConfig={"PageSize": 100}):
        yield from page["DBInstances"]


def _named(rds: RDSClient, names: Collection[str]) -> Iterator[DBInstanceTypeDef]:
    for name in names:
        try:
            answer = rds.describe_db_instances(DBInstanceIdentifier=name)
        except ClientError as error:
            if error_code(error) != "DBInstanceNotFound":
                raise
        else:
            yield from answer["DBInstances"]
