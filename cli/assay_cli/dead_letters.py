"""Messages of the dead-letter queue, in the shapes in which AWS documents them."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from assay import continuation

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_FUNCTION_ARN = re.compile(r"arn:[^:]+:lambda:[^:]+:[^:]+:function:(?P<name>[^:]+)(:[^:]+)?")

# An evaluator's queue is named after the function.
_CONTINUATION_QUEUE_ARN = re.compile(r"arn:[^:]+:sqs:[^:]+:[^:]+:(?P<function>[^:]+)-continuations")


class Kind(StrEnum):
    """What a message of the dead-letter queue is."""

    FAILED_INVOCATION = "failed invocation"
    UNDELIVERED_EVENT = "undelivered event"
    CONTINUATION = "continuation"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class DeadLetter:
    """A message of the dead-letter queue, as far as it was understood; what is not known is empty.

    Attributes:
        message: as ReceiveMessage answers it.
        kind: what it is.
        function: name or ARN of the function whose work it is.
        event: what the function was invoked with; of a continuation, what its queue held.
        event_kind: what the event says that it is.
        error_type: why the work was given up.
        error_message: the same in words.
        problem: why the message cannot be put back; None where it can.
    """

    message: "MessageTypeDef"
    kind: Kind = Kind.UNKNOWN
    function: str = ""
    event: Any = None
    event_kind: str = ""
    error_type: str = ""
    error_message: str = ""
    problem: str | None = None

    @property
    def message_id(self) -> str:
        """The message's id, the same however often it is received."""
        return self.message["MessageId"]

    @property
    def time(self) -> str:
        """When the message was sent, by SQS's clock."""
        milliseconds = int(self.message["Attributes"]["SentTimestamp"])
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def function_name(name_or_arn: str) -> str:
    """Return a function's name, without the rest of its ARN."""
    match = _FUNCTION_ARN.fullmatch(name_or_arn)
    return match["name"] if match else name_or_arn


def read(message: "MessageTypeDef") -> DeadLetter:
    """Understand a message of the dead-letter queue.

    Args:
        message: as ReceiveMessage answers it, with all its attributes.
    """
    body = _json(message["Body"])
    attributes = {
        name: value.get("StringValue", "")
        for name, value in message.get("MessageAttributes", {}).items()
    }
    if "TARGET_ARN" in attributes:
        return _undelivered_event(message, body, attributes)
    if isinstance(body, dict) and body.get("kind") == continuation.KIND:
        return _continuation(message, body)
    if isinstance(body, dict) and isinstance(body.get("requestContext"), dict):
        return _failed_invocation(message, body)
    return DeadLetter(
        message,
        problem="it is neither a failed invocation nor an undelivered event nor a continuation",
    )


def _failed_invocation(message: "MessageTypeDef", record: dict[str, Any]) -> DeadLetter:
    """Read what Lambda writes about an asynchronous invocation that it has given up.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    context = record["requestContext"]
    # There is none when the event grew too old before the function could be started.
    response = record.get("responsePayload")
    error = response if isinstance(response, dict) else {}
    function, problem = _function("functionArn", context.get("functionArn"))
    if "requestPayload" not in record:
        problem = problem or "requestPayload: must be there, is missing"
    event = record.get("requestPayload")
    return DeadLetter(
        message,
        Kind.FAILED_INVOCATION,
        function,
        event,
        _event_kind(event),
        error_type=str(error.get("errorType") or context.get("condition", "")),
        error_message=str(error.get("errorMessage", "")),
        problem=problem,
    )


def _undelivered_event(
    message: "MessageTypeDef", event: Any, attributes: dict[str, str]
) -> DeadLetter:
    """Read what EventBridge writes when it could not deliver an event: the event itself.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    function, problem = _function("TARGET_ARN", attributes["TARGET_ARN"])
    if not isinstance(event, dict):
        problem = problem or "body: must be an event, a JSON object"
    return DeadLetter(
        message,
        Kind.UNDELIVERED_EVENT,
        function,
        event,
        _event_kind(event),
        error_type=attributes.get("ERROR_CODE", ""),
        error_message=attributes.get("ERROR_MESSAGE", ""),
        problem=problem,
    )


def _continuation(message: "MessageTypeDef", body: dict[str, Any]) -> DeadLetter:
    """Read a continuation, which SQS has taken out of its own queue after too many attempts."""
    source = source_queue_arn(message)
    match = _CONTINUATION_QUEUE_ARN.fullmatch(source)
    return DeadLetter(
        message,
        Kind.CONTINUATION,
        match["function"] if match else "",
        body,
        f"segment {body.get('segment')}",
        problem=(
            None
            if match
            else "DeadLetterQueueSourceArn: must be the ARN of a queue <function>-continuations, "
            f"got {source!r}"
        ),
    )


def source_queue_arn(message: "MessageTypeDef") -> str:
    """Return the queue that SQS took the message from; nothing where it was sent to this one.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
    """
    return message["Attributes"].get("DeadLetterQueueSourceArn", "")


def _function(name: str, arn: Any) -> tuple[str, str | None]:
    """Return the function, and what is wrong with its ARN."""
    if isinstance(arn, str) and _FUNCTION_ARN.fullmatch(arn):
        # What an ARN without a qualifier means anyway.
        return arn.removesuffix(":$LATEST"), None
    return "", f"{name}: must be the ARN of a Lambda function, got {arn!r}"


def _event_kind(event: Any) -> str:
    """Return AWS Config's message type, or EventBridge's detail type."""
    if not isinstance(event, dict):
        return ""
    invoking = _json(event.get("invokingEvent"))
    if isinstance(invoking, dict):
        return str(invoking.get("messageType", ""))
    return str(event.get("detail-type", ""))


def _json(text: Any) -> Any:
    """Return what the text holds, None where that is not JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
