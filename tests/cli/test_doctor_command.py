"""`assay doctor` as a user types it."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

import boto3
import pytest
import typer
from typer.testing import CliRunner

from assay_cli import doctor_command

ACCOUNT_ID = "123456789012"
SETTINGS = {
    "environment_suffix": "dev",
    "region": "us-east-1",
    "recorder": {"mode": "create"},
    "rules": {"s3-encryption-compliance": {}},
}
PROGRAMS = {
    "terraform": '{"terraform_version": "1.11.4"}',
    "node": "v22.20.0",
    "cdktf": metadata.version("cdktf"),
}

Run = Callable[..., "Outcome"]


class Outcome:
    """What a command ended with."""

    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    def lines(self, *, after: str) -> list[str]:
        """The lines of one section."""
        found = self.stdout.split("\n\n")
        (section,) = (each for each in found if each.startswith(f"{after}\n"))
        return section.splitlines()[1:]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in an empty folder, whose settings and cdktf.json a test may write."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, says in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.chdir(tmp_path)
    for variable in ("ASSAY_ENVIRONMENTS", "ENVIRONMENT_SUFFIX", "CDKTF_OUTDIR"):
        monkeypatch.delenv(variable, raising=False)
    app = typer.Typer(rich_markup_mode=None)
    doctor_command.register(app, epilog="Exit codes.")

    def ran(*arguments: str) -> Outcome:
        found = CliRunner().invoke(app, arguments)
        return Outcome(found.exit_code, found.stdout, found.stderr)

    return ran


def write(folder: Path, **environments: Mapping[str, object]) -> None:
    folder.mkdir(exist_ok=True)
    for name, settings in environments.items():
        (folder / f"{name}.yaml").write_text(json.dumps(settings), encoding="utf-8")


@pytest.fixture
def environments(tmp_path: Path) -> Path:
    """A project with the environment dev."""
    (tmp_path / "cdktf.json").write_text("{}", encoding="utf-8")
    write(tmp_path / "environments", dev=SETTINGS)
    return tmp_path / "environments"


@pytest.fixture
def foreign_recorder(session: boto3.Session) -> Iterator[None]:
    """Somebody else's recorder that has the name of dev's."""
    iam, config = session.client("iam"), session.client("config")
    iam.create_role(
        RoleName="platform-config",
        AssumeRolePolicyDocument="{}",
        Tags=[{"Key": "Team", "Value": "platform"}],
    )
    config.put_configuration_recorder(
        ConfigurationRecorder={
            "name": "assay-dev",
            "roleARN": f"arn:aws:iam::{ACCOUNT_ID}:role/platform-config",
            "recordingGroup": {"allSupported": True},
        }
    )
    yield
    config.delete_configuration_recorder(ConfigurationRecorderName="assay-dev")
    iam.delete_role(RoleName="platform-config")


def test_help_teaches_by_examples(run: Run) -> None:
    found = run("--help")
    assert found.code == 0
    assert "assay doctor --environment dev --all" in found.stdout
    assert "Exit codes." in found.stdout


@pytest.mark.usefixtures("session", "environments")
def test_without_an_error_it_ends_well_and_strictly_it_does_not(run: Run) -> None:
    # The embedded AWS simulates no policies.
    assert run().code == 0
    assert run("--strict").code == 1


@pytest.mark.usefixtures("environments", "foreign_recorder")
def test_an_error_ends_with_1_and_tells_the_owner(run: Run) -> None:
    found = run()
    assert found.code == 1
    told = found.lines(after="dev, us-east-1")
    start = told.index("  error: recorder")
    assert told[start + 1].startswith("    recorder assay-dev is there, and it is not in this")
    assert told[start + 1].endswith("Its role platform-config is tagged Team=platform.")
    assert found.stdout.splitlines()[-1].startswith("errors: 1, ")


@pytest.mark.usefixtures("session", "environments")
def test_everything_is_told_on_demand(run: Run) -> None:
    found = run("--all")
    assert "  ok: recorder: there is none yet, and assay-dev will be made" in found.stdout
    assert "  ok: credentials: arn:aws:sts::123456789012:user/moto in account" in found.stdout


@pytest.mark.usefixtures("session", "environments")
def test_json_is_all_that_is_printed(run: Run) -> None:
    found = json.loads(run("--json", "--strict").stdout)
    assert (found["schema_version"], found["account_id"]) == (1, ACCOUNT_ID)
    assert [each["environment"] for each in found["sections"]] == [None, None, "dev"]
    assert found["exit_code"] == 1


@pytest.mark.usefixtures("session")
def test_one_environment_is_looked_at_by_its_name(run: Run, environments: Path) -> None:
    write(environments, other={**SETTINGS, "environment_suffix": "other"})
    found = json.loads(run("--environment", "other", "--json").stdout)
    assert [each["environment"] for each in found["sections"]] == [None, None, "other"]


@pytest.mark.usefixtures("session")
def test_an_unknown_environment_is_wrong_usage(run: Run, environments: Path) -> None:
    write(environments, other={**SETTINGS, "environment_suffix": "other"})
    found = run("--environment", "oter")
    assert found.code == 2
    told = " ".join(found.stderr.split())
    assert "allowed: dev, other; got 'oter'; did you mean other?" in told
    found = run("--environment", "x")
    assert "got 'x'\n" in found.stderr


@pytest.mark.usefixtures("session")
def test_an_environment_without_settings_is_wrong_usage(run: Run) -> None:
    found = run("--environment", "dev")
    assert found.code == 2
    told = " ".join(found.stderr.split())
    assert "allowed: none, for there are no settings in environments; got 'dev'" in told


@pytest.mark.usefixtures("session")
def test_wrong_settings_are_told_beside_the_account(run: Run, environments: Path) -> None:
    write(environments, dev={**SETTINGS, "colour": "red"})
    found = run("--environment", "dev")
    assert found.code == 1
    (settings,) = (each for each in found.lines(after="settings") if "colour" in each)
    assert settings.startswith("    environments/dev.yaml:1: colour: unknown key; allowed: ")
    assert found.lines(after=f"account {ACCOUNT_ID}, us-east-1")


@pytest.mark.usefixtures("session")
def test_without_settings_the_account_is_looked_at(run: Run) -> None:
    assert run().lines(after=f"account {ACCOUNT_ID}, us-east-1") == [
        "  ok: service-linked-role, rule-quota"
    ]


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("how", ["option", "variable"])
def test_settings_may_lie_elsewhere_and_state_lies_beside_them(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    project = tmp_path / "project"
    write(tmp_path / "project", there=SETTINGS)
    (tmp_path / "cdktf.json").write_text("{}", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    if how == "variable":
        monkeypatch.setenv("ASSAY_ENVIRONMENTS", str(project))
        found = run("--all")
    else:
        found = run("--all", "--environments", str(project))
    assert "  ok: backend: state in terraform.assay-there.dev.tfstate" in found.stdout


@pytest.mark.usefixtures("session")
def test_a_named_folder_of_settings_has_to_be_there(run: Run) -> None:
    found = run("--environments", "nowhere")
    assert found.code == 2
    assert "nowhere: no such folder" in found.stderr


@pytest.mark.usefixtures("session", "environments")
def test_a_suffix_from_the_shell_makes_a_copy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "pr42")
    found = run("--all")
    assert "  ok: backend: state in terraform.assay-dev.pr42.tfstate" in found.stdout


SCRIPT = """
import typer
from assay_cli import doctor_command
app = typer.Typer(rich_markup_mode=None)
doctor_command.register(app, epilog="Exit codes.")
app()
"""


def test_on_a_terminal_lines_are_broken(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {
        **os.environ,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_PROFILE": "one that is not there, with a name of several words",
        "COLUMNS": "60",
    }
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, stdout=theirs, check=False
    )
    os.close(theirs)
    printed = os.read(ours, 65536).decode()
    os.close(ours)
    assert ran.returncode == 1
    assert "  error: credentials" in printed
    assert all(len(line) <= 60 for line in printed.splitlines())


def test_other_commands_do_not_wait_for_what_synthesizes() -> None:
    script = "import sys, assay_cli.doctor_command; sys.exit('cdktf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
