from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from assay import continuation
from assay.continuation import Continuation, ContinuationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws

REST = Continuation(
    rule_name="ec2-tag-compliance",
    run_id="8f507cfc-example",
    trigger="Scheduled Event",
    ordering_timestamp="2026-11-23T06:00:00.000000Z",
    started_at="2026-11-23T06:00:01.000000Z",
    segment=2,
    token="next",
    offset=25,
    listed=False,
    result_token="",
    rule_parameters={"requiredTags": '{"Owner":[]}'},
    totals={"resources": 1000},
    api_calls={"ec2:DescribeInstances": 1},
)
BODY = {"kind": "assay-continuation", **asdict(REST)}
COUNTS = "an object of whole numbers of at least 0"

text = st.text()
counts = st.dictionaries(st.text(), st.integers(min_value=0))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def test_what_is_sent_can_be_read(
    aws: Aws, continuation_queue_url: str, continuations: Callable[[], list[dict[str, Any]]]
) -> None:
    continuation.send(aws.client("sqs"), continuation_queue_url, REST)
    (event,) = continuations()
    body = json.loads(event["Records"][0]["body"])
    assert body == BODY
    assert continuation.read(body) == REST


@given(
    st.builds(
        Continuation,
        segment=st.integers(min_value=0),
        offset=st.integers(min_value=0),
        rule_parameters=st.dictionaries(st.text(), text),
        totals=counts,
        api_calls=counts,
    )
)
def test_every_continuation_is_read_as_it_was_written(rest: Continuation) -> None:
    body = json.loads(json.dumps({"kind": continuation.KIND, **asdict(rest)}))
    assert continuation.read(body) == rest


@pytest.mark.parametrize("kind", [None, "assay", 1])
def test_a_message_of_another_kind_is_refused_by_name(kind: object) -> None:
    with pytest.raises(ContinuationError) as caught:
        continuation.read({**BODY, "kind": kind})
    assert str(caught.value) == f"kind: must be 'assay-continuation', got {kind!r}"


@pytest.mark.parametrize("name", [field.name for field in fields(Continuation)])
def test_a_missing_field_is_named(name: str) -> None:
    body = {key: value for key, value in BODY.items() if key != name}
    with pytest.raises(ContinuationError, match=f"^{name}: must be .*, got None$"):
        continuation.read(body)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("rule_name", 1, "a string"),
        ("run_id", ["x"], "a string"),
        ("trigger", {}, "a string"),
        ("ordering_timestamp", 1795413600, "a string"),
        ("started_at", True, "a string"),
        ("segment", -1, "a whole number of at least 0"),
        ("segment", True, "a whole number of at least 0"),
        ("segment", "2", "a whole number of at least 0"),
        ("token", 0, "a string"),
        ("offset", 0.5, "a whole number of at least 0"),
        ("listed", 1, "true or false"),
        ("result_token", False, "a string"),
        ("rule_parameters", [], "an object"),
        ("totals", {"resources": -1}, COUNTS),
        ("totals", {"resources": "1"}, COUNTS),
        ("totals", 1, COUNTS),
        ("api_calls", {"s3:ListBuckets": None}, COUNTS),
        ("api_calls", [], COUNTS),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(
    name: str, value: object, allowed: str
) -> None:
    with pytest.raises(ContinuationError) as caught:
        continuation.read({**BODY, name: value})
    assert str(caught.value) == f"{name}: must be {allowed}, got {value!r}"


def test_a_field_of_a_later_version_does_no_harm() -> None:
    assert continuation.read({**BODY, "later": 1}) == REST


@given(st.dictionaries(st.sampled_from([*BODY, "other"]), json_values))
def test_any_body_is_read_or_refused_by_name(changed: dict[str, Any]) -> None:
    try:
        rest = continuation.read({**BODY, **changed})
    except ContinuationError as error:
        assert str(error).partition(":")[0] in changed  # noqa: PT017 - either will do
    else:
        assert {"kind": continuation.KIND, **asdict(rest)} == {
            name: {**BODY, **changed}[name] for name in BODY
        }


def test_a_message_that_is_refused_is_an_error(
    aws: Aws, continuation_queue_url: str, fail: Callable[..., None]
) -> None:
    fail("SendMessage", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        continuation.send(aws.client("sqs"), continuation_queue_url, REST)
