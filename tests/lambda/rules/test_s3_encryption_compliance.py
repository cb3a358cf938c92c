from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, ParameterError, Unreadable
from assay.rules.s3_encryption_compliance import (
    Bucket,
    EncryptionParameters,
    S3EncryptionCompliance,
)

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = S3EncryptionCompliance()
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

ALIAS = "arn:aws:kms:us-east-1:123456789012:alias/team_a/reports-1"


def bucket(algorithm: str | None, key: str | None = None) -> Bucket:
    return Bucket("arn:aws:s3:::reports", "reports", algorithm, key)


@pytest.fixture
def make_bucket() -> Callable[..., None]:
    def make_bucket(name: str, default: dict[str, str] | None = None) -> None:
        s3: Any = boto3.client("s3")
        s3.create_bucket(Bucket=name)
        if default is not None:
            configuration = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=configuration)

    return make_bucket


@pytest.mark.parametrize("algorithm", ["AES256", "aws:kms", "aws:kms:dsse"])
def test_each_algorithm_is_compliant_by_default(algorithm: str) -> None:
    assert RULE.evaluate(bucket(algorithm), EncryptionParameters(), NOW) == Evaluation(
        ComplianceType.COMPLIANT, f"Default encryption is {algorithm}."
    )


def test_a_bucket_without_default_encryption_is_non_compliant() -> None:
    assert RULE.evaluate(bucket(None), EncryptionParameters(), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "There is no default encryption."
    )


def test_another_algorithm_than_allowed_is_non_compliant() -> None:
    parameters = EncryptionParameters(allowed_algorithms=("aws:kms", "aws:kms:dsse"))
    assert RULE.evaluate(bucket("AES256"), parameters, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT,
        "Default encryption is AES256, not one of aws:kms, aws:kms:dsse.",
    )


@pytest.mark.parametrize(
    ("key", "named"),
    [(None, "the AWS managed key"), (KEY.replace("1234", "9"), KEY.replace("1234", "9"))],
)
def test_another_key_than_allowed_is_non_compliant(key: str | None, named: str) -> None:
    parameters = EncryptionParameters(allowed_kms_keys=(KEY,))
    assert RULE.evaluate(bucket("aws:kms", key), parameters, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, f"Default encryption uses {named}, not an allowed key."
    )


@pytest.mark.parametrize(
    ("algorithm", "key"), [("aws:kms", KEY), ("aws:kms:dsse", KEY), ("AES256", None)]
)
def test_allowed_keys_are_compliant_and_do_not_concern_aes256(
    algorithm: str, key: str | None
) -> None:
    parameters = EncryptionParameters(allowed_kms_keys=(KEY,))
    evaluation = RULE.evaluate(bucket(algorithm, key), parameters, NOW)
    assert evaluation.compliance_type is ComplianceType.COMPLIANT


