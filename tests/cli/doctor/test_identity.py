"""Whose the credentials are, and why that is not known."""

import os
from collections.abc import Callable

import boto3
import pytest

from assay_cli.doctor.identity import Identity, credentials, identify

Look = Callable[..., list[tuple[str, str, str | None]]]

LOG_IN = "aws sso login, or export AWS_PROFILE=..., or AWS_ACCESS_KEY_ID and the like"


def test_credentials_are_somebodys(session: boto3.Session, look: Look) -> None:
    found = identify(session, "us-east-1")
    arn = "arn:aws:sts::123456789012:user/moto"
    assert found == Identity("123456789012", arn)
    assert look(credentials, found) == [("ok", f"{arn} in account 123456789012", None)]


@pytest.mark.parametrize(
    ("code", "message", "problem", "remedy"),
    [
        ("ExpiredToken", "expired", "the credentials have expired", LOG_IN),
        ("ExpiredTokenException", "expired", "the credentials have expired", LOG_IN),
        (
            "SignatureDoesNotMatch",
            "Signature not yet current",
            "AWS refuses the signature: Signature not yet current",
            f"set this machine's clock; or {LOG_IN}",
        ),
        (
            "InvalidClientTokenId",
            "The security token is invalid",
            "AWS refuses the credentials: InvalidClientTokenId: The security token is invalid",
            LOG_IN,
        ),
    ],
)
def test_refused_credentials_are_told(
    session: boto3.Session,
    look: Look,
    stub: Callable[..., None],
    code: str,
    message: str,
    problem: str,
    remedy: str,
) -> None:
    stub("sts.GetCallerIdentity", code=code, message=message)
    assert look(credentials, identify(session, "us-east-1")) == [("error", problem, remedy)]


@pytest.fixture
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.mark.usefixtures("_no_credentials")
def test_missing_credentials_are_told() -> None:
    assert identify(boto3.Session(), "us-east-1") == Identity(problem="there are no credentials")


@pytest.mark.usefixtures("_no_credentials")
def test_credentials_that_are_not_whole_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    found = identify(boto3.Session(), "us-east-1")
    assert found.problem == ("Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY")
    assert found.remedy == LOG_IN


def test_a_network_without_aws_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    session = boto3.Session(aws_access_key_id="any", aws_secret_access_key="any")
    found = identify(session, "us-east-1")
    assert (found.problem or "").startswith("AWS is out of reach: ")
    assert found.remedy == "mend the network"
