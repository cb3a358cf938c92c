"""Runs deployed Lambda functions on this machine, from the zip that is deployed.

The embedded AWS runs no Lambda code. What runs here is the deployed zip with the deployed
environment variables in a fresh process that can import nothing else but what the Lambda runtime
brings: boto3 and what that needs.
"""

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from assay_cli import lambda_bootstrap, processes
from assay_cli.errors import AssayError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_lambda.type_defs import FunctionConfigurationTypeDef

# What a handler needs of this machine to reach AWS at all; everything else is the function's own.
_PASSED_ON = ("PATH", "TMPDIR", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "AWS_ENDPOINT_URL_S3_CONTROL")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

_DOWNLOAD_TIMEOUT_SECONDS = 60


class InvokeError(AssayError):
    """The function could not be run."""


class FunctionError(AssayError):
    """The function ran and failed.

    Attributes:
        error: errorType, errorMessage and stackTrace, as Lambda answers them
            (https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html).
        log: what the function wrote.
    """

    def __init__(self, function_name: str, error: Mapping[str, Any], log: str) -> None:
        super().__init__(f"{function_name}: {error['errorType']}: {error['errorMessage']}")
        self.error = error
        self.log = log


@dataclass(frozen=True)
class Result:
    """What an invocation gave.

    Attributes:
        payload: the handler's return value.
        log: what the function wrote.
    """

    payload: Any
    log: str


def invoke(
    session: "boto3.Session",
    function_name: str,
    event: Mapping[str, Any],
    *,
    endpoint_url: str | None = None,
) -> Any:
    """Run a deployed function once and return its payload.

    Args:
        session: of the function's account and region; the handler gets its credentials.
        function_name: the function's name or ARN.
        event: what the handler is called with.
        endpoint_url: the embedded AWS, where `AWS_ENDPOINT_URL` does not say it.

    Raises:
        FunctionError: the handler raised, timed out, or its process ended.
        InvokeError: what is deployed cannot be run here.
    """
    with Invocation(session, function_name, event, endpoint_url=endpoint_url) as invocation:
        return invocation.result().payload


