"""Shared fixtures: an AWS in the process, what is said to it, and what is kept in it."""

from __future__ import annotations

import io
import json
import logging
import os
import re
from collections import Counter, deque
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from moto import mock_aws

from assay import evaluator, report_aggregator
from assay.aws import Aws
from assay.events import Trigger
from assay.rule import Severity
from assay.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.run import RunSummary

EVENTS = Path(__file__).parents[1] / "events"
ACCOUNT, REGION = "123456789012", "us-east-1"
CONTEXT: Any = SimpleNamespace(
    aws_request_id="8f507cfc-example",
    invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:example",
    get_remaining_time_in_millis=lambda: 300_000,
)
# moto otherwise makes some hundred images in each test that touches EC2, a quarter of all its time.
os.environ["MOTO_AMIS_PATH"] = str(Path(__file__).with_name("images.json"))
KEYS = {
    "compliance-history": ("resource_id", "evaluation_timestamp"),
    "compliance-state": ("rule_name", "resource_id"),
}


class Wire:
    """Sees every call that boto3 makes; can fail it, or answer it in AWS's place.

    It listens to botocore's own events. Clients live as long as the process, so it does too.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets all, as before each test."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, deque[dict[str, Any]]] = {}
        self.failures: list[tuple[str, BaseException, Callable[[dict[str, Any]], bool]]] = []
        self.failures_after: dict[str, BaseException] = {}
        self.changes: dict[str, dict[str, Any]] = {}
        self.happenings: dict[str, deque[Callable[[], object]]] = {}

    def on_params(self, params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        """Notes a call, and fails it where it is to fail."""
        service = model.service_model.signing_name
        self.calls.append((f"{service}:{model.name}", params))
        for operation, error, applies in self.failures:
            if operation == model.name and applies(params):
                raise error
        if happenings := self.happenings.get(model.name):
            happenings.popleft()()
        return {**params, **self.changes.get(model.name, {})}

    def on_call(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        """Answers a call where an answer waits."""
        if not (answers := self.answers.get(model.name)):
            return None
        return AWSResponse("", 200, HTTPHeaders(), SimpleNamespace(stream=list)), answers.popleft()

    def after_call(self, model: Any, **_: Any) -> None:
        """Ends a run once AWS has done what a call wanted."""
        if error := self.failures_after.get(model.name):
            raise error


WIRE = Wire()


@cache
def _session() -> boto3.Session:
    session = boto3.Session(region_name=REGION)
    events: Any = session.events
    events.register("provide-client-params", WIRE.on_params)
    events.register("before-call", WIRE.on_call)
    events.register("after-call", WIRE.after_call)
    return session


@cache
def _client(service: str) -> Any:
    return _session().client(service)  # type: ignore[call-overload]


@cache
def _image_id() -> str:
    image_id: str = _client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    return image_id


# Clients take longer to make than most tests take.
_aws = cache(lambda: Aws(partition="aws", region=REGION, account_id=ACCOUNT))


@pytest.fixture(autouse=True)
def _embedded_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    WIRE.reset()
    with mock_aws(), pytest.MonkeyPatch.context() as within:
        within.setattr(boto3, "DEFAULT_SESSION", _session())
        yield


@pytest.fixture
def calls() -> list[tuple[str, dict[str, Any]]]:
    """All calls so far, as pairs of `service:Operation` and parameters."""
    return WIRE.calls


@pytest.fixture
def answer() -> Callable[..., None]:
    """Answers the next calls of an operation in AWS's place."""

    def answer(operation: str, *answers: dict[str, Any]) -> None:
        WIRE.answers[operation] = deque(answers)

    return answer


@pytest.fixture
def change_parameters() -> Callable[..., None]:
    """Changes parameters of an operation's calls on their way, such as the size of a page."""

    def change(operation: str, **parameters: Any) -> None:
        WIRE.changes[operation] = parameters

    return change


@pytest.fixture
def fail() -> Callable[..., None]:
    """Fails the calls of an operation, by an exception or with an error code of AWS's."""

    def fail(
        operation: str,
        error: str | BaseException,
        when: Callable[[dict[str, Any]], bool] = lambda _params: True,
    ) -> None:
        if isinstance(error, str):
            error = ClientError({"Error": {"Code": error, "Message": "refused"}}, operation)
        WIRE.failures.append((operation, error, when))

    return fail


@pytest.fixture
def fail_after() -> Callable[[str, BaseException], None]:
    """Lets calls of an operation reach AWS, and then ends the run by an exception."""

    def fail_after(operation: str, error: BaseException) -> None:
        WIRE.failures_after[operation] = error

    return fail_after


@pytest.fixture
def recover() -> Callable[[], None]:
    """Ends all failures."""

    def recover() -> None:
        WIRE.failures.clear()
        WIRE.failures_after.clear()

    return recover


