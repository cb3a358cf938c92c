"""``cdktf deploy`` stops before it takes over somebody else's recorder, or deletes its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from assay_cli.embedded_aws import EmbeddedAws

PROJECT = Path(__file__).resolve().parents[2]
ROLE = "arn:aws:iam::123456789012:role/platform-config"

Cdktf = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with an environment that would make the recorder assay-dev, and one that made one.

    The second one's settings are without AWS Config by now.
    """
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(PROJECT / "main.py", folder)
    shutil.copy(PROJECT / "cdktf.json", folder)
    (folder / "environments").mkdir()
    settings = {
        "environment_suffix": "dev",
        "region": "us-east-1",
        "embedded_aws": True,
        "recorder": {"mode": "create"},
        "rules": {"s3-encryption-compliance": {}},
    }
    (folder / "environments" / "dev.yaml").write_text(json.dumps(settings), encoding="utf-8")
    moved = {**settings, "environment_suffix": "moved", "recorder": {"mode": "none"}}
    (folder / "environments" / "moved.yaml").write_text(json.dumps(moved), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def cdktf(aws: EmbeddedAws, checkout: Path) -> Cdktf:
    """Run the CDKTF CLI, which finds Node.js and Python in this environment."""
    environment = {
        **aws.environment(),
        "CHECKPOINT_DISABLE": "1",
        "CI": "true",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }

    def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(PROJECT / "node_modules" / ".bin" / "cdktf"), *arguments],
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    return _run


@pytest.fixture(scope="module")
def recorder(session: boto3.Session) -> None:
    """Somebody else's recorder of that name, whose role is tagged."""
    session.client("iam").create_role(
        RoleName="platform-config",
        AssumeRolePolicyDocument="{}",
        Tags=[{"Key": "Team", "Value": "platform"}],
    )
    session.client("config").put_configuration_recorder(
        ConfigurationRecorder={
            "name": "assay-dev",
            "roleARN": ROLE,
            "recordingGroup": {"allSupported": True},
        }
    )


@pytest.mark.usefixtures("recorder")
def test_deploy_names_the_owner_and_does_not_start_terraform(
    checkout: Path, cdktf: Cdktf, session: boto3.Session
) -> None:
    ran = cdktf("deploy", "assay-dev", "--auto-approve")
    assert ran.returncode == 1
    assert (
        "dev: recorder assay-dev is there, and it is not in this environment's Terraform state "
        "(terraform.assay-dev.tfstate): deploying would take it over, and a later destroy would "
        "delete it. Its role platform-config is tagged Team=platform."
    ) in ran.stdout
    assert "Initializing" not in ran.stdout
    assert not (checkout / "cdktf.out" / "stacks").exists()
    config = session.client("config")
    (there,) = config.describe_configuration_recorders()["ConfigurationRecorders"]
    assert there["roleARN"] == ROLE


@pytest.mark.usefixtures("recorder")
def test_deploy_does_not_delete_what_the_environment_has_made(checkout: Path, cdktf: Cdktf) -> None:
    recorder = {
        "mode": "managed",
        "type": "aws_config_configuration_recorder",
        "name": "Config_Recorder_06CC5DC8",
        "instances": [{"attributes": {"name": "assay-moved"}}],
    }
    # One folder above the stacks' own.
    folder = checkout / "build"
    folder.mkdir()
    text = json.dumps({"version": 4, "resources": [recorder]})
    (folder / "terraform.assay-moved.tfstate").write_text(text, encoding="utf-8")
    ran = cdktf("deploy", "assay-moved", "--auto-approve", "--output", "build/cdktf.out")
    assert ran.returncode == 1
    assert (
        "moved: recorder assay-moved is in this environment's Terraform state "
        "(build/terraform.assay-moved.tfstate) as "
        "aws_config_configuration_recorder.Config_Recorder_06CC5DC8, and recorder.mode is none: "
        "deploying deletes it"
    ) in ran.stdout
    assert not (folder / "cdktf.out" / "stacks").exists()


@pytest.mark.usefixtures("recorder")
def test_synth_asks_nothing(checkout: Path, cdktf: Cdktf) -> None:
    ran = cdktf("synth")
    assert ran.returncode == 0
    assert (checkout / "cdktf.out" / "stacks" / "assay-dev").is_dir()
