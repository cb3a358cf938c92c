"""Tests of Guard policies, by a program on the PATH that answers as cfn-guard does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay_cli.guard_tests import GuardResult, GuardTest, find_cfn_guard, run_guard_test

Answer = Callable[..., str]

# It answers by what the example says, and writes down how it was called.
PROGRAM = """\
#!{python}
import json, sys
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
example = json.load(open(sys.argv[sys.argv.index("--data") + 1]))
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
sys.stderr.write(example.get("errors", ""))
sys.stdout.write(example.get("output", ""))
sys.exit(example.get("exit_code", 0))
"""


def judged(status: str, *broken: str) -> str:
    rules = [{"Rule": {"name": name, "checks": []}} for name in broken]
    return json.dumps([{"name": "item.json", "status": status, "not_compliant": rules}])


PASSES = {"output": judged("PASS")}
FAILS = {"output": judged("FAIL", "named", "tagged"), "exit_code": 19}
SKIPS = {"output": judged("SKIP")}


@pytest.fixture
def cfn_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the program on the PATH, and returns the file in which it writes how it was called."""
    program, calls = tmp_path / "bin" / "cfn-guard", tmp_path / "calls"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, calls=str(calls)), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return calls


def run(folder: Path, item: dict[str, Any], expected: Any = "pass") -> GuardResult:
    example = folder / "item.json"
    example.write_text(json.dumps(item), encoding="utf-8")
    executable = find_cfn_guard()
    assert executable is not None
    return run_guard_test(
        GuardTest("dev", "names", "names.guard", str(example), expected), executable
    )


@pytest.mark.parametrize(
    ("item", "expected", "found", "said"),
    [
        (PASSES, "pass", "pass", ""),
        (FAILS, "fail", "fail", ""),
        (PASSES, "fail", "pass", "every rule that applies is kept"),
        (FAILS, "pass", "fail", "broken: named, tagged"),
        (SKIPS, "pass", "skip", "no rule of the policy applies to it"),
        (SKIPS, "fail", "skip", "no rule of the policy applies to it"),
        (
            {"errors": "Parse Error on\n  line 1", "exit_code": 5},
            "fail",
            "error",
            "cfn-guard ended with 5: Parse Error on line 1",
        ),
        (
            {"output": "unexpected argument", "exit_code": 2},
            "pass",
            "error",
            "cfn-guard ended with 2: unexpected argument",
        ),
        ({"output": "Valid\n"}, "pass", "error", "cfn-guard said what is not known: Valid"),
        ({"output": "[]"}, "pass", "error", "cfn-guard said what is not known: []"),
        ({"output": "[3]"}, "pass", "error", "cfn-guard said what is not known: [3]"),
        ({"output": "[{}]"}, "pass", "error", "cfn-guard said what is not known: [{}]"),
        (
            {"output": judged("MAYBE")},
            "pass",
            "error",
            f"cfn-guard said what is not known: {judged('MAYBE')}",
        ),
    ],
)
def test_a_policy_must_do_with_an_example_what_its_test_says(
    tmp_path: Path,
    cfn_guard: Path,
    item: dict[str, Any],
    expected: str,
    found: str,
    said: str,
) -> None:
    result = run(tmp_path, item, expected)
    assert (result.found, result.said) == (found, said)
    assert result.good == (found == expected)
    assert json.loads(cfn_guard.read_text()) == [
        *("validate", "--rules", "names.guard", "--data", str(tmp_path / "item.json")),
        *("--structured", "--output-format", "json", "--show-summary", "none"),
    ]


# The command


@pytest.fixture
def environments(tmp_path: Path) -> Path:
    """Settings with a policy that has three examples, and with one that has none."""
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "names.guard").write_text("rule named { resourceName exists }", encoding="utf-8")
    for name, item in (("good", PASSES), ("bad", FAILS), ("other", SKIPS)):
        (folder / f"{name}.json").write_text(json.dumps(item), encoding="utf-8")
    (folder / "dev.yaml").write_text(
        "environment_suffix: dev\n"
        "region: us-east-1\n"
        "recorder: {mode: create}\n"
        "rules: {s3-encryption-compliance: {}}\n"
        "guard_rules:\n"
        "  untested: {file: names.guard}\n"
        "  names: {file: names.guard, tests: {pass: [good.json], fail: [bad.json]}}\n",
        encoding="utf-8",
    )
    return folder


def guard_test(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import typer; from assay_cli.guard_tests import register; app = typer.Typer(); "
        "app.callback()(lambda: None); register(app, epilog=''); app()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "guard-test", *arguments],
        env={**os.environ, **changes},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("cfn_guard")
def test_good_policies_are_told_with_exit_code_0(environments: Path) -> None:
    ran = guard_test(ASSAY_ENVIRONMENTS=str(environments))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("2 of 2 tests of Guard policies are good ")
    assert "| dev         | names | good.json | pass | pass |" in ran.stdout
    assert "| dev         | names | bad.json  | fail | fail |" in ran.stdout


@pytest.mark.usefixtures("cfn_guard")
def test_a_policy_that_does_something_else_ends_with_exit_code_1(environments: Path) -> None:
    settings = environments / "dev.yaml"
    wrong = settings.read_text().replace("good.json]", "good.json, other.json]")
    settings.write_text(wrong, encoding="utf-8")
    ran = guard_test("--environments", str(environments), "--json")
    assert (ran.returncode, ran.stderr) == (1, "")
    results = json.loads(ran.stdout)
    assert [(each["found"], each["said"]) for each in results] == [
        ("pass", ""),
        ("skip", "no rule of the policy applies to it"),
        ("fail", ""),
    ]
    assert results[1]["test"] == {
        "environment": "dev",
        "rule": "names",
        "policy": str(environments / "names.guard"),
        "example": str(environments / "other.json"),
        "expected": "pass",
    }


def test_without_cfn_guard_the_tests_are_skipped_with_a_notice(
    environments: Path, tmp_path: Path
) -> None:
    ran = guard_test("--environments", str(environments), PATH=str(tmp_path))
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == (
        "cfn-guard is not installed, so 2 tests of Guard policies are skipped: "
        "https://docs.aws.amazon.com/cfn-guard/latest/ug/setting-up.html\n"
    )
    assert guard_test("--environments", str(environments), "--json", PATH="").stdout == "[]\n"


def test_without_tests_there_is_nothing_to_do(environments: Path) -> None:
    settings = environments / "dev.yaml"
    settings.write_text("\n".join(settings.read_text().splitlines()[:-1]), encoding="utf-8")
    ran = guard_test("--environments", str(environments))
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == "No rule in guard_rules has tests.\n"


def test_wrong_settings_are_told_without_a_traceback(environments: Path) -> None:
    (environments / "names.guard").unlink()
    ran = guard_test("--environments", str(environments))
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"error: {environments}/dev.yaml:6: guard_rules.untested.file: ")
    assert "Traceback" not in ran.stderr
