"""Alerts: one digest of a run's transitions, and reminders, for people and for machines."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sns import SNSClient

    from assay.aws import Aws
    from assay.rule import AnyRule
    from assay.run import Run
    from assay.state import Verdict
    from assay.waivers import Waivers

# For the message and all parts of its attributes together:
# https://docs.aws.amazon.com/sns/latest/api/API_MessageAttributeValue.html
MESSAGE_BYTES = 256 * 1024
# Less than any verdict takes in a message, so that no more of them need be tried.
_VERDICT_BYTES = 200
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_SUBJECT_LENGTH = 99
_SMS_LENGTH = 140
_DATA_TYPE = "String"


@dataclass(frozen=True)
class _Section:
    """Verdicts of one sort.

    Attributes:
        name: Its name in the JSON.
        noun: What one of them is called.
        verdicts: The verdicts.
    """

    name: str
    noun: str
    verdicts: Sequence[Verdict]

    @property
    def count(self) -> str:
        """How many there are, in words."""
        number = len(self.verdicts)
        return f"{number} {self.noun}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class Alerts:
    """One rule's messages to the alert topic.

    A text is for people, with only a headline by SMS; JSON is for the protocols that machines
    subscribe by. Lists that are too long are cut from their end; the message keeps the counts and
    says how many were left out.

    Attributes:
        sns: The client.
        topic_arn: The topic.
        aws: The account and region.
        rule: The rule.
        run: The run that has something to tell.
        waivers: The waivers; a violation says when its own has ended.
    """

    sns: SNSClient
    topic_arn: str
    aws: Aws
    rule: AnyRule
    run: Run
    waivers: Waivers

    def tell_transitions(self, verdicts: Sequence[Verdict]) -> None:
        """Publishes new violations, and those that are no more.

        Raises:
            botocore.exceptions.ClientError: SNS refused the message.
        """
        new = [verdict for verdict in verdicts if verdict.is_violation]
        resolved = [verdict for verdict in verdicts if not verdict.is_violation]
        self._publish(
            "compliance-alert",
            [
                _Section("new_violations", "new violation", new),
                _Section("resolved", "resolved violation", resolved),
            ],
        )

    def remind(self, violations: Sequence[Verdict]) -> None:
        """Publishes what is still open.

        Raises:
            botocore.exceptions.ClientError: SNS refused the message.
        """
        self._publish(
            "compliance-reminder", [_Section("open_violations", "open violation", violations)]
        )

    def _publish(self, kind: str, sections: Sequence[_Section]) -> None:
        counts = ", ".join(section.count for section in sections if section.verdicts)
        attributes = {
            "rule_name": self.run.rule_name,
            "severity": self.run.severity.value,
            "account_id": self.aws.account_id,
            "region": self.aws.region,
        }
        beside = sum(len(name + _DATA_TYPE + value) for name, value in attributes.items())
        subject = f"Assay: {counts} of {self.run.rule_name} ({self.run.severity})"
        self.sns.publish(
            TopicArn=self.topic_arn,
            Subject=subject[:_SUBJECT_LENGTH],
            Message=self._fitting_message(kind, counts, sections, MESSAGE_BYTES - beside),
            MessageStructure="json",
            MessageAttributes={
                name: {"DataType": _DATA_TYPE, "StringValue": value}
                for name, value in attributes.items()
            },
        )

    def _fitting_message(
        self, kind: str, counts: str, sections: Sequence[_Section], size: int
    ) -> str:
        # json.dumps escapes all but ASCII, and attributes are ASCII, so that characters are bytes.
        total = sum(len(section.verdicts) for section in sections)
        listed = bisect_right(
            range(1, min(total, size // _VERDICT_BYTES) + 1),
            size,
            key=lambda number: len(self._message(kind, counts, sections, number)),
        )
        return self._message(kind, counts, sections, listed)

    def _message(self, kind: str, counts: str, sections: Sequence[_Section], listed: int) -> str:
        headline = f"{counts} of {self.run.rule_name} (severity {self.run.severity})"
        lines = [
            f"{headline} in account {self.aws.account_id}, region {self.aws.region}:",
            f"{self.rule.requirement} {self.rule.remedy}",
        ]
        body: dict[str, Any] = {
            "kind": kind,
            "rule_name": self.run.rule_name,
            "severity": self.run.severity.value,
            "account_id": self.aws.account_id,
            "region": self.aws.region,
            "ordering_timestamp": self.run.ordering_timestamp,
        }
        for section in sections:
            shown = section.verdicts[:listed]
            listed -= len(shown)
            left_out = len(section.verdicts) - len(shown)
            body[f"{section.name}_count"] = len(section.verdicts)
            body[f"{section.name}_left_out"] = left_out
            body[section.name] = [self._entry(verdict) for verdict in shown]
            if section.verdicts:
                lines += ["", f"{section.count}:"]
            lines += [_line(entry) for entry in body[section.name]]
            if left_out:
                lines.append(f"- and {left_out} more, left out of this message for its size")
        text = "\n".join(lines)
        machines = json.dumps(body)
        # The rule comes last, because only its name can be so long that it is cut.
        sms = (
            f"Assay: {counts}, severity {self.run.severity}, "
            f"account {self.aws.account_id}, region {self.aws.region}, rule {self.run.rule_name}"
        )
        return json.dumps(
            {
                "default": text,
                "email": text,
                "sms": sms[:_SMS_LENGTH],
                "sqs": machines,
                "lambda": machines,
                "https": machines,
            }
        )

    def _entry(self, verdict: Verdict) -> dict[str, str]:
        waiver = self.waivers.find(verdict.rule_name, verdict.resource_id)
        ended = {}
        if waiver is not None and verdict.is_violation:
            ended = {"waiver_expired": waiver.expires.isoformat()}
        return {
            "resource_id": verdict.resource_id,
            "config_resource_id": verdict.config_resource_id,
            "compliance_type": verdict.compliance_type,
            "annotation": verdict.annotation,
            "since": verdict.since,
            "console_url": self.rule.console_url(self.aws, verdict.resource_id),
            **ended,
        }


def _line(entry: dict[str, str]) -> str:
    ended = ""
    if "waiver_expired" in entry:
        ended = f"\n  Its waiver ended on {entry['waiver_expired']}."
    return (
        f"- {entry['resource_id']}\n  {entry['annotation']} Since {entry['since']}.{ended}\n"
        f"  {entry['console_url']}"
    )
