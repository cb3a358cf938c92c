from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.continuation import Continuation
from assay.events import ChangedResource, Event, Trigger, UnsupportedEventError, read_event
from assay.run import GONE
from assay.timestamps import read_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = Path(__file__).parents[1] / "events"
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

REST = Continuation(
    rule_name="ec2-tag-compliance",
    run_id="8f507cfc-example",
    trigger="Scheduled Event",
    ordering_timestamp="2026-11-23T06:00:00.000000Z",
    started_at="2026-11-23T06:00:01.234567Z",
    segment=2,
    token="",
    offset=0,
    listed=False,
    result_token="",
    rule_parameters={},
    totals={
        "resources": 3,
        "compliant": 1,
        "non_compliant": 1,
        "not_applicable": 0,
        "transitions": 2,
        "unreadable_count": 1,
    },
    api_calls={"ec2:DescribeInstances": 1},
)
NOT_RECORDED = "AWS Config no longer records the resource."
LEFT_SCOPE = "The resource left the scope of the AWS Config rule."
# What each file is about, and why the resource has departed.
CHANGES = {
    "config-change": ("AWS::EC2::Instance", None),
    "config-change-iam-user": ("AWS::IAM::User", None),
    "config-change-rds": ("AWS::RDS::DBInstance", None),
    "config-change-s3": ("AWS::S3::Bucket", None),
    "config-change-short": ("AWS::EC2::Instance", None),
    "config-deleted": ("AWS::EC2::Instance", GONE),
    "config-deleted-not-recorded": ("AWS::EC2::Instance", GONE),
    "config-deleted-rds": ("AWS::RDS::DBInstance", GONE),
    "config-discovered": ("AWS::EC2::Instance", None),
    "config-left-scope": ("AWS::EC2::Instance", LEFT_SCOPE),
    "config-not-recorded": ("AWS::EC2::Instance", NOT_RECORDED),
    "config-oversized-change": ("AWS::EC2::Instance", None),
    "config-oversized-deleted": ("AWS::EC2::Instance", GONE),
}
OTHERS = {
    "assay-continuation": Trigger.EVENTBRIDGE_SCHEDULE,
    "assay-reminder": Trigger.REMINDER,
    "config-scheduled": Trigger.CONFIG_SCHEDULE,
    "eventbridge-schedule": Trigger.EVENTBRIDGE_SCHEDULE,
}
FILES = {*CHANGES, *OTHERS, "config-snapshot-delivered"}
# The fields of AWS's own examples; see the pages that assay/events.py names.
CONFIG_FIELDS = {
    *("invokingEvent", "ruleParameters", "resultToken", "eventLeftScope", "executionRoleArn"),
    *("configRuleArn", "configRuleName", "configRuleId", "accountId", "version"),
}
SUMMARY_FIELDS = {
    *("configurationItemVersion", "configurationItemCaptureTime", "configurationStateId"),
    *("awsAccountId", "configurationItemStatus", "resourceType", "resourceId", "resourceName"),
    *("ARN", "awsRegion", "availabilityZone", "configurationStateMd5Hash"),
    "resourceCreationTime",
}
ITEM_FIELDS = {
    *("relatedEvents", "relationships", "configuration", "supplementaryConfiguration", "tags"),
    *SUMMARY_FIELDS,
}
SHORT_ITEM_FIELDS = {
    *("configurationItemCaptureTime", "awsAccountId", "configurationItemStatus", "resourceId"),
    *("ARN", "awsRegion", "availabilityZone", "resourceType", "tags", "relationships"),
    "configuration",
}
NOTIFICATION_FIELDS = {"notificationCreationTime", "messageType", "recordVersion"}
SQS_FIELDS = {
    *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody"),
    *("eventSource", "eventSourceARN", "awsRegion"),
}

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
    assert read == Event(
        trigger, CAPTURED, INSTANCE, PARAMETERS, "myResultToken", "ec2-tag-compliance-dev"
    )
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
    assert read == Event(
        Trigger.CONFIG_SCHEDULE,
        created,
        rule_parameters=PARAMETERS,
        result_token="myResultToken",
        config_rule_name="ec2-tag-compliance-dev",
    )
    assert read.trigger.is_sweep


