"""Any rule on buckets serves here: it lists as its base does."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.resources.s3_bucket import read
from assay.rule import Page, ResourceGoneError
from assay.rules.s3_encryption_compliance import Bucket, S3EncryptionCompliance

RULE = S3EncryptionCompliance()
GONE = Bucket("arn:aws:s3:::vanished", "vanished")


def test_the_buckets_of_the_region_are_listed(aws: Aws) -> None:
    for name in ("reports", "archive"):
        boto3.client("s3").create_bucket(Bucket=name)
    boto3.client("s3", region_name="eu-west-1").create_bucket(
        Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    page = RULE.page(aws, None)
    assert page.next_token is None
    assert sorted(page.resources, key=lambda found: found.resource_id) == [
        Bucket("arn:aws:s3:::archive", "archive"),
        Bucket("arn:aws:s3:::reports", "reports"),
    ]


def test_a_listing_goes_on_where_the_page_before_ended(
    aws: Aws, answer: Callable[..., None], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    answer(
        "ListBuckets",
        {"Buckets": [{"Name": "first"}], "ContinuationToken": "next"},
        {"Buckets": [{"Name": "second"}]},
    )
    assert RULE.page(aws, None) == Page([Bucket("arn:aws:s3:::first", "first")], "next")
    assert RULE.page(aws, "next") == Page([Bucket("arn:aws:s3:::second", "second")], None)
    assert calls == [
        ("s3:ListBuckets", {"BucketRegion": "us-east-1", "MaxBuckets": 10_000}),
        (
            "s3:ListBuckets",
            {"BucketRegion": "us-east-1", "MaxBuckets": 10_000, "ContinuationToken": "next"},
        ),
    ]


def test_named_buckets_are_those_that_the_account_has_in_the_region(aws: Aws) -> None:
    for name in ("reports", "archive-of-2025"):
        boto3.client("s3").create_bucket(Bucket=name)
    boto3.client("s3", region_name="eu-west-1").create_bucket(
        Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    found = RULE.named(aws, ["elsewhere", "archive", "reports", "taken-by-somebody"])
    assert found == [Bucket("arn:aws:s3:::reports", "reports")]


def test_each_named_bucket_costs_one_call(
    aws: Aws, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    assert RULE.named(aws, ["reports", "archive"]) == []
    assert calls == [
        ("s3:ListBuckets", {"BucketRegion": "us-east-1", "Prefix": "reports"}),
        ("s3:ListBuckets", {"BucketRegion": "us-east-1", "Prefix": "archive"}),
    ]


def test_a_listing_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("ListBuckets", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.page(aws, None)


def test_reading_a_bucket_that_does_not_exist_says_that_it_is_gone(aws: Aws) -> None:
    with pytest.raises(ResourceGoneError, match="arn:aws:s3:::vanished"):
        read(aws.client("s3").get_bucket_policy, GONE, absent=["NoSuchBucketPolicy"])


def test_a_configuration_that_may_be_absent_is_none(aws: Aws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="reports")
    bucket = Bucket("arn:aws:s3:::reports", "reports")
    assert read(s3.get_bucket_policy, bucket, absent=["NoSuchBucketPolicy"]) is None
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        read(s3.get_bucket_policy, bucket)
