"""The account and region that a function works in, and its clients."""

from __future__ import annotations

import gc
import json
import re
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FUNCTION_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account_id>\d{12}):function:.+"
)


# https://docs.aws.amazon.com/general/latest/gr/mgmt-console.html
_CONSOLE = "{region}.console.aws.amazon.com"
_OTHER_CONSOLES = {
    "aws-cn": "{region}.console.amazonaws.cn",
    "aws-us-gov": "{region}.console.amazonaws-us-gov.com",
}
# A dashboard's page, as a rule's `console_path` is a resource's.
DASHBOARD_PATH = "cloudwatch/home?region={region}#dashboards/dashboard/{id}"


_CONNECT_TIMEOUT_SECONDS = 3
_READ_TIMEOUT_SECONDS = 20


class Aws:
    """One account in one region, with one client for each service.

    Threads may share it.

    Attributes:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        region: The region's code, such as `eu-west-1`.
        account_id: The account's twelve digits.
        concurrency: Calls of one client that may be under way at once.
        calls: How often each operation was called, as `service:Operation`; a call that botocore
            repeats counts once.
    """

    def __init__(
        self, *, partition: str, region: str, account_id: str, concurrency: int = 16
    ) -> None:
        self.partition = partition
        self.region = region
        self.account_id = account_id
        self.concurrency = concurrency
        self.calls: Counter[str] = Counter()
        self._clients: dict[str, Any] = {}
        self._lock = Lock()

    @classmethod
    def from_function_arn(cls, arn: str, *, concurrency: int = 16) -> Self:
        """Reads partition, region and account from a Lambda function's ARN.

        Raises:
            ValueError: It is not such an ARN.
        """
        match = _FUNCTION_ARN.fullmatch(arn)
        if match is None:
            raise ValueError(f"function ARN: must be that of a Lambda function, got {arn!r}")
        return cls(**match.groupdict(), concurrency=concurrency)

    def client(self, service: str) -> Any:
        """Returns the service's boto3 client, made at the first call and kept."""
        with self._lock:
            if service not in self._clients:
                with _uncollected():
                    self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        # Only here, because rules are read at deploy time too, where nothing is called.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        if boto3.DEFAULT_SESSION is None:
            boto3.setup_default_session(botocore_session=_core_session())
        client: Any = boto3.client(
            service,  # type: ignore[call-overload]
            region_name=self.region,
            config=Config(
                # A message whose answer was lost may have been sent: it is not sent again at once,
                # or each copy of a sweep's rest would make copies of its own.
                retries={"mode": "adaptive", "max_attempts": 0 if service == "sqs" else 6},
                max_pool_connections=self.concurrency,
                # With botocore's own minute for each, one call's attempts would outlast the
                # function.
                connect_timeout=_CONNECT_TIMEOUT_SECONDS,
                read_timeout=_READ_TIMEOUT_SECONDS,
            ),
        )
        client.meta.events.register("before-call", self._count)
        client.meta.events.register("after-call", _require_json)
        return client

    def _count(self, model: Any, **_: Any) -> None:
        with self._lock:
            self.calls[f"{model.service_model.service_name}:{model.name}"] += 1

    def fill(self, template: str, **values: str) -> str:
        """Fills an ARN template's `{partition}`, `{region}`, `{account}` and the given values."""
        return template.format(
            partition=self.partition, region=self.region, account=self.account_id, **values
        )

    def console_url(self, path: str, resource_id: str) -> str:
        """Returns the address of a resource's page in the AWS console.

        Args:
            path: A rule's `console_path`.
            resource_id: The id that stands for `{id}` in it.
        """
        host = self.fill(_OTHER_CONSOLES.get(self.partition, _CONSOLE))
        return f"https://{host}/{self.fill(path, id=quote(resource_id, safe=''))}"


def _core_session() -> Any:
    """Makes a session that reads timestamps fast.

    Descriptions are full of them, no rule but few read any, and with botocore's own parser they
    take a third of the time of a listing in XML.
    """
    from botocore.session import get_session  # noqa: PLC0415 - as above

    session = get_session()
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_read_time)
    return session


def _read_time(value: Any) -> datetime:
    from botocore.utils import parse_timestamp  # noqa: PLC0415 - as above

    with suppress(TypeError, ValueError):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
    return parse_timestamp(value)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps the garbage collector from looking through service models while they are read.

    All of them stay, and looking takes a quarter of a cold start.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _require_json(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """Refuses a cut answer, which botocore takes for an empty one where services speak JSON."""
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - as above

    body = http_response.content
    if parsed.keys() <= {"ResponseMetadata"} and body.startswith(b"{"):
        try:
            json.loads(body)
        except ValueError:
            raise ResponseParserError(f"an answer of {len(body)} bytes is no JSON") from None


def starting_at(name: str, token: str | None) -> dict[str, Any]:
    """Returns the parameter by which a listing goes on; none at its beginning.

    Args:
        name: The parameter's name in the API, such as `NextToken`.
        token: What the page before said.
    """
    return {} if token is None else {name: token}


def error_code(error: Exception) -> str:
    """Names a failed call: AWS's error code, or what happened when there was no answer."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__
