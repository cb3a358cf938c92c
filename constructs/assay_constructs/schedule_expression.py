"""EventBridge's schedule expressions: which there are, and how far apart their runs are.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

import functools
import re
from itertools import pairwise

_DAY_MINUTES = 24 * 60
_UNIT_MINUTES = {"minute": 1, "hour": 60, "day": _DAY_MINUTES}


def _values(lowest: int, highest: int, names: str = "") -> str:
    """A pattern for one number, or one of some names."""
    numbers = "|".join(f"0?{n}" if n < 10 else str(n) for n in range(lowest, highest + 1))  # noqa: PLR2004 - one digit
    return f"(?:{numbers}|(?i:{names}))" if names else f"(?:{numbers})"


def _field(value: str, other: str = "") -> str:
    """A pattern for one field: lists, ranges and steps of values."""
    part = rf"(?:(?:\*|{value}(?:-{value})?)(?:/[1-9][0-9]{{0,2}})?{other.format(value)})"
    return f"{part}(?:,{part})*"


@functools.cache
def _cron() -> re.Pattern[str]:
    minutes, hours = _field(_values(0, 59)), _field(_values(0, 23))
    day_of_month = _field(_values(1, 31), "|L|LW|{}W")
    month = _field(_values(1, 12, "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"))
    day_of_week = _field(_values(1, 7, "SUN|MON|TUE|WED|THU|FRI|SAT"), "|L|{0}L|{0}#[1-5]")
    year = _field("(?:19[7-9][0-9]|2[01][0-9]{2})")  # 1970 to 2199
    days = rf"(?:{day_of_month} {month} \?|\? {month} {day_of_week})"
    return re.compile(rf"cron\({minutes} {hours} {days} {year}\)")


_RATE = re.compile(
    r"rate\((?:1 (?:minute|hour|day)|(?!1 )[1-9][0-9]{0,8} (?:minutes|hours|days))\)"
)


def is_schedule_expression(text: str) -> bool:
    """Whether EventBridge knows a text as a schedule."""
    return bool(_cron().fullmatch(text) or _RATE.fullmatch(text))


def longest_gap_minutes(expression: str) -> int | None:
    """The longest time between two runs of a schedule, in minutes.

    Args:
        expression: A schedule expression.

    Returns:
        The time, or ``None`` for a cron expression that does not run on every day alike.
    """
    kind, _, arguments = expression.rstrip(")").partition("(")
    first, second, *days = arguments.split()
    if kind == "rate":
        return int(first) * _UNIT_MINUTES[second.removesuffix("s")]
    minutes, hours = _numbers(first, 60), _numbers(second, 24)
    if not (minutes and hours and set(days) <= {"*", "?"}):
        return None
    runs = sorted(hour * 60 + minute for hour in hours for minute in minutes)
    return max(later - run for run, later in pairwise([*runs, runs[0] + _DAY_MINUTES]))


def _numbers(field: str, count: int) -> set[int]:
    """What a field stands for, of the numbers below a count; nothing if a range runs backwards."""
    numbers: set[int] = set()
    for part in field.split(","):
        span, has_step, step = part.replace("*", f"0-{count - 1}").partition("/")
        start, is_range, stop = span.partition("-")
        first = int(start)
        last = int(stop) if is_range else count - 1 if has_step else first
        if last < first:
            return set()
        numbers.update(range(first, last + 1, int(step or 1)))
    return numbers
