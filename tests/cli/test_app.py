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


def wait_until_idle(pid: int) -> None:
    """Wait until the process has imported everything and waits for its input.

    That is, until it has used no processor time for a second. A signal that hits an import may hit
    coverage's tracer while that holds its lock, and then the process would never end.
    """
    deadline = time.monotonic() + 60
    used, since = "", time.monotonic()
    while time.monotonic() - since < 1:
        assert time.monotonic() < deadline
        # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: utime and stime
        now = " ".join(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
        if now != used:
            used, since = now, time.monotonic()
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_a_command_without_a_traceback(number: signal.Signals, exit_code: int) -> None:
    with subprocess.Popen(
        [Path(sys.executable).with_name("assay"), "outputs", "--from", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        wait_until_idle(process.pid)
        process.send_signal(number)
        assert process.wait() == exit_code
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read() == ""
        assert process.stderr.read() == f"\nended by {number.name}\n"
