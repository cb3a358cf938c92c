from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from assay import forms, rules
from assay.forms.asff import ended_waiver, finding
from assay.forms.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import ServiceModel

    from assay.report import Report, ResourceReport

# Constraints from the documentation, which botocore's model has as prose only:
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
DOCUMENTED_LENGTHS = {
    "Id": 512,
    "ProductArn": 2048,
    "GeneratorId": 512,
    "Title": 256,
    "Description": 1024,
}
# https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html
DOCUMENTED_FINDING_BYTES, DOCUMENTED_BATCH_BYTES = 240_000, 6_000_000
# Namespace, category, classifier: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-type-taxonomy.html
DOCUMENTED_TYPE = r"Software and Configuration Checks/[^/]+(/[^/]+)?"
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html#timestamps
DOCUMENTED_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z"


@cache
def service_model() -> ServiceModel:
    return get_session().get_service_model("securityhub")


def model(name: str) -> Any:
    """Returns one of botocore's shapes; what it has depends on its kind."""
    return service_model().shape_for(name)


def validate(findings: list[dict[str, Any]]) -> None:
    """Holds findings against botocore's model of the call that imports them.

    What that model says of enumerations, patterns and unknown names, its validator does not check.
    """
    report = ParamValidator().validate({"Findings": findings}, model("BatchImportFindingsRequest"))
    assert not report.has_errors(), report.generate_report()
    for each in findings:
        known(each, model("AwsSecurityFinding"))


def known(value: Any, shape: Any) -> None:
    """Fails for names that the model does not have, values that no enumeration has and blanks."""
    if shape.type_name == "structure":
        assert set(value) <= set(shape.members)
        for name, member in value.items():
            known(member, shape.members[name])
    elif shape.type_name == "list":
        for member in value:
            known(member, shape.member)
    elif shape.type_name == "map":
        for member in value.values():
            known(member, shape.value)
    elif shape.enum:
        assert value in shape.enum
    elif pattern := shape.metadata.get("pattern"):
        assert re.search(pattern, value)


def documented(found: dict[str, Any]) -> None:
    """Holds a finding against the constraints from the documentation."""
    for name, length in DOCUMENTED_LENGTHS.items():
        assert 1 <= len(found[name]) <= length
    assert len(found["AwsAccountId"]) == 12
    assert len(found["ProductFields"]) <= 50
    for name, value in found["ProductFields"].items():
        assert len(name) <= 128
        assert len(value) <= 2048
    assert len(found.get("Note", {"Text": ""})["Text"]) <= 512
    recommendation = found.get("Remediation", {"Recommendation": {"Text": ""}})["Recommendation"]
    assert len(recommendation["Text"]) <= 512
    assert len(found["Types"]) <= 50
    assert all(re.fullmatch(DOCUMENTED_TYPE, each) for each in found["Types"])
    assert 1 <= len(found["Resources"]) <= 32
    assert len(found["Compliance"]["RelatedRequirements"]) <= 32
    assert len(found["Severity"].get("Original", "")) <= 64
    for name in ("FirstObservedAt", "LastObservedAt", "CreatedAt", "UpdatedAt"):
        assert re.fullmatch(DOCUMENTED_TIME, found[name])
    assert len(json.dumps(found).encode()) <= DOCUMENTED_FINDING_BYTES


def written(report: Report) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = json.loads("".join(forms.load("asff").write(report)))
    return findings


def made(report: Report, name: str, **other: Any) -> dict[str, Any]:
    """Makes the finding of a resource, found by the end of its ARN."""
    found = next(each for each in report.resources if each.resource_id.endswith(name))
    return finding(Context.of(report), replace(found, **other))


def test_every_finding_is_valid_by_botocore_s_model_and_by_the_documentation(full: Report) -> None:
    findings = written(full)
    assert len(findings) == len(full.resources) + 4
    validate(findings)
    for found in findings:
        documented(found)


def test_botocore_s_model_refuses_what_it_does_not_know(full: Report) -> None:
    found = written(full)[0]
    for wrong in ({"Invented": "1"}, {"RecordState": "GONE"}, {"Title": " "}, {"Resources": 1}):
        with pytest.raises(AssertionError):
            validate([{**found, **wrong}])


def test_a_report_without_verdicts_is_an_empty_list(empty: Report) -> None:
    assert written(empty) == []


