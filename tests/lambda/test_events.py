from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.events import ChangedResource, Event, Trigger, UnsupportedEventError, read_event
from assay.run import GONE

if TYPE_CHECKING:
    from collections.abc import Callable

CAPTURED = datetime(2026, 11, 23, 5, 11, 12, 345_000, tzinfo=UTC)
DATABASE_ARN = "arn:aws:rds:us-east-1:123456789012:db:orders"
PARAMETERS = {"requiredTags": '{"Owner":[]}'}
INSTANCE = ChangedResource(
    "AWS::EC2::Instance",
    "i-0123456789abcdef0",
    None,
    "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0",
    None,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("name", "trigger"),
    [
        ("config-change", Trigger.CHANGE),
        ("config-oversized-change", Trigger.OVERSIZED_CHANGE),
    ],
)
def test_a_change_names_its_resource_at_its_capture_time(
    event: Callable[..., dict[str, Any]], name: str, trigger: Trigger
) -> None:
    read = read_event(event(name))
    assert read == Event(trigger, CAPTURED, INSTANCE, PARAMETERS, "myResultToken")
    assert not read.trigger.is_sweep


def test_a_resource_is_given_with_its_name_where_it_has_one(
    event: Callable[..., dict[str, Any]],
) -> None:
    read = read_event(event("config-change-rds"))
    assert read.changed == ChangedResource(
        "AWS::RDS::DBInstance", "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "orders", DATABASE_ARN, None
    )
    assert read.rule_parameters == {}


def test_a_deleted_resource_is_given_with_its_arn_where_its_name_is_missing(
    event: Callable[..., dict[str, Any]],
) -> None:
    assert read_event(event("config-deleted-rds")).changed == ChangedResource(
        "AWS::RDS::DBInstance", "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ", None, DATABASE_ARN, GONE
    )


def test_an_item_may_lack_its_arn(event: Callable[..., dict[str, Any]]) -> None:
    changed = read_event(event("config-change", item={"ARN": None})).changed
    assert changed is not None
    assert changed.arn is None


@pytest.mark.parametrize("status", ["ResourceDeleted", "ResourceDeletedNotRecorded"])
def test_a_deleted_resource_is_gone(event: Callable[..., dict[str, Any]], status: str) -> None:
    read = read_event(event("config-deleted", item={"configurationItemStatus": status}))
    assert read.changed is not None
    assert read.changed.departure == GONE


def test_a_resource_that_is_not_recorded_has_departed(
    event: Callable[..., dict[str, Any]],
) -> None:
    item = {"configurationItemStatus": "ResourceNotRecorded"}
    read = read_event(event("config-change", item=item))
    assert read.changed is not None
    assert read.changed.departure == "AWS Config no longer records the resource."


def test_a_resource_that_left_the_scope_has_departed(
    event: Callable[..., dict[str, Any]],
) -> None:
    read = read_event(event("config-left-scope"))
    assert read.changed is not None
    assert read.changed.departure == "The resource left the scope of the AWS Config rule."


def test_a_discovered_resource_is_there(event: Callable[..., dict[str, Any]]) -> None:
    item = {"configurationItemStatus": "ResourceDiscovered"}
    assert read_event(event("config-change", item=item)).changed == INSTANCE


def test_configs_schedule_asks_for_everything_and_wants_a_result(
    event: Callable[..., dict[str, Any]],
) -> None:
    created = datetime(2026, 11, 23, 6, 0, 7, 890_000, tzinfo=UTC)
    read = read_event(event("config-scheduled"))
    assert read == Event(Trigger.CONFIG_SCHEDULE, created, None, PARAMETERS, "myResultToken")
    assert read.trigger.is_sweep


def test_eventbridges_schedule_asks_for_everything_and_wants_no_result(
    event: Callable[..., dict[str, Any]],
) -> None:
    read = read_event(event("eventbridge-schedule"))
    assert read == Event(Trigger.EVENTBRIDGE_SCHEDULE, datetime(2026, 11, 23, 6, tzinfo=UTC))
    assert read.trigger.is_sweep


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "event: must be an object, got None"),
        ({"Records": []}, r"got \['Records'\]"),
        ({"detail-type": "AWS API Call", "source": "aws.ec2"}, "'detail-type': 'AWS API Call'"),
        ({"detail-type": "Scheduled Event"}, "time: must be a non-empty string, got None"),
        (
            {"detail-type": "Scheduled Event", "time": "now"},
            "time: must be an ISO 8601 point in time with an offset, got 'now'",
        ),
        ({"invokingEvent": 1}, "invokingEvent: must be a non-empty string, got 1"),
        ({"invokingEvent": "[]"}, r"invokingEvent: must hold a JSON object, got '\[\]'"),
        ({"invokingEvent": "{"}, "invokingEvent: must hold a JSON object, got '{'"),
        ({"invokingEvent": "{}"}, "messageType: must be one of Config.*, got None"),
        (
            {"invokingEvent": '{"messageType": "ConfigurationSnapshotDeliveryCompleted"}'},
            "messageType: must be one of .*, got 'Configuration",
        ),
        (
            {"invokingEvent": '{"messageType": "ConfigurationItemChangeNotification"}'},
            "configurationItem: must be a non-empty object, got None",
        ),
    ],
)
def test_an_event_of_another_kind_is_refused_with_what_was_received(
    given: object, message: str
) -> None:
    with pytest.raises(UnsupportedEventError, match=message):
        read_event(given)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"resourceType": None}, "resourceType: must be a non-empty string, got None"),
        ({"resourceId": ""}, "resourceId: must be a non-empty string, got ''"),
        ({"resourceName": 1}, "resourceName: must be a non-empty string, got 1"),
        ({"ARN": 1}, "ARN: must be a non-empty string, got 1"),
        ({"configurationItemStatus": "Lost"}, "configurationItemStatus: must be .*, got 'Lost'"),
        ({"configurationItemCaptureTime": "x"}, "configurationItemCaptureTime: must be .* 'x'"),
    ],
)
def test_a_wrong_field_of_a_configuration_item_is_named(
    event: Callable[..., dict[str, Any]], item: dict[str, object], message: str
) -> None:
    with pytest.raises(UnsupportedEventError, match=message):
        read_event(event("config-change", item=item))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resultToken": 1}, "resultToken: must be a non-empty string, got 1"),
        ({"ruleParameters": "x"}, "ruleParameters: must hold a JSON object, got 'x'"),
    ],
)
def test_a_wrong_field_beside_the_item_is_named(
    event: Callable[..., dict[str, Any]], fields: dict[str, object], message: str
) -> None:
    with pytest.raises(UnsupportedEventError, match=message):
        read_event(event("config-change", **fields))


@given(json_values)
def test_any_json_is_read_or_refused_by_name(value: object) -> None:
    with suppress(UnsupportedEventError):
        assert isinstance(read_event(json.loads(json.dumps(value))), Event)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "messageType",
                "configurationItem",
                "configurationItemSummary",
                "notificationCreationTime",
            ]
        ),
        json_values | st.sampled_from(Trigger),
    )
)
def test_any_invoking_event_is_read_or_refused_by_name(invoking: dict[str, object]) -> None:
    with suppress(UnsupportedEventError):
        assert isinstance(read_event({"invokingEvent": json.dumps(invoking)}), Event)
