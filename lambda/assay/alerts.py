"""Alerts: one digest of a run's new violations, for people and for machines."""

from __future__ import annotations

import json
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sns import SNSClient

    from assay.aws import Aws
    from assay.run import Run
    from assay.state import Verdict

# For the message and all parts of its attributes together:
# https://docs.aws.amazon.com/sns/latest/api/API_MessageAttributeValue.html
MESSAGE_BYTES = 256 * 1024
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_SUBJECT_LENGTH = 100
_SMS_LENGTH = 140
_DATA_TYPE = "String"


def publish(
    sns: SNSClient, topic_arn: str, aws: Aws, run: Run, violations: Sequence[Verdict]
) -> None:
    """Publishes one message about new violations.

    The text is for people, with only a headline by SMS; the JSON is for the protocols that machines
    subscribe by. A list that is too long is cut; the message keeps the count and says how many were
    left out.

    Raises:
        botocore.exceptions.ClientError: SNS refused the message.
    """
    subject = f"Assay: {_count(len(violations))} of {run.rule_name} ({run.severity})"
    attributes = {
        "rule_name": run.rule_name,
        "severity": run.severity.value,
        "account_id": aws.account_id,
        "region": aws.region,
    }
    beside = sum(len(name + _DATA_TYPE + value) for name, value in attributes.items())
    sns.publish(
        TopicArn=topic_arn,
        Subject=subject[:_SUBJECT_LENGTH],
        Message=_fitting_message(aws, run, violations, MESSAGE_BYTES - beside),
        MessageStructure="json",
        MessageAttributes={
            name: {"DataType": _DATA_TYPE, "StringValue": value}
            for name, value in attributes.items()
        },
    )


def _fitting_message(aws: Aws, run: Run, violations: Sequence[Verdict], size: int) -> str:
    # json.dumps escapes all but ASCII, and attributes are ASCII, so that characters are bytes.
    listed = bisect_right(
        range(1, len(violations) + 1),
        size,
        key=lambda number: len(_message(aws, run, violations, number)),
    )
    return _message(aws, run, violations, listed)


def _message(aws: Aws, run: Run, violations: Sequence[Verdict], listed: int) -> str:
    left_out = len(violations) - listed
    body = json.dumps(
        {
            "kind": "compliance-alert",
            "rule_name": run.rule_name,
            "severity": run.severity.value,
            "account_id": aws.account_id,
            "region": aws.region,
            "ordering_timestamp": run.ordering_timestamp,
            "new_violations_count": len(violations),
            "new_violations_left_out": left_out,
            "new_violations": [
                {
                    "resource_id": violation.resource_id,
                    "config_resource_id": violation.config_resource_id,
                    "annotation": violation.annotation,
                    "since": violation.since,
                }
                for violation in violations[:listed]
            ],
        }
    )
    headline = f"{_count(len(violations))} of {run.rule_name} (severity {run.severity})"
    lines = [
        f"{headline} in account {aws.account_id}, region {aws.region}:",
        "",
        *(
            f"- {violation.resource_id}\n  {violation.annotation} Since {violation.since}."
            for violation in violations[:listed]
        ),
        *([f"- and {left_out} more, left out of this message for its size"] if left_out else []),
    ]
    text = "\n".join(lines)
    # The rule comes last, because only its name can be so long that it is cut.
    sms = (
        f"Assay: {_count(len(violations))}, severity {run.severity}, "
        f"account {aws.account_id}, region {aws.region}, rule {run.rule_name}"
    )
    return json.dumps(
        {
            "default": text,
            "email": text,
            "sms": sms[:_SMS_LENGTH],
            "sqs": body,
            "lambda": body,
            "https": body,
        }
    )


def _count(number: int) -> str:
    return f"{number} new violation{'' if number == 1 else 's'}"
