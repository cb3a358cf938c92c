"""Every AWS call that the functions make, times everything that can go wrong with it.

The calls that a run makes without any fault stand in `Scenario.calls`, and a test fails when a run
makes others. Each call, the first and the last of its name, times each fault is one row. A row
seeds a world with an earlier sweep, changes the world, invokes a function while the fault strikes,
tries again as Lambda and SQS do, ends the fault, lets the next scheduled sweep come, sends what lay
in the dead-letter queue once more, and then checks that nothing was lost, doubled or made up.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from moto.ec2 import ec2_backends

from assay import evaluator, report_aggregator, rules
from assay.aws import error_code
from assay.timestamps import read_timestamp, write_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from types import ModuleType

EVENTS = Path(__file__).parents[2] / "events"
ACCOUNT, REGION = "123456789012", "us-east-1"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fault-matrix"
CONTEXT: Any = SimpleNamespace(
    aws_request_id="8f507cfc-example",
    invoked_function_arn=FUNCTION_ARN,
    get_remaining_time_in_millis=lambda: 600_000,
)
HISTORY, STATE = "compliance-history", "compliance-state"
REPORTS_BUCKET = "compliance-reports"
REPORT_SUFFIXES = (".json", ".csv")
# Small enough for several pages.
PAGE_SIZES = {
    "ec2:DescribeInstances": {"MaxResults": 2},
    "rds:DescribeDBInstances": {"MaxRecords": 2},
}
PARAMETERS = {"ec2-tag-compliance": '{"requiredTags":"{\\"Owner\\":[]}"}'}
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/example-continuations"

COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE = "COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"
BEFORE, NOW, NEXT = (f"2026-11-23T{hour}:00:00Z" for hour in ("00", "06", "12"))
CHANGED = "2026-11-23T05:11:12.345Z"


# What goes wrong -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        strike: What happens to an attempt.
        lasts: `once` is the first attempt at one call; `invocation` is all attempts at this call
            and at later ones of its name in the same invocation; `outage` goes on until the event
            lies in the dead-letter queue; `alike` too, but where the call reads one resource, only
            reading that resource fails.
        code: What the failure of an attempt is called, None where that can differ.
    """

    strike: Callable[[Any], Any]
    lasts: str
    code: Callable[[Any], str] | None = None


# What each service answers, as status and error code.
THROTTLED = {
    "config": (400, "ThrottlingException"),
    "dynamodb": (400, "ThrottlingException"),
    "ec2": (503, "RequestLimitExceeded"),
    "rds": (400, "Throttling"),
    "s3": (503, "SlowDown"),
    "sns": (400, "Throttling"),
    "sqs": (400, "RequestThrottled"),
}
DENIED = {
    "config": (400, "AccessDeniedException"),
    "dynamodb": (400, "AccessDeniedException"),
    "ec2": (403, "UnauthorizedOperation"),
    "rds": (403, "AccessDenied"),
    "s3": (403, "AccessDenied"),
    "sns": (403, "AuthorizationError"),
    "sqs": (400, "AccessDeniedException"),
}
FAILED = {
    "config": (500, "InternalFailure"),
    "dynamodb": (500, "InternalServerError"),
    "ec2": (500, "InternalError"),
    "rds": (500, "InternalFailure"),
    "s3": (500, "InternalError"),
    "sns": (500, "InternalError"),
    "sqs": (500, "InternalFailure"),
}


def _refused(answers: Mapping[str, tuple[int, str]], lasts: str) -> Fault:
    return Fault(
        lambda sending: sending.refuse(*answers[sending.call.service]),
        lasts,
        lambda sending: answers[sending.call.service][1],
    )


def _kill_before(sending: Any) -> None:
    sending.kill()


def _kill_after(sending: Any) -> None:
    sending.deliver()
    sending.kill()