def test_the_same_report_gives_the_same_bytes_piece_by_piece(full: Report) -> None:
    first, second = (list(forms.load("asff").write(full)) for _ in range(2))
    assert first == second
    assert len(first) >= len(full.resources)


@pytest.mark.parametrize(
    ("name", "compliance", "severity", "workflow", "record"),
    [
        ("vault", "PASSED", "INFORMATIONAL", "RESOLVED", "ACTIVE"),
        ("closed", "FAILED", "HIGH", "NEW", "ACTIVE"),
        ("new-uploads", "FAILED", "HIGH", "NEW", "ACTIVE"),
        ("legacy", "FAILED", "HIGH", "SUPPRESSED", "ACTIVE"),
        ("gone", "NOT_AVAILABLE", "INFORMATIONAL", "RESOLVED", "ACTIVE"),
        (f"i-{1:017x}", "FAILED", "MEDIUM", "NEW", "ACTIVE"),
        (f"i-{2:017x}", "WARNING", "INFORMATIONAL", "RESOLVED", "ACTIVE"),
        (f"i-{3:017x}", "WARNING", "INFORMATIONAL", "RESOLVED", "ARCHIVED"),
        ("AWS::::Account:123456789012", "NOT_AVAILABLE", "MEDIUM", "NEW", "ACTIVE"),
    ],
)
def test_a_verdict_is_told_in_the_format_s_words(
    full: Report, name: str, compliance: str, severity: str, workflow: str, record: str
) -> None:
    found = next(each for each in written(full) if each["Resources"][0]["Id"].endswith(name))
    assert found["Compliance"]["Status"] == compliance
    assert found["Severity"]["Label"] == severity
    assert found["FindingProviderFields"]["Severity"] == found["Severity"]
    assert found["FindingProviderFields"]["Types"] == found["Types"]
    assert found["Workflow"] == {"Status": workflow}
    assert found["RecordState"] == record


@pytest.mark.parametrize("severity", ["low", "medium", "high", "critical"])
def test_each_severity_has_its_label(full: Report, severity: str) -> None:
    found = made(full, "closed", severity=severity)
    validate([found])
    assert found["Severity"] == {"Label": severity.upper(), "Original": severity}


def test_a_finding_says_what_where_and_what_to_do(full: Report) -> None:
    found = made(full, "closed")
    assert found["Title"] == (
        "S3 buckets have default encryption with an allowed algorithm & KMS key."
    )
    assert found["Description"] == "There is no default encryption."
    assert found["GeneratorId"] == "assay/s3-encryption-compliance"
    assert found["Remediation"] == {
        "Recommendation": {"Text": "Set the bucket's default encryption."}
    }
    assert found["Resources"] == [
        {
            "Type": "AwsS3Bucket",
            "Id": "arn:aws:s3:::closed",
            "Partition": "aws",
            "Region": "us-east-1",
        }
    ]
    assert found["SourceUrl"].startswith("https://us-east-1.console.aws.amazon.com/s3/")
    assert found["FirstObservedAt"] == found["CreatedAt"] == "2026-11-20T06:00:00.000000Z"
    assert found["LastObservedAt"] == "2026-11-23T06:00:00.000000Z"
    assert found["UpdatedAt"] == full.generated_at
    assert [reason["ReasonCode"] for reason in found["Compliance"]["StatusReasons"]] == [
        "UNREADABLE"
    ]
    assert found["ProductFields"] == {
        "assay/rule": "s3-encryption-compliance",
        "assay/environment": "dev",
        "assay/verdict": "NON_COMPLIANT",
        "assay/unreadable": found["Compliance"]["StatusReasons"][0]["Description"],
    }


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_product_is_the_account_s_default_one_in_its_partition(
    full: Report, partition: str
) -> None:
    there = replace(full, partition=partition, region="eu-west-1")
    found = made(there, "vault")
    assert found["ProductArn"] == (
        f"arn:{partition}:securityhub:eu-west-1:123456789012:product/123456789012/default"
    )
    assert found["Resources"][0]["Partition"] == partition
    validate([found])


