"""The demonstration deploys, judges, destroys, and leaves nothing behind."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest
from jsonschema import Draft202012Validator, validate

from assay import forms
from assay_cli.demo import Demo, DemoError
from assay_cli.display import Display
from assay_cli.outputs import REQUIRED_OUTPUTS
from assay_cli.report_file import read

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "report-1.json"
ASSAY = str(Path(sys.executable).with_name("assay"))

# An app whose stack needs seconds: one function that stands for all, whose every run has one
# continuation, and a report of few verdicts that tells how many of those were run.
SMALL_APP = '''
import json, os, sys, zipfile
from pathlib import Path

import yaml

settings = yaml.safe_load(Path(os.environ["ASSAY_ENVIRONMENTS"], "demo.yaml").read_text())
stack = Path(os.environ["CDKTF_OUTDIR"], "stacks", "assay-demo")
stack.mkdir(parents=True)
with zipfile.ZipFile(stack / "code.zip", "w") as code:
    code.writestr("function.py", """
import json, os, time
import boto3

def handler(event, context):
    print("working", flush=True)
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    written = {"report_bucket": "small-reports", "report_key": "report.json",
               "report_keys": {"json": "report.json", "markdown": "report.md"}}
    if "Records" in event:
        done = "done/" + event["Records"][0]["messageId"]
        s3.put_object(Bucket=written["report_bucket"], Key=done, Body=b"")
        return written | {"continued": False}
    time.sleep(1)
    queue_url = os.environ["CONTINUATION_QUEUE_URL"]
    sqs.create_queue(QueueName=queue_url.rpartition("/")[2])
    sqs.send_message(QueueUrl=queue_url, MessageBody="{}")
    done = s3.list_objects_v2(Bucket=written["report_bucket"], Prefix="done/")["KeyCount"]
    counts = {"resources": 0, "compliant": 0, "non_compliant": done, "not_applicable": 0,
              "score": None}
    rule = {"rule_name": "s3-encryption-compliance", "requirement": "Small.", "severity": "high",
            "last_run": None, **counts}
    violation = {"rule_name": "s3-encryption-compliance", "resource_type": "AWS::S3::Bucket",
                 "compliance_type": "NON_COMPLIANT", "annotation": "Small.", "severity": "high",
                 "since": event["time"], "evaluated_at": event["time"]}
    resources = [{"resource_id": "arn:aws:s3:::sample-" + name, "config_resource_id": name,
                  "waived": name == "vault", **violation} for name in ("archive", "vault")]
    report = {"schema_version": "1.2", "generated_at": event["time"], "account_id": "123456789012",
              "region": "us-east-1", "environment_suffix": "small", "history_table": "small",
              "rules": [rule], "resources": resources, "summary": counts}
    s3.put_object(
        Bucket=written["report_bucket"], Key=written["report_key"], Body=json.dumps(report).encode()
    )
    s3.put_object(Bucket=written["report_bucket"], Key="report.md", Body=b"small")
    return written | {"continued": True}
""")
names = dict.fromkeys(json.loads(os.environ["SMALL_APP_OUTPUTS"]), "small")
(stack / "cdk.tf.json").write_text(json.dumps({
    "terraform": {"required_providers": {
        "aws": {"source": "hashicorp/aws", "version": settings["provider_version"]}
    }},
    "provider": {"aws": {
        "region": settings["region"], "skip_credentials_validation": True,
        "s3_use_path_style": True, "max_retries": 3,
    }},
    "resource": {
        "aws_iam_role": {"small": {"name": "small", "assume_role_policy": json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                           "Principal": {"Service": "lambda.amazonaws.com"}}],
        })}},
        "aws_s3_bucket": {"small": {"bucket": "small-reports", "force_destroy": True}},
        "aws_lambda_function": {"small": {
            "function_name": "small", "role": "${aws_iam_role.small.arn}", "runtime": "python3.13",
            "handler": "function.handler", "filename": "code.zip", "timeout": 60,
            "environment": {"variables": {
                "CONTINUATION_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/small"
            }},
        }},
    },
    "output": {name: {"value": value} for name, value in names.items()},
}))
'''


@pytest.fixture
def small_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command that runs the demonstration with the small app."""
    project = tmp_path / "small"
    project.mkdir()
    (project / "main.py").write_text(SMALL_APP)
    monkeypatch.setenv("SMALL_APP_OUTPUTS", json.dumps(REQUIRED_OUTPUTS))
    return [ASSAY, "demo", "--project", str(project)]


