"""IAM users who can sign in to the console have MFA."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.resources import iam_user
from assay.resources.iam_user import LIST_USERS, USER_ARNS, UserRule
from assay.rule import Evaluation, Parameters, Permission, ResourceGoneError, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_iam import IAMClient

    from assay.aws import Aws


@dataclass(frozen=True)
class User(iam_user.User):
    """A user's MFA, and, only where there is none, whether there is a console password."""

    has_mfa: bool = False
    has_password: bool = False


class IamMfaCompliance(UserRule[Parameters, User]):
    """Judges IAM users by their MFA devices, of whatever kind; the root user is none of them."""

    name = "iam-mfa-compliance"
    requirement = "IAM users with a console password have an MFA device."
    rationale = (
        "A password can be guessed, reused or given away to a false sign-in page. With MFA it is "
        "not enough to get in."
    )
    remedy = (
        "Assign an MFA device to the user, best a passkey or security key, or delete a console "
        "password that nobody needs."
    )
    severity = Severity.HIGH
    permissions = (
        LIST_USERS,
        Permission(("iam:GetUser", "iam:ListMFADevices", "iam:GetLoginProfile"), USER_ARNS),
    )
    record = User

    def complete(self, aws: Aws, resource: User) -> User:
        """Reads a user's MFA devices, and whether there is a password where there are none.

        See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html and
        https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetLoginProfile.html.
        """
        iam: IAMClient = aws.client("iam")
        if iam_user.read(iam.list_mfa_devices, resource)["MFADevices"]:
            return replace(resource, has_mfa=True)
        try:
            iam_user.read(iam.get_login_profile, resource)
        except ResourceGoneError:
            # The user was there a moment ago: it is the password that does not exist.
            return resource
        return replace(resource, has_password=True)

    def evaluate(
        self,
        resource: User,
        parameters: Parameters,  # noqa: ARG002 - there are none
        now: datetime,  # noqa: ARG002 - MFA does not age
    ) -> Evaluation:
        """Judges a user; one who has neither MFA nor a console password is not applicable."""
        if resource.has_mfa:
            return Evaluation.compliant("The user has an MFA device.")
        if resource.has_password:
            return Evaluation.non_compliant("The user has a console password and no MFA device.")
        return Evaluation.not_applicable("The user has no console password.")
