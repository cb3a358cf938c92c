"""The report as Compliance Findings of the Open Cybersecurity Schema Framework, one a verdict.

See https://schema.ocsf.io/1.8.0/classes/compliance_finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.forms.context import Context
from assay.forms.form import Form
from assay.forms.streaming import write_array
from assay.timestamps import read_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.report import Report, ResourceReport

_VERSION = "1.8.0"
_CATEGORY_UID = 2
_CLASS_UID = 2003

_ACTIVITIES = {"new": (1, "Create"), None: (2, "Update"), "resolved": (3, "Close")}
_SEVERITIES = {
    None: (1, "Informational"),
    "low": (2, "Low"),
    "medium": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}
_COMPLIANCE = {
    "unknown": (0, "Unknown"),
    "passed": (1, "Pass"),
    "uncertain": (2, "Warning"),
    "failed": (3, "Fail"),
    "not_applicable": (99, "Not Applicable"),
}


def write(report: Report) -> Iterator[str]:
    """Writes the report."""
    context = Context.of(report)
    generated_at = _milliseconds(report.generated_at)
    metadata = {
        "version": _VERSION,
        "profiles": ["cloud"],
        "product": {"name": "Assay", "vendor_name": "Assay", "uid": "assay"},
        "original_time": report.generated_at,
    }
    cloud = {
        "provider": "AWS",
        "cloud_partition": report.partition,
        "region": report.region,
        "account": {"uid": report.account_id, "type_id": 10, "type": "AWS Account"},
    }
    yield from write_array(
        {
            "time": generated_at,
            "metadata": {
                **metadata,
                "uid": context.stable_id(report.generated_at, context.finding_id(resource)),
            },
            "cloud": cloud,
            **_finding(context, resource),
        }
        for resource in context.verdicts()
    )
    yield "\n"


def _milliseconds(timestamp: str) -> int:
    return round(read_timestamp(timestamp).timestamp() * 1000)


def _finding(context: Context, resource: ResourceReport) -> dict[str, Any]:
    report = context.report
    rule, waiver = context.rule(resource.rule_name), context.waiver(resource)
    # A waiver's beginning closes an open violation, but what there is now is a waived one.
    activity_id, activity_name = _ACTIVITIES[None if resource.waived else resource.change]
    severity_id, severity = _SEVERITIES[context.severity(resource)]
    compliance_id, compliance = _COMPLIANCE[context.status(resource)]
    status_id, status = _status(resource)
    reasons = context.reasons(resource)
    since = _milliseconds(resource.since)
    finding: dict[str, Any] = {
        "class_uid": _CLASS_UID,
        "class_name": "Compliance Finding",
        "category_uid": _CATEGORY_UID,
        "category_name": "Findings",
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": _CLASS_UID * 100 + activity_id,
        "type_name": f"Compliance Finding: {activity_name}",
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "message": resource.annotation,
        "finding_info": {
            "uid": context.finding_id(resource),
            "title": rule.requirement,
            "desc": resource.annotation,
            "created_time": since,
            "first_seen_time": since,
            "last_seen_time": _milliseconds(resource.evaluated_at),
            "analytic": {"uid": rule.rule_name, "name": rule.rule_name, "type_id": 1},
        },
        "compliance": {
            "control": rule.rule_name,
            "desc": rule.rationale,
            "requirements": [rule.requirement],
            "status_id": compliance_id,
            "status": compliance,
            "status_code": resource.compliance_type,
            "status_details": list(reasons.values()),
        },
        "resources": [
            {
                "uid": resource.resource_id,
                "name": resource.config_resource_id,
                "type": resource.resource_type,
                "region": report.region,
                "cloud_partition": report.partition,
            }
        ],
        "unmapped": {"environment_suffix": report.environment_suffix},
    }
    if resource.console_url:
        finding["finding_info"]["src_url"] = resource.console_url
    if rule.remedy:
        finding["remediation"] = {"desc": rule.remedy}
    if waiver:
        finding["unmapped"]["waiver"] = {
            "waiver_id": waiver.waiver_id,
            "owner": waiver.owner,
            "reason": waiver.reason,
            "expires": waiver.expires,
            "status": waiver.status,
        }
    if reasons:
        finding["status_detail"] = " ".join(reasons.values())
    return finding


def _status(resource: ResourceReport) -> tuple[int, str]:
    if resource.waived:
        return 3, "Suppressed"
    if resource.change == "resolved":
        return 4, "Resolved"
    if resource.compliance_type in {"COMPLIANT", "NOT_APPLICABLE"}:
        # No word of the schema's own is for what was never an issue.
        return 99, "No Issue"
    return 1, "New"


FORM = Form(".ocsf.json", "application/json", write)
