"""Monitoring: where evaluations, alerts, reports and failures go, alarms on them, a dashboard."""

import hashlib
import json
from collections.abc import Sequence

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm
from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import DataAwsIamPolicyDocument
from cdktf_cdktf_provider_aws.dynamodb_table import (
    DynamodbTable,
    DynamodbTableAttribute,
    DynamodbTablePointInTimeRecovery,
    DynamodbTableServerSideEncryption,
    DynamodbTableTtl,
)
from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
from cdktf_cdktf_provider_aws.sns_topic_policy import SnsTopicPolicy
from cdktf_cdktf_provider_aws.sns_topic_subscription import SnsTopicSubscription
from cdktf_cdktf_provider_aws.sqs_queue import SqsQueue
from constructs import Construct

from assay_constructs.bucket import PrivateBucket
from assay_constructs.dashboard import HOUR_SECONDS, METRICS_NAMESPACE, Dashboard
from assay_constructs.encryption_key import EncryptionKey
from assay_constructs.policy import allow_service, deny_insecure_transport, equals
from assay_constructs.settings import Subscription
from assay_constructs.validation import check_pattern, check_range

DEAD_LETTER_RETENTION_SECONDS = 14 * 24 * 3600
_ALARM_PERIOD_SECONDS = 300


class Monitoring(Construct):
    """History and state tables, alert topic, buckets, dead-letter queue, alarms and dashboard.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        suffix: Environment suffix; ends every name. 1 to 20 lower-case letters, digits, hyphens.
        account_id: Account of the deployment.
        partition: AWS partition (``aws``, ``aws-cn``, ``aws-us-gov``).
        dns_suffix: The partition's DNS suffix.
        region: Region of the deployment.
        function_names: Functions whose errors raise an alarm.
        schedule_names: EventBridge rules whose silence raises an alarm.
        rule_names: Rules of which unread resources and the lack of a completed sweep raise an
            alarm.
        queue_names: Queues that the dashboard shows beside the dead-letter queue.
        silence_hours: Hours (1 to 168) without a scheduled run, or without a completed sweep of a
            rule, that count as silence.
        subscriptions: Subscribers of the alert topic.
        object_retention_days: Days that objects in the buckets are kept; ``None`` for ever.
        retain_data: Terraform refuses to destroy tables, buckets and key.
        customer_managed_key: Encrypts everything with a KMS key of this environment's own.

    Raises:
        ConstructArgumentError: When a suffix or a number of hours is impossible.
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
        function_names: Sequence[str] = (),
        schedule_names: Sequence[str] = (),
        rule_names: Sequence[str] = (),
        queue_names: Sequence[str] = (),
        silence_hours: int = 13,
        subscriptions: Sequence[Subscription] = (),
        object_retention_days: int | None = None,
        retain_data: bool = True,
        customer_managed_key: bool = False,
    ) -> None:
        check_pattern(
            "suffix",
            suffix,
            r"(?=.{1,20}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?",
            "1 to 20 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        )
        check_range("silence_hours", silence_hours, 1, 168)
        super().__init__(scope, construct_id)
        self._suffix = suffix
        self._account_id = account_id
        self._partition = partition
        self._region = region
        self._retain_data = retain_data
        self._alarm_arns: list[str] = []
        self.kms_key_arn: str | None = None
        if customer_managed_key:
            self.kms_key_arn = EncryptionKey(
                self,
                "Key",
                suffix=suffix,
                account_id=account_id,
                partition=partition,
                dns_suffix=dns_suffix,
                region=region,
                retain_data=retain_data,
            ).arn

        self.history_table = self._table(
            "HistoryTable", f"compliance-history-{suffix}", "resource_id", "evaluation_timestamp"
        )
        self.state_table = self._table(
            "StateTable", f"compliance-state-{suffix}", "rule_name", "resource_id"
        )
        self.topic_arn = self._alert_topic(subscriptions)
        self.dead_letter_queue = self._dead_letter_queue()

        config_bucket_name = f"assay-config-{suffix}-{account_id}-{region}"
        config_bucket_arn = f"arn:{partition}:s3:::{config_bucket_name}"
        from_account = equals("AWS:SourceAccount", account_id)
        self.config_bucket = PrivateBucket(
            self,
            "ConfigBucket",
            bucket_name=config_bucket_name,
            kms_key_arn=self.kms_key_arn,
            object_retention_days=object_retention_days,
            retain_data=retain_data,
            # https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-policy.html
            policy_statements=[
                allow_service(
                    "ConfigChecksBucket",
                    "config.amazonaws.com",
                    ["s3:GetBucketAcl", "s3:ListBucket"],
                    resources=[config_bucket_arn],
                    conditions=[from_account],
                ),
                allow_service(
                    "ConfigDelivers",
                    "config.amazonaws.com",
                    ["s3:PutObject"],
                    resources=[f"{config_bucket_arn}/AWSLogs/{account_id}/Config/*"],
                    conditions=[
                        from_account,
                        equals("s3:x-amz-acl", "bucket-owner-full-control"),
                    ],
                ),
            ],
        )
        self.reports_bucket = PrivateBucket(
            self,
            "ReportsBucket",
            bucket_name=f"assay-reports-{suffix}-{account_id}-{region}",
            kms_key_arn=self.kms_key_arn,
            object_retention_days=object_retention_days,
            retain_data=retain_data,
        )
        for name in function_names:
            self._alarm_on_errors(name)
        for name in schedule_names:
            self._alarm_on_silence(name, silence_hours)
        for name in rule_names:
            self._alarm_on_unreadable_resources(name)
            self._alarm_on_old_verdicts(name, silence_hours)
        self._alarm_on_dead_letters()
        self.dashboard = Dashboard(
            self,
            "Dashboard",
            suffix=suffix,
            region=region,
            rule_names=rule_names,
            function_names=function_names,
            queue_names=[_dead_letter_queue_name(suffix), *queue_names],
            alarm_arns=self._alarm_arns,
            silence_hours=silence_hours,
        )

    def _table(self, construct_id: str, name: str, hash_key: str, range_key: str) -> DynamodbTable:
        return DynamodbTable(
            self,
            construct_id,
            name=name,
            billing_mode="PAY_PER_REQUEST",
            hash_key=hash_key,
            range_key=range_key,
            attribute=[
                DynamodbTableAttribute(name=hash_key, type="S"),
                DynamodbTableAttribute(name=range_key, type="S"),
            ],
            point_in_time_recovery=DynamodbTablePointInTimeRecovery(enabled=True),
            ttl=DynamodbTableTtl(attribute_name="expires_at", enabled=True),
            server_side_encryption=(
                DynamodbTableServerSideEncryption(enabled=True, kms_key_arn=self.kms_key_arn)
                if self.kms_key_arn
                else None
            ),
            deletion_protection_enabled=self._retain_data,
            lifecycle=(
                TerraformResourceLifecycle(prevent_destroy=True) if self._retain_data else None
            ),
        )

    def _alert_topic(self, subscriptions: Sequence[Subscription]) -> str:
        topic = SnsTopic(
            self,
            "AlertTopic",
            name=f"compliance-alerts-{self._suffix}",
            kms_master_key_id=self.kms_key_arn,
        )
        arn = topic.arn
        document = DataAwsIamPolicyDocument(
            self,
            "AlertTopicPolicyDocument",
            statement=[
                deny_insecure_transport(["sns:Publish"], [arn]),
                allow_service(
                    "AlarmsPublish",
                    "cloudwatch.amazonaws.com",
                    ["sns:Publish"],
                    resources=[arn],
                    conditions=[equals("aws:SourceAccount", self._account_id)],
                ),
            ],
        )
        policy = SnsTopicPolicy(self, "AlertTopicPolicy", arn=arn, policy=document.json)
        for subscription in subscriptions:
            # Named by what it is, not by its place in a list, so that taking one out leaves the
            # others as they are: a replaced e-mail subscription has to be confirmed again.
            endpoint_hash = hashlib.sha256(subscription.endpoint.encode()).hexdigest()[:8]
            filter_policy = subscription.filter_policy
            SnsTopicSubscription(
                self,
                f"Subscription-{subscription.protocol}-{endpoint_hash}",
                topic_arn=arn,
                protocol=subscription.protocol,
                endpoint=subscription.endpoint,
                filter_policy=json.dumps(filter_policy, sort_keys=True) if filter_policy else None,
                raw_message_delivery=subscription.raw_message_delivery or None,
                depends_on=[policy],
            )
        return arn

    def _dead_letter_queue(self) -> SqsQueue:
        name = _dead_letter_queue_name(self._suffix)
        arn = f"arn:{self._partition}:sqs:{self._region}:{self._account_id}:{name}"
        document = DataAwsIamPolicyDocument(
            self,
            "DeadLetterQueuePolicyDocument",
            statement=[
                deny_insecure_transport(["sqs:*"], [arn]),
                allow_service(
                    "SchedulesSend",
                    "events.amazonaws.com",
                    ["sqs:SendMessage"],
                    resources=[arn],
                    conditions=[equals("aws:SourceAccount", self._account_id)],
                ),
            ],
        )
        return SqsQueue(
            self,
            "DeadLetterQueue",
            name=name,
            message_retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
            kms_master_key_id=self.kms_key_arn,
            sqs_managed_sse_enabled=None if self.kms_key_arn else True,
            # In the queue itself: a policy resource of its own would wait for SQS twice.
            policy=document.json,
        )

    def _alarm_on_errors(self, function_name: str) -> None:
        self._alarm(
            f"Errors-{function_name}",
            alarm_name=f"{function_name}-errors",
            alarm_description=f"Function {function_name} failed; its log says why.",
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions={"FunctionName": function_name},
            statistic="Sum",
        )

    def _alarm_on_silence(self, schedule_name: str, hours: int) -> None:
        self._alarm(
            f"Silence-{schedule_name}",
            alarm_name=f"{schedule_name}-silent",
            alarm_description=f"Schedule {schedule_name} has started nothing for {hours} hours.",
            namespace="AWS/Events",
            metric_name="Invocations",
            dimensions={"RuleName": schedule_name},
            statistic="Sum",
            # Hour by hour, as CloudWatch looks back over at most one day with shorter periods.
            period=HOUR_SECONDS,
            evaluation_periods=hours,
            comparison_operator="LessThanThreshold",
            treat_missing_data="breaching",
        )

    def _alarm_on_unreadable_resources(self, rule_name: str) -> None:
        self._alarm(
            f"Unreadable-{rule_name}",
            alarm_name=f"{rule_name}-{self._suffix}-unreadable",
            alarm_description=(
                f"Resources could not be read for {rule_name}; the report names each with the "
                "error."
            ),
            namespace=METRICS_NAMESPACE,
            metric_name="Unreadable",
            dimensions=self._rule_dimensions(rule_name),
            statistic="Maximum",
            # Until the next sweep nothing new is known.
            treat_missing_data="ignore",
        )

    def _alarm_on_old_verdicts(self, rule_name: str, hours: int) -> None:
        self._alarm(
            f"Silence-{rule_name}",
            alarm_name=f"{rule_name}-{self._suffix}-silent",
            alarm_description=f"No sweep for {rule_name} has been completed for {hours} hours.",
            namespace=METRICS_NAMESPACE,
            metric_name="LastGoodRunAge",
            dimensions=self._rule_dimensions(rule_name),
            statistic="Maximum",
            threshold=hours * HOUR_SECONDS,
            treat_missing_data="ignore",
        )

    def _rule_dimensions(self, rule_name: str) -> dict[str, str]:
        return {"environment_suffix": self._suffix, "rule_name": rule_name}

    def _alarm_on_dead_letters(self) -> None:
        self._alarm(
            "DeadLetters",
            alarm_name=_dead_letter_queue_name(self._suffix),
            alarm_description="Events that no evaluator could handle lie in the dead-letter queue.",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": self.dead_letter_queue.name},
            statistic="Maximum",
        )

    def _alarm(
        self,
        construct_id: str,
        *,
        alarm_name: str,
        alarm_description: str,
        namespace: str,
        metric_name: str,
        dimensions: dict[str, str],
        statistic: str,
        threshold: int = 1,
        period: int = _ALARM_PERIOD_SECONDS,
        evaluation_periods: int = 1,
        comparison_operator: str = "GreaterThanOrEqualToThreshold",
        treat_missing_data: str = "notBreaching",
    ) -> None:
        self._alarm_arns.append(
            f"arn:{self._partition}:cloudwatch:{self._region}:{self._account_id}:alarm:{alarm_name}"
        )
        CloudwatchMetricAlarm(
            self,
            construct_id,
            alarm_name=alarm_name,
            alarm_description=alarm_description,
            namespace=namespace,
            metric_name=metric_name,
            dimensions=dimensions,
            statistic=statistic,
            period=period,
            evaluation_periods=evaluation_periods,
            datapoints_to_alarm=evaluation_periods,
            threshold=threshold,
            comparison_operator=comparison_operator,
            treat_missing_data=treat_missing_data,
            alarm_actions=[self.topic_arn],
            ok_actions=[self.topic_arn],
        )


def _dead_letter_queue_name(suffix: str) -> str:
    return f"compliance-dead-letters-{suffix}"