@pytest.fixture
def meanwhile() -> Callable[..., None]:
    """Has something happen just before each of the next calls of an operation reaches AWS."""

    def meanwhile(operation: str, *happenings: Callable[[], object]) -> None:
        WIRE.happenings[operation] = deque(happenings)

    return meanwhile


@pytest.fixture
def aws() -> Aws:
    """The account and region of the tests."""
    return _aws()


@pytest.fixture
def run() -> Run:
    """A sweep of the EC2 rule."""
    return Run(
        rule_name="ec2-tag-compliance",
        resource_type="AWS::EC2::Instance",
        severity=Severity.MEDIUM,
        run_id="8f507cfc-example",
        trigger=Trigger.EVENTBRIDGE_SCHEDULE,
        ordering_timestamp="2026-11-23T06:00:00.000000Z",
        expires_at=1_800_000_000,
    )


@pytest.fixture
def summary(run: Run) -> RunSummary:
    """What that sweep did: it found one resource compliant, and took two and a half seconds."""
    return {
        "rule_name": run.rule_name,
        "run_id": run.run_id,
        "trigger": run.trigger.value,
        "ordering_timestamp": run.ordering_timestamp,
        "started_at": "2026-11-23T06:00:01.000000Z",
        "finished_at": "2026-11-23T06:00:03.500000Z",
        "segments": 1,
        "continued": False,
        "complete": True,
        "resources": 1,
        "compliant": 1,
        "non_compliant": 0,
        "not_applicable": 0,
        "transitions": 1,
        "unreadable_count": 0,
        "unreadable": [],
        "errors": [],
        "alerted": 0,
        "resolved": 0,
        "api_calls": {"dynamodb:BatchWriteItem": 1, "ec2:DescribeInstances": 1},
    }