FAULTS = {
    "throttled-once": _refused(THROTTLED, "once"),
    "throttled-always": _refused(THROTTLED, "outage"),
    "access-denied": _refused(DENIED, "alike"),
    "http-500": _refused(FAILED, "invocation"),
    "reset-once": Fault(lambda sending: sending.reset(), "once"),
    "reset-always": Fault(
        lambda sending: sending.reset(), "invocation", lambda _: "ConnectionClosedError"
    ),
    "timeout-once": Fault(lambda sending: sending.time_out(), "once"),
    "timeout-always": Fault(
        lambda sending: sending.time_out(), "outage", lambda _: "ReadTimeoutError"
    ),
    "cut-once": Fault(lambda sending: sending.cut(), "once"),
    "cut-always": Fault(lambda sending: sending.cut(), "invocation"),
    "crash-before": Fault(_kill_before, "once"),
    "crash-after": Fault(_kill_after, "once"),
}
# What assay.aws asks of botocore: six more after the first, and none where a message would be sent
# again.
ATTEMPTS = {"sqs": 1}
OTHER_ATTEMPTS = 7


# What the functions do -----------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario:
    """One way to use a function.

    Attributes:
        rule: The rule that is evaluated.
        event: What the function is invoked with.
        calls: How often it makes each call when nothing goes wrong.
        judged: The resources that it judges, by their names in the world.
        reports_to_config: Whether AWS Config is told.
        calls_in_time: How many calls an invocation makes before its time is nearly up.
        unreadable: Calls that read one resource, whose failure makes it unreadable.
        function: The function's module.
        time: The event's time.
        next_event: What comes next, by schedule.
    """

    rule: str
    event: Callable[[World], dict[str, Any]]
    calls: Mapping[str, int]
    judged: tuple[str, ...] = ("broken", "fine", "gone", "lost", "mended", "new", "still")
    reports_to_config: bool = False
    calls_in_time: int | None = None
    unreadable: tuple[str, ...] = ()
    function: ModuleType = evaluator
    time: str = NOW
    next_event: dict[str, Any] = field(default_factory=lambda: _schedule(NEXT))


@dataclass(frozen=True)
class World:
    """The resources of one rule, after they have changed and before it is known.

    Attributes:
        ids: AWS Config's id of each resource, by the resource's name here.
        arns: The ARNs.
        items: What the tables hold.
        answers: What AWS answers about the resources.
    """

    ids: Mapping[str, str]
    arns: Mapping[str, str]
    items: Mapping[str, Any] = field(default_factory=dict)
    answers: dict[Any, Any] = field(default_factory=dict)


# The verdict that each resource had at the earlier sweep, and the one that it deserves now.
VERDICTS = {
    "broken": (COMPLIANT, NON_COMPLIANT),
    "fine": (COMPLIANT, COMPLIANT),
    "gone": (COMPLIANT, NOT_APPLICABLE),
    "lost": (NON_COMPLIANT, NOT_APPLICABLE),
    "mended": (NON_COMPLIANT, COMPLIANT),
    "new": (None, NON_COMPLIANT),
    "still": (NON_COMPLIANT, NON_COMPLIANT),
}


def _schedule(time: str) -> dict[str, Any]:
    return {**_load("eventbridge-schedule"), "time": time}


def _config_schedule(time: str) -> dict[str, Any]:
    event = _load("config-scheduled")
    invoking = {**json.loads(event["invokingEvent"]), "notificationCreationTime": time}
    return {**event, "invokingEvent": json.dumps(invoking)}


def _reminder(time: str) -> dict[str, Any]:
    return {"detail-type": "Assay Reminder", "source": "assay", "time": time}


def _change(name: str, resource: str, world: World) -> dict[str, Any]:
    event = _load(name)
    invoking = json.loads(event["invokingEvent"])
    invoking["configurationItem"] |= {
        "resourceId": world.ids[resource],
        "ARN": world.arns[resource],
    }
    return {**event, "invokingEvent": json.dumps(invoking)}


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return loaded


