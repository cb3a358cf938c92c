"""What invokes the functions, read from the events that AWS documents.

See https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_example-events.html,
https://docs.aws.amazon.com/config/latest/developerguide/oversized-notification-example.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html and
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from assay import continuation
from assay.messages import shown
from assay.run import GONE
from assay.timestamps import read_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from assay.continuation import Continuation

T = TypeVar("T")

_LIVE = ("OK", "ResourceDiscovered")
_DEPARTED = {
    "ResourceDeleted": GONE,
    "ResourceDeletedNotRecorded": GONE,
    "ResourceNotRecorded": "AWS Config no longer records the resource.",
}
_LEFT_SCOPE = "The resource left the scope of the AWS Config rule."


class UnsupportedEventError(ValueError):
    """An event that is of no supported kind, or lacks what its kind must have."""


class Trigger(StrEnum):
    """The supported kinds of event, in AWS's own strings, and a schedule's for reminders."""

    CHANGE = "ConfigurationItemChangeNotification"
    OVERSIZED_CHANGE = "OversizedConfigurationItemChangeNotification"
    CONFIG_SCHEDULE = "ScheduledNotification"
    EVENTBRIDGE_SCHEDULE = "Scheduled Event"
    REMINDER = "Assay Reminder"

    @property
    def is_sweep(self) -> bool:
        """Whether such an event asks for all resources."""
        return self in {Trigger.CONFIG_SCHEDULE, Trigger.EVENTBRIDGE_SCHEDULE}


_ITEM_FIELDS = {
    Trigger.CHANGE: "configurationItem",
    Trigger.OVERSIZED_CHANGE: "configurationItemSummary",
}


@dataclass(frozen=True)
class ChangedResource:
    """The resource of a configuration item.

    Attributes:
        resource_type: AWS Config's resource type.
        resource_id: AWS Config's own resource id.
        resource_name: The name, which not every resource has.
        arn: The ARN, where the item gives it.
        departure: Why the rule no longer applies to it; None while it does.
    """

    resource_type: str
    resource_id: str
    resource_name: str | None
    arn: str | None
    departure: str | None


@dataclass(frozen=True)
class Event:
    """An event that was understood.

    Attributes:
        trigger: Its kind.
        ordering_timestamp: Its own time: a configuration item's capture time, a notification's
            creation time, or EventBridge's time.
        changed: The one resource to judge; None means all resources.
        rule_parameters: AWS Config's input parameters, empty when there are none.
        result_token: What PutEvaluations wants; None means that AWS Config expects no result.
        config_rule_name: The AWS Config rule that asks; None where it is none.
        continuation: The rest of a sweep that an earlier invocation has begun.
    """

    trigger: Trigger
    ordering_timestamp: datetime
    changed: ChangedResource | None = None
    rule_parameters: Mapping[str, object] = field(default_factory=dict)
    result_token: str | None = None
    config_rule_name: str | None = None
    continuation: Continuation | None = None


def read_event(event: object) -> Event:
    """Reads an event of any supported kind.

    Raises:
        UnsupportedEventError: It is of no such kind, or a field of it is missing or wrong. The
            message names what was received.
    """
    if not isinstance(event, dict):
        raise UnsupportedEventError(f"event: must be an object, got {shown(event)}")
    if "invokingEvent" in event:
        return _config_event(event)
    if "Records" in event:
        return _continuation(event)
    for trigger in (Trigger.EVENTBRIDGE_SCHEDULE, Trigger.REMINDER):
        if event.get("detail-type") == trigger:
            return Event(trigger, _time(event, "time"))
    received = {name: event[name] for name in ("source", "detail-type") if name in event}
    raise UnsupportedEventError(
        "event: must be an AWS Config rule's invocation, an EventBridge 'Scheduled Event' or "
        "'Assay Reminder', or a message from the function's own queue, got "
        f"{shown(received or list(event))}"
    )


def _config_event(event: Mapping[str, object]) -> Event:
    invoking = _json_object(event, "invokingEvent")
    trigger = _trigger(invoking.get("messageType"))
    parameters = _json_object(event, "ruleParameters") if event.get("ruleParameters") else {}
    token = _optional(event, "resultToken")
    asking = _optional(event, "configRuleName")
    if trigger is Trigger.CONFIG_SCHEDULE:
        time = _time(invoking, "notificationCreationTime")
        return Event(
            trigger,
            time,
            rule_parameters=parameters,
            result_token=token,
            config_rule_name=asking,
        )
    item = _field(invoking, _ITEM_FIELDS[trigger], dict)
    changed = ChangedResource(
        resource_type=_field(item, "resourceType", str),
        resource_id=_field(item, "resourceId", str),
        resource_name=_optional(item, "resourceName"),
        arn=_optional(item, "ARN"),
        departure=_departure(event, item),
    )
    time = _time(item, "configurationItemCaptureTime")
    return Event(
        trigger,
        time,
        changed,
        rule_parameters=parameters,
        result_token=token,
        config_rule_name=asking,
    )


def _continuation(event: Mapping[str, object]) -> Event:
    records = event["Records"]
    if not (isinstance(records, list) and len(records) == 1 and isinstance(records[0], dict)):
        raise UnsupportedEventError(f"Records: must hold one message, got {shown(records)}")
    try:
        rest = continuation.read(_json_object(records[0], "body"))
    except continuation.ContinuationError as error:
        raise UnsupportedEventError(f"body: {error}") from None
    sweeps = [trigger for trigger in Trigger if trigger.is_sweep]
    if rest.trigger not in sweeps:
        raise UnsupportedEventError(
            f"trigger: must be one of {', '.join(sweeps)}, got {shown(rest.trigger)}"
        )
    values = vars(rest)
    # Read only at the run's end.
    _time(values, "started_at")
    return Event(
        Trigger(rest.trigger),
        _time(values, "ordering_timestamp"),
        rule_parameters=rest.rule_parameters,
        result_token=rest.result_token or None,
        continuation=rest,
    )


def _trigger(message_type: object) -> Trigger:
    supported = (*_ITEM_FIELDS, Trigger.CONFIG_SCHEDULE)
    for trigger in supported:
        if trigger == message_type:
            return trigger
    raise UnsupportedEventError(
        f"messageType: must be one of {', '.join(supported)}, got {shown(message_type)}"
    )


def _departure(event: Mapping[str, object], item: Mapping[str, object]) -> str | None:
    if event.get("eventLeftScope") is True:
        return _LEFT_SCOPE
    status = _field(item, "configurationItemStatus", str)
    if status not in _LIVE and status not in _DEPARTED:
        raise UnsupportedEventError(
            "configurationItemStatus: must be one of "
            f"{', '.join((*_LIVE, *_DEPARTED))}, got {status!r}"
        )
    return _DEPARTED.get(status)


def _field(holder: Mapping[str, object], name: str, kind: type[T]) -> T:
    value = holder.get(name)
    if isinstance(value, kind) and value:
        return value
    allowed = "a non-empty object" if kind is dict else "a non-empty string"
    raise UnsupportedEventError(f"{name}: must be {allowed}, got {shown(value)}")


def _optional(holder: Mapping[str, object], name: str) -> str | None:
    return _field(holder, name, str) if holder.get(name) else None


def _json_object(event: Mapping[str, object], name: str) -> Mapping[str, object]:
    text = _field(event, name, str)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UnsupportedEventError(f"{name}: must hold a JSON object, got {shown(text)}")
    return value


def _time(holder: Mapping[str, object], name: str) -> datetime:
    text = _field(holder, name, str)
    try:
        return read_timestamp(text)
    except ValueError as error:
        raise UnsupportedEventError(f"{name}: {error}") from None
