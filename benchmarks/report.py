"""What a report costs: time, CPU, memory, the forms' sizes, and calls beside the fewest.

``python benchmarks/report.py [--sizes N ...] [--forms FORM,FORM ...] [--latency MILLISECONDS]
[--json FILE]`` runs the report aggregator's real handler, each report in a process of its own,
against the stand-in for AWS of the sweeps' benchmark, whose answers wait for a set latency. State
holds so many verdicts of ten rules, of which every twentieth is a violation and every hundredth a
waived one, and what 90 sweeps of each rule and 90 reports have left. Each report is made with the
default forms and with all.

Up to 10,000 resources it is made once more after ten times the history: ten times as many
evaluations, sweeps and reports.

Everything takes some minutes.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sweeps.processes import TIMEOUT_SECONDS, calls_text, finish, print_table, run_child
from sweeps.resources import Resources
from sweeps.stand_in import StandIn
from sweeps.tables import PAGE_BYTES
from sweeps.verdicts import (
    ANNOTATIONS,
    REPORT_TIME,
    WAIVED,
    counted,
    fill,
    is_open,
    lengthen,
    was_open,
)

from assay import forms, rules
from assay.report_runs import TREND_LENGTH
from assay.summaries import DIGESTS_AN_ITEM

DEFAULT_FORMS, ALL_FORMS = "json,html", ",".join(forms.NAMES)
HISTORY_TIMES = 10
GREATEST_FOR_HISTORY = 10_000

# The deployed function's memory, and how much of it has a whole processor.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
FUNCTION_MIB, PROCESSOR_MIB = 512, 1769
# What a function has in /tmp unless it is told otherwise.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html
DISK_MIB = 512
MIB = 1024 * 1024
# Digests of violations, in bytes.
DIGEST_BYTES = 8

COLUMNS = [
    *("forms", "resources", "reports before", "seconds", "CPU s", "MiB"),
    *(f"at {FUNCTION_MIB} MiB: seconds", "calls", "fewest"),
]


@dataclass(frozen=True)
class Measurement:
    """One report and what it cost.

    Attributes:
        forms: Its forms, separated by commas.
        resources: How many verdicts it has.
        reports_before: How many reports there were before it.
        latency_seconds: How long each answer waited.
        seconds: By the clock.
        cpu_seconds: Of the process that made it.
        peak_mib: The greatest resident set of that process.
        calls: By operation.
        minimum: The fewest calls by operation.
        bytes: The sizes of its forms.
    """

    forms: str
    resources: int
    reports_before: int
    latency_seconds: float
    seconds: float
    cpu_seconds: float
    peak_mib: float
    calls: dict[str, int]
    minimum: dict[str, int]
    bytes: dict[str, int]

    @property
    def function_seconds(self) -> float:
        """An estimate of what it takes with the deployed function's share of a processor."""
        waiting = sum(self.calls.values()) * self.latency_seconds
        return self.cpu_seconds * PROCESSOR_MIB / FUNCTION_MIB + waiting


def fewest_calls(
    *, state_pages: int, open_now: int, open_before: int, form_count: int
) -> dict[str, int]:
    """Return the fewest calls that the APIs allow for a report.

    State is read in pages of 1 MB. Each rule has two Queries more, for its latest complete sweep
    and its latest one that failed; the trend has one, which gives all counts; and violations that
    were open are read in pages of 1 MB and written in items of 320 KB, beside one for the counts.
    Each form is an object and a copy of it. AWS Config is asked once whether it records.
    """
    items_a_page = PAGE_BYTES // (DIGESTS_AN_ITEM * DIGEST_BYTES)
    pages_before = math.ceil(math.ceil(open_before / DIGESTS_AN_ITEM) / items_a_page)
    return {
        "config:DescribeConfigurationRecorderStatus": 1,
        "dynamodb:Query": state_pages + 2 * len(ANNOTATIONS) + 1 + pages_before,
        "dynamodb:PutItem": math.ceil(open_now / DIGESTS_AN_ITEM) + 1,
        "s3:PutObject": form_count,
        "s3:CopyObject": form_count,
    }


def make_report(server: StandIn, form_names: str, resources: int, times: int) -> Measurement:
    """Measure one report.

    Args:
        server: The stand-in, filled.
        form_names: The report's forms, separated by commas.
        resources: How many verdicts there are.
        times: How long the history is.
    """
    classes = [rules.load(name) for name in ANNOTATIONS]
    waivers = [
        {
            "rule_name": rule.name,
            "resource": WAIVED,
            "owner": "payments",
            "reason": "Replaced by the end of the year.",
            "expires": "2026-12-31",
        }
        for rule in classes
    ]
    references = {
        rule.name: {"class": rule.reference(), "severity": rule.severity.value} for rule in classes
    }
    open_now, open_before = counted(is_open, resources), counted(was_open, resources)
    minimum = fewest_calls(
        state_pages=sum(map(server.state_pages, ANNOTATIONS)),
        open_now=open_now,
        open_before=open_before,
        form_count=len(form_names.split(",")),
    )
    with tempfile.TemporaryDirectory() as folder:
        waivers_file, rules_file = Path(folder, "waivers.json"), Path(folder, "rules.json")
        waivers_file.write_text(json.dumps(waivers), encoding="utf-8")
        rules_file.write_text(json.dumps(references), encoding="utf-8")
        variables = {
            "AWS_LAMBDA_FUNCTION_NAME": "compliance-report-aggregator",
            "RULES_FILE": str(rules_file),
            "REPORTS_BUCKET": "compliance-reports",
            "REPORT_FORMS": form_names,
            "CONFIG_RECORDER_NAME": "recorder",
            "DASHBOARD_NAME": "compliance-benchmark",
            "WAIVERS_FILE": str(waivers_file),
        }
        measured = run_child(server, "report", REPORT_TIME, variables)
    result = measured.pop("summary")
    if (result["resources"], result["non_compliant"]) != (resources, open_now):
        sys.exit(f"{resources} resources, {open_now} violations wanted, got {result}")
    sizes = {
        name: server.objects[f"{result['report_bucket']}/{key}"]
        for name, key in result["report_keys"].items()
    }
    return Measurement(
        forms=form_names,
        resources=resources,
        reports_before=TREND_LENGTH * times,
        latency_seconds=server.latency_seconds,
        minimum=minimum,
        bytes=sizes,
        **measured,
    )


