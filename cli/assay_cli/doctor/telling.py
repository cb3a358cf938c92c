"""Tells what was found: to people, and as JSON."""

import textwrap
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from assay_cli.doctor.check import Level
from assay_cli.doctor.examination import Examination, Result, Section

SCHEMA_VERSION = 1

_WORDS = {
    Level.ERROR: "error",
    Level.WARNING: "warning",
    Level.COULD_NOT_LOOK: "could not look",
    Level.OK: "ok",
}
_TOTALS = {**_WORDS, Level.ERROR: "errors", Level.WARNING: "warnings"}
# What is worst comes first.
_ORDER = tuple(_WORDS)


def tell(
    examination: Examination, say: Callable[[str], None], *, width: int | None, everything: bool
) -> None:
    """Tell people.

    Args:
        examination: What was found.
        say: Takes each line.
        width: Columns of the terminal; lines are never broken without.
        everything: Whether to tell what is well, too.
    """
    for section in examination.sections:
        for line in _section(section, everything=everything):
            say(_broken(line, width))
        say("")
    counts = examination.counts()
    say(", ".join(f"{_TOTALS[level]}: {counts[level]}" for level in _ORDER))


def _section(section: Section, *, everything: bool) -> Iterator[str]:
    yield section.title
    well = [each for each in section.results if each.finding.level is Level.OK]
    bad = [each for each in section.results if each.finding.level is not Level.OK]
    bad.sort(key=lambda each: _ORDER.index(each.finding.level))
    for _, group in groupby(bad, key=_same):
        yield from _group(list(group))
    if everything:
        for each in well:
            yield f"  ok: {each.check.name}: {each.finding.message}"
    elif well:
        yield f"  ok: {', '.join(dict.fromkeys(each.check.name for each in well))}"


def _same(result: Result) -> tuple[str, Level, str | None]:
    """What has one reason and one remedy is told together."""
    return result.check.name, result.finding.level, _remedy(result)


def _group(results: list[Result]) -> Iterator[str]:
    first = results[0]
    yield f"  {_WORDS[first.finding.level]}: {first.check.name}"
    for each in results:
        yield f"    {each.finding.message}"
    yield f"    why:  {first.check.why}"
    if remedy := _remedy(first):
        yield f"    mend: {remedy}"


def _remedy(result: Result) -> str | None:
    """What mends it; what could not be looked at may be well."""
    finding = result.finding
    if finding.remedy is None and finding.level in (Level.WARNING, Level.ERROR):
        return result.check.remedy
    return finding.remedy


def _broken(line: str, width: int | None) -> str:
    if width is None:
        return line
    text = line.lstrip()
    indent = len(line) - len(text)
    label = text.startswith(("why:  ", "mend: "))
    return textwrap.fill(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + (6 if label else 2)),
        break_on_hyphens=False,
        break_long_words=False,
    )


def as_json(examination: Examination, *, strict: bool) -> dict[str, Any]:
    """Everything, for machines. Keys are added in later versions, and never changed."""
    return {
        "schema_version": SCHEMA_VERSION,
        "account_id": examination.identity.account_id or None,
        "principal": examination.identity.principal or None,
        "sections": [_section_json(each) for each in examination.sections],
        "counts": {str(level): count for level, count in examination.counts().items()},
        "exit_code": examination.exit_code(strict=strict),
    }


def _section_json(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "environment": section.environment,
        "region": section.region,
        "findings": [_result_json(each) for each in section.results],
    }


def _result_json(result: Result) -> dict[str, Any]:
    finding = result.finding
    return {
        "check": result.check.name,
        "what": result.check.what,
        "level": finding.level,
        "message": finding.message,
        "why": result.check.why,
        "remedy": _remedy(result),
        "missing_actions": list(finding.missing_actions),
    }
