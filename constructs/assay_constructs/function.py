"""A Lambda function with the log group, role and failure destination that belong to it."""

from collections.abc import Mapping, Sequence

from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import (
    DataAwsIamPolicyDocument,
    DataAwsIamPolicyDocumentStatement,
)
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from cdktf_cdktf_provider_aws.lambda_function import LambdaFunction, LambdaFunctionEnvironment
from cdktf_cdktf_provider_aws.lambda_function_event_invoke_config import (
    LambdaFunctionEventInvokeConfig,
    LambdaFunctionEventInvokeConfigDestinationConfig,
    LambdaFunctionEventInvokeConfigDestinationConfigOnFailure,
)
from constructs import Construct

from assay_constructs.policy import allow, allow_service
from assay_constructs.validation import check_length

RUNTIME = "python3.13"
ARCHITECTURE = "arm64"
TIMEOUT_SECONDS = 300
MEMORY_MIB = 512


def trust_policy(scope: Construct) -> str:
    """The trust policy of functions' roles, which one scope's functions share."""
    document = DataAwsIamPolicyDocument(
        scope,
        "TrustDocument",
        statement=[allow_service("LambdaAssumes", "lambda.amazonaws.com", ["sts:AssumeRole"])],
    )
    return document.json


class ComplianceFunction(Construct):
    """A function that may do what its statements say, write its own log, and nothing else.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        function_name: Name of the function, at most 64 characters; its role and log group
            follow it.
        description: What the function does, at most 256 characters.
        assume_role_policy: Who may take on the role; ``trust_policy`` makes it.
        handler: ``module.function`` in the deployment package.
        filename: Path of the deployment package, relative to the synthesized stack.
        source_code_hash: Base64 of the package's SHA-256.
        environment: Environment variables.
        statements: What the role may do beside logging and reporting failures.
        dead_letter_queue_arn: Queue for asynchronous invocations that failed for good.
        log_retention_days: Days that the log is kept, out of those CloudWatch Logs offers.
        kms_key_arn: KMS key for log group and environment; AWS-owned keys without one.

    Raises:
        ConstructArgumentError: When a name or description is too long.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function_name: str,
        description: str,
        assume_role_policy: str,
        handler: str,
        filename: str,
        source_code_hash: str,
        environment: Mapping[str, str],
        statements: Sequence[DataAwsIamPolicyDocumentStatement],
        dead_letter_queue_arn: str,
        log_retention_days: int = 365,
        kms_key_arn: str | None = None,
    ) -> None:
        check_length("function_name", function_name, 64)
        check_length("description", description, 256)
        super().__init__(scope, construct_id)
        log_group = CloudwatchLogGroup(
            self,
            "LogGroup",
            name=f"/aws/lambda/{function_name}",
            retention_in_days=log_retention_days,
            kms_key_id=kms_key_arn,
        )
        role = IamRole(self, "Role", name=function_name, assume_role_policy=assume_role_policy)
        own = [
            allow(
                "WriteOwnLog",
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                [f"{log_group.arn}:*"],
            ),
            allow("ReportFailures", ["sqs:SendMessage"], [dead_letter_queue_arn]),
        ]
        if kms_key_arn:
            own.append(allow("UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], [kms_key_arn]))
        permissions = DataAwsIamPolicyDocument(
            self, "PermissionsDocument", statement=[*own, *statements]
        )
        self.policy = IamRolePolicy(
            self, "Permissions", name="permissions", role=role.name, policy=permissions.json
        )
        function = LambdaFunction(
            self,
            "Resource",
            function_name=function_name,
            description=description,
            role=role.arn,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=handler,
            filename=filename,
            source_code_hash=source_code_hash,
            timeout=TIMEOUT_SECONDS,
            memory_size=MEMORY_MIB,
            environment=LambdaFunctionEnvironment(variables=dict(environment)),
            kms_key_arn=kms_key_arn,
            # The log group must be ours before the first line, else Lambda makes one that never
            # expires; and the first event must not find a role without its permissions.
            depends_on=[log_group, self.policy],
        )
        self.arn = function.arn
        self.function_name = function.function_name
        LambdaFunctionEventInvokeConfig(
            self,
            "EventInvokeConfig",
            function_name=self.function_name,
            maximum_retry_attempts=2,
            destination_config=LambdaFunctionEventInvokeConfigDestinationConfig(
                on_failure=LambdaFunctionEventInvokeConfigDestinationConfigOnFailure(
                    destination=dead_letter_queue_arn
                )
            ),
            # Lambda checks that the role may send to the queue.
            depends_on=[self.policy],
        )
