"""Stands in for ``typing_extensions`` in the deployment package.

Powertools takes two names from it. The real one is a file of some 4,000 lines, which a function
would compile at every cold start, since nothing can write bytecode beside it there.
"""

from collections.abc import Callable
from typing import NotRequired, TypeVar

__all__ = ["NotRequired", "deprecated"]

T = TypeVar("T")


def deprecated(_message: str, /, **_options: object) -> Callable[[T], T]:
    """Leave what is deprecated as it is."""
    return lambda decorated: decorated