def scheduled_event(
    session: "boto3.Session",
    function_name: str,
    time: datetime | None = None,
    *,
    endpoint_url: str | None = None,
) -> dict[str, Any]:
    """Return the event by which EventBridge's schedule invokes the function.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html

    Args:
        session: of the function's account and region.
        function_name: the function's name or ARN.
        time: when the schedule strikes; now by default. EventBridge gives whole seconds.
        endpoint_url: the embedded AWS, where `AWS_ENDPOINT_URL` does not say it.
    """
    arn = session.client("lambda", endpoint_url=endpoint_url).get_function_configuration(
        FunctionName=function_name
    )["FunctionArn"]
    _, partition, _, region, account = arn.split(":")[:5]
    rules = session.client("events", endpoint_url=endpoint_url).list_rule_names_by_target(
        TargetArn=arn
    )["RuleNames"]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": f"{(time or datetime.now(UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [f"arn:{partition}:events:{region}:{account}:rule/{rule}" for rule in rules],
        "detail": {},
    }


class Invocation:
    """One run of a deployed function's handler, which goes on beside the caller.

    As a context it starts the run, and ends it where it still goes on. Arguments and errors are
    those of `invoke`.
    """

    def __init__(
        self,
        session: "boto3.Session",
        function_name: str,
        event: Mapping[str, Any],
        *,
        endpoint_url: str | None = None,
    ) -> None:
        self._session = session
        self._function_name = function_name
        self._event = event
        self._endpoint_url = endpoint_url or os.environ.get("AWS_ENDPOINT_URL")
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        """Fetch the function and start its handler."""
        self._credentials = _credentials(self._session)
        client = self._session.client("lambda", endpoint_url=self._endpoint_url)
        function = client.get_function(FunctionName=self._function_name)
        configuration = function["Configuration"]
        self._name = configuration["FunctionName"]
        self._timeout_seconds = configuration["Timeout"]
        self._refuse_what_is_not_python(configuration)
        code = self._download(function["Code"]["Location"], configuration["CodeSha256"])
        with ExitStack() as resources:
            folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="assay-")))
            task, runtime = folder / "task", folder / "runtime"
            with zipfile.ZipFile(io.BytesIO(code)) as archive:
                archive.extractall(task)
            expose_runtime(runtime)
            self._log_file = folder / "log"
            self._result_file = folder / "result.json"
            request_file = folder / "request.json"
            # Both processes have the same clock, so the handler knows when it will be ended.
            self._deadline = time.monotonic() + self._timeout_seconds
            request_file.write_text(
                json.dumps(
                    {
                        "path": [str(task), str(runtime)],
                        "handler": configuration["Handler"],
                        "event": self._event,
                        "deadline": self._deadline,
                        "context": self._context(configuration),
                    }
                ),
                encoding="utf-8",
            )
            self._process = resources.enter_context(
                processes.child(
                    [
                        sys.executable,
                        "-I",
                        "-S",
                        # Unbuffered, so that the log has everything in its order.
                        "-u",
                        lambda_bootstrap.__file__,
                        str(request_file),
                        str(self._result_file),
                    ],
                    cwd=task,
                    env=self._environment(configuration, task),
                    stdin=subprocess.DEVNULL,
                    stdout=resources.enter_context(self._log_file.open("wb")),
                    stderr=subprocess.STDOUT,
                )
            )
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._resources.close()

    def result(self) -> Result:
        """Wait for the handler and return what it gave.

        Raises:
            FunctionError: it raised, timed out, or its process ended.
        """
        timed_out = False
        try:
            self._process.wait(max(0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            processes.end(self._process)
            timed_out = True
        log = self._log_file.read_text(encoding="utf-8", errors="replace")
        if self._result_file.exists():
            result = json.loads(self._result_file.read_text(encoding="utf-8"))
        elif timed_out:
            message = f"Task timed out after {self._timeout_seconds} seconds"
            result = {"error": _runtime_error("Sandbox.Timedout", message)}
        else:
            message = f"Runtime exited with exit status {self._process.returncode}"
            result = {"error": _runtime_error("Runtime.ExitError", message)}
        if "error" in result:
            raise FunctionError(self._name, result["error"], log)
        return Result(result["payload"], log)

    def _refuse_what_is_not_python(self, configuration: "FunctionConfigurationTypeDef") -> None:
        runtime = configuration.get("Runtime", "")
        if configuration.get("PackageType", "Zip") != "Zip" or not runtime.startswith("python"):
            raise InvokeError(
                f"{self._name}: only zip packages with a Python runtime can be run here, got "
                f"package type {configuration.get('PackageType')!r} with runtime {runtime!r}"
            )

    def _download(self, location: str, sha256: str) -> bytes:
        address = urlsplit(location)
        request = urllib.request.Request(location)  # noqa: S310 - GetFunction's own answer
        opener = urllib.request.build_opener()
        if self._endpoint_url and (address.hostname or "").endswith(
            (".amazonaws.com", ".amazonaws.com.cn")
        ):
            # What the embedded AWS calls AWS is itself; an endpoint is reached without a proxy.
            request = urllib.request.Request(  # noqa: S310
                f"{self._endpoint_url.rstrip('/')}{address.path}", headers={"Host": address.netloc}
            )
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_DOWNLOAD_TIMEOUT_SECONDS) as answer:
                code: bytes = answer.read()
        except OSError as error:
            raise InvokeError(f"{self._name}: its code could not be fetched: {error}") from error
        found = base64.b64encode(hashlib.sha256(code).digest()).decode()
        if found != sha256:
            raise InvokeError(
                f"{self._name}: the code fetched is not the code deployed: SHA-256 must be "
                f"{sha256}, got {found}"
            )
        return code

    def _context(self, configuration: "FunctionConfigurationTypeDef") -> dict[str, str]:
        return {
            "function_name": self._name,
            "function_version": configuration["Version"],
            "invoked_function_arn": configuration["FunctionArn"],
            "memory_limit_in_mb": str(configuration["MemorySize"]),
            "aws_request_id": str(uuid.uuid4()),
            "log_group_name": f"/aws/lambda/{self._name}",
            "log_stream_name": f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}",
        }

    def _environment(
        self, configuration: "FunctionConfigurationTypeDef", task: Path
    ) -> dict[str, str]:
        """Return what the runtime sets, then the function's own variables, then the way to AWS.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        """
        environment = {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "AWS_DEFAULT_REGION": self._session.region_name,
            "AWS_REGION": self._session.region_name,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration['Runtime']}",
            "AWS_LAMBDA_FUNCTION_NAME": self._name,
            "AWS_LAMBDA_FUNCTION_VERSION": configuration["Version"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            "LAMBDA_TASK_ROOT": str(task),
            "TZ": ":UTC",
            "_HANDLER": configuration["Handler"],
            **configuration.get("Environment", {}).get("Variables", {}),
        }
        if self._endpoint_url:
            environment["AWS_ENDPOINT_URL"] = self._endpoint_url
        else:
            for name in (*_PROXIES, *map(str.lower, _PROXIES)):
                if name in os.environ:
                    environment[name] = os.environ[name]
        return environment | self._credentials


def _credentials(session: "boto3.Session") -> dict[str, str]:
    credentials = session.get_credentials()
    if credentials is None:
        raise InvokeError(
            "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    frozen = credentials.get_frozen_credentials()
    variables = {
        "AWS_ACCESS_KEY_ID": frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        "AWS_SESSION_TOKEN": frozen.token,
    }
    return {name: value for name, value in variables.items() if value}


def _runtime_error(kind: str, message: str) -> dict[str, Any]:
    return {"errorType": kind, "errorMessage": message, "stackTrace": []}


def expose_runtime(folder: Path) -> None:
    """Make a folder from which exactly what the Lambda runtime brings can be imported.

    That is boto3 and all that it requires
    (https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html), as installed here.

    Args:
        folder: a new folder; it gets links to the installed packages.
    """
    folder.mkdir()
    for distribution in _closure("boto3"):
        for name in {file.parts[0] for file in distribution.files or ()}:
            if name not in ("..", "__pycache__"):
                (folder / name).symlink_to(Path(str(distribution.locate_file(name))).resolve())


def _closure(name: str) -> Iterator[metadata.Distribution]:
    """Yield a distribution and those that it requires, each once."""
    waiting, seen = [name], {name}
    while waiting:
        try:
            distribution = metadata.distribution(waiting.pop())
        except metadata.PackageNotFoundError:
            # Its marker excludes this Python or platform, else it would be installed.
            continue
        yield distribution
        for requirement in distribution.requires or ():
            required = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
            if "extra ==" not in requirement and required not in seen:
                seen.add(required)
                waiting.append(required)
