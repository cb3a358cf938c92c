"""RDS instances have no public address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.resources.rds_instance import DatabaseInstance, DatabaseInstanceRule, of_other_service
from assay.rule import Evaluation, Parameters, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_rds.type_defs import DBInstanceTypeDef


@dataclass(frozen=True)
class DatabaseAccess(DatabaseInstance):
    """Whether an instance's name resolves to a public address outside its VPC."""

    is_public: bool


class RdsPublicAccessCompliance(DatabaseInstanceRule[Parameters, DatabaseAccess]):
    """Judges RDS instances by whether they are publicly accessible.

    See https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html.
    """

    name = "rds-public-access-compliance"
    requirement = "RDS instances are not publicly accessible."
    rationale = (
        "A database with a public address is one mistake in a security group away from being "
        "reached, and tried with guessed passwords, by the whole internet."
    )
    remedy = (
        "Turn off public access of the instance, or of its Multi-AZ cluster; clients outside the "
        "VPC then need a VPN, peering or a bastion."
    )
    severity = Severity.CRITICAL

    def record(self, arn: str, instance: DBInstanceTypeDef) -> DatabaseAccess:
        """Notes whether the instance is publicly accessible."""
        return DatabaseAccess(
            arn,
            instance["DbiResourceId"],
            instance["Engine"],
            is_public=instance.get("PubliclyAccessible", False),
        )

    def evaluate(
        self,
        resource: DatabaseAccess,
        parameters: Parameters,  # noqa: ARG002 - there are none
        now: datetime,  # noqa: ARG002 - access does not age
    ) -> Evaluation:
        """Judges an instance, of a cluster too; other services' engines do not apply."""
        if foreign := of_other_service(resource):
            return foreign
        if resource.is_public:
            return Evaluation.non_compliant("The instance is publicly accessible.")
        return Evaluation.compliant("The instance is not publicly accessible.")
