"""What AWS answers, each question asked once, and why it does not where it does not."""

import json
import re
from collections.abc import Callable
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from assay_cli.errors import AssayError

# A doctor asks often and waits seldom: what is out of reach is said soon.
_CONFIG = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2}
)

_DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "UnauthorizedOperation",
)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_FORBIDDEN = re.compile(r"explicit deny in (?P<policy>an? [A-Za-z -]*(policy|boundary))")
_NOT_ALLOWED = re.compile(r"because (?P<policy>no [A-Za-z -]*(policy|boundary)) allows")

# Most actions are called as their operations are; these are not.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
_ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
}


# Sessions must not make clients for several threads at once.
_CLIENTS = Lock()


class CouldNotLookError(AssayError):
    """Something could not be looked at.

    Args:
        reason: Why, for people.
        actions: The IAM actions that were denied.
    """

    def __init__(self, reason: str, actions: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.actions = actions


class Aws:
    """One region, as the credentials see it. Threads may share it.

    Args:
        session: Has the credentials.
        region: The region.

    Attributes:
        region: The region.
    """

    def __init__(self, session: boto3.Session, region: str) -> None:
        self._session = session
        self.region = region
        self._answers: dict[str, Any] = {}
        self._others: dict[str, Aws] = {}

    def in_region(self, region: str) -> "Aws":
        """The same account in a region."""
        if region == self.region:
            return self
        if region not in self._others:
            self._others[region] = Aws(self._session, region)
        return self._others[region]

    def call(self, service: str, method: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation.

        Args:
            service: As boto3 names it.
            method: As boto3 names it.
            **parameters: Its parameters.

        Raises:
            CouldNotLookError: The credentials may not, or AWS cannot be reached.
            ClientError: AWS refused for another reason.
        """
        answer: dict[str, Any] = self._once(
            service,
            method,
            parameters,
            lambda client: getattr(client, method)(**parameters),
        )
        return answer

    def pages(self, service: str, method: str, key: str, **parameters: Any) -> list[Any]:
        """Return what all pages of an operation's answer hold under a key.

        Raises:
            CouldNotLookError: As for `call`.
            ClientError: As for `call`.
        """
        found: list[Any] = self._once(
            service,
            method,
            parameters,
            lambda client: [
                item
                for page in client.get_paginator(method).paginate(**parameters)
                for item in page[key]
            ],
        )
        return found

    def find(
        self, service: str, method: str, absent: tuple[str, ...], **parameters: Any
    ) -> dict[str, Any] | None:
        """Call an operation on something that may not be there.

        Args:
            service: As for `call`.
            method: As for `call`.
            absent: The error codes that say so.
            **parameters: As for `call`.

        Raises:
            CouldNotLookError: As for `call`.
            ClientError: As for `call`.
        """
        try:
            return self.call(service, method, **parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] in absent:
                return None
            raise

    def _once(
        self,
        service: str,
        method: str,
        parameters: dict[str, Any],
        ask: Callable[[Any], Any],
    ) -> Any:
        question = json.dumps([service, method, parameters], sort_keys=True)
        if question not in self._answers:
            try:
                self._answers[question] = self._ask(service, method, ask)
            except (CouldNotLookError, ClientError) as error:
                self._answers[question] = error
        answer = self._answers[question]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ask(self, service: Any, method: str, ask: Callable[[Any], Any]) -> Any:
        try:
            with _CLIENTS:
                client = self._session.client(service, region_name=self.region, config=_CONFIG)
            return ask(client)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _DENIED:
                raise
            operation = client.meta.method_to_api_mapping[method]
            action = iam_action(client.meta.service_model.signing_name, operation)
            raise _denied(action, error) from error
        except ResponseParserError as error:
            # Its message would be the whole answer.
            raise CouldNotLookError(f"the answer to {service} {method} cannot be read") from error
        except (BotoCoreError, ValueError) as error:
            # An AWS_ENDPOINT_URL that is no URL is a mere ValueError.
            raise CouldNotLookError(str(error)) from error


def iam_action(service: str, operation: str) -> str:
    """The IAM action that allows an operation of an API."""
    action = f"{service}:{operation}"
    return _ACTIONS.get(action, action)


def _denied(action: str, error: ClientError) -> CouldNotLookError:
    message = error.response["Error"].get("Message", "")
    if found := _FORBIDDEN.search(message):
        reason = f"{found['policy']} forbids {action}"
    elif found := _NOT_ALLOWED.search(message):
        reason = f"{found['policy']} allows {action}"
    else:
        reason = f"the credentials lack {action}"
    return CouldNotLookError(reason, (action,))
