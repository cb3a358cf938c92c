"""The report as CSV, for spreadsheets: a row for each resource and rule.

What has no verdict has rows, too: resources that could not be read; and the account, for each rule
that left something out, and for AWS Config's recorder.

Rows are those of RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180).
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from assay.forms.context import RECORDER, Context, rule_words
from assay.forms.form import Form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.report import Report, ResourceReport

COLUMNS = (
    "status",
    "severity",
    "rule_name",
    "rule_status",
    "resource_id",
    "resource_type",
    "annotation",
    "since",
    "evaluated_at",
    "change",
    "unreadable",
    "waiver_status",
    "waiver_owner",
    "waiver_expires",
    "waiver_reason",
    "requirement",
    "remedy",
    "console_url",
)

# Excel reads a file without it in the system's old encoding, and every character beyond ASCII
# wrongly. Readers that are no spreadsheets have the form `json`, and `utf-8-sig` in Python.
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"

# What begins a formula (https://owasp.org/www-community/attacks/CSV_Injection), the full-width
# and small forms of the signs and the minus sign, too, which some spreadsheets take for the same;
# and what a spreadsheet may drop before it looks: white space, quotes, invisible characters.
_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_DROPPED = r"\s\x00-\x1f\x7f'\"`\u200b-\u200f\u2060\ufeff"
# A cell begins, too, where a spreadsheet that separates by semicolons, as Excel does in much of
# Europe, or by tabs would begin one: it ignores quotes inside a cell.
_FORMULA = re.compile(
    rf"\A(?=[\x00\t\r\n]|[{_DROPPED}]*[{_SIGNS}])|(?<=[;\t\r\n])(?=[{_DROPPED}]*[{_SIGNS}])"
)


def defuse(text: str) -> str:
    """Puts an apostrophe before all that a spreadsheet could take for a formula's beginning.

    A spreadsheet shows the apostrophe, and the rest as text.
    """
    return _FORMULA.sub("'", text)


def write(report: Report) -> Iterator[str]:
    """Writes the report."""
    context = Context.of(report)
    writer = csv.writer(_Returned())
    yield _BYTE_ORDER_MARK
    yield writer.writerow(COLUMNS)
    for resource in context.verdicts():
        yield writer.writerow(map(defuse, _row(context, resource)))


class _Returned:
    """A file from which `writerow` returns the row."""

    def write(self, text: str) -> str:
        return text


def _row(context: Context, resource: ResourceReport) -> tuple[str, ...]:
    rule, waiver = context.rule(resource.rule_name), context.waiver(resource)
    return (
        context.words(resource),
        resource.severity,
        resource.rule_name,
        "" if resource.rule_name == RECORDER else rule_words(rule),
        resource.resource_id,
        resource.resource_type,
        resource.annotation,
        resource.since,
        resource.evaluated_at,
        resource.change or "",
        resource.unreadable or "",
        *((waiver.status, waiver.owner, waiver.expires, waiver.reason) if waiver else [""] * 4),
        rule.requirement,
        rule.remedy,
        resource.console_url,
    )


FORM = Form(".csv", "text/csv; charset=utf-8", write)
