from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import forms
from assay.aws import Aws
from assay.report import (
    Changes,
    Counts,
    HealthProblem,
    Recorder,
    ResourceReport,
    RunError,
    RunReport,
    TrendPoint,
    UnreadableResource,
)
from assay.reporting import (
    Background,
    RuleState,
    counts,
    make_report,
    open_violations,
    trend_point,
)
from assay.rule import ComplianceType, Severity
from assay.rules.ec2_tag_compliance import Ec2TagCompliance
from assay.rules.s3_encryption_compliance import S3EncryptionCompliance
from assay.run import GONE
from assay.state import Verdict
from assay.summaries import digest
from assay.waivers import Waiver, Waivers

if TYPE_CHECKING:
    from assay.report import Report
    from assay.run import RunSummary

SWEPT, EARLIER, LATER = (f"2026-11-23T{hour}:00:00.000000Z" for hour in ("06", "00", "12"))
GENERATED_AT = datetime(2026, 11, 23, 6, 20, tzinfo=UTC)
S3, EC2 = "s3-encryption-compliance", "ec2-tag-compliance"
BEFORE = TrendPoint(
    generated_at="2026-11-23T00:20:00.000000Z",
    **counts(compliant=1, non_compliant=2, waived=0, not_applicable=0),
)
AWS = Aws(partition="aws", region="us-east-1", account_id="123456789012")
BACKGROUND = Background(
    generated_at=GENERATED_AT,
    aws=AWS,
    environment_suffix="dev",
    history_table="compliance-history-dev",
    silence=timedelta(hours=13),
    dashboard_name=None,
    waivers=Waivers(),
    recorder=None,
    trend=[],
    open_before=None,
)


