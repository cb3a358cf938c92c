from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.alerts import Alerts
from assay.rules.ec2_tag_compliance import Ec2TagCompliance
from assay.state import Verdict
from assay.waivers import Waiver, Waivers

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws
    from assay.run import Run

    Calls = list[tuple[str, dict[str, Any]]]

CONSOLE = "https://us-east-1.console.aws.amazon.com/ec2/home?region=us-east-1#InstanceDetails"
LIMIT = 262_144
# The resource whose waiver has ended.
WAIVED = 10**9


def violation(index: int = 0, annotation: str = "Tags: Owner is missing or empty.") -> Verdict:
    return Verdict(
        rule_name="ec2-tag-compliance",
        resource_id=f"arn:aws:ec2:us-east-1:123456789012:instance/i-{index:017}",
        resource_type="AWS::EC2::Instance",
        config_resource_id=f"i-{index:017}",
        compliance_type="NON_COMPLIANT",
        annotation=annotation,
        severity="medium",
        since="2026-11-23T06:00:00.000000Z",
        ordering_timestamp="2026-11-23T06:00:00.000000Z",
        alert_pending=True,
    )


def resolved(index: int = 0, annotation: str = "All required tags are present.") -> Verdict:
    return replace(violation(index, annotation), compliance_type="COMPLIANT")


def entry(verdict: Verdict) -> dict[str, str]:
    """Returns what a message for machines says of a verdict."""
    return {
        "resource_id": verdict.resource_id,
        "config_resource_id": verdict.config_resource_id,
        "compliance_type": verdict.compliance_type,
        "annotation": verdict.annotation,
        "since": verdict.since,
        "console_url": f"{CONSOLE}:instanceId={verdict.config_resource_id}",
    }


def published(calls: Calls) -> dict[str, Any]:
    (found,) = [parameters for name, parameters in calls if name == "sns:Publish"]
    return found


def size(call: dict[str, Any]) -> int:
    """Counts bytes as SNS does: the message, and names, types and values of attributes."""
    attributes = [
        (name, value["DataType"], value["StringValue"])
        for name, value in call["MessageAttributes"].items()
    ]
    return len("".join([call["Message"], *map("".join, attributes)]).encode())


@pytest.fixture
def make(aws: Aws, run: Run, topic: str) -> Callable[..., Alerts]:
    """Makes a run's alerts, of a rule by another name if told so; one waiver has ended."""

    def make(rule_name: str = run.rule_name) -> Alerts:
        named = replace(run, rule_name=rule_name)
        waiver = Waiver(
            rule_name,
            violation(WAIVED).resource_id,
            "web@example.com",
            "Later.",
            date(2026, 11, 22),
        )
        waivers = Waivers([waiver])
        return Alerts(aws.client("sns"), topic, aws, Ec2TagCompliance(), named, waivers)

    return make


def test_a_violation_says_that_its_waiver_has_ended(
    make: Callable[..., Alerts], alerts: Callable[[], list[dict[str, Any]]], calls: Calls
) -> None:
    make().tell_transitions([violation(6), violation(WAIVED), resolved(WAIVED)])
    (alert,) = alerts()
    assert alert["new_violations"] == [
        entry(violation(6)),
        entry(violation(WAIVED)) | {"waiver_expired": "2026-11-22"},
    ]
    assert alert["resolved"] == [entry(resolved(WAIVED))]
    text = json.loads(published(calls)["Message"])["email"]
    assert text.count("Its waiver ended on 2026-11-22.") == 1


def test_machines_receive_json(
    make: Callable[..., Alerts], alerts: Callable[[], list[dict[str, Any]]]
) -> None:
    make().tell_transitions([violation(1), resolved(2)])
    assert alerts() == [
        {
            "kind": "compliance-alert",
            "rule_name": "ec2-tag-compliance",
            "severity": "medium",
            "account_id": "123456789012",
            "region": "us-east-1",
            "ordering_timestamp": "2026-11-23T06:00:00.000000Z",
            "new_violations_count": 1,
            "new_violations_left_out": 0,
            "new_violations": [entry(violation(1))],
            "resolved_count": 1,
            "resolved_left_out": 0,
            "resolved": [entry(resolved(2))],
        }
    ]


