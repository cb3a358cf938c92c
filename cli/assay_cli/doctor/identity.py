"""Whose the credentials are."""

from collections.abc import Iterator
from dataclasses import dataclass

import boto3
from botocore import exceptions
from botocore.exceptions import ClientError

from assay_cli.doctor.aws import Aws, CouldNotLookError
from assay_cli.doctor.check import Finding, check, error, ok

_LOG_IN = "aws sso login, or export AWS_PROFILE=..., or AWS_ACCESS_KEY_ID and the like"
_EXPIRED = ("ExpiredToken", "ExpiredTokenException")


@dataclass(frozen=True)
class Identity:
    """Whose the credentials are; or why that is not known.

    Attributes:
        account_id: The account; empty where it is not known.
        principal: The ARN; empty where it is not known.
        problem: Why it is not known.
        remedy: What mends that.
    """

    account_id: str = ""
    principal: str = ""
    problem: str | None = None
    remedy: str = _LOG_IN


@check(
    name="credentials",
    what="there are credentials, and AWS takes them",
    why="Neither Terraform nor this command can do anything without.",
    remedy=_LOG_IN,
)
def credentials(identity: Identity) -> Iterator[Finding]:
    """Say whose they are."""
    if identity.problem:
        yield error(identity.problem, identity.remedy)
    else:
        yield ok(f"{identity.principal} in account {identity.account_id}")


def identify(session: boto3.Session, region: str) -> Identity:
    """Ask AWS whose credentials these are, which takes no permission.

    Args:
        session: Has the credentials, if there are any.
        region: Where to ask.
    """
    try:
        answer = Aws(session, region).call("sts", "get_caller_identity")
    except CouldNotLookError as failure:
        return _unreached(failure)
    except ClientError as refused:
        return _refused(refused)
    return Identity(answer["Account"], answer["Arn"])


def _unreached(failure: CouldNotLookError) -> Identity:
    match failure.__cause__:
        case exceptions.NoCredentialsError():
            return Identity(problem="there are no credentials")
        case exceptions.ConnectionError() | exceptions.HTTPClientError():
            return Identity(problem=f"AWS is out of reach: {failure}", remedy="mend the network")
        case _:
            return Identity(problem=str(failure))


def _refused(refused: ClientError) -> Identity:
    told = refused.response["Error"]
    code, message = told["Code"], told.get("Message", "")
    if code in _EXPIRED:
        return Identity(problem="the credentials have expired", remedy=_LOG_IN)
    if code == "SignatureDoesNotMatch":
        remedy = f"set this machine's clock; or {_LOG_IN}"
        return Identity(problem=f"AWS refuses the signature: {message}", remedy=remedy)
    return Identity(problem=f"AWS refuses the credentials: {code}: {message}")
