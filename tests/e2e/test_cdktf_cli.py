"""``cdktf deploy``, ``diff`` and ``destroy`` with the real CLI, in a checkout of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay_cli import outputs
from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.terraform import Provider

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, Any] = {
    "environment_suffix": "dev",
    "region": "us-east-1",
    "embedded_aws": True,
    "recorder": {"mode": "create"},
    "retain_data": False,
    "object_retention_days": None,
    "rules": {"s3-encryption-compliance": {}},
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(PROJECT / "main.py", folder)
    shutil.copy(PROJECT / "cdktf.json", folder)
    (folder / "environments").mkdir()
    (folder / "cfn-outputs").mkdir()
    shutil.copy(PROJECT / "cfn-outputs" / ".gitignore", folder / "cfn-outputs")
    settings = {**SETTINGS, "provider_version": provider.version}
    (folder / "environments" / "dev.yaml").write_text(json.dumps(settings), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def cdktf(aws: EmbeddedAws, checkout: Path, provider: Provider) -> Callable[..., str]:
    """Run the CDKTF CLI, which finds Node.js and Python in this environment."""
    environment = {
        **aws.environment(),
        "CHECKPOINT_DISABLE": "1",
        "CI": "true",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    if not Path(environment.get("TF_CLI_CONFIG_FILE", "")).is_file():
        environment.pop("TF_CLI_CONFIG_FILE", None)
    if provider.plugin_dir is not None:
        environment["TF_CLI_ARGS_init"] = f"-plugin-dir={provider.plugin_dir}"
        environment["TF_CLI_ARGS_providers_lock"] = f"-fs-mirror={provider.plugin_dir}"

    def _run(*arguments: str) -> str:
        ran = subprocess.run(
            [str(PROJECT / "node_modules" / ".bin" / "cdktf"), *arguments],
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    return _run


def test_deploy_outputs_diff_and_destroy(
    checkout: Path,
    cdktf: Callable[..., str],
    run_assay: Callable[..., Any],
    run_live_checks: Callable[[Path], None],
    inventory: Callable[[], dict[str, set[str]]],
) -> None:
    before = inventory()
    cdktf("deploy", "assay-dev", "--auto-approve", "--outputs-file", "cfn-outputs/outputs.json")
    run_assay("outputs", "--from", "cfn-outputs/outputs.json", cwd=checkout)
    flat = outputs.read(checkout / outputs.FLAT_OUTPUTS)
    assert flat["s3_encryption_lambda_name"] == "s3-encryption-compliance-dev"
    assert (checkout / "terraform.assay-dev.tfstate").is_file()
    run_live_checks(checkout)
    run_assay("invoke", "s3_encryption_lambda_name", cwd=checkout)
    assert "No changes" in cdktf("diff", "assay-dev")
    cdktf("destroy", "assay-dev", "--auto-approve")
    assert inventory() == before
