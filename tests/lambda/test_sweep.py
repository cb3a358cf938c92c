from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from assay.aws import Aws
from assay.events import Trigger
from assay.judging import Judge
from assay.recording import Recorder
from assay.rule import (
    ComplianceType,
    Evaluation,
    Page,
    Parameters,
    Resource,
    ResourceGoneError,
    Rule,
    Severity,
)
from assay.run import GONE, Findings, Judgement, Run
from assay.state import Verdict
from assay.summaries import digest
from assay.sweep import Position, Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

AWS = Aws(partition="aws", region="us-east-1", account_id="123456789012")
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RUN = Run(
    rule_name="queue-compliance",
    resource_type="AWS::SQS::Queue",
    severity=Severity.LOW,
    run_id="8f507cfc-example",
    trigger=Trigger.EVENTBRIDGE_SCHEDULE,
    ordering_timestamp="2026-11-23T06:00:00.000000Z",
    expires_at=1_800_000_000,
)
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListQueues")


class QueueRule(Rule[Parameters, Resource]):
    """Lists what it is given, in pages, whose tokens are their numbers.

    Attributes:
        pages: The pages; an exception is one that cannot be listed.
        existing: What `named` knows; an exception is raised in its place.
        listed: The tokens that were asked for.
        asked: The ids that were asked for.
    """

    name = "queue-compliance"
    resource_type = "AWS::SQS::Queue"
    id_pattern = r"[a-z0-9-]+"
    arn_format = "arn:{partition}:sqs:{region}:{account}:{id}"

    def __init__(self, *pages: Sequence[str] | Exception) -> None:
        self.pages = list(pages)
        self.existing: set[str] | Exception = set()
        self.listed: list[str | None] = []
        self.asked: list[list[str]] = []

    def page(self, aws: Aws, token: str | None) -> Page[Resource]:
        """Lists a page."""
        self.listed.append(token)
        number = int(token or 0)
        page = self.pages[number]
        if isinstance(page, Exception):
            raise page
        following = number + 1
        resources = [Resource(self.arn(aws, name), name) for name in page]
        return Page(resources, str(following) if following < len(self.pages) else None)

    def named(self, aws: Aws, ids: Collection[str]) -> Iterator[Resource]:
        """Finds those that exist."""
        self.asked.append(sorted(ids))
        if isinstance(self.existing, Exception):
            raise self.existing
        for name in sorted(self.existing.intersection(ids)):
            yield Resource(self.arn(aws, name), name)

    def evaluate(self, resource: Resource, parameters: Parameters, now: datetime) -> Evaluation:
        """Finds everything right."""
        del resource, parameters
        assert now == NOW
        return Evaluation.compliant("Fine.")


class ReadRule(QueueRule):
    """Reads each queue further, of which some are gone or closed by then."""

    gone: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    def complete(self, aws: Aws, resource: Resource) -> Resource:
        """Reads a queue."""
        del aws
        if resource.config_resource_id in self.gone:
            raise ResourceGoneError(resource.resource_id)
        if resource.config_resource_id in self.closed:
            raise DENIED
        return resource


@dataclass
class Tables:
    """History and state, which refuse nothing unless they are told to.

    Attributes:
        recorded: What is in history.
        error: What history says to everything.
    """

    recorded: list[Judgement] = field(default_factory=list)
    error: Exception | None = None

    def record(
        self, run: Run, batch: Sequence[Judgement]
    ) -> tuple[Sequence[Judgement], Exception | None]:
        """Writes history."""
        assert run == RUN
        if self.error:
            return [], self.error
        self.recorded += batch
        return batch, None

    def change(self, run: Run, changes: Sequence[Any]) -> tuple[list[Any], Exception | None]:
        """Writes state."""
        assert run == RUN
        assert changes
        return [], None


@dataclass
class Segment:
    """One invocation's part of a sweep, and what it found."""

    sweep: Sweep
    recorder: Recorder
    findings: Findings


