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


def send_all(send: Callable[[Sequence[T]], Sequence[T]], batch: Sequence[T], what: str) -> None:
    """Sends a batch until all of it is accepted.

    Args:
        send: Makes the call, and returns what was not accepted.
        batch: What to send.
        what: The call's name, for the message.

    Raises:
        NotAcceptedError: A part was still refused at the last attempt.
    """
    left = send(batch)
    for seconds in _WAITS:
        if not left:
            return
        time.sleep(seconds)
        left = send(left)
    if left:
        raise NotAcceptedError(
            f"{what}: {len(left)} of {len(batch)} not accepted after {len(_WAITS) + 1} attempts, "
            f"the first: {left[0]}"
        )
