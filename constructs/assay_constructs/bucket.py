"""A private, versioned, encrypted S3 bucket."""

from collections.abc import Sequence

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import (
    DataAwsIamPolicyDocument,
    DataAwsIamPolicyDocumentStatement,
)
from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket
from cdktf_cdktf_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfiguration,
    S3BucketLifecycleConfigurationRule,
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload,
    S3BucketLifecycleConfigurationRuleExpiration,
    S3BucketLifecycleConfigurationRuleFilter,
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration,
)
from cdktf_cdktf_provider_aws.s3_bucket_ownership_controls import (
    S3BucketOwnershipControls,
    S3BucketOwnershipControlsRule,
)
from cdktf_cdktf_provider_aws.s3_bucket_policy import S3BucketPolicy
from cdktf_cdktf_provider_aws.s3_bucket_public_access_block import S3BucketPublicAccessBlock
from cdktf_cdktf_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationA,
    S3BucketServerSideEncryptionConfigurationRuleA,
    S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA,
)
from cdktf_cdktf_provider_aws.s3_bucket_versioning import (
    S3BucketVersioningA,
    S3BucketVersioningVersioningConfiguration,
)
from constructs import Construct

from assay_constructs.policy import deny_insecure_transport

NONCURRENT_DAYS = 90
ABORT_MULTIPART_DAYS = 7


class PrivateBucket(Construct):
    """A bucket that nobody outside the account can reach and nobody without TLS.

    Versioned, encrypted with AES-256 or a KMS key, owner enforced (ACLs are off), all public
    access blocked.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        bucket_name: Name, unique worldwide; at most 63 characters.
        kms_key_arn: KMS key for encryption; AES-256 without one.
        object_retention_days: Days until an object expires; no lifecycle rules when ``None``.
        retain_data: Terraform refuses to destroy the bucket; otherwise it is emptied and deleted.
        policy_statements: What the bucket policy allows beside refusing plain HTTP.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket_name: str,
        kms_key_arn: str | None = None,
        object_retention_days: int | None = None,
        retain_data: bool = True,
        policy_statements: Sequence[DataAwsIamPolicyDocumentStatement] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        bucket = S3Bucket(
            self,
            "Resource",
            bucket=bucket_name,
            force_destroy=not retain_data,
            lifecycle=TerraformResourceLifecycle(prevent_destroy=True) if retain_data else None,
        )
        self.bucket_name = bucket.bucket
        self.arn = bucket.arn
        bucket_id = bucket.id

        versioning = S3BucketVersioningA(
            self,
            "Versioning",
            bucket=bucket_id,
            versioning_configuration=S3BucketVersioningVersioningConfiguration(status="Enabled"),
        )
        encryption = (
            S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA(
                sse_algorithm="aws:kms" if kms_key_arn else "AES256", kms_master_key_id=kms_key_arn
            )
        )
        S3BucketServerSideEncryptionConfigurationA(
            self,
            "Encryption",
            bucket=bucket_id,
            rule=[
                S3BucketServerSideEncryptionConfigurationRuleA(
                    apply_server_side_encryption_by_default=encryption,
                    bucket_key_enabled=True if kms_key_arn else None,
                )
            ],
        )
        public_access_block = S3BucketPublicAccessBlock(
            self,
            "PublicAccessBlock",
            bucket=bucket_id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        )
        S3BucketOwnershipControls(
            self,
            "OwnershipControls",
            bucket=bucket_id,
            rule=S3BucketOwnershipControlsRule(object_ownership="BucketOwnerEnforced"),
        )
        tls_only = deny_insecure_transport(["s3:*"], [self.arn, f"{self.arn}/*"])
        document = DataAwsIamPolicyDocument(
            self, "PolicyDocument", statement=[tls_only, *policy_statements]
        )
        # S3 answers OperationAborted when both are written to one bucket at once.
        self.policy = S3BucketPolicy(
            self,
            "Policy",
            bucket=bucket_id,
            policy=document.json,
            depends_on=[public_access_block],
        )
        if object_retention_days is not None:
            self._expire(bucket_id, versioning, object_retention_days)

    def _expire(self, bucket_id: str, versioning: S3BucketVersioningA, days: int) -> None:
        S3BucketLifecycleConfiguration(
            self,
            "Lifecycle",
            bucket=bucket_id,
            rule=[
                S3BucketLifecycleConfigurationRule(
                    id="expire",
                    status="Enabled",
                    filter=[S3BucketLifecycleConfigurationRuleFilter(prefix="")],
                    expiration=[S3BucketLifecycleConfigurationRuleExpiration(days=days)],
                    noncurrent_version_expiration=[
                        S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration(
                            noncurrent_days=NONCURRENT_DAYS
                        )
                    ],
                    abort_incomplete_multipart_upload=[
                        S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload(
                            days_after_initiation=ABORT_MULTIPART_DAYS
                        )
                    ],
                )
            ],
            # Rules on noncurrent versions mean nothing before versioning is on.
            depends_on=[versioning],
        )