SCENARIOS = {
    "ec2-sweep": Scenario(
        rule="ec2-tag-compliance",
        event=lambda _: _schedule(NOW),
        calls={
            "dynamodb:Query": 1,
            "ec2:DescribeInstances": 4,
            "dynamodb:BatchWriteItem": 2,
            "dynamodb:TransactWriteItems": 3,
            "sns:Publish": 1,
            "dynamodb:PutItem": 2,
            "dynamodb:GetItem": 1,
        },
    ),
    "s3-sweep": Scenario(
        rule="s3-encryption-compliance",
        event=lambda _: _schedule(NOW),
        calls={
            "dynamodb:Query": 1,
            "s3:ListBuckets": 3,
            "s3:GetBucketEncryption": 5,
            "dynamodb:BatchWriteItem": 2,
            "dynamodb:TransactWriteItems": 3,
            "sns:Publish": 1,
            "dynamodb:PutItem": 2,
            "dynamodb:GetItem": 1,
        },
        unreadable=("s3:GetBucketEncryption",),
    ),
    "rds-sweep": Scenario(
        rule="rds-backup-compliance",
        event=lambda _: _schedule(NOW),
        calls={
            "dynamodb:Query": 1,
            "rds:DescribeDBInstances": 5,
            "dynamodb:BatchWriteItem": 2,
            "dynamodb:TransactWriteItems": 3,
            "sns:Publish": 1,
            "dynamodb:PutItem": 2,
            "dynamodb:GetItem": 1,
        },
    ),
    "config-sweep": Scenario(
        rule="ec2-tag-compliance",
        event=lambda _: _config_schedule(NOW),
        next_event=_config_schedule(NEXT),
        calls={
            "dynamodb:Query": 1,
            "ec2:DescribeInstances": 4,
            "dynamodb:BatchWriteItem": 2,
            "dynamodb:TransactWriteItems": 3,
            "config:PutEvaluations": 2,
            "sns:Publish": 1,
            "dynamodb:PutItem": 2,
            "dynamodb:GetItem": 1,
        },
        reports_to_config=True,
    ),
    "change": Scenario(
        rule="ec2-tag-compliance",
        event=partial(_change, "config-change", "broken"),
        time=CHANGED,
        calls={
            "dynamodb:GetItem": 2,
            "ec2:DescribeInstances": 1,
            "dynamodb:BatchWriteItem": 1,
            "dynamodb:PutItem": 2,
            "config:PutEvaluations": 1,
            "sns:Publish": 1,
            "dynamodb:UpdateItem": 1,
        },
        judged=("broken",),
        reports_to_config=True,
    ),
    "deletion": Scenario(
        rule="ec2-tag-compliance",
        event=partial(_change, "config-deleted", "lost"),
        time=CHANGED,
        calls={
            "dynamodb:GetItem": 2,
            "dynamodb:BatchWriteItem": 1,
            "dynamodb:PutItem": 2,
            "config:PutEvaluations": 1,
            "sns:Publish": 1,
            "dynamodb:UpdateItem": 1,
        },
        judged=("lost",),
        reports_to_config=True,
    ),
    "continuation": Scenario(
        rule="ec2-tag-compliance",
        event=lambda _: _schedule(NOW),
        calls={
            "dynamodb:Query": 7,
            "ec2:DescribeInstances": 4,
            "dynamodb:BatchWriteItem": 4,
            "dynamodb:TransactWriteItems": 2,
            "dynamodb:PutItem": 11,
            "sqs:SendMessage": 3,
            "sns:Publish": 1,
            "dynamodb:GetItem": 6,
        },
        calls_in_time=2,
    ),
    "reminder": Scenario(
        rule="ec2-tag-compliance",
        event=lambda _: _reminder(NOW),
        calls={
            "dynamodb:Query": 1,
            "sns:Publish": 1,
            "dynamodb:PutItem": 1,
        },
        judged=(),
        next_event=_reminder(NEXT),
    ),
    "report": Scenario(
        rule="ec2-tag-compliance",
        event=lambda _: _schedule(NOW),
        calls={
            "dynamodb:Query": 5,
            "s3:PutObject": 2,
            "dynamodb:PutItem": 2,
            "s3:CopyObject": 2,
        },
        judged=(),
        function=report_aggregator,
    ),
}


