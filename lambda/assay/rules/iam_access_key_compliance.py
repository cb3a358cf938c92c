"""IAM users' access keys are replaced in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from assay.messages import counted
from assay.resources import iam_user
from assay.resources.iam_user import LIST_USERS, USER_ARNS, UserRule
from assay.rule import Evaluation, Parameters, Permission, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_iam import IAMClient

    from assay.aws import Aws
    from assay.parameters import Problem

_MAXIMUM_DAYS = 3650


@dataclass(frozen=True)
class AccessKeyParameters(Parameters):
    """How old access keys may be.

    Attributes:
        maximum_age_days: Days after its creation that an access key may be active, 1 to 3650.
            Default: 90.
    """

    maximum_age_days: int = 90

    def problems(self) -> Iterator[Problem]:
        """Yields an age that makes no sense."""
        if not 1 <= self.maximum_age_days <= _MAXIMUM_DAYS:
            yield "maximum_age_days", f"must be 1 to {_MAXIMUM_DAYS}, got {self.maximum_age_days}"


@dataclass(frozen=True)
class AccessKey:
    """An access key and when it was created."""

    key_id: str
    created_at: datetime


@dataclass(frozen=True)
class User(iam_user.User):
    """A user's active access keys."""

    active_keys: tuple[AccessKey, ...] = ()


class IamAccessKeyCompliance(UserRule[AccessKeyParameters, User]):
    """Judges IAM users by the age of their active access keys; inactive ones do not count."""

    name = "iam-access-key-compliance"
    requirement = "Active access keys of IAM users are not older than the allowed days."
    rationale = (
        "An access key works for whoever has it, until somebody ends it. The longer one is in use, "
        "the more places it has been copied to."
    )
    remedy = (
        "Replace the access key by a new one, or better by a role, whose credentials expire by "
        "themselves. Then deactivate and delete it."
    )
    severity = Severity.MEDIUM
    permissions = (LIST_USERS, Permission(("iam:GetUser", "iam:ListAccessKeys"), USER_ARNS))
    Parameters = AccessKeyParameters
    record = User

    def complete(self, aws: Aws, resource: User) -> User:
        """Reads a user's access keys, of which there are two at most.

        See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html and
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html.
        """
        iam: IAMClient = aws.client("iam")
        keys = iam_user.read(iam.list_access_keys, resource)["AccessKeyMetadata"]
        active = [
            AccessKey(key["AccessKeyId"], key["CreateDate"])
            for key in keys
            if key["Status"] == "Active"
        ]
        return replace(resource, active_keys=tuple(active))

    def evaluate(
        self, resource: User, parameters: AccessKeyParameters, now: datetime
    ) -> Evaluation:
        """Judges a user; one without active access keys is not applicable."""
        if not resource.active_keys:
            return Evaluation.not_applicable("The user has no active access key.")
        days = parameters.maximum_age_days
        age = counted(days, "day")
        # The day and no age, or else the reason of one and the same verdict would change daily;
        # and no whole id, which scanners for credentials would find in every report.
        old = [
            f"the one that ends with {key.key_id[-4:]}, created on {key.created_at:%Y-%m-%d}"
            for key in resource.active_keys
            if now - key.created_at > timedelta(days=days)
        ]
        if old:
            return Evaluation.non_compliant(
                f"Active access keys older than {age}: {'; '.join(old)}."
            )
        return Evaluation.compliant(f"No active access key is older than {age}.")