def reports(size: int, latency: float, forms_of_each: Sequence[str]) -> Iterator[Measurement]:
    """Measure the reports of so many resources, one after another."""
    server = StandIn(Resources(0), latency)
    with server.serving():
        fill(server, size)
        lengthen(server, 1)
        for form_names in forms_of_each:
            yield make_report(server, form_names, size, 1)
        if size <= GREATEST_FOR_HISTORY:
            lengthen(server, HISTORY_TIMES)
            yield make_report(server, forms_of_each[0], size, HISTORY_TIMES)


def _forms(each: Measurement) -> str:
    return "all" if each.forms == ALL_FORMS else each.forms.replace(",", ", ")


def _title(each: Measurement) -> str:
    return f"{_forms(each)}, {each.resources:,} resources, {each.reports_before} reports before:"


def show(measurements: Sequence[Measurement]) -> None:
    """Print a line for each report, the sizes of forms, and calls by operation."""
    rows = [
        [
            _forms(each),
            f"{each.resources:,}",
            f"{each.reports_before:,}",
            f"{each.seconds:,.1f}",
            f"{each.cpu_seconds:,.1f}",
            f"{each.peak_mib:.0f}",
            f"{each.function_seconds:,.1f}",
            f"{sum(each.calls.values()):,}",
            f"{sum(each.minimum.values()):,}",
        ]
        for each in measurements
    ]
    print_table([COLUMNS, *rows], 1)
    print()
    sizes: dict[int, dict[str, int]] = {each.resources: {} for each in measurements}
    for each in measurements:
        sizes[each.resources] |= each.bytes
    names = [name for name in forms.NAMES if any(name in found for found in sizes.values())]
    rows = [[name, *(f"{found[name] / MIB:,.2f}" for found in sizes.values())] for name in names]
    print_table([["MiB", *(f"{size:,}" for size in sizes)], *rows], 1)
    print("\nCalls by operation, made/fewest")
    for each in measurements:
        print(_title(each), calls_text(each.calls, each.minimum))


def claims(measurements: Sequence[Measurement]) -> Iterator[tuple[str, bool]]:
    """Yield what was to be shown with what was found, and whether it holds."""
    yield (
        "calls: the fewest, and one Query to see whether there is a newer report",
        all(
            each.calls == {**each.minimum, "dynamodb:Query": each.minimum["dynamodb:Query"] + 1}
            for each in measurements
        ),
    )
    peak = max(each.peak_mib for each in measurements)
    yield f"memory: under {FUNCTION_MIB} MiB; {peak:.0f} MiB", peak < FUNCTION_MIB
    seconds = max(each.function_seconds for each in measurements)
    text = f"time: a function of {FUNCTION_MIB} MiB takes less than {TIMEOUT_SECONDS} s"
    yield f"{text}; {seconds:.0f} s, by estimate", seconds < TIMEOUT_SECONDS
    disk = max(size for each in measurements for size in each.bytes.values()) / MIB
    yield f"disk: the largest form is less than {DISK_MIB} MiB; {disk:.0f} MiB", disk < DISK_MIB
    for size in sorted({each.resources for each in measurements}):
        found = [each for each in measurements if each.resources == size]
        short, long = found[0], found[-1]
        if long.reports_before > short.reports_before:
            text = (
                f"{size:,} resources: the same calls and sizes after {HISTORY_TIMES} times the "
                f"history; CPU {long.cpu_seconds:.2f} s, before {short.cpu_seconds:.2f} s"
            )
            yield text, (long.calls, long.bytes) == (short.calls, short.bytes)


def main() -> None:
    """Measure everything that the options name, and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--forms", nargs="+", default=[DEFAULT_FORMS, ALL_FORMS])
    parser.add_argument("--latency", type=float, default=50, metavar="MILLISECONDS")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    measurements = []
    for size in options.sizes:
        for measurement in reports(size, options.latency / 1000, options.forms):
            # Large reports take long, so each is told as it ends.
            print(_title(measurement), f"{measurement.seconds:.1f} s", file=sys.stderr)
            measurements.append(measurement)
    show(measurements)
    finish(map(asdict, measurements), list(claims(measurements)), options.json)


if __name__ == "__main__":
    main()
