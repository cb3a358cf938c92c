"""What a sweep costs: time, CPU, memory, and calls beside the fewest that the APIs allow.

``python benchmarks/sweep.py [--sizes N ...] [--moto-sizes N ...] [--rules NAME ...]
[--latency MILLISECONDS] [--json FILE]`` runs the real handler, each sweep in a process of its own,
against a stand-in for AWS whose answers wait for a set latency, and against a moto server. For each
rule and number of resources there are three sweeps: the first, where every verdict is new; a steady
one, where nothing has changed; and one after a hundredth has changed. Two further steady sweeps,
up to 10,000 resources, find an empty history and one of ten sweeps.

A naive sweep makes one call after another and one write for each item. It runs at the smallest
size; for the others its figures are scaled by the number of resources.

Everything takes about an hour. moto answers in its own time, which is most of what a sweep takes
there, and loses buckets behind the first page of 10,000; hence its smaller sizes.
"""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from sweeps import processes
from sweeps.processes import calls_text, finish, print_table
from sweeps.resources import (
    ACCOUNT,
    BUCKET_PAGE,
    DATABASE_PAGE,
    INSTANCE_PAGE,
    REGION,
    RULES,
    Resources,
)
from sweeps.stand_in import StandIn
from sweeps.tables import BATCH_ITEMS, TRANSACTION_ITEMS

STAND_IN = "stand-in"
HISTORY_SWEEPS = 10
GREATEST_FOR_HISTORY = 10_000

# What is to be shown.
CALLS_RATIO = 1.05
PEAK_MIB = 256
SECONDS = {("s3-encryption-compliance", 10_000): 60, ("ec2-tag-compliance", 100_000): 300}

LISTINGS = {
    "ec2-tag-compliance": ("ec2:DescribeInstances", INSTANCE_PAGE),
    "s3-encryption-compliance": ("s3:ListBuckets", BUCKET_PAGE),
    "rds-backup-compliance": ("rds:DescribeDBInstances", DATABASE_PAGE),
}
RULE_CLASSES = {
    "ec2-tag-compliance": "assay.rules.ec2_tag_compliance:Ec2TagCompliance",
    "s3-encryption-compliance": "assay.rules.s3_encryption_compliance:S3EncryptionCompliance",
    "rds-backup-compliance": "assay.rules.rds_backup_compliance:RdsBackupCompliance",
}
COLUMNS = [
    *("against", "rule", "sweep", "resources", "invocations", "seconds", "CPU s", "MiB"),
    *("calls", "fewest", "ratio"),
]
# How many columns are words.
WORDS = 3


class Server(Protocol):
    """What stands for AWS.

    Attributes:
        resources: What it has.
        calls: How often each operation was asked for.
        endpoint_url: Where it listens, while it is used as a context.
    """

    resources: Resources
    calls: Counter[str]
    endpoint_url: str

    def serving(self) -> AbstractContextManager[None]:
        """Serve on a free port of the loopback interface."""
        ...

    def change(self) -> None:
        """Let one resource in a hundred change."""
        ...

    def state_pages(self, rule_name: str) -> int:
        """Count the pages of a Query of a rule's state."""
        ...

    def fill_history(self, sweeps: int) -> None:
        """Let history hold nothing but what the latest sweep wrote, as many times over."""
        ...


@dataclass(frozen=True)
class Measurement:
    """One sweep and what it cost.

    Attributes:
        server: Against what it ran.
        rule_name: The rule.
        resources: How many there were.
        sweep: Which of the sweeps it is.
        seconds: By the clock.
        cpu_seconds: Of the process that swept.
        peak_mib: The greatest resident set of that process.
        invocations: How many invocations it took.
        calls: By operation.
        minimum: The fewest calls by operation; none for a naive sweep.
        scaled: Whether it was calculated from a smaller sweep.
    """

    server: str
    rule_name: str
    resources: int
    sweep: str
    seconds: float
    cpu_seconds: float
    peak_mib: float
    invocations: int
    calls: dict[str, int]
    minimum: dict[str, int]
    scaled: bool = False

    @property
    def ratio(self) -> float:
        """How many calls there were for each that had to be."""
        return sum(self.calls.values()) / sum(self.minimum.values())


