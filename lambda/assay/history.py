"""The history table: every evaluation of every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from assay.dynamodb import to_item
from assay.resend import NotAcceptedError, send_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from assay.run import Judgement, Run

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
BATCH_SIZE = 25


class History:
    """The history table.

    Keys are made of a resource, the event's time and the rule, so a run that is retried writes
    its items again instead of new ones.
    """

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def record(
        self, run: Run, batch: Sequence[Judgement]
    ) -> tuple[Sequence[Judgement], Exception | None]:
        """Writes at most 25 judgements on as many resources.

        Returns:
            Those that are written, and what kept the others from it.
        """
        requests = [_put_request(run, judgement) for judgement in batch]
        try:
            left = send_all(self._write, requests)
        except Exception as error:  # noqa: BLE001 - its caller raises it once the others are written
            return [], error
        if not left:
            return batch, None
        refused = {request["PutRequest"]["Item"]["resource_id"]["S"] for request in left}
        written = [judgement for judgement in batch if judgement.resource_id not in refused]
        return written, NotAcceptedError("history", left, len(batch))

    def _write(self, requests: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        answer: Any = self._dynamodb.batch_write_item(
            RequestItems={self._table_name: cast("Any", requests)}
        )
        left: list[dict[str, Any]] = answer["UnprocessedItems"].get(self._table_name, [])
        return left


def _put_request(run: Run, judgement: Judgement) -> dict[str, Any]:
    item = to_item(
        {
            "resource_id": judgement.resource_id,
            "evaluation_timestamp": f"{run.ordering_timestamp}#{run.rule_name}",
            "rule_name": run.rule_name,
            "resource_type": run.resource_type,
            "config_resource_id": judgement.config_resource_id,
            "compliance_type": judgement.compliance_type.value,
            "annotation": judgement.annotation,
            "severity": run.severity.value,
            "trigger": run.trigger.value,
            "expires_at": run.expires_at,
        }
    )
    return {"PutRequest": {"Item": item}}
