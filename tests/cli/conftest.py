"""What the tests of the command line share."""

import io
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from assay.report import Report
from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.report_file import read

REPORTS = Path(__file__).parents[1] / "reports"

RunningProcesses = Callable[[], list[str]]
DeployFunction = Callable[..., str]

# Its runs have as many segments as the event says, and may break in one of them.
SWEEPER = """
import json, os
import boto3

def handler(event, context):
    work = json.loads(event["Records"][0]["body"]) if "Records" in event else event
    segment = work.get("segment", 1)
    print("segment", segment, "of", work["run"])
    if segment == work.get("broken"):
        raise ValueError("cannot go on")
    continued = segment < work["last"]
    if continued:
        body = work | {"kind": "assay-continuation", "segment": segment + 1}
        boto3.client("sqs").send_message(
            QueueUrl=os.environ["CONTINUATION_QUEUE_URL"], MessageBody=json.dumps(body)
        )
    return {"run_id": work["run"], "segments": segment, "continued": continued}
"""


@pytest.fixture(scope="session", autouse=True)
def _no_aws_of_the_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """An embedded AWS for all tests."""
    with EmbeddedAws() as started:
        yield started


@pytest.fixture
def exported_aws(aws: EmbeddedAws) -> Iterator[EmbeddedAws]:
    """The embedded AWS, as if a user had exported its variables."""
    with aws.exported():
        yield aws


@pytest.fixture
def session(exported_aws: EmbeddedAws) -> boto3.Session:
    """A session in the embedded AWS."""
    assert exported_aws.endpoint
    return boto3.Session()


@pytest.fixture
def deploy_function(session: boto3.Session) -> Iterator[DeployFunction]:
    """Deploys a Lambda function whose module `function` has the given source."""
    client = session.client("lambda")
    role = "arn:aws:iam::123456789012:role/anything"
    session.client("iam").create_role(RoleName="anything", AssumeRolePolicyDocument="{}")
    names: list[str] = []

    def deploy(source: str, **settings: object) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as code:
            code.writestr("function.py", source)
        parameters: dict[str, object] = {
            "FunctionName": f"function-{len(names)}",
            "Runtime": "python3.13",
            "Role": role,
            "Handler": "function.handler",
            "Code": {"ZipFile": archive.getvalue()},
            "Timeout": 30,
            **settings,
        }
        function = client.create_function(**parameters)  # type: ignore[arg-type]
        names.append(function["FunctionName"])
        return function["FunctionName"]

    yield deploy
    for name in names:
        client.delete_function(FunctionName=name)
    session.client("iam").delete_role(RoleName="anything")


@dataclass(frozen=True)
class Sweeper:
    """A deployed function whose runs have several segments, with its queue."""

    name: str
    arn: str
    queue_url: str
    queue_arn: str


@pytest.fixture
def sweeper(session: boto3.Session, deploy_function: DeployFunction) -> Iterator[Sweeper]:
    """Deploys such a function."""
    sqs = session.client("sqs")
    queue_url = sqs.create_queue(QueueName="sweeper-continuations")["QueueUrl"]
    name = deploy_function(
        SWEEPER,
        FunctionName="sweeper",
        Environment={"Variables": {"CONTINUATION_QUEUE_URL": queue_url}},
    )
    yield Sweeper(
        name,
        f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        queue_url,
        "arn:aws:sqs:us-east-1:123456789012:sweeper-continuations",
    )
    sqs.delete_queue(QueueUrl=queue_url)


@pytest.fixture
def running_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningProcesses]:
    """Lists the command lines of what this test has started, children's children included.

    All of it inherits a variable, or names the test's folder for temporary files in its arguments.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    mark = str(temporary).encode()

    def running() -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                if mark in command or mark in (process / "environ").read_bytes():
                    found.append(command.replace(b"\0", b" ").decode())
            except OSError:
                # It has ended, or is not ours.
                continue
        return found

    # This process's own environment is read from /proc as it was when it started, without the mark.
    assert running() == []
    yield running
    assert left_of(running) == []


def left_of(running: RunningProcesses) -> list[str]:
    """What still runs after a minute: the kernel ends a killed group soon, not at once."""
    deadline = time.monotonic() + 60
    while running() and time.monotonic() < deadline:
        time.sleep(0.05)
    return running()


@pytest.fixture
def left_processes(running_processes: RunningProcesses) -> RunningProcesses:
    """Lists the command lines of what this test has started and has not seen end."""
    return lambda: left_of(running_processes)


@pytest.fixture
def run_assay(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs the command line as a user does, in the test's folder."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [Path(sys.executable).with_name("assay"), *arguments],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


@pytest.fixture
def full() -> Report:
    """A report that has everything that a report can have."""
    return read((REPORTS / "report-1.2.json").read_bytes(), "full")


@pytest.fixture
def old() -> Callable[[str], Report]:
    """Gives a report of an older version."""
    return lambda version: read((REPORTS / f"report-{version}.json").read_bytes(), version)


@pytest.fixture
def report_file() -> Path:
    """The full report as a file."""
    return REPORTS / "report-1.2.json"
