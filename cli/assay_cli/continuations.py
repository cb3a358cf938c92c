"""Continuations: what a run that ran out of time leaves in its function's queue.

In AWS it is Lambda that polls the queue and invokes the function with each message. Nothing does
so for functions that run on this machine, so it is done here.
"""

from typing import TYPE_CHECKING, Any

from assay_cli.errors import AssayError
from assay_cli.invoke import Invocation, Result

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sqs.type_defs import MessageTypeDef

# A continuation is sent before the function answers, so it is there or soon will be.
_WAIT_SECONDS = 3


class ContinuationError(AssayError):
    """A run continues, but nothing says how."""


def follow(session: "boto3.Session", function_name: str, result: Result) -> Result:
    """Run a function's continuations until the run is complete.

    The queue may hold those of other runs too. They are run as well when they come first.

    Args:
        session: of the function's account and region; the handler gets its credentials.
        function_name: the function's name or ARN.
        result: what the run's invocation gave.

    Returns:
        What the run's last invocation gave, with the logs of all of them. That is the result
        itself where the run does not continue.

    Raises:
        ContinuationError: the function has no queue, or the queue holds no continuation.
        FunctionError: the handler raised, timed out, or its process ended. The message is in the
            queue again when its visibility timeout is over.
    """
    if not _continues(result.payload):
        return result
    queue_url = _queue_url(session, function_name)
    sqs = session.client("sqs")
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    run, log = _run(result.payload), result.log
    while _run(result.payload) != run or _continues(result.payload):
        messages = sqs.receive_message(
            QueueUrl=queue_url,
            MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=_WAIT_SECONDS,
        ).get("Messages")
        if not messages:
            raise ContinuationError(
                f"{function_name}: its run goes on in a further invocation, but {queue_url} holds "
                "no continuation"
            )
        (message,) = messages
        with Invocation(session, function_name, sqs_event(message, queue_arn)) as invocation:
            result = invocation.result()
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        log += result.log
    return Result(result.payload, log)


def sqs_event(message: "MessageTypeDef", queue_arn: str) -> dict[str, Any]:
    """Return the event by which Lambda gives a function one message of a queue.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event

    Args:
        message: as ReceiveMessage answers it, with its system attributes. It has no message
            attributes.
        queue_arn: the queue's ARN.
    """
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": queue_arn.split(":")[3],
            }
        ]
    }


def _queue_url(session: "boto3.Session", function_name: str) -> str:
    function = session.client("lambda").get_function_configuration(FunctionName=function_name)
    queue_url = function.get("Environment", {}).get("Variables", {}).get("CONTINUATION_QUEUE_URL")
    if not queue_url:
        raise ContinuationError(
            f"{function_name}: its run goes on in a further invocation, but the function has no "
            "CONTINUATION_QUEUE_URL"
        )
    return queue_url


def _continues(payload: Any) -> bool:
    return _summary(payload).get("continued") is True


def _run(payload: Any) -> Any:
    """Return what all invocations of one run have in common: the request id of the first."""
    return _summary(payload).get("run_id")


def _summary(payload: Any) -> dict[str, Any]:
    # Any function can be invoked, and only evaluators answer with a summary.
    return payload if isinstance(payload, dict) else {}
