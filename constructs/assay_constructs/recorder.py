"""The account's configuration recorder and its delivery channel."""

from cdktf import ITerraformDependable
from cdktf_cdktf_provider_aws.config_configuration_recorder import (
    ConfigConfigurationRecorder,
    ConfigConfigurationRecorderRecordingGroup,
    ConfigConfigurationRecorderRecordingGroupExclusionByResourceTypes,
    ConfigConfigurationRecorderRecordingGroupRecordingStrategy,
    ConfigConfigurationRecorderRecordingMode,
    ConfigConfigurationRecorderRecordingModeRecordingModeOverride,
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
from assay_constructs.limits import DESCRIPTION
from assay_constructs.policy import allow, allow_service, equals
from assay_constructs.recording import Recording
from assay_constructs.validation import check_length


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
        bucket_name: Bucket for configuration snapshots and history.
        bucket_arn: Its ARN.
        bucket_policy: The bucket's policy, which must be in force before the channel is made.
        recording: What it records; AWS bills each configuration item. Record the global types of
            IAM in one region only, for each region that records them makes the same items again.
        kms_key_arn: KMS key of the bucket, if it has one.

    Raises:
        ConstructArgumentError: When nothing or an impossible combination would be recorded, or a
            name is too long.

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
        bucket_name: str,
        bucket_arn: str,
        bucket_policy: ITerraformDependable,
        recording: Recording,
        kms_key_arn: str | None = None,
    ) -> None:
        check_length("name", name, 256)
        check_length("role_name", role_name, 64)
        if recording.override_description is not None:
            check_length("override_description", recording.override_description, DESCRIPTION)
        for problem in recording.problems():
            raise ConstructArgumentError(problem.argument, problem.allowed, problem.received)
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
            recording_group=_recording_group(recording),
            recording_mode=_recording_mode(recording),
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


def _recording_group(recording: Recording) -> ConfigConfigurationRecorderRecordingGroup:
    if recording.all_supported:
        strategy = "ALL_SUPPORTED_RESOURCE_TYPES"
    elif recording.exclude_resource_types:
        strategy = "EXCLUSION_BY_RESOURCE_TYPES"
    else:
        strategy = "INCLUSION_BY_RESOURCE_TYPES"
    return ConfigConfigurationRecorderRecordingGroup(
        all_supported=recording.all_supported,
        include_global_resource_types=recording.include_global_resource_types,
        resource_types=sorted(set(recording.resource_types)) or None,
        exclusion_by_resource_types=[
            ConfigConfigurationRecorderRecordingGroupExclusionByResourceTypes(
                resource_types=sorted(set(recording.exclude_resource_types))
            )
        ]
        if recording.exclude_resource_types
        else None,
        recording_strategy=[
            ConfigConfigurationRecorderRecordingGroupRecordingStrategy(use_only=strategy)
        ],
    )


def _recording_mode(recording: Recording) -> ConfigConfigurationRecorderRecordingMode:
    override = None
    if recording.override_recording_frequency:
        override = ConfigConfigurationRecorderRecordingModeRecordingModeOverride(
            description=recording.override_description,
            recording_frequency=recording.override_recording_frequency,
            resource_types=sorted(recording.override_resource_types),
        )
    return ConfigConfigurationRecorderRecordingMode(
        recording_frequency=recording.recording_frequency, recording_mode_override=override
    )
