"""The commands as a user types them."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
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


@pytest.mark.parametrize("command", [[], ["demo"], ["outputs"], ["invoke"], ["redrive"]])
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


@pytest.mark.parametrize("option", [[], ["--follow"]])
def test_run_is_followed_to_its_end_and_only_its_last_payload_printed(
    runner: CliRunner, sweeper: Any, option: list[str]
) -> None:
    Path("event.json").write_text('{"run": "r", "last": 3}')
    result = runner.invoke(app, ["invoke", sweeper.name, "--event", "event.json", *option])
    assert result.exit_code == 0
    assert result.stderr == "segment 1 of r\nsegment 2 of r\nsegment 3 of r\n"
    summary = {"run_id": "r", "segments": 3, "continued": False}
    assert json.loads(result.stdout) == summary


def test_run_is_not_followed_when_nobody_wants_it(runner: CliRunner, sweeper: Any) -> None:
    command = ["invoke", sweeper.name, "--event", "-", "--json", "--no-follow"]
    result = runner.invoke(app, command, input='{"run": "r", "last": 2}')
    assert result.exit_code == 0
    assert json.loads(result.stdout)["continued"] is True


def test_continuation_that_fails_is_the_run_s_failure(runner: CliRunner, sweeper: Any) -> None:
    command = ["invoke", sweeper.name, "--event", "-", "--json"]
    result = runner.invoke(app, command, input='{"run": "r", "last": 2, "broken": 2}')
    assert result.exit_code == 1
    assert json.loads(result.stdout)["errorMessage"] == "cannot go on"
    assert result.stderr.endswith("error: sweeper: ValueError: cannot go on\n")


@pytest.fixture
def dead_letters(session: boto3.Session, runner: CliRunner, sweeper: Any) -> Iterator[list[str]]:
    """The ids of dead letters: one that succeeds now, one that does not, and one that is odd."""
    assert runner
    sqs = session.client("sqs")
    url = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    flat = {"dead_letter_queue_url": url, "ec2_tag_lambda_name": sweeper.name}
    Path("flat.json").write_text(json.dumps(flat))
    event = {"detail-type": "Scheduled Event", "run": "r", "last": 2}
    bodies = [
        json.dumps(
            {
                "requestContext": {"functionArn": sweeper.arn, "condition": "RetriesExhausted"},
                "requestPayload": payload,
                "responsePayload": {"errorType": "KeyError", "errorMessage": "'run'"},
            }
        )
        for payload in (event, event | {"broken": 1})
    ]
    yield [
        sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"] for body in (*bodies, "odd")
    ]
    sqs.delete_queue(QueueUrl=url)


REDRIVE = ["redrive", "--outputs", "flat.json"]


def test_dead_letters_are_listed_and_stay(runner: CliRunner, dead_letters: list[str]) -> None:
    for _ in range(2):
        result = runner.invoke(app, [*REDRIVE, "--dry-run"])
        assert (result.exit_code, result.stderr) == (0, "")
        lines = result.stdout.splitlines()
        assert [each for each in dead_letters if any(each in line for line in lines)] == (
            dead_letters
        )
        (odd,) = (line for line in lines if dead_letters[2] in line)
        assert " unknown " in odd
        for line in lines:
            if dead_letters[0] in line or dead_letters[1] in line:
                assert "| failed invocation | sweeper  | Scheduled Event | KeyError: 'run'" in line
        assert re.fullmatch(r"3 in http://.*/dead-letters", lines[-1])


def test_dead_letters_are_put_back_and_those_that_stay_are_named(
    runner: CliRunner, dead_letters: list[str]
) -> None:
    good, bad, odd = dead_letters
    result = runner.invoke(app, REDRIVE)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        f"put back: failed invocation of sweeper, message {good}",
        f"stays: failed invocation of sweeper, message {bad}: sweeper: ValueError: cannot go on",
    ]
    assert lines[2].startswith(f"stays: unknown, message {odd}: it is neither ")
    assert lines[3:] == ["1 put back, 2 left"]
    assert result.stderr.startswith("segment 1 of r\nTraceback")
    again = runner.invoke(app, [*REDRIVE, "--dry-run", "--json"])
    assert again.exit_code == 0
    listed = json.loads(again.stdout)["messages"]
    assert [each["message_id"] for each in listed] == [bad, odd]
    assert [each["put_back"] for each in listed] == [False, False]


def test_dead_letters_of_one_function_are_put_back_up_to_a_number(
    runner: CliRunner, dead_letters: list[str]
) -> None:
    command = [*REDRIVE, "--function", "ec2-tag-compliance", "--limit", "1", "--json"]
    result = runner.invoke(app, command)
    assert (result.exit_code, result.stderr) == (0, "")
    (message,) = json.loads(result.stdout)["messages"]
    assert (message["message_id"], message["put_back"]) == (dead_letters[0], True)
    none = runner.invoke(app, [*REDRIVE, "--function", "rds-backup-compliance"])
    assert (none.exit_code, none.stdout) == (0, "0 put back, 0 left\n")


@pytest.mark.parametrize(
    ("option", "operation"),
    [([], "GetFunction"), (["--locally"], "GetFunction"), (["--in-aws"], "Invoke")],
)
def test_function_of_a_dead_letter_runs_here_or_where_it_is_wanted(
    runner: CliRunner, session: boto3.Session, option: list[str], operation: str
) -> None:
    sqs = session.client("sqs")
    url = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    context = {"functionArn": "arn:aws:lambda:us-east-1:123456789012:function:gone"}
    record = json.dumps({"requestContext": context, "requestPayload": {}})
    sqs.send_message(QueueUrl=url, MessageBody=record)
    result = runner.invoke(app, ["redrive", "--queue-url", url, *option])
    sqs.delete_queue(QueueUrl=url)
    assert result.exit_code == 1
    assert f"(ResourceNotFoundException) when calling the {operation} operation" in result.stdout
    assert result.stdout.endswith("\n0 put back, 1 left\n")


def test_dead_letter_queue_that_is_not_named_is_wrong_usage(runner: CliRunner) -> None:
    result = runner.invoke(app, ["redrive"])
    assert result.exit_code == 2
    assert "--outputs: cfn-outputs/flat-outputs.json: there is no dead_letter_queue_url" in (
        " ".join(result.stderr.split())
    )


def test_number_of_dead_letters_that_is_none_is_wrong_usage(runner: CliRunner) -> None:
    result = runner.invoke(app, ["redrive", "--limit", "0"])
    assert result.exit_code == 2
    assert "--limit" in result.stderr
