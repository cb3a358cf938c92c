"""How long the report's page takes to open in Chromium, and how much memory.

``python benchmarks/report_page.py [--sizes N ...] [--rounds N] [--json FILE]`` writes a page for
each number of resources, opens it from disk in a fresh context, and prints medians as a table in
Markdown. A page is open when the table can be used and has been drawn, counted from the start of
the navigation. Memory is the script's heap after that and a garbage collection.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.sync_api import Browser

from assay.forms import html
from assay.report import Counts, Report, ResourceReport, RuleReport, TrendPoint

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT / "tools"))

from chromium import chromium  # noqa: E402 - it lies in the folder that has just been named

# What is to be shown.
SHOWN_RESOURCES = 50_000
GREATEST_SECONDS = 3.0

ACCOUNT, REGION = "123456789012", "us-east-1"
NOW = "2026-11-23T06:00:00.000000Z"
DRAWN = """
() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(
    () => resolve(performance.now()))))
"""


@dataclass(frozen=True)
class Measurement:
    """What was measured of one page.

    Attributes:
        resources: How many it has.
        bytes: The size of the file.
        seconds: The median of the times until it is open.
        heap_bytes: The median of the sizes of the script's heap.
    """

    resources: int
    bytes: int
    seconds: float
    heap_bytes: int


def resource(number: int, dice: random.Random) -> ResourceReport:
    """Make a verdict; ids are as long as in AWS, and no two reports of violations are alike."""
    kind = dice.choice(("bucket", "instance", "db"))
    name = f"{kind}-{dice.getrandbits(68):017x}"
    violates = dice.random() < 0.1  # noqa: PLR2004 - one in ten
    day = f"2026-{dice.randint(1, 11):02}-{dice.randint(1, 22):02}"
    return ResourceReport(
        resource_id=f"arn:aws:service:{REGION}:{ACCOUNT}:{kind}/{name}",
        rule_name=f"{kind}-compliance-{number % 5}",
        resource_type=f"AWS::Service::{kind}",
        config_resource_id=name,
        compliance_type="NON_COMPLIANT" if violates else "COMPLIANT",
        annotation=f"Tag {dice.randrange(10**6)} is missing." if violates else "All is well.",
        severity=("critical", "high", "medium", "low")[number % 4],
        since=f"{day}T{dice.randrange(24):02}:{dice.randrange(60):02}:00.000000Z",
        evaluated_at=NOW,
        console_url=f"https://{REGION}.console.aws.amazon.com/{kind}/home?region={REGION}#{name}",
        change="new" if violates and number % 10 == 0 else None,
    )


def report(count: int) -> Report:
    """Make a report with so many resources, the same each time."""
    dice = random.Random(count)  # noqa: S311 - nothing secret
    resources = [resource(number, dice) for number in range(count)]
    violations = sum(each.is_open for each in resources)
    counts = Counts(
        resources=count,
        compliant=count - violations,
        non_compliant=violations,
        not_applicable=0,
        judged=count,
        score=round(100 * (count - violations) / count, 2),
    )
    return Report(
        schema_version="1.2",
        generated_at=NOW,
        account_id=ACCOUNT,
        region=REGION,
        environment_suffix="benchmark",
        history_table="compliance-history-benchmark",
        summary=counts,
        rules=[
            RuleReport(
                rule_name=rule_name,
                requirement="Resources have what they need.",
                severity="high",
                last_run=None,
                status="reporting",
                **asdict(counts),
            )
            for rule_name in sorted({each.rule_name for each in resources})
        ],
        resources=resources,
        trend=[
            TrendPoint(generated_at=f"2026-{month:02}-{day:02}T06:00:00.000000Z", **asdict(counts))
            for month in range(8, 11)
            for day in range(1, 31)
        ],
    )


def open_page(browser: Browser, file: Path) -> tuple[float, int]:
    """Open a page; return the seconds until it is drawn and the bytes of the script's heap."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    seconds = page.evaluate(DRAWN) / 1000
    if page.locator("#filters").is_hidden():
        sys.exit(f"{file}: the table cannot be used")
    session = context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"]
    context.close()
    return seconds, int(heap)


def measure(browser: Browser, count: int, rounds: int, folder: Path) -> Measurement:
    """Write a page and open it again and again."""
    file = folder / f"{count}.html"
    with file.open("w", encoding="utf-8") as opened:
        opened.writelines(html.write(report(count)))
    samples = [open_page(browser, file) for _ in range(rounds)]
    return Measurement(
        resources=count,
        bytes=file.stat().st_size,
        seconds=statistics.median(seconds for seconds, _ in samples),
        heap_bytes=int(statistics.median(heap for _, heap in samples)),
    )


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[1_000, 10_000, SHOWN_RESOURCES, 100_000]
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print("| resources | file, MB | open after, s | script's heap, MB |")
    print("| ---: | ---: | ---: | ---: |")
    measurements = []
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        # The first page fills the operating system's caches and starts the renderer.
        measure(browser, 1, 1, Path(temporary))
        for count in options.sizes:
            each = measure(browser, count, options.rounds, Path(temporary))
            measurements.append(each)
            print(
                f"| {each.resources:,} | {each.bytes / 1e6:.1f} | {each.seconds:.2f} "
                f"| {each.heap_bytes / 1e6:.0f} |"
            )
    shown = {
        f"{each.resources:,} resources open within {GREATEST_SECONDS} s; {each.seconds:.2f}": (
            each.seconds <= GREATEST_SECONDS
        )
        for each in measurements
        if each.resources <= SHOWN_RESOURCES
    }
    print("\nShown")
    for text, holds in shown.items():
        print(f"    {'yes' if holds else 'NO '}  {text}")
    if options.json:
        result = {
            "measurements": [asdict(each) for each in measurements],
            "shown": [{"claim": text, "holds": holds} for text, holds in shown.items()],
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
