"""Findings for AWS Security Hub.

It gets the violations, and those that are none since the report before; and one finding of the
account for each rule, and for AWS Config's recorder, which is active while that leaves something
out, as a silent rule does, and archived otherwise. When it becomes active again, its workflow
status is `NEW` again.

Whether a violation was waived in the report before is not kept. So each new open violation archives
the suppressed finding that it may have been; but that of a violation which was mended, or whose
resource was deleted, while it was waived stays active and suppressed. What a rule left out when it
was switched off stays active, too. What Security Hub has not heard of for 90 days it deletes, so
that neither these nor what is lost on the way stay for ever:
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings.html.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from assay.aws import error_code
from assay.batches import batches
from assay.concurrency import concurrently
from assay.forms.asff import ended_waiver, finding
from assay.forms.context import RECORDER, Context
from assay.resend import send_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_securityhub import SecurityHubClient

    from assay.aws import Aws
    from assay.report import Report

# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
BATCH_SIZE = 100

# They stay wrong, however often they are sent: Security Hub is not enabled, or takes no such
# finding.
_FINAL_CODES = frozenset({"InvalidAccess", "InvalidInput"})


@dataclass(frozen=True)
class SecurityHubResult:
    """What Security Hub took.

    Attributes:
        sent: Findings that it took.
        failed: Those that it did not take, by error code.
    """

    sent: int = 0
    failed: Counter[str] = field(default_factory=Counter)


def send(aws: Aws, report: Report) -> SecurityHubResult:
    """Tells Security Hub of a report's violations, of those that are resolved, and of gaps.

    A report that is sent twice changes nothing, because Security Hub ignores what is not newer.
    Nothing is raised for what it refuses: the report itself is written.

    Args:
        aws: The account and region.
        report: The report.
    """
    client: SecurityHubClient = aws.client("securityhub")
    sent, failed = 0, Counter[str]()
    for result in concurrently(
        lambda batch: _send(client, batch), batches(_findings(report), BATCH_SIZE), aws.concurrency
    ):
        sent += result.sent
        failed += result.failed
    return SecurityHubResult(sent, failed)


def _findings(report: Report) -> Iterator[dict[str, Any]]:
    context = Context.of(report)
    for resource in report.resources:
        if resource.compliance_type == "NON_COMPLIANT" or resource.change == "resolved":
            yield finding(context, resource)
        if resource.waived and resource.change == "resolved":
            # It was another finding until the waiver began, which is over.
            yield finding(context, replace(resource, waived=False, waiver_id=None))
        elif resource.is_open and resource.change == "new":
            yield ended_waiver(context, resource)
    gaps = context.gaps()
    for rule_name in (*context.rules, RECORDER):
        yield finding(context, context.of_account(rule_name, gaps.get(rule_name, [])))


def _send(client: SecurityHubClient, batch: Sequence[dict[str, Any]]) -> SecurityHubResult:
    sent, failed = 0, Counter[str]()
    codes: dict[str, str] = {}

    def send(findings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        nonlocal sent
        codes.clear()
        try:
            answer = client.batch_import_findings(Findings=findings)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            # botocore has sent again whatever may be.
            failed[error_code(error)] += len(findings)
            return []
        sent += answer["SuccessCount"]
        codes.update({each["Id"]: each["ErrorCode"] for each in answer.get("FailedFindings", [])})
        again = []
        for each in findings:
            code = codes.get(each["Id"])
            if code in _FINAL_CODES:
                failed[code] += 1
            elif code is not None:
                again.append(each)
        return again

    for each in send_all(send, batch):
        failed[codes[each["Id"]]] += 1
    return SecurityHubResult(sent, failed)