def verdict(
    resource_id: str,
    compliance_type: str = "COMPLIANT",
    at: str = EARLIER,
    rule_name: str = S3,
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


def sweep(*unreadable: str, at: str = SWEPT, **other: Any) -> RunSummary:
    summary: RunSummary = {
        "rule_name": S3,
        "run_id": "8f507cfc-example",
        "trigger": "Scheduled Event",
        "ordering_timestamp": at,
        "started_at": at,
        "finished_at": at,
        "segments": 1,
        "continued": False,
        "complete": True,
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
    summary.update(other)  # type: ignore[typeddict-item]
    return summary


def failed(at: str = LATER) -> RunSummary:
    error = {"step": "listing", "error_code": "SlowDown", "message": "Please."}
    return sweep(at=at, complete=False, errors=[error, error])


def s3(
    *verdicts: Verdict,
    last_run: RunSummary | None = None,
    last_failure: RunSummary | None = None,
    severity: Severity = Severity.HIGH,
) -> RuleState:
    return RuleState(S3EncryptionCompliance, severity, verdicts, last_run, last_failure)


def ec2(*verdicts: Verdict, last_run: RunSummary | None = None) -> RuleState:
    return RuleState(Ec2TagCompliance, Severity.LOW, verdicts, last_run, None)


def waiver(resource: str, expires: str = "2027-11-30", rule_name: str = S3) -> Waiver:
    return Waiver(rule_name, resource, "me@example.com", "So.", date.fromisoformat(expires))


def report(*rules: RuleState, **background: Any) -> Report:
    return make_report(replace(BACKGROUND, **background), rules)


def before(*open_before: str) -> dict[str, Any]:
    """What is known of a report before, of the S3 rule's open violations."""
    return {"trend": [BEFORE], "open_before": {digest(f"{S3}#{arn}") for arn in open_before}}


def problems(made: Report) -> list[tuple[str, str | None, str]]:
    return [(problem.kind, problem.rule_name, problem.message) for problem in made.problems]


def test_a_report_says_where_it_comes_from() -> None:
    made = asdict(report(dashboard_name="compliance-dev"))
    for name in ("summary", "rules", "resources", "changes"):
        del made[name]
    assert made == {
        "schema_version": "1.2",
        "generated_at": "2026-11-23T06:20:00.000000Z",
        "account_id": "123456789012",
        "region": "us-east-1",
        "partition": "aws",
        "environment_suffix": "dev",
        "history_table": "compliance-history-dev",
        "dashboard_url": (
            "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
            "#dashboards/dashboard/compliance-dev"
        ),
        "severities": [],
        "recorder": None,
        "waivers": [],
        "problems": [],
        "trend": [],
    }


def test_a_deployment_without_a_dashboard_has_no_link_to_it() -> None:
    assert report().dashboard_url is None


def test_counts_and_scores_are_given_in_total_by_severity_and_by_rule() -> None:
    made = report(
        s3(verdict("arn:c"), verdict("arn:d", "NON_COMPLIANT"), last_run=sweep()),
        ec2(
            verdict("arn:a", "COMPLIANT", rule_name=EC2),
            verdict("arn:b", "NOT_APPLICABLE", rule_name=EC2),
        ),
    )
    low = {
        "resources": 2,
        "compliant": 1,
        "non_compliant": 0,
        "waived": 0,
        "not_applicable": 1,
        "judged": 1,
        "score": 100.0,
    }
    high = {
        "resources": 2,
        "compliant": 1,
        "non_compliant": 1,
        "waived": 0,
        "not_applicable": 0,
        "judged": 2,
        "score": 50.0,
    }
    assert asdict(made.summary) == {
        "resources": 4,
        "compliant": 2,
        "non_compliant": 1,
        "waived": 0,
        "not_applicable": 1,
        "judged": 3,
        "score": 66.67,
    }
    assert [asdict(counted) for counted in made.severities] == [
        {"severity": "high", **high},
        {"severity": "low", **low},
    ]
    first, second = (asdict(rule) for rule in made.rules)
    assert first.items() >= {"rule_name": EC2, "severity": "low", **low}.items()
    assert second.items() >= {"rule_name": S3, "severity": "high", **high}.items()


def test_rules_of_one_severity_are_counted_together() -> None:
    made = report(
        s3(verdict("arn:c"), severity=Severity.LOW),
        ec2(verdict("arn:a", "NON_COMPLIANT", rule_name=EC2)),
    )
    (counted,) = made.severities
    assert (counted.severity, counted.resources, counted.score) == ("low", 2, 50.0)


def test_severities_are_those_of_the_rules_the_most_severe_first() -> None:
    rules = [s3(verdict("arn:a"), severity=severity) for severity in Severity]
    made = report(*rules)
    assert [each.severity for each in made.severities] == ["critical", "high", "medium", "low"]
    # As the settings have it now, whatever it was when the verdict was written.
    assert {resource.severity for resource in made.resources} == set(Severity)


def test_a_rule_that_has_judged_nothing_has_no_score() -> None:
    made = report(s3(verdict("arn:a", "NOT_APPLICABLE")))
    assert made.summary.score is None
    assert made.rules[0].score is None


def test_a_rule_is_explained() -> None:
    rule = S3EncryptionCompliance
    (made,) = report(s3()).rules
    assert made.requirement == rule.requirement
    assert made.rationale == rule.rationale
    assert made.remedy == rule.remedy
    assert made.resource_type == "AWS::S3::Bucket"


def test_a_resource_is_given_with_its_verdict_the_reason_and_its_page() -> None:
    assert report(s3(verdict("arn:aws:s3:::logs", "NON_COMPLIANT"))).resources == [
        ResourceReport(
            resource_id="arn:aws:s3:::logs",
            rule_name=S3,
            resource_type="AWS::S3::Bucket",
            config_resource_id="logs",
            compliance_type="NON_COMPLIANT",
            annotation="Because.",
            severity="high",
            since=EARLIER,
            evaluated_at=EARLIER,
            unreadable=None,
            console_url=S3EncryptionCompliance.console_url(AWS, "arn:aws:s3:::logs"),
            waived=False,
            waiver_id=None,
            change=None,
        )
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
    assert made.resources[0].evaluated_at == evaluated_at


def test_a_resource_that_the_last_sweep_could_not_read_is_marked_with_the_reason() -> None:
    made = report(s3(verdict("arn:a"), verdict("arn:b"), last_run=sweep("arn:a")))
    assert [resource.unreadable for resource in made.resources] == ["AccessDenied", None]


def test_what_has_been_judged_since_that_sweep_is_not_marked() -> None:
    made = report(s3(verdict("arn:a", at=LATER), last_run=sweep("arn:a")))
    assert made.resources[0].unreadable is None


def test_runs_are_given_with_what_they_could_not_read_and_what_failed() -> None:
    (rule,) = report(s3(last_run=sweep("arn:a"), last_failure=failed())).rules
    expected = {**sweep(), "unreadable": [], "errors": [], "unreadable_count": 1}
    unreadable = UnreadableResource(resource_id="arn:a", error_code="AccessDenied")
    assert rule.last_run == replace(RunReport(**expected), unreadable=[unreadable])  # type: ignore[arg-type]
    assert rule.last_failure is not None
    assert rule.last_failure.errors[0] == RunError(
        step="listing", error_code="SlowDown", message="Please."
    )


def test_a_summary_of_a_time_before_such_counts_is_read() -> None:
    older: Any = {name: value for name, value in sweep().items() if name != "unreadable_count"}
    (rule,) = report(s3(last_run=older)).rules
    assert rule.last_run is not None
    assert rule.last_run.unreadable_count == 0


@pytest.mark.parametrize(
    ("last_run", "last_failure", "shown"),
    [
        (None, None, False),
        (sweep(), None, False),
        (None, failed(SWEPT), True),
        (sweep(), failed(LATER), True),
        # It has been repeated, and then it was complete.
        (sweep(), failed(SWEPT), False),
        (sweep(at=LATER), failed(SWEPT), False),
    ],
)
def test_a_sweep_that_failed_is_shown_until_a_complete_one_has_come_after(
    last_run: RunSummary | None, last_failure: RunSummary | None, *, shown: bool
) -> None:
    made = report(s3(last_run=last_run, last_failure=last_failure))
    (rule,) = made.rules
    assert (rule.last_run is None) == (last_run is None)
    assert (rule.last_failure is not None) == shown
    assert ("failed" in {problem.kind for problem in made.problems}) == shown
    if shown:
        at = last_failure["ordering_timestamp"] if last_failure else ""
        message = f"The sweep of {at} failed: SlowDown."
        assert HealthProblem(kind="failed", rule_name=S3, message=message) in made.problems


def test_a_rule_without_a_complete_sweep_has_never_reported() -> None:
    made = report(s3(verdict("arn:a"), last_failure=failed()))
    assert made.rules[0].status == "never_reported"
    assert problems(made)[0] == ("never_reported", S3, "No sweep has ever been completed.")


@pytest.mark.parametrize(
    ("at", "status"),
    [
        (SWEPT, "reporting"),
        # 13 hours before the report, and a moment more.
        ("2026-11-22T17:20:00.000000Z", "reporting"),
        ("2026-11-22T17:19:59.999999Z", "silent"),
    ],
)
def test_a_rule_is_silent_once_its_last_sweep_is_too_old(at: str, status: str) -> None:
    made = report(s3(last_run=sweep(at=at)))
    assert made.rules[0].status == status
    message = f"No sweep has been completed since {at}."
    assert problems(made) == ([("silent", S3, message)] if status == "silent" else [])


@pytest.mark.parametrize(
    ("last_run", "message"),
    [
        (sweep("arn:a"), "1 resource could not be read: AccessDenied."),
        (sweep("arn:a", "arn:b"), "2 resources could not be read: AccessDenied."),
        (
            sweep(
                unreadable_count=1234,
                unreadable=[
                    {"resource_id": "arn:b", "error_code": "SlowDown"},
                    {"resource_id": "arn:a", "error_code": "AccessDenied"},
                ],
            ),
            "1,234 resources could not be read: AccessDenied, SlowDown.",
        ),
        # Their names went with the segments.
        (sweep(unreadable_count=2), "2 resources could not be read."),
    ],
)
def test_what_could_not_be_read_is_a_problem(last_run: RunSummary, message: str) -> None:
    assert problems(report(s3(last_run=last_run))) == [("unreadable", S3, message)]


@pytest.mark.parametrize(
    ("recorder", "message"),
    [
        (
            Recorder(name="r", recording=False, error="AccessDenied", last_status="Failure"),
            "AWS Config's recorder r does not record.",
        ),
        (
            Recorder(name="r", recording=True, error="AccessDenied", last_status="Failure"),
            "AWS Config's recorder r failed at its last delivery: AccessDenied.",
        ),
        (
            Recorder(name="r", recording=True, last_status="FAILURE"),
            "AWS Config's recorder r failed at its last delivery.",
        ),
        (
            Recorder(name="r", recording=None, error="AccessDeniedException"),
            "AWS Config did not say whether its recorder r records: AccessDeniedException.",
        ),
    ],
)
def test_a_recorder_that_does_not_do_its_work_is_a_problem(
    recorder: Recorder, message: str
) -> None:
    made = report(recorder=recorder)
    assert made.recorder == recorder
    assert problems(made) == [("recorder", None, message)]


# The error of a time before stays with it.
@pytest.mark.parametrize("last_status", [None, "Pending", "Success", "NotApplicable"])
def test_a_recorder_that_records_is_none(last_status: str | None) -> None:
    recorder = Recorder(name="r", recording=True, last_status=last_status, error="AccessDenied")
    assert report(recorder=recorder).problems == []


def test_a_waived_violation_is_shown_and_counted_apart() -> None:
    held = waiver("arn:aws:s3:::old-*")
    violations = [verdict(f"arn:aws:s3:::{name}", "NON_COMPLIANT") for name in ("new", "old-1")]
    made = report(s3(*violations, verdict("arn:aws:s3:::old-2")), waivers=Waivers([held]))
    assert [
        (resource.config_resource_id, resource.compliance_type, resource.waived, resource.waiver_id)
        for resource in made.resources
    ] == [
        ("new", "NON_COMPLIANT", False, None),
        ("old-1", "NON_COMPLIANT", True, held.waiver_id),
        ("old-2", "COMPLIANT", False, None),
    ]
    for counted in (made.summary, *made.severities, *made.rules):
        assert (counted.resources, counted.judged, counted.score) == (3, 2, 50.0)
        assert (counted.compliant, counted.non_compliant, counted.waived) == (1, 1, 1)
    (shown,) = made.waivers
    assert asdict(shown) == {
        **held.to_json(),
        "waiver_id": held.waiver_id,
        "status": "active",
        "resources": 2,
        "violations": 1,
    }


def test_a_rule_whose_violations_are_all_waived_and_that_has_nothing_else_has_no_score() -> None:
    made = report(s3(verdict("arn:a", "NON_COMPLIANT")), waivers=Waivers([waiver("*")]))
    assert (made.summary.waived, made.summary.judged, made.summary.score) == (1, 0, None)


def test_a_waiver_is_for_its_own_rule() -> None:
    made = report(
        s3(verdict("arn:a", "NON_COMPLIANT")),
        ec2(verdict("arn:a", "NON_COMPLIANT", rule_name=EC2)),
        waivers=Waivers([waiver("*", rule_name=EC2)]),
    )
    assert [(each.rule_name, each.waived) for each in made.resources] == [(EC2, True), (S3, False)]


def test_an_expired_waivers_violation_counts_again_and_names_it() -> None:
    ended = waiver("arn:a*", "2026-11-22")
    made = report(s3(verdict("arn:a", "NON_COMPLIANT"), last_run=sweep()), waivers=Waivers([ended]))
    (resource,) = made.resources
    assert (resource.waived, resource.waiver_id, resource.is_open) == (False, ended.waiver_id, True)
    assert (made.summary.non_compliant, made.summary.waived) == (1, 0)
    assert made.waivers[0].status == "expired"
    message = "The waiver of me@example.com for arn:a* ended on 2026-11-22."
    assert problems(made) == [("waiver_expired", S3, message)]


def test_an_expired_waiver_that_nothing_violates_any_more_is_no_problem() -> None:
    waivers = Waivers([waiver("arn:a", "2026-11-22")])
    made = report(s3(verdict("arn:a"), last_run=sweep()), waivers=waivers)
    assert made.waivers[0].status == "expired"
    assert made.problems == []


@pytest.mark.parametrize(("expires", "warned"), [("2026-12-06", True), ("2026-12-07", False)])
def test_a_waivers_end_is_warned_of(expires: str, *, warned: bool) -> None:
    made = report(
        s3(verdict("arn:a", "NON_COMPLIANT"), last_run=sweep()),
        waivers=Waivers([waiver("arn:a", expires)]),
    )
    assert made.resources[0].waived
    message = f"The waiver of me@example.com for arn:a ends on {expires}."
    assert problems(made) == ([("waiver_expiring", S3, message)] if warned else [])


@pytest.mark.parametrize("rule_name", [S3, "a-rule-that-is-not-enabled"])
def test_a_waiver_that_matches_nothing_is_listed(rule_name: str) -> None:
    made = report(
        s3(verdict("arn:a", "NON_COMPLIANT"), last_run=sweep()),
        waivers=Waivers([waiver("arn:b", rule_name=rule_name)]),
    )
    assert (made.waivers[0].resources, made.waivers[0].violations) == (0, 0)
    message = "The waiver for arn:b matches no resource."
    assert problems(made) == [("waiver_unused", rule_name, message)]


def test_each_waiver_counts_its_resources_and_the_one_that_holds_longest_the_violation() -> None:
    waivers = Waivers([waiver("arn:*", "2027-01-01"), waiver("arn:a", "2026-11-22")])
    made = report(s3(verdict("arn:a", "NON_COMPLIANT")), waivers=waivers)
    assert made.resources[0].waiver_id == waiver("arn:*").waiver_id
    assert made.resources[0].waived
    assert [(each.resources, each.violations) for each in made.waivers] == [(1, 1), (1, 0)]
    # The other one has ended, but nothing counts again for that.
    assert [problem for problem in made.problems if problem.kind.startswith("waiver")] == []


def test_a_waiver_of_what_is_gone_is_unused() -> None:
    gone = replace(verdict("arn:a", "NOT_APPLICABLE"), annotation=GONE)
    made = report(s3(gone), waivers=Waivers([waiver("arn:a", "2027-01-01")]))
    assert [each.resources for each in made.waivers] == [0]
    assert made.problems[-1].kind == "waiver_unused"


def test_problems_come_in_a_fixed_order() -> None:
    last_run = sweep("arn:c", at="2026-11-20T00:00:00.000000Z")
    made = report(
        s3(verdict("arn:a", "NON_COMPLIANT"), last_run=last_run, last_failure=failed()),
        ec2(),
        recorder=Recorder(name="r", recording=False),
        waivers=Waivers(
            [
                waiver("arn:0", "2027-01-01"),
                waiver("arn:1", "2026-12-01"),
                waiver("arn:a", "2026-11-22"),
            ]
        ),
    )
    assert [(problem.kind, problem.rule_name) for problem in made.problems] == [
        ("recorder", None),
        ("never_reported", EC2),
        ("silent", S3),
        ("failed", S3),
        ("unreadable", S3),
        ("waiver_expired", S3),
        ("waiver_expiring", S3),
        ("waiver_unused", S3),
        ("waiver_unused", S3),
    ]


def test_a_report_that_tells_of_a_later_sweep_says_that_it_was_made_late() -> None:
    made = report(s3(last_run=sweep(at=LATER)), ec2())
    assert (made.problems[0].kind, made.problems[0].rule_name) == ("late", None)
    assert made.problems[0].message == (
        f"It was made late and tells of a sweep of {LATER}, after its own time."
    )


def test_what_is_new_resolved_and_still_open_is_told() -> None:
    made = report(
        s3(
            verdict("arn:new", "NON_COMPLIANT"),
            verdict("arn:mended"),
            verdict("arn:gone", "NOT_APPLICABLE"),
            verdict("arn:old", "NON_COMPLIANT"),
            verdict("arn:good"),
        ),
        **before("arn:mended", "arn:gone", "arn:old"),
    )
    assert made.changes == Changes(
        compared_with=BEFORE.generated_at, new=1, resolved=2, still_open=1
    )
    assert {resource.config_resource_id: resource.change for resource in made.resources} == {
        "new": "new",
        "mended": "resolved",
        "gone": "resolved",
        "old": None,
        "good": None,
    }


def test_the_same_resource_under_another_rule_is_another_violation() -> None:
    made = report(
        ec2(verdict("arn:a", "NON_COMPLIANT", rule_name=EC2)),
        s3(verdict("arn:a", "NON_COMPLIANT")),
        **before("arn:a"),
    )
    assert [(each.rule_name, each.change) for each in made.resources] == [(EC2, "new"), (S3, None)]


def test_a_violation_is_resolved_when_it_is_waived_and_new_when_that_ends() -> None:
    rule = s3(verdict("arn:a", "NON_COMPLIANT"))
    waived = report(rule, waivers=Waivers([waiver("arn:a")]), **before("arn:a"))
    assert (waived.changes.resolved, waived.changes.still_open) == (1, 0)
    assert waived.resources[0].change == "resolved"
    ended = report(rule, waivers=Waivers([waiver("arn:a", "2026-11-22")]), **before())
    assert (ended.changes.new, ended.resources[0].change) == (1, "new")


def test_violations_of_a_rule_that_is_no_longer_enabled_are_not_called_resolved() -> None:
    changes = report(ec2(), **before("arn:a", "arn:b")).changes
    assert (changes.resolved, changes.still_open, changes.no_longer_judged) == (0, 0, 2)


def test_without_anything_to_compare_with_nothing_is_new_or_resolved() -> None:
    made = report(s3(verdict("arn:a", "NON_COMPLIANT")), trend=[BEFORE])
    assert made.changes == Changes(compared_with=None, new=0, resolved=0, still_open=0)
    assert made.resources[0].change is None
    assert made.trend == [BEFORE]


def test_the_next_report_compares_with_the_open_violations() -> None:
    rule = s3(*(verdict(f"arn:{name}", "NON_COMPLIANT") for name in "cab"), verdict("arn:d"))
    made = report(rule, waivers=Waivers([waiver("arn:b")]))
    assert open_violations(made) == [digest(f"{S3}#arn:a"), digest(f"{S3}#arn:c")]
    again = report(
        rule,
        waivers=Waivers([waiver("arn:b")]),
        trend=[trend_point(made)],
        open_before=set(open_violations(made)),
    )
    assert again.changes == Changes(compared_with=made.generated_at, still_open=2)


def test_later_reports_tell_the_counts_and_how_many_rules_were_silent() -> None:
    old = sweep(at="2026-11-20T00:00:00.000000Z")
    made = report(s3(verdict("arn:a"), last_run=sweep()), ec2(last_run=old))
    assert trend_point(made) == TrendPoint(
        generated_at=made.generated_at, silent_rules=1, **asdict(made.summary)
    )
    # One that has never reported is no better.
    assert trend_point(report(s3(), ec2(last_run=old))).silent_rules == 2


@given(st.permutations(["arn:a", "arn:b", "arn:c"]), st.booleans())
def test_the_same_state_gives_the_same_bytes(order: list[str], reverse: bool) -> None:
    other = ec2(verdict("arn:b", rule_name=EC2))
    rules = [s3(*map(verdict, order)), other]
    if reverse:
        rules.reverse()
    expected = report(other, s3(*map(verdict, sorted(order))))
    assert report(*rules) == expected
    write = forms.load("json").write
    assert "".join(write(report(*rules))) == "".join(write(expected))
    assert [(each.resource_id, each.rule_name) for each in expected.resources] == [
        ("arn:a", S3),
        ("arn:b", EC2),
        ("arn:b", S3),
        ("arn:c", S3),
    ]


def test_verdicts_are_gone_through_once() -> None:
    state = replace(s3(), verdicts=iter([verdict("arn:a"), verdict("arn:b")]))
    made = report(state)
    assert (len(made.resources), made.rules[0].resources, made.summary.resources) == (2, 2, 2)


@given(st.lists(st.tuples(st.sampled_from(list(ComplianceType)), st.booleans(), st.booleans())))
def test_counts_add_up_and_the_score_is_a_percentage(
    drawn: list[tuple[ComplianceType, bool, bool]],
) -> None:
    verdicts = [
        verdict(f"arn:{index}{'w' if waived else ''}", kind.value)
        for index, (kind, waived, _) in enumerate(drawn)
    ]
    was_open = [each.resource_id for each, (*_, was) in zip(verdicts, drawn, strict=True) if was]
    made = report(s3(*verdicts), waivers=Waivers([waiver("*w")]), **before(*was_open))
    counted = made.summary
    assert counted == Counts(
        **counts(
            compliant=counted.compliant,
            non_compliant=sum(resource.is_open for resource in made.resources),
            waived=sum(resource.waived for resource in made.resources),
            not_applicable=counted.not_applicable,
        )
    )
    assert counted.resources == len(drawn) == len(made.resources)
    assert counted.score is None or 0 <= counted.score <= 100
    assert (counted.score == 100) == (counted.compliant > 0 == counted.non_compliant)
    changes = made.changes
    assert changes.new + changes.still_open == counted.non_compliant
    assert changes.resolved + changes.still_open == len(was_open)
    assert changes.no_longer_judged == 0
    told = Counter(resource.change for resource in made.resources)
    assert (told["new"], told["resolved"]) == (changes.new, changes.resolved)
