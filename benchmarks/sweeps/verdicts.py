"""What a report is made from: verdicts, the runs that gave them, and the reports before."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, cast

import boto3

from assay import rules
from assay.aws import Aws
from assay.dynamodb import to_item
from assay.events import Trigger
from assay.report import TrendPoint
from assay.report_runs import TREND_LENGTH, ReportRuns
from assay.reporting import counts
from assay.rule import AnyRule, ComplianceType
from assay.run import Run, RunSummary
from assay.state import Verdict
from assay.summaries import Summaries, digest
from assay.timestamps import read_timestamp, write_timestamp
from sweeps.resources import ACCOUNT, REGION
from sweeps.stand_in import STATE_TABLE, StandIn

REPORT_TIME = "2026-11-23T06:20:00Z"
LAST_SWEEP = "2026-11-23T06:00:00.000000Z"
REPORT_BEFORE = "2026-11-23T00:20:00.000000Z"
HOURS_BETWEEN = 6
RETENTION_DAYS = 365

# Of a rule's resources every twentieth violates it, and of these every fifth is waived: those
# whose ids end in 00. Since the report before one in two hundred is new, and one is mended.
VIOLATION_EVERY, WAIVED_EVERY, CHANGE_EVERY = 20, 100, 200
NEW, RESOLVED = 20, 10
WAIVED = "*00"

# What the rules say of compliant resources, and of others.
ANNOTATIONS = {
    "ec2-imds-compliance": (
        "Session tokens are required (IMDSv2).",
        "Metadata service: session tokens are optional.",
    ),
    "ec2-tag-compliance": ("All required tags are present.", "Tags: Owner is missing."),
    "rds-backup-compliance": (
        "Automated backups are kept for 14 days.",
        "Automated backups are kept for 1 days, at least 7 are required.",
    ),
    "rds-deletion-protection-compliance": (
        "Deletion protection is on.",
        "There is no deletion protection.",
    ),
    "rds-encryption-compliance": ("The storage is encrypted.", "The storage is not encrypted."),
    "rds-public-access-compliance": (
        "The instance is not publicly accessible.",
        "The instance is publicly accessible.",
    ),
    "s3-encryption-compliance": (
        "Default encryption is aws:kms.",
        "There is no default encryption.",
    ),
    "s3-public-access-compliance": (
        "All public access is blocked by the bucket.",
        "Neither bucket nor account has turned on BlockPublicAcls, IgnorePublicAcls.",
    ),
    "s3-tls-compliance": (
        "The bucket policy denies all requests without TLS.",
        "There is no bucket policy.",
    ),
    "s3-versioning-compliance": ("Versioning is on.", "Versioning has never been turned on."),
}
IDS = {"ec2": "i-{:017}", "rds": "assay-benchmark-{:07}", "s3": "assay-benchmark-{:07}"}

_AWS = Aws(partition="aws", region=REGION, account_id=ACCOUNT)


def numbers(rule_name: str, count: int) -> range:
    """Return the numbers of a rule's resources, when all rules together have so many."""
    place = list(ANNOTATIONS).index(rule_name)
    return range(len(range(place, count, len(ANNOTATIONS))))


def is_open(number: int) -> bool:
    """Tell whether a resource violates its rule and is not waived."""
    return number % VIOLATION_EVERY == 0 and number % WAIVED_EVERY != 0


def was_open(number: int) -> bool:
    """Tell the same of the report before."""
    place = number % CHANGE_EVERY
    return place == RESOLVED or (is_open(number) and place != NEW)


def counted(holds: Callable[[int], bool], count: int) -> int:
    """Count the resources of all rules of which something holds."""
    return sum(holds(number) for name in ANNOTATIONS for number in numbers(name, count))