def test_a_reminder_tells_what_is_open(
    make: Callable[..., Alerts], alerts: Callable[[], list[dict[str, Any]]], calls: Calls
) -> None:
    make().remind([violation(1), violation(2)])
    assert alerts() == [
        {
            "kind": "compliance-reminder",
            "rule_name": "ec2-tag-compliance",
            "severity": "medium",
            "account_id": "123456789012",
            "region": "us-east-1",
            "ordering_timestamp": "2026-11-23T06:00:00.000000Z",
            "open_violations_count": 2,
            "open_violations_left_out": 0,
            "open_violations": [entry(violation(1)), entry(violation(2))],
        }
    ]
    call = published(calls)
    assert call["Subject"] == "Assay: 2 open violations of ec2-tag-compliance (medium)"
    message = json.loads(call["Message"])
    assert message["email"].startswith("2 open violations of ec2-tag-compliance (severity medium)")
    assert message["sms"].startswith("Assay: 2 open violations, severity medium, account")


def test_people_receive_text_with_new_violations_before_resolved_ones(
    make: Callable[..., Alerts], calls: Calls
) -> None:
    make().tell_transitions([violation(1), resolved(2), violation(3)])
    call = published(calls)
    message = json.loads(call["Message"])
    assert call["MessageStructure"] == "json"
    assert message["sqs"] == message["lambda"] == message["https"]
    assert message["default"] == message["email"]
    arn = "arn:aws:ec2:us-east-1:123456789012:instance/i-0000000000000000"
    headline, *lines = message["email"].splitlines()
    assert headline == (
        "2 new violations, 1 resolved violation of ec2-tag-compliance (severity medium) "
        "in account 123456789012, region us-east-1:"
    )
    assert lines == [
        f"{Ec2TagCompliance.requirement} {Ec2TagCompliance.remedy}",
        "",
        "2 new violations:",
        f"- {arn}1",
        "  Tags: Owner is missing or empty. Since 2026-11-23T06:00:00.000000Z.",
        f"  {CONSOLE}:instanceId=i-00000000000000001",
        f"- {arn}3",
        "  Tags: Owner is missing or empty. Since 2026-11-23T06:00:00.000000Z.",
        f"  {CONSOLE}:instanceId=i-00000000000000003",
        "",
        "1 resolved violation:",
        f"- {arn}2",
        "  All required tags are present. Since 2026-11-23T06:00:00.000000Z.",
        f"  {CONSOLE}:instanceId=i-00000000000000002",
    ]


@pytest.mark.parametrize(
    ("verdicts", "counts", "absent"),
    [
        ([violation()], "1 new violation", "resolved violation"),
        ([resolved(1), resolved(2)], "2 resolved violations", "new violation"),
    ],
)
def test_what_there_is_none_of_is_not_spoken_of(
    make: Callable[..., Alerts], calls: Calls, verdicts: list[Verdict], counts: str, absent: str
) -> None:
    make().tell_transitions(verdicts)
    call = published(calls)
    message = json.loads(call["Message"])
    assert call["Subject"] == f"Assay: {counts} of ec2-tag-compliance (medium)"
    assert message["sms"].startswith(f"Assay: {counts}, severity medium")
    assert absent not in message["email"]
    body = json.loads(message["sqs"])
    assert {body["new_violations_count"], body["resolved_count"]} == {0, len(verdicts)}


def test_a_text_message_is_a_headline_only(make: Callable[..., Alerts], calls: Calls) -> None:
    make().tell_transitions([violation(1), violation(2)])
    assert json.loads(published(calls)["Message"])["sms"] == (
        "Assay: 2 new violations, severity medium, "
        "account 123456789012, region us-east-1, rule ec2-tag-compliance"
    )


def test_a_text_message_is_cut_to_what_a_short_message_takes(
    make: Callable[..., Alerts], calls: Calls
) -> None:
    make("r" * 128).tell_transitions([violation()])
    sms = json.loads(published(calls)["Message"])["sms"]
    assert len(sms) == 140
    assert "region us-east-1, rule rrr" in sms


def test_attributes_serve_filters(make: Callable[..., Alerts], calls: Calls) -> None:
    make().tell_transitions([violation()])
    attributes = published(calls)["MessageAttributes"]
    assert {value["DataType"] for value in attributes.values()} == {"String"}
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "rule_name": "ec2-tag-compliance",
        "severity": "medium",
        "account_id": "123456789012",
        "region": "us-east-1",
    }


def test_a_subject_is_cut_to_what_sns_takes(make: Callable[..., Alerts], calls: Calls) -> None:
    make("r" * 128).tell_transitions([violation()])
    # SNS takes less than a hundred characters.
    assert len(published(calls)["Subject"]) == 99


