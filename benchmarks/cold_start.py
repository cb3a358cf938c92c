"""How long a function's cold start takes, beside bare boto3 that makes the same clients.

``python benchmarks/cold_start.py [--rounds N] [--imports] [--json FILE]`` builds the deployment
package and imports each handler from it in fresh processes, in turn with bare boto3, and prints
medians of both and of each round's ratio, and the size of the zip. ``--imports`` adds what is
imported beside boto3 and what the dearest of it costs.

As in Lambda there is nothing but the package and what the runtime brings, and the package, whose
folder Lambda lets nobody write to, has no bytecode beside what lies in the zip. Times are CPU time,
since a cold start does nothing but compute, without the interpreter's own start.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.rules import load_reference
from assay_cli.invoke import expose_runtime
from assay_constructs.code import RULES_FILE, deployment_package

# What is to be shown.
GREATEST_RATIO = 1.25
GREATEST_ZIP_BYTES = 3_000_000

# How many modules `--imports` shows of each handler.
SHOWN_IMPORTS = 12

TIMED = """
import sys, time
sys.path[:0] = {path!r}
started = time.process_time()
{statements}
print(time.process_time() - started)
"""
CLIENTS = """
for service in {services!r}:
    {client}
"""
BARE_CLIENT = 'boto3.client(service, region_name="us-east-1", config=config)'
BARE = """
import boto3
from botocore.config import Config
config = Config(retries={"mode": "adaptive", "max_attempts": 6})
"""
AWS = """
from assay.aws import Aws
aws = Aws(partition="aws", region="us-east-1", account_id="123456789012")
"""
EVALUATOR = """
import os
from assay.evaluator import handler
from assay.environment import EvaluatorEnvironment
EvaluatorEnvironment.read(os.environ)
"""
AGGREGATOR = """
import os
from assay.report_aggregator import handler
from assay.environment import AggregatorEnvironment
AggregatorEnvironment.read(os.environ)
"""
# Rules with their classes, for the functions' environment variables.
RULES = {
    "ec2-tag-compliance": "assay.rules.ec2_tag_compliance:Ec2TagCompliance",
    "s3-encryption-compliance": "assay.rules.s3_encryption_compliance:S3EncryptionCompliance",
    "rds-backup-compliance": "assay.rules.rds_backup_compliance:RdsBackupCompliance",
}


@dataclass(frozen=True)
class Case:
    """A function, and the clients that it makes in a run with nothing to tell.

    Attributes:
        statements: What imports its handler and all that the handler needs to start with.
        services: What it makes clients of.
        variables: Its environment variables.
    """

    statements: str
    services: tuple[str, ...]
    variables: Mapping[str, str]

    def handler(self) -> str:
        """Return the program of the function's cold start."""
        client = "aws.client(service)"
        return self.statements + AWS + CLIENTS.format(services=self.services, client=client)

    def bare(self) -> str:
        """Return the program that makes the same clients by boto3 alone."""
        return BARE + CLIENTS.format(services=self.services, client=BARE_CLIENT)


def cases() -> dict[str, Case]:
    """Return the functions by name."""
    tables = {
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "DYNAMODB_TABLE": "compliance-history",
        "STATE_TABLE": "compliance-state",
        "ENVIRONMENT_SUFFIX": "benchmark",
    }
    evaluators = {
        f"evaluator, {rule_name}": Case(
            EVALUATOR,
            ("dynamodb", rule_name.partition("-")[0]),
            {
                **tables,
                "RULE_NAME": rule_name,
                "RULE_CLASS": reference,
                "RULE_PARAMETERS": "{}",
                "RULE_SEVERITY": "high",
                "SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
                "HISTORY_RETENTION_DAYS": "365",
                "CONTINUATION_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
            },
        )
        for rule_name, reference in RULES.items()
    }
    aggregator = Case(
        AGGREGATOR,
        ("dynamodb", "config", "s3"),
        {
            **tables,
            "REPORTS_BUCKET": "reports",
            "RULES_FILE": RULES_FILE,
            "REPORT_FORMS": "json,html",
            "HISTORY_RETENTION_DAYS": "365",
            "CONFIG_RECORDER_NAME": "recorder",
        },
    )
    return {**evaluators, "report aggregator": aggregator}


