"""The embedded AWS: a moto server that lives as long as the command that needs it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from assay_cli import processes
from assay_cli.errors import AssayError

KEEP = "keep\n"

REGION = "us-east-1"
# The account that every moto server has.
ACCOUNT_ID = "123456789012"

_SECONDS_TO_STOP = 5


def in_use() -> bool:
    """Whether the environment leads to an endpoint instead of AWS: it runs no Lambda code."""
    return bool(os.environ.get("AWS_ENDPOINT_URL"))


class EmbeddedAwsError(AssayError):
    """The embedded AWS did not start."""


class EmbeddedAws:
    """A moto server in a process of its own, on a free port of the loopback interface.

    It ends with the context. It also ends when this process does, however that happens: it watches
    its standard input, which the operating system closes then. Only after `keep` it stays.

    Args:
        log_file: where the server's messages go; without one they are only shown when it does not
            start.
        inherited: file descriptors that the server holds open while it runs, such as a lock's.

    Attributes:
        endpoint: its address, `http://127.0.0.1:PORT`.
        pid: the number of its process.
    """

    endpoint: str
    pid: int

    def __init__(self, *, log_file: Path | None = None, inherited: Sequence[int] = ()) -> None:
        self._log_file = log_file
        self._inherited = inherited
        self._resources = ExitStack()
        self._kept = False

    def __enter__(self) -> Self:
        """Start the server and wait until it listens.

        Raises:
            EmbeddedAwsError: it ended instead; the message has what it said.
        """
        with ExitStack() as resources:
            log = resources.enter_context(
                self._log_file.open("w+", encoding="utf-8")
                if self._log_file
                else tempfile.TemporaryFile("w+", encoding="utf-8")
            )
            self._process = resources.enter_context(
                processes.child(
                    [sys.executable, "-m", "assay_cli.embedded_aws_server"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    pass_fds=self._inherited,
                    env={
                        **_without_aws(os.environ),
                        # The managed policies, such as AWS_ConfigRole, are there only if asked for.
                        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
                    },
                )
            )
            resources.callback(self._let_end)
            ready = cast("IO[str]", self._process.stdout).readline()
            if not ready:
                log.seek(0)
                raise EmbeddedAwsError(
                    "the embedded AWS did not start; is assay installed with its extra `local`? "
                    f"The server said:\n{log.read().strip()}"
                )
            self.pid = self._process.pid
            self.endpoint = f"http://127.0.0.1:{json.loads(ready)['port']}"
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server, unless it is kept, and release what it held."""
        self._resources.close()

    def keep(self) -> None:
        """Let the server outlive this process; SIGTERM to `pid` stops it."""
        stdin = cast("IO[str]", self._process.stdin)
        stdin.write(KEEP)
        stdin.flush()
        processes.release(self._process)
        self._kept = True

    def variables(self) -> dict[str, str]:
        """Return the environment variables by which AWS clients reach the server.

        https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
        """
        direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1")))
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            # S3 Control puts the account in front of the host; so it falls on a user's name.
            "AWS_ENDPOINT_URL_S3_CONTROL": self.endpoint.replace("//", "//account@"),
            "AWS_ACCESS_KEY_ID": "embedded",
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # Profiles may name roles to assume, or endpoints.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": direct,
            "no_proxy": direct,
        }

    def environment(self) -> dict[str, str]:
        """Return this process's environment, with the embedded AWS as the only AWS in it."""
        return {**_without_aws(os.environ), **self.variables()}

    @contextmanager
    def exported(self) -> Iterator[None]:
        """Make the embedded AWS the one of this process too, until the context ends."""
        before = dict(os.environ)
        after = self.environment()
        _replace_environment(after)
        try:
            yield
        finally:
            _replace_environment(before)

    def _let_end(self) -> None:
        """Close the server's input, on which it ends by itself."""
        if self._kept:
            return
        cast("IO[str]", self._process.stdin).close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_SECONDS_TO_STOP)


def _without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("AWS_") or name == "AWS_CA_BUNDLE"
    }


def _replace_environment(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)
