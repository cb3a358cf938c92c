"""Shared fixtures: a network between functions and embedded AWS on which anything can go wrong."""

from __future__ import annotations

import os
import time
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.retries.bucket import TokenBucket
from botocore.retries.quota import RetryQuota
from moto import mock_aws
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber
from moto.core.serialize import JSONSerializer
from moto.dynamodb.models import dynamodb_backends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from botocore.awsrequest import AWSPreparedRequest

ACCOUNT, REGION = "123456789012", "us-east-1"
TABLES = {
    "compliance-history": ("resource_id", "evaluation_timestamp"),
    "compliance-state": ("rule_name", "resource_id"),
}
# An error's body in each protocol, with places for code and message.
ERROR_BODIES = {
    "json": '{{"__type":"com.amazonaws.example#{}","message":"{}"}}',
    "query": "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>"
    "<RequestId>example</RequestId></ErrorResponse>",
    "ec2": "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>"
    "<RequestID>example</RequestID></Response>",
    "rest-xml": "<Error><Code>{}</Code><Message>{}</Message><RequestId>example</RequestId></Error>",
}

# Calls that ask what resources are like, and which resources there are.
_WORLDLY = ("ec2:Describe", "rds:Describe", "s3:Get", "s3:List")


class Killed(BaseException):
    """The process is killed: no handler of an `Exception` sees it."""


@dataclass(frozen=True)
class Call:
    """A call as a function makes it, however often botocore sends it.

    Attributes:
        name: Such as `dynamodb:Query`.
        number: Which of the calls of that name it is, from 1.
        invocation: In which invocation of a function it was made, from 1.
        params: Its parameters.
        model: botocore's model of the operation.
    """

    name: str
    number: int
    invocation: int
    params: dict[str, Any]
    model: Any

    @property
    def service(self) -> str:
        """Returns the service's name."""
        return self.name.partition(":")[0]


