"""Children are ended with all that they started, whatever happens to the command."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assay_cli import processes

SLEEPING_FAMILY = ["sh", "-c", "sleep 300 & sleep 300"]


def run_script(source: str, *signals: signal.Signals) -> tuple[int, str]:
    """Run a script; send it the signals once it has printed a line; give exit code and output."""
    header = "import os, signal, subprocess, sys, time\nfrom assay_cli import processes\n"
    with subprocess.Popen(
        [sys.executable, "-c", header + source],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        output = process.stdout.readline()
        for number in signals:
            process.send_signal(number)
        output += process.stdout.read()
    return process.returncode, output


MAIN = """
try:
    with processes.interruptible():
        main()
except processes.Interrupted as interrupted:
    print(interrupted)
    sys.exit(interrupted.exit_code)
"""


def test_child_is_ended_with_its_children(left_processes: Callable[[], list[str]]) -> None:
    with processes.child(SLEEPING_FAMILY) as process:
        assert os.getsid(process.pid) == process.pid
    assert process.returncode == -signal.SIGKILL
    assert left_processes() == []


def test_child_that_has_ended_keeps_its_exit_code() -> None:
    with processes.child(["sh", "-c", "exit 3"]) as process:
        process.wait()
    assert process.returncode == 3


def test_child_may_end_before_it_has_read_its_input() -> None:
    with processes.child(["true"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write("x")
        process.wait()
    assert process.stdin.closed


def test_program_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError),
        processes.child([str(tmp_path / "nothing")]),
    ):
        pass


def test_released_child_outlives_the_context() -> None:
    with processes.child(["sleep", "300"]) as process:
        processes.release(process)
    assert process.poll() is None
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", processes.ENDING_SIGNALS)
def test_signal_ends_child_and_command(
    number: signal.Signals, left_processes: Callable[[], list[str]]
) -> None:
    source = """
def main():
    with processes.child(["sh", "-c", "sleep 300 & sleep 300"]):
        print("started", flush=True)
        time.sleep(300)
"""
    assert run_script(source + MAIN, number) == (128 + number, f"started\n{number.name}\n")
    assert left_processes() == []


def test_second_signal_does_not_disturb_the_clean_up() -> None:
    source = """
def main():
    try:
        print("started", flush=True)
        time.sleep(300)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        print("cleaned up")
"""
    exit_code, output = run_script(source + MAIN, signal.SIGINT)
    assert (exit_code, output) == (130, "started\ncleaned up\nSIGINT\n")


def test_signal_while_a_child_starts_ends_it_too(
    left_processes: Callable[[], list[str]],
) -> None:
    source = """
def main():
    print("starting", flush=True)
    interrupt = lambda: os.kill(os.getppid(), signal.SIGTERM)
    with processes.child(["sleep", "300"], preexec_fn=interrupt):
        print("not reached")
"""
    assert run_script(source + MAIN) == (143, "starting\nSIGTERM\n")
    assert left_processes() == []


def test_child_whose_context_was_never_left_is_ended_with_the_command(
    left_processes: Callable[[], list[str]],
) -> None:
    source = """
def main():
    global context
    context = processes.child(["sleep", "300"])
    context.__enter__()
    print("started", flush=True)
"""
    assert run_script(source + MAIN) == (0, "started\n")
    assert left_processes() == []


def test_hang_up_that_was_ignored_at_the_start_stays_ignored() -> None:
    source = """
def main():
    print("started", flush=True)
    os.kill(os.getpid(), signal.SIGHUP)
    print("still here")
signal.signal(signal.SIGHUP, signal.SIG_IGN)
"""
    assert run_script(source + MAIN) == (0, "started\nstill here\n")
