"""The command `assay` as a process."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def test_version_is_the_distribution_s(
    run_assay: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    done = run_assay("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "assay 0.1.0\n", "")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_a_command_without_a_traceback(number: signal.Signals, exit_code: int) -> None:
    with subprocess.Popen(
        [Path(sys.executable).with_name("assay"), "outputs", "--from", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        # Until it has imported everything and waits for its input.
        time.sleep(2)
        process.send_signal(number)
        assert process.wait() == exit_code
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read() == ""
        assert process.stderr.read() == f"\nended by {number.name}\n"
