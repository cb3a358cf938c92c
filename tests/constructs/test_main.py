import importlib.util
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path.cwd()
SETTINGS = """
environment_suffix: small
region: eu-west-1
recorder: {mode: none}
rules: {s3-encryption-compliance: {}}
"""


def run_main(
    environment: dict[str, str], **changes: str | Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "main.py"],
        cwd=PROJECT,
        env={**environment, **{name: str(value) for name, value in changes.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def environments(tmp_path: Path) -> Path:
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "small.yaml").write_text(SETTINGS, encoding="utf-8")
    return folder


def test_another_folder_of_settings_and_another_suffix_are_taken(
    tmp_path: Path, environments: Path, clean_environment: dict[str, str]
) -> None:
    ran = run_main(
        clean_environment,
        ASSAY_ENVIRONMENTS=environments,
        ENVIRONMENT_SUFFIX="pr-7",
        CDKTF_OUTDIR=tmp_path / "out",
    )
    assert ran.returncode == 0, ran.stderr
    stack = json.loads((tmp_path / "out/stacks/assay-small/cdk.tf.json").read_text())
    (function,) = (
        each
        for each in stack["resource"]["aws_lambda_function"].values()
        if each["handler"] == "assay.evaluator.handler"
    )
    assert function["function_name"] == "s3-encryption-compliance-pr-7"
    assert stack["terraform"]["backend"]["local"]["path"].endswith("assay-small.pr-7.tfstate")


def test_mistakes_in_settings_are_told_without_a_traceback(
    environments: Path, clean_environment: dict[str, str]
) -> None:
    (environments / "wrong.yaml").write_text(
        SETTINGS.replace("small", "wrong").replace("none", "off"), encoding="utf-8"
    )
    ran = run_main(clean_environment, ASSAY_ENVIRONMENTS=environments)
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert f"{environments / 'wrong.yaml'}:4: recorder" in ran.stderr
    assert "'create', 'existing', 'none'" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def main() -> ModuleType:
    spec = importlib.util.spec_from_file_location("main", PROJECT / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fake(file: Path, script: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of which no virtual environment is known, and a PATH of the test's own."""
    monkeypatch.delenv("ASSAY_RESTARTED", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_outside_its_environment_the_app_starts_again_inside(
    main: ModuleType, project: Path
) -> None:
    fake(project / ".venv/bin/python", f'echo "$ASSAY_RESTARTED $1" > {project}/started; exit 3')
    assert main.run_in_project_environment(project) == 3
    assert (project / "started").read_text() == f"1 {project / 'main.py'}\n"


def test_pipenv_is_asked_where_its_environment_is(main: ModuleType, project: Path) -> None:
    fake(project / "elsewhere/python", "exit 4")
    fake(project / "bin/pipenv", f'[ "$1" = --py ] && echo {project}/elsewhere/python')
    assert main.run_in_project_environment(project) == 4


def test_without_an_environment_the_user_hears_how_to_make_one(
    main: ModuleType, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_in_project_environment(project) == 1
    assert "`make setup` or `pipenv sync`" in capsys.readouterr().err
    fake(project / "bin/pipenv", "exit 1")
    assert main.run_in_project_environment(project) == 1


def test_it_starts_again_only_once(
    main: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(project / ".venv/bin/python", "exit 3")
    monkeypatch.setenv("ASSAY_RESTARTED", "1")
    assert main.run_in_project_environment(project) == 1


@pytest.mark.parametrize("home", [True, False])
def test_a_python_without_the_project_finds_it(
    environments: Path, tmp_path: Path, clean_environment: dict[str, str], *, home: bool
) -> None:
    """``-S`` leaves out site-packages, as the system's Python would not have the project."""
    environment = {**clean_environment, "ASSAY_ENVIRONMENTS": str(environments)}
    if not home:
        environment["ASSAY_RESTARTED"] = "1"
    ran = subprocess.run(
        [sys.executable, "-S", "main.py"],
        cwd=PROJECT,
        env={**environment, "CDKTF_OUTDIR": str(tmp_path / "out")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == (0 if home else 1), ran.stderr
    assert (tmp_path / "out/manifest.json").exists() is home
    assert os.linesep.join(ran.stderr.splitlines()[:1]).startswith(
        "" if home else "assay is not installed"
    )
