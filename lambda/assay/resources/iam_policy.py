"""IAM's customer managed policies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from assay.aws import error_code, starting_at
from assay.rule import Page, Parameters, Permission, Resource, ResourceGoneError, Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import PolicyTypeDef

    from assay.aws import Aws

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html
_PAGE_SIZE = 1000


@dataclass(frozen=True)
class Policy(Resource):
    """A policy.

    Attributes:
        attachments: How many users, groups and roles it is attached to.
        version_id: The version in force.
        document: That version's document, decoded; None until it is read.
    """

    attachments: int
    version_id: str
    document: object = None


P = TypeVar("P", bound=Parameters)


class PolicyRule(Rule[P, Policy]):
    """Base of the rules on customer managed policies, which belong to no region.

    Listing does not tell a policy's document.
    """

    resource_type = "AWS::IAM::Policy"
    # AWS Config's resource id is the PolicyId, by which no policy can be asked for.
    identified_by = "ARN"
    # A path and a name: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html
    id_pattern = r"(?:[A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,128}"
    arn_format = "arn:{partition}:iam::{account}:policy/{id}"
    console_path = "iam/home?region={region}#/policies/details/{id}?section=permissions"
    # What these can be limited to:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    permissions = (
        Permission(("iam:ListPolicies",)),
        Permission(
            ("iam:GetPolicy", "iam:GetPolicyVersion"),
            ("arn:{partition}:iam::{account}:policy/*",),
        ),
    )

    @classmethod
    def console_url(cls, aws: Aws, arn: str) -> str:
        """Returns the address of a policy's page, where the console takes the ARN."""
        return aws.console_url(cls.console_path, arn)

    def page(self, aws: Aws, token: str | None) -> Page[Policy]:
        """Lists policies; see the page that is named above."""
        iam: IAMClient = aws.client("iam")
        answer = iam.list_policies(
            Scope="Local", MaxItems=_PAGE_SIZE, **starting_at("Marker", token)
        )
        return Page([_record(policy) for policy in answer["Policies"]], answer.get("Marker"))

    def named(self, aws: Aws, ids: Collection[str]) -> Iterator[Policy]:
        """Yields the policies with these paths and names, each by a call of its own."""
        iam: IAMClient = aws.client("iam")
        for policy_id in ids:
            try:
                policy = iam.get_policy(PolicyArn=self.arn(aws, policy_id))["Policy"]
            except ClientError as error:
                if error_code(error) != "NoSuchEntity":
                    raise
            else:
                yield _record(policy)

    def complete(self, aws: Aws, resource: Policy) -> Policy:
        """Reads the document of the version in force.

        See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html.
        """
        iam: IAMClient = aws.client("iam")
        try:
            answer = iam.get_policy_version(
                PolicyArn=resource.resource_id, VersionId=resource.version_id
            )
        except ClientError as error:
            if error_code(error) == "NoSuchEntity":
                raise ResourceGoneError(resource.resource_id) from error
            raise
        return replace(resource, document=answer["PolicyVersion"]["Document"])


def _record(policy: PolicyTypeDef) -> Policy:
    return Policy(
        policy["Arn"], policy["PolicyId"], policy["AttachmentCount"], policy["DefaultVersionId"]
    )
