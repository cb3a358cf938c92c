"""The report as Markdown: a summary for a pull request or a chat.

The dialect is that of GitHub (https://github.github.com/gfm/). Whatever text a report brings is in
code spans: nothing inside them is a link, an image, HTML, a mention or the end of a table's cell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assay.forms.context import WORDS, Context, rule_words
from assay.forms.form import Form
from assay.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assay.report import Counts, Report, ResourceReport, RuleReport, WaiverReport

# Of the whole, in bytes of UTF-8. GitHub takes 65,536 characters in a comment.
SIZE = 60_000

# So that many rules or waivers leave room for the violations, which come last.
_SECTION_SIZE = 10_000

# Reasons may have any length, and ARNs up to 2,048 characters.
_TEXT_LENGTH = 300

# No character that Markdown reads in a link's target, or in a table's cell.
_LINKABLE = re.compile(r"https://[\w.~:/?#@!&*+,;=%-]+", re.ASCII)

_RANKS: dict[str, int] = {severity: rank for rank, severity in enumerate(reversed(Severity))}

_WAIVER_KINDS = ("expired", "expiring", "unused", "active")


def code(text: str) -> str:
    """Returns a code span that shows a text of any origin in one line, shortened if it is long.

    Code spans know no escapes, so a vertical bar becomes a broken one: in a table the other would
    end the cell.
    """
    # What is not printable includes line breaks, and marks that turn the direction of writing.
    shown = "".join(each if each.isprintable() else " " for each in text)
    shown = " ".join(shown.replace("|", "\N{BROKEN BAR}").split())
    if len(shown) > _TEXT_LENGTH:
        shown = f"{shown[: _TEXT_LENGTH - 1]}…"
    if not shown:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{space}{shown}{space}{fence}"


def link(text: str, url: str) -> str:
    """Returns a code span that is a link, if the URL is one that can do no harm."""
    return f"[{code(text)}]({url})" if _LINKABLE.fullmatch(url) else code(text)


def escape(text: str) -> str:
    """Returns a text in one line with every character escaped that Markdown could read.

    For texts of the project itself: what reads the rendered text, as mentions are read, is not
    kept from it. For all other texts there is `code`.
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


def score(counts: Counts) -> str:
    """Returns the score with its numerator and denominator."""
    if counts.score is None:
        return "none judged"
    judged = counts.compliant + counts.non_compliant
    # Rounded, one violation of very many would be none.
    percent = min(counts.score, 99.99) if counts.non_compliant else counts.score
    return f"{percent:g} % ({counts.compliant:,} of {judged:,})"


def minute(timestamp: str) -> str:
    """Returns a timestamp without its seconds."""
    return code(timestamp[:16].replace("T", " "))


def urgency(resource: ResourceReport) -> tuple[bool, int, str]:
    """Returns what sorts violations: new ones first, then by severity, then the oldest first."""
    rank = _RANKS.get(resource.severity, len(_RANKS))
    return resource.change != "new", rank, resource.since


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], total: int, size: int
) -> Iterator[str]:
    """Yields a table's lines, cut to a size, and then a line that says how many rows are left out.

    Args:
        columns: The header.
        rows: The cells, Markdown themselves.
        total: How many rows there are.
        size: How many bytes the table may have.
    """
    head = f"{_line(columns)}{_line(['---'] * len(columns))}"
    yield head
    size -= len(head.encode()) + len(_left_out(total))
    for number, row in enumerate(rows):
        line = _line(row)
        size -= len(line.encode())
        if size < 0:
            yield _left_out(total - number)
            break
        yield line


def write(report: Report) -> Iterator[str]:
    """Writes the summary."""
    size = SIZE
    for section in (_summary, _changes, _rules, _health, _waivers):
        for piece in section(report):
            size -= len(piece.encode())
            yield piece
    yield from _violations(report, size)


def _summary(report: Report) -> Iterator[str]:
    context, counts = Context.of(report), report.summary
    uncertain = sum(context.status(resource) == "uncertain" for resource in report.resources)
    not_confirmed = f", {uncertain:,} {WORDS['uncertain']}" if uncertain else ""
    yield (
        f"## Compliance of account {code(report.account_id)} in {code(report.region)},"
        f" deployment {code(report.environment_suffix)}\n\n"
        f"**Score: {score(counts)}.** {counts.non_compliant:,} open violations,"
        f" {counts.waived:,} waived, {counts.not_applicable:,} not applicable"
        f"{not_confirmed}.\n\n"
        f"Report of {minute(report.generated_at)} UTC."
    )
    if report.dashboard_url:
        yield f" {link('dashboard', report.dashboard_url)}"
    yield "\n"
    silent = sum(not rule.is_reporting for rule in report.rules)
    if silent:
        yield (
            f"\n**{silent:,} of {len(report.rules):,} rules are not known to report in time:"
            " what they would find is not in the score.**\n"
        )