def fewest_calls(
    rule_name: str, resources: int, *, state_pages: int, transitions: int, alerts: int
) -> dict[str, int]:
    """Return the fewest calls that the APIs allow for a sweep.

    All pages are full. State is read in pages of 1 MB. History is written in batches of 25 and
    transitions in transactions of 100, as are the marks of alerts that were sent; a single item
    needs no transaction. There is one summary, and one message where there is anything to tell.
    """
    operation, page = LISTINGS[rule_name]
    calls = Counter({operation: math.ceil(resources / page)})
    if rule_name == "s3-encryption-compliance":
        calls["s3:GetBucketEncryption"] = resources
    calls["dynamodb:Query"] = state_pages
    calls["dynamodb:BatchWriteItem"] = math.ceil(resources / BATCH_ITEMS)
    calls["dynamodb:PutItem"] = 1
    if alerts:
        calls["sns:Publish"] = 1
    for written, alone in ((transitions, "PutItem"), (alerts, "UpdateItem")):
        if written == 1:
            calls[f"dynamodb:{alone}"] += 1
        elif written:
            calls["dynamodb:TransactWriteItems"] += math.ceil(written / TRANSACTION_ITEMS)
    return dict(calls)


def run_child(server: Server, rule_name: str, kind: str, day: int) -> dict[str, Any]:
    """Sweep once in a process of its own; returns what it cost and the run's summary."""
    variables = {
        "AWS_LAMBDA_FUNCTION_NAME": "compliance-evaluator",
        "RULE_CLASS": RULE_CLASSES[rule_name],
        "RULE_NAME": rule_name,
        "RULE_PARAMETERS": "{}",
        "RULE_SEVERITY": "high",
        "SNS_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts",
        "CONTINUATION_QUEUE_URL": f"{server.endpoint_url}/{ACCOUNT}/continuations",
    }
    return processes.run_child(server, kind, f"2026-11-{day:02}T06:00:00Z", variables)


def sweeps(server: Server, name: str, rule_name: str) -> Iterator[Measurement]:
    """Measure the sweeps of one rule's resources, one after another."""
    count, changes = server.resources.count, server.resources.changes()
    violations = server.resources.violations()

    def measure(sweep: str, day: int, transitions: int, alerts: int) -> Measurement:
        minimum = fewest_calls(
            rule_name,
            count,
            state_pages=server.state_pages(rule_name),
            transitions=transitions,
            alerts=alerts,
        )
        measured = run_child(server, rule_name, "engine", day)
        summary = measured.pop("summary")
        if (summary["resources"], summary["transitions"]) != (count, transitions):
            sys.exit(f"{count} resources, {transitions} transitions wanted, got {summary}")
        invocations = summary["segments"]
        return Measurement(
            name, rule_name, count, sweep, minimum=minimum, invocations=invocations, **measured
        )

    yield measure("first", 1, count, violations)
    yield measure("steady", 2, 0, 0)
    server.change()
    yield measure("1 % changed", 3, changes, changes)
    if count <= GREATEST_FOR_HISTORY:
        server.fill_history(HISTORY_SWEEPS)
        yield measure(f"history of {HISTORY_SWEEPS}", 4, 0, 0)
        server.fill_history(0)
        yield measure("no history", 5, 0, 0)


def naive(rule_name: str, sizes: Sequence[int], latency: float) -> Iterator[Measurement]:
    """Measure a naive sweep of the stand-in at the smallest size, and scale it to the others."""
    server = StandIn(Resources(sizes[0]), latency)
    with server.serving():
        measured = run_child(server, rule_name, "naive", 1)
    del measured["summary"]
    found = Measurement(
        STAND_IN, rule_name, sizes[0], "naive", minimum={}, invocations=1, **measured
    )
    yield found
    for size in sizes[1:]:
        factor = size / sizes[0]
        yield replace(
            found,
            resources=size,
            seconds=found.seconds * factor,
            cpu_seconds=found.cpu_seconds * factor,
            calls={operation: round(calls * factor) for operation, calls in found.calls.items()},
            scaled=True,
        )


