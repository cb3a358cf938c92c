"""How values are written in texts: recognizable, short enough to be read, and counted."""

from __future__ import annotations

import reprlib

_LENGTH = 100

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = _LENGTH


def shown(value: object) -> str:
    """Returns a value as it was given, cut in the middle when it is long."""
    return _repr.repr(value)


def counted(number: int, noun: str = "") -> str:
    """Writes a number, and what is counted in the singular or the plural: 1 day, 1,461 days."""
    plural = "" if number == 1 else "s"
    return f"{number:,} {noun}{plural}" if noun else f"{number:,}"
