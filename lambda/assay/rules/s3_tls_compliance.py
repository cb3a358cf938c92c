"""S3 buckets deny requests without TLS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.policy_documents import matches, statements, texts
from assay.resources import s3_bucket
from assay.resources.s3_bucket import LIST_BUCKETS, BucketRule
from assay.rule import Evaluation, Parameters, Permission, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

    from assay.aws import Aws


@dataclass(frozen=True)
class Bucket(s3_bucket.Bucket):
    """A bucket's policy, decoded; None when there is none."""

    policy: object = None


class S3TlsCompliance(BucketRule[Parameters, Bucket]):
    """Judges the region's buckets by what their policies deny.

    A statement counts that denies (`Effect`) everybody (`Principal` is `*`, also as `AWS`) every
    action (`Action` has `*` or `s3:*`) when there is no TLS: its `Condition` is that
    `aws:SecureTransport` is false, by `Bool` or `BoolIfExists`, or it has none. `Resource` must
    cover the bucket and all objects, in one such statement or in several together; wildcards count.

    A statement with any further condition does not count, nor with `NotPrincipal`, `NotAction` or
    `NotResource`. Nor does one on `s3:TlsVersion`: a request without TLS has no TLS version, so
    that a comparison with one lets it pass.
    """

    name = "s3-tls-compliance"
    requirement = "S3 bucket policies deny all requests that are made without TLS."
    rationale = (
        "S3 answers requests by plain HTTP too. Whoever is on the way of one can read and change "
        "what is sent, and use a presigned address that it names."
    )
    remedy = (
        "Add a statement to the bucket's policy that denies principal * the action s3:* on the "
        "bucket and its objects when aws:SecureTransport is false."
    )
    severity = Severity.MEDIUM
    permissions = (
        LIST_BUCKETS,
        Permission(("s3:GetBucketPolicy",), ("arn:{partition}:s3:::*",)),
    )
    record = Bucket

    def complete(self, aws: Aws, resource: Bucket) -> Bucket:
        """Reads a bucket's policy.

        See https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html.
        """
        s3: S3Client = aws.client("s3")
        answer = s3_bucket.read(s3.get_bucket_policy, resource, absent=["NoSuchBucketPolicy"])
        return (
            resource if answer is None else replace(resource, policy=json.loads(answer["Policy"]))
        )

    def evaluate(
        self,
        resource: Bucket,
        parameters: Parameters,  # noqa: ARG002 - there are none
        now: datetime,  # noqa: ARG002 - policies do not age
    ) -> Evaluation:
        """Judges a bucket; a statement whose resources are the bucket alone is not enough."""
        if resource.policy is None:
            return Evaluation.non_compliant("There is no bucket policy.")
        denying = [found for found in statements(resource.policy) if _denies(found)]
        patterns = [pattern for found in denying for pattern in texts(found.get("Resource"))]
        arn = resource.resource_id
        bucket = any(matches(pattern, arn) for pattern in patterns)
        # What matches the beginning of every object's ARN and ends with * matches all the rest.
        objects = any(found.endswith("*") and matches(found, f"{arn}/") for found in patterns)
        if bucket and objects:
            return Evaluation.compliant("The bucket policy denies all requests without TLS.")
        if bucket or objects:
            denied, open_ = ("bucket", "objects") if bucket else ("objects", "bucket")
            return Evaluation.non_compliant(
                f"The bucket policy denies requests without TLS to the {denied}, "
                f"but not to the {open_}."
            )
        return Evaluation.non_compliant("The bucket policy does not deny requests without TLS.")


def _denies(statement: Mapping[str, object]) -> bool:
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        principal = principal.get("AWS")
    return (
        statement.get("Effect") == "Deny"
        and "*" in texts(principal)
        and any(action.lower() in {"*", "s3:*"} for action in texts(statement.get("Action")))
        and _holds_without_tls(statement.get("Condition", {}))
    )


def _holds_without_tls(condition: object) -> bool:
    return isinstance(condition, Mapping) and all(
        operator in {"Bool", "BoolIfExists"}
        and isinstance(keys, Mapping)
        and all(
            key.lower() == "aws:securetransport"
            and any(value.lower() == "false" for value in texts(values))
            for key, values in keys.items()
        )
        for operator, keys in condition.items()
    )
