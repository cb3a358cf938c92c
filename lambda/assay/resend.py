"""Calls that may accept a part of a batch: what is left is sent again, for a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

# Seconds before each further attempt: some three in all, short beside a function's timeout.
_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6)


class NotAcceptedError(RuntimeError):
    """A service kept refusing a part of a batch."""

    def __init__(self, what: str, left: Sequence[object], size: int) -> None:
        super().__init__(
            f"{what}: {len(left)} of {size} not accepted after {len(_WAITS) + 1} attempts, "
            f"the first: {left[0]}"
        )


def send_all(send: Callable[[Sequence[T]], Sequence[T]], batch: Sequence[T]) -> Sequence[T]:
    """Sends a batch until all of it is accepted, and returns what was refused to the last.

    Args:
        send: Makes the call, and returns what was not accepted.
        batch: What to send.
    """
    left = send(batch)
    for seconds in _WAITS:
        if not left:
            return left
        time.sleep(seconds)
        left = send(left)
    return left
