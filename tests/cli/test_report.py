"""A report's verdicts are compared with those demanded, and shown."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.report import Changes, Counts, Report, ResourceReport
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


def report_of(verdicts: dict[str, dict[str, ComplianceType]]) -> Report:
    return Report(
        schema_version="1.2",
        generated_at="2026-11-23T06:20:00.000000Z",
        account_id="123456789012",
        region="us-east-1",
        environment_suffix="dev",
        history_table="compliance-history-dev",
        summary=Counts(resources=0, compliant=0, non_compliant=0, not_applicable=0, score=None),
        rules=[],
        resources=[
            ResourceReport(
                resource_id=resource_id,
                rule_name=rule_name,
                resource_type="AWS::S3::Bucket",
                config_resource_id=resource_id,
                compliance_type=str(verdict),
                annotation="because",
                severity="high",
                since="2026-11-23T06:00:00.000000Z",
                evaluated_at="2026-11-23T06:00:00.000000Z",
            )
            for resource_id, judged in verdicts.items()
            for rule_name, verdict in judged.items()
        ],
    )


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


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[Report], list[str]]:
    """Shows a report, and returns its lines, those of tables as `cell|cell`."""

    def show(given: Report) -> list[str]:
        report.show(given, Display())
        return [
            "|".join(cell.strip() for cell in line.strip("|").split("|"))
            for line in capsys.readouterr().out.splitlines()
        ]

    return show


def test_the_score_comes_first_with_its_numerator_and_denominator(
    shown: Callable[[Report], list[str]], full: Report
) -> None:
    assert shown(full)[:6] == [
        "Compliance of dev (123456789012, us-east-1) at 2026-11-23T06:20:00.000000Z",
        "Score: 50 % (3 of 6), before: 66.67 % (4 of 6)",
        "Violations: 3 open, 1 waived; not applicable: 1 of 8",
        "Since 2026-11-23T00:20:00.000000Z: 1 new, 1 resolved, 2 still open",
        f"Dashboard: {full.dashboard_url}",
        "",
    ]


def test_a_first_report_has_nothing_to_compare_with_and_no_score_is_none(
    shown: Callable[[Report], list[str]],
) -> None:
    assert shown(report_of({})) == [
        "Compliance of dev (123456789012, us-east-1) at 2026-11-23T06:20:00.000000Z",
        "Score: none judged",
        "Violations: 0 open, 0 waived; not applicable: 0 of 0",
        "",
    ]


def test_open_violations_are_listed_the_most_severe_first_and_waived_ones_apart(
    shown: Callable[[Report], list[str]], full: Report
) -> None:
    lines = shown(full)
    waived = "high|s3-encryption-compliance|arn:aws:s3:::legacy|archive@example.com|2026-11-30"
    violations = [
        *("high|s3-encryption-compliance|arn:aws:s3:::closed", "high|s3-encryption-compliance"),
        "medium|ec2-tag-compliance|arn:aws:ec2:us-east-1:123456789012:instance/i-",
    ]
    start = lines.index("Violations")
    assert lines.index("Waived violations") < lines.index(waived) < start
    found = lines[start + 4 : start + 7]
    assert all(map(str.startswith, found, violations))
    assert found[0].endswith("|2026-11-20T06:00:00.000000Z|not read again: AccessDenied")
    assert found[1].endswith("|2026-11-23T05:00:00.000000Z|new, waiver expired")
    assert found[2].endswith("|2026-11-01T00:00:00.000000Z|")
    assert not any("arn:aws:s3:::vault" in line for line in lines)


def test_a_waived_violation_stays_in_sight_without_its_waiver(
    shown: Callable[[Report], list[str]], full: Report
) -> None:
    assert "high|s3-encryption-compliance|arn:aws:s3:::legacy||" in shown(replace(full, waivers=[]))


def test_health_and_waivers_are_listed(shown: Callable[[Report], list[str]], full: Report) -> None:
    lines = shown(full)
    assert "recorder||AWS Config's recorder assay-dev does not record." in lines
    assert "never reported|rds-backup-compliance|No sweep has ever been completed." in lines
    assert (
        "s3-encryption-compliance|arn:aws:s3:::new-*|uploads@example.com|2026-11-01|expired|1|"
        "The old clients could not encrypt."
    ) in lines


def test_each_rule_says_whether_it_reports(
    shown: Callable[[Report], list[str]], full: Report
) -> None:
    lines = shown(full)
    assert "s3-encryption-compliance|high|reporting|33.33 % (1 of 3)|2|1|1" in lines
    assert "rds-backup-compliance|critical|never reported|none judged|0|0|0" in lines
    old = replace(full, rules=[replace(rule, status=None) for rule in full.rules])
    assert "s3-encryption-compliance|high|unknown|33.33 % (1 of 3)|2|1|1" in shown(old)


def test_a_report_with_nothing_to_compare_says_nothing_of_changes(
    shown: Callable[[Report], list[str]], full: Report
) -> None:
    assert not any(line.startswith("Since ") for line in shown(replace(full, changes=Changes())))
