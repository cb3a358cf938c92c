"""Checks of construct arguments at synth; values that only Terraform will know pass.

Whether a value is one of those is asked last: it is a question to Node.js.
"""

import re

from cdktf import Token

from assay_constructs.errors import ConstructArgumentError


def check_length(argument: str, value: str, maximum: int) -> None:
    """Refuse an empty or overlong string.

    Raises:
        ConstructArgumentError: When the value is known and not 1 to ``maximum`` characters long.
    """
    if not 1 <= len(value) <= maximum and not Token.is_unresolved(value):
        raise ConstructArgumentError(argument, f"1 to {maximum} characters long", value)


def check_pattern(argument: str, value: str, pattern: str, allowed: str) -> None:
    """Refuse a string that does not match a regular expression as a whole.

    Raises:
        ConstructArgumentError: When the value is known and does not match.
    """
    if not re.fullmatch(pattern, value) and not Token.is_unresolved(value):
        raise ConstructArgumentError(argument, allowed, value)


def check_range(argument: str, value: int, minimum: int, maximum: int) -> None:
    """Refuse a number outside a range.

    Raises:
        ConstructArgumentError: When the value is known and not in the range.
    """
    if not minimum <= value <= maximum and not Token.is_unresolved(value):
        raise ConstructArgumentError(argument, f"from {minimum} to {maximum}", value)
