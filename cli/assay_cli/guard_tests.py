"""The command `assay guard-test`: tries Guard policies on examples that settings name.

A policy must pass some of them, and must fail others.
"""

import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from assay_cli.display import Display
from assay_cli.processes import child
from assay_constructs.environments import read_environments
from assay_constructs.errors import SettingsError
from assay_constructs.settings import Settings

Expected = Literal["pass", "fail"]
# https://docs.aws.amazon.com/cfn-guard/latest/ug/cfn-guard-validate.html
_VALID, _INVALID = 0, 19


@dataclass(frozen=True)
class GuardTest:
    """An example for a policy.

    Attributes:
        environment: Whose settings have it.
        rule: The rule's name there.
        policy: Path of the policy.
        example: Path of the configuration item.
        expected: What the policy must do with it.
    """

    environment: str
    rule: str
    policy: str
    example: str
    expected: Expected


@dataclass(frozen=True)
class GuardResult:
    """What came of a test.

    Attributes:
        test: The test.
        found: What the policy did; with ``skip`` none of its rules apply to the example.
        said: Why, where the test failed.
    """

    test: GuardTest
    found: Literal["pass", "fail", "skip", "error"]
    said: str = ""

    @property
    def good(self) -> bool:
        """Whether the policy did what it must."""
        return self.found == self.test.expected


def find_cfn_guard() -> str | None:
    """The program that runs the tests, where it is installed."""
    return shutil.which("cfn-guard")


def guard_tests(environments: Mapping[str, Settings]) -> Iterator[GuardTest]:
    """All tests in the settings of environments."""
    for environment, settings in environments.items():
        for name, rule in settings.guard_rules.items():
            for expected, examples in rule.tests.items():
                for example in examples:
                    yield GuardTest(environment, name, rule.file, example, expected)


def run_guard_test(test: GuardTest, cfn_guard: str) -> GuardResult:
    """Run one test.

    Args:
        test: The test.
        cfn_guard: The program, of release 3 or newer.

    Returns:
        What came of it; an error where the program could not judge.
    """
    command = [
        *(cfn_guard, "validate", "--rules", test.policy, "--data", test.example),
        *("--structured", "--output-format", "json", "--show-summary", "none"),
    ]
    with child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        output, errors = process.communicate()
    if process.returncode not in (_VALID, _INVALID):
        said = " ".join((errors or output).split())
        return GuardResult(test, "error", f"cfn-guard ended with {process.returncode}: {said}")
    try:
        (judged,) = json.loads(output)
        return _judged(test, judged)
    except (KeyError, TypeError, ValueError):
        return GuardResult(test, "error", f"cfn-guard said what is not known: {output.strip()}")


def _judged(test: GuardTest, judged: Mapping[str, Any]) -> GuardResult:
    match judged["status"]:
        case "PASS":
            result = GuardResult(test, "pass", "every rule that applies is kept")
        case "FAIL":
            broken = ", ".join(each["Rule"]["name"] for each in judged["not_compliant"])
            result = GuardResult(test, "fail", f"broken: {broken}")
        case "SKIP":
            result = GuardResult(test, "skip", "no rule of the policy applies to it")
        case status:
            raise ValueError(status)
    return GuardResult(test, result.found) if result.good else result


def register(app: typer.Typer, *, epilog: str) -> None:
    """Add the command to the command line.

    Args:
        app: The command line.
        epilog: Ends the help.
    """
    app.command("guard-test", epilog=epilog, short_help="Try Guard policies on their examples.")(
        guard_test
    )


def guard_test(
    *,
    environments: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The settings: by default the folder in ASSAY_ENVIRONMENTS, or environments.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results, as JSON and nothing else.")
    ] = False,
) -> None:
    """Try the policies of guard_rules on the examples in their tests.

    An example is a configuration item in a JSON or YAML file, as AWS Config gives it to the
    policy. What must pass must not just be left alone by a policy that does not apply to it.
    The rule's input_parameters are not passed on: AWS does not document under which name AWS
    Config gives them to a policy, so examples are judged without them.

    \b
    Examples:
      assay guard-test
      assay guard-test --environments environments --json

    cfn-guard, release 3 or newer, runs them. Where it is not installed, they are skipped, with a
    notice and exit code 0.
    """  # noqa: D301 - Click wants the character that \b stands for
    folder = environments or Path(os.environ.get("ASSAY_ENVIRONMENTS") or "environments")
    display = Display()
    try:
        tests = list(guard_tests(read_environments(folder)))
    except SettingsError as error:
        display.notice(f"error: {error}")
        raise typer.Exit(1) from error
    cfn_guard = find_cfn_guard()
    results = [run_guard_test(test, cfn_guard) for test in tests] if cfn_guard else []
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(result) for result in results]))
    elif results:
        _show(results, display)
    if not tests:
        display.notice("No rule in guard_rules has tests.")
    elif cfn_guard is None:
        display.notice(
            f"cfn-guard is not installed, so {len(tests)} tests of Guard policies are skipped: "
            "https://docs.aws.amazon.com/cfn-guard/latest/ug/setting-up.html"
        )
    if not all(result.good for result in results):
        raise typer.Exit(1)


def _show(results: Sequence[GuardResult], display: Display) -> None:
    bad = sum(not result.good for result in results)
    display.table(
        f"{len(results) - bad} of {len(results)} tests of Guard policies are good",
        ("environment", "rule", "example", "must", "did", "why"),
        (
            (
                result.test.environment,
                result.test.rule,
                Path(result.test.example).name,
                result.test.expected,
                result.found,
                result.said,
            )
            for result in results
        ),
    )
