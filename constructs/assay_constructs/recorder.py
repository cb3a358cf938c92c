"""The account's configuration recorder and its delivery channel."""

from collections.abc import Sequence
from typing import Literal

from cdktf import ITerraformDependable
from cdktf_cdktf_provider_aws.config_configuration_recorder import (
    ConfigConfigurationRecorder,
    ConfigConfigurationRecorderRecordingGroup,
    ConfigConfigurationRecorderRecordingGroupRecordingStrategy,
    ConfigConfigurationRecorderRecordingMode,
)
from cdktf_cdktf_provider_aws.config_configuration_recorder_status import (
    ConfigConfigurationRecorderStatus,
)
from cdktf_cdktf_provider_aws.config_delivery_channel import ConfigDeliveryChannel
from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import DataAwsIamPolicyDocument
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from constructs import Construct

from assay_constructs.errors import ConstructArgumentError
from assay_constructs.policy import allow, allow_service, equals
from assay_constructs.validation import check_length

RecordingFrequency = Literal["CONTINUOUS", "DAILY"]


class Recorder(Construct):
    """The account's one customer-managed recorder in this region, delivering to a bucket.

    AWS allows one recorder for each account and region, and creating one of a name that is taken
    silently adopts it: make this construct in exactly one environment there.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        name: Name of the recorder and its delivery channel, at most 256 characters.
        role_name: Name of the role that AWS Config records with, at most 64 characters.
        account_id: Account of the deployment.
        partition: AWS partition (``aws``, ``aws-cn``, ``aws-us-gov``).
        resource_types: Resource types to record; AWS bills each configuration item. The global
            types of IAM are recorded when they are named; name them in one region only, for each
            region that records them makes the same items again.
        recording_frequency: ``CONTINUOUS`` or ``DAILY``.
        bucket_name: Bucket for configuration snapshots and history.
        bucket_arn: Its ARN.
        bucket_policy: The bucket's policy, which must be in force before the channel is made.
        kms_key_arn: KMS key of the bucket, if it has one.

    Raises:
        ConstructArgumentError: When no resource type is given or a name is too long.

    Source: https://docs.aws.amazon.com/config/latest/developerguide/stop-start-recorder.html and
    https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingGroup.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        role_name: str,
        account_id: str,
        partition: str,
        resource_types: Sequence[str],
        bucket_name: str,
        bucket_arn: str,
        bucket_policy: ITerraformDependable,
        recording_frequency: RecordingFrequency = "CONTINUOUS",
        kms_key_arn: str | None = None,
    ) -> None:
        check_length("name", name, 256)
        check_length("role_name", role_name, 64)
        if not resource_types:
            raise ConstructArgumentError("resource_types", "at least one type", resource_types)
        super().__init__(scope, construct_id)
        trust = DataAwsIamPolicyDocument(
            self,
            "TrustDocument",
            statement=[
                allow_service(
                    "ConfigAssumes",
                    "config.amazonaws.com",
                    ["sts:AssumeRole"],
                    conditions=[equals("aws:SourceAccount", account_id)],
                )
            ],
        )
        role = IamRole(self, "Role", name=role_name, assume_role_policy=trust.json)
        records = IamRolePolicyAttachment(
            self,
            "Records",
            role=role.name,
            policy_arn=f"arn:{partition}:iam::aws:policy/service-role/AWS_ConfigRole",
        )
        statements = [
            allow("CheckBucket", ["s3:GetBucketAcl", "s3:ListBucket"], [bucket_arn]),
            allow("Deliver", ["s3:PutObject"], [f"{bucket_arn}/AWSLogs/{account_id}/Config/*"]),
        ]
        if kms_key_arn:
            statements.append(
                allow("UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], [kms_key_arn])
            )
        document = DataAwsIamPolicyDocument(self, "DeliveryDocument", statement=statements)
        delivers = IamRolePolicy(
            self, "Delivers", name="deliver", role=role.name, policy=document.json
        )
        recorder = ConfigConfigurationRecorder(
            self,
            "Resource",
            name=name,
            role_arn=role.arn,
            recording_group=ConfigConfigurationRecorderRecordingGroup(
                all_supported=False,
                include_global_resource_types=False,
                resource_types=list(resource_types),
                recording_strategy=[
                    ConfigConfigurationRecorderRecordingGroupRecordingStrategy(
                        use_only="INCLUSION_BY_RESOURCE_TYPES"
                    )
                ],
            ),
            recording_mode=ConfigConfigurationRecorderRecordingMode(
                recording_frequency=recording_frequency
            ),
            depends_on=[records, delivers],
        )
        channel = ConfigDeliveryChannel(
            self,
            "DeliveryChannel",
            name=name,
            s3_bucket_name=bucket_name,
            s3_kms_key_arn=kms_key_arn,
            depends_on=[recorder, bucket_policy],
        )
        self.name = recorder.name
        self.status: ITerraformDependable = ConfigConfigurationRecorderStatus(
            self, "Status", name=self.name, is_enabled=True, depends_on=[channel]
        )
