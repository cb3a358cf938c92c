"""What the state table keeps of runs: their summaries, and what a run in segments has seen."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from assay.aws import error_code
from assay.batches import batches
from assay.dynamodb import from_item, to_item
from assay.timestamps import SECONDS_A_DAY, read_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from assay.run import Run, RunSummary

# An item may have 400 KB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_DIGEST_BYTES = 8
DIGESTS_AN_ITEM = 40_000
_NAMES_AN_ITEM = 250

# However short history is kept: a rule may be silent for a week before that is alarming, and a
# report must then know when it last was not.
_MINIMUM_RETENTION_DAYS = 15


def digest(resource_id: str) -> int:
    """Returns a number that stands for an ARN in a few bytes."""
    return int.from_bytes(blake2b(resource_id.encode(), digest_size=_DIGEST_BYTES).digest())


def packed(digests: Iterable[int]) -> Iterator[bytes]:
    """Yields digests in bytes, at most so many that an item has room for them."""
    for batch in batches(digests, DIGESTS_AN_ITEM):
        yield b"".join(value.to_bytes(_DIGEST_BYTES) for value in batch)


def unpacked(digests: bytes) -> Iterator[int]:
    """Yields the digests of an item."""
    for start in range(0, len(digests), _DIGEST_BYTES):
        yield int.from_bytes(digests[start : start + _DIGEST_BYTES])


def _kept_until(run: Run) -> int:
    ran_at = int(read_timestamp(run.ordering_timestamp).timestamp())
    return ran_at + _MINIMUM_RETENTION_DAYS * SECONDS_A_DAY


def _sweep_key(rule_name: str) -> dict[str, str]:
    return {"rule_name": f"sweep#{rule_name}", "resource_id": "latest"}


def _handed_on_key(run: Run, segment: int) -> str:
    return f"{run.ordering_timestamp}#{segment:05d}#handed-on"


class Summaries:
    """Partitions of their own in the state table, with a run's ordering timestamp as range key."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def put(self, run: Run, summary: RunSummary, subject: str | None = None) -> None:
        """Writes a run's summary, over that of the same run before it was repeated.

        Args:
            run: The run.
            summary: Its summary.
            subject: The ARN of the resource that it judged; None for a sweep and a reminder.
        """
        sort_key = run.ordering_timestamp
        if subject is not None:
            partition, sort_key = "change-run", f"{sort_key}#{subject}"
        elif run.trigger.is_sweep:
            partition = "run" if summary["complete"] else "failed-run"
        else:
            partition = "reminder-run"
        # A sweep's are with its segments, where there is room for all.
        unreadable = summary["unreadable"] if subject else None
        self._put(run, partition, sort_key, {**summary, "unreadable": unreadable})

    def begin_sweep(self, run: Run) -> None:
        """Notes that a sweep begins, before it reads any verdict.

        An older run that has written a verdict asks for it afterwards: the sweep may have compared
        before that, found nothing to write, and left the older run's word as the last.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._table_name,
                Item=to_item(
                    {
                        **_sweep_key(run.rule_name),
                        "ordering_timestamp": run.ordering_timestamp,
                    }
                ),
                ConditionExpression=(
                    "attribute_not_exists(rule_name) OR ordering_timestamp < :ordering_timestamp"
                ),
                ExpressionAttributeValues=to_item({":ordering_timestamp": run.ordering_timestamp}),
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def is_overtaken(self, run: Run) -> bool:
        """Tells whether a newer sweep than this run has begun."""
        return self.newest_sweep(run.rule_name) > run.ordering_timestamp

    def newest_sweep(self, rule_name: str) -> str:
        """Returns the ordering timestamp of a rule's newest sweep; an empty string before any."""
        answer = self._dynamodb.get_item(
            TableName=self._table_name, Key=to_item(_sweep_key(rule_name)), ConsistentRead=True
        )
        return str(from_item(answer.get("Item", {})).get("ordering_timestamp", ""))

    def put_segment(
        self, run: Run, segment: int, seen: Collection[int], unreadable: Mapping[str, str]
    ) -> None:
        """Writes what a segment of a run has seen, and what it could not read.

        Args:
            run: The run.
            segment: The segment's number, from 1.
            seen: Digests of the ARNs of all resources that it has come to.
            unreadable: Error codes by the ARNs of those that it could not read.
        """
        for number, digests in enumerate(packed(seen)):
            key = f"{run.ordering_timestamp}#{segment:05d}#seen#{number:05d}"
            self._put(run, "segment", key, {"seen": digests})
        for number, names in enumerate(batches(sorted(unreadable.items()), _NAMES_AN_ITEM)):
            key = f"{run.ordering_timestamp}#{segment:05d}#unreadable#{number:05d}"
            self._put(run, "segment", key, {"unreadable": dict(names)})

    def hand_on(self, run: Run, segment: int) -> None:
        """Notes that the message by which a segment goes on has been sent."""
        self._put(run, "segment", _handed_on_key(run, segment), {})

    def is_handed_on(self, run: Run, segment: int) -> bool:
        """Tells whether a segment is done, so that a further message for it starts nothing.

        Messages come twice when SQS took one whose answer was lost; without this, each copy would
        make copies of its own.
        """
        answer = self._dynamodb.get_item(
            TableName=self._table_name,
            Key=to_item(
                {
                    "rule_name": f"segment#{run.rule_name}",
                    "resource_id": _handed_on_key(run, segment),
                }
            ),
            ConsistentRead=True,
        )
        return "Item" in answer

    def seen(self, run: Run, before: int) -> set[int]:
        """Returns the digests of what the segments before one have seen."""
        first = f"{run.ordering_timestamp}#"
        found: set[int] = set()
        for item in self._segments(run.rule_name, first, f"{first}{before:05d}"):
            found.update(unpacked(item.get("seen", b"")))
        return found

    def last_sweep(self, rule_name: str) -> RunSummary | None:
        """Returns the summary of a rule's latest complete sweep, None when there is none."""
        summary = self._last("run", rule_name)
        if summary is not None and summary.get("unreadable_count"):
            first = f"{summary['ordering_timestamp']}#"
            last = f"{first}{summary['segments']:05d}~"
            unreadable: dict[str, str] = {}
            for item in self._segments(rule_name, first, last):
                unreadable.update(item.get("unreadable", {}))
            summary["unreadable"] = [
                {"resource_id": resource_id, "error_code": unreadable[resource_id]}
                for resource_id in sorted(unreadable)
            ]
        return summary

    def last_failure(self, rule_name: str) -> RunSummary | None:
        """Returns the summary of a rule's latest sweep that failed, None when there is none."""
        return self._last("failed-run", rule_name)

    def _put(self, run: Run, partition: str, sort_key: str, values: Mapping[str, object]) -> None:
        self._dynamodb.put_item(
            TableName=self._table_name,
            Item=to_item(
                {
                    **values,
                    "rule_name": f"{partition}#{run.rule_name}",
                    "resource_id": sort_key,
                    "expires_at": max(run.expires_at, _kept_until(run)),
                }
            ),
        )

    def _last(self, partition: str, rule_name: str) -> RunSummary | None:
        answer = self._dynamodb.query(
            TableName=self._table_name,
            KeyConditionExpression="rule_name = :rule_name",
            ExpressionAttributeValues=to_item({":rule_name": f"{partition}#{rule_name}"}),
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        if not answer["Items"]:
            return None
        item = from_item(answer["Items"][0])
        del item["resource_id"], item["expires_at"]
        return cast("RunSummary", {**item, "rule_name": rule_name, "unreadable": []})

    def _segments(self, rule_name: str, first: str, last: str) -> Iterator[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=(
                "rule_name = :rule_name AND resource_id BETWEEN :first AND :last"
            ),
            ExpressionAttributeValues=to_item(
                {":rule_name": f"segment#{rule_name}", ":first": first, ":last": last}
            ),
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield from_item(item)
