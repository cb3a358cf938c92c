"""Monitoring, Compliance and Config together, each with what it needs of the others."""

from collections.abc import Sequence
from typing import Literal

from cdktf_cdktf_provider_aws.data_aws_caller_identity import DataAwsCallerIdentity
from cdktf_cdktf_provider_aws.data_aws_partition import DataAwsPartition
from constructs import Construct

from assay.waivers import Waiver
from assay_constructs.compliance import (
    Compliance,
    EvaluatorRule,
    aggregator_function_name,
    evaluation_schedule_names,
    evaluator_function_name,
    report_schedule_name,
)
from assay_constructs.config import Config, LambdaRule
from assay_constructs.conformance_pack import ConformancePack
from assay_constructs.continuation import continuation_queue_name
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.guard_rule import GuardRule
from assay_constructs.managed_rules import ManagedRule, MaximumExecutionFrequency
from assay_constructs.monitoring import Monitoring
from assay_constructs.recording import Recording, RecordingFrequency, judged, types_to_record
from assay_constructs.remediation import Remediation
from assay_constructs.settings import Subscription


class ComplianceSystem(Construct):
    """Everything that judges one region of an account by the given rules.

    Account and partition are those of the stack's provider, and what is left out is as in an
    environment's settings.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        suffix: Ends every name. 1 to 20 lower-case letters, digits, hyphens.
        region: Region of the stack's provider.
        rules: The rules to deploy.
        recorder_mode: ``create``: the AWS Config recorder is made here. ``existing``: somebody
            else owns it. ``none``: without AWS Config; schedules alone start the evaluators.
        recorder_name: Name of the recorder; ``assay-<suffix>`` without one.
        resource_types: Resource types that an own recorder records; those that the rules judge on
            changes when nothing says what to record.
        exclude_resource_types: The only types that it does not record.
        all_supported: It records all types but the global ones.
        include_global_resource_types: And those, too.
        recording_frequency: How often an own recorder records changes.
        override_resource_types: Types that it records at another frequency.
        override_recording_frequency: That frequency.
        override_description: Why it is so.
        managed_rules: Managed rules of AWS Config, whose names end with the suffix, too.
        guard_rules: Custom policy rules of AWS Config, likewise.
        remediations: What mends what any of the rules finds.
        conformance_packs: Packs of rules.
        maximum_execution_frequency: Lets AWS Config start sweeps too; on changes only without
            one, where a rule does not say otherwise.
        evaluation_schedule: EventBridge schedule of the sweeps, in UTC.
        report_schedule: EventBridge schedule of the report, in UTC.
        reminder_schedule: EventBridge schedule of reminders of open violations, in UTC; no
            reminders without one.
        silence_hours: Hours (1 to 168) without a scheduled run, or without a completed sweep of a
            rule, that raise an alarm and that reports call silence.
        subscriptions: Subscribers of the alert topic.
        report_forms: Forms of each report, ``json`` among them.
        security_hub: Sends findings to AWS Security Hub, too.
        waivers: Violations that somebody answers for.
        history_retention_days: Days that evaluations and the counts of reports are kept.
        log_retention_days: Days that function logs are kept.
        object_retention_days: Days that Config snapshots and reports are kept; ``None`` for ever.
        retain_data: Terraform refuses to destroy tables, buckets and key.
        customer_managed_key: Encrypts everything with a KMS key of its own.
        embedded_aws: Does what an embedded AWS (moto) demands.

    Attributes:
        monitoring: Tables, topic, buckets, dead-letter queue, alarms and dashboard.
        compliance: The functions and their schedules.
        recorder_name: Name of the recorder; empty without AWS Config.

    Raises:
        ConstructArgumentError: When an argument is impossible.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        region: str,
        rules: Sequence[EvaluatorRule],
        recorder_mode: Literal["create", "existing", "none"] = "create",
        recorder_name: str | None = None,
        resource_types: Sequence[str] | None = None,
        exclude_resource_types: Sequence[str] = (),
        all_supported: bool = False,
        include_global_resource_types: bool = False,
        recording_frequency: RecordingFrequency = "CONTINUOUS",
        override_resource_types: Sequence[str] = (),
        override_recording_frequency: RecordingFrequency | None = None,
        override_description: str | None = None,
        managed_rules: Sequence[ManagedRule] = (),
        guard_rules: Sequence[GuardRule] = (),
        remediations: Sequence[Remediation] = (),
        conformance_packs: Sequence[ConformancePack] = (),
        maximum_execution_frequency: MaximumExecutionFrequency | None = None,
        evaluation_schedule: str = "cron(0 */6 * * ? *)",
        report_schedule: str = "cron(20 */6 * * ? *)",
        reminder_schedule: str | None = None,
        silence_hours: int = 13,
        subscriptions: Sequence[Subscription] = (),
        report_forms: Sequence[str] = ("json", "html"),
        security_hub: bool = False,
        waivers: Sequence[Waiver] = (),
        history_retention_days: int = 365,
        log_retention_days: int = 365,
        object_retention_days: int | None = 730,
        retain_data: bool = True,
        customer_managed_key: bool = False,
        embedded_aws: bool = False,
    ) -> None:
        needs_config = managed_rules or guard_rules or remediations or conformance_packs
        if recorder_mode == "none" and needs_config:
            kinds = "managed_rules, guard_rules, remediations or conformance_packs"
            allowed = f"create or existing with {kinds}"
            raise ConstructArgumentError("recorder_mode", allowed, recorder_mode)
        super().__init__(scope, construct_id)
        account_id = DataAwsCallerIdentity(self, "Account").account_id
        own_partition = DataAwsPartition(self, "Partition")
        # Reading an attribute is a question to Node.js, so each is read once.
        partition = own_partition.partition
        rule_names = [each.rule.name for each in rules]
        evaluator_names = [evaluator_function_name(name, suffix) for name in rule_names]
        recorder_name = recorder_name or f"assay-{suffix}"
        self.monitoring = monitoring = Monitoring(
            self,
            "Monitoring",
            suffix=suffix,
            account_id=account_id,
            partition=partition,
            dns_suffix=own_partition.dns_suffix,
            region=region,
            function_names=[*evaluator_names, aggregator_function_name(suffix)],
            schedule_names=[
                *evaluation_schedule_names(len(rules), suffix),
                report_schedule_name(suffix),
            ],
            rule_names=rule_names,
            queue_names=[continuation_queue_name(name) for name in evaluator_names],
            silence_hours=silence_hours,
            subscriptions=subscriptions,
            object_retention_days=object_retention_days,
            retain_data=retain_data,
            customer_managed_key=customer_managed_key,
        )
        self.compliance = Compliance(
            self,
            "Compliance",
            suffix=suffix,
            account_id=account_id,
            partition=partition,
            region=region,
            rules=rules,
            history_table_name=monitoring.history_table.name,
            history_table_arn=monitoring.history_table.arn,
            state_table_name=monitoring.state_table.name,
            state_table_arn=monitoring.state_table.arn,
            topic_arn=monitoring.topic_arn,
            reports_bucket_name=monitoring.reports_bucket.bucket_name,
            reports_bucket_arn=monitoring.reports_bucket.arn,
            dead_letter_queue_arn=monitoring.dead_letter_queue.arn,
            recorder_name=None if recorder_mode == "none" else recorder_name,
            evaluation_schedule=evaluation_schedule,
            report_schedule=report_schedule,
            reminder_schedule=reminder_schedule,
            silence_hours=silence_hours,
            report_forms=report_forms,
            security_hub=security_hub,
            waivers=waivers,
            dashboard_name=monitoring.dashboard.name,
            history_retention_days=history_retention_days,
            log_retention_days=log_retention_days,
            kms_key_arn=monitoring.kms_key_arn,
            embedded_aws=embedded_aws,
        )
        self.recorder_name = ""
        if recorder_mode == "none":
            return
        if not (resource_types or exclude_resource_types or all_supported):
            resource_types = types_to_record(
                judged(
                    functions=(
                        (each.rule.name, each.rule.resource_type, each.config_triggers)
                        for each in rules
                    ),
                    managed=(
                        (each.name, each.identifier, each.resource_types) for each in managed_rules
                    ),
                    guard=((each.name, each.resource_types) for each in guard_rules),
                    packs=((each.name, each.template) for each in conformance_packs),
                )
            )
        self.recorder_name = Config(
            self,
            "Config",
            suffix=suffix,
            account_id=account_id,
            partition=partition,
            region=region,
            recorder_mode=recorder_mode,
            recorder_name=recorder_name,
            rules=[
                LambdaRule(
                    name=f"{each.rule.name}-{suffix}",
                    description=each.rule.requirement,
                    function_name=self.compliance.evaluators[each.rule.name].function_name,
                    function_arn=self.compliance.evaluators[each.rule.name].arn,
                    resource_type=each.rule.resource_type,
                    input_parameters=each.input_parameters,
                    config_triggers=each.config_triggers,
                    maximum_execution_frequency=each.maximum_execution_frequency,
                )
                for each in rules
            ],
            managed_rules=managed_rules,
            guard_rules=guard_rules,
            remediations=remediations,
            conformance_packs=conformance_packs,
            recording=Recording(
                resource_types=resource_types or (),
                exclude_resource_types=exclude_resource_types,
                all_supported=all_supported,
                include_global_resource_types=include_global_resource_types,
                recording_frequency=recording_frequency,
                override_resource_types=override_resource_types,
                override_recording_frequency=override_recording_frequency,
                override_description=override_description,
            ),
            bucket_name=monitoring.config_bucket.bucket_name,
            bucket_arn=monitoring.config_bucket.arn,
            bucket_policy=monitoring.config_bucket.policy,
            kms_key_arn=monitoring.kms_key_arn,
            maximum_execution_frequency=maximum_execution_frequency,
        ).recorder_name