def known(name: str, annotation: str = "Fine.", moment: str = "2026-11-23T00:00:00Z") -> Verdict:
    arn = name if ":" in name else QueueRule.arn(AWS, name)
    return Verdict(
        rule_name="queue-compliance",
        resource_id=arn,
        resource_type="AWS::SQS::Queue",
        config_resource_id=name,
        compliance_type="COMPLIANT",
        annotation=annotation,
        severity="low",
        since=moment,
        ordering_timestamp=moment,
    )


def go(
    rule: QueueRule,
    tables: Tables,
    *before: Verdict,
    position: Position | None = None,
    seen_before: Collection[int] = (),
    is_late: Callable[[], bool] = lambda: False,
) -> Segment:
    """Lets a sweep go as far as it can."""
    findings = Findings()
    fake: Any = tables
    recorder = Recorder(
        RUN,
        fake,
        fake,
        findings,
        known={verdict.resource_id: verdict for verdict in before},
        seen_before=set(seen_before),
        answer=None,
        concurrency=1,
    )
    judge = Judge(rule, Parameters(), AWS, NOW)
    sweep = Sweep(judge, recorder, findings, position or Position(), is_late)
    sweep.go()
    return Segment(sweep, recorder, findings)


def late_at(*looks: int) -> Callable[[], bool]:
    """Is late when it is asked for the given times."""
    asked = count()
    return lambda: next(asked) in looks


def names(tables: Tables) -> list[str]:
    return [judgement.config_resource_id for judgement in tables.recorded]


def retired(tables: Tables) -> list[str]:
    return [
        judgement.config_resource_id
        for judgement in tables.recorded
        if (judgement.compliance_type, judgement.annotation)
        == (ComplianceType.NOT_APPLICABLE, GONE)
    ]


def queues(number: int, prefix: str = "q") -> list[str]:
    return [f"{prefix}-{index:03}" for index in range(number)]


@pytest.fixture
def tables() -> Tables:
    """Empty tables."""
    return Tables()


def test_a_sweep_with_time_goes_through_every_page(tables: Tables) -> None:
    rule = QueueRule(["a", "b"], [], ["c"])
    segment = go(rule, tables)
    assert segment.sweep.finished
    assert rule.listed == [None, "1", "2"]
    assert names(tables) == ["a", "b", "c"]
    assert segment.findings.errors == []


def test_nothing_to_list_is_a_finished_sweep(tables: Tables) -> None:
    segment = go(QueueRule([]), tables)
    assert segment.sweep.finished
    assert names(tables) == []


def test_what_was_not_listed_is_asked_for_and_then_retired(tables: Tables) -> None:
    rule = QueueRule(["a"])
    segment = go(rule, tables, known("a"), known("gone"), known("lost"))
    assert segment.sweep.finished
    assert rule.asked == [["gone", "lost"]]
    assert retired(tables) == ["gone", "lost"]
    assert tables.recorded[1] == Judgement(
        QueueRule.arn(AWS, "gone"), "gone", ComplianceType.NOT_APPLICABLE, GONE
    )


def test_nobody_is_asked_for_what_was_listed(tables: Tables) -> None:
    rule = QueueRule(["a"])
    assert go(rule, tables, known("a")).sweep.finished
    assert rule.asked == []


def test_what_a_shifting_listing_has_skipped_is_judged_and_not_retired(tables: Tables) -> None:
    rule = QueueRule(["a"], ["c"])
    rule.existing = {"b"}
    segment = go(rule, tables, *map(known, "abcd"))
    assert names(tables) == ["a", "c", "b", "d"]
    assert retired(tables) == ["d"]
    assert segment.findings.counts == {"COMPLIANT": 3, "NOT_APPLICABLE": 1}


def test_what_is_retired_stays_so_without_a_word(tables: Tables) -> None:
    rule = QueueRule([])
    segment = go(rule, tables, known("gone", GONE))
    assert segment.sweep.finished
    assert (rule.asked, tables.recorded) == ([], [])


def test_what_this_very_sweep_retired_before_it_was_repeated_is_retired_again(
    tables: Tables,
) -> None:
    go(QueueRule([]), tables, known("gone", GONE, RUN.ordering_timestamp))
    assert retired(tables) == ["gone"]


