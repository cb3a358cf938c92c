"""The commands of `assay`: what they take, and what they print."""

import json
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated

import boto3
import typer

from assay import forms
from assay.rule import Severity
from assay_cli import config_commands, doctor_command, embedded_aws, guard_tests, report_output
from assay_cli import outputs as flat
from assay_cli.continuations import follow
from assay_cli.dead_letters import function_name
from assay_cli.demo import PROJECT, Demo
from assay_cli.display import Display
from assay_cli.errors import errors_for_users
from assay_cli.invoke import FunctionError, Invocation, scheduled_event
from assay_cli.redrive import DeadLetterQueue, Outcome, describe, list_letters
from assay_cli.redrive import as_json as outcome_as_json
from assay_cli.report_file import LATEST
from assay_cli.severities import at_least, rules_at_least

app = typer.Typer(
    # Plain help is the same on a terminal, in a pipe and in a log.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

_EXIT_CODES = "Exit codes: 0 all well, 1 failed or expectation violated, 2 wrong usage."


def _read(file: str, option: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint=option) from error


def _read_outputs(file: Path) -> dict[str, str]:
    return flat.read(file) if file.exists() else {}


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if wanted:
        typer.echo(f"assay {metadata.version('assay')}")
        raise typer.Exit


@app.callback(epilog=_EXIT_CODES)
def assay(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Continuous compliance for AWS.

    \b
    Try the whole system on this machine, without an AWS account:
      assay demo
    Flatten what a deployment printed, then run one of its functions here:
      cdktf deploy assay-dev --outputs-file cfn-outputs/outputs.json
      assay outputs
      assay invoke s3-encryption-compliance
    Look at the latest report, or fail a pipeline by it:
      assay report
      assay report --format html
      assay report --fail-on high
    See what failed for good, and after a fix put it back to work:
      assay redrive --dry-run
      assay redrive
    """  # noqa: D301 - Click wants the character that \b stands for


@app.command(epilog=_EXIT_CODES, short_help="Deploy, run and destroy everything locally.")
def demo(
    *,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Leave everything up, and say how to reach it and how to stop it."
        ),
    ] = False,
    project: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="A checkout of Assay, whose main.py is deployed; the one that this command is "
            "installed from by default.",
            show_default=False,
        ),
    ] = PROJECT,
) -> None:
    """Deploy everything to an embedded AWS, run it once, show the report, and destroy it.

    Real Terraform with the real AWS provider deploys to a moto server on this machine that is
    filled with sample resources. The verdicts must be those that the samples demand. Files lie in
    .assay/demo, or beside it where a kept demonstration still uses that.

    \b
    Examples:
      assay demo
      assay demo --keep

    The AWS provider comes from the folder in ASSAY_PROVIDER_MIRROR, from Terraform's own mirror
    folders, or from the registry.
    """  # noqa: D301 - Click wants the character that \b stands for
    with errors_for_users():
        if not Demo(Display(), keep=keep, project=project.resolve()).run():
            raise typer.Exit(1)


@app.command(epilog=_EXIT_CODES, short_help="Flatten a deployment's outputs into one file.")
def outputs(
    *,
    source: Annotated[
        str, typer.Option("--from", metavar="FILE", help="What the deployment wrote; - is stdin.")
    ] = "cfn-outputs/outputs.json",
    stack: Annotated[
        str | None, typer.Option(help="Whose outputs, where the file holds several stacks.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The flat file.")] = flat.FLAT_OUTPUTS,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the flat outputs, as JSON and nothing else.")
    ] = False,
) -> None:
    """Flatten a deployment's outputs into one file of names and values.

    \b
    Examples:
      cdktf deploy assay-dev --outputs-file cfn-outputs/outputs.json && assay outputs
      terraform output -json | assay outputs --from -
      assay outputs --from all.json --stack assay-dev --out dev.json
    """  # noqa: D301 - Click wants the character that \b stands for
    with errors_for_users():
        try:
            flattened = flat.flatten(flat.parse(_read(source, "--from"), source), stack)
        except flat.StackError as error:
            raise typer.BadParameter(str(error), param_hint="--stack") from error
        flat.write(flattened, out)
    if as_json:
        typer.echo(json.dumps(flattened, sort_keys=True))
    else:
        typer.echo(f"{len(flattened)} outputs written to {out}")


@app.command(epilog=_EXIT_CODES, short_help="Run a deployed function's own zip here.")
def invoke(
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A function's name or ARN; or a rule (s3-encryption-compliance), "
            "report-aggregator, or an output (rds_backup_lambda_name), which the flat outputs "
            "resolve.",
            show_default=False,
        ),
    ],
    event: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="JSON event; - is stdin. Without it, what the schedule would send now.",
        ),
    ] = None,
    outputs_file: Annotated[
        Path, typer.Option("--outputs", metavar="FILE", help="The flat outputs.")
    ] = flat.FLAT_OUTPUTS,
    to_the_end: Annotated[
        bool | None,
        typer.Option(
            "--follow/--no-follow",
            help="Run the continuations too that a sweep leaves in its queue when its time is "
            "over. By default only with AWS_ENDPOINT_URL; in AWS, Lambda does it.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the payload, as JSON and nothing else.")
    ] = False,
) -> None:
    """Run a deployed function's own zip here, with its deployed environment variables.

    It runs in a fresh process that can import the zip and what the Lambda runtime brings, nothing
    else. The AWS is the one of your environment: AWS_ENDPOINT_URL, credentials, region. The
    function runs with your credentials, not with its role. The payload of a run that has
    continuations is that of the last one.

    \b
    Examples:
      assay invoke ec2-tag-compliance
      assay invoke report-aggregator --json
      assay invoke s3-encryption-compliance-dev --event change.json
    """  # noqa: D301 - Click wants the character that \b stands for
    with errors_for_users():
        function = flat.function_name(name, _read_outputs(outputs_file))
        session = boto3.Session()
        given = None if event is None else flat.parse(_read(event, "--event"), event)
        try:
            with Invocation(
                session, function, scheduled_event(session, function) if given is None else given
            ) as invocation:
                result = invocation.result()
            if embedded_aws.in_use() if to_the_end is None else to_the_end:
                result = follow(session, function, result)
        except FunctionError as error:
            if as_json:
                typer.echo(json.dumps(error.error))
            raise
    if as_json:
        typer.echo(json.dumps(result.payload))
    else:
        typer.echo(result.log, err=True, nl=False)
        typer.echo(json.dumps(result.payload, indent=2))


@app.command(epilog=_EXIT_CODES, short_help="Put dead letters back to work, or list them.")
def redrive(  # noqa: PLR0913 - each is an option
    *,
    outputs_file: Annotated[
        Path, typer.Option("--outputs", metavar="FILE", help="The flat outputs.")
    ] = flat.FLAT_OUTPUTS,
    queue_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The dead-letter queue; by default the output dead_letter_queue_url.",
            show_default=False,
        ),
    ] = None,
    function: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only this function's messages, named as for `assay invoke`.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="How many messages at most.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the messages; change nothing.")
    ] = False,
    locally: Annotated[
        bool | None,
        typer.Option(
            "--locally/--in-aws",
            help="Run the functions on this machine, or hand the work to Lambda. By default on "
            "this machine only with AWS_ENDPOINT_URL, where Lambda runs nothing.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the messages, as JSON and nothing else.")
    ] = False,
) -> None:
    """Put the messages of the dead-letter queue back to work, once their cause is mended.

    A failed invocation and an event that could not be delivered are given to their function again,
    a continuation to its queue. A message is deleted only after that; all others stay and are
    named. Doing work twice does no harm.

    \b
    Examples:
      assay redrive --dry-run
      assay redrive
      assay redrive --function s3-encryption-compliance --limit 1

    In AWS a message put back that fails once more returns to the queue some minutes later. On this
    machine a function runs with your credentials, and its message is deleted only after success.
    """  # noqa: D301 - Click wants the character that \b stands for
    display = Display()
    with errors_for_users():
        known = _read_outputs(outputs_file)
        url = queue_url or known.get("dead_letter_queue_url")
        if not url:
            raise typer.BadParameter(
                f"{outputs_file}: there is no dead_letter_queue_url; `assay outputs` writes the "
                "file, and --queue-url names the queue without it",
                param_hint="--outputs",
            )
        wanted = None if function is None else function_name(flat.function_name(function, known))
        here = embedded_aws.in_use() if locally is None else locally
        queue = DeadLetterQueue(boto3.Session(), url)
        outcomes = []
        with queue.letters(function=wanted, limit=limit) as letters:
            for letter in letters:
                if dry_run:
                    outcome = Outcome(letter, put_back=False, reason=letter.problem)
                else:
                    outcome = queue.put_back(letter, locally=here)
                    sys.stderr.write(outcome.log)
                    if not as_json:
                        display.say(describe(outcome))
                outcomes.append(outcome)
    put_back = sum(outcome.put_back for outcome in outcomes)
    left = len(outcomes) - put_back
    if as_json:
        typer.echo(json.dumps({"messages": [outcome_as_json(each) for each in outcomes]}))
    elif dry_run:
        list_letters(letters, display)
        display.say(f"{left} in {url}")
    else:
        display.say(f"{put_back} put back, {left} left")
    if left and not dry_run:
        raise typer.Exit(1)


@app.command(epilog=_EXIT_CODES, short_help="Show or convert a report, or compare two.")
def report(  # noqa: PLR0913 - each is an option
    *,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="REPORT",
            help="latest, s3://BUCKET/KEY, a JSON file, or - for stdin; latest by default.",
            show_default=False,
        ),
    ] = None,
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--diff",
            metavar="BEFORE AFTER",
            help="What changed from one report to another; each is named as for --from.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(forms.NAMES),
            help="Write the report in this form; with --diff: markdown or json.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Where to; - is stdout. By default compliance-report, or compliance-changes, and "
            "the form's suffix, in this folder. Without --format, the suffix tells the form.",
            show_default=False,
        ),
    ] = None,
    open_it: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open",
            help="Open the HTML file in the browser. By default when stdout is a terminal.",
            show_default=False,
        ),
    ] = None,
    fail_on: Annotated[
        Severity | None,
        typer.Option(
            help="End with 1 when there is an open violation of at least this severity, or a "
            "rule of it that is silent; with --diff, one that was not so before. Waived "
            "violations do not count.",
            show_default=False,
        ),
    ] = None,
    outputs_file: Annotated[
        Path,
        typer.Option("--outputs", metavar="FILE", help="The flat outputs, for latest."),
    ] = flat.FLAT_OUTPUTS,
    as_json: Annotated[
        bool, typer.Option("--json", help="The same as --format json --out -.")
    ] = False,
) -> None:
    """Show a report, write it in another form, or say what changed from one to another.

    Without --format and --out it is shown here. JSON is written as it came; every other form is
    made from it, whichever forms the deployment writes.

    \b
    Examples:
      assay report
      assay report --format html
      assay report --from old.json --out old.csv
      assay report --format sarif --out - --fail-on high
      assay report --diff yesterday.json latest
      assay report --diff main.json latest --format markdown --out - --fail-on high

    A rule that has not reported in its time may hide violations, so --fail-on ends with 1 for such
    a rule of that severity, too, and names it on standard error.
    """  # noqa: D301 - Click wants the character that \b stands for
    if as_json and (form or out):
        raise typer.BadParameter("not together with --format or --out", param_hint="--json")
    if diff and source:
        raise typer.BadParameter("not together with --from", param_hint="--diff")
    if as_json:
        form, out = "json", report_output.STDOUT
    form = _form(form, out, report_output.DIFFERENCE_FORMS if diff else forms.NAMES)
    if open_it and (form != "html" or out == report_output.STDOUT):
        raise typer.BadParameter("only an HTML file can be opened", param_hint="--open")
    with errors_for_users():
        if diff:
            subject = report_output.two(diff, outputs_file)
        else:
            subject = report_output.one(source or LATEST, outputs_file)
        if form is None:
            subject.show(Display())
        else:
            subject_name = "changes" if diff else "report"
            file = out or f"compliance-{subject_name}{forms.load(form).suffix}"
            report_output.write(subject.pieces(form), file)
            if file != report_output.STDOUT:
                typer.echo(f"{file} written")
                if form == "html" and (sys.stdout.isatty() if open_it is None else open_it):
                    _open(file)
    if fail_on:
        _fail_on(fail_on, subject)


def _form(form: str | None, out: str | None, allowed: Sequence[str]) -> str | None:
    """Return the form to write, None where the report is only shown."""
    if form is None and out is None:
        return None
    found = form or report_output.form_of(str(out))
    if found not in allowed:
        got = f"got {form}" if form else f"and the name of --out, {out}, tells none of them"
        raise typer.BadParameter(f"must be {', '.join(allowed)}; {got}", param_hint="--format")
    return found


def _open(file: str) -> None:
    if not report_output.open_in_browser(file):
        typer.echo("there is no browser to open it", err=True)


def _fail_on(severity: Severity, subject: report_output.Subject) -> None:
    """Say what a pipeline has to know, and exit with 1 when a violation is severe enough."""
    silent = rules_at_least(subject.silent, severity)
    for rule in silent:
        typer.echo(f"error: {rule.rule_name} has not reported in its time", err=True)
    severe = at_least(subject.violations, severity)
    if severe:
        typer.echo(f"error: violations of severity {severity} or above: {len(severe)}", err=True)
    if severe or silent:
        raise typer.Exit(1)


config_commands.register(app)
guard_tests.register(app, epilog=_EXIT_CODES)
doctor_command.register(app, epilog=_EXIT_CODES)
