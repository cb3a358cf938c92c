"""Deployments by real Terraform to embedded AWSs; each test file has one of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from assay_cli import outputs
from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.terraform import Provider, Terraform, choose_provider

PROJECT = Path(__file__).resolve().parents[2]

Synthesize = Callable[..., Path]
Deploy = Callable[[Path], dict[str, str]]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """An empty embedded AWS, which boto3 and child processes take for AWS."""
    log_file = tmp_path_factory.mktemp("aws") / "server.log"
    with EmbeddedAws(log_file=log_file) as embedded, embedded.exported():
        yield embedded


@pytest.fixture(scope="module")
def session(aws: EmbeddedAws) -> boto3.Session:
    assert os.environ["AWS_ENDPOINT_URL"] == aws.endpoint
    return boto3.Session()


@pytest.fixture(scope="session")
def provider() -> Provider:
    return choose_provider(print)


@pytest.fixture(scope="module")
def synthesize(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Synthesize:
    """Run ``python main.py`` for the given settings; returns the folder of all stacks."""

    def _synthesize(environments: Mapping[str, Mapping[str, Any]]) -> Path:
        root = tmp_path_factory.mktemp("synth")
        folder = root / "environments"
        folder.mkdir()
        for name, settings in environments.items():
            local = {**settings, "embedded_aws": True, "provider_version": provider.version}
            (folder / f"{name}.yaml").write_text(json.dumps(local), encoding="utf-8")
        subprocess.run(
            [sys.executable, "main.py"],
            cwd=PROJECT,
            env={
                **os.environ,
                "ASSAY_ENVIRONMENTS": str(folder),
                "CDKTF_OUTDIR": str(root / "cdktf.out"),
            },
            check=True,
        )
        return root / "cdktf.out" / "stacks"

    return _synthesize


@pytest.fixture(scope="module")
def deploy(aws: EmbeddedAws, provider: Provider) -> Deploy:
    """Initialize, validate and apply a stack; returns its flat outputs."""

    def _deploy(stack: Path) -> dict[str, str]:
        terraform = Terraform(stack, aws.environment())
        terraform.init(provider.plugin_dir)
        terraform.validate()
        terraform.apply()
        flat = outputs.flatten(terraform.output())
        outputs.write(flat, stack / outputs.FLAT_OUTPUTS)
        return flat

    return _deploy


@pytest.fixture(scope="module")
def run_live_checks(aws: EmbeddedAws) -> Callable[[Path], None]:
    """Run the checks that anybody runs against a real deployment."""

    def _run(stack: Path) -> None:
        checks = PROJECT / "tests" / "live"
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(checks)],
            cwd=PROJECT,
            env={**aws.environment(), "ASSAY_OUTPUTS": str(stack / outputs.FLAT_OUTPUTS)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert " passed" in ran.stdout

    return _run


@pytest.fixture(scope="module")
def run_assay(aws: EmbeddedAws) -> Callable[..., Any]:
    """Run ``assay`` as a user does; returns what it prints with ``--json``."""

    def _run(*arguments: str, cwd: Path) -> Any:
        ran = subprocess.run(
            [str(Path(sys.executable).with_name("assay")), *arguments, "--json"],
            cwd=cwd,
            env=aws.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return json.loads(ran.stdout)

    return _run


def everything(session: boto3.Session) -> dict[str, set[str]]:
    """All that a deployment could have made in the account and region, by kind."""
    clients: dict[str, Any] = {
        name: session.client(name)
        for name in (
            *("cloudwatch", "config", "dynamodb", "events", "iam", "kms"),
            *("lambda", "logs", "s3", "sns", "sqs"),
        )
    }
    config = clients["config"]
    return {
        "alarms": {a["AlarmName"] for a in clients["cloudwatch"].describe_alarms()["MetricAlarms"]},
        "dashboards": {
            d["DashboardName"] for d in clients["cloudwatch"].list_dashboards()["DashboardEntries"]
        },
        "config rules": {
            r["ConfigRuleName"] for r in config.describe_config_rules()["ConfigRules"]
        },
        "recorders": {
            r["name"] for r in config.describe_configuration_recorders()["ConfigurationRecorders"]
        },
        "channels": {c["name"] for c in config.describe_delivery_channels()["DeliveryChannels"]},
        "tables": set(clients["dynamodb"].list_tables()["TableNames"]),
        "schedules": {r["Name"] for r in clients["events"].list_rules()["Rules"]},
        "roles": {r["RoleName"] for r in clients["iam"].list_roles()["Roles"]},
        "key aliases": {
            a["AliasName"]
            for a in clients["kms"].list_aliases()["Aliases"]
            if not a["AliasName"].startswith("alias/aws/")
        },
        "functions": {f["FunctionName"] for f in clients["lambda"].list_functions()["Functions"]},
        "log groups": {
            g["logGroupName"] for g in clients["logs"].describe_log_groups()["logGroups"]
        },
        "buckets": {b["Name"] for b in clients["s3"].list_buckets()["Buckets"]},
        "topics": {t["TopicArn"] for t in clients["sns"].list_topics()["Topics"]},
        "subscriptions": {
            s["SubscriptionArn"] for s in clients["sns"].list_subscriptions()["Subscriptions"]
        },
        "queues": set(clients["sqs"].list_queues().get("QueueUrls", [])),
    }


@pytest.fixture(scope="module")
def inventory(session: boto3.Session) -> Callable[[], dict[str, set[str]]]:
    return lambda: everything(session)
