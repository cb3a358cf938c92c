"""What a run leaves in its function's queue is run as Lambda would run it."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from assay_cli.continuations import ContinuationError, follow, sqs_event
from assay_cli.invoke import FunctionError, Invocation, Result


def start(session: boto3.Session, function_name: str, event: dict[str, Any]) -> Result:
    with Invocation(session, function_name, event) as invocation:
        return invocation.result()


def left_in(session: boto3.Session, queue_url: str) -> int:
    """How many messages a queue holds, hidden ones among them."""
    attributes = session.client("sqs").get_queue_attributes(
        QueueUrl=queue_url, AttributeNames=["All"]
    )["Attributes"]
    hidden = attributes["ApproximateNumberOfMessagesNotVisible"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(hidden)


def test_run_is_followed_to_its_end(session: boto3.Session, sweeper: Any) -> None:
    first = start(session, sweeper.name, {"run": "2026-11-23", "last": 3})
    assert first.payload["continued"] is True
    last = follow(session, sweeper.name, first)
    assert last.payload == {"run_id": "2026-11-23", "segments": 3, "continued": False}
    assert last.log == "".join(f"segment {number} of 2026-11-23\n" for number in (1, 2, 3))
    assert left_in(session, sweeper.queue_url) == 0


@pytest.mark.parametrize("payload", [{"continued": False}, {"report_key": "x"}, None, "continued"])
def test_what_does_not_continue_is_the_end_already(session: boto3.Session, payload: Any) -> None:
    result = Result(payload, "log")
    assert follow(session, "not even deployed", result) is result


def test_run_of_another_event_that_waits_in_the_queue_is_not_taken_for_this_one(
    session: boto3.Session, sweeper: Any
) -> None:
    start(session, sweeper.name, {"run": "interrupted", "last": 2})
    first = start(session, sweeper.name, {"run": "mine", "last": 2})
    last = follow(session, sweeper.name, first)
    assert last.payload == {"run_id": "mine", "segments": 2, "continued": False}
    assert "segment 2 of interrupted\n" in last.log
    assert left_in(session, sweeper.queue_url) == 0


def test_continuation_that_fails_stays_in_its_queue(session: boto3.Session, sweeper: Any) -> None:
    first = start(session, sweeper.name, {"run": "r", "last": 3, "broken": 2})
    with pytest.raises(FunctionError, match="sweeper: ValueError: cannot go on") as caught:
        follow(session, sweeper.name, first)
    assert caught.value.log.startswith("segment 2 of r\n")
    assert left_in(session, sweeper.queue_url) == 1


def test_continuation_that_is_not_in_the_queue_is_missed(
    session: boto3.Session, sweeper: Any
) -> None:
    with pytest.raises(ContinuationError, match=r"sweeper-continuations holds no continuation"):
        follow(session, sweeper.name, Result({"continued": True}, ""))


def test_function_without_a_queue_cannot_continue(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function("def handler(event, context): return {'continued': True}")
    with pytest.raises(ContinuationError, match=f"{name}: .* has no CONTINUATION_QUEUE_URL"):
        follow(session, name, Result({"continued": True}, ""))


def test_event_is_the_one_that_lambda_makes_of_a_message(
    session: boto3.Session, sweeper: Any
) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
    sqs = session.client("sqs")
    body = json.dumps({"kind": "assay-continuation"})
    sent = sqs.send_message(QueueUrl=sweeper.queue_url, MessageBody=body)
    (message,) = sqs.receive_message(
        QueueUrl=sweeper.queue_url, MessageSystemAttributeNames=["All"]
    )["Messages"]
    (record,) = sqs_event(message, sweeper.queue_arn)["Records"]
    attributes = record.pop("attributes")
    assert record == {
        "messageId": sent["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": body,
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:sweeper-continuations",
        "awsRegion": "us-east-1",
    }
    assert attributes["ApproximateReceiveCount"] == "1"
    assert attributes.keys() == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