@pytest.mark.parametrize("annotation", ["x" * 256, "…" * 256])
def test_a_message_is_filled_to_the_limit_and_says_what_it_leaves_out(
    make: Callable[..., Alerts], calls: Calls, annotation: str
) -> None:
    make().tell_transitions([violation(index, annotation) for index in range(2000)])
    call = published(calls)
    message = json.loads(call["Message"])
    body = json.loads(message["sqs"])
    listed = len(body["new_violations"])
    assert size(call) <= LIMIT < size(call) * (listed + 1) / listed
    assert body["new_violations_count"] == 2000
    assert body["new_violations_left_out"] == 2000 - listed > 0
    assert message["email"].startswith("2000 new violations of")
    assert message["email"].splitlines()[-1] == (
        f"- and {2000 - listed} more, left out of this message for its size"
    )


def test_resolved_violations_are_left_out_before_new_ones(
    make: Callable[..., Alerts], calls: Calls
) -> None:
    new = [violation(index) for index in range(50)]
    make().tell_transitions([*(resolved(index + 50) for index in range(2000)), *new])
    call = published(calls)
    message = json.loads(call["Message"])
    body = json.loads(message["sqs"])
    listed = len(body["resolved"])
    assert body["new_violations"] == [entry(verdict) for verdict in new]
    assert (body["new_violations_count"], body["new_violations_left_out"]) == (50, 0)
    assert (body["resolved_count"], body["resolved_left_out"]) == (2000, 2000 - listed)
    assert size(call) <= LIMIT < size(call) * (listed + 51) / (listed + 50)
    assert message["email"].startswith("50 new violations, 2000 resolved violations of")


def test_both_sorts_are_cut_when_the_new_ones_fill_the_message(
    make: Callable[..., Alerts], calls: Calls
) -> None:
    make().tell_transitions(
        [*(violation(index) for index in range(2000)), *(resolved(index) for index in range(3))]
    )
    message = json.loads(published(calls)["Message"])
    body = json.loads(message["sqs"])
    assert body["new_violations_left_out"] > 0
    assert (body["resolved"], body["resolved_left_out"]) == ([], 3)
    assert message["email"].splitlines()[-3:] == [
        "",
        "3 resolved violations:",
        "- and 3 more, left out of this message for its size",
    ]


def test_a_reminder_keeps_to_the_limit_too(make: Callable[..., Alerts], calls: Calls) -> None:
    make().remind([violation(index) for index in range(3000)])
    body = json.loads(json.loads(published(calls)["Message"])["sqs"])
    assert size(published(calls)) <= LIMIT
    assert body["open_violations_count"] == 3000
    assert len(body["open_violations"]) == 3000 - body["open_violations_left_out"] > 100


@settings(max_examples=30)
@given(
    st.integers(0, 1500),
    st.integers(0, 1500),
    st.text(max_size=256),
)
def test_no_message_is_ever_too_long_and_no_count_is_lost(
    make: Callable[..., Alerts], calls: Calls, new: int, old: int, annotation: str
) -> None:
    calls.clear()
    make().tell_transitions(
        [
            *(violation(index, annotation) for index in range(new)),
            *(resolved(index, annotation) for index in range(old)),
        ]
    )
    assert size(published(calls)) <= LIMIT
    body = json.loads(json.loads(published(calls)["Message"])["sqs"])
    for name, count in (("new_violations", new), ("resolved", old)):
        assert body[f"{name}_count"] == count
        assert len(body[name]) + body[f"{name}_left_out"] == count


def test_attributes_count_into_the_size_of_a_message(
    make: Callable[..., Alerts], calls: Calls
) -> None:
    def tell_one(annotation: str) -> tuple[int, int]:
        calls.clear()
        make().tell_transitions([violation(annotation=annotation)])
        body = json.loads(json.loads(published(calls)["Message"])["sqs"])
        return size(published(calls)), len(body["new_violations"])

    empty, _ = tell_one("")
    # A character is in both texts for people and in the three documents for machines.
    fitting = (LIMIT - empty) // 5
    full, listed = tell_one("x" * fitting)
    assert (full, listed) == (empty + 5 * fitting, 1)
    _, listed = tell_one("x" * (fitting + 1))
    assert listed == 0


@pytest.mark.parametrize("tell", ["tell_transitions", "remind"])
def test_a_refused_message_is_an_error(
    make: Callable[..., Alerts], fail: Callable[..., None], tell: str
) -> None:
    fail("Publish", "AuthorizationError")
    with pytest.raises(ClientError, match="AuthorizationError"):
        getattr(make(), tell)([violation()])
