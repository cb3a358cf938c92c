"""What the CDKTF CLI is doing, for the app that it has started.

It tells its app nothing of that: only its own command line, or a parent's, does.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

# The commands that start the app, by whether they deploy.
_DEPLOY = {"deploy", "apply", "watch"}
_DO_NOT_DEPLOY = {"synth", "synthesize", "diff", "plan", "destroy", "output", "outputs", "list"}
# Set by the CLI for its app, and by nothing else.
_VARIABLE = "CDKTF_CONTEXT_JSON"


@dataclass(frozen=True)
class CdktfCommand:
    """What the CDKTF CLI was asked for.

    Attributes:
        words: Its command line after its own name; none where that cannot be seen.
    """

    words: Sequence[str] = ()

    @property
    def deploys(self) -> bool:
        """Whether it will deploy, or may, as far as can be seen."""
        # An option's value may look like a command, so one that deploys counts wherever it stands.
        return not _DEPLOY.isdisjoint(self.words) or _DO_NOT_DEPLOY.isdisjoint(self.words)

    def selects(self, stack: str) -> bool:
        """Whether it names a stack, or a pattern that the stack matches."""
        return any(fnmatchcase(stack, word) for word in self.words)


def running_command(
    environment: Mapping[str, str] = os.environ,
    *,
    pid: int | None = None,
    proc: Path = Path("/proc"),
) -> CdktfCommand | None:
    """Return what the CDKTF CLI does that has started this process; nothing where none has.

    Args:
        environment: This process's.
        pid: Whose parents are looked through; this process's by default.
        proc: Where the system tells about processes; without it, `ps` does.
    """
    if _VARIABLE not in environment:
        return None
    for words in _parents(os.getpid() if pid is None else pid, proc):
        for place, word in enumerate(words):
            if Path(word).name in ("cdktf", "cdktf.js"):
                return CdktfCommand(words[place + 1 :])
    return CdktfCommand()


def _parents(pid: int, proc: Path) -> Iterator[Sequence[str]]:
    """Command lines of a process's parents, the nearest first."""
    while pid > 1:
        parent, words = _on_linux(pid, proc) if proc.is_dir() else _by_ps(pid)
        yield words
        pid = parent


def _on_linux(pid: int, proc: Path) -> tuple[int, Sequence[str]]:
    folder = proc / str(pid)
    try:
        stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        words = (folder / "cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        # It has ended, or is not for us to see.
        return 0, ()
    # The name in brackets may hold anything; the parent is the second field behind it.
    return int(stat.rpartition(")")[2].split()[1]), words.rstrip("\0").split("\0")


def _by_ps(pid: int) -> tuple[int, Sequence[str]]:
    try:
        told = subprocess.run(  # noqa: S603 - a number is all that is put in
            # All of it, however narrow the terminal is.
            ["ps", "-ww", "-o", "ppid=,args=", "-p", str(pid)],  # noqa: S607 - the system's own
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        ).stdout.split()
        return (int(told[0]), told[1:]) if told else (0, ())
    except (OSError, ValueError):
        # There is none, or it knows nothing of these options.
        return 0, ()
