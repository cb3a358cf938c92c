"""Cutting what is to be sent into pieces that an API takes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


def batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yields the values in lists of a size, the last one perhaps shorter."""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
