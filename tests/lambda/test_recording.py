from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from assay.history import History
from assay.recording import Recorder
from assay.rule import ComplianceType
from assay.run import Findings, Judgement, Unreadable
from assay.state import State, Verdict
from assay.summaries import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assay.aws import Aws
    from assay.run import Run

    Calls = list[tuple[str, dict[str, Any]]]
    Items = Callable[[str], list[dict[str, Any]]]
    Records = Callable[[], list[dict[str, Any]]]

EARLIER, NOW, LATER = (f"2026-11-23T{hour}:00:00.000000Z" for hour in ("00", "06", "12"))
HISTORY, STATE = "compliance-history", "compliance-state"


def judgement(
    number: int, compliance_type: ComplianceType = ComplianceType.NON_COMPLIANT
) -> Judgement:
    return Judgement(f"arn:aws:s3:::{number:04}", f"{number:04}", compliance_type, "Because.")


def judgements(number: int) -> list[Judgement]:
    return [judgement(index) for index in range(number)]


def verdict(judgement: Judgement, **fields: Any) -> Verdict:
    """Returns what an earlier sweep has written after such a judgement."""
    written = Verdict(
        rule_name="ec2-tag-compliance",
        resource_id=judgement.resource_id,
        resource_type="AWS::EC2::Instance",
        config_resource_id=judgement.config_resource_id,
        compliance_type=judgement.compliance_type.value,
        annotation=judgement.annotation,
        severity="medium",
        since=EARLIER,
        ordering_timestamp=EARLIER,
    )
    return replace(written, **fields)


class Config:
    """Takes what AWS Config is told, or refuses it."""

    def __init__(self) -> None:
        self.batches: list[list[Judgement]] = []
        self.error: Exception | None = None

    def __call__(self, batch: Sequence[Judgement]) -> None:
        """Notes a batch, and refuses it when told so."""
        self.batches.append(list(batch))
        if self.error:
            raise self.error


@pytest.fixture
def config() -> Config:
    """AWS Config."""
    return Config()


@pytest.fixture
def recorder(aws: Aws, run: Run, tables: None, config: Config) -> Recorder:
    """A recorder of a sweep that AWS Config asked for, where nothing is known yet."""
    assert tables is None
    dynamodb = aws.client("dynamodb")
    return Recorder(
        run,
        History(dynamodb, HISTORY),
        State(dynamodb, STATE),
        Findings(),
        known={},
        seen_before=set(),
        answer=config,
        concurrency=16,
    )


