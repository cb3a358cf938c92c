"""Where a report goes: a terminal, a file in one of its forms, standard output, a browser."""

import json
import sys
import webbrowser
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay import forms
from assay.report import ResourceReport, RuleReport
from assay_cli import report, report_diff_forms
from assay_cli.display import Display
from assay_cli.report_diff import compare, silent_rules
from assay_cli.report_file import ReportError, fetch, read

STDOUT = "-"

DIFFERENCE_FORMS = ("markdown", "json")


@dataclass(frozen=True)
class Subject:
    """What there is to tell: a report, or what changed from one to another.

    Attributes:
        violations: the open violations among them count.
        silent: rules that have not reported in their time; of two reports, those that did before.
        show: prints it.
        pieces: makes it in a form, piece by piece.
    """

    violations: Sequence[ResourceReport]
    silent: Sequence[RuleReport]
    show: Callable[[Display], None]
    pieces: Callable[[str], Iterable[bytes]]


def one(source: str, outputs_file: Path) -> Subject:
    """Fetch a report; arguments and errors are those of `fetch` and `read`."""
    text = fetch(source, outputs_file)
    found = read(text, source)

    def pieces(form: str) -> Iterable[bytes]:
        # The record is never rewritten: it may say more than this release knows.
        if form == "json":
            return [text]
        return (piece.encode() for piece in forms.load(form).write(found))

    return Subject(
        found.resources, silent_rules(found), lambda display: report.show(found, display), pieces
    )


def two(sources: tuple[str, str], outputs_file: Path) -> Subject:
    """Fetch two reports and compare them; errors are those of `fetch` and `read`."""
    before, after = (read(fetch(each, outputs_file), each) for each in sources)
    found = compare(before, after)

    def pieces(form: str) -> Iterator[bytes]:
        if form == "json":
            yield (json.dumps(report_diff_forms.as_json(found), indent=1) + "\n").encode()
        else:
            for piece in report_diff_forms.markdown(found):
                yield piece.encode()

    return Subject(
        found.newly_open,
        found.silent,
        lambda display: report_diff_forms.show(found, display),
        pieces,
    )


def form_of(file: str) -> str | None:
    """Return the form that a file's name tells by its suffix, None when it tells none."""
    suffixes = {forms.load(name).suffix: name for name in forms.NAMES}
    # `.sarif.json` is more than `.json`.
    for suffix in sorted(suffixes, key=len, reverse=True):
        if file.endswith(suffix):
            return suffixes[suffix]
    return None


def write(pieces: Iterable[bytes], out: str) -> None:
    """Write what a report is made of.

    Args:
        pieces: the report.
        out: a file, whose folder is made where it is missing, or `-` for standard output.

    Raises:
        ReportError: the file cannot be written.
    """
    if out == STDOUT:
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
        return
    file = Path(out)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.writelines(pieces)
    except OSError as error:
        raise ReportError(f"{out}: cannot be written: {error.strerror}") from error


def open_in_browser(file: str) -> bool:
    """Open a page, and return whether there was a browser for it."""
    return webbrowser.open(Path(file).resolve().as_uri())
