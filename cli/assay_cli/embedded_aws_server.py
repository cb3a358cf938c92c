"""The process of the embedded AWS: moto's server, and the little that it lacks.

Started by `assay_cli.embedded_aws`. It tells its port on standard output and serves until its
standard input ends, which the operating system sees to however the parent ends, or, once it has
read the line `keep`, until SIGTERM.
"""

import json
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any, TextIO

from moto.backends import get_backend
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs.models import Queue
from werkzeug.serving import BaseWSGIServer, make_server

from assay_cli.embedded_aws import KEEP

StartResponse = Callable[[str, list[tuple[str, str]]], object]
WsgiApplication = Callable[[dict[str, object], StartResponse], Iterable[bytes]]

_CODE_HOST = re.compile(r"awslambda-(?P<region>[a-z0-9-]+)-tasks\.s3\.")


class FunctionCode:
    """Serves functions' zips where GetFunction says that they are.

    moto's `Code.Location` names a bucket of the Lambda service that moto does not have
    (https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html).
    """

    def __init__(self, application: WsgiApplication) -> None:
        self._application = application

    def __call__(
        self, environ: dict[str, object], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request, as WSGI demands."""
        match = _CODE_HOST.match(str(environ.get("HTTP_HOST", "")))
        if match is None:
            return self._application(environ, start_response)
        code = _find_code(match["region"], str(environ["PATH_INFO"]).removeprefix("/"))
        if code is None:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        start_response(
            "200 OK",
            [("Content-Type", "application/zip"), ("Content-Length", str(len(code)))],
        )
        return [code]


def _find_code(region: str, key: str) -> bytes | None:
    for backends in get_backend("lambda").values():
        for function in backends[region].list_functions():
            if function.code.get("S3Key") == key:
                return bytes(function.code_bytes)
    return None


def count_loopback_as_secure_transport() -> None:
    """Let statements that refuse insecure transport refuse nothing.

    moto judges a bucket's policy without its conditions, so the usual statement that denies
    everything to plain HTTP would deny everything to everybody
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html).
    """
    judge = IAMPolicyStatement.is_action_permitted

    def judge_over_loopback(statement: Any, *arguments: Any) -> PermissionResult:
        conditions = statement._statement.get("Condition", {})  # noqa: SLF001 - moto shows it nowhere
        if conditions.get("Bool", {}).get("aws:SecureTransport") in ("false", ["false"]):
            return PermissionResult.NEUTRAL
        return judge(statement, *arguments)

    IAMPolicyStatement.is_action_permitted = judge_over_loopback


def answer_redrive_policies_without_spaces() -> None:
    """Let GetQueueAttributes answer a queue's redrive policy as AWS does, as compact JSON.

    Terraform compares it as text, so that it would see a change in moto's for ever.
    """
    answer: Callable[[Queue], dict[str, Any]] = Queue.attributes.fget

    def answer_compactly(queue: Queue) -> dict[str, Any]:
        attributes = answer(queue)
        if attributes["RedrivePolicy"]:
            policy = json.loads(attributes["RedrivePolicy"])
            attributes["RedrivePolicy"] = json.dumps(policy, separators=(",", ":"))
        return attributes

    Queue.attributes = property(answer_compactly)


def leave_messages_in_their_queues() -> None:
    """Let queues invoke no functions, whatever event source mappings say.

    moto would run each in Docker, and where there is none count a message as received each time.
    """
    Queue.lambda_event_source_mappings = property(lambda _: {}, lambda *_: None)


def _stop_with_the_parent(parent: TextIO, server: BaseWSGIServer) -> None:
    if parent.readline() != KEEP:
        server.shutdown()


def main() -> None:
    """Serve on a free port of the loopback interface."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # One line for each request would slow the server and fill the disk of a kept one.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    count_loopback_as_secure_transport()
    answer_redrive_policies_without_spaces()
    leave_messages_in_their_queues()
    server = make_server(
        "127.0.0.1",
        0,
        FunctionCode(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    sys.stdout.write(json.dumps({"port": server.port}) + "\n")
    sys.stdout.flush()
    # moto prints now and then, and nobody reads this pipe any more.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Thread(target=_stop_with_the_parent, args=(sys.stdin, server), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
