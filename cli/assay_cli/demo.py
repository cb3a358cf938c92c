"""The demonstration: the whole system deployed to an embedded AWS, run, and destroyed."""

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path

import boto3
import yaml

from assay import forms
from assay.report import Report
from assay.rule import ComplianceType
from assay_cli import outputs, processes, report, samples
from assay_cli.continuations import follow
from assay_cli.display import Display
from assay_cli.embedded_aws import ACCOUNT_ID, REGION, EmbeddedAws
from assay_cli.errors import AssayError
from assay_cli.invoke import Invocation, invoke, scheduled_event
from assay_cli.report_file import read
from assay_cli.terraform import Provider, Terraform, choose_provider, find_terraform

PROJECT = Path(__file__).resolve().parents[2]

# The settings file's name is the environment's.
_ENVIRONMENT = "demo"
_STACK = f"assay-{_ENVIRONMENT}"
_QUEUE = "sample-alerts"
_AGGREGATOR_OUTPUT = "report_aggregator_lambda_name"

# Days ago on which everything runs once, so that the last report has something to compare with.
_ROUNDS = (3, 2, 1, 0)


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
        now = datetime.now(UTC)
        if not (self.project / "main.py").is_file():
            raise DemoError(
                f"there is no main.py in {self.project}: name the folder of a checkout of Assay by "
                "--project"
            )
        find_terraform()
        with ExitStack() as resources:
            folder, lock = resources.enter_context(_work_folder(self.parent))
            provider = choose_provider(self.display.notice)
            waivers = _waivers(now.date())
            _write_settings(folder / "environments", provider, waivers)
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
            outputs_file = folder / outputs.FLAT_OUTPUTS
            outputs.write(deployed, outputs_file)
            reports = folder / "reports"
            reports.mkdir()
            wrong: list[str] = []
            alerts, opened = 0, dict[str, set[str]]()
            steps = chain([verdicts], samples.change(session, verdicts))
            for days, demanded in zip(_ROUNDS, steps, strict=True):
                result = self._run(session, deployed, now - timedelta(days=days), reports)
                wrong += report.differences(result, demanded | _own_verdicts(deployed))
                before, opened = opened, _open_violations(result)
                alerts += sum(opened[rule] != before.get(rule, set()) for rule in opened)
            self.display.say()
            report.show(result, self.display)
            self.display.say(f"Outputs: {outputs_file}\nReports:")
            for file in sorted(reports.iterdir()):
                self.display.say(f"  {file}")
            wrong += _waiver_differences(waivers, result)
            wrong += _alert_differences(session, queue_url, alerts)
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

    def _run(
        self, session: boto3.Session, deployed: Mapping[str, str], at: datetime, folder: Path
    ) -> Report:
        """Do what the schedules do at a time, fetch all forms of the report, and return it."""
        evaluators = [
            name
            for key, name in deployed.items()
            if key.endswith(outputs.FUNCTION_SUFFIX) and key != _AGGREGATOR_OUTPUT
        ]
        as_of = f" as of {at:%Y-%m-%d %H:%M} UTC"
        with self.display.working(f"Invoking {', '.join(evaluators)}{as_of}"), ExitStack() as runs:
            invocations = [
                runs.enter_context(Invocation(session, name, scheduled_event(session, name, at)))
                for name in evaluators
            ]
            for name, invocation in zip(evaluators, invocations, strict=True):
                follow(session, name, invocation.result())
        aggregator = deployed[_AGGREGATOR_OUTPUT]
        with self.display.working(f"Invoking {aggregator}{as_of}"):
            written = invoke(session, aggregator, scheduled_event(session, aggregator, at))
            s3 = session.client("s3")
            for form, key in written["report_keys"].items():
                file = folder / f"compliance-report{forms.load(form).suffix}"
                s3.download_file(written["report_bucket"], key, str(file))
        return read((folder / "compliance-report.json").read_bytes(), written["report_key"])

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


@dataclass(frozen=True)
class _Waiver:
    """A waiver, and what reports must say of it after the last round."""

    settings: Mapping[str, str]
    status: str
    waived: tuple[str, ...] = ()


def _waivers(today: date) -> list[_Waiver]:
    def waiver(rule: str, resource: str, owner: str, reason: str, days: int) -> dict[str, str]:
        return {
            "rule": rule,
            "resource": resource,
            "owner": f"{owner}@example.com",
            "reason": reason,
            "expires": (today + timedelta(days=days)).isoformat(),
        }

    s3, rds = "s3-encryption-compliance", "rds-backup-compliance"
    scratch, uploads, retired = (
        f"arn:aws:s3:::sample-{name}" for name in ("scratch", "uploads", "retired-*")
    )
    reporting = f"arn:aws:rds:{REGION}:{ACCOUNT_ID}:db:sample-reporting"
    return [
        _Waiver(
            waiver(s3, scratch, "data-team", "It holds public test data only.", 180),
            "active",
            (scratch,),
        ),
        _Waiver(
            waiver(rds, reporting, "finance", "It is filled anew every night.", 6),
            "expiring",
            (reporting,),
        ),
        # It ends in the midst of the rounds, so that its violation is a new one then.
        _Waiver(waiver(s3, uploads, "shop-team", "The old client cannot encrypt.", -2), "expired"),
        _Waiver(waiver(s3, retired, "platform", "They are deleted this year.", 90), "active"),
    ]


def _write_settings(folder: Path, provider: Provider, waivers: Iterable[_Waiver]) -> None:
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
        "reports": {"forms": list(forms.NAMES)},
        "waivers": [dict(waiver.settings) for waiver in waivers],
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


def _open_violations(result: Report) -> dict[str, set[str]]:
    """Return the ARNs of open violations by rule."""
    found: dict[str, set[str]] = {rule.rule_name: set() for rule in result.rules}
    for resource in result.resources:
        if resource.is_open:
            found[resource.rule_name].add(resource.resource_id)
    return found


def _waiver_differences(waivers: Iterable[_Waiver], result: Report) -> list[str]:
    """Return what is wrong with the waivers and with what they cover."""
    wrong = []
    found = {(waiver.rule_name, waiver.resource): waiver for waiver in result.waivers}
    waived = {each.resource_id for each in result.resources if each.waived}
    for waiver in waivers:
        resource = waiver.settings["resource"]
        reported = found.get((waiver.settings["rule"], resource))
        got = reported.status if reported else "none"
        if got != waiver.status:
            wrong.append(f"waiver for {resource}: expected {waiver.status}, got {got}")
    expected = {arn for waiver in waivers for arn in waiver.waived}
    wrong += [
        f"{arn}: expected to be {'waived' if arn in expected else 'not waived'}"
        for arn in sorted(expected ^ waived)
    ]
    return wrong


def _alert_differences(session: boto3.Session, queue_url: str, expected: int) -> list[str]:
    """Return what is wrong with the alerts.

    Args:
        session: in the embedded AWS.
        queue_url: the queue that gets them.
        expected: how many there must be: one for each rule and round with open violations that are
            new, or resolved.
    """
    attributes = session.client("sqs").get_queue_attributes(
        QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    got = int(attributes["ApproximateNumberOfMessages"])
    return [] if got == expected else [f"alerts: expected {expected}, got {got}"]