@pytest.fixture
def event() -> Callable[..., dict[str, Any]]:
    """Loads a file of tests/events.

    `item` changes fields of its configuration item (or summary), `time` its own time, and any
    other name a field at the top.
    """

    def event(
        name: str,
        *,
        item: dict[str, Any] | None = None,
        time: str | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
        loaded |= fields
        if "invokingEvent" not in loaded:
            return loaded if time is None else {**loaded, "time": time}
        invoking = json.loads(loaded["invokingEvent"])
        found = invoking.get("configurationItem") or invoking.get("configurationItemSummary") or {}
        found |= item or {}
        if time is not None:
            holder, field = (
                (found, "configurationItemCaptureTime")
                if found
                else (invoking, "notificationCreationTime")
            )
            holder[field] = time
        return {**loaded, "invokingEvent": json.dumps(invoking)}

    return event


@pytest.fixture
def tables() -> None:
    """The history and state tables."""
    dynamodb = _client("dynamodb")
    for name, (partition_key, sort_key) in KEYS.items():
        dynamodb.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": partition_key, "KeyType": "HASH"},
                {"AttributeName": sort_key, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": partition_key, "AttributeType": "S"},
                {"AttributeName": sort_key, "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )


@pytest.fixture
def items(tables: None) -> Callable[[str], list[dict[str, Any]]]:  # noqa: ARG001 - must exist
    """Reads all items of a table, sorted by key."""

    def items(table: str) -> list[dict[str, Any]]:
        deserialize = TypeDeserializer().deserialize
        found = _client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
        plain = [{name: deserialize(value) for name, value in item.items()} for item in found]
        return sorted(plain, key=lambda item: [item[key] for key in KEYS[table]])

    return items


@pytest.fixture
def verdicts(items: Callable[[str], list[dict[str, Any]]]) -> Callable[[], list[dict[str, Any]]]:
    """Reads the state table without its run summaries."""
    return lambda: [item for item in items("compliance-state") if "#" not in item["rule_name"]]


@pytest.fixture
def topic() -> str:
    """The ARN of an alert topic with a queue that receives what an SQS subscription would."""
    sns, sqs = _client("sns"), _client("sqs")
    arn: str = sns.create_topic(Name="compliance-alerts")["TopicArn"]
    sqs.create_queue(QueueName="alerts")
    sns.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:alerts",
        Attributes={"RawMessageDelivery": "true"},
    )
    return arn


@pytest.fixture
def alerts(topic: str) -> Callable[[], list[dict[str, Any]]]:  # noqa: ARG001 - it fills the queue
    """Takes all alerts out of the queue."""

    def alerts() -> list[dict[str, Any]]:
        sqs = _client("sqs")
        url = sqs.get_queue_url(QueueName="alerts")["QueueUrl"]
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    return alerts


@pytest.fixture
def continuation_queue_url() -> str:
    """The URL of an evaluator's queue for the rest of a sweep."""
    url: str = _client("sqs").create_queue(QueueName="continuations")["QueueUrl"]
    return url


@pytest.fixture
def continuations(continuation_queue_url: str) -> Callable[[], list[dict[str, Any]]]:
    """Takes all messages out of that queue, as the events by which Lambda hands them on."""

    def continuations() -> list[dict[str, Any]]:
        sqs, found = _client("sqs"), []
        while messages := sqs.receive_message(
            QueueUrl=continuation_queue_url, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                record = {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "eventSource": "aws:sqs",
                    "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:continuations",
                }
                found.append({"Records": [record]})
                sqs.delete_message(
                    QueueUrl=continuation_queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
        return found

    return continuations


@pytest.fixture
def evaluator_environment(
    monkeypatch: pytest.MonkeyPatch,
    tables: None,  # noqa: ARG001 - must exist
    topic: str,
    continuation_queue_url: str,
) -> None:
    """The environment of the EC2 rule's evaluator, against the embedded AWS."""
    variables = {
        "RULE_CLASS": "assay.rules.ec2_tag_compliance:Ec2TagCompliance",
        "RULE_NAME": "ec2-tag-compliance",
        "RULE_PARAMETERS": '{"requiredTags":"{\\"Owner\\":[]}"}',
        "RULE_SEVERITY": "medium",
        "DYNAMODB_TABLE": "compliance-history",
        "STATE_TABLE": "compliance-state",
        "SNS_TOPIC_ARN": topic,
        "HISTORY_RETENTION_DAYS": "365",
        "ENVIRONMENT_SUFFIX": "dev",
        "CONTINUATION_QUEUE_URL": continuation_queue_url,
        "CONFIG_TEST_MODE": "true",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def evaluate(evaluator_environment: None) -> Callable[[object], RunSummary]:  # noqa: ARG001
    """Invokes the evaluator as Lambda does."""
    return lambda event: evaluator.handler(event, CONTEXT)


@pytest.fixture
def evaluate_within(
    evaluator_environment: None,  # noqa: ARG001 - must exist
) -> Callable[..., RunSummary]:
    """Invokes the evaluator with so many seconds left, as the invocation of the given id."""

    def evaluate_within(
        seconds: float, event: object, run_id: str = "8f507cfc-example"
    ) -> RunSummary:
        left = {"get_remaining_time_in_millis": lambda: round(seconds * 1000)}
        context: Any = SimpleNamespace(**{**vars(CONTEXT), **left, "aws_request_id": run_id})
        return evaluator.handler(event, context)

    return evaluate_within


@pytest.fixture
def aggregate(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tables: None,  # noqa: ARG001 - must exist
) -> Callable[[object], dict[str, Any]]:
    """Invokes the report aggregator as Lambda does."""
    _client("s3").create_bucket(Bucket="compliance-reports")
    rules_file = tmp_path / "rules.json"
    rules_file.write_text(
        json.dumps(
            {
                "s3-encryption-compliance": {
                    "class": "assay.rules.s3_encryption_compliance:S3EncryptionCompliance",
                    "severity": "high",
                },
                "ec2-tag-compliance": {
                    "class": "assay.rules.ec2_tag_compliance:Ec2TagCompliance",
                    "severity": "medium",
                },
            }
        ),
        encoding="utf-8",
    )
    variables = {
        "DYNAMODB_TABLE": "compliance-history",
        "STATE_TABLE": "compliance-state",
        "REPORTS_BUCKET": "compliance-reports",
        "RULES_FILE": str(rules_file),
        "ENVIRONMENT_SUFFIX": "dev",
        "REPORT_FORMS": "json",
        "HISTORY_RETENTION_DAYS": "365",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return lambda event: report_aggregator.handler(event, CONTEXT)


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Reads what the functions have logged so far, line by line."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    for function in (evaluator, report_aggregator):
        handler.setFormatter(function.logger.registered_formatter)
        function.logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for function in (evaluator, report_aggregator):
        function.logger.removeHandler(handler)


@pytest.fixture
def run_instance() -> Callable[..., str]:
    """Starts an EC2 instance with the given tags and returns its id."""

    def run_instance(**tags: str) -> str:
        ec2 = _client("ec2")
        specification = {
            "ResourceType": "instance",
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        started = ec2.run_instances(
            ImageId=_image_id(),
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[specification] if tags else [],
        )
        instance_id: str = started["Instances"][0]["InstanceId"]
        return instance_id

    return run_instance


# As `test_fault_matrix.py` names its rows.
ROW = re.compile(
    r"test_nothing_is_lost_doubled_or_made_up\["
    r"(?P<scenario>.+)-(?P<call>\w+:\w+)-(?:first|last)-(?P<fault>.+)\]$"
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the size of the fault matrix, and how it went."""
    outcomes = Counter[str]()
    seen: dict[str, set[str]] = {"scenario": set(), "call": set(), "fault": set()}
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            row = ROW.search(getattr(report, "nodeid", ""))
            if row and getattr(report, "when", None) == "call":
                outcomes[outcome] += 1
                for name, values in seen.items():
                    values.add(row[name])
    if outcomes:
        sizes = ", ".join(f"{len(values)} {name}s" for name, values in seen.items())
        results = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items())
        terminalreporter.write_line(f"fault matrix: {outcomes.total():,} rows, {sizes}: {results}")