@pytest.fixture
def refuse(fail: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has DynamoDB refuse requests that contain a resource's ARN."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)

    def refuse(operation: str, error: str | Exception, number: int) -> None:
        arn = f"'arn:aws:s3:::{number:04}'"
        fail(operation, error, when=lambda params: arn in str(params))

    return refuse


def sent(calls: Calls, operation: str) -> list[dict[str, Any]]:
    return [params for name, params in calls if name == f"dynamodb:{operation}"]


def recorded(items: Items) -> list[str]:
    return [item["config_resource_id"] for item in items(HISTORY)]


def test_each_outcome_is_recorded_in_history_state_and_config(
    recorder: Recorder, config: Config, items: Items, verdicts: Records
) -> None:
    fine = judgement(1, ComplianceType.COMPLIANT)
    recorder.record([judgement(0), fine, judgement(2, ComplianceType.NOT_APPLICABLE)])
    for found in (items(HISTORY), verdicts()):
        assert {item["config_resource_id"]: item["compliance_type"] for item in found} == {
            "0000": "NON_COMPLIANT",
            "0001": "COMPLIANT",
            "0002": "NOT_APPLICABLE",
        }
    assert [len(batch) for batch in config.batches] == [3]
    findings = recorder.findings
    assert findings.counts == {"NON_COMPLIANT": 1, "COMPLIANT": 1, "NOT_APPLICABLE": 1}
    assert (findings.written, findings.transitions) == (3, 3)
    assert list(findings.pending) == ["arn:aws:s3:::0000"]
    assert (findings.errors, findings.unreadable) == ([], {})


def test_nothing_is_no_call(recorder: Recorder, config: Config, calls: Calls) -> None:
    calls.clear()
    recorder.record([])
    assert (calls, config.batches) == ([], [])


def test_calls_are_as_large_as_each_service_takes(
    recorder: Recorder, config: Config, calls: Calls, items: Items
) -> None:
    recorder.record(judgements(226))
    batches = [len(params["RequestItems"][HISTORY]) for params in sent(calls, "BatchWriteItem")]
    assert sorted(batches) == [1, *[25] * 9]
    transactions = [len(params["TransactItems"]) for params in sent(calls, "TransactWriteItems")]
    assert transactions == [100, 100, 26]
    assert sent(calls, "PutItem") == []
    assert [len(batch) for batch in config.batches] == [100, 100, 26]
    assert len(items(HISTORY)) == 226
    assert recorder.findings.transitions == 226


def test_a_single_change_needs_no_transaction(recorder: Recorder, calls: Calls) -> None:
    calls.clear()
    recorder.record(judgements(1))
    assert [name for name, _ in calls] == ["dynamodb:BatchWriteItem", "dynamodb:PutItem"]


def test_config_is_told_only_where_it_asked(recorder: Recorder, items: Items) -> None:
    recorder.answer = None
    recorder.record(judgements(101))
    assert len(items(HISTORY)) == 101
    assert recorder.findings.errors == []


def test_what_has_not_changed_is_recorded_in_history_and_told_to_config_alone(
    recorder: Recorder, config: Config, calls: Calls, items: Items
) -> None:
    recorder.known = {each.resource_id: verdict(each) for each in judgements(3)}
    calls.clear()
    recorder.record(judgements(3))
    assert [name for name, _ in calls] == ["dynamodb:BatchWriteItem"]
    assert len(items(HISTORY)) == len(config.batches[0]) == 3
    assert recorder.findings.transitions == 0


def test_another_reason_is_written_and_is_no_transition(recorder: Recorder) -> None:
    before = verdict(judgement(0), annotation="Another.")
    store(recorder, replace(judgement(0), annotation="Another."))
    recorder.known = {before.resource_id: before}
    recorder.record(judgements(1))
    assert (recorder.findings.written, recorder.findings.transitions) == (1, 0)


def test_verdicts_are_taken_out_of_the_known_ones_as_the_run_comes_to_them(
    recorder: Recorder,
) -> None:
    recorder.known = {each.resource_id: verdict(each) for each in judgements(4)}
    recorder.record([judgement(0), Unreadable("arn:aws:s3:::0001", "AccessDenied")])
    assert list(recorder.known) == ["arn:aws:s3:::0002", "arn:aws:s3:::0003"]
    assert recorder.seen == {digest("arn:aws:s3:::0000"), digest("arn:aws:s3:::0001")}


def test_a_resource_that_comes_twice_is_recorded_once(
    recorder: Recorder, config: Config, items: Items
) -> None:
    recorder.record([*judgements(30), *judgements(30)])
    recorder.record(judgements(31))
    assert len(items(HISTORY)) == 31
    assert recorder.findings.counts == {"NON_COMPLIANT": 31}
    assert sum(map(len, config.batches)) == 31


def test_what_a_segment_before_has_seen_is_not_recorded_again(
    recorder: Recorder, items: Items
) -> None:
    numbers = [digest(each.resource_id) for each in judgements(3)]
    recorder.seen_before = {numbers[1]}
    recorder.record([*judgements(3), Unreadable("arn:aws:s3:::0001", "AccessDenied")])
    assert recorded(items) == ["0000", "0002"]
    assert recorder.findings.unreadable == {}
    assert recorder.seen == {numbers[0], numbers[2]}
    assert [recorder.has_seen(number) for number in [*numbers, 1]] == [True, True, True, False]


def test_no_more_is_read_than_a_few_batches_ahead(recorder: Recorder, items: Items) -> None:
    recorder.known = {each.resource_id: verdict(each) for each in judgements(400)}
    read, ahead = 0, list[int]()

    def reading() -> Iterator[Judgement]:
        nonlocal read
        for each in judgements(400):
            read += 1
            yield each
            ahead.append(read - recorder.findings.counts.total())

    recorder.record(reading())
    assert len(items(HISTORY)) == 400
    # Eight batches are on their way, and one is being made.
    assert max(ahead) < 9 * 25


def test_a_resource_that_cannot_be_read_is_named_and_counted_and_keeps_its_verdict(
    recorder: Recorder, config: Config, items: Items, logged: Records
) -> None:
    recorder.record([judgement(0), Unreadable("arn:aws:s3:::0001", "AccessDenied"), judgement(2)])
    assert recorder.findings.unreadable == {"arn:aws:s3:::0001": "AccessDenied"}
    assert recorded(items) == ["0000", "0002"]
    assert [each.config_resource_id for each in config.batches[0]] == ["0000", "0002"]
    assert recorder.findings.errors == []
    (line,) = logged()
    assert (line["level"], line["message"]) == ("WARNING", "resource cannot be read")
    assert (line["resource_id"], line["error_code"]) == ("arn:aws:s3:::0001", "AccessDenied")


def test_a_batch_that_history_refuses_is_the_only_one_that_is_not_recorded(
    recorder: Recorder, config: Config, items: Items, verdicts: Records, refuse: Callable[..., None]
) -> None:
    refuse("BatchWriteItem", "AccessDeniedException", 30)
    recorder.record(judgements(75))
    expected = [f"{index:04}" for index in (*range(25), *range(50, 75))]
    assert recorded(items) == expected
    # Nothing is told, to anybody, that history does not hold.
    assert [item["config_resource_id"] for item in verdicts()] == expected
    assert [each.config_resource_id for each in config.batches[0]] == expected
    assert recorder.findings.counts == {"NON_COMPLIANT": 50}
    (error,) = recorder.findings.errors
    assert (error["step"], error["error_code"]) == ("history", "AccessDeniedException")


def test_an_item_that_stays_unprocessed_is_the_only_one_that_is_not_recorded(
    recorder: Recorder,
    config: Config,
    verdicts: Records,
    answer: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    left = {"PutRequest": {"Item": {"resource_id": {"S": "arn:aws:s3:::0001"}}}}
    answer("BatchWriteItem", *[{"UnprocessedItems": {HISTORY: [left]}}] * 6)
    recorder.record(judgements(4))
    expected = ["0000", "0002", "0003"]
    assert [item["config_resource_id"] for item in verdicts()] == expected
    assert [each.config_resource_id for each in config.batches[0]] == expected
    (error,) = recorder.findings.errors
    assert (error["step"], error["error_code"]) == ("history", "NotAcceptedError")


def test_a_write_that_state_refuses_is_the_only_one_that_is_not_made(
    recorder: Recorder, config: Config, items: Items, verdicts: Records, refuse: Callable[..., None]
) -> None:
    reasons = {"CancellationReasons": [{"Code": "None"}, {"Code": "ValidationError"}]}
    cancelled: Any = {"Error": {"Code": "TransactionCanceledException"}, **reasons}
    refuse("TransactWriteItems", ClientError(cancelled, "TransactWriteItems"), 1)
    refuse("PutItem", "ValidationException", 1)
    recorder.record(judgements(4))
    assert [item["config_resource_id"] for item in verdicts()] == ["0000", "0002", "0003"]
    assert recorded(items) == ["0000", "0001", "0002", "0003"]
    assert [len(batch) for batch in config.batches] == [4]
    findings = recorder.findings
    assert findings.transitions == 3
    assert sorted(findings.pending) == [f"arn:aws:s3:::{index:04}" for index in (0, 2, 3)]
    (error,) = findings.errors
    assert (error["step"], error["error_code"]) == ("state", "ValidationException")


def test_a_transaction_that_state_refuses_keeps_no_other_from_being_made(
    recorder: Recorder, config: Config, items: Items, verdicts: Records, refuse: Callable[..., None]
) -> None:
    refuse("TransactWriteItems", "AccessDeniedException", 1)
    recorder.record(judgements(150))
    assert len(items(HISTORY)) == 150
    assert len(verdicts()) == recorder.findings.transitions == 50
    assert [len(batch) for batch in config.batches] == [100, 50]
    assert [error["step"] for error in recorder.findings.errors] == ["state"]


def test_what_config_refuses_is_recorded_all_the_same_and_the_rest_is_told(
    recorder: Recorder, config: Config, items: Items, verdicts: Records
) -> None:
    config.error = ClientError({"Error": {"Code": "InternalError"}}, "PutEvaluations")
    recorder.record(judgements(101))
    assert len(items(HISTORY)) == len(verdicts()) == 101
    assert [len(batch) for batch in config.batches] == [100, 1]
    assert [(error["step"], error["error_code"]) for error in recorder.findings.errors] == [
        ("PutEvaluations", "InternalError")
    ] * 2


@pytest.mark.parametrize(
    "compliance_type", [ComplianceType.COMPLIANT, ComplianceType.NON_COMPLIANT]
)
def test_an_alert_is_pending_on_a_new_violation_and_on_one_that_is_no_more(
    recorder: Recorder, compliance_type: ComplianceType
) -> None:
    others = {ComplianceType.COMPLIANT, ComplianceType.NON_COMPLIANT} - {compliance_type}
    before = judgement(0, others.pop())
    recorder.known = {before.resource_id: verdict(before)}
    recorder.findings.pending = {}
    store(recorder, before)
    recorder.record([judgement(0, compliance_type)])
    (pending,) = recorder.findings.pending.values()
    assert (pending.compliance_type, pending.since) == (compliance_type.value, NOW)


def test_an_alert_that_an_earlier_run_left_pending_stays_so_when_nothing_changed(
    recorder: Recorder,
) -> None:
    left = verdict(judgement(0), alert_pending=True)
    recorder.known = {left.resource_id: left}
    recorder.findings.pending = {left.resource_id: left}
    recorder.record(judgements(1))
    assert recorder.findings.pending == {left.resource_id: left}


def test_where_a_newer_event_was_faster_the_alert_is_that_runs(recorder: Recorder) -> None:
    left = verdict(judgement(0, ComplianceType.COMPLIANT), alert_pending=True)
    recorder.known = {left.resource_id: left}
    recorder.findings.pending = {left.resource_id: left}
    store(recorder, judgement(0), LATER)
    recorder.record(judgements(1))
    assert recorder.findings.pending == {}
    assert recorder.findings.transitions == 0


def store(recorder: Recorder, judgement: Judgement, moment: str = EARLIER) -> None:
    """Lets a sweep of another time write a verdict."""
    run = replace(recorder.run, ordering_timestamp=moment)
    other = replace(recorder, run=run, findings=Findings(), known={}, answer=None)
    other.record([judgement])


def test_history_is_written_by_few_threads_and_state_by_the_runs_own(
    recorder: Recorder, aws: Aws
) -> None:
    writers: dict[str, set[threading.Thread]] = {"BatchWriteItem": set(), "PutItem": set()}
    writers["TransactWriteItems"] = set()

    def note(model: Any, **_: Any) -> None:
        writers[model.name].add(threading.current_thread())

    events = aws.client("dynamodb").meta.events
    events.register("before-call", note)
    try:
        recorder.record(judgements(200))
    finally:
        events.unregister("before-call", note)
    assert 1 <= len(writers["BatchWriteItem"]) <= 8
    assert threading.main_thread() not in writers["BatchWriteItem"]
    assert writers["TransactWriteItems"] == {threading.main_thread()}


def test_a_run_of_one_resource_needs_no_threads(recorder: Recorder, aws: Aws) -> None:
    recorder.concurrency = 1
    before = threading.active_count()
    counts: set[int] = set()

    def note(**_: Any) -> None:
        counts.add(threading.active_count())

    events = aws.client("dynamodb").meta.events
    events.register("before-call", note)
    try:
        recorder.record(judgements(1))
    finally:
        events.unregister("before-call", note)
    assert counts == {before}
