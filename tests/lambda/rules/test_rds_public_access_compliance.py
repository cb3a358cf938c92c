from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, ParameterError, Parameters
from assay.rules.rds_public_access_compliance import DatabaseAccess, RdsPublicAccessCompliance

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = RdsPublicAccessCompliance()
NONE = Parameters()


def database(*, public: bool, engine: str = "postgres") -> DatabaseAccess:
    arn = "arn:aws:rds:us-east-1:123456789012:db:orders"
    return DatabaseAccess(arn, "db-ABC", engine, public)


def make_database(name: str, **options: Any) -> None:
    rds: Any = boto3.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t4g.micro", Engine="postgres", **options
    )


def test_an_instance_without_public_access_is_compliant() -> None:
    assert RULE.evaluate(database(public=False), NONE, NOW) == Evaluation(
        ComplianceType.COMPLIANT, "The instance is not publicly accessible."
    )


@pytest.mark.parametrize("engine", ["postgres", "aurora-mysql"])
def test_an_instance_with_public_access_is_non_compliant(engine: str) -> None:
    assert RULE.evaluate(database(public=True, engine=engine), NONE, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "The instance is publicly accessible."
    )


@pytest.mark.parametrize(
    ("engine", "service"), [("docdb", "Amazon DocumentDB"), ("neptune", "Amazon Neptune")]
)
def test_instances_of_other_services_are_not_applicable(engine: str, service: str) -> None:
    assert RULE.evaluate(database(public=True, engine=engine), NONE, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, f"The instance belongs to {service}."
    )


def test_there_are_no_parameters() -> None:
    with pytest.raises(ParameterError) as caught:
        RULE.Parameters.from_settings({"include_read_replicas": True})
    assert caught.value.problems == [("include_read_replicas", "unknown parameter, allowed: none")]


def test_all_instances_are_listed_with_their_access(aws: Aws) -> None:
    make_database("public", PubliclyAccessible=True)
    make_database("private", PubliclyAccessible=False)
    make_database("unsaid")
    listed = {found.resource_id: found.is_public for found in RULE.page(aws, None).resources}
    prefix = "arn:aws:rds:us-east-1:123456789012:db:"
    assert listed == {f"{prefix}public": True, f"{prefix}private": False, f"{prefix}unsaid": False}


def test_an_instance_is_known_by_its_name(aws: Aws) -> None:
    make_database("orders", PubliclyAccessible=True)
    make_database("other")
    told = boto3.client("rds").describe_db_instances(DBInstanceIdentifier="orders")
    instance = told["DBInstances"][0]
    assert list(RULE.named(aws, ["orders", "vanished"])) == [
        DatabaseAccess(
            resource_id=instance["DBInstanceArn"],
            config_resource_id=instance["DbiResourceId"],
            engine="postgres",
            is_public=True,
        )
    ]


def test_a_call_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("DescribeDBInstances", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.page(aws, None)
    with pytest.raises(ClientError, match="AccessDenied"):
        list(RULE.named(aws, ["orders"]))
