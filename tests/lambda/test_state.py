from __future__ import annotations

import threading
import time
from dataclasses import asdict, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from assay import aws as assay_aws
from assay.dynamodb import to_item
from assay.events import Trigger
from assay.rule import ComplianceType, Severity
from assay.run import GONE, Judgement, Run
from assay.state import (
    TRANSACTION_SIZE,
    Change,
    State,
    Verdict,
    Written,
    is_transition,
    successor,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws

    Calls = list[tuple[str, dict[str, Any]]]
    Records = Callable[[], list[dict[str, Any]]]

ARN = "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0"
# Clients take longer to make than most tests take.
client: Any = cache(boto3.client)
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
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def store(tables: None) -> Callable[..., None]:
    """Puts verdicts into the table, whatever is there."""
    assert tables is None
    dynamodb = client("dynamodb")

    def store(*verdicts: Verdict) -> None:
        for verdict in verdicts:
            item = to_item(asdict(verdict))
            dynamodb.put_item(TableName="compliance-state", Item=item)

    return store


def at(moment: str, run: Run) -> Run:
    """Returns the run of a change event at another time."""
    return replace(run, ordering_timestamp=moment, trigger=Trigger.CHANGE)


def many(number: int) -> list[Change]:
    """Returns first verdicts: violations, each on a resource of its own."""
    return [Change(replace(SAME, resource_id=f"{ARN}{index:03}"), None) for index in range(number)]


def cancelled(*codes: str) -> ClientError:
    """Makes DynamoDB's refusal of a transaction, with a reason for each write."""
    reasons = {"CancellationReasons": [{"Code": code} for code in codes]}
    refusal: Any = {"Error": {"Code": "TransactionCanceledException"}, **reasons}
    return ClientError(refusal, "TransactWriteItems")


def operations(calls: Calls) -> list[str]:
    return [name.removeprefix("dynamodb:") for name, _ in calls]


def error_code(error: Exception | None) -> str:
    assert error is not None
    return assay_aws.error_code(error)


def test_a_first_violation_starts_now_and_has_its_alert_pending(run: Run) -> None:
    assert successor(run, SAME, None) == replace(
        VERDICT, since=NOW, ordering_timestamp=NOW, alert_pending=True
    )


def test_a_first_verdict_that_is_no_violation_has_no_alert(run: Run) -> None:
    verdict = successor(run, COMPLIANT, None)
    assert verdict is not None
    assert (verdict.compliance_type, verdict.alert_pending) == ("COMPLIANT", None)


def test_a_verdict_that_says_the_same_stays_in_a_sweep(run: Run) -> None:
    assert successor(run, SAME, VERDICT) is None
    assert successor(replace(run, trigger=Trigger.CONFIG_SCHEDULE), SAME, VERDICT) is None


@pytest.mark.parametrize("pending", [True, None])
@pytest.mark.parametrize("trigger", [Trigger.CHANGE, Trigger.OVERSIZED_CHANGE])
def test_a_change_writes_a_verdict_that_says_the_same_with_its_own_time(
    run: Run, trigger: Trigger, pending: bool | None
) -> None:
    before = replace(VERDICT, alert_pending=pending)
    assert successor(replace(run, trigger=trigger), SAME, before) == replace(
        before, ordering_timestamp=NOW
    )


def test_a_change_writes_its_own_verdict_only_once(run: Run) -> None:
    assert successor(at(EARLIER, run), SAME, VERDICT) is None


def test_a_newer_verdict_stays(run: Run) -> None:
    assert successor(run, COMPLIANT, replace(VERDICT, ordering_timestamp=LATER)) is None


def test_an_event_of_the_same_time_may_correct_a_verdict(run: Run) -> None:
    assert successor(run, COMPLIANT, replace(VERDICT, ordering_timestamp=NOW)) is not None


@pytest.mark.parametrize("pending", [True, None])
@pytest.mark.parametrize(
    "compliance_type", [ComplianceType.COMPLIANT, ComplianceType.NOT_APPLICABLE]
)
def test_a_resolved_violation_has_its_alert_pending(
    run: Run, compliance_type: ComplianceType, pending: bool | None
) -> None:
    judgement = replace(COMPLIANT, compliance_type=compliance_type)
    assert successor(run, judgement, replace(VERDICT, alert_pending=pending)) == replace(
        VERDICT,
        compliance_type=compliance_type.value,
        annotation="Fine.",
        since=NOW,
        ordering_timestamp=NOW,
        alert_pending=True,
    )


def test_a_change_between_verdicts_that_are_no_violations_has_no_alert(run: Run) -> None:
    before = replace(VERDICT, compliance_type="NOT_APPLICABLE", alert_pending=None)
    verdict = successor(run, COMPLIANT, before)
    assert verdict is not None
    assert verdict.alert_pending is None


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


@pytest.mark.parametrize("pending", [True, None])
def test_another_compliant_resource_under_the_same_arn_has_no_alert_of_its_own(
    run: Run, pending: bool | None
) -> None:
    compliant = replace(VERDICT, compliance_type="COMPLIANT", annotation="Fine.")
    recreated = replace(COMPLIANT, config_resource_id="another")
    verdict = successor(run, recreated, replace(compliant, alert_pending=pending))
    assert verdict is not None
    assert (verdict.config_resource_id, verdict.since) == ("another", NOW)
    assert verdict.alert_pending is pending


@pytest.mark.parametrize("pending", [True, None])
def test_the_alert_on_a_resolved_violation_stays_due_until_it_has_been_sent(
    run: Run, pending: bool | None
) -> None:
    resolved = replace(VERDICT, compliance_type="COMPLIANT", alert_pending=pending)
    gone = replace(SAME, compliance_type=ComplianceType.NOT_APPLICABLE, annotation=GONE)
    verdict = successor(run, gone, resolved)
    assert verdict is not None
    assert verdict.alert_pending is pending


@pytest.mark.parametrize("expires_at", [0, 4_000_000_000])
def test_a_resource_that_is_gone_leaves_state_after_thirty_days_however_long_history_is_kept(
    run: Run, expires_at: int
) -> None:
    run = replace(run, expires_at=expires_at)
    gone = replace(SAME, compliance_type=ComplianceType.NOT_APPLICABLE, annotation=GONE)
    verdict = successor(run, gone, VERDICT)
    assert verdict is not None
    month_later = 1795413600 + 30 * 24 * 60 * 60
    assert (verdict.expires_at, verdict.alert_pending) == (month_later, True)
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
    violated = False
    for moment, compliance_type, annotation, config_resource_id in events:
        run = Run("rule", "type", Severity.LOW, "id", Trigger.CHANGE, moment, 0)
        judgement = Judgement(ARN, config_resource_id, compliance_type, annotation)
        before, verdict = verdict, successor(run, judgement, verdict) or verdict
        assert verdict is not None
        assert verdict.since <= verdict.ordering_timestamp
        assert before is None or before.ordering_timestamp <= verdict.ordering_timestamp
        if before is None or before.ordering_timestamp <= moment:
            told = (verdict.compliance_type, verdict.annotation, verdict.config_resource_id)
            assert told == (compliance_type, annotation, config_resource_id)
        violated = violated or verdict.is_violation
        # Nobody has told anything yet.
        assert verdict.alert_pending or not verdict.is_violation
        assert violated or not verdict.alert_pending


def test_verdicts_read_as_they_were_written(state: State, store: Callable[..., None]) -> None:
    other = replace(VERDICT, rule_name="another-rule")
    last = replace(VERDICT, resource_id=f"{ARN}9", alert_pending=None, expires_at=1_800_000_000)
    store(last, VERDICT, other)
    assert list(state.verdicts("ec2-tag-compliance")) == [VERDICT, last]
    assert state.verdict("ec2-tag-compliance", ARN) == VERDICT
    assert state.verdict("ec2-tag-compliance", "arn:aws:s3:::x") is None


def test_verdicts_are_read_to_the_last_page(
    state: State,
    store: Callable[..., None],
    change_parameters: Callable[..., None],
    calls: Calls,
) -> None:
    written = [replace(VERDICT, resource_id=f"{ARN}{index}") for index in range(3)]
    store(*written)
    change_parameters("Query", Limit=2)
    calls.clear()
    assert list(state.verdicts("ec2-tag-compliance")) == written
    assert operations(calls) == ["Query"] * 2


def test_verdicts_are_read_as_they_are_and_not_as_they_were_a_moment_ago(
    state: State, calls: Calls
) -> None:
    list(state.verdicts("ec2-tag-compliance"))
    state.verdict("ec2-tag-compliance", ARN)
    assert [params["ConsistentRead"] for _, params in calls if "ConsistentRead" in params] == [
        True,
        True,
    ]


def test_texts_that_many_verdicts_share_are_held_once(
    state: State, store: Callable[..., None]
) -> None:
    store(VERDICT, replace(VERDICT, resource_id=f"{ARN}9"))
    one, other = state.verdicts("ec2-tag-compliance")
    assert one.annotation is other.annotation
    assert one.since is other.since


def test_one_change_is_one_call(state: State, run: Run, calls: Calls) -> None:
    calls.clear()
    written, error = state.change(run, [Change(SAME, None)])
    expected = replace(VERDICT, since=NOW, ordering_timestamp=NOW)
    assert (written, error) == ([Written(expected, transition=True)], None)
    assert operations(calls) == ["PutItem"]
    assert state.verdict(run.rule_name, ARN) == expected


def test_a_hundred_changes_are_one_call(state: State, run: Run, calls: Calls) -> None:
    changes = many(TRANSACTION_SIZE)
    calls.clear()
    written, error = state.change(run, changes)
    assert operations(calls) == ["TransactWriteItems"]
    assert len(written) == 100
    assert (error, all(outcome.transition for outcome in written)) == (None, True)
    assert list(state.verdicts(run.rule_name)) == [outcome.verdict for outcome in written]


def test_what_need_not_change_is_no_call(state: State, run: Run, calls: Calls) -> None:
    newer = replace(VERDICT, ordering_timestamp=LATER)
    calls.clear()
    assert state.change(run, [Change(SAME, VERDICT), Change(COMPLIANT, newer)]) == ([], None)
    assert calls == []


def test_only_what_must_change_is_sent(
    state: State, run: Run, store: Callable[..., None], calls: Calls
) -> None:
    store(VERDICT)
    calls.clear()
    written, _ = state.change(run, [Change(COMPLIANT, VERDICT), *[Change(SAME, VERDICT)] * 3])
    assert [outcome.verdict.compliance_type for outcome in written] == ["COMPLIANT"]
    assert operations(calls) == ["PutItem"]


def test_another_reason_is_written_and_is_no_transition(
    state: State, run: Run, store: Callable[..., None]
) -> None:
    store(VERDICT)
    judgement = replace(SAME, annotation="Another.")
    written, _ = state.change(run, [Change(judgement, VERDICT)])
    expected = replace(VERDICT, annotation="Another.", ordering_timestamp=NOW)
    assert written == [Written(expected, transition=False)]


def test_a_replaced_verdict_loses_what_its_successor_does_not_have(
    state: State, run: Run, store: Callable[..., None]
) -> None:
    gone = replace(VERDICT, compliance_type="NOT_APPLICABLE", annotation=GONE, expires_at=1)
    gone = replace(gone, alert_pending=None)
    store(gone)
    state.change(run, [Change(COMPLIANT, gone)])
    found = state.verdict(run.rule_name, ARN)
    assert found is not None
    assert (found.expires_at, found.alert_pending) == (None, None)


@pytest.mark.parametrize("before", [None, replace(VERDICT, annotation="What was read.")])
def test_an_older_verdict_that_was_written_meanwhile_is_replaced_as_what_it_is(
    state: State,
    run: Run,
    store: Callable[..., None],
    meanwhile: Callable[..., None],
    waits: list[float],
    before: Verdict | None,
) -> None:
    if before is not None:
        store(before)
    between = replace(VERDICT, since="2026-11-23T03:00:00.000000Z", alert_pending=None)
    between = replace(between, ordering_timestamp=between.since)
    meanwhile("PutItem", lambda: store(between))
    written, error = state.change(run, [Change(replace(SAME, annotation="Now."), before)])
    # What was written meanwhile says that the violation is known, and since when.
    expected = replace(between, annotation="Now.", ordering_timestamp=NOW)
    assert (written, error) == ([Written(expected, transition=False)], None)
    assert state.verdict(run.rule_name, ARN) == expected
    assert waits == []


def test_a_newer_verdict_that_was_written_meanwhile_stays(
    state: State, run: Run, store: Callable[..., None], meanwhile: Callable[..., None]
) -> None:
    store(VERDICT)
    newer = replace(VERDICT, ordering_timestamp=LATER)
    meanwhile("PutItem", lambda: store(newer))
    assert state.change(run, [Change(COMPLIANT, VERDICT)]) == ([], None)
    assert state.verdict(run.rule_name, ARN) == newer


@pytest.mark.parametrize("pending", [True, None])
def test_what_a_twin_of_the_run_has_written_meanwhile_counts_as_the_runs_own(
    state: State,
    run: Run,
    store: Callable[..., None],
    meanwhile: Callable[..., None],
    pending: bool | None,
) -> None:
    twin = replace(VERDICT, since=NOW, ordering_timestamp=NOW, alert_pending=pending)
    meanwhile("PutItem", lambda: store(twin))
    # It has been a transition once, which the twin has counted.
    assert state.change(run, [Change(SAME, None)]) == ([Written(twin, transition=False)], None)
    assert state.verdict(run.rule_name, ARN) == twin


def test_a_twin_that_saw_the_resource_otherwise_is_corrected(
    state: State, run: Run, store: Callable[..., None], meanwhile: Callable[..., None]
) -> None:
    twin = replace(VERDICT, since=NOW, ordering_timestamp=NOW, alert_pending=None)
    meanwhile("PutItem", lambda: store(twin))
    (written,), error = state.change(run, [Change(COMPLIANT, None)])
    assert (written.transition, error) == (True, None)
    assert state.verdict(run.rule_name, ARN) == written.verdict
    assert written.verdict.alert_pending


def test_a_verdict_that_has_left_the_table_meanwhile_is_written_as_a_first_one(
    state: State, run: Run, waits: list[float]
) -> None:
    gone = replace(VERDICT, compliance_type="NOT_APPLICABLE", annotation=GONE, expires_at=1)
    written, error = state.change(run, [Change(SAME, gone)])
    expected = replace(VERDICT, since=NOW, ordering_timestamp=NOW)
    assert (written, error) == ([Written(expected, transition=True)], None)
    assert state.verdict(run.rule_name, ARN) == expected
    assert waits == [0.05]


def test_a_write_that_meets_a_transaction_is_tried_again(
    state: State,
    run: Run,
    fail: Callable[..., None],
    recover: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail("PutItem", "TransactionConflictException")
    monkeypatch.setattr(time, "sleep", lambda _seconds: recover())
    (written,), error = state.change(run, [Change(SAME, None)])
    assert (written.transition, error) == (True, None)
    assert state.verdict(run.rule_name, ARN) == written.verdict


def test_a_write_that_keeps_meeting_others_is_an_error_after_growing_waits(
    state: State, run: Run, fail: Callable[..., None], waits: list[float], calls: Calls
) -> None:
    fail("PutItem", "TransactionConflictException")
    calls.clear()
    written, error = state.change(run, [Change(SAME, None)])
    assert (written, error_code(error)) == ([], "TransactionConflictException")
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8]
    assert operations(calls).count("PutItem") == 6


def test_any_other_refusal_of_a_write_is_an_error_at_once(
    state: State, run: Run, fail: Callable[..., None], waits: list[float], calls: Calls
) -> None:
    fail("PutItem", "AccessDeniedException")
    calls.clear()
    written, error = state.change(run, [Change(SAME, None)])
    assert (written, error_code(error)) == ([], "AccessDeniedException")
    assert (operations(calls), waits) == (["PutItem"], [])


@pytest.mark.parametrize(
    "failure", ["AccessDeniedException", ReadTimeoutError(endpoint_url="https://dynamodb")]
)
def test_a_transaction_that_fails_for_another_reason_than_a_condition_is_an_error(
    state: State, run: Run, fail: Callable[..., None], calls: Calls, failure: str | Exception
) -> None:
    fail("TransactWriteItems", failure)
    calls.clear()
    written, error = state.change(run, many(2))
    assert (written, error_code(error)) == (
        [],
        failure if isinstance(failure, str) else "ReadTimeoutError",
    )
    assert operations(calls) == ["TransactWriteItems"]


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_is_throttled_is_tried_again_as_a_whole(
    state: State,
    run: Run,
    fail: Callable[..., None],
    recover: Callable[[], None],
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
) -> None:
    fail("TransactWriteItems", cancelled("None", code))
    monkeypatch.setattr(time, "sleep", lambda _seconds: recover())
    calls.clear()
    written, error = state.change(run, many(2))
    assert (len(written), error) == (2, None)
    assert operations(calls) == ["TransactWriteItems"] * 2


def test_a_transaction_that_stays_throttled_is_an_error_after_growing_waits(
    state: State, run: Run, fail: Callable[..., None], waits: list[float], calls: Calls
) -> None:
    fail("TransactWriteItems", cancelled("ThrottlingError", "ConditionalCheckFailed"))
    calls.clear()
    written, error = state.change(run, many(2))
    assert (written, error_code(error)) == ([], "TransactionCanceledException")
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8]
    assert operations(calls) == ["TransactWriteItems"] * 6


