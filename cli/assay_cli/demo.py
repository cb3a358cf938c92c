"""The demonstration: the whole system deployed to an embedded AWS, run once, and destroyed."""

import fcntl
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml

from assay.rule import ComplianceType
from assay_cli import outputs, processes, report, samples
from assay_cli.continuations import follow
from assay_cli.display import Display
from assay_cli.embedded_aws import ACCOUNT_ID, REGION, EmbeddedAws
from assay_cli.errors import AssayError
from assay_cli.invoke import Invocation, invoke, scheduled_event
from assay_cli.terraform import Provider, Terraform, choose_provider, find_terraform

PROJECT = Path(__file__).resolve().parents[2]

# The settings file's name is the environment's.
_ENVIRONMENT = "demo"
_STACK = f"assay-{_ENVIRONMENT}"
_QUEUE = "sample-alerts"
_AGGREGATOR_OUTPUT = "report_aggregator_lambda_name"


class DemoError(AssayError):
    """The demonstration could not be carried through."""


@dataclass(frozen=True)
class Demo:
    """One demonstration.

    Attributes:
        display: shows how it goes.
        keep: whether everything is left up at the end.
        project: Assay's own folder, with `main.py`.
        parent: where the work folder is made.
    """

    display: Display
    keep: bool = False
    project: Path = PROJECT
    parent: Path = Path(".assay")

    def run(self) -> bool:
        """Carry it through, and return whether every verdict was the one demanded.

        Raises:
            AssayError: it could not be carried through; nothing is left running.
        """
        started = time.monotonic()
        if not (self.project / "main.py").is_file():
            raise DemoError(
                f"there is no main.py in {self.project}: name the folder of a checkout of Assay by "
                "--project"
            )
        find_terraform()
        with ExitStack() as resources:
            folder, lock = resources.enter_context(_work_folder(self.parent))
            provider = choose_provider(self.display.notice)
            _write_settings(folder / "environments", provider)
            # Synthesis takes longest of what needs no AWS, so the AWS starts and fills beside it.
            synthesis = resources.enter_context(self._synthesis(folder))
            with self.display.working("Starting the embedded AWS and synthesizing the stack"):
                aws = resources.enter_context(
                    EmbeddedAws(log_file=folder / "embedded-aws.log", inherited=(lock,))
                )
                resources.enter_context(aws.exported())
                session = boto3.Session()
                verdicts = samples.seed(session)
                queue_url = session.client("sqs").create_queue(QueueName=_QUEUE)["QueueUrl"]
                _finish_synthesis(synthesis, folder)
            self.display.say(
                f"Embedded AWS at {aws.endpoint} holds {len(verdicts)} sample resources"
            )
            terraform = Terraform(folder / "cdktf.out" / "stacks" / _STACK)
            deployed = self._deploy(terraform, provider)
            outputs_file, report_file = folder / outputs.FLAT_OUTPUTS, folder / "report.json"
            outputs.write(deployed, outputs_file)
            result = self._evaluate(session, deployed, report_file)
            report.show(result, self.display)
            self.display.say(f"Outputs: {outputs_file}\nReport:  {report_file}")
            wrong = report.differences(result, verdicts | _own_verdicts(deployed))
            wrong += _alert_differences(session, queue_url, result)
            self._judge(wrong)
            if self.keep:
                self._tell_how_to_reach(aws, outputs_file)
                aws.keep()
            else:
                self._destroy(terraform)
        self.display.say(f"Took {time.monotonic() - started:.0f} s")
        return not wrong

    @contextmanager
    def _synthesis(self, folder: Path) -> Iterator["subprocess.Popen[str]"]:
        environment = {
            **os.environ,
            "ASSAY_ENVIRONMENTS": str((folder / "environments").resolve()),
            "CDKTF_OUTDIR": str((folder / "cdktf.out").resolve()),
        }
        # It would give the demonstration another deployment's names.
        environment.pop("ENVIRONMENT_SUFFIX", None)
        with (
            _synthesis_log(folder).open("w", encoding="utf-8") as log,
            processes.child(
                [sys.executable, "main.py"],
                cwd=self.project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            yield process

    def _deploy(self, terraform: Terraform, provider: Provider) -> dict[str, str]:
        with self.display.working("terraform init"):
            terraform.init(provider.plugin_dir)
        with self.display.terraform("terraform apply") as on_event:
            terraform.apply(on_event)
        deployed = outputs.flatten(terraform.output())
        missing = [name for name in outputs.REQUIRED_OUTPUTS if not deployed.get(name)]
        if missing:
            raise DemoError(f"the deployment lacks outputs: {', '.join(missing)}")
        return deployed

    def _destroy(self, terraform: Terraform) -> None:
        with self.display.terraform("terraform destroy") as on_event:
            # Nobody else has changed this AWS since it was deployed to.
            terraform.destroy(on_event, refresh=False)
        self.display.say("Everything is destroyed")

    def _evaluate(
        self, session: boto3.Session, deployed: Mapping[str, str], report_file: Path
    ) -> Any:
        """Do what the schedule does, and return the report."""
        evaluators = [
            name
            for key, name in deployed.items()
            if key.endswith(outputs.FUNCTION_SUFFIX) and key != _AGGREGATOR_OUTPUT
        ]
        with self.display.working(f"Invoking {', '.join(evaluators)}"), ExitStack() as running:
            invocations = [
                running.enter_context(Invocation(session, name, scheduled_event(session, name)))
                for name in evaluators
            ]
            for name, invocation in zip(evaluators, invocations, strict=True):
                follow(session, name, invocation.result())
        aggregator = deployed[_AGGREGATOR_OUTPUT]
        with self.display.working(f"Invoking {aggregator}"):
            written = invoke(session, aggregator, scheduled_event(session, aggregator))
            session.client("s3").download_file(
                written["report_bucket"], written["report_key"], str(report_file)
            )
        return json.loads(report_file.read_text(encoding="utf-8"))

    def _judge(self, wrong: list[str]) -> None:
        if wrong:
            self.display.say("NOT what the sample data demands:")
            for line in wrong:
                self.display.say(f"  {line}")
        else:
            self.display.say("Every verdict is the one that the sample data demands")

    def _tell_how_to_reach(self, aws: EmbeddedAws, outputs_file: Path) -> None:
        self.display.say("\nKept. To reach it:")
        for name, value in aws.variables().items():
            self.display.say(f"  export {name}={shlex.quote(value)}")
        self.display.say(f"  assay invoke ec2-tag-compliance --outputs {outputs_file}")
        self.display.say(f"To stop it:\n  kill {aws.pid}")


@contextmanager
def _work_folder(parent: Path) -> Iterator[tuple[Path, int]]:
    """Give an empty work folder that no other demonstration uses.

    Yields:
        The folder, and its lock's file descriptor: while anybody holds it open, as a kept server
        does, the folder is in use.
    """
    number = 0
    while True:
        number += 1
        folder = parent / (_ENVIRONMENT if number == 1 else f"{_ENVIRONMENT}-{number}")
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            for entry in folder.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
                elif entry.name != "lock":
                    entry.unlink()
            yield folder, lock.fileno()
            return


def _write_settings(folder: Path, provider: Provider) -> None:
    folder.mkdir()
    settings = {
        "environment_suffix": _ENVIRONMENT,
        "region": REGION,
        "embedded_aws": True,
        "provider_version": provider.version,
        "recorder": {"mode": "create"},
        "retain_data": False,
        # Lifecycle rules only cost waiting here.
        "object_retention_days": None,
        "alerts": {
            "subscriptions": [
                {"protocol": "sqs", "endpoint": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{_QUEUE}"}
            ]
        },
        "rules": {
            "ec2-tag-compliance": {
                "parameters": {
                    "required_tags": {"Environment": list(samples.ENVIRONMENTS), "Owner": []}
                }
            },
            "s3-encryption-compliance": {},
            "rds-backup-compliance": {},
        },
    }
    text = yaml.safe_dump(settings, sort_keys=False)
    (folder / f"{_ENVIRONMENT}.yaml").write_text(text, encoding="utf-8")


def _synthesis_log(folder: Path) -> Path:
    return folder / "synthesis.log"


def _finish_synthesis(synthesis: "subprocess.Popen[str]", folder: Path) -> None:
    if synthesis.wait():
        said = _synthesis_log(folder).read_text(encoding="utf-8").strip()
        raise DemoError(f"python main.py failed with exit code {synthesis.returncode}:\n{said}")


def _own_verdicts(deployed: Mapping[str, str]) -> samples.Verdicts:
    """Return the verdicts on the deployment's own buckets, which the sweep finds too."""
    return {
        f"arn:aws:s3:::{deployed[name]}": {"s3-encryption-compliance": ComplianceType.COMPLIANT}
        for name in ("config_bucket_name", "reports_bucket_name")
    }


def _alert_differences(
    session: boto3.Session, queue_url: str, result: Mapping[str, Any]
) -> list[str]:
    """Return what is wrong with the alerts: each rule that found violations sends one."""
    expected = sum(rule["non_compliant"] > 0 for rule in result["rules"])
    attributes = session.client("sqs").get_queue_attributes(
        QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    got = int(attributes["ApproximateNumberOfMessages"])
    if got == expected:
        return []
    return [f"alerts: expected {expected}, one for each rule with violations, got {got}"]
