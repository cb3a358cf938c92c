"""The shipped ``production``: planned with the real provider, and judged by Checkov."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.terraform import Provider, Terraform, TerraformError, find_terraform

PROJECT = Path(__file__).resolve().parents[2]
CHECKOV = PROJECT / "tools" / "audit" / ".venv" / "bin" / "checkov"


def answered() -> set[str]:
    """The checks that the table in docs/security.md gives a reason for."""
    page = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(CKV2?_AWS_\d+)` \|", page, flags=re.MULTILINE))


def failed(*arguments: str) -> set[str]:
    """Run Checkov and return the checks that failed; none may have been skipped."""
    environment = {name: v for name, v in os.environ.items() if not name.startswith("AWS_")}
    ran = subprocess.run(
        [str(CHECKOV), *arguments, "--skip-download", "--quiet", "--compact", "--output", "json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(ran.stdout)
    assert found["summary"]["passed"] > 50, ran.stderr
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["skipped"] == 0
    return {check["check_id"] for check in found["results"]["failed_checks"]}


@pytest.fixture(scope="module")
def plan(
    aws: EmbeddedAws,
    synthesize: Callable[..., Path],
    provider: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Production's plan as JSON, made by the provider that is here."""
    shipped = PROJECT / "environments" / "production.yaml"
    settings = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    stack = synthesize({"production": settings}) / "assay-production"
    terraform = Terraform(stack, aws.environment())
    terraform.init(provider.plugin_dir)
    terraform.validate()
    folder = tmp_path_factory.mktemp("plan")
    assert terraform.plan(out=folder / "plan")
    environment = aws.environment()
    environment.pop("TF_CLI_CONFIG_FILE", None)
    shown = subprocess.run(
        [*find_terraform(), "show", "-json", str(folder / "plan")],
        cwd=stack,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    file = folder / "plan.json"
    file.write_text(shown.stdout, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of production as a user synthesizes it."""
    outdir = tmp_path_factory.mktemp("shipped")
    subprocess.run(
        [sys.executable, "main.py"],
        cwd=PROJECT,
        env={**os.environ, "CDKTF_OUTDIR": str(outdir)},
        check=True,
    )
    return outdir / "stacks" / "assay-production"


def test_every_failed_check_has_its_reason_and_every_reason_its_check(
    shipped: Path, plan: Path
) -> None:
    found = failed("--framework", "terraform_json", "--directory", str(shipped)) | failed(
        "--framework", "terraform_plan", "--file", str(plan)
    )
    assert found == answered()


def test_data_cannot_be_destroyed_by_a_plan(
    aws: EmbeddedAws,
    synthesize: Callable[..., Path],
    provider: Provider,
) -> None:
    """Tables of a protected environment, deployed alone, outlive ``terraform destroy``."""
    settings: dict[str, Any] = {
        "environment_suffix": "kept",
        "region": "us-east-1",
        "recorder": {"mode": "none"},
        "retain_data": True,
        "rules": {"s3-encryption-compliance": {}},
    }
    stack = synthesize({"kept": settings}) / "assay-kept"
    file = stack / "cdk.tf.json"
    configuration = json.loads(file.read_text(encoding="utf-8"))
    tables = configuration["resource"]["aws_dynamodb_table"]
    file.write_text(
        json.dumps(
            {
                "terraform": configuration["terraform"],
                "provider": configuration["provider"],
                "resource": {"aws_dynamodb_table": tables},
            }
        ),
        encoding="utf-8",
    )
    terraform = Terraform(stack, aws.environment())
    terraform.init(provider.plugin_dir)
    terraform.apply()
    with pytest.raises(TerraformError, match="Instance cannot be destroyed"):
        terraform.destroy()
