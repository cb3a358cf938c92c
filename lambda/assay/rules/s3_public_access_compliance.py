"""S3 buckets block public access, by themselves or by their account."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from assay.aws import error_code
from assay.resources import s3_bucket
from assay.resources.s3_bucket import LIST_BUCKETS, BucketRule
from assay.rule import Evaluation, Parameters, Permission, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

    from assay.aws import Aws

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
_SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_ALL = frozenset(_SETTINGS)
_ABSENT = "NoSuchPublicAccessBlockConfiguration"


@dataclass(frozen=True)
class Bucket(s3_bucket.Bucket):
    """The settings that are on for a bucket.

    Attributes:
        by_bucket: Those of the bucket's own.
        by_account: Those of its account.
        account_error: Why those of the account could not be read.
    """

    by_bucket: frozenset[str] = frozenset()
    by_account: frozenset[str] = frozenset()
    account_error: Exception | None = None


class S3PublicAccessCompliance(BucketRule[Parameters, Bucket]):
    """Judges the region's buckets by what blocks public access to them.

    S3 applies what the bucket and the account say together, so each setting may come from either.
    """

    name = "s3-public-access-compliance"
    requirement = "All public access to S3 buckets is blocked, by the bucket or by its account."
    rationale = (
        "One ACL or one policy can open a bucket to everybody. While public access is blocked, "
        "neither a mistake nor an intruder's change does so."
    )
    remedy = (
        "Turn on all four settings of S3 Block Public Access, for the account if no bucket in it "
        "is meant to be public, else for the bucket."
    )
    severity = Severity.HIGH
    permissions = (
        LIST_BUCKETS,
        Permission(("s3:GetAccountPublicAccessBlock",)),
        Permission(("s3:GetBucketPublicAccessBlock",), ("arn:{partition}:s3:::*",)),
    )
    record = Bucket

    def records(self, aws: Aws, names: Sequence[str]) -> list[Bucket]:
        """Makes records with what the account blocks, which is read once for all of them.

        Not being able to read that is the error of each bucket that does not block by itself.
        """
        buckets = super().records(aws, names)
        by_account: frozenset[str] = frozenset()
        problem = None
        try:
            by_account = _by_account(aws)
        except (ClientError, BotoCoreError) as error:
            problem = error
        return [replace(found, by_account=by_account, account_error=problem) for found in buckets]

    def complete(self, aws: Aws, resource: Bucket) -> Bucket:
        """Reads what a bucket blocks by itself.

        See https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html.
        """
        s3: S3Client = aws.client("s3")
        answer = s3_bucket.read(s3.get_public_access_block, resource, absent=[_ABSENT])
        by_bucket = _settings(answer)
        if resource.account_error is not None and by_bucket != _ALL:
            # Many buckets raise the same error, whose traceback would grow with each of them.
            raise resource.account_error.with_traceback(None)
        return replace(resource, by_bucket=by_bucket)

    def evaluate(
        self,
        resource: Bucket,
        parameters: Parameters,  # noqa: ARG002 - there are none
        now: datetime,  # noqa: ARG002 - settings do not age
    ) -> Evaluation:
        """Judges a bucket, whether anything in it is public or not."""
        on = resource.by_bucket | resource.by_account
        if on != _ALL:
            off = ", ".join(setting for setting in _SETTINGS if setting not in on)
            return Evaluation.non_compliant(f"Neither bucket nor account has turned on {off}.")
        by = "the bucket and its account together"
        if resource.by_bucket == _ALL:
            by = "the bucket"
        elif resource.by_account == _ALL:
            by = "the account"
        return Evaluation.compliant(f"All public access is blocked by {by}.")


def _by_account(aws: Aws) -> frozenset[str]:
    """See https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html."""
    try:
        answer = aws.client("s3control").get_public_access_block(AccountId=aws.account_id)
    except ClientError as error:
        if error_code(error) != _ABSENT:
            raise
        return frozenset()
    return _settings(answer)


def _settings(answer: Any) -> frozenset[str]:
    configuration = answer["PublicAccessBlockConfiguration"] if answer else {}
    return frozenset(setting for setting in _SETTINGS if configuration.get(setting))