def _title(each: Measurement) -> str:
    scaled = ", scaled" if each.scaled else ""
    return f"{each.server}, {each.rule_name}, {each.resources:,} resources, {each.sweep}{scaled}:"


def _row(each: Measurement) -> list[str]:
    return [
        each.server,
        each.rule_name,
        each.sweep + (", scaled" if each.scaled else ""),
        f"{each.resources:,}",
        str(each.invocations),
        f"{each.seconds:,.1f}",
        f"{each.cpu_seconds:,.1f}",
        "" if each.scaled else f"{each.peak_mib:.0f}",
        f"{sum(each.calls.values()):,}",
        f"{sum(each.minimum.values()):,}" if each.minimum else "",
        f"{each.ratio:.3f}" if each.minimum else "",
    ]


def show(measurements: Sequence[Measurement]) -> None:
    """Print a line for each sweep, and the calls of each by operation."""
    print_table([COLUMNS, *map(_row, measurements)], WORDS)
    print("\nCalls by operation, made/fewest")
    for each in measurements:
        print(_title(each), calls_text(each.calls, each.minimum))


def claims(measurements: Sequence[Measurement]) -> Iterator[tuple[str, bool]]:
    """Yield what was to be shown with what was found, and whether it holds."""
    engine = [each for each in measurements if each.sweep != "naive"]
    ratio = max(each.ratio for each in engine)
    yield f"calls: at most {CALLS_RATIO} of the fewest; {ratio:.3f}", ratio <= CALLS_RATIO
    peak = max(each.peak_mib for each in engine)
    yield f"memory: under {PEAK_MIB} MiB; {peak:.0f} MiB", peak < PEAK_MIB
    for (rule_name, size), limit in SECONDS.items():
        found = [
            each.seconds
            for each in engine
            if (each.server, each.rule_name, each.resources) == (STAND_IN, rule_name, size)
        ]
        if found:
            text = f"{rule_name}, {size:,} resources: under {limit} s; {max(found):.1f} s"
            yield text, max(found) < limit
    pairs: dict[tuple[str, str, int], list[Measurement]] = {}
    for each in engine:
        if "history" in each.sweep:
            pairs.setdefault((each.server, each.rule_name, each.resources), []).append(each)
    for (server, rule_name, size), (long, none) in pairs.items():
        text = (
            f"{server}, {rule_name}, {size:,} resources: the same calls whatever history holds; "
            f"CPU {long.cpu_seconds:.2f} s with {HISTORY_SWEEPS} sweeps, {none.cpu_seconds:.2f} s "
            "with none"
        )
        yield text, long.calls == none.calls


def measured(options: argparse.Namespace) -> Iterator[Measurement]:
    """Measure everything that the options name."""
    sizes, latency = sorted(options.sizes), options.latency / 1000
    for rule_name in options.rules:
        for size in sizes:
            stand_in = StandIn(Resources(size), latency)
            with stand_in.serving():
                yield from sweeps(stand_in, STAND_IN, rule_name)
        if sizes:
            yield from naive(rule_name, sizes, latency)
        for size in sorted(options.moto_sizes):
            # Only here, because importing moto takes longer than a small sweep.
            from sweeps.moto_server import MotoServer  # noqa: PLC0415

            moto = MotoServer(Resources(size), rule_name)
            with moto.serving():
                yield from sweeps(moto, "moto", rule_name)


def main() -> None:
    """Measure everything that the options name, and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--moto-sizes", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--rules", nargs="+", choices=RULES, default=RULES)
    parser.add_argument("--latency", type=float, default=50, metavar="MILLISECONDS")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    measurements = []
    for measurement in measured(options):
        # Everything takes long, so each sweep is told as it ends.
        print(_title(measurement), f"{measurement.seconds:.1f} s", file=sys.stderr)
        measurements.append(measurement)
    show(measurements)
    finish(map(asdict, measurements), list(claims(measurements)), options.json)


if __name__ == "__main__":
    main()