# The world -----------------------------------------------------------------------------------


def _instances(client: Callable[[str], Any], sweep: Callable[[], object]) -> World:
    ec2 = client("ec2")
    image_id = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def start() -> str:
        # One for each call, because moto counts reservations when it makes pages.
        started = ec2.run_instances(ImageId=image_id, MinCount=1, MaxCount=1)["Instances"]
        instance_id: str = started[0]["InstanceId"]
        return instance_id

    def tag(name: str, verdict: str) -> None:
        owner = [{"Key": "Owner", "Value": "web" if verdict == COMPLIANT else ""}]
        ec2.create_tags(Resources=[ids[name]], Tags=owner)

    ids: dict[str, str] = {}
    for name, (before, _) in VERDICTS.items():
        if before:
            ids[name] = start()
            tag(name, before)
    sweep()
    for name, (before, after) in VERDICTS.items():
        if after == NOT_APPLICABLE:
            _vanish(ids[name])
            continue
        if before is None:
            ids[name] = start()
        tag(name, after)
    return World(ids, {name: _instance_arn(id_) for name, id_ in ids.items()})


def _vanish(instance_id: str) -> None:
    # moto lists terminated instances for ever, AWS for an hour.
    reservations = ec2_backends[ACCOUNT][REGION].reservations
    for reservation_id, reservation in list(reservations.items()):
        if reservation.instances[0].id == instance_id:
            del reservations[reservation_id]


def _instance_arn(instance_id: str) -> str:
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance_id}"


def _buckets(client: Callable[[str], Any], sweep: Callable[[], object]) -> World:
    s3 = client("s3")
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}

    def encrypt(name: str, verdict: str) -> None:
        if verdict == COMPLIANT:
            s3.put_bucket_encryption(
                Bucket=ids[name], ServerSideEncryptionConfiguration={"Rules": [default]}
            )
        else:
            s3.delete_bucket_encryption(Bucket=ids[name])

    # The bucket for reports is as good as any.
    ids = {name: f"{name}-bucket" for name in VERDICTS} | {"still": REPORTS_BUCKET}
    for name, (before, _) in VERDICTS.items():
        if before:
            s3.create_bucket(Bucket=ids[name])
            encrypt(name, before)
    sweep()
    for name, (before, after) in VERDICTS.items():
        if after == NOT_APPLICABLE:
            s3.delete_bucket(Bucket=ids[name])
            continue
        if before is None:
            s3.create_bucket(Bucket=ids[name])
        encrypt(name, after)
    return World(ids, {name: f"arn:aws:s3:::{id_}" for name, id_ in ids.items()})


