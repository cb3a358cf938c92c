"""DynamoDB tables in memory: keys, conditions, pages of 1 MB, and what a batch may hold.

It has what sweeps and reports ask for and refuses all else.
"""

import base64
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

AttributeMap = dict[str, dict[str, Any]]
Request = Mapping[str, Any]
Condition = Callable[[AttributeMap, Request], bool]

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
PAGE_BYTES = 1024 * 1024
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
BATCH_ITEMS = 25
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
TRANSACTION_ITEMS = 100

_KEY_CONDITION = re.compile(
    r"\w+ = (:\w+)(?: AND \w+ (?:BETWEEN (:\w+) AND (:\w+)|< (:\w+)|> (:\w+)))?"
)
_ABSENCE = re.compile(r"attribute_not_exists\((\w+)\)")
_COMPARISON = re.compile(r"(\w+) (=|<|<=) (:\w+)")
_REMOVAL = re.compile(r"REMOVE (\w+)")


class DynamoDBError(Exception):
    """What DynamoDB refuses; its text is the answer's body."""

    def __init__(self, code: str, message: str, **more: object) -> None:
        super().__init__(json.dumps({"__type": code, "message": message, **more}))


class Item(NamedTuple):
    """An item as JSON text, which is small, with its size as DynamoDB counts it."""

    text: str
    size: int

    def read(self) -> AttributeMap:
        """Return the item's attributes."""
        item: AttributeMap = json.loads(self.text)
        return item


class Table:
    """One table with a string as partition key and another as sort key."""

    def __init__(self, hash_key: str, range_key: str) -> None:
        self.hash_key, self.range_key = hash_key, range_key
        self.partitions: dict[str, dict[str, Item]] = {}
        self._sorted: dict[str, list[str]] = {}

    def clear(self) -> None:
        """Forget all items."""
        self.partitions.clear()
        self._sorted.clear()

    def key(self, item: AttributeMap) -> tuple[str, str]:
        """Return the two parts of an item's key."""
        return item[self.hash_key]["S"], item[self.range_key]["S"]

    def get(self, key: tuple[str, str]) -> AttributeMap:
        """Return an item, empty when there is none."""
        item = self.partitions.get(key[0], {}).get(key[1])
        return item.read() if item else {}

    def put(self, item: AttributeMap) -> None:
        """Write an item."""
        partition, sort_key = self.key(item)
        items = self.partitions.setdefault(partition, {})
        if sort_key not in items:
            self._sorted.pop(partition, None)
        items[sort_key] = Item(json.dumps(item, separators=(",", ":")), item_size(item))

    def pages(self, partition: str) -> int:
        """Count the pages of a Query of a whole partition."""
        keys, pages = self._keys(partition), 1
        while page := self._page(partition, keys):
            keys = keys[len(page) :]
            pages += bool(keys)
        return pages

    def query(self, request: Request) -> str:
        """Answer a Query of a partition, or of its sort keys between two, before or after one."""
        condition = _matched(_KEY_CONDITION, request["KeyConditionExpression"])
        values = {
            place: value["S"] for place, value in request["ExpressionAttributeValues"].items()
        }
        partition = values[condition[1]]
        keys = self._keys(partition)
        if condition[2]:
            low, high = values[condition[2]], values[condition[3]]
            keys = keys[bisect_left(keys, low) : bisect_right(keys, high)]
        if condition[4]:
            keys = keys[: bisect_left(keys, values[condition[4]])]
        if condition[5]:
            keys = keys[bisect_right(keys, values[condition[5]]) :]
        if "ExclusiveStartKey" in request:
            keys = keys[bisect_right(keys, request["ExclusiveStartKey"][self.range_key]["S"]) :]
        if not request.get("ScanIndexForward", True):
            keys = keys[::-1]
        page = self._page(partition, keys[: request.get("Limit")])
        items = ",".join(self.partitions[partition][key].text for key in page)
        last = ""
        if len(page) < len(keys):
            key = {self.hash_key: {"S": partition}, self.range_key: {"S": page[-1]}}
            last = f',"LastEvaluatedKey":{json.dumps(key)}'
        return f'{{"Count":{len(page)},"ScannedCount":{len(page)},"Items":[{items}]{last}}}'

    def _keys(self, partition: str) -> Sequence[str]:
        if partition not in self._sorted:
            self._sorted[partition] = sorted(self.partitions.get(partition, {}))
        return self._sorted[partition]

    def _page(self, partition: str, keys: Sequence[str]) -> Sequence[str]:
        """Return as many of the keys as have room in one page."""
        filled = 0
        for number, key in enumerate(keys):
            filled += self.partitions[partition][key].size
            if filled > PAGE_BYTES:
                return keys[:number]
        return keys