def test_a_retired_resource_that_is_back_is_judged(tables: Tables) -> None:
    go(QueueRule(["back"]), tables, known("back", GONE))
    assert (names(tables), retired(tables)) == (["back"], [])


def test_an_arn_that_is_not_one_of_the_rules_any_more_is_retired_unasked(tables: Tables) -> None:
    rule = QueueRule([])
    go(rule, tables, known("arn:aws:sqs:eu-west-1:123456789012:old"), known("gone"))
    assert rule.asked == [["gone"]]
    assert len(retired(tables)) == 2


def test_a_page_that_fails_ends_the_sweep_after_what_came_before_and_retires_nothing(
    tables: Tables,
) -> None:
    rule = QueueRule(["a"], ["b"], DENIED, ["d"])
    segment = go(rule, tables, known("gone"))
    assert names(tables) == ["a", "b"]
    assert not segment.sweep.finished
    assert rule.asked == []
    (error,) = segment.findings.errors
    assert (error["step"], error["error_code"]) == ("listing", "AccessDenied")
    assert segment.findings.failure is DENIED


def test_a_first_page_that_fails_records_and_retires_nothing(tables: Tables) -> None:
    segment = go(QueueRule(DENIED), tables, known("gone"))
    assert tables.recorded == []
    assert not segment.sweep.finished


def test_what_could_not_be_recorded_has_not_vanished(tables: Tables) -> None:
    tables.error = DENIED
    rule = QueueRule(["a"], ["b"])
    segment = go(rule, tables, known("a"), known("gone"))
    assert rule.listed == [None, "1"]
    assert rule.asked == []
    assert not segment.sweep.finished
    assert {error["step"] for error in segment.findings.errors} == {"history"}


def test_a_resource_that_cannot_be_read_has_not_vanished(tables: Tables) -> None:
    rule = ReadRule(["a", "closed"])
    rule.closed = ("closed",)
    segment = go(rule, tables, known("a"), known("closed"))
    assert segment.sweep.finished
    assert (names(tables), rule.asked) == (["a"], [])
    assert segment.findings.unreadable == {QueueRule.arn(AWS, "closed"): "AccessDenied"}


def test_a_resource_that_was_skipped_and_cannot_be_read_has_not_vanished(tables: Tables) -> None:
    rule = ReadRule([])
    rule.existing, rule.closed = {"closed"}, ("closed",)
    segment = go(rule, tables, known("closed"), known("gone"))
    assert retired(tables) == ["gone"]
    assert segment.findings.unreadable == {QueueRule.arn(AWS, "closed"): "AccessDenied"}


def test_a_resource_that_is_deleted_while_it_is_read_is_retired_by_the_same_sweep(
    tables: Tables,
) -> None:
    rule = ReadRule(["a", "gone"])
    rule.gone = ("gone",)
    go(rule, tables, known("a"), known("gone"))
    assert names(tables) == ["a", "gone"]
    assert retired(tables) == ["gone"]


def test_vanished_resources_are_asked_for_in_hundreds(tables: Tables) -> None:
    rule = QueueRule([])
    segment = go(rule, tables, *map(known, queues(201)))
    assert segment.sweep.finished
    assert [len(asked) for asked in rule.asked] == [100, 100, 1]
    assert retired(tables) == queues(201)


def test_what_cannot_be_asked_for_is_not_retired(tables: Tables) -> None:
    rule = QueueRule(["a"])
    rule.existing = DENIED
    segment = go(rule, tables, known("gone"))
    assert names(tables) == ["a"]
    assert not segment.sweep.finished
    assert [error["step"] for error in segment.findings.errors] == ["listing"]


def test_a_late_sweep_stops_before_the_next_page(tables: Tables) -> None:
    rule = QueueRule(["a", "b"], ["c"], ["d"])
    segment = go(rule, tables, known("gone"), is_late=late_at(1))
    assert names(tables) == ["a", "b", "c"]
    assert segment.sweep.position == Position("2", 0, listed=False)
    assert not segment.sweep.finished
    assert segment.findings.errors == []
    # Only the last segment knows what has vanished.
    assert rule.asked == []


