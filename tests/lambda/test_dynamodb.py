from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from assay.dynamodb import from_item, to_item

values = st.recursive(
    st.text() | st.booleans() | st.integers(-(2**53), 2**53) | st.binary(),
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


@given(st.dictionaries(st.text(min_size=1), values, max_size=5))
def test_items_are_written_as_boto3_would(plain: dict[str, object]) -> None:
    serialize = TypeSerializer().serialize
    assert to_item(plain) == {name: serialize(value) for name, value in plain.items()}


def test_attributes_that_are_none_are_left_out_of_dictionaries_too() -> None:
    assert to_item({"in": {"kept": 1, "absent": None}}) == {"in": {"M": {"kept": {"N": "1"}}}}


@pytest.mark.parametrize("value", [1.5, {"a"}, [None], {"in": 1.5}])
def test_a_value_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(
        TypeError, match=r"^must be a string, boolean, .*, got (1\.5|\{'a'\}|None)$"
    ):
        to_item({"name": value})


def test_dynamodb_takes_and_gives_what_is_written(tables: None) -> None:
    assert tables is None
    dynamodb: Any = boto3.client("dynamodb")
    plain = {
        "rule_name": "rule",
        "resource_id": "arn",
        "yes": True,
        "count": -1,
        "packed": b"\0\xff",
        "list": ["a", [], {"b": False}],
    }
    dynamodb.put_item(TableName="compliance-state", Item=to_item(plain))
    (item,) = dynamodb.scan(TableName="compliance-state")["Items"]
    assert from_item(item) == plain