@dataclass(frozen=True)
class Sending:
    """One attempt of botocore's at a call.

    Attributes:
        call: The call.
        attempt: Which attempt it is, from 1.
        request: What goes to AWS.
        deliver: Lets AWS do what is wanted, and returns its answer.
        kill: Ends the process.
    """

    call: Call
    attempt: int
    request: AWSPreparedRequest
    deliver: Callable[[], AWSResponse]
    kill: Callable[[], NoReturn]

    def refuse(self, status: int, code: str) -> AWSResponse:
        """Answers with an error of the service's own, in its own protocol."""
        template = ERROR_BODIES[self.call.model.service_model.resolved_protocol]
        return self.answer(template.format(code, "refused").encode(), status)

    def cut(self) -> AWSResponse:
        """Lets AWS do it, and loses the second half of the answer.

        Headers stay as they are. botocore reads what comes before the connection ends and does not
        compare lengths: https://github.com/boto/botocore/blob/develop/botocore/httpsession.py.
        """
        whole = self.deliver()
        if not whole.content:
            # Nothing but headers can be cut here.
            self.reset()
        half = whole.content[: len(whole.content) // 2]
        return self.answer(half, whole.status_code, whole.headers)

    def reset(self) -> AWSResponse:
        """Ends the connection before AWS has done anything."""
        raise ConnectionClosedError(
            error=ConnectionResetError(104, "Connection reset by peer"),
            request=self.request,
            endpoint_url=self.request.url,
        )

    def time_out(self) -> AWSResponse:
        """Lets AWS do it at the first attempt, and loses all answers."""
        if self.attempt == 1:
            self.deliver()
        raise ReadTimeoutError(endpoint_url=self.request.url, error="timed out")

    def answer(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> AWSResponse:
        """Answers in AWS's place."""
        given = HTTPHeaders()
        for name, value in (headers or {}).items():
            given[name] = value
        return AWSResponse(self.request.url, status, given, MockRawResponse(body))


class Network:
    """Lies below botocore's retries and above moto.

    Clients live as long as the process, so it does too.

    Attributes:
        calls: The calls so far.
        done: Those that AWS has done, once for each time.
        tamper: What happens to each attempt.
        page_sizes: Parameters that operations are given whatever the caller says.
        world: AWS's answers about resources, by request, where these stay as they are; None where
            they may change.
        killed: Whether the process is dead; then nothing leaves it any more.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets everything, and lets everything pass."""
        self.calls: list[Call] = []
        self.done: list[Call] = []
        self.tamper: Callable[[Sending], AWSResponse] = lambda sending: sending.deliver()
        self.page_sizes: dict[str, dict[str, int]] = {}
        self.world: dict[Any, AWSResponse] | None = None
        self.killed = False
        self._numbers: Counter[str] = Counter()
        self._invocations = 0

    def start_invocation(self) -> None:
        """Notes that a function is invoked; a process that was killed is followed by another."""
        self.killed = False
        self._invocations += 1

    def kill(self) -> NoReturn:
        """Kills the process."""
        self.killed = True
        raise Killed

    def on_params(
        self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any
    ) -> dict[str, Any]:
        """Notes a call."""
        if self.killed:
            raise Killed
        name = f"{model.service_model.signing_name}:{model.name}"
        self._numbers[name] += 1
        params = {**params, **self.page_sizes.get(name, {})}
        context["call"] = Call(name, self._numbers[name], self._invocations, params, model)
        self.calls.append(context["call"])
        return params

    def _answer(self, call: Call, request: Any) -> AWSResponse:
        if self.world is None or not call.name.startswith(_WORLDLY):
            return _moto(request)
        key = (request.method, request.url, request.body)
        if key not in self.world:
            self.world[key] = _moto(request)
        return self.world[key]

    def on_send(self, request: Any, **_: Any) -> AWSResponse:
        """Answers an attempt."""
        if self.killed:
            raise Killed
        call: Call = request.context["call"]

        def deliver() -> AWSResponse:
            answer = self._answer(call, request)
            if answer.status_code < 300:
                self.done.append(call)
            return answer

        attempt = request.context["retries"]["attempt"]
        return self.tamper(Sending(call, attempt, request, deliver, self.kill))


def _moto(request: Any) -> AWSResponse:
    answer: AWSResponse | None = botocore_stubber("before-send", request)
    assert answer is not None
    return answer


NETWORK = Network()


@cache
def _session() -> boto3.Session:
    session = boto3.Session(region_name=REGION)
    events: Any = session.events
    events.unregister("before-send", botocore_stubber)
    events.register("before-send", NETWORK.on_send)
    events.register("provide-client-params", NETWORK.on_params)
    return session


# What tests themselves say to AWS goes beside the network.
_outside = cache(lambda: boto3.Session(region_name=REGION))
_outside_client = cache(lambda service: _outside().client(service))


_serialize_any_structure: Any = JSONSerializer._serialize_type_structure  # noqa: SLF001 - see below


def _serialize_structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Writes a value of a DynamoDB item as it is, which moto asks for each of ten types in turn."""
    if shape.name == "AttributeValue" and "B" not in value:
        serialized[key] = value
    else:
        _serialize_any_structure(self, serialized, value, shape, key)


@pytest.fixture(autouse=True, scope="module")
def _embedded_aws() -> Iterator[None]:
    """One embedded AWS for a module; its tests put back what they change."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        # botocore waits between attempts, and clients remember how often they had to. No test
        # shall wait, nor depend on the tests before it; the attempts themselves stay.
        patch.setattr(time, "sleep", lambda _seconds: None)
        patch.setattr(TokenBucket, "acquire", lambda *_, **__: True)
        patch.setattr(RetryQuota, "acquire", lambda *_: True)
        patch.setattr(JSONSerializer, "_serialize_type_structure", _serialize_structure)
        with mock_aws():
            patch.setattr(boto3, "DEFAULT_SESSION", _session())
            yield


@pytest.fixture
def network() -> Iterator[Network]:
    """The network, as good as new."""
    NETWORK.reset()
    yield NETWORK
    NETWORK.reset()


@pytest.fixture(scope="module")
def client() -> Callable[[str], Any]:
    """A client of the embedded AWS beside the network."""
    return _outside_client


class Tables:
    """The history and state tables, read and written behind DynamoDB's API, which takes longer.

    Attributes:
        nothing: A copy of the empty tables.
    """

    def __init__(self, dynamodb: Any) -> None:
        """Creates them."""
        for name, keys in TABLES.items():
            dynamodb.create_table(
                TableName=name,
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}
                    for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        self._tables = dynamodb_backends[ACCOUNT][REGION].tables
        self.nothing = self.copy()

    def copy(self) -> dict[str, Any]:
        """Returns a copy of all items, for `put_back`."""
        return {name: deepcopy(self._tables[name].items) for name in TABLES}

    def put_back(self, items: dict[str, Any]) -> None:
        """Replaces all items by those of a copy."""
        for name in TABLES:
            self._tables[name].items = deepcopy(items[name])

    def items(self, name: str) -> list[dict[str, Any]]:
        """Reads a table's items."""
        ranges = self._tables[name].items.values()
        return [item.to_regular_json() for items in ranges for item in items.values()]


@pytest.fixture(scope="module")
def tables(client: Callable[[str], Any]) -> Tables:
    """The history and state tables."""
    return Tables(client("dynamodb"))
