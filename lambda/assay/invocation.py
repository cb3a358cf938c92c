"""One invocation of a function in its log."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools import Logger


@contextmanager
def logged(logger: Logger, **keys: str | None) -> Iterator[None]:
    """Puts keys on all that an invocation logs, and logs the exception that ends it.

    The keys go with the invocation, because the process may serve another one.

    Args:
        logger: The function's logger.
        keys: The keys; one whose value is still None is left out until it is appended.
    """
    with logger.append_context_keys(**keys):
        try:
            yield
        except Exception:
            logger.exception("run failed")
            raise
