"""The state table: the latest verdict on each resource, and summaries of sweeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from assay.aws import error_code
from assay.dynamodb import from_item, to_item
from assay.rule import ComplianceType
from assay.run import GONE
from assay.timestamps import SECONDS_A_DAY, read_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from assay.run import Judgement, Run, RunSummary

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
        alert_pending: True while its alert has yet to be sent, else None.
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

    It stays when it says the same already, and when a newer event has written it.
    """
    alert = judgement.compliance_type is ComplianceType.NON_COMPLIANT
    since = run.ordering_timestamp
    if previous is not None:
        if previous.ordering_timestamp > run.ordering_timestamp:
            return None
        if not is_transition(judgement, previous):
            if previous.annotation == judgement.annotation and previous.severity == run.severity:
                return None
            alert = alert and bool(previous.alert_pending)
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
    """The state table."""

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
                yield Verdict(**from_item(item))

    def verdict(self, rule_name: str, resource_id: str) -> Verdict | None:
        """Returns a rule's verdict on one resource, None when there is none yet."""
        answer = self._dynamodb.get_item(
            TableName=self._table_name,
            Key=to_item({"rule_name": rule_name, "resource_id": resource_id}),
            ConsistentRead=True,
        )
        return Verdict(**from_item(answer["Item"])) if "Item" in answer else None

    def put(self, verdict: Verdict) -> bool:
        """Writes a verdict, unless a newer event has written one; returns whether it did."""
        try:
            self._dynamodb.put_item(
                TableName=self._table_name,
                Item=to_item(asdict(verdict)),
                ConditionExpression="attribute_not_exists(rule_name) OR ordering_timestamp <= :new",
                ExpressionAttributeValues=to_item({":new": verdict.ordering_timestamp}),
            )
        except ClientError as error:
            _require_refused_condition(error)
            return False
        return True

    def clear_alert(self, verdict: Verdict) -> None:
        """Marks a verdict's alert as sent, unless the verdict has been replaced meanwhile."""
        try:
            self._dynamodb.update_item(
                TableName=self._table_name,
                Key=to_item({"rule_name": verdict.rule_name, "resource_id": verdict.resource_id}),
                UpdateExpression="REMOVE alert_pending",
                ConditionExpression="ordering_timestamp = :sent",
                ExpressionAttributeValues=to_item({":sent": verdict.ordering_timestamp}),
            )
        except ClientError as error:
            _require_refused_condition(error)

    def put_summary(self, run: Run, summary: RunSummary) -> None:
        """Writes a sweep's summary; they have a partition of their own."""
        self._dynamodb.put_item(
            TableName=self._table_name,
            Item=to_item(
                {
                    **summary,
                    "rule_name": f"run#{run.rule_name}",
                    "resource_id": run.ordering_timestamp,
                    "expires_at": run.expires_at,
                }
            ),
        )

    def last_sweep(self, rule_name: str) -> RunSummary | None:
        """Returns the summary of a rule's latest sweep, None when it has never finished one."""
        answer = self._dynamodb.query(
            TableName=self._table_name,
            KeyConditionExpression="rule_name = :rule_name",
            ExpressionAttributeValues=to_item({":rule_name": f"run#{rule_name}"}),
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        if not answer["Items"]:
            return None
        item = from_item(answer["Items"][0])
        del item["resource_id"], item["expires_at"]
        item["rule_name"] = rule_name
        return cast("RunSummary", item)


def _require_refused_condition(error: ClientError) -> None:
    if error_code(error) != "ConditionalCheckFailedException":
        raise error
