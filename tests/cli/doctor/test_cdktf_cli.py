"""What the CDKTF CLI does is seen on its command line."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from assay_cli.doctor.cdktf_cli import CdktfCommand, running_command

BY_THE_CLI = {"CDKTF_CONTEXT_JSON": "{}"}


@pytest.mark.parametrize(
    ("words", "deploys"),
    [
        (["deploy", "assay-dev"], True),
        (["apply"], True),
        (["watch", "assay-dev"], True),
        (["--log-level", "debug", "deploy", "assay-dev"], True),
        ([], True),
        (["something-new"], True),
        (["synth"], False),
        (["diff", "assay-dev"], False),
        (["--output", "cdktf.pr42.out", "destroy", "assay-dev"], False),
        # The first may be an option's value.
        (["--output", "list", "deploy", "assay-dev"], True),
        (["output", "deploy"], True),
    ],
)
def test_what_may_deploy_is_told_by_the_command(words: list[str], deploys: bool) -> None:
    assert CdktfCommand(words).deploys is deploys


@pytest.mark.parametrize(
    ("words", "selected"),
    [
        (["deploy", "assay-dev", "--auto-approve"], True),
        (["deploy", "assay-*"], True),
        (["deploy", "--outputs-file", "outputs.json"], False),
        (["deploy", "assay-developers"], False),
    ],
)
def test_stacks_are_selected_by_name_or_pattern(words: list[str], selected: bool) -> None:
    assert CdktfCommand(words).selects("assay-dev") is selected


def test_without_the_cli_there_is_no_command() -> None:
    assert running_command({"CDKTF_OUTDIR": "cdktf.out"}) is None


Processes = Callable[[Mapping[int, tuple[int, list[str]]]], Path]


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    """Writes what Linux would tell of these processes: number, parent and command line."""

    def write(told: Mapping[int, tuple[int, list[str]]]) -> Path:
        for pid, (parent, words) in told.items():
            folder = tmp_path / "proc" / str(pid)
            folder.mkdir(parents=True)
            (folder / "stat").write_text(f"{pid} (a ) name) S {parent} 1 1 0", encoding="utf-8")
            (folder / "cmdline").write_text("\0".join([*words, ""]), encoding="utf-8")
        return tmp_path / "proc"

    return write


@pytest.mark.parametrize("program", ["/app/node_modules/.bin/cdktf", "/usr/lib/bin/cdktf.js"])
def test_the_command_is_the_nearest_parents(processes: Processes, program: str) -> None:
    proc = processes(
        {
            40: (30, ["python", "main.py"]),
            30: (20, ["/bin/sh", "-c", "python main.py"]),
            20: (10, ["node", program, "deploy", "assay-dev"]),
            10: (1, ["npm exec cdktf deploy assay-dev"]),
        }
    )
    assert running_command(BY_THE_CLI, pid=40, proc=proc) == CdktfCommand(["deploy", "assay-dev"])


def test_a_cli_that_cannot_be_seen_may_deploy(processes: Processes) -> None:
    proc = processes({40: (30, ["python", "main.py"])})
    found = running_command(BY_THE_CLI, pid=40, proc=proc)
    assert found == CdktfCommand()
    assert found.deploys


# Starts its second argument as the CLI starts the app.
CLI = """
import subprocess, sys
subprocess.run(sys.argv[2], shell=True, check=True)
"""
APP = """
import json, sys
from pathlib import Path
from assay_cli.doctor.cdktf_cli import running_command
command = running_command(proc=Path(sys.argv[1]))
print(json.dumps(command.words))
"""


@pytest.mark.parametrize("proc", ["/proc", "/no/such/folder"])
def test_the_app_sees_the_command_that_has_started_it(tmp_path: Path, proc: str) -> None:
    assert shutil.which("ps")
    (tmp_path / "cdktf").write_text(CLI, encoding="utf-8")
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    app = f"{sys.executable} {tmp_path / 'app.py'} {proc}; exit $?"
    ran = subprocess.run(
        [sys.executable, tmp_path / "cdktf", "deploy", app],
        env={**os.environ, **BY_THE_CLI},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(ran.stdout)[0] == "deploy"


def test_a_process_that_has_ended_has_no_parents(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert running_command(BY_THE_CLI, pid=gone.pid) == CdktfCommand()
    nowhere = tmp_path / "none"
    assert running_command(BY_THE_CLI, pid=gone.pid, proc=nowhere) == CdktfCommand()


@pytest.mark.parametrize("script", [None, "echo Usage: ps"])
def test_a_system_that_tells_nothing_of_processes_leaves_the_command_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None
) -> None:
    if script:
        (tmp_path / "ps").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / "ps").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = running_command(BY_THE_CLI, proc=tmp_path / "none")
    assert found == CdktfCommand()
    assert found.deploys
