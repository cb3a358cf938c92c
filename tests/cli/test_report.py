"""A report's verdicts are compared with those demanded, and shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.rule import ComplianceType
from assay_cli import report
from assay_cli.display import Display

VERDICTS = st.dictionaries(
    st.sampled_from([f"arn:aws:s3:::bucket-{number}" for number in range(5)]),
    st.dictionaries(
        st.sampled_from(["s3-encryption-compliance", "ec2-tag-compliance"]),
        st.sampled_from(ComplianceType),
        min_size=1,
    ),
)


def report_of(verdicts: dict[str, dict[str, ComplianceType]]) -> dict[str, Any]:
    return {
        "resources": [
            {
                "resource_id": resource_id,
                "rule_name": rule_name,
                "compliance_type": str(verdict),
                "severity": "high",
                "annotation": "because",
            }
            for resource_id, judged in verdicts.items()
            for rule_name, verdict in judged.items()
        ]
    }


@given(VERDICTS, VERDICTS)
def test_there_are_differences_exactly_where_verdicts_differ(
    found: dict[str, dict[str, ComplianceType]], wanted: dict[str, dict[str, ComplianceType]]
) -> None:
    different = report.differences(report_of(found), wanted)
    assert (different == []) == (found == wanted)
    assert len(different) == len(set(different))


def test_differences_say_what_was_expected_and_what_came() -> None:
    found = {
        "arn:aws:s3:::a": {"s3-encryption-compliance": ComplianceType.COMPLIANT},
        "arn:aws:s3:::b": {"s3-encryption-compliance": ComplianceType.COMPLIANT},
    }
    wanted = {
        "arn:aws:s3:::b": {"s3-encryption-compliance": ComplianceType.NON_COMPLIANT},
        "arn:aws:s3:::c": {"s3-encryption-compliance": ComplianceType.COMPLIANT},
    }
    assert report.differences(report_of(found), wanted) == [
        "s3-encryption-compliance on arn:aws:s3:::a: expected no verdict, got COMPLIANT",
        "s3-encryption-compliance on arn:aws:s3:::b: expected NON_COMPLIANT, got COMPLIANT",
        "s3-encryption-compliance on arn:aws:s3:::c: expected COMPLIANT, got no verdict",
    ]


def test_violations_and_counts_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"resources": 3, "compliant": 1, "non_compliant": 2, "not_applicable": 0}
    shown = report_of(
        {
            "arn:aws:s3:::bad": {"s3-encryption-compliance": ComplianceType.NON_COMPLIANT},
            "arn:aws:s3:::good": {"s3-encryption-compliance": ComplianceType.COMPLIANT},
        }
    ) | {
        "rules": [
            {"rule_name": "s3-encryption-compliance", "severity": "high", "score": 33.33} | counts,
            {"rule_name": "rds-backup-compliance", "severity": "high", "score": None}
            | dict.fromkeys(counts, 0),
        ],
        "summary": counts | {"score": 33.33},
    }
    report.show(shown, Display())
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in capsys.readouterr().out.splitlines()
    ]
    assert ["high", "s3-encryption-compliance", "arn:aws:s3:::bad", "because"] in cells
    assert "arn:aws:s3:::good" not in [cell for line in cells for cell in line]
    assert ["s3-encryption-compliance", "high", "3", "1", "2", "0", "33.33 %"] in cells
    assert ["rds-backup-compliance", "high", "0", "0", "0", "0", "-"] in cells
    assert ["all", "", "3", "1", "2", "0", "33.33 %"] in cells
