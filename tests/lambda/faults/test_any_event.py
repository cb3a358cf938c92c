"""Whatever comes as an event is answered, or refused by an error that names it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay import evaluator, report_aggregator
from assay.events import UnsupportedEventError
from assay.parameters import ParameterError
from assay.rules.ec2_tag_compliance import Ec2TagCompliance

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = Path(__file__).parents[2] / "events"
CONTEXT: Any = SimpleNamespace(
    aws_request_id="8f507cfc-example",
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:any-event",
    get_remaining_time_in_millis=lambda: 600_000,
)
RULE = Ec2TagCompliance
# Fields that hold JSON as text.
EMBEDDED = ("body", "invokingEvent", "ruleParameters")
CONTINUATION = {
    "kind": "assay-continuation",
    "rule_name": RULE.name,
    "run_id": "8f507cfc-example",
    "trigger": "ScheduledNotification",
    "ordering_timestamp": "2026-11-23T06:00:00.000000Z",
    "started_at": "2026-11-23T06:00:01.000000Z",
    "segment": 2,
    "token": "example",
    "offset": 1,
    "listed": False,
    "result_token": "myResultToken",
    "rule_parameters": {"requiredTags": '{"Owner":[]}'},
    "totals": {
        "resources": 25,
        "compliant": 20,
        "non_compliant": 3,
        "not_applicable": 1,
        "transitions": 2,
        "unreadable_count": 1,
    },
    "api_calls": {"ec2:DescribeInstances": 1},
}
REAL_EVENTS = {
    **{file.stem: json.loads(file.read_text("utf-8")) for file in sorted(EVENTS.glob("*.json"))},
    "reminder": {
        "detail-type": "Assay Reminder",
        "source": "assay",
        "time": "2026-11-23T06:00:00Z",
    },
    "continuation": {
        "Records": [{"eventSource": "aws:sqs", "body": json.dumps(CONTINUATION)}],
    },
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**40, -1, 0])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@st.composite
def mutated_events(draw: st.DrawFn) -> Any:
    """Real events of which up to three fields are gone, changed, or swapped for others."""
    event = _decoded(deepcopy(REAL_EVENTS[draw(st.sampled_from(sorted(REAL_EVENTS)))]))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(event))
        holder, key = draw(st.sampled_from(places))
        if draw(st.booleans()):
            other, name = draw(st.sampled_from(places))
            holder[key] = deepcopy(other[name])
        elif draw(st.booleans()):
            holder[key] = draw(json_values | json_values.map(json.dumps))
        elif isinstance(holder, dict) and len(holder) > 1:
            del holder[key]
    return _encoded(event)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, held in inner:
        yield value, key
        if isinstance(held, dict | list):
            yield from _places(held)


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if isinstance(value, dict):
        return {
            name: json.loads(held) if name in EMBEDDED else _decoded(held)
            for name, held in value.items()
        }
    return value


def _encoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    if isinstance(value, dict):
        return {
            name: json.dumps(held)
            if name in EMBEDDED and isinstance(held, dict | list)
            else _encoded(held)
            for name, held in value.items()
        }
    return value


@pytest.fixture
def functions(network: Any, tables: Any) -> Iterator[None]:
    """Both functions' environment, with nothing to judge."""
    tables.put_back(tables.nothing)
    answers = {
        "config:PutEvaluations": b"{}",
        "ec2:DescribeInstances": b"<Answer><reservationSet/></Answer>",
        "s3:CopyObject": b"<CopyObjectResult/>",
        "s3:PutObject": b"",
        "sns:Publish": b"<Answer><PublishResult/></Answer>",
    }

    def answer(sending: Any) -> Any:
        name = sending.call.name
        return sending.answer(answers[name]) if name in answers else sending.deliver()

    network.tamper = answer
    variables = {
        "RULE_CLASS": RULE.reference(),
        "RULE_NAME": RULE.name,
        "RULE_PARAMETERS": "{}",
        "RULE_SEVERITY": "medium",
        "DYNAMODB_TABLE": "compliance-history",
        "STATE_TABLE": "compliance-state",
        "SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:compliance-alerts",
        "HISTORY_RETENTION_DAYS": "365",
        "ENVIRONMENT_SUFFIX": "dev",
        "CONTINUATION_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/example",
        "REPORT_FORMS": "json",
        "REPORTS_BUCKET": "compliance-reports",
    }
    with pytest.MonkeyPatch.context() as patch, NamedTemporaryFile("w") as file:
        file.write(json.dumps({RULE.name: {"class": RULE.reference(), "severity": "medium"}}))
        file.flush()
        for name, value in {**variables, "RULES_FILE": file.name}.items():
            patch.setenv(name, value)
        yield


@contextmanager
def _refused_by_name() -> Iterator[None]:
    try:
        yield
    except (UnsupportedEventError, ParameterError) as error:
        field, _, reason = str(error).partition(": ")
        assert field
        assert reason


def _answer_or_refuse(tables: Any, event: object) -> None:
    # The times of examples say nothing about their order.
    tables.put_back(tables.nothing)
    with _refused_by_name():
        assert evaluator.handler(event, CONTEXT)["rule_name"] == RULE.name
    with _refused_by_name():
        assert report_aggregator.handler(event, CONTEXT)["report_bucket"] == "compliance-reports"


def _settings(max_examples: int) -> settings:
    return settings(
        max_examples=max_examples,
        derandomize=True,
        database=None,
    )


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    "name",
    [
        "config-change",
        "config-deleted",
        "config-left-scope",
        "config-oversized-change",
        "config-scheduled",
        "continuation",
        "eventbridge-schedule",
        "reminder",
    ],
)
def test_these_events_are_answered_as_they_are(name: str) -> None:
    assert evaluator.handler(REAL_EVENTS[name], CONTEXT)["errors"] == []


@pytest.mark.usefixtures("functions")
@_settings(300)
@given(event=mutated_events())
def test_real_events_with_other_fields_are_answered_or_refused_by_name(
    tables: Any, event: object
) -> None:
    _answer_or_refuse(tables, event)


@pytest.mark.usefixtures("functions")
@_settings(100)
@given(event=json_values)
@example(event={})
@example(event={"Records": [{"body": "{}"}]})
def test_any_json_is_answered_or_refused_by_name(tables: Any, event: object) -> None:
    _answer_or_refuse(tables, event)
