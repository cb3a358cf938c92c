from collections.abc import Callable
from typing import Any

import pytest

Find = Callable[[str, str, str], Any]


@pytest.mark.parametrize("bucket", ["Bucket", "Kept"])
def test_buckets_are_versioned_private_and_owner_enforced(find: Find, bucket: str) -> None:
    versioning = find("bucket", "aws_s3_bucket_versioning", f"{bucket}/Versioning")
    assert versioning["versioning_configuration"] == {"status": "Enabled"}
    block = find("bucket", "aws_s3_bucket_public_access_block", f"{bucket}/PublicAccessBlock")
    assert {
        name: block[name]
        for name in (
            "block_public_acls",
            "block_public_policy",
            "ignore_public_acls",
            "restrict_public_buckets",
        )
    } == dict.fromkeys(
        (
            "block_public_acls",
            "block_public_policy",
            "ignore_public_acls",
            "restrict_public_buckets",
        ),
        True,
    )
    ownership = find("bucket", "aws_s3_bucket_ownership_controls", f"{bucket}/OwnershipControls")
    assert ownership["rule"] == {"object_ownership": "BucketOwnerEnforced"}


@pytest.mark.parametrize(
    ("bucket", "expected"),
    [
        ("Bucket", {"sse_algorithm": "AES256"}),
        ("Kept", {"sse_algorithm": "aws:kms", "kms_master_key_id": "arn:aws:kms:key"}),
    ],
)
def test_encryption_is_aes256_or_the_given_key(
    find: Find, bucket: str, expected: dict[str, str]
) -> None:
    encryption = find(
        "bucket", "aws_s3_bucket_server_side_encryption_configuration", f"{bucket}/Encryption"
    )
    (rule,) = encryption["rule"]
    assert rule["apply_server_side_encryption_by_default"] == expected
    assert rule.get("bucket_key_enabled", False) is (bucket == "Kept")


def test_plain_http_is_refused_for_bucket_and_objects(
    statements: Callable[[str, str], dict[str, Any]],
) -> None:
    deny = statements("bucket", "Bucket/PolicyDocument")["DenyInsecureTransport"]
    assert deny["effect"] == "Deny"
    assert deny["actions"] == ["s3:*"]
    assert [resource.endswith("/*") for resource in deny["resources"]] == [False, True]
    assert deny["condition"][0]["variable"] == "aws:SecureTransport"


def test_the_policy_waits_for_the_public_access_block(find: Find) -> None:
    policy = find("bucket", "aws_s3_bucket_policy", "Bucket/Policy")
    (dependency,) = policy["depends_on"]
    assert dependency.startswith("aws_s3_bucket_public_access_block.")


def test_lifecycle_rules_expire_objects_only_where_days_are_given(
    find: Find, stacks: dict[str, Any]
) -> None:
    lifecycle = find("bucket", "aws_s3_bucket_lifecycle_configuration", "Bucket/Lifecycle")
    (rule,) = lifecycle["rule"]
    assert rule["status"] == "Enabled"
    assert rule["expiration"] == [{"days": 30}]
    assert rule["noncurrent_version_expiration"] == [{"noncurrent_days": 90}]
    assert rule["abort_incomplete_multipart_upload"] == [{"days_after_initiation": 7}]
    assert lifecycle["depends_on"][0].startswith("aws_s3_bucket_versioning.")
    assert len(stacks["bucket"]["resource"]["aws_s3_bucket_lifecycle_configuration"]) == 1
    assert "aws_s3_bucket_lifecycle_configuration" not in stacks["embedded"]["resource"]


def test_a_kept_bucket_cannot_be_destroyed_and_another_is_emptied(find: Find) -> None:
    kept = find("bucket", "aws_s3_bucket", "Kept/Resource")
    assert kept["force_destroy"] is False
    assert kept["lifecycle"] == {"prevent_destroy": True}
    other = find("bucket", "aws_s3_bucket", "Bucket/Resource")
    assert other["force_destroy"] is True
    assert "lifecycle" not in other


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("bucket", "Bucket")