def test_eventbridges_schedule_asks_for_everything_and_wants_no_result(
    event: Callable[..., dict[str, Any]],
) -> None:
    read = read_event(event("eventbridge-schedule"))
    assert read == Event(Trigger.EVENTBRIDGE_SCHEDULE, datetime(2026, 11, 23, 6, tzinfo=UTC))
    assert read.trigger.is_sweep


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_among_the_files_is_read(
    event: Callable[..., dict[str, Any]], name: str
) -> None:
    read = read_event(event(name))
    assert read.changed is not None
    assert (read.changed.resource_type, read.changed.departure) == CHANGES[name]
    assert read.ordering_timestamp == CAPTURED
    assert read.trigger is (Trigger.OVERSIZED_CHANGE if "oversized" in name else Trigger.CHANGE)
    assert (read.result_token, read.continuation) == ("myResultToken", None)


@pytest.mark.parametrize("name", OTHERS)
def test_each_other_event_among_the_files_is_read(
    event: Callable[..., dict[str, Any]], name: str
) -> None:
    read = read_event(event(name))
    assert (read.trigger, read.changed) == (OTHERS[name], None)


def test_a_delivered_snapshot_asks_for_nothing_that_there_is(
    event: Callable[..., dict[str, Any]],
) -> None:
    message = "^messageType: must be one of .*, got 'ConfigurationSnapshotDeliveryCompleted'$"
    with pytest.raises(UnsupportedEventError, match=message):
        read_event(event("config-snapshot-delivered"))


