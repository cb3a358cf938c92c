"""Points in time as text: ISO 8601 in UTC with microseconds, so that they sort as they follow."""

from __future__ import annotations

from datetime import UTC, datetime

SECONDS_A_DAY = 24 * 60 * 60


def read_timestamp(text: str) -> datetime:
    """Reads an ISO 8601 point in time with an offset, and returns it in UTC.

    Raises:
        ValueError: It is none; the message gives what came.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"must be an ISO 8601 point in time with an offset, got {text!r}")


def write_timestamp(moment: datetime) -> str:
    """Writes a point in time in UTC, such as `2026-11-23T06:00:00.000000Z`."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
