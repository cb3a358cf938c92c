"""The history table: every evaluation of every run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from assay.dynamodb import to_item
from assay.resend import send_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestUnionTypeDef

    from assay.run import Judgement, Run

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_BATCH_SIZE = 25


class History:
    """The history table.

    Keys are made of a resource, the event's time and the rule, so a run that is retried writes
    its items again instead of new ones.
    """

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def record(self, run: Run, judgements: Iterable[Judgement]) -> Iterator[Judgement]:
        """Writes judgements in batches as they come, and yields each once it is written.

        A resource that comes twice, as it does when pages of a listing shift, is taken once:
        DynamoDB refuses a batch that holds a key twice.

        Raises:
            NotAcceptedError: DynamoDB kept leaving items unprocessed.
            botocore.exceptions.ClientError: DynamoDB refused a batch.
        """
        remaining = _distinct(judgements)
        while batch := list(islice(remaining, _BATCH_SIZE)):
            send_all(self._write, [_put_request(run, judgement) for judgement in batch], "history")
            yield from batch

    def _write(
        self, requests: Sequence[WriteRequestUnionTypeDef]
    ) -> Sequence[WriteRequestUnionTypeDef]:
        answer = self._dynamodb.batch_write_item(RequestItems={self._table_name: requests})
        return answer["UnprocessedItems"].get(self._table_name, [])


def _distinct(judgements: Iterable[Judgement]) -> Iterator[Judgement]:
    seen: set[str] = set()
    for judgement in judgements:
        if judgement.resource_id not in seen:
            seen.add(judgement.resource_id)
            yield judgement


def _put_request(run: Run, judgement: Judgement) -> WriteRequestUnionTypeDef:
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
