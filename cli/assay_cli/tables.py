"""Tables of reports, for a terminal or for Markdown."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

from assay_cli.display import Display

Row: TypeAlias = tuple[str, ...]
Part = TypeVar("Part")

# Nobody reads more lines than these; the files that `assay report` writes have all.
_SHOWN_ROWS = 100


@dataclass(frozen=True)
class Table:
    """A table, to be written once.

    Attributes:
        title: what it shows.
        columns: the columns' titles.
        rows: its rows.
        total: how many these are.
    """

    title: str
    columns: Row
    rows: Iterator[Row]
    total: int


def tabulate(
    title: str, columns: Row, parts: Sequence[Part], row: Callable[[Part], Row]
) -> list[Table]:
    """Make a table, or none where there are no parts.

    Args:
        title: what it shows.
        columns: the columns' titles.
        parts: what each row is of.
        row: makes the row of a part.
    """
    return [Table(title, columns, map(row, parts), len(parts))] if parts else []


def show(tables: Iterable[Table], display: Display) -> None:
    """Print the first rows of tables, and how many there are besides."""
    for table in tables:
        rows = (tuple(map(_printable, row)) for row in islice(table.rows, _SHOWN_ROWS))
        display.table(table.title, table.columns, rows)
        if table.total > _SHOWN_ROWS:
            display.say(f"and {table.total - _SHOWN_ROWS:,} more; files have all of them")


def _printable(cell: str) -> str:
    # Names and tags may have line breaks, and characters that give orders to a terminal.
    return "".join(each if each.isprintable() else " " for each in cell)
