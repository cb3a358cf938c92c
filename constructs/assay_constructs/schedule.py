"""An EventBridge schedule that invokes functions."""

from collections.abc import Mapping

from cdktf_cdktf_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktf_cdktf_provider_aws.cloudwatch_event_target import (
    CloudwatchEventTarget,
    CloudwatchEventTargetDeadLetterConfig,
    CloudwatchEventTargetInputTransformer,
    CloudwatchEventTargetRetryPolicy,
)
from cdktf_cdktf_provider_aws.lambda_permission import LambdaPermission
from constructs import Construct

from assay_constructs.errors import ConstructArgumentError
from assay_constructs.function import ComplianceFunction
from assay_constructs.validation import check_length

MAXIMUM_TARGETS = 5
_MAXIMUM_EVENT_AGE_SECONDS = 3600


class Schedule(Construct):
    """An EventBridge rule with functions as targets, each allowed to be invoked by it.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        name: Name of the EventBridge rule, at most 64 characters.
        description: What the schedule does.
        schedule_expression: ``cron(...)`` or ``rate(...)``, in UTC.
        functions: Functions to invoke, by construct id; at most five, EventBridge's limit.
        dead_letter_queue_arn: Queue for events that could not be delivered.
        input_template: JSON that functions get instead of EventBridge's own event; ``<time>`` in
            it, without quotes, stands for the event's time.

    Raises:
        ConstructArgumentError: When the name is too long or there are too many functions.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html and
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        schedule_expression: str,
        functions: Mapping[str, ComplianceFunction],
        dead_letter_queue_arn: str,
        input_template: str | None = None,
    ) -> None:
        check_length("name", name, 64)
        if not 1 <= len(functions) <= MAXIMUM_TARGETS:
            raise ConstructArgumentError(
                "functions", f"1 to {MAXIMUM_TARGETS} functions", sorted(functions)
            )
        super().__init__(scope, construct_id)
        rule = CloudwatchEventRule(
            self,
            "Resource",
            name=name,
            description=description,
            schedule_expression=schedule_expression,
        )
        transformer = (
            CloudwatchEventTargetInputTransformer(
                input_paths={"time": "$.time"}, input_template=input_template
            )
            if input_template
            else None
        )
        rule_arn, rule_name = rule.arn, rule.name
        for function_id, function in functions.items():
            permission = LambdaPermission(
                self,
                f"Permission-{function_id}",
                statement_id=f"schedule-{construct_id}",
                action="lambda:InvokeFunction",
                function_name=function.function_name,
                principal="events.amazonaws.com",
                source_arn=rule_arn,
            )
            CloudwatchEventTarget(
                self,
                f"Target-{function_id}",
                rule=rule_name,
                arn=function.arn,
                target_id=function_id,
                retry_policy=CloudwatchEventTargetRetryPolicy(
                    maximum_event_age_in_seconds=_MAXIMUM_EVENT_AGE_SECONDS,
                    maximum_retry_attempts=2,
                ),
                dead_letter_config=CloudwatchEventTargetDeadLetterConfig(arn=dead_letter_queue_arn),
                input_transformer=transformer,
                depends_on=[permission],
            )
