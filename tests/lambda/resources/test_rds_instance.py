from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.resources.rds_instance import DatabaseInstance, is_read_replica, of_other_service
from assay.rule import ComplianceType, Evaluation
from assay.rules.rds_backup_compliance import RdsBackupCompliance

RULE = RdsBackupCompliance()


@pytest.fixture
def make_database() -> Callable[[str], None]:
    def make_database(name: str) -> None:
        boto3.client("rds").create_db_instance(
            DBInstanceIdentifier=name, DBInstanceClass="db.t4g.micro", Engine="postgres"
        )

    return make_database


def test_all_instances_are_listed_page_by_page(
    aws: Aws,
    make_database: Callable[[str], None],
    change_parameters: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    for name in ("a", "b", "c"):
        make_database(name)
    change_parameters("DescribeDBInstances", MaxRecords=2)
    calls.clear()
    first = RULE.page(aws, None)
    last = RULE.page(aws, first.next_token)
    arns = [found.resource_id for found in (*first.resources, *last.resources)]
    assert arns == [f"arn:aws:rds:us-east-1:123456789012:db:{name}" for name in ("a", "b", "c")]
    assert (len(first.resources), last.next_token) == (2, None)
    assert calls == [
        ("rds:DescribeDBInstances", {"MaxRecords": 100}),
        ("rds:DescribeDBInstances", {"MaxRecords": 100, "Marker": first.next_token}),
    ]


def test_an_empty_marker_ends_a_listing(aws: Aws, answer: Callable[..., None]) -> None:
    answer("DescribeDBInstances", {"DBInstances": [], "Marker": ""})
    assert RULE.page(aws, None).next_token is None


def test_named_instances_are_asked_for_one_by_one(
    aws: Aws, make_database: Callable[[str], None], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    for name in ("orders", "other", "users"):
        make_database(name)
    calls.clear()
    told = list(RULE.named(aws, ["orders", "users"]))
    assert [found.resource_id for found in told] == [
        "arn:aws:rds:us-east-1:123456789012:db:orders",
        "arn:aws:rds:us-east-1:123456789012:db:users",
    ]
    assert calls == [
        ("rds:DescribeDBInstances", {"DBInstanceIdentifier": "orders"}),
        ("rds:DescribeDBInstances", {"DBInstanceIdentifier": "users"}),
    ]


def test_an_instance_that_does_not_exist_is_left_out(
    aws: Aws, make_database: Callable[[str], None]
) -> None:
    make_database("orders")
    found = RULE.named(aws, ["vanished", "orders"])
    assert [one.resource_id for one in found] == ["arn:aws:rds:us-east-1:123456789012:db:orders"]


def test_a_call_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("DescribeDBInstances", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.page(aws, None)
    with pytest.raises(ClientError, match="AccessDenied"):
        list(RULE.named(aws, ["orders"]))


@pytest.mark.parametrize(
    ("engine", "service"), [("docdb", "Amazon DocumentDB"), ("neptune", "Amazon Neptune")]
)
def test_engines_of_other_services_are_known(engine: str, service: str) -> None:
    database = DatabaseInstance("arn:aws:rds:us-east-1:123456789012:db:x", "db-ABC", engine)
    assert of_other_service(database) == Evaluation(
        ComplianceType.NOT_APPLICABLE, f"The instance belongs to {service}."
    )


@pytest.mark.parametrize("engine", ["postgres", "aurora-mysql", "custom-oracle-ee"])
def test_rdss_own_engines_are_of_no_other_service(engine: str) -> None:
    database = DatabaseInstance("arn:aws:rds:us-east-1:123456789012:db:x", "db-ABC", engine)
    assert of_other_service(database) is None


def test_replicas_of_instances_and_of_clusters_are_known_as_such(
    make_database: Callable[[str], None],
) -> None:
    make_database("orders")
    rds: Any = boto3.client("rds")
    rds.create_db_instance_read_replica(
        DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="orders"
    )
    told = {one["DBInstanceIdentifier"]: one for one in rds.describe_db_instances()["DBInstances"]}
    assert is_read_replica(told["replica"])
    assert not is_read_replica(told["orders"])
    told["orders"]["ReadReplicaSourceDBClusterIdentifier"] = "cluster"
    assert is_read_replica(told["orders"])
