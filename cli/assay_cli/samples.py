"""Sample resources for the embedded AWS, and the verdicts that they demand.

The verdicts stand beside the resources and come from the rules' requirements, never from the
rules' code, so that they can prove it wrong. They are for the rules' default parameters, except
that `Environment` must be one of `ENVIRONMENTS`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from assay.rule import ComplianceType

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client

ENVIRONMENTS = ("dev", "staging", "production")

Verdicts: TypeAlias = dict[str, dict[str, ComplianceType]]
_Verdict: TypeAlias = tuple[str, ComplianceType]

_COMPLIANT = ComplianceType.COMPLIANT
_NON_COMPLIANT = ComplianceType.NON_COMPLIANT
_NOT_APPLICABLE = ComplianceType.NOT_APPLICABLE


def seed(session: "boto3.Session", *, endpoint_url: str | None = None) -> Verdicts:
    """Make the sample resources.

    Args:
        session: of the account and region to fill.
        endpoint_url: the embedded AWS, where `AWS_ENDPOINT_URL` does not say it.

    Returns:
        `{resource's ARN: {rule's name: verdict}}`. A sample that is not in it must get no verdict.
    """
    identity = session.client("sts", endpoint_url=endpoint_url).get_caller_identity()
    partition = identity["Arn"].split(":")[1]
    instance_prefix = f"arn:{partition}:ec2:{session.region_name}:{identity['Account']}:instance/"
    verdicts: Verdicts = {}
    for instance_id, verdict in _instances(session.client("ec2", endpoint_url=endpoint_url)):
        verdicts[instance_prefix + instance_id] = {"ec2-tag-compliance": verdict}
    for bucket, verdict in _buckets(session.client("s3", endpoint_url=endpoint_url)):
        verdicts[f"arn:{partition}:s3:::{bucket}"] = {"s3-encryption-compliance": verdict}
    for arn, verdict in _databases(session.client("rds", endpoint_url=endpoint_url)):
        verdicts[arn] = {"rds-backup-compliance": verdict}
    return verdicts


def change(session: "boto3.Session", verdicts: Verdicts) -> Iterator[Verdicts]:
    """Change the sample resources step by step, as days do: some get better, some worse.

    Args:
        session: of the account and region that `seed` has filled.
        verdicts: what `seed` returned.

    Yields:
        After each step, what `seed` would return now.
    """
    ec2, s3, rds = session.client("ec2"), session.client("s3"), session.client("rds")
    verdicts = dict(verdicts)
    (orphan,) = (
        instance["InstanceId"]
        for reservation in ec2.describe_instances(
            Filters=[{"Name": "tag:Name", "Values": ["orphan"]}]
        )["Reservations"]
        for instance in reservation["Instances"]
    )
    ec2.create_tags(Resources=[orphan], Tags=[{"Key": "Owner", "Value": "shop-team"}])
    (arn,) = (each for each in verdicts if each.endswith(f"/{orphan}"))
    verdicts[arn] = {"ec2-tag-compliance": _COMPLIANT}
    yield verdicts

    s3.delete_bucket_encryption(Bucket="sample-exports")
    (arn,) = (each for each in verdicts if each.endswith(":sample-exports"))
    verdicts[arn] = {"s3-encryption-compliance": _NON_COMPLIANT}
    yield verdicts

    sessions = rds.modify_db_instance(
        DBInstanceIdentifier="sample-sessions", BackupRetentionPeriod=7, ApplyImmediately=True
    )["DBInstance"]["DBInstanceArn"]
    verdicts[sessions] = {"rds-backup-compliance": _COMPLIANT}
    s3.create_bucket(Bucket="sample-drafts")
    verdicts[arn.replace("sample-exports", "sample-drafts")] = {
        "s3-encryption-compliance": _NON_COMPLIANT
    }
    yield verdicts


def _instances(ec2: "EC2Client") -> Iterator[_Verdict]:
    samples: tuple[tuple[dict[str, str], ComplianceType], ...] = (
        ({"Name": "shop", "Environment": "production", "Owner": "shop-team"}, _COMPLIANT),
        ({"Name": "search", "Environment": "dev", "Owner": "search-team"}, _COMPLIANT),
        ({"Name": "checkout", "Environment": "production", "Owner": "shop-team"}, _COMPLIANT),
        ({"Name": "billing", "Environment": "production", "Owner": "finance"}, _COMPLIANT),
        ({"Name": "mailer", "Environment": "staging", "Owner": "messaging"}, _COMPLIANT),
        ({"Name": "builder", "Environment": "dev", "Owner": "platform"}, _COMPLIANT),
        ({}, _NON_COMPLIANT),
        ({"Name": "orphan", "Environment": "production"}, _NON_COMPLIANT),
        ({"Name": "blank", "Environment": "staging", "Owner": ""}, _NON_COMPLIANT),
        ({"Name": "playground", "Environment": "sandbox", "Owner": "lab"}, _NON_COMPLIANT),
        ({"Name": "batch", "Owner": "data-team"}, _NON_COMPLIANT),
    )
    for tags, verdict in samples:
        yield _run_instance(ec2, tags), verdict
    terminated = _run_instance(ec2, {"Name": "gone"})
    ec2.terminate_instances(InstanceIds=[terminated])
    yield terminated, _NOT_APPLICABLE


def _run_instance(ec2: "EC2Client", tags: dict[str, str]) -> str:
    tagged: dict[str, Any] = {
        "TagSpecifications": [
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ]
    }
    answer = ec2.run_instances(
        ImageId="ami-12c6146b",
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        **(tagged if tags else {}),
    )
    return answer["Instances"][0]["InstanceId"]


def _buckets(s3: "S3Client") -> Iterator[_Verdict]:
    samples: tuple[tuple[str, str | None, ComplianceType], ...] = (
        ("sample-invoices", "AES256", _COMPLIANT),
        ("sample-orders", "aws:kms", _COMPLIANT),
        ("sample-vault", "aws:kms:dsse", _COMPLIANT),
        ("sample-backups", "aws:kms", _COMPLIANT),
        ("sample-exports", "AES256", _COMPLIANT),
        ("sample-website", "AES256", _COMPLIANT),
        ("sample-logs", "AES256", _COMPLIANT),
        ("sample-uploads", None, _NON_COMPLIANT),
        ("sample-scratch", None, _NON_COMPLIANT),
        ("sample-archive", None, _NON_COMPLIANT),
    )
    for bucket, algorithm, verdict in samples:
        s3.create_bucket(Bucket=bucket)
        if algorithm:
            encryption: Any = {
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]
            }
            s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=encryption)
        yield bucket, verdict
    # It belongs to the other region's deployment, so here nobody may judge it.
    s3.create_bucket(
        Bucket="sample-elsewhere",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )


def _databases(rds: "RDSClient") -> Iterator[_Verdict]:
    samples = (
        ("sample-ledger", "postgres", 7, _COMPLIANT),
        ("sample-catalogue", "mysql", 35, _COMPLIANT),
        ("sample-orders", "postgres", 14, _COMPLIANT),
        ("sample-identity", "postgres", 30, _COMPLIANT),
        ("sample-sessions", "postgres", 1, _NON_COMPLIANT),
        ("sample-reporting", "mysql", 0, _NON_COMPLIANT),
        ("sample-staging", "postgres", 3, _NON_COMPLIANT),
    )
    for name, engine, retention_days, verdict in samples:
        database = rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine=engine,
            DBInstanceClass="db.t3.micro",
            AllocatedStorage=20,
            BackupRetentionPeriod=retention_days,
            MasterUsername="administrator",
            MasterUserPassword="not-a-secret",
        )["DBInstance"]
        yield database["DBInstanceArn"], verdict
    replica = rds.create_db_instance_read_replica(
        DBInstanceIdentifier="sample-ledger-replica", SourceDBInstanceIdentifier="sample-ledger"
    )["DBInstance"]
    yield replica["DBInstanceArn"], _NOT_APPLICABLE
