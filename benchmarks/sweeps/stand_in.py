"""An HTTP server that speaks just enough of AWS's protocols for sweeps and for reports.

Each answer is made to wait. It serves from a thread of its own and keeps what sweeps write, so that
the next one finds it, and of the objects in S3 how large they are.
"""

import asyncio
import contextlib
import hashlib
import json
from collections import Counter, deque
from collections.abc import Iterator
from http import HTTPStatus
from threading import Thread
from typing import NamedTuple, cast
from urllib.parse import unquote

from sweeps import resources
from sweeps.requests import LAMBDAS_OWN, Request
from sweeps.resources import Resources
from sweeps.tables import DynamoDBError, Table, Tables

HISTORY_TABLE, STATE_TABLE = "compliance-history", "compliance-state"
HEAD_END = b"\r\n\r\n"
ALWAYS_THE_SAME: dict[str, object] = {
    "sqs:DeleteMessage": {},
    "config:DescribeConfigurationRecorderStatus": {
        "ConfigurationRecordersStatus": [
            {"name": "recorder", "recording": True, "lastStatus": "Success"}
        ]
    },
}


class Answer(NamedTuple):
    """An HTTP answer."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK


class StandIn:
    """The server and what it knows.

    Attributes:
        resources: What the listings tell.
        latency_seconds: How long each answer waits; requests wait side by side.
        calls: How often each operation was asked for.
        objects: The sizes in bytes of the objects in S3, by bucket and key.
        connections: Those that are open.
        endpoint_url: Where it listens, while it is used as a context.
    """

    endpoint_url: str

    def __init__(self, swept: Resources, latency_seconds: float) -> None:
        self.resources = swept
        self.latency_seconds = latency_seconds
        self.calls: Counter[str] = Counter()
        self.objects: dict[str, int] = {}
        self.history = Table("resource_id", "evaluation_timestamp")
        self.state = Table("rule_name", "resource_id")
        self._tables = Tables({HISTORY_TABLE: self.history, STATE_TABLE: self.state})
        self.connections: set[asyncio.Transport] = set()
        self._messages: deque[str] = deque()

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve in a thread, on a free port of the loopback interface."""
        loop = asyncio.new_event_loop()
        thread = Thread(target=loop.run_forever, daemon=True)
        thread.start()
        serve = loop.create_server(lambda: _Connection(self, loop), "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(serve, loop).result()
        self.endpoint_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(self._hang_up(server), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _hang_up(self, server: asyncio.Server) -> None:
        server.close()
        for transport in self.connections:
            transport.abort()
        # A turn of the loop, in which they are closed.
        await asyncio.sleep(0)

    def change(self) -> None:
        """Let one resource in a hundred change."""
        self.resources.changed = True

    def state_pages(self, rule_name: str) -> int:
        """Count the pages of a Query of a rule's state."""
        return self.state.pages(rule_name)

    def fill_history(self, sweeps: int) -> None:
        """Let history hold nothing but what the latest sweep wrote, as many times over."""
        latest = [items[max(items)].read() for items in self.history.partitions.values()]
        self.history.clear()
        for sweep in range(sweeps):
            for item in latest:
                item["evaluation_timestamp"] = {"S": f"2026-01-{sweep + 1:02}T00:00:00.000000Z"}
                self.history.put(item)

    def answer(self, request: Request) -> Answer:
        """Answer a request, whatever it is."""
        operation = request.operation()
        if operation not in LAMBDAS_OWN:
            self.calls[operation] += 1
        service, _, name = operation.partition(":")
        try:
            if service == "s3":
                return self._answer_s3(request)
            if service == "dynamodb":
                return Answer(self._tables.answer(name, json.loads(request.body)).encode())
            return Answer(self._answer_other(operation, request))
        except DynamoDBError as error:
            return Answer(str(error).encode(), HTTPStatus.BAD_REQUEST)

    def _answer_other(self, operation: str, request: Request) -> bytes:
        match operation:
            case "ec2:DescribeInstances":
                token = request.parameters().get("NextToken", "")
                return resources.instances_page(self.resources, token)
            case "rds:DescribeDBInstances":
                token = request.parameters().get("Marker", "")
                return resources.databases_page(self.resources, token)
            case "sns:Publish":
                result = {"PublishResult": {"MessageId": "m"}}
                return resources.xml(PublishResponse=result).encode()
            case "sqs:SendMessage":
                text = json.loads(request.body)["MessageBody"]
                self._messages.append(text)
                digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
                return json.dumps({"MessageId": "m", "MD5OfMessageBody": digest}).encode()
            case "sqs:ReceiveMessage":
                message = {"MessageId": "m", "ReceiptHandle": "r", "Body": self._messages.popleft()}
                return json.dumps({"Messages": [message]}).encode()
        if operation in ALWAYS_THE_SAME:
            return json.dumps(ALWAYS_THE_SAME[operation]).encode()
        raise DynamoDBError("UnknownOperationException", f"no {operation} here")

    def _answer_s3(self, request: Request) -> Answer:
        if request.copy_source:
            self.objects[request.bucket] = self.objects[unquote(request.copy_source)]
            return Answer(resources.xml(CopyObjectResult={"ETag": '"e"'}).encode())
        if request.method == "PUT":
            self.objects[request.bucket] = len(request.body)
            return Answer(b"")
        if not request.bucket:
            token = request.parameters().get("continuation-token", "")
            return Answer(resources.buckets_page(self.resources, token))
        found = resources.encryption(self.resources, request.bucket)
        if found is not None:
            return Answer(found)
        code = "ServerSideEncryptionConfigurationNotFoundError"
        return Answer(resources.xml(Error={"Code": code}).encode(), HTTPStatus.NOT_FOUND)


class _Connection(asyncio.Protocol):
    """One connection, which carries one request after another."""

    def __init__(self, server: StandIn, loop: asyncio.AbstractEventLoop) -> None:
        self._server, self._loop = server, loop
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self._transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._server.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        request = self._request()
        if request is not None:
            self._loop.call_later(self._server.latency_seconds, self._answer, request)

    def _request(self) -> Request | None:
        """Take a request off what was received, once all of it is there."""
        end = self._received.find(HEAD_END)
        if end < 0:
            return None
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        start = end + len(HEAD_END)
        size = start + int(headers.get("content-length", 0))
        if len(self._received) < size:
            if "expect" in headers and len(self._received) == start:
                # Until then boto3 keeps a file's content back.
                self._transport.write(b"HTTP/1.1 100 Continue" + HEAD_END)
            return None
        body = bytes(self._received[start:size])
        del self._received[:size]
        method, target, _ = first.split(" ")
        source = headers.get("x-amz-copy-source", "")
        return Request(method, target, headers.get("x-amz-target", ""), body, source)

    def _answer(self, request: Request) -> None:
        body, status = self._server.answer(request)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: {len(body)}\r\n"
            "x-amzn-RequestId: r\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
