"""Calls that wait for AWS, made side by side."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
U = TypeVar("U")


def concurrently(function: Callable[[T], U], values: Iterable[T], concurrency: int) -> Iterator[U]:
    """Yields the function's results in the order of the values.

    Values are taken in the caller's thread, and no more than a few ahead of what is yielded, so
    that a long stream of them is never held as a whole.

    Args:
        function: What to call; it raises only what shall end the stream.
        values: What to call it with.
        concurrency: Calls under way at once; with 1 there are no threads.
    """
    if concurrency == 1:
        yield from map(function, values)
        return
    # Only here, because most functions start without it.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    pool = ThreadPoolExecutor(concurrency)
    try:
        waiting: deque[Future[U]] = deque()
        for value in values:
            waiting.append(pool.submit(function, value))
            if len(waiting) > concurrency:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
