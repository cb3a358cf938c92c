"""RDS instances are protected from deletion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.resources.rds_instance import (
    DatabaseInstance,
    DatabaseInstanceRule,
    is_read_replica,
    of_other_service,
)
from assay.rule import Evaluation, Parameters, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_rds.type_defs import DBInstanceTypeDef


@dataclass(frozen=True)
class ProtectionParameters(Parameters):
    """Which instances need protection.

    Attributes:
        include_read_replicas: Whether read replicas need protection of their own; what they hold is
            in their source too. Default: False.
    """

    include_read_replicas: bool = False


@dataclass(frozen=True)
class DatabaseProtection(DatabaseInstance):
    """An instance's deletion protection, and the cluster that it is a member of, if any."""

    is_protected: bool
    is_read_replica: bool
    cluster: str | None


class RdsDeletionProtectionCompliance(
    DatabaseInstanceRule[ProtectionParameters, DatabaseProtection]
):
    """Judges RDS instances by their deletion protection.

    Members of clusters, be they Aurora or Multi-AZ, have none of their own: the data is the
    cluster's and the cluster is protected, while its members can be deleted all the same. See
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html.
    """

    name = "rds-deletion-protection-compliance"
    requirement = "RDS instances that are not members of a cluster have deletion protection."
    rationale = (
        "Deletion protection makes deleting a database two decisions instead of one, so that no "
        "slip of a hand or a script takes away its data and its automated backups."
    )
    remedy = "Turn on the instance's deletion protection; it takes effect at once, without outage."
    severity = Severity.MEDIUM
    Parameters = ProtectionParameters

    def record(self, arn: str, instance: DBInstanceTypeDef) -> DatabaseProtection:
        """Notes the protection, and what the instance belongs to."""
        return DatabaseProtection(
            arn,
            instance["DbiResourceId"],
            instance["Engine"],
            is_protected=instance["DeletionProtection"],
            is_read_replica=is_read_replica(instance),
            cluster=instance.get("DBClusterIdentifier"),
        )

    def evaluate(
        self,
        resource: DatabaseProtection,
        parameters: ProtectionParameters,
        now: datetime,  # noqa: ARG002 - protection does not age
    ) -> Evaluation:
        """Judges an instance; members of clusters, and replicas by default, do not apply."""
        if foreign := of_other_service(resource):
            return foreign
        if resource.cluster is not None:
            return Evaluation.not_applicable(
                f"Deletion protection is a setting of the cluster {resource.cluster}."
            )
        if resource.is_read_replica and not parameters.include_read_replicas:
            return Evaluation.not_applicable("The instance is a read replica.")
        if not resource.is_protected:
            return Evaluation.non_compliant("There is no deletion protection.")
        return Evaluation.compliant("Deletion protection is on.")
