"""The report's page in a real browser."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request
from pydantic import TypeAdapter

from assay.forms import html
from assay.report import Counts, Report, ResourceReport
from chromium import chromium

REPORT = Path(__file__).parents[1] / "reports" / "report-1.2.json"

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def full() -> Report:
    """A report with everything."""
    return TypeAdapter(Report).validate_json(REPORT.read_bytes())


@pytest.fixture(scope="session")
def empty(full: Report) -> Report:
    """A report of nothing."""
    nothing = Counts(resources=0, compliant=0, non_compliant=0, not_applicable=0, score=None)
    return Report(
        schema_version=full.schema_version,
        generated_at=full.generated_at,
        account_id=full.account_id,
        region=full.region,
        environment_suffix=full.environment_suffix,
        history_table=full.history_table,
        summary=nothing,
        rules=[],
        resources=[],
    )


@pytest.fixture(scope="session")
def with_many(full: Report) -> Callable[[int], Report]:
    """Makes a report of so many resources, a third of them open violations."""
    compliant, violation = (
        next(each for each in full.resources if each.compliance_type == kind and not each.waived)
        for kind in ("COMPLIANT", "NON_COMPLIANT")
    )

    def resource(number: int, dice: random.Random) -> ResourceReport:
        name = f"{dice.choice(('alpha', 'beta', 'gamma'))}-{number:06}"
        rule = dice.choice(full.rules)
        return replace(
            compliant if number % 3 else violation,
            resource_id=f"arn:aws:s3:::{name}",
            rule_name=rule.rule_name,
            severity=rule.severity,
            annotation=f"Verdict number {dice.randrange(100)}.",
            since=f"2026-{dice.randint(1, 10):02}-{dice.randint(1, 28):02}T06:00:00.000000Z",
            console_url=f"https://console.example.com/{name}",
            change=None,
            unreadable=None,
            waiver_id=None,
        )

    def make(count: int) -> Report:
        dice = random.Random(count)  # noqa: S311 - nothing secret
        return replace(full, resources=[resource(number, dice) for number in range(count)])

    return make


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Report], Path]:
    """Writes a report's page to a file."""

    def write(report: Report) -> Path:
        file = tmp_path_factory.mktemp("page") / "report.html"
        with file.open("w", encoding="utf-8") as opened:
            opened.writelines(html.write(report))
        return file

    return write


@pytest.fixture
def open_page(browser: Browser, written: Callable[[Report], Path]) -> Iterator[OpenPage]:
    """Opens a report from disk; in the end nothing may have been loaded or complained of."""
    complaints: list[str] = []
    requests: list[str] = []
    contexts = []

    def on_console(message: ConsoleMessage) -> None:
        complaints.append(f"{message.type}: {message.text}")

    def on_request(request: Request) -> None:
        if not request.url.startswith("data:"):
            requests.append(request.url)

    def open_report(report: Report, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", on_console)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", on_request)
        address = written(report).as_uri()
        page.goto(address)
        assert requests == [address]
        requests.clear()
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert complaints == []
    assert requests == []
