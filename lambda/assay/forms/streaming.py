"""Writing JSON whose arrays are too long to be in memory whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def write_array(values: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Writes a JSON array, a line for each value."""
    separator = "["
    for value in values:
        yield f"{separator}\n{json.dumps(value)}"
        separator = ","
    yield "[]" if separator == "[" else "\n]"


def write_object(
    around: Mapping[str, Any],
    arrays: Mapping[str, Iterable[Mapping[str, Any]]],
    *,
    sort_keys: bool = False,
) -> Iterator[str]:
    """Writes a JSON object that has long arrays somewhere in it.

    Args:
        around: The object, with an empty list where each of them belongs.
        arrays: The arrays by their names, in the order in which the object has them. No other
            empty list in it may have such a name.
        sort_keys: Whether the names around the arrays are sorted.
    """
    rest = json.dumps(around, indent=1, sort_keys=sort_keys)
    for name, values in arrays.items():
        # No string can hold this, because its quotation marks would be escaped.
        before, rest = rest.split(f'"{name}": []')
        yield f'{before}"{name}": '
        yield from write_array(values)
    yield f"{rest}\n"
