"""What changed from one report to another, as a terminal, Markdown and JSON have it."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from assay.forms.markdown import SIZE, code, minute, score, table
from assay.report import Report, ResourceReport, RuleReport
from assay_cli import tables
from assay_cli.display import Display
from assay_cli.report import name
from assay_cli.report_diff import Difference
from assay_cli.tables import Row, Table, tabulate


def show(difference: Difference, display: Display) -> None:
    """Print what changed."""
    before, after = difference.before, difference.after
    display.say(f"Compliance of {name(after)} at {after.generated_at}")
    display.say(f"compared with   {name(before)} at {before.generated_at}")
    display.say(f"Score: {score(after.summary)}, before: {score(before.summary)}")
    display.say(f"Violations: {_counts(difference)}")
    display.say()
    tables.show(_tables(difference), display)


def markdown(difference: Difference) -> Iterator[str]:
    """Write what changed as Markdown, for a pull request or a chat.

    A comment has little room, so each table is cut to its part of it.
    """
    before, after = difference.before, difference.after
    yield f"## Compliance changes of {_name(after)}\n\n"
    yield f"**Score: {score(after.summary)}**, before: {score(before.summary)}.\n\n"
    yield f"Violations: {_counts(difference)}.\n\n"
    yield f"From {minute(before.generated_at)} UTC to {minute(after.generated_at)} UTC.\n"
    if name(before) != name(after):
        yield f"\n**Compared with another one: {_name(before)}.**\n"
    found = _tables(difference)
    for each in found:
        yield f"\n### {each.title}\n\n"
        cells = (tuple(map(code, row)) for row in each.rows)
        yield from table(each.columns, cells, each.total, SIZE // len(found))


def as_json(difference: Difference) -> dict[str, Any]:
    """Return what changed as JSON has it, all of it."""
    resources = ("new", "waiver_ended", "resolved", "waived", "changed")
    rules = ("silent", "reporting_again", "dropped")
    return {
        "before": _identity(difference.before),
        "after": _identity(difference.after),
        "still_open": difference.still_open,
        **{name: [asdict(each) for each in getattr(difference, name)] for name in resources},
        **{name: [each.rule_name for each in getattr(difference, name)] for name in rules},
    }


def _identity(report: Report) -> dict[str, Any]:
    names = ("generated_at", "account_id", "region", "environment_suffix")
    return {name: getattr(report, name) for name in names} | {"summary": asdict(report.summary)}


def _name(report: Report) -> str:
    return (
        f"account {code(report.account_id)} in {code(report.region)}, deployment "
        f"{code(report.environment_suffix)}"
    )


def _counts(difference: Difference) -> str:
    return (
        f"{len(difference.new):,} new, {len(difference.waiver_ended):,} no longer waived, "
        f"{len(difference.resolved):,} resolved, {difference.still_open:,} still open, "
        f"{len(difference.waived):,} newly waived"
    )


def _tables(difference: Difference) -> list[Table]:
    columns = ("Rule", "Resource", "Reason")
    found = []
    for title, resources in (
        ("New violations", difference.new),
        ("Violations no longer waived", difference.waiver_ended),
        ("Resolved", difference.resolved),
        ("Newly waived", difference.waived),
    ):
        found += tabulate(title, ("Severity", *columns), resources, _violation)
    found += tabulate(
        "Other verdicts that changed", ("Verdict", *columns), difference.changed, _verdict
    )
    for title, rules in (
        ("Rules that went silent", difference.silent),
        ("Rules that report again", difference.reporting_again),
        ("Rules that nobody judges any more", difference.dropped),
    ):
        found += tabulate(
            title, ("Rule", "Severity", "Latest sweep", "Open violations"), rules, _rule
        )
    return found


def _violation(resource: ResourceReport) -> Row:
    return resource.severity, resource.rule_name, resource.resource_id, resource.annotation


def _verdict(resource: ResourceReport) -> Row:
    verdict = resource.compliance_type
    return verdict, resource.rule_name, resource.resource_id, resource.annotation


def _rule(rule: RuleReport) -> Row:
    latest = rule.last_run.ordering_timestamp if rule.last_run else "never"
    return rule.rule_name, rule.severity, latest, str(rule.non_compliant)