def test_a_late_sweep_stops_within_a_page(tables: Tables) -> None:
    rule = QueueRule(["a"], queues(80))
    # It looks before the second page, and after each 25 resources.
    segment = go(rule, tables, is_late=late_at(2))
    assert names(tables) == ["a", *queues(49)]
    assert segment.sweep.position == Position("1", 49, listed=False)


def test_a_sweep_that_is_always_late_goes_on_all_the_same(tables: Tables) -> None:
    segment = go(QueueRule(queues(80)), tables, is_late=lambda: True)
    assert names(tables) == queues(25)
    assert segment.sweep.position == Position(None, 25, listed=False)
    segment = go(QueueRule(["a"], ["b"]), tables, is_late=lambda: True)
    assert segment.sweep.position == Position("1", 0, listed=False)


def test_a_segment_goes_on_where_the_one_before_ended(tables: Tables) -> None:
    rule = QueueRule(["a"], queues(80), ["z"])
    segment = go(rule, tables, position=Position("1", 49))
    assert segment.sweep.finished
    assert rule.listed == ["1", "2"]
    assert names(tables) == [*queues(80)[49:], "z"]


def test_a_page_that_has_become_shorter_since_is_done(tables: Tables) -> None:
    rule = QueueRule(["a"], ["b"])
    segment = go(rule, tables, position=Position(None, 5))
    assert segment.sweep.finished
    assert names(tables) == ["b"]


def test_what_segments_before_have_seen_has_not_vanished(tables: Tables) -> None:
    rule = QueueRule(["a"], ["b"])
    seen = {digest(QueueRule.arn(AWS, "a"))}
    go(rule, tables, *map(known, "abc"), position=Position("1"), seen_before=seen)
    assert names(tables) == ["b", "c"]
    assert rule.asked == [["c"]]


def test_a_late_sweep_stops_between_two_hundreds_of_vanished_resources(tables: Tables) -> None:
    before = [*map(known, queues(201))]
    rule = QueueRule(["a"])
    segment = go(rule, tables, *before, is_late=late_at(0))
    assert retired(tables) == queues(100)
    assert segment.sweep.position == Position(None, 0, listed=True)
    assert not segment.sweep.finished
    last = go(
        rule, tables, *before, position=Position(listed=True), seen_before=segment.recorder.seen
    )
    assert last.sweep.finished
    assert rule.listed == [None]
    assert retired(tables) == queues(201)


def test_a_late_sweep_makes_sure_of_its_first_vanished_resources(tables: Tables) -> None:
    segment = go(
        QueueRule([]), tables, known("gone"), position=Position(listed=True), is_late=lambda: True
    )
    assert segment.sweep.finished
    assert retired(tables) == ["gone"]


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=5),
    st.integers(0, 250),
    st.lists(st.booleans(), max_size=40),
)
def test_in_segments_of_any_length_each_resource_is_recorded_once(
    sizes: list[int], vanished: int, looks: list[bool]
) -> None:
    pages = [queues(size, f"p{number}") for number, size in enumerate(sizes)]
    rule, tables = QueueRule(*pages), Tables()
    before = [known(name) for page in pages for name in page[::2]]
    before += map(known, queues(vanished, "gone"))
    left = iter(looks)
    position, seen, segments = Position(), set[int](), 0
    while True:
        segment = go(
            rule,
            tables,
            *before,
            position=replace(position),
            seen_before=seen,
            is_late=lambda: next(left, True),
        )
        segments += 1
        assert segment.findings.errors == []
        assert seen.isdisjoint(segment.recorder.seen)
        seen |= segment.recorder.seen
        position = segment.sweep.position
        if segment.sweep.finished:
            break
    listed = [name for page in pages for name in page]
    assert names(tables) == [*listed, *queues(vanished, "gone")]
    assert retired(tables) == queues(vanished, "gone")
    # At least 25 resources, a page, or 100 vanished resources each.
    assert segments <= sum(size // 25 + 1 for size in sizes) + vanished // 100 + 1
