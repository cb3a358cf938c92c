"""The report in the AWS Security Finding Format, one finding a verdict.

See https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html,
and for the lengths https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.forms.context import Context
from assay.forms.form import Form
from assay.forms.streaming import write_array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.report import Report, ResourceReport

_SCHEMA_VERSION = "2018-10-08"
_TYPES = ["Software and Configuration Checks/AWS Security Best Practices"]

# Ends the id of a waived violation's finding.
_WAIVED = "/waived"

_TITLE_LENGTH = 256
_DESCRIPTION_LENGTH = 1024
_RECOMMENDATION_LENGTH = 512
_NOTE_LENGTH = 512
_PRODUCT_FIELD_LENGTH = 2048

# https://docs.aws.amazon.com/securityhub/latest/userguide/asff-resources.html
_RESOURCE_TYPES = {
    "AWS::::Account": "AwsAccount",
    "AWS::EC2::Instance": "AwsEc2Instance",
    "AWS::EC2::SecurityGroup": "AwsEc2SecurityGroup",
    "AWS::EC2::Volume": "AwsEc2Volume",
    "AWS::IAM::Policy": "AwsIamPolicy",
    "AWS::IAM::User": "AwsIamUser",
    "AWS::RDS::DBInstance": "AwsRdsDbInstance",
    "AWS::S3::Bucket": "AwsS3Bucket",
}
_STATUSES = {
    "passed": "PASSED",
    "failed": "FAILED",
    "not_applicable": "NOT_AVAILABLE",
    "uncertain": "WARNING",
    "unknown": "NOT_AVAILABLE",
}


def write(report: Report) -> Iterator[str]:
    """Writes the report."""
    context = Context.of(report)
    yield from write_array(finding(context, resource) for resource in context.verdicts())
    yield "\n"


def finding(context: Context, resource: ResourceReport) -> dict[str, Any]:
    """Returns the finding that a verdict is.

    Security Hub takes its workflow status and its note only when the finding is new. So a waived
    violation is a finding of its own, which is born suppressed, and the same violation without
    waiver is another one, which nothing suppresses when the waiver has ended. What may change is in
    the product fields too.

    Args:
        context: The report's context.
        resource: One of its verdicts.
    """
    report = context.report
    rule = context.rule(resource.rule_name)
    severity = context.severity(resource)
    label = {"Label": "INFORMATIONAL" if severity is None else severity.upper()}
    if severity is not None:
        label["Original"] = severity
    reasons = context.reasons(resource)
    product_fields = {
        "assay/rule": rule.rule_name,
        "assay/environment": report.environment_suffix,
        "assay/verdict": resource.compliance_type,
        **{f"assay/{code.lower()}": reason for code, reason in reasons.items()},
    }
    found: dict[str, Any] = {
        "SchemaVersion": _SCHEMA_VERSION,
        "Id": (
            f"{report.region}/{report.account_id}/{context.finding_id(resource)}"
            f"{_WAIVED if resource.waived else ''}"
        ),
        "ProductArn": (
            f"arn:{report.partition}:securityhub:{report.region}:{report.account_id}"
            f":product/{report.account_id}/default"
        ),
        "GeneratorId": f"assay/{rule.rule_name}",
        "AwsAccountId": report.account_id,
        "Types": _TYPES,
        "FirstObservedAt": resource.since,
        "LastObservedAt": resource.evaluated_at,
        "CreatedAt": resource.since,
        "UpdatedAt": report.generated_at,
        "Severity": label,
        # Of severity and types Security Hub takes changes only from here.
        "FindingProviderFields": {"Severity": label, "Types": _TYPES},
        "Title": _cut(rule.requirement, _TITLE_LENGTH),
        "Description": _cut(resource.annotation, _DESCRIPTION_LENGTH),
        "ProductFields": {
            name: _cut(value, _PRODUCT_FIELD_LENGTH) for name, value in product_fields.items()
        },
        "Resources": [
            {
                "Type": _RESOURCE_TYPES.get(resource.resource_type, "Other"),
                "Id": resource.resource_id,
                "Partition": report.partition,
                "Region": report.region,
            }
        ],
        "Compliance": {
            "Status": _STATUSES[context.status(resource)],
            "RelatedRequirements": [_cut(rule.requirement, _TITLE_LENGTH)],
        },
        "Workflow": {"Status": "RESOLVED" if severity is None else "NEW"},
        "RecordState": "ACTIVE",
    }
    if reasons:
        found["Compliance"]["StatusReasons"] = [
            {"ReasonCode": code, "Description": _cut(reason, _DESCRIPTION_LENGTH)}
            for code, reason in reasons.items()
        ]
    if rule.remedy:
        found["Remediation"] = {
            "Recommendation": {"Text": _cut(rule.remedy, _RECOMMENDATION_LENGTH)}
        }
    if resource.console_url:
        found["SourceUrl"] = resource.console_url
    if resource.waived:
        found["Workflow"] = {"Status": "SUPPRESSED"}
        found["Note"] = {
            "Text": _cut(reasons["WAIVED"], _NOTE_LENGTH),
            "UpdatedBy": "assay",
            "UpdatedAt": report.generated_at,
        }
    elif resource.change == "resolved":
        found["RecordState"] = "ARCHIVED"
    return found


def ended_waiver(context: Context, resource: ResourceReport) -> dict[str, Any]:
    """Returns, archived, the finding that a violation was if a waiver covered it before.

    Args:
        context: The report's context.
        resource: One of its verdicts, an open violation.
    """
    found = finding(context, resource)
    return {
        **found,
        "Id": f"{found['Id']}{_WAIVED}",
        "Workflow": {"Status": "SUPPRESSED"},
        "RecordState": "ARCHIVED",
    }


def _cut(text: str, length: int) -> str:
    """Returns what the format takes: not too much, and not nothing."""
    if not text.strip():
        return "-"
    return text if len(text) <= length else f"{text[: length - 1]}…"


FORM = Form(".asff.json", "application/json", write)
