"""The state table's verdicts: the latest one on each resource."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assay.aws import error_code
from assay.batches import batches
from assay.concurrency import concurrently
from assay.dynamodb import from_item, to_item
from assay.rule import ComplianceType
from assay.run import GONE
from assay.timestamps import SECONDS_A_DAY, read_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from assay.run import Judgement, Run

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
TRANSACTION_SIZE = 100

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html
_MET_ANOTHER_WRITE = {"ConditionalCheckFailedException", "TransactionConflictException"}
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_THROTTLED = {"ThrottlingError", "ProvisionedThroughputExceeded"}
# Seconds before each further attempt at a write that met another one, or too many others.
_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8)

# Long enough to stand in a month's reports, and short because history keeps it in any case.
GONE_RETENTION_DAYS = 30


@dataclass(frozen=True, slots=True)
class Verdict:
    """The latest verdict of a rule on a resource.

    Attributes:
        rule_name: The rule.
        resource_id: The ARN.
        resource_type: AWS Config's resource type.
        config_resource_id: AWS Config's own resource id.
        compliance_type: The verdict.
        annotation: The reason.
        severity: The severity of a violation.
        since: The ordering timestamp at which the resource's verdict became what it is.
        ordering_timestamp: The ordering timestamp of the run that wrote it.
        alert_pending: True while the alert on its latest transition has yet to be sent, else None.
        expires_at: Epoch seconds after which a resource that is gone leaves the table, else None.
    """

    rule_name: str
    resource_id: str
    resource_type: str
    config_resource_id: str
    compliance_type: str
    annotation: str
    severity: str
    since: str
    ordering_timestamp: str
    alert_pending: bool | None = None
    expires_at: int | None = None

    @property
    def is_violation(self) -> bool:
        """Whether it says that the resource violates the rule."""
        return self.compliance_type == ComplianceType.NON_COMPLIANT

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> Verdict:
        """Reads an item of the table."""
        values = from_item(item)
        # A sweep holds all of a rule's verdicts, of which these are the same again and again.
        for name in _REPEATED:
            values[name] = sys.intern(values[name])
        return cls(**values)


_REPEATED = (
    *("rule_name", "resource_type", "compliance_type", "annotation"),
    *("severity", "since", "ordering_timestamp"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """A judgement that may change a verdict.

    Attributes:
        judgement: The judgement.
        previous: The verdict before it, None when there is none.
    """

    judgement: Judgement
    previous: Verdict | None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a change.

    Attributes:
        verdict: The verdict that stands now.
        transition: Whether the change made it another one.
    """

    verdict: Verdict
    transition: bool


def is_transition(judgement: Judgement, previous: Verdict | None) -> bool:
    """Tells whether a judgement changes the verdict on a resource, or is the first on it.

    Another id of AWS Config's under the same ARN is another resource, such as an RDS instance that
    was deleted and made again under its old name.
    """
    return previous is None or (
        (previous.compliance_type, previous.config_resource_id)
        != (judgement.compliance_type, judgement.config_resource_id)
    )


def successor(run: Run, judgement: Judgement, previous: Verdict | None) -> Verdict | None:
    """Returns the verdict to write after a judgement, None when what is there may stay.

    It stays when a newer event has written it, and, in a sweep, when it says the same already. A
    change event's run writes it even then: an older run that is still at work must find that
    somebody has looked since. An alert is due on a new violation, and on one that is no more;
    through further transitions the latter stays due until it has been sent.
    """
    violation = judgement.compliance_type is ComplianceType.NON_COMPLIANT
    alert = violation or (
        previous is not None and (previous.is_violation or bool(previous.alert_pending))
    )
    since = run.ordering_timestamp
    if previous is not None:
        if previous.ordering_timestamp > run.ordering_timestamp:
            return None
        if not is_transition(judgement, previous):
            same = (previous.annotation, previous.severity) == (judgement.annotation, run.severity)
            if same and run.trigger.is_sweep:
                return None
            if same and previous.ordering_timestamp == run.ordering_timestamp:
                return None
            alert = bool(previous.alert_pending)
            since = previous.since
    return Verdict(
        rule_name=run.rule_name,
        resource_id=judgement.resource_id,
        resource_type=run.resource_type,
        config_resource_id=judgement.config_resource_id,
        compliance_type=judgement.compliance_type.value,
        annotation=judgement.annotation,
        severity=run.severity.value,
        since=since,
        ordering_timestamp=run.ordering_timestamp,
        alert_pending=alert or None,
        expires_at=_gone_expires_at(run) if judgement.annotation == GONE else None,
    )


def _gone_expires_at(run: Run) -> int:
    gone_at = int(read_timestamp(run.ordering_timestamp).timestamp())
    return gone_at + GONE_RETENTION_DAYS * SECONDS_A_DAY


