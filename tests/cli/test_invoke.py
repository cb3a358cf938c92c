"""Deployed functions run here as they would in Lambda."""

import base64
import hashlib
import io
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.invoke import (
    FunctionError,
    Invocation,
    InvokeError,
    expose_runtime,
    invoke,
    scheduled_event,
)

ECHO = "def handler(event, context): return event"


def test_payload_is_what_the_deployed_handler_returns(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    assert invoke(session, deploy_function(ECHO), {"a": [1]}) == {"a": [1]}


def test_endpoint_may_be_given_instead_of_exported(
    aws: EmbeddedAws,
    deploy_function: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    session: boto3.Session,
) -> None:
    name = deploy_function("import os\ndef handler(event, context): return dict(os.environ)")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    variables = invoke(session, name, {}, endpoint_url=aws.endpoint)
    assert variables["AWS_ENDPOINT_URL"] == aws.endpoint


def test_handler_imports_its_zip_and_boto3_and_nothing_of_this_environment(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function(
        "import importlib.util, boto3, botocore, dateutil, jmespath, s3transfer, six, urllib3\n"
        "def handler(event, context):\n"
        "    return [name for name in event['names'] if importlib.util.find_spec(name)]\n"
    )
    names = ["assay", "assay_cli", "cdktf", "moto", "pytest", "rich", "yaml", "function", "json"]
    assert invoke(session, name, {"names": names}) == ["function", "json"]


def test_handler_gets_its_deployed_variables_and_none_of_this_process(
    session: boto3.Session,
    deploy_function: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    aws: EmbeddedAws,
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_WORKSTATION", "x")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    name = deploy_function(
        "import os\ndef handler(event, context): return dict(os.environ)",
        Environment={"Variables": {"DYNAMODB_TABLE": "table"}},
        MemorySize=256,
    )
    variables = invoke(session, name, {})
    assert "SECRET_OF_THE_WORKSTATION" not in variables
    assert "HTTPS_PROXY" not in variables
    assert variables["DYNAMODB_TABLE"] == "table"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert variables["AWS_REGION"] == "us-east-1"
    assert variables["AWS_ENDPOINT_URL"] == aws.endpoint
    assert variables["AWS_ACCESS_KEY_ID"] == "embedded"
    assert "AWS_SESSION_TOKEN" not in variables


def test_handler_gets_the_session_s_credentials(
    deploy_function: Callable[..., str], session: boto3.Session
) -> None:
    assert session
    name = deploy_function("import os\ndef handler(event, context): return dict(os.environ)")
    temporary = boto3.Session("key", "secret", "token", region_name="us-east-1")
    variables = invoke(temporary, name, {})
    assert variables["AWS_ACCESS_KEY_ID"] == "key"
    assert variables["AWS_SECRET_ACCESS_KEY"] == "secret"
    assert variables["AWS_SESSION_TOKEN"] == "token"


def test_handler_learns_its_function_from_the_context(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function(
        "def handler(event, context):\n"
        "    return [context.function_name, context.invoked_function_arn, "
        "context.memory_limit_in_mb, context.log_group_name]\n"
    )
    assert invoke(session, name, {}) == [
        name,
        f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        "128",
        f"/aws/lambda/{name}",
    ]


def test_log_is_what_the_function_writes(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    source = (
        "import sys\ndef handler(event, context):\n    print('out')\n    sys.stderr.write('err')\n"
    )
    with Invocation(session, deploy_function(source), {}) as invocation:
        assert invocation.result().log == "out\nerr"


def test_error_of_the_function_carries_its_answer_and_its_log(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function(
        "def handler(event, context):\n    print('before')\n    raise KeyError('x')\n"
    )
    with pytest.raises(FunctionError, match=f"{name}: KeyError: 'x'") as caught:
        invoke(session, name, {})
    assert caught.value.error["errorType"] == "KeyError"
    assert "before" in caught.value.log
    assert "Traceback" in caught.value.log


def test_time_out_ends_the_function(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function(
        "import time\ndef handler(event, context):\n    print('in'); time.sleep(60)\n",
        Timeout=2,
    )
    with pytest.raises(FunctionError, match=r"Sandbox\.Timedout: .* after 2 seconds") as error:
        invoke(session, name, {})
    assert error.value.log == "in\n"


def test_function_is_told_no_more_time_than_it_has(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function(
        "import time\ndef handler(event, context):\n"
        "    while (left := context.get_remaining_time_in_millis()):\n"
        "        print(left)\n        time.sleep(0.02)\n"
        "    time.sleep(60)\n",
        Timeout=3,
    )
    with Invocation(session, name, {}) as invocation:
        started = time.monotonic()
        # Its time passes whether anybody waits for it or not.
        time.sleep(2.9)
        with pytest.raises(FunctionError, match="after 3 seconds") as error:
            invocation.result()
    assert time.monotonic() - started < 5.5
    told = [int(line) for line in error.value.log.splitlines()]
    assert told == sorted(told, reverse=True)
    assert told[0] < 3000
    assert told[-1] < 1000


def test_process_that_ends_itself_is_a_failure(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function("import os\ndef handler(event, context): os._exit(7)\n")
    with pytest.raises(FunctionError, match=r"Runtime\.ExitError: .* exit status 7"):
        invoke(session, name, {})


@pytest.mark.parametrize(
    "settings",
    [
        {"Runtime": "nodejs22.x"},
        {"PackageType": "Image", "Code": {"ImageUri": "1.dkr.ecr.us-east-1.amazonaws.com/a:b"}},
    ],
)
def test_only_python_zips_can_be_run(
    session: boto3.Session, deploy_function: Callable[..., str], settings: dict[str, Any]
) -> None:
    name = deploy_function(ECHO, **settings)
    with pytest.raises(InvokeError, match=r"only zip packages with a Python .* got package"):
        invoke(session, name, {})


def changed_answer(session: boto3.Session, change: Callable[[dict[str, Any]], None]) -> None:
    """Let the change be made to what the Lambda API answers to GetFunction."""
    session.events.register(
        "after-call.lambda.GetFunction", lambda parsed, **_: change(parsed), unique_id="change"
    )


def test_code_that_is_not_the_deployed_code_is_refused(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function(ECHO)
    changed_answer(session, lambda answer: answer["Configuration"].update(CodeSha256="other"))
    with pytest.raises(InvokeError, match="SHA-256 must be other, got "):
        invoke(session, name, {})


def test_code_that_cannot_be_fetched_is_an_error(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function(ECHO)
    nowhere = "https://awslambda-us-east-1-tasks.s3.us-east-1.amazonaws.com/nothing"
    changed_answer(session, lambda answer: answer["Code"].update(Location=nowhere))
    with pytest.raises(InvokeError, match="could not be fetched: HTTP Error 404"):
        invoke(session, name, {})


def test_missing_credentials_are_named(
    aws: EmbeddedAws, session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert session
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(InvokeError, match="no AWS credentials: set AWS_ACCESS_KEY_ID"):
        invoke(boto3.Session(), "name", {}, endpoint_url=aws.endpoint)


@pytest.fixture
def zip_server() -> Iterator[tuple[str, bytes]]:
    """Serves a function's zip at an address that carries a signature, as AWS does."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr(
            "function.py", "import os\ndef handler(event, context): return dict(os.environ)"
        )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/code?X-Amz-Signature=1" else 403)
            self.end_headers()
            self.wfile.write(archive.getvalue())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/code?X-Amz-Signature=1", archive.getvalue()
        server.shutdown()


def test_against_aws_itself_the_location_is_used_as_it_is_and_the_proxy_passed_on(
    zip_server: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    location, code = zip_server
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    session = boto3.Session("key", "secret", region_name="eu-west-1")
    sha256 = base64.b64encode(hashlib.sha256(code).digest()).decode()
    body = (
        '{"Configuration": {"FunctionName": "name", "Runtime": "python3.13", "Timeout": 30,'
        '"Version": "$LATEST", "MemorySize": 128, "Handler": "function.handler",'
        '"FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:name",'
        f'"CodeSha256": "{sha256}"}}, "Code": {{"Location": "{location}"}}}}'
    )

    def answer(**_: object) -> AWSResponse:
        raw = io.BytesIO(body.encode())
        raw.stream = lambda **_: iter([raw.read()])  # type: ignore[attr-defined]
        return AWSResponse("https://lambda", 200, HTTPHeaders(), raw)

    session.events.register("before-send.lambda.GetFunction", answer)  # type: ignore[arg-type]
    variables = invoke(session, "name", {})
    assert "AWS_ENDPOINT_URL" not in variables
    assert variables["https_proxy"] == "http://proxy.example:3128"
    assert variables["NO_PROXY"] == "127.0.0.1"


def test_scheduled_event_is_eventbridge_s(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    name = deploy_function(ECHO)
    arn = session.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    events = session.client("events")
    events.put_rule(Name="compliance-schedule-test", ScheduleExpression="cron(0 */6 * * ? *)")
    events.put_targets(Rule="compliance-schedule-test", Targets=[{"Id": "1", "Arn": arn}])
    event = scheduled_event(session, name, datetime(2026, 11, 23, 6, tzinfo=UTC))
    events.remove_targets(Rule="compliance-schedule-test", Ids=["1"])
    events.delete_rule(Name="compliance-schedule-test")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", event.pop("id"))
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-23T06:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/compliance-schedule-test"],
        "detail": {},
    }


def test_scheduled_event_gives_its_time_in_utc(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    elsewhere = datetime(2026, 11, 23, 6, tzinfo=timezone(timedelta(hours=2)))
    event = scheduled_event(session, deploy_function(ECHO), elsewhere)
    assert event["time"] == "2026-11-23T04:00:00Z"


def test_scheduled_event_is_of_now_by_default(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    event = scheduled_event(session, deploy_function(ECHO))
    time = datetime.fromisoformat(event["time"])
    assert before <= time <= datetime.now(UTC)


def test_runtime_leaves_out_what_is_required_on_other_platforms_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "boto3-1.0.dist-info").mkdir(parents=True)
    (site / "boto3-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: boto3\nVersion: 1.0\n"
        'Requires-Dist: not-installed-here (>=1) ; sys_platform == "none"\n'
        'Requires-Dist: rich ; extra == "pretty"\n'
        "Requires-Dist: six>=1\n"
    )
    (site / "boto3-1.0.dist-info" / "RECORD").write_text("boto3/__init__.py,,\n../bin/tool,,\n")
    monkeypatch.syspath_prepend(site)
    expose_runtime(tmp_path / "runtime")
    names = {entry.name for entry in (tmp_path / "runtime").iterdir()}
    assert {"boto3", "six.py"} <= names
    assert not names & {"rich", "..", "bin", "__pycache__"}
