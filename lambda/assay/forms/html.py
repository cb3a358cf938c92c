"""The report as a page: one file that needs nothing but itself, and no scripts for what matters.

Its own policy lets a browser load nothing and run only the one script that is in it:
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cache, partial
from hashlib import sha256
from heapq import nsmallest
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from assay.batches import batches
from assay.forms.context import WORDS, Context, rule_words
from assay.forms.form import Form
from assay.messages import counted
from assay.report import TrendPoint
from assay.rule import Severity
from assay.timestamps import SECONDS_A_DAY, read_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from assay.report import Counts, Report, ResourceReport

_PAGE = Path(__file__).parent / "page"

# Rows of the table that are there without scripts, and resources in each list of changes.
_FIRST_ROWS = 200
_LISTED = 10

# Enough for each write to be worth its while, and little beside the report itself.
_BATCH = 1000

# What each status is called in the style sheet and by the icons, in the order of the rows.
_CLASSES = {
    "failed": "open",
    "waived": "waived",
    "unknown": "unknown",
    "uncertain": "unconfirmed",
    "passed": "compliant",
    "not_applicable": "not-applicable",
}
_STATUSES = {name: WORDS[status].capitalize() for status, name in _CLASSES.items()}
_PLACES = {name: place for place, name in enumerate(_STATUSES)}
_SEVERITIES = [severity.value for severity in reversed(Severity)]
_KINDS = {
    "never_reported": "Never reported",
    "silent": "Silent",
    "failed": "Sweep failed",
    "unreadable": "Could not be read",
    "recorder": "Recorder",
    "waiver_expired": "Waiver expired",
    "waiver_expiring": "Waiver expires soon",
    "waiver_unused": "Waiver unused",
}
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

# Stands for the resource's name in addresses, which repeat but for that. No address has it.
_NAME = "\0"


def write(report: Report) -> Iterator[str]:
    """Writes the report."""
    context = Context.of(report)
    note, status = partial(_note, context), partial(_status, context)
    rows = sorted(report.resources, key=partial(_urgency, status))
    style, script = _read("report.css"), _read("report.js")
    yield from (
        _environment()
        .get_template("report.html.jinja")
        .generate(
            report=report,
            policy=(
                f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
                "img-src data:; base-uri 'none'; form-action 'none'"
            ),
            style=Markup(style),  # noqa: S704 - a file of ours
            script=Markup(script),  # noqa: S704 - a file of ours
            age=partial(_age, read_timestamp(report.generated_at)),
            trend=_trend(report),
            not_reporting=[rule for rule in report.rules if not rule.is_reporting],
            limits=[each for each in report.problems if not each.kind.startswith("waiver_")],
            most_violations=max((each.non_compliant for each in report.severities), default=0),
            new=_first(row for row in rows if row.change == "new"),
            resolved=_first(row for row in rows if row.change == "resolved"),
            still_open=nsmallest(
                _LISTED,
                (row for row in rows if row.is_open and row.change != "new"),
                key=lambda row: row.since,
            ),
            rule_names={rule.rule_name for rule in report.rules},
            tally=Counter(map(status, rows)),
            rows=rows[:_FIRST_ROWS],
            note=note,
            status=status,
            data=map(_inline, _data(report, rows, note, status)),
            statuses=_STATUSES,
            severities=_SEVERITIES,
            rule_words=rule_words,
            kinds=_KINDS,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": counted,
        "https": _https,
        "machine": _machine,
        "moment": _moment,
        "percent": _percent,
        "plain": _plain,
        "seconds": _seconds,
        "split_arn": _split,
    }
    return environment


def _read(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _first(resources: Iterable[ResourceReport]) -> list[ResourceReport]:
    return list(islice(resources, _LISTED))


def _status(context: Context, resource: ResourceReport) -> str:
    return _CLASSES["waived" if resource.waived else context.status(resource)]


def _severity_rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


def _urgency(
    status: Callable[[ResourceReport], str], resource: ResourceReport
) -> tuple[int, int, bool, str, str]:
    """What is to be seen first: open violations, the most severe and new ones before others."""
    return (
        _PLACES[status(resource)],
        _severity_rank(resource.severity),
        resource.change is None,
        resource.resource_id,
        resource.rule_name,
    )


def _note(context: Context, resource: ResourceReport) -> str:
    """What is to be said of a resource's waiver."""
    waiver = context.waiver(resource)
    if waiver is None:
        return ""
    if resource.waived:
        return f"Waived until {waiver.expires} by {waiver.owner}: {waiver.reason}"
    return f"The waiver of {waiver.owner} expired on {waiver.expires}."


def _split(resource_id: str) -> tuple[str, str]:
    """Cuts an ARN into what stands before its name, and the name."""
    cut = max(resource_id.rfind(":"), resource_id.rfind("/")) + 1
    return resource_id[:cut], resource_id[cut:]


def _https(url: str | None) -> str:
    """An address that may become a link, which one of scripts, for instance, may not."""
    return url if url and re.fullmatch(r"https://[!-~]+", url) else ""


def _percent(counts: Counts) -> str:
    """Writes a score, which is whole only where nothing violates."""
    if counts.score is None:
        return "\N{EN DASH}"
    if counts.score == 100 and counts.non_compliant:  # noqa: PLR2004 - percent
        return "> 99.99 %"
    return f"{counts.score:.2f}".rstrip("0").rstrip(".") + " %"


def _moment(timestamp: str) -> str:
    moment = read_timestamp(timestamp)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M}"


