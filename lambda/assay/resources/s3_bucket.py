"""S3 buckets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from botocore.exceptions import ClientError

from assay.aws import error_code, starting_at
from assay.rule import Page, Parameters, Permission, Resource, ResourceGoneError, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from mypy_boto3_s3 import S3Client

    from assay.aws import Aws

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
_PAGE_SIZE = 10_000


@dataclass(frozen=True)
class Bucket(Resource):
    """A bucket by its name; each rule adds what it reads of it."""


P = TypeVar("P", bound=Parameters)
B = TypeVar("B", bound=Bucket)

LIST_BUCKETS = Permission(("s3:ListAllMyBuckets",))


class BucketRule(Rule[P, B]):
    """Base of the rules on buckets: the region's buckets, of which a listing tells the names only.

    Attributes:
        record: The rule's record of a bucket; its further fields have defaults.
    """

    resource_type = "AWS::S3::Bucket"
    id_pattern = r"[A-Za-z0-9._-]{3,255}"
    arn_format = "arn:{partition}:s3:::{id}"
    console_path = "s3/buckets/{id}?region={region}"

    record: ClassVar[type[Bucket]]

    def page(self, aws: Aws, token: str | None) -> Page[B]:
        """Lists buckets; see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html."""
        s3: S3Client = aws.client("s3")
        answer = s3.list_buckets(
            BucketRegion=aws.region,
            MaxBuckets=_PAGE_SIZE,
            **starting_at("ContinuationToken", token),
        )
        names = [bucket["Name"] for bucket in answer["Buckets"]]
        return Page(self.records(aws, names), answer.get("ContinuationToken") or None)

    def named(self, aws: Aws, ids: Collection[str]) -> list[B]:
        """Returns the buckets with these names that are the account's and the region's own.

        Each is asked for, since a name that was given up may be another account's by now, which
        reading the bucket would take for access denied.
        """
        s3: S3Client = aws.client("s3")
        names = []
        for name in ids:
            answer = s3.list_buckets(BucketRegion=aws.region, Prefix=name)
            if any(bucket["Name"] == name for bucket in answer["Buckets"]):
                names.append(name)
        return self.records(aws, names)

    def records(self, aws: Aws, names: Sequence[str]) -> list[B]:
        """Makes the rule's records of buckets."""
        return [cast("B", self.record(self.arn(aws, name), name)) for name in names]


def read(call: Callable[..., Any], bucket: Bucket, *, absent: Iterable[str] = ()) -> Any:
    """Calls an S3 operation on a bucket, and returns its answer.

    Args:
        call: The client's method.
        bucket: The bucket.
        absent: Error codes by which S3 says that the bucket has no such configuration.

    Returns:
        The answer; None where there is no such configuration.

    Raises:
        ResourceGoneError: The bucket does not exist.
        botocore.exceptions.ClientError: The bucket cannot be read.
    """
    try:
        return call(Bucket=bucket.config_resource_id)
    except ClientError as error:
        code = error_code(error)
        if code == "NoSuchBucket":
            raise ResourceGoneError(bucket.resource_id) from error
        if code in absent:
            return None
        raise
