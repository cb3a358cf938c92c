"""Running a handler in a process of its own, and showing what that cost."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sweeps.resources import REGION

CHILD = Path(__file__).with_name("child.py")
# The deployed functions' own.
TIMEOUT_SECONDS = 300


class Counting(Protocol):
    """What stands for AWS, as far as a process needs it.

    Attributes:
        calls: How often each operation was asked for.
        endpoint_url: Where it listens.
    """

    calls: Counter[str]
    endpoint_url: str


def run_child(
    server: Counting, kind: str, event_time: str, variables: Mapping[str, str]
) -> dict[str, Any]:
    """Sweep or report once in a process of its own.

    Returns what it cost, its calls by operation, and as its summary what the handler returned.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }
    environment |= {
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": server.endpoint_url,
        "DYNAMODB_TABLE": "compliance-history",
        "STATE_TABLE": "compliance-state",
        "HISTORY_RETENTION_DAYS": "365",
        "ENVIRONMENT_SUFFIX": "benchmark",
        **variables,
    }
    server.calls.clear()
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        # -P: the folder of this file's parts is nothing that a function could import from.
        arguments = (kind, event_time, str(TIMEOUT_SECONDS), str(result))
        command = [sys.executable, "-P", str(CHILD), *arguments]
        finished = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=False
        )
        if finished.returncode:
            sys.exit(f"{finished.stdout[-4000:]}\n{kind} of {event_time} failed")
        measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return {**measured, "calls": dict(server.calls)}


def print_table(rows: Sequence[Sequence[str]], words: int) -> None:
    """Print a table.

    Args:
        rows: Its rows, the headings first.
        words: How many columns at its left are words and not numbers.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        # Words on the left of their column, numbers on its right.
        cells = (
            f"{cell:<{width}}" if number < words else f"{cell:>{width}}"
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def calls_text(calls: Mapping[str, int], minimum: Mapping[str, int]) -> str:
    """Return the calls by operation, each beside the fewest where there is any minimum."""
    return ", ".join(
        f"{operation.partition(':')[2]} {calls.get(operation, 0):,}"
        + (f"/{minimum.get(operation, 0):,}" if minimum else "")
        for operation in sorted({*calls, *minimum})
    )


def finish(
    measurements: Iterable[Mapping[str, Any]],
    claims: Sequence[tuple[str, bool]],
    file: Path | None,
) -> None:
    """Print what was to be shown and whether it holds, and write all of it as JSON to a file."""
    print("\nShown")
    for text, holds in claims:
        print(f"    {'yes' if holds else 'NO '}  {text}")
    if file:
        result = {
            "measurements": list(measurements),
            "shown": [{"claim": text, "holds": holds} for text, holds in claims],
        }
        file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
