from hypothesis import given
from hypothesis import strategies as st

from assay.dynamodb import from_item, to_item

values = st.recursive(
    st.text() | st.booleans() | st.integers(-(2**53), 2**53),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.text(min_size=1), values, max_size=5))
def test_items_read_as_they_were_written(plain: dict[str, object]) -> None:
    assert from_item(to_item(plain)) == plain


def test_attributes_that_are_none_are_left_out() -> None:
    assert to_item({"kept": "x", "absent": None}) == {"kept": {"S": "x"}}
