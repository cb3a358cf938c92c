"""A deployment that would take over somebody else's recorder is stopped before Terraform runs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ProfileNotFound

from assay_cli.doctor.cdktf_cli import CdktfCommand
from assay_cli.doctor.guard import recorder_guard
from assay_cli.doctor.state import Project
from assay_cli.doctor.subjects import Environment
from assay_constructs.settings import Settings

DEPLOY = CdktfCommand(["deploy", "assay-dev"])
CLOUD = {"type": "cloud", "organization": "example", "workspace": {"name": "dev"}}
OFF = "ASSAY_RECORDER_GUARD=off deploys all the same"

Guard = Callable[..., str | None]


@pytest.fixture
def guard(session: boto3.Session, make_settings: Callable[..., Settings], tmp_path: Path) -> Guard:
    """Runs the guard for dev, with a command and settings."""

    def run(
        command: CdktfCommand = DEPLOY,
        make_session: Callable[[], boto3.Session] = lambda: session,
        others: dict[str, Settings] | None = None,
        **given: object,
    ) -> str | None:
        environments = {"dev": make_settings(**given), **(others or {})}
        return recorder_guard(command, environments, tmp_path, make_session=make_session)

    return run


def address(make_settings: Callable[..., Settings], folder: Path) -> str:
    """Where the recorder is in Terraform."""
    environment = Environment("dev", make_settings(), Project(folder, folder), {})
    (name,) = environment.resources("aws_config_configuration_recorder")
    return f"aws_config_configuration_recorder.{name}"


def test_somebody_elses_recorder_of_the_same_name_is_not_taken_over(
    guard: Guard,
    put_recorder: Callable[..., None],
    make_settings: Callable[..., Settings],
    tmp_path: Path,
) -> None:
    put_recorder("assay-dev", tags={"Team": "platform"})
    folder = os.path.relpath(tmp_path / "cdktf.out/stacks/assay-dev")
    assert guard() == (
        "dev: recorder assay-dev is there, and it is not in this environment's Terraform state "
        "(terraform.assay-dev.tfstate): deploying would take it over, and a later destroy would "
        "delete it. Its role platform-config is tagged Team=platform. Its bucket org-config has "
        "no tags.\n"
        "dev: mend by recorder: {mode: existing, name: assay-dev}; or, if it is this "
        f"environment's: cdktf synth, then terraform -chdir={folder} init, then terraform "
        f"-chdir={folder} import {address(make_settings, tmp_path)} assay-dev\n{OFF}"
    )


def test_a_second_recorder_is_not_tried(guard: Guard, put_recorder: Callable[..., None]) -> None:
    put_recorder()
    assert guard() == (
        "dev: recorder default is there, and AWS allows one, so assay-dev cannot be made. Its "
        "role platform-config has no tags. Its bucket org-config has no tags.\n"
        f"dev: mend by recorder: {{mode: existing, name: default}}\n{OFF}"
    )


def test_a_first_deployment_may_go_on(guard: Guard, capsys: pytest.CaptureFixture[str]) -> None:
    assert guard() is None
    assert capsys.readouterr() == ("", "")


def test_an_own_recorder_may_be_deployed_again(
    guard: Guard, put_recorder: Callable[..., None], write_state: Callable[..., None]
) -> None:
    put_recorder("assay-dev")
    write_state(("aws_config_configuration_recorder", {"name": "assay-dev"}))
    assert guard() is None


WITHOUT = [{"mode": "existing", "name": "default"}, {"mode": "none"}]


@pytest.mark.parametrize("recorder", WITHOUT)
def test_an_environment_that_makes_no_recorder_needs_no_look_at_the_one_that_is_there(
    guard: Guard,
    put_recorder: Callable[..., None],
    called: set[str],
    recorder: dict[str, str],
) -> None:
    put_recorder()
    called.clear()
    assert guard(recorder=recorder) is None
    assert called == {"sts:GetCallerIdentity"}


@pytest.mark.parametrize("recorder", WITHOUT)
def test_an_environment_that_made_its_recorder_does_not_delete_it_by_its_settings(
    guard: Guard, write_state: Callable[..., None], tmp_path: Path, recorder: dict[str, str]
) -> None:
    write_state(("aws_config_configuration_recorder", {"name": "assay-dev"}))
    terraform = f"terraform -chdir={os.path.relpath(tmp_path / 'cdktf.out/stacks/assay-dev')}"
    assert guard(recorder=recorder) == (
        "dev: recorder assay-dev is in this environment's Terraform state "
        "(terraform.assay-dev.tfstate) as aws_config_configuration_recorder.Number_0, and "
        f"recorder.mode is {recorder['mode']}: deploying deletes it\n"
        "dev: mend by recorder: {mode: create}; or, to leave it where it is: cdktf synth, then "
        f"{terraform} init, then {terraform} state rm "
        f"aws_config_configuration_recorder.Number_0\n{OFF}"
    )


def test_an_own_recorder_may_be_renamed(
    guard: Guard,
    put_recorder: Callable[..., None],
    write_state: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    put_recorder("assay-dev")
    write_state(("aws_config_configuration_recorder", {"name": "assay-dev"}))
    assert guard(recorder={"mode": "create", "name": "new"}) is None
    assert capsys.readouterr().err == (
        "recorder guard: dev: this environment's own recorder assay-dev is replaced by new\n"
    )


def test_a_recorder_of_the_same_name_in_another_region_is_not_the_own_one(
    guard: Guard, put_recorder: Callable[..., None], write_state: Callable[..., None]
) -> None:
    put_recorder("assay-dev")
    own = {"name": "assay-dev", "region": "eu-west-1"}
    write_state(("aws_config_configuration_recorder", own))
    assert (guard() or "").startswith(
        "dev: recorder assay-dev is there, and the one in this environment's Terraform state "
        "(terraform.assay-dev.tfstate) is in account 123456789012, eu-west-1: deploying would "
        "take it over"
    )


@pytest.mark.parametrize("words", [["synth"], ["diff", "assay-dev"], ["destroy", "assay-dev"]])
def test_what_does_not_deploy_asks_nothing(
    guard: Guard, put_recorder: Callable[..., None], called: set[str], words: list[str]
) -> None:
    put_recorder()
    called.clear()
    assert guard(CdktfCommand(words)) is None
    assert called == set()


def test_only_the_environments_that_are_deployed_are_looked_at(
    guard: Guard,
    put_recorder: Callable[..., None],
    make_settings: Callable[..., Settings],
) -> None:
    put_recorder()
    using = make_settings(
        environment_suffix="staging", recorder={"mode": "existing", "name": "default"}
    )
    others = {"staging": using}
    assert guard(CdktfCommand(["deploy", "assay-staging"]), others=others) is None
    # Without a name in sight it may be any of them.
    assert (guard(CdktfCommand(), others=others) or "").startswith("dev: recorder default is")


def test_the_guard_can_be_switched_off(
    guard: Guard, put_recorder: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_recorder()
    monkeypatch.setenv("ASSAY_RECORDER_GUARD", "off")
    assert guard() is None


def test_another_account_is_terraforms_matter(
    guard: Guard, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    assert guard(account_id="210987654321") is None


def test_without_credentials_the_deployment_goes_on_with_a_word(
    guard: Guard, stub: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    stub("sts.GetCallerIdentity", code="ExpiredToken")
    assert guard() is None
    told = "recorder guard: dev: whose the recorder is, is not known: the credentials have expired"
    assert capsys.readouterr().err == f"{told}\n"


def test_a_wrong_profile_is_told_by_terraform_and_here(
    guard: Guard, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> boto3.Session:
        raise ProfileNotFound(profile="gone")

    assert guard(make_session=fail) is None
    told = "whose the recorder is, is not known: The config profile (gone) could not be found"
    assert capsys.readouterr().err == f"recorder guard: dev: {told}\n"


def test_who_may_not_look_at_recorders_may_not_put_one(
    guard: Guard, deny: Callable[..., None]
) -> None:
    deny("config.DescribeConfigurationRecorders")
    assert guard() == (
        "dev: the credentials lack config:DescribeConfigurationRecorders\n"
        f"dev: mend by allow config:DescribeConfigurationRecorders\n{OFF}"
    )


def test_from_what_the_credentials_here_may_not_nothing_follows_for_terraform_cloud(
    guard: Guard, deny: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    deny("config.DescribeConfigurationRecorders")
    assert guard(backend=CLOUD, account_id="123456789012") is None
    assert capsys.readouterr().err == (
        "recorder guard: dev: the credentials lack config:DescribeConfigurationRecorders\n"
    )


def test_a_recorder_that_may_be_the_own_one_is_only_told(
    guard: Guard, put_recorder: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    put_recorder("assay-dev", role="assay-recorder-dev")
    assert guard(backend=CLOUD) is None
    assert capsys.readouterr().err.startswith(
        "recorder guard: dev: cannot tell whether this environment owns recorder assay-dev: "
    )


def test_what_another_account_may_hold_does_not_stop_terraform_cloud(
    guard: Guard, put_recorder: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    put_recorder()
    assert guard(backend=CLOUD) is None
    assert capsys.readouterr().err.startswith("recorder guard: dev: recorder default is there")
    assert (guard(backend=CLOUD, account_id="123456789012") or "").startswith(
        "dev: recorder default is there"
    )


def test_a_recorder_in_terraform_clouds_state_is_kept_whatever_the_account(
    guard: Guard, terraform: Callable[[str], None], project: Project
) -> None:
    initialized(project)
    resource = {
        "mode": "managed",
        "type": "aws_config_configuration_recorder",
        "name": "Recorder",
        "instances": [{"attributes": {"name": "assay-dev"}}],
    }
    terraform(f"echo '{json.dumps({'resources': [resource]})}'")
    told = guard(backend=CLOUD, recorder={"mode": "none"}) or ""
    assert told.startswith("dev: recorder assay-dev is in this environment's Terraform state")


def initialized(project: Project) -> None:
    """Leaves dev's folder as `terraform init` does."""
    folder = project.stack_folder("dev") / ".terraform"
    folder.mkdir(parents=True)
    config = {**CLOUD, "hostname": "app.terraform.io", "workspaces": CLOUD["workspace"]}
    text = json.dumps({"backend": {"config": config}})
    (folder / "terraform.tfstate").write_text(text, encoding="utf-8")


def test_the_output_folder_of_the_cli_is_where_the_stack_lies(
    guard: Guard,
    put_recorder: Callable[..., None],
    terraform: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_recorder("assay-dev")
    monkeypatch.setenv("CDKTF_OUTDIR", "cdktf.pr42.out")
    initialized(Project(tmp_path, tmp_path / "cdktf.pr42.out"))
    terraform("exit 0")
    # An empty workspace: nothing is deployed, so the recorder is somebody else's.
    told = guard(backend=CLOUD, account_id="123456789012") or ""
    assert "it is not in this environment's Terraform state" in told


def test_no_client_of_aws_is_loaded_before_it_is_needed(tmp_path: Path) -> None:
    script = tmp_path / "synth.py"
    script.write_text(
        "import sys\nfrom assay_cli.doctor.cdktf_cli import running_command\n"
        "assert running_command() is None\nsys.exit('boto3' in sys.modules)\n"
    )
    environment = {name: os.environ[name] for name in os.environ if "CDKTF" not in name}
    assert subprocess.run([sys.executable, script], env=environment, check=False).returncode == 0
