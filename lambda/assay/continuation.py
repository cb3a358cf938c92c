"""The rest of a sweep that one invocation cannot finish: a message to the evaluator's own queue."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, get_type_hints

from assay.messages import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs import SQSClient

KIND = "assay-continuation"


@dataclass(frozen=True)
class Continuation:
    """The rest of a sweep.

    Attributes:
        rule_name: The rule.
        run_id: The request id of the invocation that began the sweep.
        trigger: What invoked the evaluator.
        ordering_timestamp: The event's own time.
        started_at: When the sweep started, by the clock.
        segment: The number of the invocation that takes it up, from 2.
        token: The page of the listing to go on with; an empty string for the first one.
        offset: Resources of that page that are done.
        listed: Whether the listing is done, and only vanished resources remain.
        result_token: What PutEvaluations wants; an empty string when AWS Config expects no result.
        rule_parameters: AWS Config's input parameters, empty when there are none.
        totals: The counts of the summary so far.
        api_calls: Calls so far, by operation.
    """

    rule_name: str
    run_id: str
    trigger: str
    ordering_timestamp: str
    started_at: str
    segment: int
    token: str
    offset: int
    listed: bool
    result_token: str
    rule_parameters: dict[str, Any]
    totals: dict[str, int]
    api_calls: dict[str, int]


class ContinuationError(ValueError):
    """A message that no evaluator has written."""


def send(sqs: SQSClient, queue_url: str, continuation: Continuation) -> None:
    """Sends a continuation.

    Raises:
        botocore.exceptions.ClientError: SQS refused the message.
    """
    body = {"kind": KIND, **asdict(continuation)}
    sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(body, separators=(",", ":")))


def read(body: Mapping[str, Any]) -> Continuation:
    """Reads a message's body.

    Raises:
        ContinuationError: It is none; the message says which field is wrong.
    """
    if body.get("kind") != KIND:
        raise ContinuationError(f"kind: must be {KIND!r}, got {shown(body.get('kind'))}")
    hints = get_type_hints(Continuation)
    values: dict[str, Any] = {}
    for field in fields(Continuation):
        kind = hints[field.name]
        values[field.name] = value = body.get(field.name)
        if not _is(value, kind):
            raise ContinuationError(f"{field.name}: must be {_ALLOWED[kind]}, got {shown(value)}")
    return Continuation(**values)


_ALLOWED = {
    str: "a string",
    int: "a whole number of at least 0",
    bool: "true or false",
    dict[str, Any]: "an object",
    dict[str, int]: "an object of whole numbers of at least 0",
}


def _is(value: object, kind: Any) -> bool:
    if kind is int:
        return type(value) is int and value >= 0
    if kind == dict[str, int]:
        return isinstance(value, dict) and all(_is(number, int) for number in value.values())
    if kind == dict[str, Any]:
        return isinstance(value, dict)
    return type(value) is kind