def test_where_one_of_many_writes_meets_another_one_each_is_made_by_itself(
    state: State,
    run: Run,
    store: Callable[..., None],
    meanwhile: Callable[..., None],
    calls: Calls,
) -> None:
    changes = many(3)
    arns = [change.judgement.resource_id for change in changes]
    newer = replace(VERDICT, resource_id=arns[0], ordering_timestamp=LATER)
    older = replace(VERDICT, resource_id=arns[1], since=EARLIER)
    meanwhile("TransactWriteItems", lambda: store(newer, older))
    calls.clear()
    written, error = state.change(run, changes)
    assert error is None
    assert [outcome.verdict.resource_id for outcome in written] == [arns[2]]
    assert [outcome.transition for outcome in written] == [True]
    found = {verdict.resource_id: verdict for verdict in state.verdicts(run.rule_name)}
    assert found == {
        # The run says the same as what was there before it, and nothing about what came after.
        arns[0]: newer,
        arns[1]: older,
        arns[2]: written[0].verdict,
    }


def test_a_poisoned_write_is_the_only_one_that_is_not_made(
    state: State, run: Run, fail: Callable[..., None]
) -> None:
    changes = many(5)
    poisoned = changes[1].judgement.resource_id
    fail("TransactWriteItems", cancelled("None", "ConditionalCheckFailed"))
    fail(
        "PutItem",
        "ValidationException",
        when=lambda params: params["Item"]["resource_id"]["S"] == poisoned,
    )
    written, error = state.change(run, changes)
    assert error_code(error) == "ValidationException"
    found = [verdict.resource_id for verdict in state.verdicts(run.rule_name)]
    assert found == [change.judgement.resource_id for change in changes if change is not changes[1]]
    assert [outcome.verdict.resource_id for outcome in written] == found


