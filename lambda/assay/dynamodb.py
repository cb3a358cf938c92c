"""DynamoDB items to and from plain values; all numbers here are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


def to_item(values: Mapping[str, object]) -> dict[str, AttributeValueTypeDef]:
    """Makes an item; attributes that are None are left out.

    Raises:
        TypeError: A value is of a type that items here do not have.
    """
    return {name: _written(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Reads an item, with `int` for every number."""
    return {name: _read(value) for name, value in item.items()}


# Not boto3's own serializer: it takes ten times as long, and a sweep writes a million attributes.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
def _written(value: Any) -> Any:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, list):
        return {"L": [_written(item) for item in value]}
    if isinstance(value, dict):
        return {"M": to_item(value)}
    raise TypeError(f"must be a string, boolean, integer, bytes, list or dictionary, got {value!r}")


def _read(value: Mapping[str, Any]) -> Any:
    ((kind, plain),) = value.items()
    if kind == "N":
        return int(plain)
    if kind == "L":
        return [_read(item) for item in plain]
    if kind == "M":
        return from_item(plain)
    return plain
