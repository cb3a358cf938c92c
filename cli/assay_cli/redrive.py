"""Puts messages of the dead-letter queue back to work."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay_cli import embedded_aws
from assay_cli.continuations import follow, sqs_event
from assay_cli.dead_letters import DeadLetter, Kind, function_name, read, source_queue_arn
from assay_cli.display import Display
from assay_cli.errors import USER_ERRORS
from assay_cli.invoke import FunctionError, Invocation

if TYPE_CHECKING:
    import boto3

# No call takes or gives more messages.
_BATCH = 10
# Long enough to receive a long queue to its end, and short enough that a command that is killed
# hides the messages from the alarm only for a while.
_HIDDEN_SECONDS = 300
# With any wait all servers of the queue are asked, so that an empty answer means an empty queue
# (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html).
_WAIT_SECONDS = 1


@dataclass(frozen=True)
class Outcome:
    """What became of a message.

    Attributes:
        letter: the message.
        put_back: whether its work is done or under way again, and the message deleted.
        reason: why it is not.
        log: what the function wrote that failed on this machine.
    """

    letter: DeadLetter
    put_back: bool
    reason: str | None = None
    log: str = ""


class DeadLetterQueue:
    """The dead-letter queue of a deployment.

    Args:
        session: of the queue's account and region.
        url: the queue's URL.
    """

    def __init__(self, session: "boto3.Session", url: str) -> None:
        self._session = session
        self._sqs = session.client("sqs")
        self._url = url
        # By message id. Of several handles of one message, only the last is sure to be good.
        self._receipt_handles: dict[str, str] = {}

    @contextmanager
    def letters(
        self, *, function: str | None = None, limit: int | None = None
    ) -> Iterator[list[DeadLetter]]:
        """Take messages out of everybody's sight, until the context ends.

        All are received before anything is done with the first, because what is put back may fail
        again and return while others are still being put back.

        Args:
            function: a function's name; only its messages are given.
            limit: how many to give at most.

        Yields:
            The messages, each once.
        """
        try:
            yield self._receive(function, limit)
        finally:
            self._show()

    def put_back(self, letter: DeadLetter, *, locally: bool) -> Outcome:
        """Have a message's work done again, and then delete the message.

        Args:
            letter: one of `letters`, within their context.
            locally: run its function on this machine, and count only what it does successfully;
                else hand the work to Lambda, or to the queue that Lambda polls.
        """
        if letter.problem is not None:
            return Outcome(letter, put_back=False, reason=letter.problem)
        try:
            if locally:
                self._run(letter)
            else:
                self._send(letter)
            self._sqs.delete_message(
                QueueUrl=self._url, ReceiptHandle=self._receipt_handles[letter.message_id]
            )
        except FunctionError as error:
            return Outcome(letter, put_back=False, reason=str(error), log=error.log)
        except USER_ERRORS as error:
            return Outcome(letter, put_back=False, reason=str(error))
        del self._receipt_handles[letter.message_id]
        return Outcome(letter, put_back=True)

    def _receive(self, function: str | None, limit: int | None) -> list[DeadLetter]:
        letters: list[DeadLetter] = []
        while limit is None or len(letters) < limit:
            messages = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=_HIDDEN_SECONDS,
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            new = [each for each in messages if each["MessageId"] not in self._receipt_handles]
            self._receipt_handles |= {
                message["MessageId"]: message["ReceiptHandle"] for message in messages
            }
            # Where all of them were here before, the first have come into sight again.
            if not new:
                break
            letters += [
                letter
                for letter in map(read, new)
                if function in (None, function_name(letter.function))
            ]
        return letters[:limit]

    def _run(self, letter: DeadLetter) -> None:
        event = letter.event
        if letter.kind is Kind.CONTINUATION:
            event = sqs_event(letter.message, source_queue_arn(letter.message))
        with Invocation(self._session, letter.function, event) as invocation:
            result = invocation.result()
        # Elsewhere Lambda sees to what the run left in its queue.
        if embedded_aws.in_use():
            follow(self._session, letter.function, result)

    def _send(self, letter: DeadLetter) -> None:
        if letter.kind is Kind.CONTINUATION:
            account_id, queue = source_queue_arn(letter.message).split(":")[4:]
            url = self._sqs.get_queue_url(QueueName=queue, QueueOwnerAWSAccountId=account_id)
            self._sqs.send_message(QueueUrl=url["QueueUrl"], MessageBody=letter.message["Body"])
        else:
            self._session.client("lambda").invoke(
                FunctionName=letter.function,
                InvocationType="Event",
                Payload=json.dumps(letter.event),
            )

    def _show(self) -> None:
        handles = list(self._receipt_handles.values())
        for start in range(0, len(handles), _BATCH):
            # One that is in sight already is refused, which changes nothing.
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for number, handle in enumerate(handles[start : start + _BATCH])
                ],
            )


def list_letters(letters: Sequence[DeadLetter], display: Display) -> None:
    """Print the messages as a table."""
    display.table(
        "Dead letters",
        ("Message", "Kind", "Function", "Event", "Error", "Time"),
        [
            (
                letter.message_id,
                letter.kind,
                function_name(letter.function),
                letter.event_kind,
                _error(letter),
                letter.time,
            )
            for letter in letters
        ],
    )


def describe(outcome: Outcome) -> str:
    """Return what became of a message, in one line."""
    letter = outcome.letter
    whose = f" of {function_name(letter.function)}" if letter.function else ""
    what = f"{letter.kind}{whose}, message {letter.message_id}"
    return f"stays: {what}: {_one_line(outcome.reason)}" if outcome.reason else f"put back: {what}"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return a message and what became of it, for machines; null is what is not known."""
    letter = outcome.letter
    return {
        "message_id": letter.message_id,
        "kind": letter.kind,
        "function": function_name(letter.function) or None,
        "event": letter.event_kind or None,
        "error_type": letter.error_type or None,
        "error_message": letter.error_message or None,
        "time": letter.time,
        "put_back": outcome.put_back,
        "reason": outcome.reason,
    }


def _error(letter: DeadLetter) -> str:
    told = (letter.error_type, letter.error_message, letter.problem)
    return ": ".join(_one_line(text) for text in told if text)


def _one_line(text: str) -> str:
    # It may come from a function's exception.
    return " ".join(text.split())