def test_the_first_of_several_failures_is_told(
    state: State, run: Run, fail: Callable[..., None]
) -> None:
    one, other = many(2)
    fail("TransactWriteItems", cancelled("None", "ConditionalCheckFailed"))
    for change, code in ((one, "First"), (other, "Second")):
        arn = change.judgement.resource_id
        fail(
            "PutItem", code, when=lambda params, arn=arn: params["Item"]["resource_id"]["S"] == arn
        )
    assert error_code(state.change(run, [one, other])[1]) == "First"


def test_the_alert_mark_is_there_only_while_it_is_pending(
    state: State, store: Callable[..., None], verdicts: Records
) -> None:
    store(VERDICT)
    assert verdicts()[0]["alert_pending"] is True
    state.clear_alerts([VERDICT])
    assert "alert_pending" not in verdicts()[0]
    assert state.verdict(VERDICT.rule_name, ARN) == replace(VERDICT, alert_pending=None)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, []),
        (1, ["UpdateItem"]),
        (2, ["TransactWriteItems"]),
        (101, ["TransactWriteItems", "UpdateItem"]),
    ],
)
def test_a_hundred_marks_are_cleared_by_one_call(
    state: State,
    store: Callable[..., None],
    verdicts: Records,
    calls: Calls,
    number: int,
    expected: list[str],
) -> None:
    told = [replace(VERDICT, resource_id=f"{ARN}{index:03}") for index in range(number)]
    store(*told)
    calls.clear()
    state.clear_alerts(told)
    assert operations(calls) == expected
    assert len(verdicts()) == number
    assert not any("alert_pending" in item for item in verdicts())


