"""Messages of the dead-letter queue are put back to work, and none is lost on the way."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from assay_cli.dead_letters import DeadLetter, Kind
from assay_cli.display import Display
from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.redrive import DeadLetterQueue, Outcome, as_json, describe, list_letters

RECORDING = """
import json
from pathlib import Path

def handler(event, context):
    print("working")
    if "fail" in event:
        raise ValueError(event["fail"])
    Path(event["file"]).write_text(json.dumps(event))
    return {"continued": event.get("continued")}
"""


@pytest.fixture
def queue_url(session: boto3.Session) -> Iterator[str]:
    """An empty dead-letter queue."""
    sqs = session.client("sqs")
    url = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def record(function_arn: str, event: object) -> str:
    """What Lambda writes about an invocation of the function that it has given up."""
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": "2026-11-23T06:00:00.568Z",
            "requestContext": {
                "requestId": "e4b46cbf-b738-4880-8880-a18cdf61200e",
                "functionArn": f"{function_arn}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event,
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "responsePayload": {"errorMessage": "wrong", "errorType": "ValueError"},
        }
    )


def arn(function: str) -> str:
    return f"arn:aws:lambda:us-east-1:123456789012:function:{function}"


def visible(session: boto3.Session, queue_url: str) -> list[str]:
    """The ids of all messages that anybody could receive now."""
    sqs = session.client("sqs")
    ids = []
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        ids += [message["MessageId"] for message in messages]
    return ids


def put_back(session: boto3.Session, queue_url: str, *, locally: bool = True) -> list[Outcome]:
    queue = DeadLetterQueue(session, queue_url)
    with queue.letters() as letters:
        return [queue.put_back(letter, locally=locally) for letter in letters]


def send(session: boto3.Session, queue_url: str, body: str, **attributes: str) -> str:
    """Send a message, and return its id."""
    return session.client("sqs").send_message(
        QueueUrl=queue_url,
        MessageBody=body,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )["MessageId"]


def come_from(session: boto3.Session, queue_arn: str) -> None:
    """Let messages say that SQS has taken them from the queue, as moto's never do."""

    def say(parsed: dict[str, Any], **_: object) -> None:
        for message in parsed.get("Messages", ()):
            message.setdefault("Attributes", {})["DeadLetterQueueSourceArn"] = queue_arn

    session.events.register("after-call.sqs.ReceiveMessage", say)


def send_many(session: boto3.Session, queue_url: str, batches: int) -> list[str]:
    """Send ten messages a batch, of two functions in turn, and return their ids."""
    ids = []
    for batch in range(batches):
        sent = session.client("sqs").send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {
                    "Id": str(number),
                    "MessageBody": record(arn("ab"[number % 2]), {"number": [batch, number]}),
                }
                for number in range(10)
            ],
        )
        ids += [each["MessageId"] for each in sent["Successful"]]
    return ids


def test_each_of_hundreds_of_messages_is_seen_once_and_left_in_sight(
    session: boto3.Session, queue_url: str
) -> None:
    sent = send_many(session, queue_url, 20)
    with DeadLetterQueue(session, queue_url).letters() as letters:
        assert sorted(letter.message_id for letter in letters) == sorted(sent)
        assert visible(session, queue_url) == []
    assert sorted(visible(session, queue_url)) == sorted(sent)


def test_messages_of_one_function_may_be_asked_for(session: boto3.Session, queue_url: str) -> None:
    sent = send_many(session, queue_url, 3)
    with DeadLetterQueue(session, queue_url).letters(function="b") as letters:
        assert sorted(letter.message_id for letter in letters) == sorted(sent[1::2])
    assert len(visible(session, queue_url)) == len(sent)


def test_no_more_messages_are_given_than_asked_for(session: boto3.Session, queue_url: str) -> None:
    sent = send_many(session, queue_url, 3)
    with DeadLetterQueue(session, queue_url).letters(function="b", limit=7) as letters:
        assert len({letter.message_id for letter in letters}) == 7
        assert {letter.function for letter in letters} == {arn("b")}
    assert len(visible(session, queue_url)) == len(sent)


def test_messages_that_come_into_sight_again_are_not_taken_twice(
    session: boto3.Session, queue_url: str
) -> None:
    sent = send_many(session, queue_url, 3)
    session.events.register(
        "provide-client-params.sqs.ReceiveMessage",
        lambda params, **_: params | {"VisibilityTimeout": 0},
    )
    with DeadLetterQueue(session, queue_url).letters() as letters:
        assert sorted(letter.message_id for letter in letters) == sorted(sent[:10])


def test_messages_are_left_in_sight_when_the_work_is_interrupted(
    session: boto3.Session, queue_url: str
) -> None:
    sent = send(session, queue_url, "{}")
    with (
        pytest.raises(KeyboardInterrupt),
        DeadLetterQueue(session, queue_url).letters(),
    ):
        raise KeyboardInterrupt
    assert visible(session, queue_url) == [sent]


