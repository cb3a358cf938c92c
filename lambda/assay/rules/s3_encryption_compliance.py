"""S3 buckets encrypt new objects by default."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.resources import s3_bucket
from assay.resources.s3_bucket import LIST_BUCKETS, BucketRule
from assay.rule import Evaluation, Parameters, Permission, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

    from assay.aws import Aws
    from assay.parameters import Problem

_ALGORITHMS = ("AES256", "aws:kms", "aws:kms:dsse")
_KEY_ARN = re.compile(
    r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)"
)


@dataclass(frozen=True)
class EncryptionParameters(Parameters):
    """Which default encryption will do.

    Attributes:
        allowed_algorithms: Any of `AES256`, `aws:kms` and `aws:kms:dsse`. Default: all three.
        allowed_kms_keys: ARNs of the KMS keys, or of aliases, that buckets encrypted by KMS may
            use; none means any key. They are compared as they stand: an alias is not resolved to
            its key, so it allows only buckets that name the alias. Default: none.
    """

    allowed_algorithms: tuple[str, ...] = _ALGORITHMS
    allowed_kms_keys: tuple[str, ...] = ()

    def problems(self) -> Iterator[Problem]:
        """Yields unknown algorithms, keys that are not ARNs, and keys that could never count."""
        if not self.allowed_algorithms:
            yield (
                "allowed_algorithms",
                f"must name at least one of {', '.join(_ALGORITHMS)}, got []",
            )
        for algorithm in sorted(set(self.allowed_algorithms).difference(_ALGORITHMS)):
            allowed = f"must be among {', '.join(_ALGORITHMS)}"
            yield "allowed_algorithms", f"{allowed}, got {algorithm!r}"
        for key in self.allowed_kms_keys:
            if not _KEY_ARN.fullmatch(key):
                yield "allowed_kms_keys", f"must be ARNs of KMS keys or aliases, got {key!r}"
        if self.allowed_kms_keys and set(self.allowed_algorithms) == {"AES256"}:
            yield "allowed_kms_keys", "must be empty when only AES256 is allowed, got keys"


@dataclass(frozen=True)
class Bucket(s3_bucket.Bucket):
    """A bucket's default encryption; without a key of its own it uses the AWS managed one."""

    algorithm: str | None = None
    kms_key: str | None = None


class S3EncryptionCompliance(BucketRule[EncryptionParameters, Bucket]):
    """Judges the region's buckets by their default encryption."""

    name = "s3-encryption-compliance"
    requirement = "S3 buckets have default encryption with an allowed algorithm and KMS key."
    rationale = (
        "Default encryption protects every object that is written without a word about encryption. "
        "The choice of the key decides who else has to agree before an object can be read."
    )
    remedy = "Set the bucket's default encryption to an allowed algorithm and, by KMS, key."
    severity = Severity.HIGH
    permissions = (
        LIST_BUCKETS,
        Permission(("s3:GetEncryptionConfiguration",), ("arn:{partition}:s3:::*",)),
    )
    Parameters = EncryptionParameters
    record = Bucket

    def complete(self, aws: Aws, resource: Bucket) -> Bucket:
        """Reads a bucket's default encryption.

        See https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html.
        """
        s3: S3Client = aws.client("s3")
        absent = ["ServerSideEncryptionConfigurationNotFoundError"]
        answer = s3_bucket.read(s3.get_bucket_encryption, resource, absent=absent)
        if answer is None:
            return resource
        rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
        default = rules[0]["ApplyServerSideEncryptionByDefault"]
        key = default.get("KMSMasterKeyID")
        if key and not key.startswith("arn:"):
            # S3 takes a bare key id or alias as one of the bucket's own account and region.
            named = key if key.startswith("alias/") else f"key/{key}"
            key = aws.fill("arn:{partition}:kms:{region}:{account}:{named}", named=named)
        return replace(resource, algorithm=default["SSEAlgorithm"], kms_key=key)

    def evaluate(
        self,
        resource: Bucket,
        parameters: EncryptionParameters,
        now: datetime,  # noqa: ARG002 - encryption does not age
    ) -> Evaluation:
        """Judges a bucket; the keys matter only to one that is encrypted by KMS."""
        algorithm, key = resource.algorithm, resource.kms_key
        if algorithm is None:
            return Evaluation.non_compliant("There is no default encryption.")
        if algorithm not in parameters.allowed_algorithms:
            allowed = ", ".join(parameters.allowed_algorithms)
            return Evaluation.non_compliant(
                f"Default encryption is {algorithm}, not one of {allowed}."
            )
        keys = parameters.allowed_kms_keys
        if algorithm != "AES256" and keys and key not in keys:
            used = key or "the AWS managed key"
            return Evaluation.non_compliant(f"Default encryption uses {used}, not an allowed key.")
        return Evaluation.compliant(f"Default encryption is {algorithm}.")
