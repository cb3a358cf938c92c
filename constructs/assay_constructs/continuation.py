"""The queue through which a function goes on in a fresh invocation of itself."""

import json

from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import (
    DataAwsIamPolicyDocument,
    DataAwsIamPolicyDocumentStatement,
)
from cdktf_cdktf_provider_aws.lambda_event_source_mapping import (
    LambdaEventSourceMapping,
    LambdaEventSourceMappingScalingConfig,
)
from cdktf_cdktf_provider_aws.lambda_function_recursion_config import (
    LambdaFunctionRecursionConfig,
)
from cdktf_cdktf_provider_aws.sqs_queue import SqsQueue
from constructs import Construct

from assay.permissions import CONTINUATION_ACTIONS
from assay_constructs.function import TIMEOUT_SECONDS, ComplianceFunction
from assay_constructs.policy import allow, deny_insecure_transport

# What an event source mapping does with the function's role.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_MAPPING_ACTIONS = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")

# Six times the function's timeout, as the same page advises: time for Lambda to try again where
# the function is throttled.
VISIBILITY_TIMEOUT_SECONDS = 6 * TIMEOUT_SECONDS

# Well below the dead-letter queue's, which counts from when a message was first sent:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
RETENTION_SECONDS = 4 * 24 * 3600
MAXIMUM_RECEIVES = 5
# The least that Lambda takes; one for the run that goes on, one for a run of another event.
_MAXIMUM_CONCURRENCY = 2


def continuation_queue_name(function_name: str) -> str:
    """Name of the queue through which a function goes on."""
    return f"{function_name}-continuations"


class ContinuationQueue(Construct):
    """A queue that one function sends to and that invokes the same function.

    Make it first, give the function its ``url`` and ``statements``, then let it ``invoke`` the
    function.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        function_name: Name of the function; the queue is ``<function_name>-continuations``.
        account_id: Account of the deployment.
        partition: AWS partition (``aws``, ``aws-cn``, ``aws-us-gov``).
        region: Region of the deployment.
        dead_letter_queue_arn: Queue for messages that the function failed on five times.
        kms_key_arn: KMS key for encryption; a key of SQS's without one.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function_name: str,
        account_id: str,
        partition: str,
        region: str,
        dead_letter_queue_arn: str,
        kms_key_arn: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        name = continuation_queue_name(function_name)
        document = DataAwsIamPolicyDocument(
            self,
            "PolicyDocument",
            statement=[
                deny_insecure_transport(
                    ["sqs:*"], [f"arn:{partition}:sqs:{region}:{account_id}:{name}"]
                )
            ],
        )
        queue = SqsQueue(
            self,
            "Resource",
            name=name,
            visibility_timeout_seconds=VISIBILITY_TIMEOUT_SECONDS,
            message_retention_seconds=RETENTION_SECONDS,
            kms_master_key_id=kms_key_arn,
            sqs_managed_sse_enabled=None if kms_key_arn else True,
            # In the queue itself: resources of their own would wait for SQS once more each.
            policy=document.json,
            redrive_policy=json.dumps(
                {"deadLetterTargetArn": dead_letter_queue_arn, "maxReceiveCount": MAXIMUM_RECEIVES}
            ),
        )
        self.url = queue.url
        self._arn = queue.arn

    def statements(self) -> list[DataAwsIamPolicyDocumentStatement]:
        """What the function's role needs: to send, and to let Lambda receive for it."""
        return [
            allow("Continue", CONTINUATION_ACTIONS, [self._arn]),
            allow("ReceiveContinuations", _MAPPING_ACTIONS, [self._arn]),
        ]

    def invoke(self, function: ComplianceFunction, *, recursion_config: bool = True) -> None:
        """Let each message invoke the function.

        Args:
            function: The function, whose role has this queue's statements.
            recursion_config: Lets the function invoke itself as often as it takes. Lambda ends a
                chain of about 16 invocations otherwise
                (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html); only an
                embedded AWS has to do without.
        """
        LambdaEventSourceMapping(
            self,
            "Mapping",
            event_source_arn=self._arn,
            function_name=function.arn,
            batch_size=1,
            scaling_config=LambdaEventSourceMappingScalingConfig(
                maximum_concurrency=_MAXIMUM_CONCURRENCY
            ),
            # Lambda checks that the role may receive from the queue.
            depends_on=[function.policy],
        )
        if recursion_config:
            LambdaFunctionRecursionConfig(
                self,
                "RecursionConfig",
                function_name=function.function_name,
                recursive_loop="Allow",
            )