def test_failed_invocation_is_done_here_and_its_message_deleted(
    session: boto3.Session,
    queue_url: str,
    deploy_function: Callable[..., str],
    tmp_path: Path,
) -> None:
    event = {"file": str(tmp_path / "done"), "detail-type": "Scheduled Event"}
    send(session, queue_url, record(arn(deploy_function(RECORDING)), event))
    (outcome,) = put_back(session, queue_url)
    assert (outcome.put_back, outcome.reason, outcome.log) == (True, None, "")
    assert json.loads((tmp_path / "done").read_text()) == event
    assert visible(session, queue_url) == []


def test_undelivered_event_is_given_to_its_target(
    session: boto3.Session,
    queue_url: str,
    deploy_function: Callable[..., str],
    tmp_path: Path,
) -> None:
    event = {"file": str(tmp_path / "done"), "detail-type": "Scheduled Event"}
    send(
        session,
        queue_url,
        json.dumps(event),
        RULE_ARN="arn:aws:events:us-east-1:123456789012:rule/schedule",
        TARGET_ARN=arn(deploy_function(RECORDING)),
        ERROR_CODE="NO_PERMISSIONS",
        ERROR_MESSAGE="not authorized",
    )
    (outcome,) = put_back(session, queue_url)
    assert (outcome.put_back, outcome.letter.kind) == (True, Kind.UNDELIVERED_EVENT)
    assert json.loads((tmp_path / "done").read_text()) == event
    assert visible(session, queue_url) == []


def test_continuation_is_done_here_to_the_end_of_its_run(
    session: boto3.Session, queue_url: str, sweeper: Any
) -> None:
    body = {"kind": "assay-continuation", "segment": 2, "run": "r", "last": 3}
    send(session, queue_url, json.dumps(body))
    come_from(session, sweeper.queue_arn)
    (outcome,) = put_back(session, queue_url)
    assert (outcome.put_back, outcome.letter.kind) == (True, Kind.CONTINUATION)
    assert visible(session, queue_url) == []
    assert visible(session, sweeper.queue_url) == []


def test_run_whose_continuation_fails_keeps_its_message(
    session: boto3.Session, queue_url: str, sweeper: Any
) -> None:
    event = {"run": "r", "last": 2, "broken": 2}
    sent = send(session, queue_url, record(sweeper.arn, event))
    (outcome,) = put_back(session, queue_url)
    assert outcome.put_back is False
    assert outcome.reason == "sweeper: ValueError: cannot go on"
    assert visible(session, queue_url) == [sent]


def test_message_stays_when_its_function_fails_again_and_the_others_do_not_wait_for_it(
    session: boto3.Session,
    queue_url: str,
    deploy_function: Callable[..., str],
    tmp_path: Path,
) -> None:
    function = arn(deploy_function(RECORDING))
    bad = send(session, queue_url, record(function, {"fail": "still wrong"}))
    send(session, queue_url, record(function, {"file": str(tmp_path / "done")}))
    failed, done = put_back(session, queue_url)
    assert failed.put_back is False
    assert failed.reason == "function-0: ValueError: still wrong"
    assert failed.log.startswith("working\nTraceback")
    assert done.put_back is True
    assert visible(session, queue_url) == [bad]


def test_message_stays_when_its_function_is_gone(session: boto3.Session, queue_url: str) -> None:
    sent = send(session, queue_url, record(arn("gone"), {}))
    (outcome,) = put_back(session, queue_url)
    assert outcome.put_back is False
    assert "ResourceNotFoundException" in str(outcome.reason)
    assert visible(session, queue_url) == [sent]


@pytest.mark.parametrize("locally", [True, False])
def test_message_that_is_not_understood_stays(
    session: boto3.Session, queue_url: str, locally: bool
) -> None:
    sent = send(session, queue_url, "hello")
    (outcome,) = put_back(session, queue_url, locally=locally)
    assert outcome == Outcome(outcome.letter, put_back=False, reason=outcome.letter.problem)
    assert "neither a failed invocation" in str(outcome.reason)
    assert visible(session, queue_url) == [sent]


def answer_invocations(session: boto3.Session, status: int) -> list[AWSPreparedRequest]:
    """Answer each Invoke as Lambda does, and return the list that the requests go to."""
    requests: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        requests.append(request)
        raw = io.BytesIO()
        raw.stream = lambda **_: iter([b""])  # type: ignore[attr-defined]
        return AWSResponse(request.url, status, HTTPHeaders(), raw)

    session.events.register("before-send.lambda.Invoke", answer)  # type: ignore[arg-type]
    return requests