def _changes(report: Report) -> Iterator[str]:
    yield "\n### What changed\n\n"
    changes = report.changes
    if changes.compared_with is None:
        yield "There is no earlier report to compare with.\n"
        return
    yield (
        f"Since {minute(changes.compared_with)} UTC: **{changes.new:,} new**,"
        f" {changes.resolved:,} resolved, {changes.still_open:,} still open.\n"
    )
    if changes.no_longer_judged:
        yield (
            f"\n{changes.no_longer_judged:,} open then, not judged any more:"
            " their rule is not in this report.\n"
        )
    for point in report.trend[-1:]:
        yield f"\nThe score then was {score(point)}.\n"


def _rules(report: Report) -> Iterator[str]:
    yield "\n### Rules\n\n"
    if not report.rules:
        yield "None.\n"
        return
    columns = ("Rule", "Severity", "Score", "Open", "Waived", "Last complete sweep", "State")
    yield from table(columns, map(_rule, report.rules), len(report.rules), _SECTION_SIZE)


def _rule(rule: RuleReport) -> tuple[str, ...]:
    state = rule_words(rule)
    return (
        code(rule.rule_name),
        code(rule.severity),
        score(rule),
        f"{rule.non_compliant:,}",
        f"{rule.waived:,}",
        minute(rule.last_run.ordering_timestamp) if rule.last_run else "never",
        state if rule.is_reporting else f"**{state}**",
    )


def _health(report: Report) -> Iterator[str]:
    yield "\n### The scanner's health\n\n"
    problems = [each for each in report.problems if not each.kind.startswith("waiver_")]
    if not problems:
        yield "No problem is known.\n"
        return
    rows = (
        (each.kind.replace("_", " "), code(each.rule_name or ""), code(each.message))
        for each in problems
    )
    yield from table(("Problem", "Rule", "What"), rows, len(problems), _SECTION_SIZE)
    never_read = list(Context.of(report).never_read())
    if not never_read:
        return
    yield "\nNever judged, because they could not be read:\n\n"
    rows = (
        (code(each.resource_id), code(each.rule_name), code(each.unreadable or ""))
        for each in never_read
    )
    yield from table(("Resource", "Rule", "Error"), rows, len(never_read), _SECTION_SIZE)


def _waivers(report: Report) -> Iterator[str]:
    if not report.waivers:
        return
    columns = ("State", "Rule", "Resources", "Violations", "Last day", "Owner", "Reason")
    waivers = sorted(report.waivers, key=lambda each: _WAIVER_KINDS.index(_waiver_kind(each)))
    yield "\n### Waivers\n\n"
    yield from table(columns, map(_waiver, waivers), len(waivers), _SECTION_SIZE)


def _waiver_kind(waiver: WaiverReport) -> str:
    unused = waiver.status != "expired" and not waiver.resources
    return "unused" if unused else waiver.status


def _waiver(waiver: WaiverReport) -> tuple[str, ...]:
    kind = _waiver_kind(waiver)
    return (
        kind if kind == "active" else f"**{kind}**",
        code(waiver.rule_name),
        code(waiver.resource),
        f"{waiver.violations:,}",
        code(waiver.expires),
        code(waiver.owner),
        code(waiver.reason),
    )


def _violations(report: Report, size: int) -> Iterator[str]:
    yield "\n### Open violations\n\n"
    violations = [resource for resource in report.resources if resource.is_open]
    if not violations:
        yield "None.\n"
        return
    violations.sort(key=urgency)
    columns = ("Severity", "Resource", "Rule", "Since", "What was found")
    rows = map(_violation, violations)
    yield from table(columns, rows, len(violations), size - len("\n### Open violations\n\n"))


def _violation(resource: ResourceReport) -> tuple[str, ...]:
    new = "**new** " if resource.change == "new" else ""
    found = code(resource.annotation)
    if resource.waiver_id:
        found += " The waiver has expired."
    if resource.unreadable:
        found += f" It could not be read again: {code(resource.unreadable)}."
    return (
        f"{new}{code(resource.severity)}",
        link(resource.resource_id, resource.console_url),
        code(resource.rule_name),
        minute(resource.since),
        found,
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _left_out(number: int) -> str:
    return f"\nAnd {number:,} more, left out here.\n"


FORM = Form(".md", "text/markdown; charset=utf-8", write)
