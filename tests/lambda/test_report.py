from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.aws import Aws
from assay.report import RuleReport, make_report, report_key, write_report
from assay.rule import ComplianceType, Severity
from assay.rules.ec2_tag_compliance import Ec2TagCompliance
from assay.rules.s3_encryption_compliance import S3EncryptionCompliance
from assay.state import Verdict

if TYPE_CHECKING:
    from assay.run import RunSummary

SWEPT, EARLIER, LATER = (f"2026-11-23T{hour}:00:00.000000Z" for hour in ("06", "00", "12"))
GENERATED_AT = datetime(2026, 11, 23, 6, 20, tzinfo=UTC)


def verdict(
    resource_id: str,
    compliance_type: str = "COMPLIANT",
    at: str = EARLIER,
    rule_name: str = "s3-encryption-compliance",
) -> Verdict:
    return Verdict(
        rule_name=rule_name,
        resource_id=resource_id,
        resource_type="AWS::S3::Bucket",
        config_resource_id=resource_id.rpartition(":")[2],
        compliance_type=compliance_type,
        annotation="Because.",
        severity="high",
        since=EARLIER,
        ordering_timestamp=at,
    )


def sweep(*unreadable: str, at: str = SWEPT, complete: bool = True) -> RunSummary:
    return {
        "rule_name": "s3-encryption-compliance",
        "run_id": "8f507cfc-example",
        "trigger": "Scheduled Event",
        "ordering_timestamp": at,
        "started_at": at,
        "finished_at": at,
        "segments": 1,
        "continued": False,
        "complete": complete,
        "resources": 1,
        "compliant": 1,
        "non_compliant": 0,
        "not_applicable": 0,
        "transitions": 0,
        "unreadable_count": len(unreadable),
        "unreadable": [
            {"resource_id": resource_id, "error_code": "AccessDenied"} for resource_id in unreadable
        ],
        "errors": [],
        "alerted": 0,
        "resolved": 0,
        "api_calls": {"s3:ListBuckets": 1},
    }


def report(*rules: RuleReport) -> dict[str, Any]:
    return make_report(
        generated_at=GENERATED_AT,
        aws=Aws(partition="aws", region="us-east-1", account_id="123456789012"),
        environment_suffix="dev",
        history_table="compliance-history-dev",
        rules=rules,
    )


def s3(
    *verdicts: Verdict,
    last_run: RunSummary | None = None,
    last_failure: RunSummary | None = None,
) -> RuleReport:
    return RuleReport(S3EncryptionCompliance, Severity.HIGH, verdicts, last_run, last_failure)


def test_a_report_says_where_it_comes_from() -> None:
    made = report()
    assert {name: made[name] for name in made if name not in {"summary", "rules", "resources"}} == {
        "schema_version": "1.1",
        "generated_at": "2026-11-23T06:20:00.000000Z",
        "account_id": "123456789012",
        "region": "us-east-1",
        "environment_suffix": "dev",
        "history_table": "compliance-history-dev",
    }


def test_counts_and_scores_are_given_in_total_and_by_rule() -> None:
    ec2 = [
        verdict("arn:a", "COMPLIANT", rule_name="ec2-tag-compliance"),
        verdict("arn:b", "NOT_APPLICABLE", rule_name="ec2-tag-compliance"),
    ]
    made = report(
        s3(verdict("arn:c"), verdict("arn:d", "NON_COMPLIANT"), last_run=sweep()),
        RuleReport(Ec2TagCompliance, Severity.LOW, ec2, None, None),
    )
    assert made["summary"] == {
        "resources": 4,
        "compliant": 2,
        "non_compliant": 1,
        "not_applicable": 1,
        "score": 66.67,
    }
    assert made["rules"] == [
        {
            "rule_name": "ec2-tag-compliance",
            "requirement": Ec2TagCompliance.requirement,
            "severity": "low",
            "resources": 2,
            "compliant": 1,
            "non_compliant": 0,
            "not_applicable": 1,
            "score": 100.0,
            "last_run": None,
            "last_failure": None,
        },
        {
            "rule_name": "s3-encryption-compliance",
            "requirement": S3EncryptionCompliance.requirement,
            "severity": "high",
            "resources": 2,
            "compliant": 1,
            "non_compliant": 1,
            "not_applicable": 0,
            "score": 50.0,
            "last_run": sweep(),
            "last_failure": None,
        },
    ]