class State:
    """The state table's verdicts.

    Each write is conditional on the verdict that it replaces, so that runs at the same time end as
    if one had followed the other. Many writes go in transactions, which need a call for each
    hundred; where one of the hundred is refused, each is written by itself.
    """

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def verdicts(self, rule_name: str) -> Iterator[Verdict]:
        """Yields a rule's verdicts, sorted by ARN."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression="rule_name = :rule_name",
            ExpressionAttributeValues=to_item({":rule_name": rule_name}),
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield Verdict.from_item(item)

    def verdict(self, rule_name: str, resource_id: str) -> Verdict | None:
        """Returns a rule's verdict on one resource, None when there is none yet."""
        answer = self._dynamodb.get_item(
            TableName=self._table_name,
            Key=to_item({"rule_name": rule_name, "resource_id": resource_id}),
            ConsistentRead=True,
        )
        return Verdict.from_item(answer["Item"]) if "Item" in answer else None

    def change(self, run: Run, changes: Sequence[Change]) -> tuple[list[Written], Exception | None]:
        """Makes at most a hundred changes.

        A verdict that a newer event has written stays, and is not among what is returned.

        Returns:
            What became of each change that was due, and what kept others from being made.
        """
        due = [
            (change, verdict)
            for change in changes
            if (verdict := successor(run, change.judgement, change.previous)) is not None
        ]
        puts = [{"Put": self._put(verdict, change.previous)} for change, verdict in due]
        try:
            if len(due) > 1 and self._transact(puts):
                outcomes = [
                    Written(verdict, is_transition(change.judgement, change.previous))
                    for change, verdict in due
                ]
                return outcomes, None
        except Exception as error:  # noqa: BLE001 - its caller raises it once the others are written
            return [], error
        written, failure = list[Written](), None
        for change, _ in due:
            try:
                outcome = self._change_one(run, change.judgement, change.previous)
            except Exception as error:  # noqa: BLE001 - as above
                failure = failure or error
            else:
                written += [] if outcome is None else [outcome]
        return written, failure

    def _change_one(
        self, run: Run, judgement: Judgement, previous: Verdict | None
    ) -> Written | None:
        waits = iter(_WAITS)
        while (verdict := successor(run, judgement, previous)) is not None:
            try:
                self._dynamodb.put_item(**self._put(verdict, previous))
                return Written(verdict, is_transition(judgement, previous))
            except ClientError as error:
                seconds = next(waits, None)
                if error_code(error) not in _MET_ANOTHER_WRITE or seconds is None:
                    raise
                response: dict[str, Any] = {**error.response}
                if "Item" in response:
                    previous = Verdict.from_item(response["Item"])
                else:
                    time.sleep(seconds)
                    previous = self.verdict(run.rule_name, judgement.resource_id)
        if previous is not None and previous.ordering_timestamp == run.ordering_timestamp:
            # This very event's, written by the call before it was repeated or by a twin of the run.
            return Written(previous, transition=False)
        return None

    def clear_alerts(self, verdicts: Iterable[Verdict], concurrency: int = 1) -> None:
        """Marks alerts as sent, except where a verdict has been replaced meanwhile.

        Args:
            verdicts: What has been sent.
            concurrency: Calls that may be under way at once.

        Raises:
            botocore.exceptions.ClientError: DynamoDB refused a write.
        """
        self._mark(verdicts, "REMOVE alert_pending", {}, concurrency)

    def set_alerts(self, verdicts: Iterable[Verdict], concurrency: int = 1) -> None:
        """Marks alerts as yet to be sent, except where a verdict has been replaced meanwhile.

        Args:
            verdicts: Verdicts whose alerts are to be sent later, in spite of having been sent.
            concurrency: Calls that may be under way at once.

        Raises:
            botocore.exceptions.ClientError: DynamoDB refused a write.
        """
        self._mark(verdicts, "SET alert_pending = :pending", {":pending": True}, concurrency)

    def _mark(
        self,
        verdicts: Iterable[Verdict],
        expression: str,
        values: dict[str, object],
        concurrency: int,
    ) -> None:
        def mark(batch: Sequence[Verdict]) -> None:
            updates = [self._update(verdict, expression, values) for verdict in batch]
            if len(batch) == 1 or not self._transact([{"Update": update} for update in updates]):
                for update in updates:
                    self._update_one(update)

        for _ in concurrently(mark, batches(verdicts, TRANSACTION_SIZE), concurrency):
            pass

    def _update_one(self, update: dict[str, Any]) -> None:
        waits = iter(_WAITS)
        while True:
            try:
                self._dynamodb.update_item(**update)
            except ClientError as error:
                if error_code(error) == "ConditionalCheckFailedException":
                    return
                seconds = next(waits, None)
                if error_code(error) not in _MET_ANOTHER_WRITE or seconds is None:
                    raise
                time.sleep(seconds)
            else:
                return

    def _put(self, verdict: Verdict, previous: Verdict | None) -> dict[str, Any]:
        put: dict[str, Any] = {
            "TableName": self._table_name,
            "Item": to_item(asdict(verdict)),
            "ConditionExpression": "attribute_not_exists(rule_name)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if previous is not None:
            put |= _while_it_stands(previous)
        return put

    def _update(
        self, verdict: Verdict, expression: str, values: dict[str, object]
    ) -> dict[str, Any]:
        return {
            "TableName": self._table_name,
            "Key": to_item({"rule_name": verdict.rule_name, "resource_id": verdict.resource_id}),
            "UpdateExpression": expression,
            **_while_it_stands(verdict, values),
        }

    def _transact(self, items: list[Any]) -> bool:
        """Writes all or nothing; returns whether it wrote."""
        waits = iter(_WAITS)
        while True:
            try:
                self._dynamodb.transact_write_items(TransactItems=items)
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
                response: dict[str, Any] = {**error.response}
                reasons = {reason["Code"] for reason in response["CancellationReasons"]}
                if not reasons & _THROTTLED:
                    return False
                # A hundred writes instead would only be throttled more.
                seconds = next(waits, None)
                if seconds is None:
                    raise
                time.sleep(seconds)
            else:
                return True


def _while_it_stands(
    verdict: Verdict, values: Mapping[str, object] | None = None
) -> dict[str, Any]:
    return {
        "ConditionExpression": (
            "ordering_timestamp = :ordering_timestamp AND compliance_type = :compliance_type "
            "AND since = :since"
        ),
        "ExpressionAttributeValues": to_item(
            {
                ":ordering_timestamp": verdict.ordering_timestamp,
                ":compliance_type": verdict.compliance_type,
                ":since": verdict.since,
                **(values or {}),
            }
        ),
    }
