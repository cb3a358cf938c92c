"""The report: state and run summaries as one JSON document, made without any call to AWS."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.rule import ComplianceType
from assay.timestamps import write_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from assay.aws import Aws
    from assay.rule import AnyRule, Severity
    from assay.run import RunSummary
    from assay.state import Verdict

SCHEMA_VERSION = "1.1"


@dataclass(frozen=True)
class RuleReport:
    """What is known of one rule.

    Attributes:
        rule: The rule.
        severity: The severity of its violations here.
        verdicts: The latest verdict on each resource.
        last_run: Its latest complete sweep, None when it has never finished one.
        last_failure: Its latest sweep that failed, None when none has.
    """

    rule: type[AnyRule]
    severity: Severity
    verdicts: Sequence[Verdict]
    last_run: RunSummary | None
    last_failure: RunSummary | None


def make_report(
    *,
    generated_at: datetime,
    aws: Aws,
    environment_suffix: str,
    history_table: str,
    rules: Iterable[RuleReport],
) -> dict[str, Any]:
    """Makes a report, in an order that depends on nothing but what it says."""
    ordered = sorted(rules, key=lambda rule: rule.rule.name)
    resources = [resource for rule in ordered for resource in _resources(rule)]
    return {
        "schema_version": SCHEMA_VERSION,
        "generated_at": write_timestamp(generated_at),
        "account_id": aws.account_id,
        "region": aws.region,
        "environment_suffix": environment_suffix,
        "history_table": history_table,
        "summary": _counts(verdict for rule in ordered for verdict in rule.verdicts),
        "rules": [
            {
                "rule_name": rule.rule.name,
                "requirement": rule.rule.requirement,
                "severity": rule.severity.value,
                **_counts(rule.verdicts),
                "last_run": rule.last_run,
                "last_failure": _unrepaired(rule),
            }
            for rule in ordered
        ],
        "resources": sorted(
            resources, key=lambda resource: (resource["resource_id"], resource["rule_name"])
        ),
    }


def write_report(report: dict[str, Any]) -> bytes:
    """Writes a report as JSON; the same report gives the same bytes."""
    return json.dumps(report, indent=2, sort_keys=True).encode()


def report_key(generated_at: datetime) -> str:
    """Returns the report's object key, by its own time, so that a retry writes the same object."""
    return f"reports/{generated_at:%Y/%m/%d}/compliance-report-{generated_at:%H%M%S}Z.json"


def _counts(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    counts = Counter(verdict.compliance_type for verdict in verdicts)
    compliant = counts[ComplianceType.COMPLIANT]
    judged = compliant + counts[ComplianceType.NON_COMPLIANT]
    return {
        "resources": counts.total(),
        "compliant": compliant,
        "non_compliant": counts[ComplianceType.NON_COMPLIANT],
        "not_applicable": counts[ComplianceType.NOT_APPLICABLE],
        # No score at all beats a perfect one for a rule that has judged nothing.
        "score": round(100 * compliant / judged, 2) if judged else None,
    }


def _unrepaired(rule: RuleReport) -> RunSummary | None:
    """Returns the sweep that failed, unless it has been repeated or followed by a complete one."""
    failure, last = rule.last_failure, rule.last_run
    if failure and last and last["ordering_timestamp"] >= failure["ordering_timestamp"]:
        return None
    return failure


def _resources(rule: RuleReport) -> Iterable[dict[str, Any]]:
    swept_at, unreadable = "", dict[str, str]()
    if rule.last_run is not None:
        swept_at = rule.last_run["ordering_timestamp"]
        unreadable = {
            resource["resource_id"]: resource["error_code"]
            for resource in rule.last_run["unreadable"]
        }
    for verdict in rule.verdicts:
        # A sweep writes only what changed, so what it left alone is as fresh as the sweep,
        # except for what the sweep could not read.
        seen_at = "" if verdict.resource_id in unreadable else swept_at
        yield {
            "resource_id": verdict.resource_id,
            "rule_name": verdict.rule_name,
            "resource_type": verdict.resource_type,
            "config_resource_id": verdict.config_resource_id,
            "compliance_type": verdict.compliance_type,
            "annotation": verdict.annotation,
            "severity": verdict.severity,
            "since": verdict.since,
            "evaluated_at": max(verdict.ordering_timestamp, seen_at),
            # The verdict is an old one, then, which the last sweep could not look at again.
            "unreadable": (
                unreadable.get(verdict.resource_id)
                if verdict.ordering_timestamp < swept_at
                else None
            ),
        }