def test_a_waived_violation_is_born_suppressed_with_a_note_and_a_finding_of_its_own(
    full: Report,
) -> None:
    waived, same = made(full, "legacy"), made(full, "legacy", waived=False, waiver_id=None)
    words = "Waived by archive@example.com until 2026-11-30: It is deleted with the <old> system."
    assert waived["Note"] == {
        "Text": words,
        "UpdatedBy": "assay",
        "UpdatedAt": full.generated_at,
    }
    assert waived["ProductFields"]["assay/waived"] == words
    assert waived["Id"] == f"{same['Id']}/waived"
    assert same["Workflow"] == {"Status": "NEW"}
    assert "Note" not in same


def test_an_expired_waiver_is_named_and_suppresses_nothing(full: Report) -> None:
    found = made(full, "new-uploads")
    assert found["ProductFields"]["assay/waiver_expired"] == (
        "The waiver of uploads@example.com ended on 2026-11-01."
    )
    assert found["Workflow"] == {"Status": "NEW"}


def test_what_was_suppressed_until_a_waiver_ended_is_archived(full: Report) -> None:
    resource = next(each for each in full.resources if each.change == "new")
    found = ended_waiver(Context.of(full), resource)
    validate([found])
    documented(found)
    waived = made(full, "new-uploads", waived=True)
    assert found["Id"] == waived["Id"] != made(full, "new-uploads")["Id"]
    assert found["Workflow"] == waived["Workflow"]
    assert (found["RecordState"], waived["RecordState"]) == ("ARCHIVED", "ACTIVE")


def test_a_rule_and_a_waiver_that_the_report_does_not_list_are_named_as_far_as_known(
    full: Report,
) -> None:
    found = made(replace(full, waivers=[]), "legacy", rule_name="gone-rule", console_url="")
    validate([found])
    documented(found)
    assert found["GeneratorId"] == "assay/gone-rule"
    assert found["Title"] == "What gone-rule requires is not in the report."
    assert found["Note"]["Text"] == "Waived; the report does not say by whom."


def test_a_violation_whose_waiver_begins_is_not_archived(full: Report) -> None:
    assert made(full, "legacy", change="resolved")["RecordState"] == "ACTIVE"


def test_what_is_too_long_is_cut_and_what_is_blank_is_a_dash(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    legacy = next(each for each in full.resources if each.waived)
    report = with_resources(replace(legacy, annotation="ä" * 5000))
    report = replace(
        report,
        problems=[],
        rules=[
            replace(rule, requirement="r" * 257, remedy="m" * 600, last_run=None)
            for rule in report.rules
        ],
        waivers=[replace(waiver, reason="w" * 5000) for waiver in report.waivers],
    )
    (found,) = written(report)
    validate([found])
    documented(found)
    assert found["Title"] == "r" * 255 + "…"
    assert found["Description"] == "ä" * 1023 + "…"
    assert found["Remediation"]["Recommendation"]["Text"] == "m" * 511 + "…"
    assert len(found["Note"]["Text"]) == 512
    assert len(found["ProductFields"]["assay/waived"]) == 2048
    assert 100 * len(json.dumps(found).encode()) < DOCUMENTED_BATCH_BYTES
    assert made(full, "vault", annotation=" \n")["Description"] == "-"


def test_what_just_fits_is_not_cut(full: Report) -> None:
    assert made(full, "vault", annotation="a" * 1024)["Description"] == "a" * 1024


def test_what_the_report_does_not_know_is_left_out(full: Report) -> None:
    old = replace(full, rules=[replace(rule, remedy="") for rule in full.rules])
    found = made(old, "vault", console_url="")
    validate([found])
    assert "Remediation" not in found
    assert "SourceUrl" not in found
    assert "StatusReasons" not in found["Compliance"]


@pytest.mark.parametrize("name", rules.names())
def test_each_rule_s_resources_have_the_type_that_security_hub_knows_them_by(
    full: Report, name: str
) -> None:
    resource_type = rules.load(name).resource_type
    expected = made(full, "vault", resource_type=resource_type)["Resources"][0]["Type"]
    assert expected.lower() == resource_type.replace("::", "").lower()
    assert expected in model("ResourceDetails").members


def test_a_resource_of_another_type_is_other(full: Report) -> None:
    found = made(full, "vault", resource_type="AWS::New::Thing")
    assert found["Resources"][0]["Type"] == "Other"


def test_a_long_arn_makes_no_long_id(full: Report) -> None:
    found: ResourceReport = replace(full.resources[0], resource_id="arn:aws:s3:::" + "x" * 2000)
    assert len(finding(Context.of(full), found)["Id"]) <= 512
