"""S3 buckets keep versions of their objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.resources import s3_bucket
from assay.resources.s3_bucket import LIST_BUCKETS, BucketRule
from assay.rule import Evaluation, Parameters, Permission, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

    from assay.aws import Aws


@dataclass(frozen=True)
class VersioningParameters(Parameters):
    """Which versioning is required.

    Attributes:
        require_mfa_delete: Whether deleting a version must need MFA too. Default: False.
    """

    require_mfa_delete: bool = False


@dataclass(frozen=True)
class Bucket(s3_bucket.Bucket):
    """A bucket's versioning; without a status it has never been enabled."""

    status: str | None = None
    has_mfa_delete: bool = False


class S3VersioningCompliance(BucketRule[VersioningParameters, Bucket]):
    """Judges the region's buckets by their versioning."""

    name = "s3-versioning-compliance"
    requirement = "S3 buckets keep versions of their objects."
    rationale = (
        "With versioning an object that is overwritten or deleted, by mistake or by an intruder, "
        "can be brought back."
    )
    remedy = (
        "Enable the bucket's versioning, with a lifecycle rule that expires old versions. Only the "
        "account's root user can enable MFA delete."
    )
    severity = Severity.MEDIUM
    permissions = (
        LIST_BUCKETS,
        Permission(("s3:GetBucketVersioning",), ("arn:{partition}:s3:::*",)),
    )
    Parameters = VersioningParameters
    record = Bucket

    def complete(self, aws: Aws, resource: Bucket) -> Bucket:
        """Reads a bucket's versioning.

        See https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html.
        """
        s3: S3Client = aws.client("s3")
        answer = s3_bucket.read(s3.get_bucket_versioning, resource)
        return replace(
            resource,
            status=answer.get("Status"),
            has_mfa_delete=answer.get("MFADelete") == "Enabled",
        )

    def evaluate(
        self,
        resource: Bucket,
        parameters: VersioningParameters,
        now: datetime,  # noqa: ARG002 - versioning does not age
    ) -> Evaluation:
        """Judges a bucket; one whose versioning is suspended keeps no new versions."""
        if resource.status is None:
            return Evaluation.non_compliant("Versioning has never been enabled.")
        if resource.status != "Enabled":
            return Evaluation.non_compliant(f"Versioning is {resource.status.lower()}.")
        if parameters.require_mfa_delete and not resource.has_mfa_delete:
            return Evaluation.non_compliant("Versioning is enabled, but MFA delete is not.")
        return Evaluation.compliant("Versioning is enabled.")
