"""The report aggregator function: writes one report of all enabled rules to the reports bucket."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cache
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assay import forms, metrics, reporting
from assay.aws import Aws, error_code
from assay.environment import AggregatorEnvironment
from assay.events import Trigger, UnsupportedEventError, read_event
from assay.invocation import logged
from assay.recorder import recorder
from assay.report_runs import ReportRuns
from assay.reporting import Background, RuleState
from assay.state import State
from assay.summaries import Summaries
from assay.timestamps import write_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

    from assay.forms.form import Form
    from assay.report import Report

logger = Logger()

# Once for the process, because making clients takes longer than a small report.
_aws = cache(Aws.from_function_arn)


class FormsNotWrittenError(RuntimeError):
    """Some forms of a report could not be written; the others are."""

    def __init__(self, failed: Mapping[str, Exception]) -> None:
        named = ", ".join(f"{name} ({error_code(error)})" for name, error in failed.items())
        super().__init__(f"forms not written: {named}")


class SecurityHubError(RuntimeError):
    """Security Hub has not taken all findings of a report, which is written."""


def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Writes the report of a schedule's time, and returns where it lies and its counts.

    Raises:
        UnsupportedEventError: The event is not EventBridge's 'Scheduled Event'.
        EnvironmentVariableError: An environment variable is missing or impossible.
        FormsNotWrittenError: A form of the report could not be written.
        SecurityHubError: Findings have not all arrived in Security Hub.
        botocore.exceptions.ClientError: State could not be read, or what is kept of the report not
            written.
    """
    with logged(logger, run_id=context.aws_request_id, trigger=None):
        return _aggregate(event, context)


def _aggregate(event: object, context: LambdaContext) -> dict[str, Any]:
    environment = AggregatorEnvironment.read(os.environ)
    incoming = read_event(event)
    logger.append_keys(trigger=incoming.trigger.value)
    if incoming.trigger is not Trigger.EVENTBRIDGE_SCHEDULE or incoming.continuation:
        raise UnsupportedEventError(
            f"event: must be an EventBridge 'Scheduled Event', got {incoming.trigger}"
        )
    generated_at = incoming.ordering_timestamp
    aws = _aws(context.invoked_function_arn)
    report_runs = ReportRuns(aws.client("dynamodb"), environment.state_table)
    report = _report(environment, generated_at, aws, report_runs)
    point = reporting.trend_point(report)
    # After a late retry of an older report the newer one stays the latest, wherever that counts.
    latest = report_runs.is_latest(report.generated_at)
    # Before anything is written, because they are about the rules and not about the report.
    if latest:
        metrics.put_report(report, silent_rules=point.silent_rules)
    for rule in report.rules:
        metrics.put_age(report.environment_suffix, rule.rule_name, rule.last_run)

    bucket = _Bucket(aws.client("s3"), environment.reports_bucket)
    keys, failed = _write_forms(bucket, report, generated_at, environment.report_forms)
    if "json" in failed:
        # Without the record there is no report.
        raise FormsNotWrittenError(failed) from failed["json"]
    report_runs.put(point, reporting.open_violations(report), environment.history_retention_days)
    if latest:
        for name, key in keys.items():
            bucket.copy(key, f"latest/compliance-report{forms.load(name).suffix}")
    result = {
        "report_bucket": bucket.name,
        "report_key": keys["json"],
        "report_keys": keys,
        "latest": latest,
        **{name: count for name, count in asdict(report.summary).items() if name != "score"},
    }
    refused = Counter[str]()
    if latest and environment.security_hub:
        # Only here, because it is seldom wanted, and takes its time to import.
        from assay import security_hub  # noqa: PLC0415

        told = security_hub.send(aws, report)
        refused = told.failed
        result["security_hub"] = {"sent": told.sent, "failed": refused.total()}
    logger.info("report written", extra=result)
    if failed:
        raise FormsNotWrittenError(failed) from next(iter(failed.values()))
    if refused:
        raise SecurityHubError(
            f"Security Hub has not taken {refused.total()} findings: {', '.join(sorted(refused))}"
        )
    return result


def _report(
    environment: AggregatorEnvironment, generated_at: datetime, aws: Aws, report_runs: ReportRuns
) -> Report:
    dynamodb = aws.client("dynamodb")
    state = State(dynamodb, environment.state_table)
    summaries = Summaries(dynamodb, environment.state_table)
    trend = report_runs.before(write_timestamp(generated_at))
    name = environment.recorder_name
    background = Background(
        generated_at=generated_at,
        aws=aws,
        environment_suffix=environment.environment_suffix,
        history_table=environment.history_table,
        silence=environment.silence,
        dashboard_name=environment.dashboard_name,
        waivers=environment.waivers,
        recorder=recorder(aws.client("config"), name) if name else None,
        trend=trend,
        open_before=report_runs.open_violations(trend[-1]) if trend else None,
    )
    # Summaries are read before verdicts, or a sweep that ends between the two would make verdicts
    # look younger than they are.
    return reporting.make_report(
        background,
        [
            RuleState(
                rule,
                severity,
                state.verdicts(rule.name),
                summaries.last_sweep(rule.name),
                summaries.last_failure(rule.name),
            )
            for rule, severity in environment.rules.items()
        ],
    )


@dataclass(frozen=True)
class _Bucket:
    """The reports bucket."""

    s3: S3Client
    name: str

    def put(self, report: Report, form: Form, key: str) -> None:
        """Writes a form of the report, by way of a file, for memory may not hold it whole."""
        with TemporaryFile() as file:
            file.writelines(piece.encode() for piece in form.write(report))
            file.seek(0)
            self.s3.put_object(Bucket=self.name, Key=key, Body=file, ContentType=form.content_type)

    def copy(self, key: str, to: str) -> None:
        """Copies an object with its content type."""
        source: CopySourceTypeDef = {"Bucket": self.name, "Key": key}
        self.s3.copy_object(Bucket=self.name, Key=to, CopySource=source)


def _write_forms(
    bucket: _Bucket, report: Report, generated_at: datetime, names: Iterable[str]
) -> tuple[dict[str, str], dict[str, Exception]]:
    """Writes each form by itself, so that one that fails takes no other with it.

    Returns:
        The keys of those that are written, and what kept others from it.
    """
    # By the report's own time, so that a retry writes the same objects.
    stem = f"reports/{generated_at:%Y/%m/%d}/compliance-report-{generated_at:%H%M%S}Z"
    keys, failed = dict[str, str](), dict[str, Exception]()
    for name in names:
        try:
            form = forms.load(name)
            key = f"{stem}{form.suffix}"
            bucket.put(report, form, key)
        except Exception as error:  # whatever it is, it is raised once the others are written
            logger.exception("form not written", extra={"form": name})
            failed[name] = error
        else:
            keys[name] = key
    return keys, failed
