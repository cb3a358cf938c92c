"""IAM users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from botocore.exceptions import ClientError

from assay.aws import error_code, starting_at
from assay.rule import Page, Parameters, Permission, Resource, ResourceGoneError, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import UserTypeDef

    from assay.aws import Aws

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
_PAGE_SIZE = 1000


@dataclass(frozen=True)
class User(Resource):
    """A user by its ARN, which holds path and name; each rule adds what it reads of it."""

    @property
    def user_name(self) -> str:
        """The name, which is unique in the account whatever the path."""
        return _name(self.resource_id)


P = TypeVar("P", bound=Parameters)
U = TypeVar("U", bound=User)

# What these can be limited to:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
LIST_USERS = Permission(("iam:ListUsers",))
USER_ARNS = ("arn:{partition}:iam::{account}:user/*",)


class UserRule(Rule[P, U]):
    """Base of the rules on IAM users, who belong to no region: every region lists them all.

    Attributes:
        record: The rule's record of a user; its further fields have defaults.
    """

    resource_type = "AWS::IAM::User"
    # AWS Config's resource id is the UserId, by which no user can be asked for.
    identified_by = "ARN"
    # A path and a name: https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html
    id_pattern = r"(?:[!-~]{1,510}/)?[A-Za-z0-9_+=,.@-]{1,64}"
    arn_format = "arn:{partition}:iam::{account}:user/{id}"
    console_path = "iam/home?region={region}#/users/details/{id}?section=security_credentials"

    record: ClassVar[type[User]]

    @classmethod
    def console_url(cls, aws: Aws, arn: str) -> str:
        """Returns the address of a user's page, where the console takes the name alone."""
        return aws.console_url(cls.console_path, _name(arn))

    def page(self, aws: Aws, token: str | None) -> Page[U]:
        """Lists users; see the page that is named above."""
        iam: IAMClient = aws.client("iam")
        answer = iam.list_users(MaxItems=_PAGE_SIZE, **starting_at("Marker", token))
        return Page([self._record(user) for user in answer["Users"]], answer.get("Marker"))

    def named(self, aws: Aws, ids: Collection[str]) -> Iterator[U]:
        """Yields the users with these paths and names, each by a call of its own."""
        iam: IAMClient = aws.client("iam")
        for user_id in ids:
            try:
                user = iam.get_user(UserName=_name(user_id))["User"]
            except ClientError as error:
                if error_code(error) != "NoSuchEntity":
                    raise
            else:
                # A user can be moved to another path, and has another ARN from then on.
                if user["Arn"] == self.arn(aws, user_id):
                    yield self._record(user)

    def _record(self, user: UserTypeDef) -> U:
        return cast("U", self.record(user["Arn"], user["UserId"]))


def read(call: Callable[..., Any], user: User) -> Any:
    """Calls an IAM operation on a user, and returns its answer.

    Raises:
        ResourceGoneError: IAM knows no such user, or nothing of the kind that was asked for.
        botocore.exceptions.ClientError: The user cannot be read.
    """
    try:
        return call(UserName=user.user_name)
    except ClientError as error:
        if error_code(error) == "NoSuchEntity":
            raise ResourceGoneError(user.resource_id) from error
        raise


def _name(arn_or_id: str) -> str:
    return arn_or_id.rpartition("/")[2]
