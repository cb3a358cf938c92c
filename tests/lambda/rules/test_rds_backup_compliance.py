from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, ParameterError
from assay.rules.rds_backup_compliance import (
    BackupParameters,
    DatabaseBackups,
    RdsBackupCompliance,
)

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = RdsBackupCompliance()
DEFAULT = BackupParameters()


def database(
    days: int, engine: str = "postgres", *, is_read_replica: bool = False
) -> DatabaseBackups:
    arn = "arn:aws:rds:us-east-1:123456789012:db:orders"
    return DatabaseBackups(arn, "db-ABC", engine, days, is_read_replica)


@pytest.fixture
def make_database() -> Callable[..., None]:
    def make_database(name: str, days: int) -> None:
        boto3.client("rds").create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            BackupRetentionPeriod=days,
        )

    return make_database


@pytest.mark.parametrize(
    ("days", "parameters", "kept"),
    [(7, DEFAULT, "7 days"), (35, DEFAULT, "35 days"), (1, BackupParameters(1), "1 day")],
)
def test_backups_that_are_kept_long_enough_are_compliant(
    days: int, parameters: BackupParameters, kept: str
) -> None:
    assert RULE.evaluate(database(days), parameters, NOW) == Evaluation(
        ComplianceType.COMPLIANT, f"Automated backups are kept for {kept}."
    )


def test_backups_that_are_kept_too_short_are_non_compliant() -> None:
    assert RULE.evaluate(database(6), DEFAULT, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT,
        "Automated backups are kept for 6 days, at least 7 are required.",
    )


def test_no_backups_are_non_compliant() -> None:
    assert RULE.evaluate(database(0), BackupParameters(1), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "There are no automated backups."
    )


@pytest.mark.parametrize(
    ("engine", "service"), [("docdb", "Amazon DocumentDB"), ("neptune", "Amazon Neptune")]
)
def test_instances_of_other_services_are_not_applicable(engine: str, service: str) -> None:
    assert RULE.evaluate(database(0, engine), DEFAULT, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, f"The instance belongs to {service}."
    )


def test_read_replicas_are_judged_only_when_a_parameter_says_so() -> None:
    replica = database(0, is_read_replica=True)
    assert RULE.evaluate(replica, DEFAULT, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, "The instance is a read replica."
    )
    included = BackupParameters(include_read_replicas=True)
    assert RULE.evaluate(replica, included, NOW).compliance_type is ComplianceType.NON_COMPLIANT


@pytest.mark.parametrize("days", [0, 36])
def test_a_retention_that_rds_does_not_have_is_refused(days: int) -> None:
    with pytest.raises(ParameterError) as caught:
        BackupParameters(minimum_retention_days=days)
    assert caught.value.problems == [("minimum_retention_days", f"must be 1 to 35, got {days}")]


@pytest.mark.parametrize("days", [1, 35])
def test_the_ends_of_the_range_are_taken(days: int) -> None:
    assert BackupParameters(minimum_retention_days=days).minimum_retention_days == days


def test_all_instances_are_listed_with_their_retention(
    aws: Aws, make_database: Callable[..., None]
) -> None:
    for name, days in (("a", 0), ("b", 1), ("c", 35)):
        make_database(name, days)
    listed = {found.resource_id: found.retention_days for found in RULE.page(aws, None).resources}
    prefix = "arn:aws:rds:us-east-1:123456789012:db:"
    assert listed == {f"{prefix}a": 0, f"{prefix}b": 1, f"{prefix}c": 35}


def test_an_instance_is_known_by_its_name(aws: Aws, make_database: Callable[..., None]) -> None:
    make_database("orders", 7)
    make_database("other", 1)
    (found,) = RULE.named(aws, ["orders"])
    told = boto3.client("rds").describe_db_instances(DBInstanceIdentifier="orders")
    instance = told["DBInstances"][0]
    assert found == DatabaseBackups(
        resource_id=instance["DBInstanceArn"],
        config_resource_id=instance["DbiResourceId"],
        engine="postgres",
        retention_days=7,
        is_read_replica=False,
    )
    assert RULE.complete(aws, found) is found


def test_replicas_of_instances_and_of_clusters_are_known_as_such(
    aws: Aws, make_database: Callable[..., None], answer: Callable[..., None]
) -> None:
    make_database("orders", 7)
    rds = boto3.client("rds")
    rds.create_db_instance_read_replica(
        DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="orders"
    )
    (replica,) = RULE.named(aws, ["replica"])
    assert replica.is_read_replica
    told: Any = rds.describe_db_instances(DBInstanceIdentifier="orders")
    told["DBInstances"][0]["ReadReplicaSourceDBClusterIdentifier"] = "cluster"
    answer("DescribeDBInstances", told)
    (replica,) = RULE.named(aws, ["orders"])
    assert replica.is_read_replica


def test_an_instance_that_does_not_exist_is_left_out(aws: Aws) -> None:
    assert list(RULE.named(aws, ["vanished"])) == []


def test_a_call_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("DescribeDBInstances", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.page(aws, None)
    with pytest.raises(ClientError, match="AccessDenied"):
        list(RULE.named(aws, ["orders"]))
