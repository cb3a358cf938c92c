"""How long a synth takes and how much memory, in whole processes that run in turn.

``python benchmarks/synth.py [--rounds N] [--json FILE]`` prints medians and ratios. Compared are
Assay's own ``dev`` stack with the bindings as generated (stock), with the Python half lazy, and
with both halves lazy; the floor, which is ``cdktf`` without any provider; and a small stack with
CDKTF and, where ``cdktn`` and ``cdktn-provider-aws`` are installed, with CDK Terrain. Stock has
nothing of what makes Assay's synths fast: jsii waits for each load, and Python ends as it always
does.

Memory is the peak resident set of the largest process, as the operating system counts it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

FLOOR = """
import assay_constructs
from cdktf import App, TerraformOutput, TerraformStack
app = App()
TerraformOutput(TerraformStack(app, "floor"), "output", value="value")
app.synth()
"""
STOCK = """
import main, sys
sys.exit(main.main())
"""
SMALL = """
import assay_constructs
from assay_constructs.loads_ahead import load_ahead
load_ahead()
from {core} import App, TerraformStack
from {provider}.dynamodb_table import DynamodbTable, DynamodbTableAttribute
from {provider}.provider import AwsProvider
from {provider}.s3_bucket import S3Bucket
from {provider}.sns_topic import SnsTopic
from {provider}.sqs_queue import SqsQueue
app = App()
stack = TerraformStack(app, "small")
AwsProvider(stack, "aws", region="us-east-1")
for number in range(3):
    S3Bucket(stack, f"bucket{{number}}")
    SnsTopic(stack, f"topic{{number}}")
    SqsQueue(stack, f"queue{{number}}")
DynamodbTable(stack, "table", name="table", billing_mode="PAY_PER_REQUEST", hash_key="id",
              attribute=[DynamodbTableAttribute(name="id", type="S")])
app.synth()
"""


def cases() -> dict[str, tuple[list[str], str]]:
    """Programs by name, each with its value of ``ASSAY_LAZY_BINDINGS``."""
    dev = ["main.py"]
    small = ["-c", SMALL.format(core="cdktf", provider="cdktf_cdktf_provider_aws")]
    found = {
        "floor": (["-c", FLOOR], ""),
        "dev, stock": (["-c", STOCK], "0"),
        "dev, Python lazy": (dev, "python"),
        "dev, both lazy": (dev, ""),
        "small, stock": (small, "0"),
        "small, both lazy": (small, ""),
    }
    if find_spec("cdktn") and find_spec("cdktn_provider_aws"):
        terrain = ["-c", SMALL.format(core="cdktn", provider="cdktn_provider_aws")]
        found["small, CDK Terrain"] = (terrain, "0")
        found["small, CDK Terrain lazy"] = (terrain, "")
    return found


def measure(arguments: list[str], switch: str, folder: Path) -> tuple[float, float]:
    """Run one process; returns seconds and MiB."""
    environment = {
        **os.environ,
        "ASSAY_ENVIRONMENTS": str(folder / "environments"),
        "ASSAY_LAZY_BINDINGS": switch,
        "CDKTF_OUTDIR": str(folder / "out"),
    }
    for name in ("ENVIRONMENT_SUFFIX", "NODE_OPTIONS", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], cwd=PROJECT, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"{arguments} failed")
    kibibytes = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    return seconds, kibibytes / 1024


def main() -> None:
    """Measure every case in turn, round by round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    programs = cases()
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "environments").mkdir()
        settings = (PROJECT / "environments" / "dev.yaml").read_text(encoding="utf-8")
        (folder / "environments" / "dev.yaml").write_text(settings, encoding="utf-8")
        for round_number in range(options.rounds + 1):
            for name, (arguments, switch) in programs.items():
                sample = measure(arguments, switch, folder)
                # The first round fills caches of bytecode and unpacked packages.
                if round_number:
                    samples[name].append(sample)
    seconds = {name: statistics.median(s for s, _ in each) for name, each in samples.items()}
    memory = {name: statistics.median(m for _, m in each) for name, each in samples.items()}
    print(f"{'median of ' + str(options.rounds):24}  seconds  of floor  of stock      MiB")
    for name in programs:
        stock = seconds["dev, stock" if name.startswith("dev") else "small, stock"]
        print(
            f"{name:24}  {seconds[name]:7.2f}  {seconds[name] / seconds['floor']:8.2f}"
            f"  {seconds[name] / stock:8.3f}  {memory[name]:7.0f}"
        )
    if options.json:
        result = {name: {"seconds": seconds[name], "mib": memory[name]} for name in programs}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
