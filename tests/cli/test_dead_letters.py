"""Messages of the dead-letter queue are understood, or it is said what is wrong with them."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_cli.dead_letters import DeadLetter, Kind, function_name, read

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:ec2-tag-compliance-dev"
SCHEDULED = {"detail-type": "Scheduled Event", "source": "aws.events"}
CHANGE = {
    "invokingEvent": json.dumps({"messageType": "ConfigurationItemChangeNotification"}),
    "resultToken": "token",
}

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
RECORD: dict[str, Any] = {
    "version": "1.0",
    "timestamp": "2026-11-23T06:00:00.568Z",
    "requestContext": {
        "requestId": "e4b46cbf-b738-4880-8880-a18cdf61200e",
        "functionArn": f"{FUNCTION}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    },
    "requestPayload": SCHEDULED,
    "responseContext": {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    },
    "responsePayload": {
        "errorMessage": "An error occurred (AccessDenied)",
        "errorType": "ClientError",
        "stackTrace": ["  File ..."],
    },
}

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
DELIVERY = {
    "RULE_ARN": "arn:aws:events:us-east-1:123456789012:rule/compliance-evaluation-dev",
    "TARGET_ARN": FUNCTION,
    "ERROR_CODE": "NO_PERMISSIONS",
    "ERROR_MESSAGE": "not authorized to perform: lambda:InvokeFunction",
}

CONTINUATION = {"kind": "assay-continuation", "rule_name": "ec2-tag-compliance", "segment": 2}
CONTINUATION_QUEUE = "arn:aws:sqs:us-east-1:123456789012:ec2-tag-compliance-dev-continuations"


def message(body: object, *, source: str | None = None, **attributes: str) -> Any:
    """A message as ReceiveMessage answers it."""
    received: dict[str, Any] = {
        "MessageId": "5fea7756-0ea4-451a-a703-a558b933e274",
        "ReceiptHandle": "handle",
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {"SentTimestamp": "1795413600999", "ApproximateReceiveCount": "1"},
    }
    if source is not None:
        received["Attributes"]["DeadLetterQueueSourceArn"] = source
    if attributes:
        received["MessageAttributes"] = {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        }
    return received


def test_failed_invocation_names_function_event_and_error() -> None:
    received = message(RECORD)
    letter = read(received)
    assert letter == DeadLetter(
        received,
        Kind.FAILED_INVOCATION,
        FUNCTION,
        SCHEDULED,
        "Scheduled Event",
        "ClientError",
        "An error occurred (AccessDenied)",
        None,
    )
    assert letter.message_id == "5fea7756-0ea4-451a-a703-a558b933e274"
    assert letter.time == "2026-11-23T06:00:00Z"


def test_function_keeps_the_qualifier_that_it_was_invoked_by() -> None:
    context = RECORD["requestContext"] | {"functionArn": f"{FUNCTION}:live"}
    assert read(message(RECORD | {"requestContext": context})).function == f"{FUNCTION}:live"


def test_invocation_that_never_ran_is_explained_by_its_condition() -> None:
    context = RECORD["requestContext"] | {"condition": "EventAgeExceeded"}
    record = {key: value for key, value in RECORD.items() if not key.startswith("response")} | {
        "requestContext": context
    }
    letter = read(message(record))
    assert (letter.error_type, letter.error_message) == ("EventAgeExceeded", "")
    assert letter.problem is None


def test_error_without_a_type_is_explained_by_its_condition_and_its_words() -> None:
    letter = read(message(RECORD | {"responsePayload": {"errorMessage": "Process exited"}}))
    assert (letter.error_type, letter.error_message) == ("RetriesExhausted", "Process exited")


def test_undelivered_event_is_the_body_and_the_rest_lies_in_attributes() -> None:
    received = message(SCHEDULED, **DELIVERY)
    assert read(received) == DeadLetter(
        received,
        Kind.UNDELIVERED_EVENT,
        FUNCTION,
        SCHEDULED,
        "Scheduled Event",
        "NO_PERMISSIONS",
        "not authorized to perform: lambda:InvokeFunction",
        None,
    )


def test_continuation_s_function_is_that_of_the_queue_it_was_taken_from() -> None:
    received = message(CONTINUATION, source=CONTINUATION_QUEUE)
    assert read(received) == DeadLetter(
        received,
        Kind.CONTINUATION,
        "ec2-tag-compliance-dev",
        CONTINUATION,
        "segment 2",
        "",
        "",
        None,
    )


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (CHANGE, "ConfigurationItemChangeNotification"),
        (SCHEDULED, "Scheduled Event"),
        ({"detail-type": "Assay Reminder"}, "Assay Reminder"),
        ({"invokingEvent": "{"}, ""),
        ({"invokingEvent": "{}"}, ""),
        ({}, ""),
        ("text", ""),
    ],
)
def test_event_is_named_by_what_it_says_of_itself(event: object, kind: str) -> None:
    assert read(message(RECORD | {"requestPayload": event})).event_kind == kind


@pytest.mark.parametrize(
    ("received", "problem"),
    [
        (message("not JSON"), "neither a failed invocation nor an undelivered event nor"),
        (message("[" * 100_000), "neither a failed invocation nor"),
        (message([RECORD]), "neither a failed invocation nor"),
        (message({"requestContext": "text"}), "neither a failed invocation nor"),
        (message(SCHEDULED), "neither a failed invocation nor"),
        (message(RECORD | {"requestContext": {}}), "functionArn: must be .* got None"),
        (
            message(RECORD | {"requestContext": {"functionArn": "arn:aws:sqs:a:b:c"}}),
            "functionArn: must be the ARN of a Lambda function, got 'arn:aws:sqs:a:b:c'",
        ),
        (
            message({key: RECORD[key] for key in RECORD if key != "requestPayload"}),
            "requestPayload: must be there, is missing",
        ),
        (message("not JSON", **DELIVERY), "body: must be an event, a JSON object"),
        (
            message(SCHEDULED, **DELIVERY | {"TARGET_ARN": "arn:aws:sns:us-east-1:1:topic"}),
            "TARGET_ARN: must be the ARN of a Lambda function, got 'arn:aws:sns",
        ),
        (message(CONTINUATION), "DeadLetterQueueSourceArn: must be .*, got ''"),
        (
            message(CONTINUATION, source="arn:aws:sqs:us-east-1:123456789012:orders"),
            "DeadLetterQueueSourceArn: must be .* <function>-continuations, got 'arn:.*:orders'",
        ),
    ],
)
def test_message_that_cannot_be_put_back_says_why(received: Any, problem: str) -> None:
    assert re.search(problem, str(read(received).problem))


def test_first_of_several_problems_is_the_one_told() -> None:
    letter = read(message("not JSON", **DELIVERY | {"TARGET_ARN": ""}))
    assert str(letter.problem).startswith("TARGET_ARN")
    assert str(read(message({"requestContext": {}})).problem).startswith("functionArn")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*RECORD, *RECORD["requestContext"], *RECORD["responsePayload"], *CONTINUATION]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON | st.text(), st.dictionaries(st.sampled_from(list(DELIVERY)), st.text(), max_size=4))
def test_any_message_is_either_understood_or_said_to_be_wrong(
    body: object, attributes: dict[str, str]
) -> None:
    letter = read(message(body, **attributes))
    assert bool(letter.function) or letter.problem is not None


@pytest.mark.parametrize("arn", [FUNCTION, f"{FUNCTION}:$LATEST", f"{FUNCTION}:live"])
def test_function_s_name_is_a_part_of_its_arn(arn: str) -> None:
    assert function_name(arn) == "ec2-tag-compliance-dev"
    assert function_name("ec2-tag-compliance-dev") == "ec2-tag-compliance-dev"
