"""Errors that a user can mend."""

import reprlib

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100


def shortened(value: object) -> str:
    """The representation of a value for a message, cut where it is long."""
    return _SHORT.repr(value)


class SettingsError(Exception):
    """Settings are wrong; holds every mistake found, not just the first.

    Args:
        mistakes: One message for each mistake: where, what is allowed, and what came.
    """

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class ConstructArgumentError(ValueError):
    """An argument of a construct is impossible.

    Args:
        argument: The argument's name.
        allowed: What it may be.
        received: What it was.
    """

    def __init__(self, argument: str, allowed: str, received: object) -> None:
        super().__init__(f"{argument} must be {allowed}; received {shortened(received)}")
