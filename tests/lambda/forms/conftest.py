"""A report that has everything that a report can have, for the tests of its forms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from assay.report import (
    SCHEMA_VERSION,
    Changes,
    Counts,
    HealthProblem,
    Recorder,
    Report,
    ResourceReport,
    RuleReport,
    RunError,
    RunReport,
    SeverityCounts,
    TrendPoint,
    UnreadableResource,
    WaiverReport,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT, REGION = "123456789012", "us-east-1"
S3, EC2, RDS = "s3-encryption-compliance", "ec2-tag-compliance", "rds-backup-compliance"
SWEPT = "2026-11-23T06:00:00.000000Z"


def run(rule_name: str, **other: Any) -> RunReport:
    values: dict[str, Any] = {
        "rule_name": rule_name,
        "run_id": "8f507cfc-example",
        "trigger": "Scheduled Event",
        "ordering_timestamp": SWEPT,
        "started_at": "2026-11-23T06:00:01.000000Z",
        "finished_at": "2026-11-23T06:00:05.500000Z",
        "complete": True,
        "resources": 5,
        "compliant": 1,
        "non_compliant": 3,
        "not_applicable": 1,
        "transitions": 1,
        "unreadable": [],
        "errors": [],
        "alerted": 1,
        "resolved": 0,
        "api_calls": {"s3:ListBuckets": 1},
    }
    return RunReport(**values | other)


def bucket(name: str, compliance_type: str = "COMPLIANT", **other: Any) -> ResourceReport:
    values: dict[str, Any] = {
        "resource_id": f"arn:aws:s3:::{name}",
        "rule_name": S3,
        "resource_type": "AWS::S3::Bucket",
        "config_resource_id": name,
        "compliance_type": compliance_type,
        "annotation": (
            "Default encryption is AES256."
            if compliance_type == "COMPLIANT"
            else "There is no default encryption."
        ),
        "severity": "high",
        "since": "2026-11-20T06:00:00.000000Z",
        "evaluated_at": SWEPT,
        "console_url": f"https://{REGION}.console.aws.amazon.com/s3/buckets/{name}?region={REGION}",
    }
    return ResourceReport(**values | other)


def instance(number: int, compliance_type: str = "COMPLIANT", **other: Any) -> ResourceReport:
    name = f"i-{number:017x}"
    values: dict[str, Any] = {
        "resource_id": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{name}",
        "rule_name": EC2,
        "resource_type": "AWS::EC2::Instance",
        "config_resource_id": name,
        "compliance_type": compliance_type,
        "annotation": "All required tags are there.",
        "severity": "medium",
        "since": "2026-11-01T00:00:00.000000Z",
        "evaluated_at": "2026-11-21T06:00:00.000000Z",
        "console_url": (
            f"https://{REGION}.console.aws.amazon.com/ec2/home?region={REGION}"
            f"#InstanceDetails:instanceId={name}"
        ),
    }
    return ResourceReport(**values | other)


def counts(compliant: int, non_compliant: int, waived: int, not_applicable: int) -> dict[str, Any]:
    judged = compliant + non_compliant
    return {
        "resources": judged + waived + not_applicable,
        "compliant": compliant,
        "non_compliant": non_compliant,
        "waived": waived,
        "not_applicable": not_applicable,
        "judged": judged,
        "score": round(100 * compliant / judged, 2) if judged else None,
    }


FULL = Report(
    schema_version=SCHEMA_VERSION,
    generated_at="2026-11-23T06:20:00.000000Z",
    account_id=ACCOUNT,
    region=REGION,
    environment_suffix="dev",
    history_table="compliance-history-dev",
    summary=Counts(**counts(3, 3, 1, 1)),
    severities=[
        SeverityCounts(severity="critical", **counts(0, 0, 0, 0)),
        SeverityCounts(severity="high", **counts(1, 2, 1, 1)),
        SeverityCounts(severity="medium", **counts(2, 1, 0, 0)),
    ],
    changes=Changes(compared_with="2026-11-23T00:20:00.000000Z", new=1, resolved=1, still_open=2),
    rules=[
        RuleReport(
            rule_name=EC2,
            requirement="EC2 instances have the required tags.",
            rationale="Without an owner nobody can be asked.",
            remedy="Add the missing tags.",
            resource_type="AWS::EC2::Instance",
            severity="medium",
            status="silent",
            last_run=run(EC2, ordering_timestamp="2026-11-21T06:00:00.000000Z", non_compliant=1),
            last_failure=run(
                EC2,
                complete=False,
                errors=[
                    RunError(
                        step="listing",
                        error_code="UnauthorizedOperation",
                        message="You are not authorized to perform <this> operation.",
                    )
                ],
            ),
            **counts(2, 1, 0, 0),
        ),
        RuleReport(
            rule_name=RDS,
            requirement="RDS instances keep automated backups long enough.",
            rationale="Backups are the last resort.",
            remedy="Raise the backup retention period.",
            resource_type="AWS::RDS::DBInstance",
            severity="critical",
            status="never_reported",
            last_run=None,
            **counts(0, 0, 0, 0),
        ),
        RuleReport(
            rule_name=S3,
            requirement="S3 buckets have default encryption with an allowed algorithm & KMS key.",
            rationale="Default encryption protects every object.",
            remedy="Set the bucket's default encryption.",
            resource_type="AWS::S3::Bucket",
            severity="high",
            status="reporting",
            last_run=run(
                S3,
                unreadable_count=1,
                unreadable=[
                    UnreadableResource(resource_id="arn:aws:s3:::closed", error_code="AccessDenied")
                ],
            ),
            **counts(1, 2, 1, 1),
        ),
    ],
    resources=sorted(
        [
            instance(1, "NON_COMPLIANT", annotation='Tag "Owner" is <missing>; Ünïcode, too.'),
            instance(2),
            instance(3, change="resolved", since="2026-11-23T05:00:00.000000Z"),
            bucket("closed", "NON_COMPLIANT", unreadable="AccessDenied"),
            bucket(
                "new-uploads",
                "NON_COMPLIANT",
                change="new",
                since="2026-11-23T05:00:00.000000Z",
                annotation='=HYPERLINK("https://example.com","x")\nThere is no encryption.',
                waiver_id="0badcafe",
            ),
            bucket("legacy", "NON_COMPLIANT", waived=True, waiver_id="5ca1ab1e"),
            bucket("vault"),
            bucket("gone", "NOT_APPLICABLE", annotation="The resource no longer exists."),
        ],
        key=lambda resource: (resource.resource_id, resource.rule_name),
    ),
    dashboard_url=(
        f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}"
        "#dashboards/dashboard/compliance-dev"
    ),
    recorder=Recorder(
        name="assay-dev", recording=False, last_status="Failure", error="AccessDenied"
    ),
    waivers=[
        WaiverReport(
            waiver_id="0badcafe",
            rule_name=S3,
            resource="arn:aws:s3:::new-*",
            owner="uploads@example.com",
            reason="The old clients could not encrypt.",
            expires="2026-11-01",
            status="expired",
            resources=1,
            violations=1,
        ),
        WaiverReport(
            waiver_id="5ca1ab1e",
            rule_name=S3,
            resource="arn:aws:s3:::legacy",
            owner="archive@example.com",
            reason="It is deleted with the <old> system.",
            expires="2026-11-30",
            status="expiring",
            resources=1,
            violations=1,
        ),
        WaiverReport(
            waiver_id="70adf00d",
            rule_name=S3,
            resource="arn:aws:s3:::nobody-has-this-*",
            owner="nobody@example.com",
            reason="A name with a typing mistake.",
            expires="2027-11-30",
            status="active",
            resources=0,
            violations=0,
        ),
    ],
    problems=[
        HealthProblem(
            kind="recorder",
            message="AWS Config's recorder assay-dev does not record.",
        ),
        HealthProblem(
            kind="silent",
            rule_name=EC2,
            message="No sweep has been completed since 2026-11-21T06:00:00.000000Z.",
        ),
        HealthProblem(
            kind="failed",
            rule_name=EC2,
            message="The sweep of 2026-11-23T06:00:00.000000Z failed: UnauthorizedOperation.",
        ),
        HealthProblem(
            kind="never_reported", rule_name=RDS, message="No sweep has ever been completed."
        ),
        HealthProblem(
            kind="unreadable", rule_name=S3, message="1 resource could not be read: AccessDenied."
        ),
        HealthProblem(
            kind="waiver_expired",
            rule_name=S3,
            message="The waiver of uploads@example.com for arn:aws:s3:::new-* ended on 2026-11-01.",
        ),
        HealthProblem(
            kind="waiver_expiring",
            rule_name=S3,
            message="The waiver of archive@example.com for arn:aws:s3:::legacy ends on 2026-11-30.",
        ),
        HealthProblem(
            kind="waiver_unused",
            rule_name=S3,
            message="The waiver for arn:aws:s3:::nobody-has-this-* matches no resource.",
        ),
    ],
    trend=[
        TrendPoint(
            generated_at=f"2026-11-{20 + number // 4:02}T{number % 4 * 6:02}:20:00.000000Z",
            silent_rules=0,
            **counts(1 + number // 4, 6 - number // 3, 1, 1),
        )
        for number in range(13)
    ],
)
EMPTY = Report(
    schema_version=SCHEMA_VERSION,
    generated_at="2026-11-23T06:20:00.000000Z",
    account_id=ACCOUNT,
    region=REGION,
    environment_suffix="dev",
    history_table="compliance-history-dev",
    summary=Counts(**counts(0, 0, 0, 0)),
    rules=[],
    resources=[],
)


@pytest.fixture
def full() -> Report:
    """A report with everything."""
    return FULL


@pytest.fixture
def empty() -> Report:
    """The smallest report there can be."""
    return EMPTY


@pytest.fixture
def with_resources() -> Callable[..., Report]:
    """Makes the full report with these resources in place of its own."""
    return lambda *resources: replace(FULL, resources=list(resources))