def test_a_rule_that_has_judged_nothing_has_no_score() -> None:
    made = report(s3(verdict("arn:a", "NOT_APPLICABLE")))
    assert made["summary"]["score"] is None
    assert made["rules"][0]["score"] is None


def test_a_resource_is_given_with_its_verdict_and_the_reason() -> None:
    assert report(s3(verdict("arn:aws:s3:::logs", "NON_COMPLIANT")))["resources"] == [
        {
            "resource_id": "arn:aws:s3:::logs",
            "rule_name": "s3-encryption-compliance",
            "resource_type": "AWS::S3::Bucket",
            "config_resource_id": "logs",
            "compliance_type": "NON_COMPLIANT",
            "annotation": "Because.",
            "severity": "high",
            "since": EARLIER,
            "evaluated_at": EARLIER,
            "unreadable": None,
        }
    ]


@pytest.mark.parametrize(
    ("at", "last_run", "evaluated_at"),
    [
        (EARLIER, None, EARLIER),
        (EARLIER, sweep(), SWEPT),
        (LATER, sweep(), LATER),
        (EARLIER, sweep("arn:a"), EARLIER),
        (EARLIER, sweep("arn:b"), SWEPT),
    ],
)
def test_a_verdict_is_as_old_as_what_last_looked_at_the_resource(
    at: str, last_run: RunSummary | None, evaluated_at: str
) -> None:
    made = report(s3(verdict("arn:a", at=at), last_run=last_run))
    assert made["resources"][0]["evaluated_at"] == evaluated_at


def test_a_resource_that_the_last_sweep_could_not_read_is_marked_with_the_reason() -> None:
    made = report(s3(verdict("arn:a"), verdict("arn:b"), last_run=sweep("arn:a")))
    assert [resource["unreadable"] for resource in made["resources"]] == ["AccessDenied", None]


def test_what_has_been_judged_since_that_sweep_is_not_marked() -> None:
    made = report(s3(verdict("arn:a", at=LATER), last_run=sweep("arn:a")))
    assert made["resources"][0]["unreadable"] is None


@pytest.mark.parametrize(
    ("last_run", "last_failure", "shown"),
    [
        (None, None, False),
        (sweep(), None, False),
        (None, sweep(complete=False), True),
        (sweep(), sweep(at=LATER, complete=False), True),
        # It has been repeated, and then it was complete.
        (sweep(), sweep(complete=False), False),
        (sweep(at=LATER), sweep(complete=False), False),
    ],
)
def test_a_sweep_that_failed_is_shown_until_a_complete_one_has_come_after(
    last_run: RunSummary | None, last_failure: RunSummary | None, shown: bool
) -> None:
    made = report(s3(last_run=last_run, last_failure=last_failure))
    assert made["rules"][0]["last_run"] == last_run
    assert made["rules"][0]["last_failure"] == (last_failure if shown else None)


@given(st.permutations(["arn:a", "arn:b", "arn:c"]), st.booleans())
def test_the_same_state_gives_the_same_bytes(order: list[str], reverse: bool) -> None:
    ec2 = RuleReport(Ec2TagCompliance, Severity.LOW, [verdict("arn:b", rule_name="x")], None, None)
    rules = [s3(*map(verdict, order)), ec2]
    if reverse:
        rules.reverse()
    expected = report(ec2, s3(*map(verdict, sorted(order))))
    assert write_report(report(*rules)) == write_report(expected)
    assert json.loads(write_report(expected)) == expected


@given(st.lists(st.sampled_from(list(ComplianceType))))
def test_counts_add_up_and_the_score_is_a_percentage(verdicts: list[ComplianceType]) -> None:
    made = report(s3(*(verdict(f"arn:{i}", kind.value) for i, kind in enumerate(verdicts))))
    counts = made["summary"]
    assert counts["resources"] == len(verdicts) == len(made["resources"])
    assert counts["resources"] == sum(
        counts[name] for name in ("compliant", "non_compliant", "not_applicable")
    )
    assert counts["score"] is None or 0 <= counts["score"] <= 100
    assert (counts["score"] == 100) == (counts["compliant"] > 0 == counts["non_compliant"])


def test_the_key_follows_from_the_time() -> None:
    key = "reports/2026/11/23/compliance-report-062000Z.json"
    assert report_key(GENERATED_AT) == key
