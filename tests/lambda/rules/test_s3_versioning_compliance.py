from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, ParameterError, ResourceGoneError
from assay.rules.s3_versioning_compliance import (
    Bucket,
    S3VersioningCompliance,
    VersioningParameters,
)

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = S3VersioningCompliance()
DEFAULT = VersioningParameters()
WITH_MFA = VersioningParameters(require_mfa_delete=True)


def bucket(
    status: str | None = None, *, has_mfa_delete: bool = False, name: str = "reports"
) -> Bucket:
    return Bucket(f"arn:aws:s3:::{name}", name, status, has_mfa_delete)


@pytest.mark.parametrize("has_mfa_delete", [False, True])
def test_enabled_versioning_is_compliant(has_mfa_delete: bool) -> None:
    resource = bucket("Enabled", has_mfa_delete=has_mfa_delete)
    assert RULE.evaluate(resource, DEFAULT, NOW) == Evaluation(
        ComplianceType.COMPLIANT, "Versioning is enabled."
    )


@pytest.mark.parametrize("parameters", [DEFAULT, WITH_MFA])
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, "Versioning has never been enabled."),
        ("Suspended", "Versioning is suspended."),
    ],
)
def test_any_other_status_is_non_compliant(
    status: str | None, reason: str, parameters: VersioningParameters
) -> None:
    resource = bucket(status, has_mfa_delete=True)
    assert RULE.evaluate(resource, parameters, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, reason
    )


def test_mfa_delete_matters_when_a_parameter_says_so() -> None:
    assert RULE.evaluate(bucket("Enabled"), WITH_MFA, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "Versioning is enabled, but MFA delete is not."
    )
    evaluation = RULE.evaluate(bucket("Enabled", has_mfa_delete=True), WITH_MFA, NOW)
    assert evaluation.compliance_type is ComplianceType.COMPLIANT


def test_a_parameter_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        VersioningParameters.from_settings({"require_mfa_delete": "yes"})
    assert caught.value.problems == [("require_mfa_delete", "must be true or false, got 'yes'")]


def test_all_buckets_of_the_region_are_listed_and_read(aws: Aws) -> None:
    s3: Any = boto3.client("s3")
    for name, status in (("a", "Enabled"), ("b", "Suspended"), ("c", None)):
        s3.create_bucket(Bucket=f"reports-{name}")
        if status:
            s3.put_bucket_versioning(
                Bucket=f"reports-{name}", VersioningConfiguration={"Status": status}
            )
    listed = sorted(RULE.page(aws, None).resources, key=lambda found: found.resource_id)
    assert [RULE.complete(aws, found) for found in listed] == [
        bucket("Enabled", name="reports-a"),
        bucket("Suspended", name="reports-b"),
        bucket(None, name="reports-c"),
    ]


@pytest.mark.parametrize(("told", "known"), [("Enabled", True), ("Disabled", False)])
def test_mfa_delete_is_read_by_the_same_call(
    aws: Aws,
    answer: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
    told: str,
    known: bool,
) -> None:
    answer("GetBucketVersioning", {"Status": "Enabled", "MFADelete": told})
    assert RULE.complete(aws, bucket()) == bucket("Enabled", has_mfa_delete=known)
    assert calls == [("s3:GetBucketVersioning", {"Bucket": "reports"})]


def test_a_bucket_that_was_deleted_since_is_gone(aws: Aws) -> None:
    with pytest.raises(ResourceGoneError, match="arn:aws:s3:::reports"):
        RULE.complete(aws, bucket())


def test_a_bucket_that_cannot_be_read_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("GetBucketVersioning", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        RULE.complete(aws, bucket())
