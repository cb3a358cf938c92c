"""What the state table keeps of reports: their counts, and which violations were open."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assay.dynamodb import from_item, to_item
from assay.report import TrendPoint
from assay.reporting import counts
from assay.summaries import DIGESTS_AN_ITEM, packed, unpacked
from assay.timestamps import SECONDS_A_DAY, read_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

# How many reports a trend goes back.
TREND_LENGTH = 90

# Only the next report reads the violations, and that may be one a month later.
_OPEN_RETENTION_DAYS = 35

_COUNTS, _OPEN = "report#run", "report#open"

# The other counts follow from these.
_KEPT = ("compliant", "non_compliant", "waived", "not_applicable")


class ReportRuns:
    """Two partitions in the state table, with the reports' own times as range keys."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def put(self, point: TrendPoint, open_now: Sequence[int], retention_days: int) -> None:
        """Writes what later reports say of a report, over what an earlier attempt at it wrote.

        The counts come last: what they do not agree with is not compared with.

        Args:
            point: Its counts.
            open_now: Digests of its open violations.
            retention_days: Days that the counts are kept, if it is more than what the next report
                needs.
        """
        made_at = int(read_timestamp(point.generated_at).timestamp())
        for number, digests in enumerate(packed(open_now)):
            self._put(
                _OPEN,
                f"{point.generated_at}#{number:05d}",
                {
                    "violations": digests,
                    "expires_at": made_at + _OPEN_RETENTION_DAYS * SECONDS_A_DAY,
                },
            )
        values = asdict(point)
        self._put(
            _COUNTS,
            point.generated_at,
            {
                **{name: values[name] for name in (*_KEPT, "silent_rules")},
                "expires_at": made_at + max(retention_days, _OPEN_RETENTION_DAYS) * SECONDS_A_DAY,
            },
        )

    def before(self, generated_at: str) -> list[TrendPoint]:
        """Returns the counts of the latest 90 reports before a time, the oldest first."""
        answer = self._dynamodb.query(
            TableName=self._table_name,
            KeyConditionExpression="rule_name = :rule_name AND resource_id < :generated_at",
            ExpressionAttributeValues=to_item(
                {":rule_name": _COUNTS, ":generated_at": generated_at}
            ),
            ScanIndexForward=False,
            Limit=TREND_LENGTH,
            ConsistentRead=True,
        )
        return [_point(item) for item in reversed(answer["Items"])]

    def is_latest(self, generated_at: str) -> bool:
        """Tells whether there is no report of a later time."""
        answer = self._dynamodb.query(
            TableName=self._table_name,
            KeyConditionExpression="rule_name = :rule_name AND resource_id > :generated_at",
            ExpressionAttributeValues=to_item(
                {":rule_name": _COUNTS, ":generated_at": generated_at}
            ),
            Limit=1,
            ConsistentRead=True,
        )
        return not answer["Items"]

    def open_violations(self, point: TrendPoint) -> set[int] | None:
        """Returns the digests of a report's open violations, None when they are not all there."""
        items = -(-point.non_compliant // DIGESTS_AN_ITEM)
        if not items:
            return set()
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=(
                "rule_name = :rule_name AND resource_id BETWEEN :first AND :last"
            ),
            ExpressionAttributeValues=to_item(
                {
                    ":rule_name": _OPEN,
                    ":first": f"{point.generated_at}#",
                    # An earlier attempt at the report may have left further ones.
                    ":last": f"{point.generated_at}#{items - 1:05d}",
                }
            ),
            ConsistentRead=True,
        )
        found = {
            value
            for page in pages
            for item in page["Items"]
            for value in unpacked(from_item(item)["violations"])
        }
        return found if len(found) == point.non_compliant else None

    def _put(self, partition: str, sort_key: str, values: dict[str, object]) -> None:
        self._dynamodb.put_item(
            TableName=self._table_name,
            Item=to_item({**values, "rule_name": partition, "resource_id": sort_key}),
        )


def _point(item: Mapping[str, Any]) -> TrendPoint:
    values = from_item(item)
    return TrendPoint(
        generated_at=values["resource_id"],
        silent_rules=values["silent_rules"],
        **counts(**{name: values[name] for name in _KEPT}),
    )
