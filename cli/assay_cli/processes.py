"""Child processes that never outlive the command that started them.

Every child leads a session of its own, so that it can be ended together with whatever it started
(Terraform its providers, jsii its Node), and so that a terminal's Ctrl-C reaches the command alone,
which then decides.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked the command to end.

    Attributes:
        exit_code: 128 and the signal's number, as shells report it: 130 for Ctrl-C.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class _Signals:
    """Turns the first ending signal into one `Interrupted`, and never within a held section.

    Later signals change nothing: the command is on its way out, and a second exception could only
    tear a clean-up in half.
    """

    def __init__(self) -> None:
        self._held = 0
        self._number: int | None = None
        self._raised = False

    def receive(self, number: int, _frame: FrameType | None) -> None:
        self._number = self._number or number
        self._raise_once()

    def _raise_once(self) -> None:
        if self._number is not None and not self._held and not self._raised:
            self._raised = True
            raise Interrupted(self._number)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put off signals until the section has ended."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._raise_once()


_signals = _Signals()
_alive: set["subprocess.Popen[str]"] = set()


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` on SIGINT, SIGTERM and SIGHUP, and leave no child behind.

    For a command's main function, once in a process: the handlers stay until the process ends. A
    SIGHUP that was ignored at the start, as `nohup` has it, stays ignored.
    """
    try:
        for number in ENDING_SIGNALS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            signal.signal(number, _signals.receive)
        yield
    finally:
        # A signal may have hit a child's own clean-up before it began.
        with _signals.held():
            for process in tuple(_alive):
                end(process)


@contextmanager
def child(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """Start a program in a session of its own, and end its whole group with the context.

    Args:
        command: the program and its arguments.
        **options: those of `subprocess.Popen`.

    Yields:
        The process, whose streams are text.
    """
    process = None
    try:
        with _signals.held():
            process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                command, start_new_session=True, encoding="utf-8", **options
            )
            _alive.add(process)
        yield process
    finally:
        with _signals.held():
            if process is not None:
                end(process)


def end(process: "subprocess.Popen[str]") -> None:
    """Kill the process and everything in its group, unless it was released or has ended."""
    if process not in _alive:
        return
    if process.returncode is None:
        # macOS answers EPERM when only a zombie is left in the group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
    _alive.discard(process)


def release(process: "subprocess.Popen[str]") -> None:
    """Let the process outlive the command."""
    _alive.discard(process)
