from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from assay.events import Trigger
from assay.rule import ComplianceType, Severity
from assay.run import GONE, Judgement, Run, RunSummary
from assay.state import State, Verdict, is_transition, successor

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws

ARN = "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0"
EARLIER, NOW, LATER = (f"2026-11-23T{hour}:00:00.000000Z" for hour in ("00", "06", "12"))
VERDICT = Verdict(
    rule_name="ec2-tag-compliance",
    resource_id=ARN,
    resource_type="AWS::EC2::Instance",
    config_resource_id="i-0123456789abcdef0",
    compliance_type="NON_COMPLIANT",
    annotation="Tags: Owner is missing or empty.",
    severity="medium",
    since=EARLIER,
    ordering_timestamp=EARLIER,
    alert_pending=True,
)
SAME = Judgement(
    ARN, "i-0123456789abcdef0", ComplianceType.NON_COMPLIANT, "Tags: Owner is missing or empty."
)
COMPLIANT = replace(SAME, compliance_type=ComplianceType.COMPLIANT, annotation="Fine.")


@pytest.fixture
def state(aws: Aws, tables: None) -> State:
    assert tables is None
    return State(aws.client("dynamodb"), "compliance-state")


@pytest.fixture
def summary(run: Run) -> RunSummary:
    return {
        "rule_name": run.rule_name,
        "run_id": run.run_id,
        "trigger": run.trigger.value,
        "ordering_timestamp": run.ordering_timestamp,
        "started_at": NOW,
        "finished_at": NOW,
        "resources": 2,
        "compliant": 1,
        "non_compliant": 0,
        "not_applicable": 0,
        "transitions": 1,
        "unreadable": [{"resource_id": ARN, "error_code": "AccessDenied"}],
        "alerted": 0,
    }


def test_a_first_violation_starts_now_and_has_its_alert_pending(run: Run) -> None:
    assert successor(run, SAME, None) == replace(
        VERDICT, since=NOW, ordering_timestamp=NOW, alert_pending=True
    )


def test_a_first_verdict_that_is_no_violation_has_no_alert(run: Run) -> None:
    verdict = successor(run, COMPLIANT, None)
    assert verdict is not None
    assert (verdict.compliance_type, verdict.alert_pending) == ("COMPLIANT", None)


def test_a_verdict_that_says_the_same_stays(run: Run) -> None:
    assert successor(run, SAME, VERDICT) is None


def test_a_newer_verdict_stays(run: Run) -> None:
    assert successor(run, COMPLIANT, replace(VERDICT, ordering_timestamp=LATER)) is None


def test_an_event_of_the_same_time_may_correct_a_verdict(run: Run) -> None:
    assert successor(run, COMPLIANT, replace(VERDICT, ordering_timestamp=NOW)) is not None


def test_a_resolved_violation_needs_no_alert_any_more(run: Run) -> None:
    assert successor(run, COMPLIANT, VERDICT) == replace(
        VERDICT,
        compliance_type="COMPLIANT",
        annotation="Fine.",
        since=NOW,
        ordering_timestamp=NOW,
        alert_pending=None,
    )


@pytest.mark.parametrize("pending", [True, None])
def test_another_reason_keeps_since_and_raises_no_further_alert(
    run: Run, pending: bool | None
) -> None:
    judgement = replace(SAME, annotation="Tags: Cost is missing or empty.")
    assert successor(run, judgement, replace(VERDICT, alert_pending=pending)) == replace(
        VERDICT,
        annotation="Tags: Cost is missing or empty.",
        ordering_timestamp=NOW,
        alert_pending=pending,
    )


def test_another_severity_is_written_too(run: Run) -> None:
    verdict = successor(replace(run, severity=Severity.CRITICAL), SAME, VERDICT)
    assert verdict is not None
    assert (verdict.severity, verdict.since) == ("critical", EARLIER)


def test_another_resource_under_the_same_arn_is_judged_anew(run: Run) -> None:
    sent = replace(VERDICT, alert_pending=None)
    recreated = replace(SAME, config_resource_id="another")
    assert is_transition(recreated, sent)
    assert successor(run, recreated, sent) == replace(
        VERDICT,
        config_resource_id="another",
        since=NOW,
        ordering_timestamp=NOW,
        alert_pending=True,
    )
    older = replace(run, ordering_timestamp="2026-11-22T00:00:00.000000Z")
    assert successor(older, recreated, sent) is None


def test_another_compliant_resource_under_the_same_arn_has_no_alert(run: Run) -> None:
    compliant = replace(VERDICT, compliance_type="COMPLIANT", annotation="Fine.")
    recreated = replace(COMPLIANT, config_resource_id="another")
    verdict = successor(run, recreated, compliant)
    assert verdict is not None
    assert (verdict.config_resource_id, verdict.since) == ("another", NOW)
    assert verdict.alert_pending is None


