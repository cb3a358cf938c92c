import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Find = Callable[[str, str, str], Any]

OUTPUTS = {
    "config_recorder_name",
    "config_bucket_name",
    "dead_letter_queue_url",
    "dynamodb_table_name",
    "sns_topic_arn",
    "reports_bucket_name",
    "dashboard_url",
    "ec2_tag_lambda_name",
    "s3_encryption_lambda_name",
    "rds_backup_lambda_name",
    "report_aggregator_lambda_name",
}
SETTINGS_STACKS = (
    *("cloud", "cloud-tags", "create", "daily", "embedded", "existing"),
    *("none", "one-rule", "protected", "s3"),
)


@pytest.mark.parametrize("stack", SETTINGS_STACKS)
def test_the_eleven_outputs_are_there_in_every_mode(stacks: dict[str, Any], stack: str) -> None:
    assert set(stacks[stack]["output"]) == OUTPUTS


def test_the_recorders_name_is_the_own_one_the_existing_one_or_empty(
    stacks: dict[str, Any],
) -> None:
    names = {
        stack: stacks[stack]["output"]["config_recorder_name"]["value"]
        for stack in ("create", "existing", "none")
    }
    assert re.fullmatch(
        r"\$\{aws_config_configuration_recorder\.Config_Recorder_\w+\.name\}", names["create"]
    )
    assert names["existing"] == "theirs"
    assert names["none"] == ""


def test_the_dead_letter_queues_address_is_an_output(stacks: dict[str, Any]) -> None:
    output = stacks["create"]["output"]["dead_letter_queue_url"]
    assert re.fullmatch(
        r"\$\{aws_sqs_queue\.Monitoring_DeadLetterQueue_\w+\.url\}", output["value"]
    )


def test_the_dashboards_address_is_an_output(stacks: dict[str, Any]) -> None:
    assert stacks["create"]["output"]["dashboard_url"]["value"] == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
        "#dashboards/dashboard/compliance-test"
    )


def test_a_rule_that_is_off_has_an_empty_output_and_no_function(stacks: dict[str, Any]) -> None:
    outputs = stacks["one-rule"]["output"]
    assert outputs["ec2_tag_lambda_name"]["value"] == ""
    assert outputs["rds_backup_lambda_name"]["value"] == ""
    assert outputs["s3_encryption_lambda_name"]["value"].endswith(".function_name}")
    assert len(stacks["one-rule"]["resource"]["aws_lambda_function"]) == 2


@pytest.mark.parametrize("stack", SETTINGS_STACKS)
def test_no_unresolved_token_is_left(stacks: dict[str, Any], stack: str) -> None:
    text = json.dumps(stacks[stack])
    assert "TfToken" not in text
    assert not re.search(r"-1\.8881545897087\d*e\+289", text)


def test_policy_documents_are_terraforms_never_json_with_tokens_in_it(
    stacks: dict[str, Any],
) -> None:
    policies = [
        resource.get("policy") or resource.get("assume_role_policy")
        for kind in (
            *("aws_iam_role", "aws_iam_role_policy", "aws_kms_key", "aws_s3_bucket_policy"),
            *("aws_sns_topic_policy", "aws_sqs_queue"),
        )
        for resource in stacks["protected"]["resource"][kind].values()
    ]
    assert len(policies) == 5 + 5 + 1 + 2 + 1 + 4
    assert all(
        re.fullmatch(r"\$\{data\.aws_iam_policy_document\.[\w-]+\.json\}", policy)
        for policy in policies
    )


def test_no_partition_is_hard_coded(synthesized: Path) -> None:
    for stack in ("assay-existing", "assay-protected"):
        text = (synthesized / stack / "cdk.tf.json").read_text(encoding="utf-8")
        assert not re.findall(r"arn:aws[a-z-]*:", text)


def test_everything_gets_the_tags_and_no_other_account_is_deployed_to(
    stacks: dict[str, Any],
) -> None:
    (provider,) = stacks["create"]["provider"]["aws"]
    assert provider == {
        "region": "eu-west-1",
        "allowed_account_ids": ["123456789012"],
        "default_tags": [{"tags": {"Team": "platform"}}],
    }
    assert stacks["existing"]["provider"]["aws"] == [{"region": "eu-west-1"}]


def test_an_embedded_aws_changes_the_provider_only_in_how_it_connects(
    stacks: dict[str, Any],
) -> None:
    (provider,) = stacks["embedded"]["provider"]["aws"]
    assert provider == {
        "region": "eu-west-1",
        "s3_use_path_style": True,
        "skip_credentials_validation": True,
        "max_retries": 3,
    }


def test_the_provider_is_pinned(stacks: dict[str, Any]) -> None:
    versions = {
        stack: stacks[stack]["terraform"]["required_providers"]["aws"]["version"]
        for stack in ("create", "embedded")
    }
    assert versions == {"create": "6.25.0", "embedded": "5.100.0"}


def test_backends_are_those_of_the_settings(stacks: dict[str, Any]) -> None:
    def backend(stack: str) -> Any:
        terraform = stacks[stack]["terraform"]
        return terraform.get("backend") or {"cloud": terraform["cloud"]}

    assert backend("create") == {"local": {"path": "../../../terraform.assay-create.test.tfstate"}}
    assert backend("s3") == {
        "s3": {
            "bucket": "states",
            "key": "assay/team/assay-s3.test.tfstate",
            "region": "eu-central-1",
            "encrypt": True,
            "kms_key_id": "alias/states",
            "use_lockfile": True,
        }
    }
    assert backend("cloud") == {
        "cloud": {
            "hostname": "app.terraform.io",
            "organization": "example",
            "workspaces": {"name": "assay-test"},
        }
    }
    assert backend("cloud-tags") == {
        "cloud": {
            "hostname": "tfe.example.com",
            "organization": "example",
            "workspaces": {"tags": ["assay", "test"]},
        }
    }


def test_code_goes_by_a_path_inside_the_stacks_folder(
    synthesized: Path, stacks: dict[str, Any]
) -> None:
    for function in stacks["create"]["resource"]["aws_lambda_function"].values():
        assert not Path(function["filename"]).is_absolute()
        assert (synthesized / "assay-create" / function["filename"]).is_file()


def test_no_absolute_path_gets_into_a_stack(synthesized: Path) -> None:
    text = (synthesized / "assay-create" / "cdk.tf.json").read_text(encoding="utf-8")
    assert str(Path.cwd()) not in text
    assert str(synthesized.parent) not in text


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_python_main_py_gives_the_same_bytes_twice_from_two_folders(
    tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    project = Path.cwd()
    checkout = tmp_path / "another checkout"
    checkout.mkdir()
    shutil.copy(project / "main.py", checkout)
    shutil.copytree(project / "environments", checkout / "environments")
    outdirs = []
    for number, cwd in enumerate((project, checkout)):
        outdir = tmp_path / f"out{number}"
        subprocess.run(
            [sys.executable, "main.py"],
            cwd=cwd,
            env={**clean_environment, "CDKTF_OUTDIR": str(outdir)},
            check=True,
        )
        outdirs.append(outdir)
    first, second = map(_files, outdirs)
    assert first == second
    assert {name for name in first if name.endswith("cdk.tf.json")} == {
        f"stacks/assay-{environment}/cdk.tf.json"
        for environment in ("dev", "production", "staging")
    }
