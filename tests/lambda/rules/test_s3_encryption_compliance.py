from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, ParameterError, ResourceGoneError
from assay.rules.s3_encryption_compliance import (
    Bucket,
    EncryptionParameters,
    S3EncryptionCompliance,
)

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = S3EncryptionCompliance()
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ALIAS = "arn:aws:kms:us-east-1:123456789012:alias/team_a/reports-1"


def bucket(algorithm: str | None = None, key: str | None = None, name: str = "reports") -> Bucket:
    return Bucket(f"arn:aws:s3:::{name}", name, algorithm, key)


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


def test_all_buckets_of_the_region_are_listed_and_read(
    aws: Aws, make_bucket: Callable[..., None]
) -> None:
    make_bucket("plain")
    make_bucket("aes", {"SSEAlgorithm": "AES256"})
    make_bucket("encrypted-by-kms", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY})
    boto3.client("s3", region_name="eu-west-1").create_bucket(
        Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    listed = sorted(RULE.page(aws, None).resources, key=lambda found: found.resource_id)
    assert [RULE.complete(aws, found) for found in listed] == [
        bucket("AES256", name="aes"),
        bucket("aws:kms", KEY, name="encrypted-by-kms"),
        bucket(name="plain"),
    ]


def test_one_bucket_is_asked_for_and_read_by_one_call(
    aws: Aws, make_bucket: Callable[..., None], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    make_bucket("reports", {"SSEAlgorithm": "AES256"})
    calls.clear()
    (found,) = RULE.named(aws, ["reports"])
    assert RULE.complete(aws, found) == bucket("AES256")
    assert calls == [
        ("s3:ListBuckets", {"BucketRegion": "us-east-1", "Prefix": "reports"}),
        ("s3:GetBucketEncryption", {"Bucket": "reports"}),
    ]


def test_a_bare_key_id_is_taken_as_the_accounts_own_key(
    aws: Aws, make_bucket: Callable[..., None]
) -> None:
    make_bucket("reports", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY.rpartition("/")[2]})
    assert RULE.complete(aws, bucket()) == bucket("aws:kms", KEY)


@pytest.mark.parametrize("name", ["alias/team_a/reports-1", ALIAS])
def test_an_alias_is_taken_as_the_accounts_own_alias(
    aws: Aws, make_bucket: Callable[..., None], name: str
) -> None:
    make_bucket("reports", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": name})
    assert RULE.complete(aws, bucket()) == bucket("aws:kms", ALIAS)


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


def test_a_bucket_that_was_deleted_since_is_gone(aws: Aws) -> None:
    with pytest.raises(ResourceGoneError, match="arn:aws:s3:::reports"):
        RULE.complete(aws, bucket())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("AccessDenied", ClientError),
        (ReadTimeoutError(endpoint_url="https://s3"), ReadTimeoutError),
    ],
)
def test_a_bucket_that_cannot_be_read_is_an_error(
    aws: Aws, fail: Callable[..., None], error: str | Exception, kind: type[Exception]
) -> None:
    fail("GetBucketEncryption", error)
    with pytest.raises(kind, match=r"AccessDenied|timeout"):
        RULE.complete(aws, bucket())