def test_no_file_is_left_out() -> None:
    assert sorted(path.stem for path in EVENTS.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", [name for name in sorted(FILES) if name.startswith("config-")])
def test_config_events_have_the_fields_of_awss_examples(
    event: Callable[..., dict[str, Any]], name: str
) -> None:
    told = event(name)
    # A rule without parameters is told of none.
    assert {"ruleParameters", *told} == CONFIG_FIELDS
    invoking = json.loads(told["invokingEvent"])
    if name == "config-change-short":
        assert invoking.keys() == {"configurationItem", "messageType"}
        assert invoking["configurationItem"].keys() == SHORT_ITEM_FIELDS
    elif "oversized" in name:
        kinds = {"configurationItemSummary", "s3DeliverySummary"}
        assert invoking.keys() == {*kinds, *NOTIFICATION_FIELDS}
        assert invoking["configurationItemSummary"].keys() == {"changeType", *SUMMARY_FIELDS}
        delivery = {"s3BucketLocation", "errorCode", "errorMessage"}
        assert invoking["s3DeliverySummary"].keys() == delivery
    elif name in CHANGES:
        kinds = {"configurationItem", "configurationItemDiff"}
        assert invoking.keys() == {*kinds, *NOTIFICATION_FIELDS}
        assert invoking["configurationItem"].keys() == ITEM_FIELDS
        assert invoking["configurationItemDiff"].keys() == {"changedProperties", "changeType"}
    elif name == "config-scheduled":
        assert invoking.keys() == {"awsAccountId", *NOTIFICATION_FIELDS}
    else:
        delivered = {"configSnapshotId", "s3ObjectKey", "s3Bucket"}
        assert invoking.keys() == {*delivered, *NOTIFICATION_FIELDS}


def test_the_other_events_have_the_fields_of_awss_examples(
    event: Callable[..., dict[str, Any]],
) -> None:
    assert event("eventbridge-schedule").keys() == {
        *("version", "id", "detail-type", "source", "account", "time", "region"),
        *("resources", "detail"),
    }
    (record,) = event("assay-continuation")["Records"]
    assert record.keys() == SQS_FIELDS
    assert record["attributes"].keys() == {
        *("ApproximateReceiveCount", "SentTimestamp", "SenderId"),
        "ApproximateFirstReceiveTimestamp",
    }


def test_a_reminder_asks_for_no_resource_and_wants_no_result(
    event: Callable[..., dict[str, Any]],
) -> None:
    read = read_event(event("assay-reminder"))
    assert read == Event(Trigger.REMINDER, datetime(2026, 11, 23, 6, tzinfo=UTC))
    assert not read.trigger.is_sweep


def test_a_continuation_is_the_rest_of_the_sweep_that_it_names(
    event: Callable[..., dict[str, Any]],
) -> None:
    read = read_event(event("assay-continuation"))
    assert read == Event(
        Trigger.EVENTBRIDGE_SCHEDULE,
        datetime(2026, 11, 23, 6, tzinfo=UTC),
        continuation=REST,
    )


def test_a_continuation_carries_what_config_told(event: Callable[..., dict[str, Any]]) -> None:
    told = {
        "trigger": "ScheduledNotification",
        "result_token": "myResultToken",
        "rule_parameters": PARAMETERS,
    }
    read = read_event(continued(event, **told))
    assert read.trigger is Trigger.CONFIG_SCHEDULE
    assert (read.result_token, read.rule_parameters) == ("myResultToken", PARAMETERS)


def continued(event: Callable[..., dict[str, Any]], **fields: object) -> dict[str, Any]:
    """Returns a continuation's event with other fields in its body."""
    told = event("assay-continuation")
    body = json.loads(told["Records"][0]["body"]) | fields
    told["Records"][0]["body"] = json.dumps(body)
    return told


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "x"}, "body: kind: must be 'assay-continuation', got 'x'"),
        ({"segment": "2"}, "body: segment: must be a whole number of at least 0, got '2'"),
        (
            {"trigger": "Assay Reminder"},
            "trigger: must be one of ScheduledNotification, Scheduled Event, got 'Assay Reminder'",
        ),
        ({"trigger": ""}, "trigger: must be one of .*, got ''"),
        ({"ordering_timestamp": "now"}, "ordering_timestamp: must be an ISO 8601 .*, got 'now'"),
        ({"ordering_timestamp": ""}, "ordering_timestamp: must be a non-empty string, got ''"),
        ({"started_at": "now"}, "started_at: must be an ISO 8601 .*, got 'now'"),
    ],
)
def test_a_wrong_field_of_a_continuation_is_named(
    event: Callable[..., dict[str, Any]], fields: dict[str, object], message: str
) -> None:
    with pytest.raises(UnsupportedEventError, match=f"^{message}$"):
        read_event(continued(event, **fields))


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], r"Records: must hold one message, got \[\]"),
        ([{}, {}], r"Records: must hold one message, got \[\{\}, \{\}\]"),
        ({"body": "x"}, "Records: must hold one message, got {'body': 'x'}"),
        (["x"], r"Records: must hold one message, got \['x'\]"),
        ([{}], "body: must be a non-empty string, got None"),
        ([{"body": "x"}], "body: must hold a JSON object, got 'x'"),
        ([{"body": "[]"}], r"body: must hold a JSON object, got '\[\]'"),
    ],
)
def test_messages_that_are_no_continuation_are_refused(records: object, message: str) -> None:
    with pytest.raises(UnsupportedEventError, match=f"^{message}$"):
        read_event({"Records": records})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "event: must be an object, got None"),
        ({"records": []}, r"or a message from the function's own queue, got \['records'\]"),
        ({"detail-type": "AWS API Call", "source": "aws.ec2"}, "'detail-type': 'AWS API Call'"),
        ({"detail-type": "Scheduled Event"}, "time: must be a non-empty string, got None"),
        ({"detail-type": "Assay Reminder"}, "time: must be a non-empty string, got None"),
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
        ({"configRuleName": 1}, "configRuleName: must be a non-empty string, got 1"),
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


@given(
    st.dictionaries(
        st.sampled_from([field.name for field in fields(Continuation)]),
        json_values | st.sampled_from(Trigger) | st.datetimes().map(lambda time: f"{time}Z"),
    )
)
def test_any_continuation_is_read_or_refused_by_name(changed: dict[str, object]) -> None:
    body = {**asdict(REST), "kind": "assay-continuation", **changed}
    with suppress(UnsupportedEventError):
        read = read_event({"Records": [{"body": json.dumps(body)}]})
        assert read.trigger.is_sweep
        assert read.continuation is not None
        assert read_timestamp(read.continuation.started_at).tzinfo is UTC