def test_marks_are_cleared_by_several_calls_at_once(
    state: State, store: Callable[..., None], verdicts: Records, aws: Aws
) -> None:
    told = [replace(VERDICT, resource_id=f"{ARN}{index:03}") for index in range(101)]
    store(*told)
    # Neither call goes on before both are here.
    meeting = threading.Barrier(2)

    def meet(**_: Any) -> None:
        meeting.wait(60)

    events = aws.client("dynamodb").meta.events
    events.register("before-call.dynamodb", meet)
    try:
        state.clear_alerts(told, 2)
    finally:
        events.unregister("before-call.dynamodb", meet)
    assert not any("alert_pending" in item for item in verdicts())


@pytest.mark.parametrize(
    "stands",
    [
        replace(VERDICT, since=NOW, ordering_timestamp=NOW),
        replace(VERDICT, compliance_type="COMPLIANT"),
        replace(VERDICT, since="2026-11-22T00:00:00.000000Z"),
    ],
)
def test_only_the_mark_that_was_told_is_cleared(
    state: State, store: Callable[..., None], stands: Verdict
) -> None:
    other = replace(VERDICT, resource_id=f"{ARN}9")
    store(stands, other)
    state.clear_alerts([VERDICT])
    assert state.verdict(VERDICT.rule_name, ARN) == stands
    state.clear_alerts([VERDICT, other])
    assert state.verdict(VERDICT.rule_name, ARN) == stands
    assert state.verdict(VERDICT.rule_name, f"{ARN}9") == replace(other, alert_pending=None)