def _plain(message: str) -> str:
    """Writes points in time in a sentence as people do."""
    return re.sub(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d\.\d{6}Z", r"\1 \2 UTC", message)


def _machine(timestamp: str) -> str:
    return f"{read_timestamp(timestamp):%Y-%m-%dT%H:%M:%SZ}"


def _seconds(timestamp: str) -> float:
    return read_timestamp(timestamp).timestamp()


def _age(now: datetime, timestamp: str) -> str:
    seconds = int((now - read_timestamp(timestamp)).total_seconds())
    for size, unit in ((SECONDS_A_DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return counted(seconds // size, unit)
    return "less than a minute"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trend:
    """The lines of the charts, in a field of 1,000 by 100.

    Attributes:
        points: The reports before and this one.
        score: The line of the score, with a gap where nothing was judged.
        area: What is under that line.
        violations: The line of open violations.
        most: How many the field's height stands for.
        silent: Where a rule was silent.
    """

    points: list[TrendPoint]
    score: str
    area: str
    violations: str
    most: int
    silent: list[str]


def _trend(report: Report) -> _Trend | None:
    if not report.trend:
        return None
    now = TrendPoint(
        generated_at=report.generated_at,
        silent_rules=sum(not rule.is_reporting for rule in report.rules),
        **asdict(report.summary),
    )
    points = [*report.trend, now]
    times = [_seconds(point.generated_at) for point in points]
    width = times[-1] - times[0] or 1
    places = [1000 * (time - times[0]) / width for time in times]
    most = max(1, *(point.non_compliant for point in points))
    scored = [
        [(x, 100 - point.score) for x, point in pieces if point.score is not None]
        for judged, pieces in groupby(
            zip(places, points, strict=True), lambda each: each[1].score is not None
        )
        if judged
    ]
    return _Trend(
        points=points,
        score="".join(map(_line, scored)),
        area="".join(f"{_line(each)}V100H{each[0][0]:.1f}Z" for each in scored),
        violations=_line(
            (x, 100 - 100 * point.non_compliant / most)
            for x, point in zip(places, points, strict=True)
        ),
        most=most,
        silent=[f"{x:.1f}" for x, point in zip(places, points, strict=True) if point.silent_rules],
    )


def _line(points: Iterable[tuple[float, float]]) -> str:
    """A path, of which a single point can be seen, too."""
    first, *others = (f"{x:.1f} {y:.1f}" for x, y in points)
    return f"M{first}h0" + "".join(f"L{other}" for other in others)


class _Interned(dict[str, int]):
    """Numbers texts as they come, so that each is written once."""

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        return number


def _data(
    report: Report,
    rows: list[ResourceReport],
    note: Callable[[ResourceReport], str],
    status: Callable[[ResourceReport], str],
) -> Iterator[str]:
    """Yields the rows as JSON: a column at a time, in which numbers stand for texts."""
    tables = {
        # What comes first has a known place: "" is nothing, and what is severe is on top.
        "severity": _Interned({severity: n for n, severity in enumerate(_SEVERITIES)}),
        "rule": _Interned({rule.rule_name: n for n, rule in enumerate(report.rules)}),
        "change": _Interned({"": 0, "new": 1, "resolved": 2}),
        "unreadable": _Interned({"": 0}),
        "note": _Interned({"": 0}),
        "before": _Interned(),
        "url": _Interned({"": 0}),
        "reason": _Interned(),
        "time": _Interned(),
    }

    def interned(table: str, read: Callable[[ResourceReport], str]) -> Callable[..., int]:
        return lambda row: tables[table][read(row)]

    columns: dict[str, Callable[[ResourceReport], object]] = {
        "status": lambda row: _PLACES[status(row)],
        "severity": interned("severity", lambda row: row.severity),
        "rule": interned("rule", lambda row: row.rule_name),
        "before": interned("before", lambda row: _split(row.resource_id)[0]),
        "name": lambda row: _split(row.resource_id)[1],
        "url": interned("url", _address),
        "reason": interned("reason", lambda row: row.annotation),
        "since": interned("time", lambda row: row.since),
        "checked": interned("time", lambda row: row.evaluated_at),
        "change": interned("change", lambda row: row.change or ""),
        "unreadable": interned("unreadable", lambda row: row.unreadable or ""),
        "note": interned("note", note),
    }
    head = {
        "now": int(_seconds(report.generated_at)),
        "rows": len(rows),
        "explained": len(report.rules),
        "statuses": list(_STATUSES.items()),
    }
    yield json.dumps(head)[:-1]
    for name, read in columns.items():
        yield f',\n"{name}": '
        yield from _array(map(read, rows))
    yield ',\n"tables": {'
    for number, (name, texts) in enumerate(tables.items()):
        yield f'{"," if number else ""}\n"{name}": '
        yield from _array((int(_seconds(text)) for text in texts) if name == "time" else texts)
    yield "}}"


def _address(resource: ResourceReport) -> str:
    url, (_, name) = _https(resource.console_url), _split(resource.resource_id)
    return url.replace(name, _NAME) if name else url


def _array(values: Iterable[object]) -> Iterator[str]:
    yield "["
    for number, batch in enumerate(batches(values, _BATCH)):
        yield ("," if number else "") + json.dumps(batch, separators=(",", ":"))[1:-1]
    yield "]"


def _inline(text: str) -> Markup:
    """Takes away what could end the element that the JSON stands in."""
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - nothing of HTML is left in it


FORM = Form(".html", "text/html; charset=utf-8", write)