def test_in_aws_the_event_is_handed_to_lambda(session: boto3.Session, queue_url: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html."""
    event = {"detail-type": "Scheduled Event", "time": "2026-11-23T06:00:00Z"}
    send(session, queue_url, record(arn("evaluator"), event))
    send(session, queue_url, json.dumps(event), TARGET_ARN=arn("evaluator"))
    requests = answer_invocations(session, 202)
    assert [each.put_back for each in put_back(session, queue_url, locally=False)] == [True, True]
    for request in requests:
        path = unquote(urlsplit(request.url).path)
        assert path == f"/2015-03-31/functions/{arn('evaluator')}/invocations"
        assert request.headers["X-Amz-Invocation-Type"] == b"Event"
        assert request.body == json.dumps(event).encode()
    assert visible(session, queue_url) == []


def test_in_aws_a_message_stays_that_lambda_does_not_take(
    session: boto3.Session, queue_url: str
) -> None:
    sent = send(session, queue_url, record(arn("evaluator"), {}))
    answer_invocations(session, 404)
    (outcome,) = put_back(session, queue_url, locally=False)
    assert outcome.put_back is False
    assert "Invoke operation" in str(outcome.reason)
    assert visible(session, queue_url) == [sent]


def test_in_aws_a_continuation_is_sent_to_the_queue_it_came_from(
    session: boto3.Session, queue_url: str, sweeper: Any
) -> None:
    body = '{"kind": "assay-continuation", "segment": 2,  "token": "t"}'
    send(session, queue_url, body)
    come_from(session, sweeper.queue_arn)
    (outcome,) = put_back(session, queue_url, locally=False)
    assert outcome.put_back is True
    assert visible(session, queue_url) == []
    (message,) = session.client("sqs").receive_message(QueueUrl=sweeper.queue_url)["Messages"]
    assert message["Body"] == body


def test_where_lambda_polls_the_queues_only_the_invocation_is_done_here(
    aws: EmbeddedAws,
    session: boto3.Session,
    queue_url: str,
    deploy_function: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = deploy_function(RECORDING)
    event = {"file": str(tmp_path / "done"), "continued": True}
    send(session, queue_url, record(arn(name), event))
    code = tmp_path / "code.zip"
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("function.py", RECORDING)
    sha256 = base64.b64encode(hashlib.sha256(code.read_bytes()).digest()).decode()

    def serve(parsed: dict[str, Any], **_: object) -> None:
        parsed["Code"]["Location"] = code.as_uri()
        parsed["Configuration"]["CodeSha256"] = sha256

    # No endpoint for all of AWS: this is taken for AWS itself.
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", aws.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", aws.endpoint)
    elsewhere = boto3.Session()
    elsewhere.events.register("after-call.lambda.GetFunction", serve)
    (outcome,) = put_back(elsewhere, queue_url)
    assert (outcome.put_back, outcome.reason) == (True, None)
    assert (tmp_path / "done").exists()


LETTER = DeadLetter(
    {"MessageId": "5fea", "Attributes": {"SentTimestamp": "1795413600999"}},
    Kind.FAILED_INVOCATION,
    arn("evaluator"),
    {},
    "Scheduled Event",
    "ValueError",
    "first line\nand [second]",
)
UNKNOWN = DeadLetter(
    {"MessageId": "6aeb", "Attributes": {"SentTimestamp": "1795413600999"}}, problem="it is odd"
)


def test_list_has_a_line_for_each_message(capsys: pytest.CaptureFixture[str]) -> None:
    list_letters([LETTER, UNKNOWN], Display())
    written = capsys.readouterr().out.splitlines()
    lines = [" ".join(line.split()) for line in written if line.strip()]
    assert lines[:2] == ["Dead letters", "| Message | Kind | Function | Event | Error | Time |"]
    assert lines[3:5] == [
        (
            "| 5fea | failed invocation | evaluator | Scheduled Event "
            "| ValueError: first line and [second] | 2026-11-23T06:00:00Z |"
        ),
        "| 6aeb | unknown | | | it is odd | 2026-11-23T06:00:00Z |",
    ]


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (
            Outcome(LETTER, put_back=True),
            "put back: failed invocation of evaluator, message 5fea",
        ),
        (
            Outcome(LETTER, put_back=False, reason="still\nwrong"),
            "stays: failed invocation of evaluator, message 5fea: still wrong",
        ),
        (
            Outcome(UNKNOWN, put_back=False, reason="it is odd"),
            "stays: unknown, message 6aeb: it is odd",
        ),
    ],
)
def test_outcome_is_told_in_one_line(outcome: Outcome, text: str) -> None:
    assert describe(outcome) == text


def test_outcome_is_json_with_null_for_what_is_not_known() -> None:
    assert as_json(Outcome(LETTER, put_back=True)) == {
        "message_id": "5fea",
        "kind": "failed invocation",
        "function": "evaluator",
        "event": "Scheduled Event",
        "error_type": "ValueError",
        "error_message": "first line\nand [second]",
        "time": "2026-11-23T06:00:00Z",
        "put_back": True,
        "reason": None,
    }
    unknown = as_json(Outcome(UNKNOWN, put_back=False, reason="it is odd"))
    assert {name for name, value in unknown.items() if value is None} == {
        "function",
        "event",
        "error_type",
        "error_message",
    }
    assert (unknown["kind"], unknown["put_back"], unknown["reason"]) == (
        "unknown",
        False,
        "it is odd",
    )
