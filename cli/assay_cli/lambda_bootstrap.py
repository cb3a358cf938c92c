"""Runs one invocation of a deployed function's handler, as the Lambda runtime does.

Started as `python -I -S lambda_bootstrap.py REQUEST RESULT`, so that nothing of the workstation's
own environment is importable: only the folders that the request names. Therefore it imports the
standard library alone.
"""

import importlib
import json
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LambdaContext:
    """What the runtime tells a handler about its invocation.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html

    Attributes:
        deadline: when the time-out strikes, in seconds of the monotonic clock, which all processes
            of a machine share (https://docs.python.org/3/library/time.html#time.monotonic).
    """

    function_name: str
    function_version: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    aws_request_id: str
    log_group_name: str
    log_stream_name: str
    deadline: float
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before the time-out, never less than 0."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Import the handler, call it, and return its payload or its error.

    Args:
        request: `path` (folders to import from), `handler` (`module.function`), `event`,
            `deadline`, and `context`, the other fields of `LambdaContext`.

    Returns:
        `{"payload": …}`, or `{"error": …}` with errorType, errorMessage and stackTrace
        (https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html).
    """
    sys.path[:0] = request["path"]
    module_name, _, function_name = request["handler"].rpartition(".")
    context = LambdaContext(**request["context"], deadline=request["deadline"])
    try:
        handler = getattr(importlib.import_module(module_name.replace("/", ".")), function_name)
        payload = handler(request["event"], context)
        # Here, so that a payload that is no JSON is the function's error, as it is in Lambda.
        json.dumps(payload)
    except Exception as error:  # noqa: BLE001 - whatever the function raises is its answer
        # The runtime logs it too.
        traceback.print_exception(error)
        return {
            "error": {
                "errorType": type(error).__name__,
                "errorMessage": str(error),
                "stackTrace": traceback.format_tb(error.__traceback__),
            }
        }
    return {"payload": payload}


def main(request_file: str, result_file: str) -> None:
    """Read the request, run it, and write the result."""
    result = run(json.loads(Path(request_file).read_text(encoding="utf-8")))
    Path(result_file).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