def _databases(client: Callable[[str], Any], sweep: Callable[[], object]) -> World:
    rds = client("rds")

    def create(name: str, verdict: str) -> None:
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            BackupRetentionPeriod=_days(verdict),
        )

    for name, (before, _) in VERDICTS.items():
        if before:
            create(name, before)
    sweep()
    for name, (before, after) in VERDICTS.items():
        if before is None:
            create(name, after)
        elif after == NOT_APPLICABLE:
            rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        else:
            rds.modify_db_instance(DBInstanceIdentifier=name, BackupRetentionPeriod=_days(after))
    return World(
        {name: name for name in VERDICTS},
        {name: f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{name}" for name in VERDICTS},
    )


def _days(verdict: str) -> int:
    return 7 if verdict == COMPLIANT else 0


WORLDS = {
    "ec2-tag-compliance": _instances,
    "s3-encryption-compliance": _buckets,
    "rds-backup-compliance": _databases,
}


@pytest.fixture(scope="module")
def queues(client: Callable[[str], Any]) -> str:
    """The alert topic's ARN; the continuation queue and the reports bucket exist too."""
    client("sqs").create_queue(QueueName="example-continuations")
    client("s3").create_bucket(Bucket=REPORTS_BUCKET)
    arn: str = client("sns").create_topic(Name="compliance-alerts")["TopicArn"]
    return arn


@pytest.fixture(scope="module")
def world(client: Callable[[str], Any], tables: Any, queues: str) -> Callable[[str], World]:
    """The world of a rule, with what the tables hold after the sweep before it changed."""

    @cache
    def world(rule: str) -> World:
        tables.put_back(tables.nothing)
        with _environment(rule, queues):
            changed = WORLDS[rule](client, lambda: evaluator.handler(_schedule(BEFORE), CONTEXT))
        return World(changed.ids, changed.arns, tables.copy())

    return world


@contextmanager
def _environment(rule: str, topic_arn: str) -> Iterator[None]:
    variables = {
        "RULE_CLASS": rules.load(rule).reference(),
        "RULE_NAME": rule,
        "RULE_PARAMETERS": PARAMETERS.get(rule, "{}"),
        "RULE_SEVERITY": "medium",
        "DYNAMODB_TABLE": HISTORY,
        "STATE_TABLE": STATE,
        "SNS_TOPIC_ARN": topic_arn,
        "HISTORY_RETENTION_DAYS": "365",
        "ENVIRONMENT_SUFFIX": "dev",
        "CONTINUATION_QUEUE_URL": QUEUE_URL,
        "CONFIG_TEST_MODE": "true",
        # The calls of a run come in the same order each time.
        "MAXIMUM_CONCURRENCY": "1",
        "REPORT_FORMS": "json,csv",
        "REPORTS_BUCKET": REPORTS_BUCKET,
    }
    with pytest.MonkeyPatch.context() as patch, NamedTemporaryFile("w") as file:
        listed = {rule: {"class": rules.load(rule).reference(), "severity": "medium"}}
        file.write(json.dumps(listed))
        file.flush()
        for name, value in {**variables, "RULES_FILE": file.name}.items():
            patch.setenv(name, value)
        yield


# What Lambda and SQS do ----------------------------------------------------------------------


@dataclass
class Deployment:
    """Functions that are invoked, and invoked again, as Lambda and SQS do.

    Attributes:
        network: What lies between them and AWS.
        sqs: SQS beside the network.
        scenario: What they are used for.
        summaries: What they answered.
        errors: What they raised.
        dead_letters: Events that they failed on too often.
    """

    network: Any
    sqs: Any
    scenario: Scenario
    summaries: list[dict[str, Any]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    _received: int = 0

    @property
    def unreadable(self) -> list[dict[str, str]]:
        """Returns what the functions said that they could not read."""
        return [found for summary in self.summaries for found in summary.get("unreadable", [])]

    def work(self, event: dict[str, Any]) -> None:
        """Works on an event, and on the messages that come of it, until all is done or dead."""
        waiting = [event]
        while waiting:
            event = waiting.pop(0)
            # Lambda tries twice more; the queue's redrive policy lets a message come five times.
            for _ in range(5 if "Records" in event else 3):
                succeeded = self._invoke(event)
                waiting += self._continuations()
                if succeeded:
                    break
            else:
                self.dead_letters.append(event)

    def _invoke(self, event: dict[str, Any]) -> bool:
        self.network.start_invocation()
        calls = len(self.network.calls)

        def remaining_time() -> int:
            made = len(self.network.calls) - calls
            in_time = self.scenario.calls_in_time
            return 600_000 if in_time is None or made < in_time else 30_000

        context = SimpleNamespace(
            aws_request_id="8f507cfc-example",
            invoked_function_arn=FUNCTION_ARN,
            get_remaining_time_in_millis=remaining_time,
        )
        try:
            self.summaries.append(self.scenario.function.handler(event, context))
        except BaseException as error:
            # A killed process raises what is no Exception.
            if not isinstance(error, Exception) and not self.network.killed:
                raise
            self.errors.append(error)
            return False
        return True

    def _continuations(self) -> Iterator[dict[str, Any]]:
        sent = sum(call.name == "sqs:SendMessage" for call in self.network.done)
        while self._received < sent:
            (message,) = self.sqs.receive_message(QueueUrl=QUEUE_URL)["Messages"]
            self._received += 1
            self.sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
            yield {"Records": [{"eventSource": "aws:sqs", "body": message["Body"]}]}


# The tests -----------------------------------------------------------------------------------


@pytest.fixture
def deploy(
    client: Callable[[str], Any],
    queues: str,
    tables: Any,
    world: Callable[[str], World],
    network: Any,
) -> Iterator[Callable[[Scenario], Deployment]]:
    """Deploys the functions of a scenario into its world, as it was before the event."""
    with ExitStack() as stack:

        def deploy(scenario: Scenario) -> Deployment:
            seeded = world(scenario.rule)
            tables.put_back(seeded.items)
            stack.enter_context(_environment(scenario.rule, queues))
            network.reset()
            network.page_sizes = PAGE_SIZES
            network.world = seeded.answers
            return Deployment(network, client("sqs"), scenario)

        yield deploy


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_table_of_calls_is_that_of_the_calls_made(
    deploy: Callable[[Scenario], Deployment], world: Callable[[str], World], network: Any, name: str
) -> None:
    scenario = SCENARIOS[name]
    deployment = deploy(scenario)
    deployment.work(scenario.event(world(scenario.rule)))
    assert deployment.errors == []
    made = dict(Counter(call.name for call in network.calls))
    without_rows = {call: made[call] for call in made if scenario.calls.get(call) != made[call]}
    assert not without_rows, f"the table of {name} must have {without_rows}"
    assert made.keys() == scenario.calls.keys()


@dataclass(frozen=True)
class Row:
    """One call in one scenario, and what goes wrong with it.

    Attributes:
        scenario: The scenario's name.
        call: The call's name.
        number: Which call of that name it is.
        fault: The fault's name.
    """

    scenario: str
    call: str
    number: int
    fault: str


def all_rows() -> Iterator[Any]:
    for scenario, details in SCENARIOS.items():
        for call, count in details.calls.items():
            # With a single call, the first is the last.
            for place, number in {"last": count, "first": 1}.items():
                if place == "first" or count > 1:
                    for fault in FAULTS:
                        row = Row(scenario, call, number, fault)
                        yield pytest.param(row, id=f"{scenario}-{call}-{place}-{fault}")


@pytest.mark.parametrize("row", [*all_rows()])
def test_nothing_is_lost_doubled_or_made_up(
    deploy: Callable[[Scenario], Deployment],
    world: Callable[[str], World],
    network: Any,
    tables: Any,
    client: Callable[[str], Any],
    row: Row,
) -> None:
    scenario = SCENARIOS[row.scenario]
    deployment = deploy(scenario)
    auditor = Auditor(scenario, world(scenario.rule), network, tables, client)
    strikes = _strike(network, row)
    deployment.work(scenario.event(auditor.world))
    assert strikes, "the row's call was not made"
    _check_visibility(row, deployment, strikes)
    auditor.check_nothing_is_made_up()

    network.tamper = lambda sending: sending.deliver()
    unreadable = {resource["resource_id"] for resource in deployment.unreadable}
    dead_letters, deployment.dead_letters = deployment.dead_letters, []
    # Where the function has worked in the end, nothing may depend on the next sweep.
    went_on = bool(dead_letters or unreadable)
    if went_on:
        deployment.work(scenario.next_event)
    for event in dead_letters:
        deployment.work(event)
    assert deployment.dead_letters == []
    auditor.check_nothing_is_made_up()
    auditor.check_nothing_is_lost(went_on=went_on, unreadable=unreadable)


def _strike(network: Any, row: Row) -> list[Any]:
    scenario, fault = SCENARIOS[row.scenario], FAULTS[row.fault]
    strikes: list[Any] = []

    def applies(sending: Any) -> bool:
        call = sending.call
        if call.name != row.call or call.number < row.number:
            return False
        if fault.lasts == "once":
            return bool(call.number == row.number and sending.attempt == 1)
        if fault.lasts == "invocation":
            return not strikes or bool(call.invocation == strikes[0].call.invocation)
        if fault.lasts == "alike" and call.name in scenario.unreadable:
            return bool(call.number == row.number or call.params == strikes[0].call.params)
        return True

    def tamper(sending: Any) -> Any:
        if not applies(sending):
            return sending.deliver()
        strikes.append(sending)
        return fault.strike(sending)

    network.tamper = tamper
    return strikes


def _check_visibility(row: Row, deployment: Deployment, strikes: list[Any]) -> None:
    scenario, fault = SCENARIOS[row.scenario], FAULTS[row.fault]
    unreadable = deployment.unreadable
    most = ATTEMPTS.get(row.call.partition(":")[0], OTHER_ATTEMPTS)
    if row.fault in {"throttled-once", "reset-once", "timeout-once"}:
        # botocore has made another attempt, or else Lambda has.
        assert len(deployment.errors) == (0 if most > 1 else 1)
        assert unreadable == []
    elif fault.code is not None:
        code = fault.code(strikes[0])
        if row.call in scenario.unreadable:
            assert deployment.errors == []
            assert {resource["error_code"] for resource in unreadable} == {code}
        else:
            assert deployment.errors
            assert all(code in _told(error) for error in deployment.errors)
        attempts = max(strike.attempt for strike in strikes)
        assert attempts == (1 if row.fault == "access-denied" else most)
    elif row.fault.startswith("crash"):
        assert len(deployment.errors) == 1
        assert deployment.dead_letters == []
    # An answer that was cut, and held nothing that matters, need not be noticed.


def _told(error: BaseException) -> str:
    return f"{error_code(error)} {error}" if isinstance(error, Exception) else ""


@dataclass
class Auditor:
    """Compares what AWS holds with what it should hold."""

    scenario: Scenario
    world: World
    network: Any
    tables: Any
    client: Callable[[str], Any]

    def check_nothing_is_made_up(self) -> None:
        """No verdict but the true one is recorded, told or left standing."""
        true = {self.world.arns[name]: after for name, (_, after) in VERDICTS.items()}
        for arn, _, verdict in self._recorded():
            assert verdict == true[arn]
        standing = self._standing()
        for name, verdicts in VERDICTS.items():
            assert standing.get(self.world.arns[name], {}).get("compliance_type") in verdicts
        by_id = {self.world.ids[name]: after for name, (_, after) in VERDICTS.items()}
        for config_id, verdict in self._told_to_config():
            assert verdict == by_id[config_id]
        new, resolved, _ = self._alerted()
        assert new <= self._expected_new(VERDICTS)
        assert resolved <= self._expected_resolved(VERDICTS)

    def check_nothing_is_lost(self, *, went_on: bool, unreadable: set[str]) -> None:
        """All that was to be recorded and told has been, once for each event."""
        scenario, arns = self.scenario, self.world.arns
        judged = set(VERDICTS) if went_on and scenario.judged else set(scenario.judged)
        self._check_history(went_on=went_on, unreadable=unreadable)
        standing = self._standing()
        assert {arn: verdict["compliance_type"] for arn, verdict in standing.items()} == {
            arns[name]: after if name in judged else before
            for name, (before, after) in VERDICTS.items()
            if before is not None or name in judged
        }
        assert not any(verdict.get("alert_pending") for verdict in standing.values())
        for name, (before, after) in VERDICTS.items():
            if before == after:
                assert standing[arns[name]]["since"] == _timestamp(BEFORE)
        new, resolved, open_ = self._alerted()
        assert new == self._expected_new(judged)
        assert resolved == self._expected_resolved(judged)
        if scenario is SCENARIOS["reminder"]:
            assert open_ == {
                arns[name] for name, (was, _) in VERDICTS.items() if was == NON_COMPLIANT
            }
        if scenario.reports_to_config:
            assert {config_id for config_id, _ in self._told_to_config()} == {
                self.world.ids[name] for name in scenario.judged
            }
        if scenario is SCENARIOS["report"]:
            times = ("060000", "120000") if went_on else ("060000",)
            for time in times:
                self._check_report(f"reports/2026/11/23/compliance-report-{time}Z")
            # Also when the older one has come out of the dead-letter queue after it.
            for suffix in REPORT_SUFFIXES:
                newest = f"reports/2026/11/23/compliance-report-{times[-1]}Z{suffix}"
                assert self._object(f"latest/compliance-report{suffix}") == self._object(newest)
            kept = {
                item["resource_id"]: item["non_compliant"]
                for item in self.tables.items(STATE)
                if item["rule_name"] == "report#run"
            }
            assert kept == {_timestamp(f"2026-11-23T{time[:2]}:00:00Z"): 3 for time in times}

    def _check_history(self, *, went_on: bool, unreadable: set[str]) -> None:
        scenario, arns = self.scenario, self.world.arns
        vanished = {arns[name] for name, (_, now) in VERDICTS.items() if now == NOT_APPLICABLE}
        expected = {(arns[name], _timestamp(scenario.time)) for name in scenario.judged}
        if went_on and scenario.judged:
            expected |= {(arn, _timestamp(NEXT)) for arn in arns.values()}
        found = {(arn, time) for arn, time, _ in self._recorded()}
        assert found <= expected
        # One sweep retires a resource, and those after it know that.
        retired = {key for key in expected if key[0] in vanished and len(scenario.judged) != 1}
        retired |= {key for key in expected if key[0] in vanished and key[1] == _timestamp(NEXT)}
        assert {arn for arn, _ in retired} <= {arn for arn, _ in found}
        never_read = {(arn, _timestamp(scenario.time)) for arn in unreadable}
        assert found | retired | never_read == expected

    def _check_report(self, stem: str) -> None:
        summary = json.loads(self._object(f"{stem}.json"))["summary"]
        before = Counter(verdict for verdict, _ in VERDICTS.values())
        assert summary["compliant"] == before[COMPLIANT]
        assert summary["non_compliant"] == before[NON_COMPLIANT]

        assert len(self._object(f"{stem}.csv").splitlines()) == 1 + summary["resources"]

    def _object(self, key: str) -> bytes:
        body: bytes = self.client("s3").get_object(Bucket=REPORTS_BUCKET, Key=key)["Body"].read()
        return body

    def _expected_new(self, judged: Collection[str]) -> set[str]:
        return {
            self.world.arns[name]
            for name, (before, after) in VERDICTS.items()
            if name in judged and after == NON_COMPLIANT != before
        }

    def _expected_resolved(self, judged: Collection[str]) -> set[str]:
        return {
            self.world.arns[name]
            for name, (before, after) in VERDICTS.items()
            if name in judged and before == NON_COMPLIANT != after
        }

    def _recorded(self) -> list[tuple[str, str, str]]:
        """Returns ARN, time and verdict of each evaluation since the sweep before the change."""
        recorded = [
            (
                item["resource_id"],
                item["evaluation_timestamp"].removesuffix(f"#{self.scenario.rule}"),
                item["compliance_type"],
            )
            for item in self.tables.items(HISTORY)
        ]
        return [evaluation for evaluation in recorded if evaluation[1] != _timestamp(BEFORE)]

    def _standing(self) -> dict[str, dict[str, Any]]:
        return {
            item["resource_id"]: item
            for item in self.tables.items(STATE)
            if item["rule_name"] == self.scenario.rule
        }

    def _told_to_config(self) -> list[tuple[str, str]]:
        evaluations = [
            evaluation
            for call in self.network.done
            if call.name == "config:PutEvaluations"
            for evaluation in call.params["Evaluations"]
        ]
        return [
            (evaluation["ComplianceResourceId"], evaluation["ComplianceType"])
            for evaluation in evaluations
        ]

    def _alerted(self) -> tuple[set[str], set[str], set[str]]:
        digests = [
            json.loads(json.loads(call.params["Message"])["sqs"])
            for call in self.network.done
            if call.name == "sns:Publish"
        ]
        new, resolved, open_ = (
            {entry["resource_id"] for digest in digests for entry in digest.get(kind, [])}
            for kind in ("new_violations", "resolved", "open_violations")
        )
        return new, resolved, open_


def _timestamp(time: str) -> str:
    return write_timestamp(read_timestamp(time))
