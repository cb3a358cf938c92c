"""A handler is called as the Lambda runtime calls it."""

import json
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from assay_cli import lambda_bootstrap

CONTEXT: dict[str, Any] = {
    "function_name": "name",
    "function_version": "$LATEST",
    "invoked_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:name",
    "memory_limit_in_mb": "128",
    "aws_request_id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "log_group_name": "/aws/lambda/name",
    "log_stream_name": "2026/11/23/[$LATEST]0",
}


@pytest.fixture
def request_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a request to a handler with the given source."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "modules", {**sys.modules})

    def make(source: str, event: object = None, handler: str = "subject.handler") -> dict[str, Any]:
        (tmp_path / "subject.py").write_text(source)
        return {
            "path": [str(tmp_path)],
            "handler": handler,
            "event": event,
            "deadline": time.monotonic() + 30,
            "context": CONTEXT,
        }

    return make


def test_handler_s_return_value_is_the_payload(request_for: Any) -> None:
    request = request_for("def handler(event, context): return {'got': event}", {"a": 1})
    assert lambda_bootstrap.run(request) == {"payload": {"got": {"a": 1}}}


def test_handler_in_a_package_is_named_with_slashes_or_dots(
    request_for: Any, tmp_path: Path
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text("def handler(event, context): return 1")
    for name in ("package.module.handler", "package/module.handler"):
        assert lambda_bootstrap.run(request_for("", handler=name)) == {"payload": 1}


def test_context_has_what_the_runtime_tells(request_for: Any) -> None:
    source = (
        "def handler(event, context):\n"
        f"    told = {{name: getattr(context, name) for name in {list(CONTEXT)}}}\n"
        "    return told, context.get_remaining_time_in_millis(), context.client_context\n"
    )
    told, remaining, client_context = lambda_bootstrap.run(request_for(source))["payload"]
    assert told == CONTEXT
    assert 25_000 < remaining <= 30_000
    assert client_context is None


def test_no_time_remains_after_the_deadline() -> None:
    context = lambda_bootstrap.LambdaContext(**CONTEXT, deadline=0)
    assert context.get_remaining_time_in_millis() == 0


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("def handler(event, context): raise ValueError('no such thing')", "ValueError", "no such"),
        ("import nothing_of_this_name", "ModuleNotFoundError", "nothing_of_this_name"),
        ("other = None", "AttributeError", "handler"),
        ("def handler(event, context): return {1}", "TypeError", "not JSON serializable"),
    ],
)
def test_failure_is_answered_and_logged_as_lambda_does(
    request_for: Any, capsys: pytest.CaptureFixture[str], source: str, kind: str, message: str
) -> None:
    error = lambda_bootstrap.run(request_for(source))["error"]
    assert error["errorType"] == kind
    assert message in error["errorMessage"]
    assert error["stackTrace"]
    assert f"{kind}: " in capsys.readouterr().err


def test_program_reads_the_request_and_writes_the_result(
    request_for: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, result = tmp_path / "request.json", tmp_path / "result.json"
    request.write_text(json.dumps(request_for("def handler(event, context): return 'done'")))
    monkeypatch.setattr(sys, "argv", [lambda_bootstrap.__file__, str(request), str(result)])
    runpy.run_path(lambda_bootstrap.__file__, run_name="__main__")
    assert json.loads(result.read_text()) == {"payload": "done"}
