"""The commands about rules of AWS Config, as a user types them."""

import json
import re
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from assay_cli.config_commands import register

TLS = {
    "Type": "AWS::Config::ConfigRule",
    "Properties": {"Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_SSL_REQUESTS_ONLY"}},
}
SETTINGS = {
    "managed_rules": {"s3-bucket-ssl-requests-only": {"identifier": "S3_BUCKET_SSL_REQUESTS_ONLY"}}
}
LEFT = "Bucket: allowed: AWS::Config::ConfigRule and AWS::Config::RemediationConfiguration; got "


@pytest.fixture
def app() -> typer.Typer:
    """An application with nothing but these commands."""
    made = typer.Typer(rich_markup_mode=None)
    register(made)
    return made


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands in a folder with a pack that can be turned, and one that cannot wholly."""
    monkeypatch.chdir(tmp_path)
    Path("pack.yaml").write_text(json.dumps({"Resources": {"Tls": TLS}}))
    Path("mixed.yaml").write_text(json.dumps({"Resources": {"Tls": TLS, "Bucket": "x"}}))
    return CliRunner()


@pytest.mark.parametrize("command", ["rules", "import-pack"])
def test_help_teaches_by_examples_and_tells_the_exit_codes(
    runner: CliRunner, app: typer.Typer, command: str
) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert re.search(rf"^ +assay {command}", result.stdout, re.MULTILINE)
    assert "Exit codes: 0 all well, 1 failed or something is left to do, 2 wrong" in result.stdout


def test_rules_are_listed(runner: CliRunner, app: typer.Typer) -> None:
    result = runner.invoke(app, ["rules", "AWS::WorkSpaces::Workspace"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "| workspaces-workspace-tagged " in result.stdout


def test_a_rule_is_explained(runner: CliRunner, app: typer.Typer) -> None:
    result = runner.invoke(app, ["rules", "S3_BUCKET_SSL_REQUESTS_ONLY"])
    assert result.exit_code == 0
    _, _, snippet = result.stdout.partition("For settings:\n")
    assert yaml.safe_load(snippet) == SETTINGS


def test_rules_are_json_where_json_is_asked_for(runner: CliRunner, app: typer.Typer) -> None:
    result = runner.invoke(app, ["rules", "--json"])
    assert result.exit_code == 0
    listed = json.loads(result.stdout)["rules"]
    assert {rule["kind"] for rule in listed} == {"assay", "managed"}
    assert len(listed) > 800


def test_a_rule_that_there_is_not_fails_with_the_nearest_names(
    runner: CliRunner, app: typer.Typer
) -> None:
    result = runner.invoke(app, ["rules", "s3-bucket-ssl-request-olny"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: no rule has 's3-bucket-ssl-request-olny' in its name, identifier or types; did you "
        "mean s3-bucket-ssl-requests-only?\n"
    )


def test_a_pack_becomes_settings_on_standard_output(runner: CliRunner, app: typer.Typer) -> None:
    result = runner.invoke(app, ["import-pack", "pack.yaml"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("# From pack.yaml, ")
    assert yaml.safe_load(result.stdout) == SETTINGS


def test_a_pack_becomes_a_file(runner: CliRunner, app: typer.Typer) -> None:
    result = runner.invoke(app, ["import-pack", "pack.yaml", "--out", "new/rules.yaml"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 rules written to new/rules.yaml\n"
    assert yaml.safe_load(Path("new/rules.yaml").read_text()) == SETTINGS


def test_what_is_left_of_a_pack_is_named_and_fails(runner: CliRunner, app: typer.Typer) -> None:
    result = runner.invoke(app, ["import-pack", "mixed.yaml"])
    assert result.exit_code == 1
    assert yaml.safe_load(result.stdout) == SETTINGS
    assert result.stderr == f"left: {LEFT}'x'\n"


def test_a_pack_is_json_where_json_is_asked_for(runner: CliRunner, app: typer.Typer) -> None:
    result = runner.invoke(app, ["import-pack", "mixed.yaml", "--json", "--out", "rules.yaml"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        **SETTINGS,
        "remediations": {},
        "left": [{"resource": "Bucket", "reason": f"{LEFT.removeprefix('Bucket: ')}'x'"}],
    }
    assert yaml.safe_load(Path("rules.yaml").read_text()) == SETTINGS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.yaml"], "nothing.yaml: cannot be read: No such file or directory"),
        (["bad.yaml"], "bad.yaml: template: allowed: a mapping; got 'text'"),
        (["pack.yaml", "--out", "."], ".: cannot be written: Is a directory"),
    ],
)
def test_files_that_cannot_be_used_fail_without_a_traceback(
    runner: CliRunner, app: typer.Typer, arguments: list[str], message: str
) -> None:
    Path("bad.yaml").write_text("text")
    result = runner.invoke(app, ["import-pack", *arguments])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: {message}\n"