@pytest.mark.parametrize("expires_at", [0, 4_000_000_000])
def test_a_resource_that_is_gone_leaves_state_after_thirty_days_however_long_history_is_kept(
    run: Run, expires_at: int
) -> None:
    run = replace(run, expires_at=expires_at)
    gone = replace(SAME, compliance_type=ComplianceType.NOT_APPLICABLE, annotation=GONE)
    verdict = successor(run, gone, VERDICT)
    assert verdict is not None
    month_later = 1795413600 + 30 * 24 * 60 * 60
    assert (verdict.expires_at, verdict.alert_pending) == (month_later, None)
    back = successor(replace(run, ordering_timestamp=LATER), COMPLIANT, verdict)
    assert back is not None
    assert back.expires_at is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([EARLIER, NOW, LATER]),
            st.sampled_from(list(ComplianceType)),
            st.sampled_from(["a", "b"]),
            st.sampled_from(["i-1", "i-2"]),
        ),
        min_size=1,
    )
)
def test_in_any_order_of_events_the_newest_time_wins(
    events: list[tuple[str, ComplianceType, str, str]],
) -> None:
    verdict: Verdict | None = None
    for time, compliance_type, annotation, config_resource_id in events:
        run = Run("rule", "type", Severity.LOW, "id", Trigger.CHANGE, time, 0)
        judgement = Judgement(ARN, config_resource_id, compliance_type, annotation)
        before, verdict = verdict, successor(run, judgement, verdict) or verdict
        assert verdict is not None
        assert verdict.since <= verdict.ordering_timestamp
        assert before is None or before.ordering_timestamp <= verdict.ordering_timestamp
        if before is None or before.ordering_timestamp <= time:
            told = (verdict.compliance_type, verdict.annotation, verdict.config_resource_id)
            assert told == (compliance_type, annotation, config_resource_id)
        assert not verdict.alert_pending or verdict.compliance_type == "NON_COMPLIANT"


def test_verdicts_read_as_they_were_written(state: State) -> None:
    other = replace(VERDICT, rule_name="another-rule")
    last = replace(VERDICT, resource_id=f"{ARN}9", alert_pending=None, expires_at=1_800_000_000)
    for verdict in (last, VERDICT, other):
        assert state.put(verdict)
    assert list(state.verdicts("ec2-tag-compliance")) == [VERDICT, last]
    assert state.verdict("ec2-tag-compliance", ARN) == VERDICT
    assert state.verdict("ec2-tag-compliance", "arn:aws:s3:::x") is None


def test_verdicts_are_read_to_the_last_page(
    state: State,
    change_parameters: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    written = [replace(VERDICT, resource_id=f"{ARN}{index}") for index in range(3)]
    for verdict in written:
        state.put(verdict)
    change_parameters("Query", Limit=2)
    calls.clear()
    assert list(state.verdicts("ec2-tag-compliance")) == written
    assert [name for name, _ in calls] == ["dynamodb:Query"] * 2


def test_the_alert_mark_is_there_only_while_it_is_pending(
    state: State, verdicts: Callable[[], list[dict[str, Any]]]
) -> None:
    state.put(VERDICT)
    assert verdicts()[0]["alert_pending"] is True
    state.clear_alert(VERDICT)
    assert "alert_pending" not in verdicts()[0]
    assert state.verdict(VERDICT.rule_name, ARN) == replace(VERDICT, alert_pending=None)


def test_an_older_verdict_never_replaces_a_newer_one(state: State) -> None:
    newer = replace(VERDICT, ordering_timestamp=NOW)
    assert state.put(newer)
    assert not state.put(replace(VERDICT, annotation="Older."))
    assert state.verdict(VERDICT.rule_name, ARN) == newer
    assert state.put(replace(newer, annotation="Same time."))


def test_the_mark_of_a_newer_verdict_is_not_cleared(state: State) -> None:
    newer = replace(VERDICT, ordering_timestamp=NOW)
    state.put(newer)
    state.clear_alert(VERDICT)
    assert state.verdict(VERDICT.rule_name, ARN) == newer


def test_clearing_never_makes_an_item(
    state: State, verdicts: Callable[[], list[dict[str, Any]]]
) -> None:
    state.clear_alert(VERDICT)
    assert verdicts() == []


def test_any_other_refusal_is_an_error(state: State, fail: Callable[..., None]) -> None:
    fail("PutItem", "AccessDeniedException")
    fail("UpdateItem", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        state.put(VERDICT)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        state.clear_alert(VERDICT)


def test_the_latest_sweeps_summary_is_found_whatever_was_written_last(
    state: State, run: Run, summary: RunSummary
) -> None:
    late = replace(run, ordering_timestamp=LATER)
    state.put_summary(late, {**summary, "ordering_timestamp": LATER})
    state.put_summary(run, summary)
    assert state.last_sweep(run.rule_name) == {**summary, "ordering_timestamp": LATER}


def test_a_summary_lies_beside_the_verdicts_and_expires_with_history(
    state: State,
    run: Run,
    summary: RunSummary,
    items: Callable[[str], list[dict[str, Any]]],
) -> None:
    state.put_summary(run, summary)
    (item,) = items("compliance-state")
    assert item["rule_name"] == "run#ec2-tag-compliance"
    assert item["resource_id"] == NOW
    assert item["expires_at"] == run.expires_at


def test_a_rule_without_a_sweep_has_no_last_one(state: State) -> None:
    assert state.last_sweep("ec2-tag-compliance") is None
