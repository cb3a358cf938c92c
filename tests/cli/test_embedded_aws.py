"""The embedded AWS lives as long as it is needed, and no longer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from assay_cli import embedded_aws
from assay_cli.embedded_aws import ACCOUNT_ID, EmbeddedAws, EmbeddedAwsError

PARENT = """
import sys, time
from assay_cli.embedded_aws import EmbeddedAws
with EmbeddedAws() as aws:
    if "keep" in sys.argv:
        aws.keep()
        aws.stop()
    print(aws.pid, aws.endpoint, flush=True)
    if "keep" not in sys.argv:
        time.sleep(300)
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def ends(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_running(pid)


def test_it_answers_until_the_context_ends(left_processes: Callable[[], list[str]]) -> None:
    with EmbeddedAws() as aws, aws.exported():
        assert boto3.client("sts").get_caller_identity()["Account"] == "123456789012"
        assert is_running(aws.pid)
    assert left_processes() == []


def test_two_have_ports_and_resources_of_their_own(aws: EmbeddedAws) -> None:
    with EmbeddedAws() as second:
        with second.exported():
            boto3.client("s3").create_bucket(Bucket="only-here")
        with aws.exported():
            buckets = boto3.client("s3").list_buckets()["Buckets"]
    assert "only-here" not in [bucket["Name"] for bucket in buckets]


def test_managed_policies_are_there(session: boto3.Session) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWS_ConfigRole"
    assert session.client("iam").get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn


def test_it_ends_when_the_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        assert is_running(pid)
        parent.kill()
    assert ends(pid)


def test_a_kept_one_outlives_its_parent_until_it_is_terminated() -> None:
    parent = subprocess.run(
        [sys.executable, "-c", PARENT, "keep"], capture_output=True, encoding="utf-8", check=True
    )
    pid, endpoint = parent.stdout.split()
    time.sleep(1)
    assert is_running(int(pid))
    boto3.client(
        "sts",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    ).get_caller_identity()
    os.kill(int(pid), signal.SIGTERM)
    assert ends(int(pid))


def test_it_holds_inherited_files_open() -> None:
    reader, writer = os.pipe()
    with EmbeddedAws(inherited=[writer]):
        os.close(writer)
        os.set_blocking(reader, False)
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_server_that_does_not_start_is_an_error_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "moto").mkdir()
    (tmp_path / "moto" / "__init__.py").write_text("raise ImportError('moto is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    log = tmp_path / "log"
    with pytest.raises(EmbeddedAwsError, match=r"(?s)extra `local`.*moto is broken"):
        EmbeddedAws(log_file=log).__enter__()
    assert "moto is broken" in log.read_text()


def test_environment_knows_no_other_aws(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/bundle.pem")
    monkeypatch.setenv("NO_PROXY", "internal.example")
    monkeypatch.setenv("UNRELATED", "stays")
    environment = aws.environment()
    assert environment["UNRELATED"] == "stays"
    assert environment["AWS_CA_BUNDLE"] == "/bundle.pem"
    assert environment["NO_PROXY"] == environment["no_proxy"] == "internal.example,127.0.0.1"
    assert {name for name in environment if name.startswith("AWS_")} == {
        "AWS_CA_BUNDLE",
        *(name for name in aws.variables() if name.startswith("AWS_")),
    }


def test_the_accounts_own_settings_of_s3_can_be_reached(aws: EmbeddedAws) -> None:
    blocked = {"BlockPublicAcls": True, "IgnorePublicAcls": True}
    blocked |= {"BlockPublicPolicy": True, "RestrictPublicBuckets": False}
    with aws.exported():
        s3control: Any = boto3.client("s3control")
        s3control.put_public_access_block(
            AccountId=ACCOUNT_ID, PublicAccessBlockConfiguration=blocked
        )
        answer = s3control.get_public_access_block(AccountId=ACCOUNT_ID)
    assert answer["PublicAccessBlockConfiguration"] == blocked


def test_exported_variables_are_taken_back(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    before = dict(os.environ)
    with aws.exported():
        assert os.environ["AWS_ENDPOINT_URL"] == aws.endpoint
        assert "AWS_PROFILE" not in os.environ
    assert dict(os.environ) == before


@pytest.mark.parametrize(("endpoint", "is_embedded"), [("http://127.0.0.1:1", True), ("", False)])
def test_endpoint_of_the_environment_is_taken_for_an_embedded_aws(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, is_embedded: bool
) -> None:
    assert not embedded_aws.in_use()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert embedded_aws.in_use() is is_embedded