def run(
    program: str, variables: Mapping[str, str], path: list[str], *flags: str
) -> tuple[float, str]:
    """Run a program in a fresh process; returns its CPU seconds and its standard error."""
    finished = subprocess.run(
        [sys.executable, "-I", "-S", *flags, "-c", TIMED.format(path=path, statements=program)],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if finished.returncode:
        sys.exit(finished.stderr)
    return float(finished.stdout.splitlines()[-1]), finished.stderr


def imports(report: str) -> Counter[str]:
    """Read what ``-X importtime`` wrote: microseconds that each module took by itself."""
    lines = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", report, re.MULTILINE)
    return Counter({module: int(microseconds) for microseconds, module in lines})


def show_imports(name: str, case: Case, path: list[str]) -> None:
    """Print what a handler imports that bare boto3 does not, by package and the dearest modules."""
    flags = ("-B", "-X", "importtime")
    everything, bare = (
        imports(run(program, case.variables, path, *flags)[1])
        for program in (case.handler(), case.bare())
    )
    beside = Counter({module: time for module, time in everything.items() if module not in bare})
    packages: Counter[str] = Counter()
    for module, time in beside.items():
        packages[module.partition(".")[0]] += time
    print(f"\n{name}: {sum(beside.values()) / 1000:.1f} ms for {len(beside)} modules beside boto3")
    for package, time in packages.most_common(SHOWN_IMPORTS):
        print(f"    {time / 1000:7.1f} ms  {package}, all of it")
    for module, time in beside.most_common(SHOWN_IMPORTS):
        print(f"    {time / 1000:7.1f} ms  {module}, by itself")


def main() -> None:
    """Measure every case in turn, round by round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--imports", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    functions = cases()
    reported_on = [load_reference(reference) for reference in RULES.values()]
    package = deployment_package(severities={rule: rule.severity for rule in reported_on}).path
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in functions}
    with tempfile.TemporaryDirectory() as temporary:
        task, runtime = Path(temporary) / "task", Path(temporary) / "runtime"
        with zipfile.ZipFile(package) as archive:
            archive.extractall(task)
        expose_runtime(runtime)
        path = [str(task), str(runtime)]
        for case in functions.values():
            # Leaves the runtime's bytecode and fills the operating system's caches.
            run(case.bare(), case.variables, path)
            run(case.handler(), case.variables, path, "-B")
        for _ in range(options.rounds):
            for name, case in functions.items():
                handler, _ = run(case.handler(), case.variables, path, "-B")
                bare, _ = run(case.bare(), case.variables, path, "-B")
                samples[name].append((handler, bare))
        medians = {
            name: [
                statistics.median(column)
                for column in zip(*((*pair, pair[0] / pair[1]) for pair in each), strict=True)
            ]
            for name, each in samples.items()
        }
        print(f"{'medians of ' + str(options.rounds):36}  handler ms  boto3 ms  ratio")
        for name, (handler, bare, ratio) in medians.items():
            print(f"{name:36}  {handler * 1000:10.0f}  {bare * 1000:8.0f}  {ratio:5.2f}")
        if options.imports:
            for name, case in functions.items():
                show_imports(name, case, path)
    greatest = max(ratio for _, _, ratio in medians.values())
    size = package.stat().st_size
    shown = {
        f"at most {GREATEST_RATIO} times bare boto3; {greatest:.2f}": greatest <= GREATEST_RATIO,
        f"a zip of at most {GREATEST_ZIP_BYTES:,} bytes; {size:,}": size <= GREATEST_ZIP_BYTES,
    }
    print("\nShown")
    for text, holds in shown.items():
        print(f"    {'yes' if holds else 'NO '}  {text}")
    if options.json:
        result = {
            "functions": {
                name: {"seconds": handler, "bare_seconds": bare, "ratio": ratio}
                for name, (handler, bare, ratio) in medians.items()
            },
            "zip_bytes": size,
            "shown": [{"claim": text, "holds": holds} for text, holds in shown.items()],
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
