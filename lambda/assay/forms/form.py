"""What a form of the report is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.report import Report


@dataclass(frozen=True)
class Form:
    """A form of the report.

    Attributes:
        suffix: What its file's name ends in, such as `.sarif.json`.
        content_type: The media type, as `Content-Type` names it.
        write: Yields the text piece by piece, the same for the same report, so that a report of
            any size need not be in memory whole.
    """

    suffix: str
    content_type: str
    write: Callable[[Report], Iterator[str]]