def fill(server: StandIn, count: int) -> None:
    """Write verdicts, for each rule a sweep that is complete and one that failed, and a report.

    Args:
        server: The stand-in, which must be serving.
        count: How many verdicts.
    """
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=server.endpoint_url,
        region_name=REGION,
        aws_access_key_id="benchmark",
        aws_secret_access_key="benchmark",  # noqa: S106 - the stand-in takes any
    )
    summaries = Summaries(dynamodb, STATE_TABLE)
    open_before = list[int]()
    for name in ANNOTATIONS:
        rule = rules.load(name)
        for number in numbers(name, count):
            arn = rule.arn(_AWS, _id(rule, number))
            _put(server, rule, number, arn)
            if was_open(number):
                open_before.append(digest(f"{name}#{arn}"))
        for summary in _summaries(rule, len(numbers(name, count))):
            summaries.put(_run(rule), summary)
    point = counts(
        compliant=count - len(open_before),
        non_compliant=len(open_before),
        waived=0,
        not_applicable=0,
    )
    ReportRuns(dynamodb, STATE_TABLE).put(
        TrendPoint(generated_at=REPORT_BEFORE, **point), open_before, RETENTION_DAYS
    )


def lengthen(server: StandIn, times: int) -> None:
    """Let there be as many reports before as a trend has, and as many runs of each rule.

    Args:
        server: The stand-in.
        times: How many times as many, and how many evaluations of each resource in history.
    """
    for newest in (LAST_SWEEP, REPORT_BEFORE):
        latest = [
            item.read()
            for items in server.state.partitions.values()
            for key, item in items.items()
            if key.startswith(newest)
        ]
        for time in _earlier(newest, TREND_LENGTH * times):
            for item in latest:
                key = item["resource_id"]["S"].replace(newest, time)
                server.state.put({**item, "resource_id": {"S": key}})
    server.fill_history(times)


def _earlier(newest: str, many: int) -> Iterator[str]:
    moment: datetime = read_timestamp(newest)
    for number in range(1, many):
        yield write_timestamp(moment - timedelta(hours=HOURS_BETWEEN * number))


def _id(rule: type[AnyRule], number: int) -> str:
    return IDS[rule.name.partition("-")[0]].format(number)


def _put(server: StandIn, rule: type[AnyRule], number: int, arn: str) -> None:
    violates = number % VIOLATION_EVERY == 0
    values: dict[str, Any] = {
        "rule_name": rule.name,
        "resource_id": arn,
        "resource_type": rule.resource_type,
        "config_resource_id": _id(rule, number),
        "compliance_type": (
            ComplianceType.NON_COMPLIANT if violates else ComplianceType.COMPLIANT
        ).value,
        "annotation": ANNOTATIONS[rule.name][violates],
        "severity": rule.severity.value,
    }
    since = f"2026-11-{1 + number % 20:02}T06:00:00.000000Z"
    verdict = Verdict(**values, since=since, ordering_timestamp=since)
    server.state.put(cast("Any", to_item(asdict(verdict))))
    evaluated = {"evaluation_timestamp": f"{since}#{rule.name}", "trigger": "sweep"}
    server.history.put(cast("Any", to_item({**values, **evaluated})))


def _run(rule: type[AnyRule]) -> Run:
    return Run(
        rule_name=rule.name,
        resource_type=rule.resource_type,
        severity=rule.severity,
        run_id="00000000-0000-4000-8000-000000000000",
        trigger=Trigger.EVENTBRIDGE_SCHEDULE,
        ordering_timestamp=LAST_SWEEP,
        expires_at=int(read_timestamp(LAST_SWEEP).timestamp()) + 24 * 60 * 60 * RETENTION_DAYS,
    )


def _summaries(rule: type[AnyRule], resources: int) -> Iterable[RunSummary]:
    run = _run(rule)
    complete: RunSummary = {
        "rule_name": rule.name,
        "run_id": run.run_id,
        "trigger": run.trigger.value,
        "ordering_timestamp": LAST_SWEEP,
        "started_at": LAST_SWEEP,
        "finished_at": LAST_SWEEP,
        "segments": 1,
        "continued": False,
        "complete": True,
        "resources": resources,
        "compliant": resources,
        "non_compliant": 0,
        "not_applicable": 0,
        "transitions": 0,
        "unreadable_count": 0,
        "unreadable": [],
        "errors": [],
        "alerted": 0,
        "resolved": 0,
        "api_calls": {"dynamodb:Query": 1},
    }
    error = {"step": "listing", "error_code": "Throttling", "message": "Rate exceeded."}
    failed: RunSummary = {**complete, "complete": False, "errors": [cast("Any", error)]}
    return complete, failed
