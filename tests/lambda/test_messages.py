import pytest

from assay.messages import counted, shown


def test_a_short_value_is_shown_as_it_is() -> None:
    assert shown({"messageType": "ConfigurationSnapshotDeliveryCompleted"}) == (
        "{'messageType': 'ConfigurationSnapshotDeliveryCompleted'}"
    )


def test_a_long_value_is_cut_in_the_middle() -> None:
    assert shown("a" * 500 + "z") == f"'{'a' * 47}...{'a' * 47}z'"


@pytest.mark.parametrize(
    ("number", "written"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (1461, "1,461 days")]
)
def test_what_is_counted_stands_in_the_singular_or_the_plural(number: int, written: str) -> None:
    assert counted(number, "day") == written
    assert counted(number) == written.partition(" ")[0]
