"""The commands as a user types them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from assay_cli.commands import app
from assay_cli.embedded_aws import EmbeddedAws

ASSAY = str(Path(sys.executable).with_name("assay"))
CDKTF = {"assay-dev": {"ec2_tag_lambda_name": "ec2-tag-compliance-dev"}}


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return CliRunner()


@pytest.mark.parametrize(
    "command",
    [[], ["demo"], ["outputs"], ["invoke"], ["redrive"], ["report"], ["guard-test"], ["doctor"]],
)
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


REPORTS = Path(__file__).parents[1] / "reports"
FULL, OLD = str(REPORTS / "report-1.2.json"), str(REPORTS / "report-1.1.json")


def test_report_is_shown_with_its_score_and_violations(runner: CliRunner) -> None:
    result = runner.invoke(app, ["report", "--from", FULL])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "\nScore: 50 % (3 of 6), before: " in result.stdout
    assert " arn:aws:s3:::new-uploads " in result.stdout
    assert list(Path().iterdir()) == []


def test_latest_report_is_the_one_that_is_meant(runner: CliRunner, session: boto3.Session) -> None:
    s3 = session.client("s3")
    s3.create_bucket(Bucket="latest-reports")
    key = "latest/compliance-report.json"
    s3.put_object(Bucket="latest-reports", Key=key, Body=Path(FULL).read_bytes())
    Path("flat.json").write_text('{"reports_bucket_name": "latest-reports"}')
    result = runner.invoke(app, ["report", "--outputs", "flat.json", "--json"])
    s3.delete_object(Bucket="latest-reports", Key=key)
    s3.delete_bucket(Bucket="latest-reports")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout_bytes == Path(FULL).read_bytes()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("html", "compliance-report.html"),
        ("csv", "compliance-report.csv"),
        ("markdown", "compliance-report.md"),
        ("json", "compliance-report.json"),
    ],
)
def test_report_is_written_in_a_form_under_its_usual_name(
    runner: CliRunner, name: str, file: str
) -> None:
    result = runner.invoke(app, ["report", "--from", FULL, "--format", name])
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{file} written\n", "")
    assert "new-uploads" in Path(file).read_text(encoding="utf-8")


def test_name_of_the_file_tells_the_form(runner: CliRunner) -> None:
    result = runner.invoke(app, ["report", "--from", FULL, "--out", "new/r.oscal.json"])
    assert (result.exit_code, result.stdout) == (0, "new/r.oscal.json written\n")
    assert "assessment-results" in json.loads(Path("new/r.oscal.json").read_text())


def test_report_goes_through_pipes(runner: CliRunner) -> None:
    result = runner.invoke(
        app,
        ["report", "--from", "-", "--format", "markdown", "--out", "-"],
        input=Path(FULL).read_bytes(),
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("## Compliance of account `123456789012`")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "pdf"], "must be json, html, csv, markdown, ocsf, asff, sarif, oscal; got"),
        (["--out", "a.pdf"], "and the name of --out, a.pdf, tells none of them"),
        (["--out", "-"], "and the name of --out, -, tells none of them"),
        (["--json", "--out", "a.json"], "not together with --format or --out"),
        (["--json", "--format", "csv"], "not together with --format or --out"),
        (["--diff", "a", "b", "--from", "c"], "not together with --from"),
        (["--diff", "a", "b", "--format", "html"], "must be markdown, json; got html"),
        (["--open"], "only an HTML file can be opened"),
        (["--open", "--format", "csv"], "only an HTML file can be opened"),
        (["--open", "--format", "html", "--out", "-"], "only an HTML file can be opened"),
        (["--fail-on", "much"], "'much' is not one of 'low', 'medium', 'high', 'critical'"),
    ],
)
def test_report_options_that_do_not_fit_are_wrong_usage(
    runner: CliRunner, arguments: list[str], message: str
) -> None:
    result = runner.invoke(app, ["report", *arguments])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "none.json"], "none.json: No such file or directory; a report is latest, "),
        (["--diff", FULL, "none.json"], "none.json: No such file or directory; a report is "),
        ([], "latest: cfn-outputs/flat-outputs.json: there is no reports_bucket_name; "),
        (["--from", "wrong.json"], "wrong.json: no compliance report: schema_version: missing"),
        (["--from", "wrong.json", "--format", "csv"], "wrong.json: no compliance report: "),
        (["--from", FULL, "--out", "wrong.json/r.csv"], "wrong.json/r.csv: cannot be written: "),
    ],
)
def test_report_that_cannot_be_had_fails_with_its_name(
    runner: CliRunner, arguments: list[str], message: str
) -> None:
    Path("wrong.json").write_text("{}")
    result = runner.invoke(app, ["report", *arguments])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {message}")


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["--from", FULL, "--fail-on", "high"], 1),
        (["--from", FULL, "--fail-on", "low"], 1),
        (["--from", FULL, "--fail-on", "critical"], 1),
        (["--from", OLD, "--fail-on", "critical"], 0),
        (["--diff", OLD, FULL, "--fail-on", "high"], 1),
        (["--diff", FULL, FULL, "--fail-on", "low"], 0),
    ],
)
def test_severe_violations_fail_a_pipeline_after_everything_is_written(
    runner: CliRunner, arguments: list[str], exit_code: int
) -> None:
    result = runner.invoke(app, ["report", *arguments, "--format", "markdown", "--out", "r.md"])
    assert (result.exit_code, result.stdout) == (exit_code, "r.md written\n")
    assert Path("r.md").read_text().startswith("## Compliance")
    assert bool(result.stderr) == bool(exit_code)


def test_silent_rule_fails_a_pipeline_by_its_own_severity(runner: CliRunner) -> None:
    for severity, rules in (
        ("critical", ["rds-backup-compliance"]),
        ("medium", ["ec2-tag-compliance", "rds-backup-compliance"]),
    ):
        result = runner.invoke(app, ["report", "--from", FULL, "--fail-on", severity])
        assert result.exit_code == 1
        told = [line for line in result.stderr.splitlines() if "reported" in line]
        assert told == [f"error: {rule} has not reported in its time" for rule in rules]


def test_old_report_that_does_not_know_of_silence_says_nothing_of_it(runner: CliRunner) -> None:
    result = runner.invoke(app, ["report", "--from", OLD, "--json", "--fail-on", "high"])
    assert result.exit_code == 1
    assert result.stderr == "error: violations of severity high or above: 2\n"


def test_what_changed_is_shown(runner: CliRunner) -> None:
    result = runner.invoke(app, ["report", "--diff", OLD, FULL])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "\nViolations: 1 new, 0 no longer waived, 1 resolved, " in result.stdout


def test_what_changed_is_written_as_markdown_and_json(runner: CliRunner) -> None:
    result = runner.invoke(app, ["report", "--diff", OLD, FULL, "--format", "markdown"])
    assert (result.exit_code, result.stdout) == (0, "compliance-changes.md written\n")
    assert Path("compliance-changes.md").read_text().startswith("## Compliance changes of ")
    printed = runner.invoke(app, ["report", "--diff", OLD, FULL, "--json"])
    assert json.loads(printed.stdout)["still_open"] == 2


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser that writes into a file what it is to open."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(browser))
    return opened


RunAssay = Callable[..., "subprocess.CompletedProcess[str]"]


def test_page_is_opened_where_it_is_wanted(run_assay: RunAssay, browser: Path) -> None:
    command = ["report", "--from", FULL, "--out", "a report.html"]
    assert run_assay(*command).returncode == 0
    assert not browser.exists()
    done = run_assay(*command, "--open")
    assert (done.returncode, done.stdout, done.stderr) == (0, "a report.html written\n", "")
    assert browser.read_text() == f"{browser.parent.as_uri()}/a%20report.html"


@pytest.mark.parametrize(("option", "opened"), [([], True), (["--no-open"], False)])
def test_page_is_opened_on_a_terminal_unless_nobody_wants_it(
    browser: Path, option: list[str], opened: bool
) -> None:
    mine, its = os.openpty()
    subprocess.run(
        [ASSAY, "report", "--from", FULL, "--out", "r.html", *option],
        cwd=browser.parent,
        stdout=its,
        check=True,
    )
    os.close(its)
    os.close(mine)
    assert browser.exists() == opened


def test_page_without_a_browser_is_written_all_the_same(
    run_assay: RunAssay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = run_assay("report", "--from", FULL, "--out", "r.html", "--open")
    assert (done.returncode, done.stdout) == (0, "r.html written\n")
    assert done.stderr == "there is no browser to open it\n"
