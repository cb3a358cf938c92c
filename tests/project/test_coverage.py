"""What tests cover is counted, whatever becomes of the processes that ran them."""

import subprocess
import sys
from pathlib import Path

import coverage
import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
# It leaves as a killed process does: functions that are to run at its end do not.
TESTS = """
import atexit
import os

import measured


def test_it():
    atexit.register(os._exit, 9)
    assert measured.answer() == 42
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose one test kills the worker that ran it, as soon as that ends."""
    (tmp_path / "conftest.py").write_bytes(CONFTEST.read_bytes())
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "measured.py").write_text("def answer():\n    return 42\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        "[tool.coverage.run]\n"
        "parallel = true\n"
        'patch = ["subprocess"]\n'
        'source_pkgs = ["measured"]\n'
        "[tool.pytest.ini_options]\n"
        'pythonpath = ["."]\n',
        encoding="utf-8",
    )
    return tmp_path


def test_a_worker_that_is_killed_at_its_end_has_saved_what_it_covered(project: Path) -> None:
    environment = {"PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    for arguments in (["run", "-m", "pytest", "--numprocesses=1"], ["combine"]):
        finished = subprocess.run(
            [sys.executable, "-m", "coverage", *arguments],
            cwd=project,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
    data = coverage.CoverageData(str(project / ".coverage"))
    data.read()
    assert data.lines(str(project / "measured.py")) == [1, 2]
