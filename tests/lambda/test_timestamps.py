from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.timestamps import read_timestamp, write_timestamp


@pytest.mark.parametrize(
    "text",
    ["2026-11-23T06:00:00Z", "2026-11-23T06:00:00.000Z", "2026-11-23T08:00:00+02:00"],
)
def test_every_form_that_aws_sends_is_read_as_utc(text: str) -> None:
    assert read_timestamp(text) == datetime(2026, 11, 23, 6, tzinfo=UTC)
    assert read_timestamp(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-23T06:00:00", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_point_in_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an ISO 8601 point in time .*, got '"):
        read_timestamp(text)


def test_text_has_microseconds_even_when_they_are_zero() -> None:
    assert write_timestamp(datetime(2026, 11, 23, 6, tzinfo=UTC)) == "2026-11-23T06:00:00.000000Z"


moments = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - Hypothesis adds the time zone itself
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)


@given(moments, moments)
def test_texts_sort_as_the_points_in_time_follow(one: datetime, other: datetime) -> None:
    texts = [write_timestamp(read_timestamp(moment.isoformat())) for moment in (one, other)]
    assert (texts[0] < texts[1]) == (one < other)
    assert read_timestamp(texts[0]) == one
