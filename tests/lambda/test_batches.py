import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.batches import batches


@pytest.mark.parametrize(
    ("values", "cut"),
    [
        ("", []),
        ("a", [["a"]]),
        ("abc", [["a", "b", "c"]]),
        ("abcd", [["a", "b", "c"], ["d"]]),
    ],
)
def test_values_are_cut_into_full_batches_and_a_rest(values: str, cut: list[list[str]]) -> None:
    assert list(batches(values, 3)) == cut


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=10))
def test_batches_together_are_the_values_in_order(values: list[int], size: int) -> None:
    cut = list(batches(values, size))
    assert [value for batch in cut for value in batch] == values
    assert all(len(batch) == size for batch in cut[:-1])
    assert all(1 <= len(batch) <= size for batch in cut[-1:])


def test_values_are_taken_only_when_their_batch_is_wanted() -> None:
    values = iter(range(10))
    assert next(batches(values, 4)) == [0, 1, 2, 3]
    assert next(values) == 4
