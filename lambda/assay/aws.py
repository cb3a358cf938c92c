"""The account and region that a function works in, and its clients."""

from __future__ import annotations

import re
from typing import Any, Self

from botocore.exceptions import ClientError

_FUNCTION_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account_id>\d{12}):function:.+"
)


class Aws:
    """One account in one region, with one client for each service.

    Attributes:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        region: The region's code, such as `eu-west-1`.
        account_id: The account's twelve digits.
    """

    def __init__(self, *, partition: str, region: str, account_id: str) -> None:
        self.partition = partition
        self.region = region
        self.account_id = account_id
        self._clients: dict[str, Any] = {}

    @classmethod
    def from_function_arn(cls, arn: str) -> Self:
        """Reads partition, region and account from a Lambda function's ARN.

        Raises:
            ValueError: It is not such an ARN.
        """
        match = _FUNCTION_ARN.fullmatch(arn)
        if match is None:
            raise ValueError(f"function ARN: must be that of a Lambda function, got {arn!r}")
        return cls(**match.groupdict())

    def client(self, service: str) -> Any:
        """Returns the service's boto3 client, made at the first call and kept."""
        # Only here, because rules are read at deploy time too, where nothing is called.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,  # type: ignore[call-overload]
                region_name=self.region,
                config=Config(retries={"mode": "adaptive", "max_attempts": 6}),
            )
        return self._clients[service]

    def fill(self, template: str, **values: str) -> str:
        """Fills an ARN template's `{partition}`, `{region}`, `{account}` and the given values."""
        return template.format(
            partition=self.partition, region=self.region, account=self.account_id, **values
        )


def error_code(error: Exception) -> str:
    """Names a failed call: AWS's error code, or what happened when there was no answer."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__
