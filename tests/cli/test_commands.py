"""The commands as a user types them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay_cli.commands import app
from assay_cli.embedded_aws import EmbeddedAws

CDKTF = {"assay-dev": {"ec2_tag_lambda_name": "ec2-tag-compliance-dev"}}


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return CliRunner()


@pytest.mark.parametrize("command", [[], ["demo"], ["outputs"], ["invoke"]])
def test_help_teaches_by_examples_and_tells_the_exit_codes(
    runner: CliRunner, command: list[str]
) -> None:
    result = runner.invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert re.search(r"^ +assay \w+", result.stdout, re.MULTILINE)
    assert "Exit codes: 0 all well, 1 failed or expectation violated, 2 wrong" in result.stdout
    assert "\x1b" not in result.stdout


def test_without_a_command_the_help_is_shown_as_wrong_usage(runner: CliRunner) -> None:
    result = runner.invoke(app, [])
    assert result.exit_code == 2
    assert "Usage:" in result.output


def test_version_is_printed(runner: CliRunner) -> None:
    result = runner.invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, "assay 0.1.0\n")


def test_outputs_are_flattened_into_the_usual_file(runner: CliRunner) -> None:
    Path("cfn-outputs").mkdir()
    Path("cfn-outputs/outputs.json").write_text(json.dumps(CDKTF))
    result = runner.invoke(app, ["outputs"])
    assert (result.exit_code, result.stdout) == (
        0,
        "1 outputs written to cfn-outputs/flat-outputs.json\n",
    )
    assert json.loads(Path("cfn-outputs/flat-outputs.json").read_text()) == CDKTF["assay-dev"]


def test_outputs_come_from_standard_input_and_go_out_as_json(runner: CliRunner) -> None:
    terraform = {"name": {"value": "x", "type": "string", "sensitive": False}}
    result = runner.invoke(
        app,
        ["outputs", "--from", "-", "--out", "new/flat.json", "--json"],
        input=json.dumps(terraform),
    )
    assert (result.exit_code, result.stdout) == (0, '{"name": "x"}\n')
    assert json.loads(Path("new/flat.json").read_text()) == {"name": "x"}


def test_missing_outputs_are_wrong_usage(runner: CliRunner) -> None:
    result = runner.invoke(app, ["outputs"])
    assert result.exit_code == 2
    assert "--from: cfn-outputs/outputs.json: No such file or directory" in result.stderr


def test_several_stacks_without_a_name_are_wrong_usage(runner: CliRunner) -> None:
    Path("all.json").write_text(json.dumps(CDKTF | {"assay-staging": {}}))
    result = runner.invoke(app, ["outputs", "--from", "all.json"])
    assert result.exit_code == 2
    assert "name one by --stack (assay-dev, assay-staging)" in result.stderr


def test_outputs_that_are_no_json_fail(runner: CliRunner) -> None:
    Path("bad.json").write_text("{")
    result = runner.invoke(app, ["outputs", "--from", "bad.json"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: bad.json: not valid JSON")
    assert not Path("cfn-outputs").exists()


def test_function_is_invoked_by_its_rule_with_what_the_schedule_sends(
    runner: CliRunner, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function("def handler(event, context):\n    print('hello')\n    return event\n")
    flat = {"ec2_tag_lambda_name": name}
    Path("flat.json").write_text(json.dumps(flat))
    result = runner.invoke(app, ["invoke", "ec2-tag-compliance", "--outputs", "flat.json"])
    assert result.exit_code == 0
    assert result.stderr == "hello\n"
    assert json.loads(result.stdout)["detail-type"] == "Scheduled Event"


def test_function_is_invoked_with_a_given_event_and_only_its_payload_printed(
    runner: CliRunner, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function("def handler(event, context):\n    print('hello')\n    return event\n")
    Path("event.json").write_text('{"a": 1}')
    result = runner.invoke(app, ["invoke", name, "--event", "event.json", "--json"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, '{"a": 1}\n', "")


def test_failing_function_fails_with_its_log_and_error(
    runner: CliRunner, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function(
        "def handler(event, context):\n    print('before')\n    raise ValueError('wrong')\n"
    )
    result = runner.invoke(app, ["invoke", name])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("before\n")
    assert result.stderr.endswith(f"error: {name}: ValueError: wrong\n")


def test_failing_function_s_answer_is_json_where_json_is_asked_for(
    runner: CliRunner, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function("def handler(event, context):\n    raise ValueError('wrong')\n")
    result = runner.invoke(app, ["invoke", name, "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["errorMessage"] == "wrong"


def test_function_that_is_not_deployed_fails_with_aws_s_message(
    runner: CliRunner, exported_aws: EmbeddedAws
) -> None:
    assert exported_aws.endpoint
    result = runner.invoke(app, ["invoke", "nothing"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: An error occurred (ResourceNotFoundException)")


def test_region_that_is_missing_fails_with_boto_s_message(runner: CliRunner) -> None:
    result = runner.invoke(app, ["invoke", "nothing"])
    assert (result.exit_code, result.stderr) == (1, "error: You must specify a region.\n")


def test_event_that_is_missing_is_wrong_usage(runner: CliRunner, exported_aws: EmbeddedAws) -> None:
    assert exported_aws.endpoint
    result = runner.invoke(app, ["invoke", "name", "--event", "nothing.json"])
    assert result.exit_code == 2
    assert "--event: nothing.json: No such file or directory" in result.stderr
