"""What a command shows: live progress on a terminal, plain lines anywhere else."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from assay_cli.terraform import Event

# Wide enough that no plain line is ever broken: other programs read them.
_PLAIN_WIDTH = 4096

# Reads of data sources are events too, but no progress.
_DONE = {"create": "created", "delete": "destroyed"}


class Display:
    """Standard output for results and progress, standard error for notices.

    Args:
        terminal: whether standard output is one; found out by default.
    """

    def __init__(self, *, terminal: bool | None = None) -> None:
        # Texts come from AWS too, and may have brackets that look like markup.
        self._console = Console(highlight=False, markup=False, force_terminal=terminal)
        if not self._console.is_terminal:
            self._console.width = _PLAIN_WIDTH
        self._errors = Console(stderr=True, highlight=False, markup=False)

    def say(self, text: str = "") -> None:
        """Print a line."""
        self._console.print(text, soft_wrap=True)

    def notice(self, text: str) -> None:
        """Print a line that is not part of the result."""
        self._errors.print(text, soft_wrap=True)

    def table(self, title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
        """Print a table."""
        terminal = self._console.is_terminal
        table = Table(
            title=title,
            title_justify="left",
            box=box.SIMPLE_HEAD if terminal else box.MARKDOWN,
        )
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show that something goes on."""
        if self._console.is_terminal:
            with self._console.status(text):
                yield
            self.say(text)
        else:
            self.say(text)
            yield

    @contextmanager
    def terraform(self, title: str) -> Iterator[Callable[[Event], None]]:
        """Show Terraform's progress.

        Yields:
            What takes Terraform's events.
        """
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[resource]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        ) as progress:
            task = progress.add_task(title, total=None, resource="")

            running: dict[str, str] = {}

            def show(event: Event) -> None:
                if event["type"] == "change_summary" and event["changes"]["operation"] == "plan":
                    changes = event["changes"]
                    progress.update(task, total=changes["add"] + changes["remove"])
                hook = event.get("hook", {})
                if hook.get("action") not in _DONE:
                    return
                address = hook["resource"]["addr"]
                if event["type"] == "apply_start":
                    running[address] = hook["resource"]["resource_type"]
                elif event["type"] == "apply_complete":
                    del running[address]
                    progress.advance(task)
                    if not self._console.is_terminal:
                        seconds = hook["elapsed_seconds"]
                        self.say(f"  {_DONE[hook['action']]} {address} ({seconds} s)")
                # The one that has taken longest is what everything waits for.
                progress.update(task, resource=next(iter(running.values()), ""))

            if not self._console.is_terminal:
                self.say(title)
            yield show
