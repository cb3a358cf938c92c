"""A compliance report as people read it, and as the sample data demands it."""

from assay.forms.markdown import score
from assay.report import Report, ResourceReport
from assay_cli import tables
from assay_cli.display import Display
from assay_cli.samples import Verdicts
from assay_cli.severities import by_severity
from assay_cli.tables import Row, Table, tabulate


def show(report: Report, display: Display) -> None:
    """Print what people want to know first, and then the details."""
    display.say(f"Compliance of {name(report)} at {report.generated_at}")
    before = f", before: {score(report.trend[-1])}" if report.trend else ""
    display.say(f"Score: {score(report.summary)}{before}")
    counts = report.summary
    display.say(
        f"Violations: {counts.non_compliant} open, {counts.waived} waived; "
        f"not applicable: {counts.not_applicable} of {counts.resources}"
    )
    changes = report.changes
    if changes.compared_with:
        display.say(
            f"Since {changes.compared_with}: {changes.new} new, {changes.resolved} resolved, "
            f"{changes.still_open} still open"
        )
    if report.dashboard_url:
        display.say(f"Dashboard: {report.dashboard_url}")
    display.say()
    tables.show(_tables(report), display)


def name(report: Report) -> str:
    """Return what a report is about."""
    return f"{report.environment_suffix} ({report.account_id}, {report.region})"


def _tables(report: Report) -> list[Table]:
    waivers = {waiver.waiver_id: waiver for waiver in report.waivers}

    def waived(each: ResourceReport) -> Row:
        waiver = waivers.get(each.waiver_id or "")
        by = (waiver.owner, waiver.expires) if waiver else ("", "")
        return each.severity, each.rule_name, each.resource_id, *by

    resources = by_severity(report.resources)
    return [
        *tabulate(
            "Health",
            ("Problem", "Rule", "What"),
            report.problems,
            lambda each: (each.kind.replace("_", " "), each.rule_name or "", each.message),
        ),
        *tabulate(
            "Waivers",
            ("Rule", "Resource", "Owner", "Last day", "Status", "Violations", "Reason"),
            report.waivers,
            lambda each: (
                *(each.rule_name, each.resource, each.owner, each.expires, each.status),
                *(str(each.violations), each.reason),
            ),
        ),
        *tabulate(
            "Waived violations",
            ("Severity", "Rule", "Resource", "Owner", "Last day"),
            [each for each in resources if each.waived],
            waived,
        ),
        *tabulate(
            "Violations",
            ("Severity", "Rule", "Resource", "Reason", "Since", "Note"),
            [each for each in resources if each.is_open],
            lambda each: (
                *(each.severity, each.rule_name, each.resource_id, each.annotation),
                *(each.since, _note(each)),
            ),
        ),
        *tabulate(
            "Rules",
            ("Rule", "Severity", "Status", "Score", "Open", "Waived", "Not applicable"),
            report.rules,
            lambda each: (
                *(each.rule_name, each.severity, (each.status or "unknown").replace("_", " ")),
                *(score(each), str(each.non_compliant), str(each.waived)),
                str(each.not_applicable),
            ),
        ),
    ]


def _note(violation: ResourceReport) -> str:
    notes = (
        violation.change,
        "waiver expired" if violation.waiver_id else None,
        f"not read again: {violation.unreadable}" if violation.unreadable else None,
    )
    return ", ".join(filter(None, notes))


def differences(report: Report, expected: Verdicts) -> list[str]:
    """Return where the report's verdicts are not the expected ones, a line each.

    Args:
        report: the report.
        expected: every verdict that the report must have; it must have no other.
    """
    found = {(item.resource_id, item.rule_name): item.compliance_type for item in report.resources}
    wanted = {
        (resource_id, rule_name): verdict
        for resource_id, verdicts in expected.items()
        for rule_name, verdict in verdicts.items()
    }
    return [
        f"{rule_name} on {resource_id}: "
        f"expected {wanted.get((resource_id, rule_name), 'no verdict')}, "
        f"got {found.get((resource_id, rule_name), 'no verdict')}"
        for resource_id, rule_name in sorted(found.keys() | wanted.keys())
        if found.get((resource_id, rule_name)) != wanted.get((resource_id, rule_name))
    ]
