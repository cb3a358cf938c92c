"""A customer-managed KMS key that everything of one environment is encrypted with."""

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import (
    DataAwsIamPolicyDocument,
    DataAwsIamPolicyDocumentStatement,
    DataAwsIamPolicyDocumentStatementPrincipals,
)
from cdktf_cdktf_provider_aws.kms_alias import KmsAlias
from cdktf_cdktf_provider_aws.kms_key import KmsKey
from constructs import Construct

from assay_constructs.policy import allow_service, equals

# These write to an encrypted topic or queue for us, so they must be able to use the key.
_DELIVERING_SERVICES = ("cloudwatch", "config", "events")


class EncryptionKey(Construct):
    """A KMS key with yearly rotation, for the account's own IAM and the services that deliver.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        suffix: Environment suffix; the key's alias is ``alias/compliance-<suffix>``.
        account_id: Account of the deployment.
        partition: AWS partition (``aws``, ``aws-cn``, ``aws-us-gov``).
        dns_suffix: The partition's DNS suffix, part of the principal of CloudWatch Logs.
        region: Region of the deployment.
        retain_data: Terraform refuses to destroy the key, for what it encrypted would be lost.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        account_id: str,
        partition: str,
        dns_suffix: str,
        region: str,
        retain_data: bool = True,
    ) -> None:
        super().__init__(scope, construct_id)
        account = DataAwsIamPolicyDocumentStatement(
            sid="AccountUsesIam",
            effect="Allow",
            actions=["kms:*"],
            resources=["*"],
            principals=[
                DataAwsIamPolicyDocumentStatementPrincipals(
                    type="AWS", identifiers=[f"arn:{partition}:iam::{account_id}:root"]
                )
            ],
        )
        log_groups = f"arn:{partition}:logs:{region}:{account_id}:log-group:*-{suffix}"
        logs = allow_service(
            "LogGroups",
            f"logs.{region}.{dns_suffix}",
            ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"],
            resources=["*"],
            conditions=[equals("kms:EncryptionContext:aws:logs:arn", log_groups, test="ArnLike")],
        )
        delivering = [
            allow_service(
                f"{service.title()}Delivers",
                f"{service}.amazonaws.com",
                ["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions=[equals("aws:SourceAccount", account_id)],
            )
            for service in _DELIVERING_SERVICES
        ]
        document = DataAwsIamPolicyDocument(
            self, "PolicyDocument", statement=[account, logs, *delivering]
        )
        key = KmsKey(
            self,
            "Resource",
            description=f"Compliance data of environment {suffix}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=document.json,
            lifecycle=TerraformResourceLifecycle(prevent_destroy=True) if retain_data else None,
        )
        KmsAlias(self, "Alias", name=f"alias/compliance-{suffix}", target_key_id=key.key_id)
        self.arn = key.arn
