"""Metrics in CloudWatch's embedded metric format, which the log carries.

See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from assay.score import score
from assay.timestamps import read_timestamp

if TYPE_CHECKING:
    from assay.report import Counts, Report, RunReport
    from assay.run import RunSummary

NAMESPACE = "Assay"

# Longer than any silence that an alarm may be set to let pass, which is 168 hours.
_NEVER = timedelta(hours=169)


def put_run(environment_suffix: str, summary: RunSummary, *, is_sweep: bool) -> None:
    """Writes the metrics of an invocation's run.

    Args:
        environment_suffix: The deployment's suffix.
        summary: What the run did.
        is_sweep: Whether it looked at all resources, so that its counts are the rule's.
    """
    metrics = _metrics(environment_suffix, summary["rule_name"])
    metrics.add_metric("Errors", MetricUnit.Count, len(summary["errors"]))
    if not summary["continued"]:
        ran = read_timestamp(summary["finished_at"]) - read_timestamp(summary["started_at"])
        metrics.add_metric(
            "RunDuration", MetricUnit.Milliseconds, round(ran.total_seconds() * 1000)
        )
        if not is_sweep and summary["unreadable_count"]:
            # Only then: that one resource could be read says nothing of the others.
            metrics.add_metric("Unreadable", MetricUnit.Count, summary["unreadable_count"])
        if is_sweep and summary["complete"]:
            metrics.add_metric("Compliant", MetricUnit.Count, summary["compliant"])
            metrics.add_metric("NonCompliant", MetricUnit.Count, summary["non_compliant"])
            metrics.add_metric("NotApplicable", MetricUnit.Count, summary["not_applicable"])
            metrics.add_metric("Unreadable", MetricUnit.Count, summary["unreadable_count"])
            found = score(compliant=summary["compliant"], non_compliant=summary["non_compliant"])
            if found is not None:
                metrics.add_metric("ComplianceScore", MetricUnit.Percent, found)
    metrics.flush_metrics()


def put_error(environment_suffix: str, rule_name: str) -> None:
    """Writes the metric of an invocation that ended before it could do anything."""
    metrics = _metrics(environment_suffix, rule_name)
    metrics.add_metric("Errors", MetricUnit.Count, 1)
    metrics.flush_metrics()


def put_age(environment_suffix: str, rule_name: str, last_sweep: RunReport | None) -> None:
    """Writes how old a rule's last complete sweep is, in seconds; a week and more before any.

    By the clock, as CloudWatch dates the metric, which a report made late must not falsify.
    """
    age = _NEVER
    if last_sweep is not None:
        age = datetime.now(UTC) - read_timestamp(last_sweep.ordering_timestamp)
    metrics = _metrics(environment_suffix, rule_name)
    metrics.add_metric("LastGoodRunAge", MetricUnit.Seconds, age.total_seconds())
    metrics.flush_metrics()


def put_report(report: Report, *, silent_rules: int) -> None:
    """Writes a report's scores and violations, by rule and of all rules.

    A rule that has not reported in its time has no score.

    Args:
        report: The report.
        silent_rules: Rules that have not reported in their time.
    """
    for rule in report.rules:
        metrics = _metrics(report.environment_suffix, rule.rule_name)
        _add_counts(metrics, rule, with_score=rule.is_reporting)
        metrics.flush_metrics()
    metrics = _metrics(report.environment_suffix)
    _add_counts(metrics, report.summary, with_score=True)
    metrics.add_metric("SilentRules", MetricUnit.Count, silent_rules)
    metrics.flush_metrics()


def _add_counts(metrics: EphemeralMetrics, counts: Counts, *, with_score: bool) -> None:
    if with_score and counts.score is not None:
        metrics.add_metric("Score", MetricUnit.Percent, counts.score)
    metrics.add_metric("Violations", MetricUnit.Count, counts.non_compliant)
    metrics.add_metric("Waived", MetricUnit.Count, counts.waived)


def _metrics(environment_suffix: str, rule_name: str | None = None) -> EphemeralMetrics:
    # Without a service, which would be a further dimension.
    metrics = EphemeralMetrics(namespace=NAMESPACE, service="")
    metrics.add_dimension("environment_suffix", environment_suffix)
    if rule_name is not None:
        metrics.add_dimension("rule_name", rule_name)
    return metrics
