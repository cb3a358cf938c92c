from __future__ import annotations

from dataclasses import replace

import pytest

from assay.report import ResourceReport

RESOURCE = ResourceReport(
    resource_id="arn:aws:s3:::logs",
    rule_name="s3-encryption-compliance",
    resource_type="AWS::S3::Bucket",
    config_resource_id="logs",
    compliance_type="NON_COMPLIANT",
    annotation="Because.",
    severity="high",
    since="2026-11-23T00:00:00.000000Z",
    evaluated_at="2026-11-23T06:00:00.000000Z",
)


@pytest.mark.parametrize(
    ("compliance_type", "waived", "is_open"),
    [
        ("NON_COMPLIANT", False, True),
        ("NON_COMPLIANT", True, False),
        ("COMPLIANT", False, False),
        ("NOT_APPLICABLE", False, False),
    ],
)
def test_a_violation_is_open_unless_it_is_waived(
    compliance_type: str, *, waived: bool, is_open: bool
) -> None:
    resource = replace(RESOURCE, compliance_type=compliance_type, waived=waived)
    assert resource.is_open is is_open
