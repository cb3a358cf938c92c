"""Values in error messages: long enough to be recognized, short enough to be read."""

from __future__ import annotations

import reprlib

_LENGTH = 100

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = _LENGTH


def shown(value: object) -> str:
    """Returns a value as it was given, cut in the middle when it is long."""
    return _repr.repr(value)
