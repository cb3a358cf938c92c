"""Runs that meet: change events, sweeps, deletions, duplicates and crashes in any order.

Each invocation is a thread that stops at every call to AWS, and exactly one of them goes on at a
time, so that what Hypothesis chooses is what happens, and a failure shrinks to a short story.

**What must hold.** There is no single serial order to compare with, because a run judges what the
API says when it asks, not what was so at the event's time. What an observer may rely on is this,
once all deliveries have been worked on, the failed ones again until they succeeded:

- *State.* Let a resource have changed last at time t. If any event that looks at it has a time of t
  or later (the resource's own change event, or a sweep), the state table says of it what is true.
  Every event's work reads the world after the event's own time, so such an event saw the truth, and
  nothing that an older one saw may replace it. Each example ends with such an event for each
  resource: either all changes have events, or a sweep comes last, at the same time as all that is
  still under way.
- *History.* It holds one item for each change event, and one for each sweep and resource that was
  there as long as the sweep was; no item for anything that was never there; and each item's verdict
  was true at some moment of the event's work, or is the departure that the event itself told.
- *Alerts.* If the resource violates the rule, a digest has said so, with the time since when; if it
  did and no longer does, a digest after that one's time has said so too; and no mark is left.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Semaphore, Thread, current_thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from assay import evaluator
from assay.rules.ec2_tag_compliance import Ec2TagCompliance
from assay.timestamps import write_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS = Path(__file__).parents[2] / "events"
ARN = "arn:aws:ec2:us-east-1:123456789012:instance/"
RULE = "ec2-tag-compliance"
COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE = "COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"
FIRST, SECOND, THIRD = RESOURCES = [f"i-{number:017x}" for number in range(1, 4)]
THERE = {COMPLIANT, NON_COMPLIANT}
PAGE_SIZE = 2
RUNS_AT_ONCE = 3
# Of one invocation without interventions.
MOST_CALLS = 9
# More than a run can lose to others' haste, and to crashes.
MOST_ATTEMPTS = 8
INSTANCE = (
    "<item><instancesSet><item><instanceId>{}</instanceId>"
    "<instanceState><name>running</name></instanceState>"
    "<tagSet><item><key>Owner</key><value>{}</value></item></tagSet></item></instancesSet></item>"
)


@dataclass
class World:
    """The resources, and what has become of them.

    Attributes:
        now: The time, which goes on by a minute with each thing that happens.
        verdicts: Each resource's true verdicts with the time since when; none before it is there.
    """

    now: datetime = datetime(2026, 11, 23, tzinfo=UTC)
    verdicts: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def tick(self) -> str:
        """Returns a time that is later than all before."""
        self.now += timedelta(minutes=1)
        return write_timestamp(self.now)

    def change(self, resource: str, verdict: str) -> str:
        """Makes another verdict on a resource true, and returns when that was."""
        time = self.tick()
        self.verdicts.setdefault(resource, []).append((time, verdict))
        return time

    def true(self, resource: str) -> str | None:
        """Returns the true verdict on a resource, None before there is any."""
        return self.verdicts[resource][-1][1] if resource in self.verdicts else None

    def true_between(self, resource: str, first: str, last: str) -> set[str | None]:
        """Returns all that was true of a resource at some time of a span."""
        found: set[str | None] = set()
        before: str | None = None
        for time, verdict in self.verdicts.get(resource, []):
            if first < time <= last:
                found.add(verdict)
            if time <= first:
                before = verdict
        return found | {before}

    def describe(self, params: dict[str, Any]) -> bytes:
        """Answers DescribeInstances; a page goes on after the last resource of the one before."""
        there = [name for name in RESOURCES if self.true(name) in {COMPLIANT, NON_COMPLIANT}]
        token = ""
        if filters := params.get("Filters"):
            there = [name for name in there if name in filters[0]["Values"]]
        else:
            there = [name for name in there if name > params.get("NextToken", "")]
            if len(there) > PAGE_SIZE:
                there = there[:PAGE_SIZE]
                token = f"<nextToken>{there[-1]}</nextToken>"
        items = "".join(
            INSTANCE.format(name, "web" if self.true(name) == COMPLIANT else "") for name in there
        )
        answer = f"<Answer><reservationSet>{items}</reservationSet>{token}</Answer>"
        return answer.encode()


@dataclass
class Delivery:
    """An event that is to be worked on.

    Attributes:
        label: What it is.
        event: What a function is invoked with.
        time: Its ordering timestamp.
        resource: The resource of a change event, None for a sweep.
        deleted: Whether it tells that the resource was deleted.
        hurried: Whether each invocation has time for one page only.
        attempts: How often it has come.
    """

    label: str
    event: dict[str, Any]
    time: str
    resource: str | None = None
    deleted: bool = False
    hurried: bool = False
    attempts: int = 0


class Run(Thread):
    """One invocation, which stops before each call to AWS until it is told how to go on.

    Attributes:
        delivery: What it works on.
        at: The call that it has stopped at, None once it has ended.
        error: What ended it, None when it succeeded.
    """

    def __init__(self, delivery: Delivery, number: int) -> None:
        super().__init__(daemon=True)
        self.delivery = delivery
        self.label = f"run {number} ({delivery.label})"
        self.at: str | None = None
        self.error: BaseException | None = None
        self._order = ""
        self._go_on, self._stopped = Semaphore(0), Semaphore(0)
        self._number = number

    def run(self) -> None:
        """Invokes the evaluator."""
        context: Any = SimpleNamespace(
            aws_request_id=f"{self._number}-example",
            invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:interleavings",
            get_remaining_time_in_millis=lambda: 0 if self.delivery.hurried else 600_000,
        )
        try:
            evaluator.handler(self.delivery.event, context)
        except BaseException as error:  # noqa: BLE001 - its thread is nobody else's to end
            self.error = error
        self.at = None
        self._stopped.release()

    def begin(self) -> None:
        """Starts, and returns when it has stopped for the first time."""
        self.start()
        self._stopped.acquire()

    def go_on(self, order: str) -> None:
        """Makes the call (`go`), or is killed before or after it, and returns at the next stop."""
        self._order = order
        self._go_on.release()
        self._stopped.acquire()

    def stop_at(self, call: str) -> str:
        """Stops before a call, and returns the order that comes; called by the thread itself."""
        self.at = call
        self._stopped.release()
        self._go_on.acquire()
        return self._order


class Story:
    """One example: a world, what is to be delivered, and the invocations that are under way."""

    def __init__(self, network: Any, *, all_changes_have_events: bool) -> None:
        self.world = World()
        self.network = network
        self.all_changes_have_events = all_changes_have_events
        self.waiting: list[Delivery] = []
        self.running: list[Run] = []
        self.current: Run | None = None
        self.begun: dict[str, Delivery] = {}
        self.spans: dict[str, tuple[str, str]] = {}
        self.digests: list[dict[str, Any]] = []
        self.left = {"changes": 4, "sweeps": 2, "duplicates": 2, "crashes": 2}
        self._number = 0
        network.tamper = self._tamper

    def begin(self) -> None:
        """Begins with two resources, which a sweep is to look at."""
        self.world.change(FIRST, COMPLIANT)
        self.world.change(SECOND, NON_COMPLIANT)
        self.due()

    def intervene(self, choice: int) -> None:
        """Lets something happen that is not simply what comes next."""
        kinds = [kind for kind in self._kinds() if kind]
        if kinds:
            choice, kind = divmod(choice, len(kinds))
            options = kinds[kind]
            label = list(options)[choice % len(options)]
            note(label)
            options[label]()

    def go_on(self) -> bool:
        """Does what comes next; returns whether there was anything.

        What is to be delivered comes at once, and the invocations that it finds under way wait
        until it is done: the latest first.
        """
        if self.waiting and len(self.running) < RUNS_AT_ONCE:
            self._deliver(self.waiting[-1])
        elif self.running:
            self._move(self.current or self.running[-1], "makes")
        else:
            return False
        return True

    def due(self, *, hurried: bool = False) -> None:
        """Lets a sweep be due."""
        time = self.world.tick()
        event = {**_load("eventbridge-schedule"), "time": time}
        self.waiting.append(Delivery(f"sweep {_clock(time)}", event, time, hurried=hurried))

    def end(self) -> None:
        """Ends all threads."""
        for run in self.running:
            while run.at:
                run.go_on("is killed before")

    def _kinds(self) -> Iterator[dict[str, Callable[[], object]]]:
        # Most of what happens to one resource happens to the others as well, but rarely together.
        yield self._changes([SECOND])
        yield self._changes([FIRST, THIRD])
        yield {
            f"{run.label} makes {run.at}": partial(self._move, run, "makes")
            for run in self.running
            if run is not self.current
        }
        if self.left["sweeps"]:
            yield {
                "a sweep is due": partial(self._be_due, hurried=False),
                "a sweep is due that needs several invocations": partial(
                    self._be_due, hurried=True
                ),
            }
        if self.left["crashes"]:
            yield {
                f"{run.label} {order} {run.at}": partial(self._crash, run, order)
                for run in self.running
                for order in ("is killed before", "is killed after")
            }
        if self.left["duplicates"]:
            yield {
                f"{delivery.label} is sent again": partial(self._duplicate, delivery)
                for delivery in self.begun.values()
            }

    def _changes(self, resources: list[str]) -> dict[str, Callable[[], object]]:
        if not self.left["changes"]:
            return {}
        following = {
            None: (COMPLIANT, NON_COMPLIANT),
            COMPLIANT: (NON_COMPLIANT, NOT_APPLICABLE),
            NON_COMPLIANT: (COMPLIANT, NOT_APPLICABLE),
            NOT_APPLICABLE: (),
        }
        ways: dict[str, Callable[[str, str], object]] = {"": self._change}
        if not self.all_changes_have_events:
            ways |= {
                " without an event": self._change_silently,
                " without an event, just before a sweep": self._change_before_a_sweep,
            }
        return {
            f"{resource} becomes {verdict}{way}": partial(change, resource, verdict)
            for resource in resources
            for verdict in following[self.world.true(resource)]
            for way, change in ways.items()
        }

    def _move(self, run: Run, order: str) -> None:
        note(f"{run.label} {order} {run.at}")
        self.current = run
        run.go_on(order)
        self._look_after(run)

    def _crash(self, run: Run, order: str) -> None:
        self.left["crashes"] -= 1
        self._move(run, order)

    def _deliver(self, delivery: Delivery) -> None:
        self.waiting.remove(delivery)
        delivery.attempts += 1
        assert delivery.attempts <= MOST_ATTEMPTS, f"{delivery.label} never succeeds"
        self._number += 1
        self.begun.setdefault(delivery.time, delivery)
        note(f"{delivery.label} comes")
        now = self.world.tick()
        self.spans.setdefault(delivery.time, (now, now))
        run = self.current = Run(delivery, self._number)
        self.running.append(run)
        run.begin()
        self._look_after(run)

    def _look_after(self, run: Run) -> None:
        if run.at is not None:
            return
        self.running.remove(run)
        self.current = None
        first, _ = self.spans[run.delivery.time]
        self.spans[run.delivery.time] = (first, self.world.tick())
        if run.error is not None:
            # As Lambda and SQS do; after the last attempt it is the dead-letter queue's turn.
            self.waiting.append(run.delivery)

    def _duplicate(self, delivery: Delivery) -> None:
        self.left["duplicates"] -= 1
        self.waiting.append(replace(delivery, label=f"{delivery.label} again", attempts=0))

    def _be_due(self, *, hurried: bool) -> None:
        self.left["sweeps"] -= 1
        self.due(hurried=hurried)

    def _change_silently(self, resource: str, verdict: str) -> str:
        self.left["changes"] -= 1
        return self.world.change(resource, verdict)

    def _change_before_a_sweep(self, resource: str, verdict: str) -> None:
        self._change_silently(resource, verdict)
        self.due()

    def _change(self, resource: str, verdict: str) -> None:
        time = self._change_silently(resource, verdict)
        deleted = verdict == NOT_APPLICABLE
        event = _load("config-deleted" if deleted else "config-change")
        invoking = json.loads(event["invokingEvent"])
        invoking["configurationItem"] |= {
            "resourceId": resource,
            "ARN": f"{ARN}{resource}",
            "configurationItemCaptureTime": time,
        }
        event["invokingEvent"] = json.dumps(invoking)
        self.waiting.append(Delivery(f"change {_clock(time)}", event, time, resource, deleted))

    def _tamper(self, sending: Any) -> Any:
        run = current_thread()
        assert isinstance(run, Run)
        order = run.stop_at(sending.call.name)
        if order == "is killed before":
            self._kill(sending)
        answer = self._answer(sending, run)
        if order == "is killed after":
            self._kill(sending)
        return answer

    def _kill(self, sending: Any) -> None:
        try:
            sending.kill()
        finally:
            # The other invocations are processes of their own.
            self.network.killed = False

    def _answer(self, sending: Any, run: Run) -> Any:
        call = sending.call
        if call.name == "ec2:DescribeInstances":
            return sending.answer(self.world.describe(call.params))
        if call.name == "sns:Publish":
            self.digests.append(json.loads(json.loads(call.params["Message"])["sqs"]))
            return sending.answer(b"<Answer><PublishResult/></Answer>")
        if call.name == "sqs:SendMessage":
            event = {"Records": [{"eventSource": "aws:sqs", "body": call.params["MessageBody"]}]}
            rest = replace(
                run.delivery, label=f"rest of {run.delivery.label}", event=event, attempts=0
            )
            self.waiting.append(rest)
            return sending.answer(b"{}")
        if call.name == "config:PutEvaluations":
            return sending.answer(b"{}")
        return sending.deliver()


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return loaded


def _clock(time: str) -> str:
    return time[11:16]


def check(story: Story, tables: Any) -> None:
    """Compares what the tables hold, and what was told, with what the world was like."""
    world = story.world
    standing = {
        item["resource_id"].removeprefix(ARN): item
        for item in tables.items("compliance-state")
        if item["rule_name"] == RULE
    }
    assert standing.keys() <= world.verdicts.keys()
    for resource in world.verdicts:
        changed_at, verdict = world.verdicts[resource][-1]
        assert any(
            delivery.time >= changed_at and delivery.resource in {resource, None}
            for delivery in story.begun.values()
        ), "the example tells nothing of this resource"
        # What came and went unseen need not stand anywhere.
        unseen = {"compliance_type": NOT_APPLICABLE}
        assert standing.get(resource, unseen)["compliance_type"] == verdict, resource
    _check_history(story, tables)
    _check_alerts(story, standing)


def _check_history(story: Story, tables: Any) -> None:
    world = story.world
    recorded = {
        (
            item["resource_id"].removeprefix(ARN),
            item["evaluation_timestamp"].removesuffix(f"#{RULE}"),
        ): item["compliance_type"]
        for item in tables.items("compliance-history")
    }
    assert {time for _, time in recorded} <= story.spans.keys()
    for time, delivery in story.begun.items():
        first, last = story.spans[time]
        found = {resource for resource, at in recorded if at == time}
        if delivery.resource is not None:
            assert found == {delivery.resource}
        else:
            there = {name for name in RESOURCES if world.true_between(name, first, last) <= THERE}
            assert there <= found <= world.verdicts.keys()
        for resource in found:
            true = world.true_between(resource, first, last)
            if delivery.deleted:
                true |= {NOT_APPLICABLE}
            assert recorded[resource, time] in true


def _check_alerts(story: Story, standing: dict[str, dict[str, Any]]) -> None:
    told: dict[str, set[tuple[str, str]]] = {"new_violations": set(), "resolved": set()}
    for digest in story.digests:
        for kind, entries in told.items():
            entries |= {
                (entry["resource_id"].removeprefix(ARN), entry["since"]) for entry in digest[kind]
            }
    for resource, verdict in standing.items():
        assert not verdict.get("alert_pending"), resource
        if verdict["compliance_type"] == NON_COMPLIANT:
            assert (resource, verdict["since"]) in told["new_violations"]
            continue
        for name, since in told["new_violations"]:
            if name == resource:
                assert any(
                    other == resource and later >= since for other, later in told["resolved"]
                ), f"nobody heard that {resource} violates the rule no more"


@pytest.fixture(scope="module")
def _environment() -> Iterator[None]:
    variables = {
        "RULE_CLASS": Ec2TagCompliance.reference(),
        "RULE_NAME": RULE,
        "RULE_PARAMETERS": '{"requiredTags":"{\\"Owner\\":[]}"}',
        "RULE_SEVERITY": "medium",
        "DYNAMODB_TABLE": "compliance-history",
        "STATE_TABLE": "compliance-state",
        "SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:compliance-alerts",
        "HISTORY_RETENTION_DAYS": "365",
        "ENVIRONMENT_SUFFIX": "dev",
        "CONTINUATION_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/example",
        # Without threads of its own, a run stops at one call at a time.
        "MAXIMUM_CONCURRENCY": "1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@pytest.mark.usefixtures("_environment")
@pytest.mark.parametrize("all_changes_have_events", [True, False])
@settings(
    max_examples=100,
    derandomize=True,
    database=None,
    suppress_health_check=[*HealthCheck],
)
@given(
    interventions=st.lists(
        st.tuples(st.integers(0, MOST_CALLS), st.integers(0, 400)), min_size=1, max_size=9
    )
)
def test_runs_that_meet_end_with_the_truth(
    network: Any,
    tables: Any,
    all_changes_have_events: bool,
    interventions: list[tuple[int, int]],
) -> None:
    network.reset()
    tables.put_back(tables.nothing)
    story = Story(network, all_changes_have_events=all_changes_have_events)
    story.begin()
    try:
        while story.go_on():
            pass
        for steps, choice in interventions:
            for _ in range(steps):
                story.go_on()
            story.intervene(choice)
        if not all_changes_have_events:
            story.due()
        while story.go_on():
            pass
    finally:
        story.end()
    check(story, tables)