MAXIMUM_SECONDS = 300


@contextmanager
def started(command: list[str], folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a demonstration that is going to be interrupted.

    It is not measured: where a signal's exception hits coverage's tracer while that holds its
    lock, the process waits for the lock for ever.
    """
    measuring = "COVERAGE_PROCESS_CONFIG"
    environment = {name: value for name, value in os.environ.items() if name != measuring}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as process:
        # One that does not end fails its test instead of holding up all of them.
        watchdog = Timer(MAXIMUM_SECONDS, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """Read lines up to the one that begins with the text, and return them."""
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if line.startswith(text):
            return read
    pytest.fail(f"no line begins with {text!r}:\n{read}")


def test_every_verdict_is_demanded_and_nothing_is_left(
    run_assay: Callable[..., "subprocess.CompletedProcess[str]"],
    left_processes: Callable[[], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of another deployment: the demonstration's names are its own.
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "elsewhere")
    done = run_assay("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every verdict is the one that the sample data demands\n" in done.stdout
    assert "Everything is destroyed\n" in done.stdout
    assert "Warning" not in done.stderr
    assert left_processes() == []
    work = tmp_path / ".assay" / "demo"
    written = json.loads((work / "cfn-outputs" / "flat-outputs.json").read_text())
    assert set(written) == set(REQUIRED_OUTPUTS)
    suffixes = [forms.load(name).suffix for name in forms.NAMES]
    reports = {file.name: file for file in (work / "reports").iterdir()}
    assert set(reports) == {f"compliance-report{suffix}" for suffix in suffixes}
    for file in reports.values():
        assert f"\n  .assay/demo/reports/{file.name}\n" in done.stdout
    record = reports["compliance-report.json"].read_bytes()
    validate(json.loads(record), json.loads(SCHEMA.read_text()), cls=Draft202012Validator)
    made = read(record, "report")
    assert made.environment_suffix == "demo"
    violations = [each for each in made.resources if each.compliance_type == "NON_COMPLIANT"]
    assert (made.summary.non_compliant, made.summary.waived) == (9, 2)
    assert len(violations) == 11
    for each in violations:
        assert f" {each.resource_id} " in done.stdout
    assert (made.changes.new, made.changes.resolved, made.changes.still_open) == (1, 1, 8)
    assert len(made.trend) == 3
    assert {rule.status for rule in made.rules} == {"reporting"}
    assert sorted(problem.kind for problem in made.problems) == [
        *("waiver_expired", "waiver_expiring", "waiver_unused"),
    ]
    (state,) = work.glob("*.tfstate")
    assert json.loads(state.read_text())["resources"] == []


def test_verdicts_that_are_not_demanded_fail_and_are_listed(
    small_demo: list[str], tmp_path: Path, left_processes: Callable[[], list[str]]
) -> None:
    done = subprocess.run(
        small_demo, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1, done.stderr
    assert "NOT what the sample data demands:\n" in done.stdout
    assert (
        "  s3-encryption-compliance on arn:aws:s3:::sample-vault: "
        "expected COMPLIANT, got NON_COMPLIANT\n"
    ) in done.stdout
    # Each of the three evaluators has been followed in each of the four rounds.
    assert "| s3-encryption-compliance | high     | unknown | none judged | 12 " in done.stdout
    assert "  waiver for arn:aws:s3:::sample-scratch: expected active, got none\n" in done.stdout
    assert "  arn:aws:s3:::sample-scratch: expected to be waived\n" in done.stdout
    assert "  arn:aws:s3:::sample-vault: expected to be not waived\n" in done.stdout
    # One violation is open, from the first round on.
    assert "  alerts: expected 1, got 0\n" in done.stdout
    assert (tmp_path / ".assay" / "demo" / "reports" / "compliance-report.md").exists()
    assert "Everything is destroyed\n" in done.stdout
    assert left_processes() == []


def test_kept_demonstration_can_be_reached_and_stopped_and_others_run_beside_it(
    small_demo: list[str],
    tmp_path: Path,
    left_processes: Callable[[], list[str]],
) -> None:
    kept = subprocess.run(
        [*small_demo, "--keep"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert kept.returncode == 1, kept.stderr
    assert "Everything is destroyed" not in kept.stdout
    lines = [line.strip() for line in kept.stdout.splitlines()]
    exports = dict(
        line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export ")
    )
    environment = os.environ | exports
    invoked = subprocess.run(
        [
            *(ASSAY, "invoke", "ec2-tag-compliance", "--json"),
            *("--outputs", ".assay/demo/cfn-outputs/flat-outputs.json"),
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(invoked.stdout)["report_bucket"] == "small-reports"
    with started(small_demo, tmp_path) as second:
        read_until(second, "terraform apply")
        second.send_signal(signal.SIGTERM)
        assert second.wait() == 143
    assert (tmp_path / ".assay" / "demo-2" / "cdktf.out").is_dir()
    assert len(left_processes()) == 1
    (stop,) = [line for line in lines if line.startswith("kill ")]
    subprocess.run(["sh", "-c", stop], check=True)
    assert left_processes() == []
    with started(small_demo, tmp_path) as third:
        read_until(third, "Starting the embedded AWS")
        third.send_signal(signal.SIGINT)
        assert third.wait() == 130
    # The folder is free again, so the kept outputs have made place.
    assert not (tmp_path / ".assay" / "demo" / "cfn-outputs").exists()


@pytest.mark.parametrize(
    ("moment", "number", "delay"),
    [
        ("Starting the embedded AWS", signal.SIGINT, 0),
        ("Starting the embedded AWS", signal.SIGINT, 1),
        ("Embedded AWS at ", signal.SIGHUP, 0),
        ("terraform init", signal.SIGINT, 0.5),
        ("terraform apply", signal.SIGTERM, 0),
        ("terraform apply", signal.SIGINT, 2),
        ("  created ", signal.SIGINT, 0),
        ("Invoking small, ", signal.SIGINT, 1),
        ("terraform destroy", signal.SIGINT, 0.3),
    ],
)
def test_signal_at_any_moment_leaves_no_process_and_no_traceback(
    small_demo: list[str],
    left_processes: Callable[[], list[str]],
    moment: str,
    number: signal.Signals,
    delay: float,
) -> None:
    with started(small_demo, Path(small_demo[-1])) as demo:
        read_until(demo, moment)
        time.sleep(delay)
        demo.send_signal(number)
        assert demo.stdout is not None
        rest = demo.stdout.read()
        assert demo.wait() == 128 + number
    assert "Traceback" not in rest
    assert left_processes() == []


def test_signal_while_the_app_is_synthesized_ends_its_node_too(
    tmp_path: Path,
    running_processes: Callable[[], list[str]],
    left_processes: Callable[[], list[str]],
) -> None:
    with started([ASSAY, "demo"], tmp_path) as demo:
        deadline = time.monotonic() + 60
        while not any("jsii" in command for command in running_processes()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        demo.send_signal(signal.SIGINT)
        assert demo.stdout is not None
        assert demo.stdout.read().endswith("ended by SIGINT\n")
        assert demo.wait() == 130
    assert left_processes() == []


def test_app_that_fails_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import sys\nsys.exit('settings are wrong')\n")
    with pytest.raises(DemoError, match=r"exit code 1:\nsettings are wrong"):
        Demo(Display(), project=tmp_path, parent=tmp_path / "work").run()


def test_folder_in_use_is_left_alone_and_a_free_one_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import sys\nsys.exit('settings are wrong')\n")
    work = tmp_path / "work"
    for number in ("", "-2"):
        (work / f"demo{number}" / "old").mkdir(parents=True)
        (work / f"demo{number}" / "report.json").write_text("{}", encoding="utf-8")
    with (work / "demo" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DemoError, match="settings are wrong"):
            Demo(Display(), project=tmp_path, parent=work).run()
    assert {entry.name for entry in (work / "demo").iterdir()} == {"lock", "old", "report.json"}
    assert not {"old", "report.json"} & {entry.name for entry in (work / "demo-2").iterdir()}


def test_folder_without_the_app_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=f"no main.py in {tmp_path}"):
        Demo(Display(), project=tmp_path, parent=tmp_path / "work").run()
    assert not (tmp_path / "work").exists()


def test_deployment_that_lacks_an_output_is_an_error(
    small_demo: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALL_APP_OUTPUTS", json.dumps(REQUIRED_OUTPUTS[1:]))
    with pytest.raises(DemoError, match="lacks outputs: config_recorder_name"):
        Demo(Display(), project=Path(small_demo[-1]), parent=tmp_path / "work").run()
