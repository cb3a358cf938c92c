import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, Parameters, ResourceGoneError
from assay.rules.s3_public_access_compliance import Bucket, S3PublicAccessCompliance

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = S3PublicAccessCompliance()
SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
ACLS, POLICIES = SETTINGS[:2], SETTINGS[2:]


def bucket(
    by_bucket: Iterable[str] = (), by_account: Iterable[str] = (), name: str = "reports"
) -> Bucket:
    return Bucket(f"arn:aws:s3:::{name}", name, frozenset(by_bucket), frozenset(by_account))


def is_account(parameters: dict[str, Any]) -> bool:
    return "AccountId" in parameters


@pytest.fixture
def make_bucket() -> Callable[..., None]:
    def make_bucket(name: str, *settings: str) -> None:
        s3: Any = boto3.client("s3")
        s3.create_bucket(Bucket=name)
        if settings:
            configuration = dict.fromkeys(settings, True)
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=configuration)

    return make_bucket


@pytest.fixture
def block_account(aws: Aws) -> Callable[..., None]:
    def block_account(*settings: str) -> None:
        boto3.client("s3control").put_public_access_block(
            AccountId=aws.account_id,
            PublicAccessBlockConfiguration=dict.fromkeys(settings, True),
        )

    return block_account


@pytest.mark.parametrize(
    ("by_bucket", "by_account", "by"),
    [
        (SETTINGS, (), "the bucket"),
        (SETTINGS, SETTINGS, "the bucket"),
        ((), SETTINGS, "the account"),
        (ACLS, SETTINGS, "the account"),
        (ACLS, POLICIES, "the bucket and its account together"),
    ],
)
def test_all_four_settings_wherever_they_are_on_are_compliant(
    by_bucket: tuple[str, ...], by_account: tuple[str, ...], by: str
) -> None:
    assert RULE.evaluate(bucket(by_bucket, by_account), Parameters(), NOW) == Evaluation(
        ComplianceType.COMPLIANT, f"All public access is blocked by {by}."
    )


def test_each_setting_that_is_off_is_named() -> None:
    resource = bucket(["IgnorePublicAcls"], ["BlockPublicPolicy"])
    assert RULE.evaluate(resource, Parameters(), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT,
        "Neither bucket nor account has turned on BlockPublicAcls, RestrictPublicBuckets.",
    )


@given(st.sets(st.sampled_from(SETTINGS)), st.sets(st.sampled_from(SETTINGS)))
def test_compliant_means_exactly_that_each_setting_is_on(
    by_bucket: set[str], by_account: set[str]
) -> None:
    evaluation = RULE.evaluate(bucket(by_bucket, by_account), Parameters(), NOW)
    compliant = evaluation.compliance_type is ComplianceType.COMPLIANT
    assert compliant == (by_bucket | by_account == set(SETTINGS))


def test_all_buckets_of_the_region_are_listed_and_read(
    aws: Aws,
    make_bucket: Callable[..., None],
    block_account: Callable[..., None],
) -> None:
    make_bucket("reports-a", *SETTINGS)
    make_bucket("reports-b", "BlockPublicAcls")
    make_bucket("reports-c")
    block_account(*POLICIES)
    listed = sorted(RULE.page(aws, None).resources, key=lambda found: found.resource_id)
    assert [RULE.complete(aws, found) for found in listed] == [
        bucket(SETTINGS, POLICIES, name="reports-a"),
        bucket(["BlockPublicAcls"], POLICIES, name="reports-b"),
        bucket([], POLICIES, name="reports-c"),
    ]


def test_the_account_is_read_once_for_all_buckets_of_a_page(
    aws: Aws, make_bucket: Callable[..., None], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    for name in ("reports-a", "reports-b", "reports-c"):
        make_bucket(name)
    calls.clear()
    for found in RULE.page(aws, None).resources:
        RULE.complete(aws, found)
    assert [parameters for name, parameters in calls if name == "s3:GetPublicAccessBlock"] == [
        {"AccountId": aws.account_id},
        {"Bucket": "reports-a"},
        {"Bucket": "reports-b"},
        {"Bucket": "reports-c"},
    ]


def test_the_account_is_read_again_by_the_next_run(
    aws: Aws, make_bucket: Callable[..., None], block_account: Callable[..., None]
) -> None:
    make_bucket("reports")
    assert RULE.named(aws, ["reports"]) == [bucket()]
    block_account(*SETTINGS)
    assert RULE.named(aws, ["reports"]) == [bucket((), SETTINGS)]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("AccessDenied", ClientError),
        (EndpointConnectionError(endpoint_url="https://s3-control"), EndpointConnectionError),
    ],
)
def test_without_the_accounts_settings_only_a_bucket_that_blocks_by_itself_is_judged(
    aws: Aws,
    make_bucket: Callable[..., None],
    fail: Callable[..., None],
    error: str | Exception,
    kind: type[Exception],
) -> None:
    make_bucket("reports-a", *SETTINGS)
    make_bucket("reports-b", *ACLS)
    fail("GetPublicAccessBlock", error, when=is_account)
    blocking, other = RULE.named(aws, ["reports-a", "reports-b"])
    read = RULE.complete(aws, blocking)
    assert RULE.evaluate(read, Parameters(), NOW).compliance_type is ComplianceType.COMPLIANT
    with pytest.raises(kind) as caught:
        RULE.complete(aws, other)
    assert caught.value is other.account_error


def test_an_error_that_many_buckets_raise_does_not_grow(
    aws: Aws, make_bucket: Callable[..., None], fail: Callable[..., None]
) -> None:
    make_bucket("reports")
    fail("GetPublicAccessBlock", "AccessDenied", when=is_account)
    (found,) = RULE.named(aws, ["reports"])
    depths = []
    for _ in range(3):
        with pytest.raises(ClientError) as caught:
            RULE.complete(aws, found)
        depths.append(len(list(traceback.walk_tb(caught.value.__traceback__))))
    assert len(set(depths)) == 1


def test_a_bucket_that_was_deleted_since_is_gone_whatever_its_account_says(
    aws: Aws, block_account: Callable[..., None], fail: Callable[..., None]
) -> None:
    block_account(*SETTINGS)
    (blocked,) = RULE.records(aws, ["reports"])
    fail("GetPublicAccessBlock", "AccessDenied", when=is_account)
    (unknown,) = RULE.records(aws, ["reports"])
    for found in (blocked, unknown):
        with pytest.raises(ResourceGoneError, match="arn:aws:s3:::reports"):
            RULE.complete(aws, found)


def test_a_bucket_that_cannot_be_read_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("GetPublicAccessBlock", "AccessDenied", when=lambda found: not is_account(found))
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.complete(aws, bucket())
