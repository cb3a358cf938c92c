from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from assay.alerts import publish
from assay.state import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws
    from assay.run import Run


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


def published(calls: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    (found,) = [parameters for name, parameters in calls if name == "sns:Publish"]
    return found


def size(call: dict[str, Any]) -> int:
    """Counts bytes as SNS does: the message, and names, types and values of attributes."""
    attributes = [
        (name, value["DataType"], value["StringValue"])
        for name, value in call["MessageAttributes"].items()
    ]
    return len("".join([call["Message"], *map("".join, attributes)]).encode())


def test_machines_receive_json(
    aws: Aws, run: Run, topic: str, alerts: Callable[[], list[dict[str, Any]]]
) -> None:
    publish(aws.client("sns"), topic, aws, run, [violation()])
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
            "new_violations": [
                {
                    "resource_id": violation().resource_id,
                    "config_resource_id": "i-00000000000000000",
                    "annotation": "Tags: Owner is missing or empty.",
                    "since": "2026-11-23T06:00:00.000000Z",
                }
            ],
        }
    ]


def test_people_receive_text_and_every_machine_protocol_the_same_json(
    aws: Aws, run: Run, topic: str, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    publish(aws.client("sns"), topic, aws, run, [violation(1), violation(2)])
    call = published(calls)
    message = json.loads(call["Message"])
    assert call["MessageStructure"] == "json"
    assert message["sqs"] == message["lambda"] == message["https"]
    assert message["default"] == message["email"]
    headline, *lines = message["email"].splitlines()
    assert headline == (
        "2 new violations of ec2-tag-compliance (severity medium) "
        "in account 123456789012, region us-east-1:"
    )
    assert lines == [
        "",
        "- arn:aws:ec2:us-east-1:123456789012:instance/i-00000000000000001",
        "  Tags: Owner is missing or empty. Since 2026-11-23T06:00:00.000000Z.",
        "- arn:aws:ec2:us-east-1:123456789012:instance/i-00000000000000002",
        "  Tags: Owner is missing or empty. Since 2026-11-23T06:00:00.000000Z.",
    ]


def test_a_text_message_is_a_headline_only(
    aws: Aws, run: Run, topic: str, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    publish(aws.client("sns"), topic, aws, run, [violation(1), violation(2)])
    assert json.loads(published(calls)["Message"])["sms"] == (
        "Assay: 2 new violations, severity medium, "
        "account 123456789012, region us-east-1, rule ec2-tag-compliance"
    )


def test_a_text_message_is_cut_to_what_a_short_message_takes(
    aws: Aws, run: Run, topic: str, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    publish(aws.client("sns"), topic, aws, replace(run, rule_name="r" * 128), [violation()])
    sms = json.loads(published(calls)["Message"])["sms"]
    assert len(sms) == 140
    assert "region us-east-1, rule rrr" in sms


def test_subject_and_attributes_serve_filters(
    aws: Aws, run: Run, topic: str, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    publish(aws.client("sns"), topic, aws, run, [violation()])
    call = published(calls)
    assert call["Subject"] == "Assay: 1 new violation of ec2-tag-compliance (medium)"
    values = {name: value["StringValue"] for name, value in call["MessageAttributes"].items()}
    assert values == {
        "rule_name": "ec2-tag-compliance",
        "severity": "medium",
        "account_id": "123456789012",
        "region": "us-east-1",
    }


def test_a_subject_is_cut_to_what_sns_takes(
    aws: Aws, run: Run, topic: str, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    publish(aws.client("sns"), topic, aws, replace(run, rule_name="r" * 128), [violation()])
    assert len(published(calls)["Subject"]) == 100


@pytest.mark.parametrize("annotation", ["x" * 256, "…" * 256])
def test_a_message_is_filled_to_the_limit_and_says_what_it_leaves_out(
    aws: Aws,
    run: Run,
    topic: str,
    calls: list[tuple[str, dict[str, Any]]],
    annotation: str,
) -> None:
    violations = [violation(index, annotation) for index in range(2000)]
    publish(aws.client("sns"), topic, aws, run, violations)
    call = published(calls)
    message = json.loads(call["Message"])
    body = json.loads(message["sqs"])
    listed = len(body["new_violations"])
    assert size(call) <= 262_144 < size(call) * (listed + 1) / listed
    assert body["new_violations_count"] == 2000
    assert body["new_violations_left_out"] == 2000 - listed > 0
    assert message["email"].startswith("2000 new violations of")
    assert message["email"].splitlines()[-1] == (
        f"- and {2000 - listed} more, left out of this message for its size"
    )


def test_attributes_count_into_the_size_of_a_message(
    aws: Aws, run: Run, topic: str, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    def publish_one(annotation: str) -> tuple[int, int]:
        calls.clear()
        publish(aws.client("sns"), topic, aws, run, [violation(annotation=annotation)])
        body = json.loads(json.loads(published(calls)["Message"])["sqs"])
        return size(published(calls)), len(body["new_violations"])

    empty, _ = publish_one("")
    # A character is in both texts for people and in the three documents for machines.
    fitting = (262_144 - empty) // 5
    full, listed = publish_one("x" * fitting)
    assert (full, listed) == (empty + 5 * fitting, 1)
    _, listed = publish_one("x" * (fitting + 1))
    assert listed == 0


def test_a_refused_message_is_an_error(
    aws: Aws, run: Run, topic: str, fail: Callable[..., None]
) -> None:
    fail("Publish", "AuthorizationError")
    with pytest.raises(ClientError, match="AuthorizationError"):
        publish(aws.client("sns"), topic, aws, run, [violation()])
