from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation
from assay.rules.rds_deletion_protection_compliance import (
    DatabaseProtection,
    ProtectionParameters,
    RdsDeletionProtectionCompliance,
)

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = RdsDeletionProtectionCompliance()
DEFAULT = ProtectionParameters()
ALL = ProtectionParameters(include_read_replicas=True)


def database(
    *,
    protected: bool = False,
    replica: bool = False,
    cluster: str | None = None,
    engine: str = "postgres",
) -> DatabaseProtection:
    arn = "arn:aws:rds:us-east-1:123456789012:db:orders"
    return DatabaseProtection(arn, "db-ABC", engine, protected, replica, cluster)


def make_database(name: str, **options: Any) -> None:
    rds: Any = boto3.client("rds")
    settings = {"DBInstanceClass": "db.t4g.micro", "Engine": "postgres", **options}
    rds.create_db_instance(DBInstanceIdentifier=name, **settings)


@pytest.mark.parametrize("parameters", [DEFAULT, ALL])
def test_a_protected_instance_is_compliant(parameters: ProtectionParameters) -> None:
    assert RULE.evaluate(database(protected=True), parameters, NOW) == Evaluation(
        ComplianceType.COMPLIANT, "Deletion protection is on."
    )


@pytest.mark.parametrize("parameters", [DEFAULT, ALL])
def test_an_instance_without_protection_is_non_compliant(parameters: ProtectionParameters) -> None:
    assert RULE.evaluate(database(), parameters, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "There is no deletion protection."
    )


@pytest.mark.parametrize("engine", ["aurora-postgresql", "mysql"])
@pytest.mark.parametrize("replica", [False, True])
@pytest.mark.parametrize("parameters", [DEFAULT, ALL])
def test_a_member_of_a_cluster_is_not_applicable_whatever_the_parameters_say(
    engine: str, replica: bool, parameters: ProtectionParameters
) -> None:
    member = database(cluster="orders-cluster", engine=engine, replica=replica)
    assert RULE.evaluate(member, parameters, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE,
        "Deletion protection is a setting of the cluster orders-cluster.",
    )


@pytest.mark.parametrize("protected", [False, True])
def test_a_read_replica_is_not_applicable_by_default(protected: bool) -> None:
    assert RULE.evaluate(database(replica=True, protected=protected), DEFAULT, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, "The instance is a read replica."
    )


def test_a_read_replica_is_judged_when_a_parameter_says_so() -> None:
    evaluation = RULE.evaluate(database(replica=True), ALL, NOW)
    assert evaluation.compliance_type is ComplianceType.NON_COMPLIANT
    evaluation = RULE.evaluate(database(replica=True, protected=True), ALL, NOW)
    assert evaluation.compliance_type is ComplianceType.COMPLIANT


@pytest.mark.parametrize(
    ("engine", "service"), [("docdb", "Amazon DocumentDB"), ("neptune", "Amazon Neptune")]
)
def test_instances_of_other_services_are_not_applicable(engine: str, service: str) -> None:
    assert RULE.evaluate(database(engine=engine, cluster="x"), ALL, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, f"The instance belongs to {service}."
    )


def test_all_instances_are_listed_with_what_they_belong_to(aws: Aws) -> None:
    rds: Any = boto3.client("rds")
    make_database("protected", DeletionProtection=True)
    make_database("plain")
    rds.create_db_instance_read_replica(
        DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="plain"
    )
    rds.create_db_cluster(
        DBClusterIdentifier="orders-cluster",
        Engine="aurora-postgresql",
        MasterUsername="orders",
        MasterUserPassword="not-a-secret",
        DeletionProtection=True,
    )
    make_database("member", Engine="aurora-postgresql", DBClusterIdentifier="orders-cluster")
    listed = {
        found.resource_id.rpartition(":")[2]: (
            found.is_protected,
            found.is_read_replica,
            found.cluster,
        )
        for found in RULE.page(aws, None).resources
    }
    assert listed == {
        "protected": (True, False, None),
        "plain": (False, False, None),
        "replica": (False, True, None),
        "member": (False, False, "orders-cluster"),
    }


def test_an_instance_is_known_by_its_name(aws: Aws) -> None:
    make_database("orders", DeletionProtection=True)
    make_database("other")
    told = boto3.client("rds").describe_db_instances(DBInstanceIdentifier="orders")
    instance = told["DBInstances"][0]
    assert list(RULE.named(aws, ["vanished", "orders"])) == [
        DatabaseProtection(
            resource_id=instance["DBInstanceArn"],
            config_resource_id=instance["DbiResourceId"],
            engine="postgres",
            is_protected=True,
            is_read_replica=False,
            cluster=None,
        )
    ]


def test_a_call_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("DescribeDBInstances", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.page(aws, None)
    with pytest.raises(ClientError, match="AccessDenied"):
        list(RULE.named(aws, ["orders"]))