class Tables(dict[str, Table]):
    """Tables by name, and the operations on them."""

    def answer(self, operation: str, request: Request) -> str:
        """Answer an operation of DynamoDB's JSON protocol.

        Raises:
            DynamoDBError: DynamoDB would refuse it, or no sweep needs it.
        """
        match operation:
            case "Query":
                return self[request["TableName"]].query(request)
            case "GetItem":
                item = self._item(request)
                return json.dumps({"Item": item} if item else {})
            case "PutItem" | "UpdateItem":
                if not self._holds(request):
                    item = self._item(request)
                    raise DynamoDBError("ConditionalCheckFailedException", "refused", Item=item)
                self._write(request)
                return "{}"
            case "BatchWriteItem":
                requests = [
                    {"TableName": name, **written["PutRequest"]}
                    for name, batch in request["RequestItems"].items()
                    for written in batch
                ]
                self._require_distinct(requests, BATCH_ITEMS)
                for each in requests:
                    self._write(each)
                return '{"UnprocessedItems":{}}'
            case "TransactWriteItems":
                requests = [each for action in request["TransactItems"] for each in action.values()]
                self._require_distinct(requests, TRANSACTION_ITEMS)
                self._require_conditions(requests)
                for each in requests:
                    self._write(each)
                return "{}"
        raise DynamoDBError("UnknownOperationException", f"no {operation} here")

    def _require_distinct(self, requests: Sequence[Request], greatest: int) -> None:
        keys = {(request["TableName"], self._key(request)) for request in requests}
        if not 0 < len(requests) <= greatest or len(keys) < len(requests):
            raise DynamoDBError("ValidationException", f"{len(requests)} items, {len(keys)} keys")

    def _require_conditions(self, requests: Sequence[Request]) -> None:
        reasons = [
            {"Code": "None" if self._holds(request) else "ConditionalCheckFailed"}
            for request in requests
        ]
        if {"Code": "ConditionalCheckFailed"} in reasons:
            raise DynamoDBError(
                "TransactionCanceledException", "refused", CancellationReasons=reasons
            )

    def _key(self, request: Request) -> tuple[str, str]:
        return self[request["TableName"]].key(request.get("Item") or request["Key"])

    def _item(self, request: Request) -> AttributeMap:
        return self[request["TableName"]].get(self._key(request))

    def _holds(self, request: Request) -> bool:
        condition = request.get("ConditionExpression")
        return condition is None or _compiled(condition)(self._item(request), request)

    def _write(self, request: Request) -> None:
        item = request.get("Item")
        if item is None:
            item = self._item(request)
            item.pop(_matched(_REMOVAL, request["UpdateExpression"])[1], None)
        self[request["TableName"]].put(item)


def item_size(item: AttributeMap) -> int:
    """Return an item's size in bytes.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content) + 1) // 2 + 1
        case "B":
            return len(base64.b64decode(content))
        case "L":
            return 3 + sum(1 + _value_size(each) for each in content)
        case "M":
            return 3 + len(content) + item_size(content)
    # A flag; nobody stores sets here.
    return 1


def _matched(pattern: re.Pattern[str], expression: str) -> re.Match[str]:
    match = pattern.fullmatch(expression)
    if match is None:
        raise DynamoDBError("ValidationException", f"cannot be read here: {expression}")
    return match


@cache
def _compiled(expression: str) -> Condition:
    """Return a condition without brackets as a function of an item and its request."""
    alternatives = [
        [_simple(part) for part in alternative.split(" AND ")]
        for alternative in expression.split(" OR ")
    ]
    return lambda item, request: any(
        all(condition(item, request) for condition in conditions) for conditions in alternatives
    )


def _simple(expression: str) -> Condition:
    if absence := _ABSENCE.fullmatch(expression):
        return lambda item, _request: absence[1] not in item
    name, operator, place = _matched(_COMPARISON, expression).groups()

    def holds(item: AttributeMap, request: Request) -> bool:
        # Only strings are compared here; what an item does not have is no match.
        if name not in item:
            return False
        one, other = item[name]["S"], request["ExpressionAttributeValues"][place]["S"]
        return ("=" in operator and one == other) or ("<" in operator and one < other)

    return holds
