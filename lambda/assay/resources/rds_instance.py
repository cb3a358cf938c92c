"""RDS instances."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from assay.aws import error_code, starting_at
from assay.rule import Evaluation, Page, Parameters, Permission, Resource, Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBInstanceTypeDef

    from assay.aws import Aws

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html
_PAGE_SIZE = 100
# They answer the same API and are not RDS.
_OTHER_SERVICES = {"docdb": "Amazon DocumentDB", "neptune": "Amazon Neptune"}


@dataclass(frozen=True)
class DatabaseInstance(Resource):
    """An instance and its engine; each rule adds what it judges."""

    engine: str


P = TypeVar("P", bound=Parameters)
D = TypeVar("D", bound=DatabaseInstance)


class DatabaseInstanceRule(Rule[P, D]):
    """Base of the rules on RDS instances of every engine."""

    resource_type = "AWS::RDS::DBInstance"
    # AWS Config's resource id is the DbiResourceId, which neither the ARN nor the API's caller has.
    identified_by = "resourceName"
    id_pattern = r"[A-Za-z][A-Za-z0-9-]{0,62}"
    arn_format = "arn:{partition}:rds:{region}:{account}:db:{id}"
    console_path = "rds/home?region={region}#database:id={id};is-cluster=false"
    permissions = (
        Permission(("rds:DescribeDBInstances",), ("arn:{partition}:rds:{region}:{account}:db:*",)),
    )

    @abstractmethod
    def record(self, arn: str, instance: DBInstanceTypeDef) -> D:
        """Makes the rule's record of an instance out of what AWS says of it."""

    def page(self, aws: Aws, token: str | None) -> Page[D]:
        """Lists instances; see the page that is named above."""
        rds: RDSClient = aws.client("rds")
        answer = rds.describe_db_instances(MaxRecords=_PAGE_SIZE, **starting_at("Marker", token))
        found = [self._record(aws, instance) for instance in answer["DBInstances"]]
        # An empty marker ends a listing too: sent back, it would begin the listing again.
        return Page(found, answer.get("Marker") or None)

    def named(self, aws: Aws, ids: Collection[str]) -> Iterator[D]:
        """Yields the instances with these names, each by a call of its own."""
        rds: RDSClient = aws.client("rds")
        for name in ids:
            try:
                answer = rds.describe_db_instances(DBInstanceIdentifier=name)
            except ClientError as error:
                if error_code(error) != "DBInstanceNotFound":
                    raise
            else:
                for instance in answer["DBInstances"]:
                    yield self._record(aws, instance)

    def _record(self, aws: Aws, instance: DBInstanceTypeDef) -> D:
        return self.record(self.arn(aws, instance["DBInstanceIdentifier"]), instance)


def of_other_service(instance: DatabaseInstance) -> Evaluation | None:
    """Returns the verdict on an instance that is not RDS's, None on one that is."""
    service = _OTHER_SERVICES.get(instance.engine)
    return Evaluation.not_applicable(f"The instance belongs to {service}.") if service else None


def is_read_replica(instance: DBInstanceTypeDef) -> bool:
    """Tells whether an instance replicates another one, or a cluster."""
    return bool(
        instance.get("ReadReplicaSourceDBInstanceIdentifier")
        or instance.get("ReadReplicaSourceDBClusterIdentifier")
    )