@pytest.mark.parametrize(
    ("settings", "field", "message"),
    [
        (
            {"allowed_algorithms": ()},
            "allowed_algorithms",
            "must name at least one of AES256, aws:kms, aws:kms:dsse, got []",
        ),
        (
            {"allowed_algorithms": ("AES256", "DES")},
            "allowed_algorithms",
            "must be among AES256, aws:kms, aws:kms:dsse, got 'DES'",
        ),
        (
            {"allowed_kms_keys": ("alias/reports",)},
            "allowed_kms_keys",
            "must be ARNs of KMS keys or aliases, got 'alias/reports'",
        ),
        (
            {"allowed_kms_keys": (f"{ALIAS}:x",)},
            "allowed_kms_keys",
            f"must be ARNs of KMS keys or aliases, got '{ALIAS}:x'",
        ),
        (
            {"allowed_algorithms": ("AES256",), "allowed_kms_keys": (KEY,)},
            "allowed_kms_keys",
            "must be empty when only AES256 is allowed, got keys",
        ),
    ],
)
def test_impossible_parameters_are_refused(
    settings: dict[str, tuple[str, ...]], field: str, message: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        EncryptionParameters(**settings)
    assert caught.value.problems == [(field, message)]


def test_all_buckets_of_the_region_are_described(
    aws: Aws, make_bucket: Callable[..., None]
) -> None:
    make_bucket("plain")
    make_bucket("aes", {"SSEAlgorithm": "AES256"})
    make_bucket("encrypted-by-kms", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY})
    boto3.client("s3", region_name="eu-west-1").create_bucket(
        Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    assert sorted(RULE.describe(aws), key=lambda found: found.resource_id) == [
        Bucket("arn:aws:s3:::aes", "aes", "AES256"),
        Bucket("arn:aws:s3:::encrypted-by-kms", "encrypted-by-kms", "aws:kms", KEY),
        Bucket("arn:aws:s3:::plain", "plain"),
    ]


def test_a_listing_is_read_to_its_last_page(
    aws: Aws,
    make_bucket: Callable[..., None],
    answer: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    make_bucket("first")
    make_bucket("second")
    answer(
        "ListBuckets",
        {"Buckets": [{"Name": "first"}], "ContinuationToken": "next"},
        {"Buckets": [{"Name": "second"}]},
    )
    found = [resource.config_resource_id for resource in RULE.describe(aws)]
    assert found == ["first", "second"]
    listings = [parameters for name, parameters in calls if name == "s3:ListBuckets"]
    assert listings == [
        {"BucketRegion": "us-east-1", "MaxBuckets": 10_000},
        {"BucketRegion": "us-east-1", "MaxBuckets": 10_000, "ContinuationToken": "next"},
    ]


def test_one_bucket_is_described_without_listing(
    aws: Aws, make_bucket: Callable[..., None], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    make_bucket("aes", {"SSEAlgorithm": "AES256"})
    calls.clear()
    assert list(RULE.describe(aws, ["aes"])) == [Bucket("arn:aws:s3:::aes", "aes", "AES256")]
    assert [name for name, _ in calls] == ["s3:GetBucketEncryption"]


def test_a_bare_key_id_is_taken_as_the_accounts_own_key(
    aws: Aws, make_bucket: Callable[..., None]
) -> None:
    make_bucket(
        "encrypted-by-kms", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY.rpartition("/")[2]}
    )
    assert list(RULE.describe(aws, ["encrypted-by-kms"])) == [
        Bucket("arn:aws:s3:::encrypted-by-kms", "encrypted-by-kms", "aws:kms", KEY)
    ]


@pytest.mark.parametrize("name", ["alias/team_a/reports-1", ALIAS])
def test_an_alias_is_taken_as_the_accounts_own_alias(
    aws: Aws, make_bucket: Callable[..., None], name: str
) -> None:
    make_bucket("encrypted-by-kms", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": name})
    assert list(RULE.describe(aws, ["encrypted-by-kms"])) == [
        Bucket("arn:aws:s3:::encrypted-by-kms", "encrypted-by-kms", "aws:kms", ALIAS)
    ]


@pytest.mark.parametrize(
    ("allowed", "verdict"),
    [
        ((KEY, ALIAS), ComplianceType.COMPLIANT),
        ((KEY,), ComplianceType.NON_COMPLIANT),
        ((f"{ALIAS}0",), ComplianceType.NON_COMPLIANT),
    ],
)
def test_an_alias_counts_as_it_stands(allowed: tuple[str, ...], verdict: ComplianceType) -> None:
    parameters = EncryptionParameters(allowed_kms_keys=allowed)
    assert RULE.evaluate(bucket("aws:kms", ALIAS), parameters, NOW).compliance_type is verdict


def test_a_bucket_that_does_not_exist_is_left_out(aws: Aws) -> None:
    assert list(RULE.describe(aws, ["vanished"])) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("AccessDenied", "AccessDenied"),
        (ReadTimeoutError(endpoint_url="https://s3"), "ReadTimeoutError"),
    ],
)
def test_a_bucket_that_cannot_be_read_is_named_and_the_others_are_read(
    aws: Aws,
    make_bucket: Callable[..., None],
    fail: Callable[..., None],
    error: str | Exception,
    code: str,
) -> None:
    make_bucket("closed")
    make_bucket("open")
    fail("GetBucketEncryption", error, when=lambda params: params["Bucket"] == "closed")
    assert list(RULE.describe(aws)) == [
        Unreadable("arn:aws:s3:::closed", "closed", code),
        Bucket("arn:aws:s3:::open", "open"),
    ]


def test_a_listing_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("ListBuckets", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        list(RULE.describe(aws))
