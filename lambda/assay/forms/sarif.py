"""The report as SARIF 2.1.0, for code-scanning pages: its violations, open and waived.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html says what SARIF is, and
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
what GitHub reads of it. What has been resolved is left out: GitHub does not know the baseline state
`absent`, so it would be an alert again.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from assay.forms.context import Context
from assay.forms.form import Form
from assay.forms.markdown import escape
from assay.forms.streaming import write_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.report import HealthProblem, Report, ResourceReport, RuleReport, WaiverReport

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

# GitHub refuses a file with more.
RESULTS = 25_000

_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}

# The middles of what GitHub reads as critical (over 9.0), high (7.0 to 8.9), medium (4.0 to 6.9)
# and low (0.1 to 3.9).
_SECURITY_SEVERITIES = {"critical": 9.5, "high": 8.0, "medium": 5.5, "low": 2.0}

# With an error the scan is none that succeeded: nobody knows of all violations that there are.
_NOTIFICATION_LEVELS = {
    "never_reported": "error",
    "silent": "error",
    "failed": "error",
    "unreadable": "warning",
    "recorder": "warning",
    "waiver_expired": "warning",
    "waiver_expiring": "note",
    "waiver_unused": "note",
}


def write(report: Report) -> Iterator[str]:
    """Writes the violations, the first 25,000 of them: open ones before waived ones."""
    violations = [each for each in report.resources if each.compliance_type == "NON_COMPLIANT"]
    # Sorting keeps the report's own order of what is alike.
    violations.sort(key=lambda each: (each.waived, -_SECURITY_SEVERITIES.get(each.severity, 0)))
    context = Context.of(report)
    run = _run(context, left_out=max(len(violations) - RESULTS, 0))
    return write_object(
        {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]},
        {"results": (_result(context, resource) for resource in violations[:RESULTS])},
    )


def _run(context: Context, left_out: int) -> dict[str, Any]:
    report = context.report
    notifications = [_notification(problem) for problem in report.problems]
    notifications += [
        {
            "descriptor": {"id": "unreadable"},
            "level": "warning",
            "message": {"text": _message(f"{resource.resource_id}: {resource.annotation}")},
            "associatedRule": {"id": resource.rule_name},
        }
        for resource in context.never_read()
    ]
    if left_out:
        text = f"{left_out} violations are left out: code-scanning pages take {RESULTS}."
        notifications.append(
            {"descriptor": {"id": "left_out"}, "level": "error", "message": {"text": text}}
        )
    deployment = f"{report.account_id}/{report.region}/{report.environment_suffix}"
    return {
        # GitHub wants no descriptors of notifications but such as rules have, so there are none.
        "tool": {"driver": {"name": "Assay", "rules": [_rule(rule) for rule in report.rules]}},
        # GitHub takes all before the last slash for the category: an upload replaces the one
        # before of the same category, and deployments keep out of each other's way.
        "automationDetails": {"id": f"assay/{deployment}/{report.generated_at}"},
        "invocations": [
            {
                "executionSuccessful": all(each["level"] != "error" for each in notifications),
                "endTimeUtc": report.generated_at,
                "toolExecutionNotifications": notifications,
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [],
    }


def _rule(rule: RuleReport) -> dict[str, Any]:
    # GitHub wants no description empty. Reports of version 1.1 have no rationale and no remedy.
    rationale, remedy = rule.rationale or rule.requirement, rule.remedy or rule.requirement
    return {
        "id": rule.rule_name,
        "shortDescription": {"text": _message(rule.requirement)},
        "fullDescription": {"text": _message(rationale)},
        "help": {
            "text": _message(f"{rule.requirement} {rationale}\n\nRemedy: {remedy}"),
            "markdown": _message(
                f"{escape(rule.requirement)} {escape(rationale)}\n\n**Remedy:** {escape(remedy)}"
            ),
        },
        "defaultConfiguration": {"level": _LEVELS.get(rule.severity, "warning")},
        "properties": {
            "tags": ["security", "compliance", "aws", *filter(None, [rule.resource_type])],
            "precision": "very-high",
            "security-severity": f"{_SECURITY_SEVERITIES.get(rule.severity, 5.5):.1f}",
        },
    }


def _notification(problem: HealthProblem) -> dict[str, Any]:
    notification: dict[str, Any] = {
        "descriptor": {"id": problem.kind},
        "level": _NOTIFICATION_LEVELS[problem.kind],
        "message": {"text": _message(problem.message)},
    }
    if problem.rule_name:
        notification["associatedRule"] = {"id": problem.rule_name}
    return notification


def _result(context: Context, resource: ResourceReport) -> dict[str, Any]:
    waiver = context.waiver(resource)
    # GitHub reads this one fingerprint only.
    named = f"{resource.rule_name}#{resource.resource_id}".encode()
    fingerprint = blake2b(named, digest_size=16).hexdigest()
    result = {
        "ruleId": resource.rule_name,
        "level": _LEVELS.get(resource.severity, "warning"),
        "message": {"text": _message(_text(resource, waiver))},
        "locations": [_location(resource)],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
        # SARIF wants it in all results or in none, so open ones have an empty list.
        "suppressions": [_suppression(waiver)] if resource.waived else [],
        "properties": {
            "severity": resource.severity,
            "since": resource.since,
            "evaluated_at": resource.evaluated_at,
            "console_url": resource.console_url,
        },
    }
    compared_with = context.report.changes.compared_with
    if compared_with is not None:
        # A waived violation is no change, whether it was there before or not; and one that was
        # mended and came back between two reports is none, either, though its time is new.
        is_new = resource.since > compared_with if resource.waived else resource.change == "new"
        result["baselineState"] = "new" if is_new else "unchanged"
    return result


def _text(resource: ResourceReport, waiver: WaiverReport | None) -> str:
    text = f"{resource.annotation} Resource: {resource.resource_id}. Since {resource.since}."
    if resource.unreadable:
        text += f" It could not be read again: {resource.unreadable}."
    if waiver and not resource.waived:
        text += f" Its waiver, of {waiver.owner}, ended on {waiver.expires}."
    return text


def _message(text: str) -> str:
    """Returns a message without placeholders and links, which SARIF has in plain text, too."""
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _location(resource: ResourceReport) -> dict[str, Any]:
    """Returns the ARN, and a path and a place in it as well: GitHub takes no result without.

    The path is made of the ARN, since no file has the violation. It is relative: GitHub refuses a
    file in which one URI is absolute and has a scheme other than `file`, and `arn:` is one.
    """
    parts = re.split("[:/]", resource.resource_id)
    # Empty parts and those of dots only would be read as steps in the path.
    path = "/".join(quote(part, safe="") for part in parts if part.strip("."))
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": path},
            "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
        },
        "logicalLocations": [
            {
                "name": resource.config_resource_id,
                "fullyQualifiedName": resource.resource_id,
                "kind": "resource",
            }
        ],
    }


def _suppression(waiver: WaiverReport | None) -> dict[str, str]:
    suppression = {"kind": "external", "status": "accepted"}
    if waiver:
        suppression["justification"] = (
            f"{waiver.reason} Waived by {waiver.owner} until {waiver.expires}."
        )
    return suppression


FORM = Form(".sarif", "application/sarif+json", write)
