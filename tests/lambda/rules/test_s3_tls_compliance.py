import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, Parameters, ResourceGoneError
from assay.rules.s3_tls_compliance import Bucket, S3TlsCompliance

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = S3TlsCompliance()
ARN = "arn:aws:s3:::reports"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
STATEMENT = {
    "Sid": "RestrictToTLSRequestsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [ARN, f"{ARN}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{ARN}/*"}
NO_TLS = {"aws:SecureTransport": "false"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Statement", "AWS", "Bool", "aws:SecureTransport"])
            | st.text(max_size=5),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
# Each element is as it should be, of some other shape, or missing.
STATEMENTS = st.fixed_dictionaries(
    {}, optional={element: st.just(value) | JSON for element, value in STATEMENT.items()}
)
DOCUMENTS = JSON | st.fixed_dictionaries({"Statement": st.lists(STATEMENTS | JSON, max_size=3)})


def bucket(*statements: object, name: str = "reports") -> Bucket:
    policy = {"Version": "2012-10-17", "Statement": list(statements)} if statements else None
    return Bucket(f"arn:aws:s3:::{name}", name, policy)


def verdict(resource: Bucket) -> ComplianceType:
    return RULE.evaluate(resource, Parameters(), NOW).compliance_type


def test_a_policy_that_denies_requests_without_tls_is_compliant() -> None:
    assert RULE.evaluate(bucket(READ, STATEMENT), Parameters(), NOW) == Evaluation(
        ComplianceType.COMPLIANT, "The bucket policy denies all requests without TLS."
    )


@pytest.mark.parametrize(
    "form",
    [
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["*"]}},
        {"Action": "*"},
        {"Action": ["s3:*"]},
        {"Action": ["s3:GetObject", "S3:*"]},
        {"Resource": "*"},
        {"Resource": [f"{ARN}*"]},
        {"Resource": "arn:aws:s3:::*"},
        {"Resource": [f"{ARN}/*", ARN, "arn:aws:s3:::other"]},
        {"Condition": {"Bool": {"aws:SecureTransport": False}}},
        {"Condition": {"Bool": {"aws:SecureTransport": ["false"]}}},
        {"Condition": {"Bool": {"AWS:securetransport": "False"}}},
        {"Condition": {"BoolIfExists": NO_TLS}},
        {"Condition": {"Bool": NO_TLS, "BoolIfExists": NO_TLS}},
        {"Condition": {}},
    ],
)
def test_each_form_of_the_same_statement_counts(form: dict[str, object]) -> None:
    assert verdict(bucket({**STATEMENT, **form})) is ComplianceType.COMPLIANT


def test_a_statement_needs_no_list_around_it() -> None:
    resource = Bucket(ARN, "reports", {"Statement": STATEMENT})
    assert verdict(resource) is ComplianceType.COMPLIANT


def test_a_statement_that_denies_everything_counts() -> None:
    unconditional = {key: value for key, value in STATEMENT.items() if key != "Condition"}
    assert verdict(bucket(unconditional)) is ComplianceType.COMPLIANT


def test_bucket_and_objects_may_be_in_two_statements() -> None:
    resource = bucket({**STATEMENT, "Resource": ARN}, {**STATEMENT, "Resource": f"{ARN}/*"})
    assert verdict(resource) is ComplianceType.COMPLIANT


def test_a_bucket_without_a_policy_is_non_compliant() -> None:
    assert RULE.evaluate(bucket(), Parameters(), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "There is no bucket policy."
    )


@pytest.mark.parametrize(
    "form",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Principal": {"Service": "*"}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:user/bob"}},
        {"Action": "s3:GetObject"},
        {"Action": ["s3:Get*", "s3:Put*"]},
        {"Action": None, "NotAction": "s3:ListBucket"},
        {"Resource": None, "NotResource": f"{ARN}/public/*"},
        {"Resource": ["arn:aws:s3:::other", "arn:aws:s3:::other/*"]},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Condition": {"Bool": {**NO_TLS, "aws:ViaAWSService": "false"}}},
        {"Condition": {"Bool": NO_TLS, "StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Condition": {"Null": NO_TLS}},
        {"Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
        {"Condition": {"Bool": "false"}},
        {"Condition": "false"},
    ],
)
def test_a_statement_that_denies_less_does_not_count(form: dict[str, object]) -> None:
    assert RULE.evaluate(bucket({**STATEMENT, **form}), Parameters(), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "The bucket policy does not deny requests without TLS."
    )


@pytest.mark.parametrize(
    ("resource", "denied", "allowed"),
    [
        (ARN, "bucket", "objects"),
        ([ARN, f"{ARN}/public/*"], "bucket", "objects"),
        ([ARN, f"{ARN}/*.html"], "bucket", "objects"),
        ([ARN, f"{ARN}/"], "bucket", "objects"),
        (f"{ARN}/*", "objects", "bucket"),
        ("arn:aws:s3:::*/*", "objects", "bucket"),
    ],
)
def test_bucket_and_objects_must_both_be_covered(
    resource: object, denied: str, allowed: str
) -> None:
    found = bucket({**STATEMENT, "Resource": resource})
    assert RULE.evaluate(found, Parameters(), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT,
        f"The bucket policy denies requests without TLS to the {denied}, but not to the {allowed}.",
    )


def test_another_partitions_arns_do_not_cover_a_bucket() -> None:
    resource = Bucket("arn:aws-cn:s3:::reports", "reports", {"Statement": STATEMENT})
    assert verdict(resource) is ComplianceType.NON_COMPLIANT


@given(DOCUMENTS)
def test_a_document_of_any_shape_is_judged(document: object) -> None:
    assert verdict(Bucket(ARN, "reports", document)) is not ComplianceType.NOT_APPLICABLE


@given(st.lists(STATEMENTS | JSON, max_size=3), st.integers(0, 3))
def test_no_other_statement_undoes_a_denial(others: list[object], place: int) -> None:
    others.insert(place, STATEMENT)
    assert verdict(bucket(*others)) is ComplianceType.COMPLIANT


def test_all_buckets_of_the_region_are_listed_and_read(aws: Aws) -> None:
    s3 = boto3.client("s3")
    for name in ("reports", "plain"):
        s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket="reports", Policy=json.dumps(bucket(STATEMENT).policy))
    listed = sorted(RULE.page(aws, None).resources, key=lambda found: found.resource_id)
    read = [RULE.complete(aws, found) for found in listed]
    assert read == [bucket(name="plain"), bucket(STATEMENT)]
    assert [verdict(found) for found in read] == [
        ComplianceType.NON_COMPLIANT,
        ComplianceType.COMPLIANT,
    ]


def test_one_bucket_is_asked_for_and_read_by_one_call(
    aws: Aws, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    boto3.client("s3").create_bucket(Bucket="reports")
    calls.clear()
    (found,) = RULE.named(aws, ["reports"])
    assert RULE.complete(aws, found) == bucket()
    assert calls == [
        ("s3:ListBuckets", {"BucketRegion": "us-east-1", "Prefix": "reports"}),
        ("s3:GetBucketPolicy", {"Bucket": "reports"}),
    ]


def test_a_bucket_that_was_deleted_since_is_gone(aws: Aws) -> None:
    with pytest.raises(ResourceGoneError, match=f"^{ARN}$"):
        RULE.complete(aws, bucket())


def test_a_bucket_that_cannot_be_read_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("GetBucketPolicy", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.complete(aws, bucket())
