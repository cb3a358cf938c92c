"""The report aggregator function: writes one report of all enabled rules to the reports bucket."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assay import metrics
from assay.aws import Aws
from assay.environment import AggregatorEnvironment
from assay.events import Trigger, UnsupportedEventError, read_event
from assay.invocation import logged
from assay.report import RuleReport, make_report, report_key, write_report
from assay.state import State
from assay.summaries import Summaries

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

logger = Logger()

# Once for the process, because making clients takes longer than a small report.
_aws = cache(Aws.from_function_arn)


def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Writes the report of a schedule's time, and returns where it lies and its counts.

    Raises:
        UnsupportedEventError: The event is not EventBridge's 'Scheduled Event'.
        EnvironmentVariableError: An environment variable is missing or impossible.
        botocore.exceptions.ClientError: State could not be read, or the report not written.
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
    aws = _aws(context.invoked_function_arn)
    dynamodb = aws.client("dynamodb")
    state = State(dynamodb, environment.state_table)
    summaries = Summaries(dynamodb, environment.state_table)
    rules = [
        RuleReport(
            rule,
            severity,
            list(state.verdicts(rule.name)),
            summaries.last_sweep(rule.name),
            summaries.last_failure(rule.name),
        )
        for rule, severity in environment.rules.items()
    ]
    report = make_report(
        generated_at=incoming.ordering_timestamp,
        aws=aws,
        environment_suffix=environment.environment_suffix,
        history_table=environment.history_table,
        rules=rules,
    )
    key = report_key(incoming.ordering_timestamp)
    s3: S3Client = aws.client("s3")
    s3.put_object(
        Bucket=environment.reports_bucket,
        Key=key,
        Body=write_report(report),
        ContentType="application/json",
    )
    for rule in rules:
        metrics.put_age(
            environment.environment_suffix,
            rule.rule.name,
            rule.last_run,
            incoming.ordering_timestamp,
        )
    counts = {name: count for name, count in report["summary"].items() if name != "score"}
    result = {"report_bucket": environment.reports_bucket, "report_key": key, **counts}
    logger.info("report written", extra=result)
    return result