@pytest.mark.parametrize("number", [1, 101])
def test_alerts_that_were_sent_can_be_marked_as_pending_again(
    state: State, store: Callable[..., None], verdicts: Records, number: int
) -> None:
    told = [
        replace(VERDICT, resource_id=f"{ARN}{index:03}", alert_pending=None)
        for index in range(number)
    ]
    store(*told, replace(VERDICT, resource_id=f"{ARN}999", alert_pending=None))
    state.set_alerts(told, 2)
    assert [item.get("alert_pending") for item in verdicts()] == [*[True] * number, None]


def test_a_verdict_that_was_replaced_is_not_marked_as_pending(
    state: State, store: Callable[..., None]
) -> None:
    stands = replace(VERDICT, compliance_type="COMPLIANT", alert_pending=None)
    store(stands)
    state.set_alerts([VERDICT])
    assert state.verdict(VERDICT.rule_name, ARN) == stands


def test_clearing_never_makes_an_item(state: State, verdicts: Records) -> None:
    state.clear_alerts([VERDICT])
    state.clear_alerts([VERDICT, replace(VERDICT, resource_id=f"{ARN}9")])
    assert verdicts() == []


def test_a_mark_that_meets_a_transaction_is_cleared_later(
    state: State,
    store: Callable[..., None],
    fail: Callable[..., None],
    recover: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(VERDICT)
    fail("UpdateItem", "TransactionConflictException")
    monkeypatch.setattr(time, "sleep", lambda _seconds: recover())
    state.clear_alerts([VERDICT])
    assert state.verdict(VERDICT.rule_name, ARN) == replace(VERDICT, alert_pending=None)


def test_a_mark_that_keeps_meeting_transactions_is_an_error_after_growing_waits(
    state: State, fail: Callable[..., None], waits: list[float]
) -> None:
    fail("UpdateItem", "TransactionConflictException")
    with pytest.raises(ClientError, match="TransactionConflictException"):
        state.clear_alerts([VERDICT])
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8]


@pytest.mark.parametrize(("number", "operation"), [(1, "UpdateItem"), (2, "TransactWriteItems")])
def test_any_other_refusal_to_clear_marks_is_an_error_at_once(
    state: State,
    fail: Callable[..., None],
    waits: list[float],
    number: int,
    operation: str,
) -> None:
    fail(operation, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        state.clear_alerts([VERDICT] * number)
    assert waits == []
