"""One environment's stack: Monitoring, Compliance and Config, provider, backend and outputs."""

import cdktf
from cdktf import (
    LocalBackend,
    NamedCloudWorkspace,
    TaggedCloudWorkspaces,
    TerraformOutput,
    TerraformStack,
)
from cdktf_cdktf_provider_aws.data_aws_caller_identity import DataAwsCallerIdentity
from cdktf_cdktf_provider_aws.data_aws_partition import DataAwsPartition
from cdktf_cdktf_provider_aws.provider import AwsProvider, AwsProviderDefaultTags
from constructs import Construct

from assay import rules as rule_catalogue
from assay_constructs import settings as s
from assay_constructs.compliance import (
    Compliance,
    EvaluatorRule,
    aggregator_function_name,
    evaluation_schedule_names,
    evaluator_function_name,
    report_schedule_name,
)
from assay_constructs.config import Config, LambdaRule
from assay_constructs.monitoring import Monitoring

# From the synthesized stack's folder, <project>/cdktf.out/stacks/<stack>, to the project.
_PROJECT = "../../.."

# Each of these rules has an output of its own, empty where the rule is off.
_RULE_OUTPUTS = {
    "ec2_tag_lambda_name": "ec2-tag-compliance",
    "s3_encryption_lambda_name": "s3-encryption-compliance",
    "rds_backup_lambda_name": "rds-backup-compliance",
}


def state_name(environment: str, suffix: str) -> str:
    """Name of a stack's Terraform state: a copy under another suffix has a state of its own."""
    # The dot can be in neither of them, so no two copies share a name.
    return f"assay-{environment}" if suffix == environment else f"assay-{environment}.{suffix}"


class ComplianceStack(TerraformStack):
    """Everything of one environment in one region.

    Args:
        scope: The app.
        environment: Name of the environment; the stack is ``assay-<environment>``.
        settings: The environment's settings.
    """

    def __init__(
        self,
        scope: Construct,
        environment: str,
        *,
        settings: s.Settings,
    ) -> None:
        name = f"assay-{environment}"
        super().__init__(scope, name)
        suffix = settings.environment_suffix
        self._provider(settings)
        self._backend(settings.backend, suffix, state_name(environment, suffix))

        account_id = DataAwsCallerIdentity(self, "Account").account_id
        partition = DataAwsPartition(self, "Partition")
        rule_names = settings.enabled_rules()
        monitoring = Monitoring(
            self,
            "Monitoring",
            suffix=suffix,
            account_id=account_id,
            partition=partition.partition,
            dns_suffix=partition.dns_suffix,
            region=settings.region,
            function_names=[
                *(evaluator_function_name(rule, suffix) for rule in rule_names),
                aggregator_function_name(suffix),
            ],
            schedule_names=[
                *evaluation_schedule_names(len(rule_names), suffix),
                report_schedule_name(suffix),
            ],
            silence_hours=settings.schedules.silence_hours,
            subscriptions=settings.alerts.subscribers(),
            object_retention_days=settings.object_retention_days,
            retain_data=settings.retain_data,
            customer_managed_key=settings.customer_managed_key,
        )
        compliance = Compliance(
            self,
            "Compliance",
            suffix=suffix,
            account_id=account_id,
            partition=partition.partition,
            region=settings.region,
            rules=[
                EvaluatorRule(
                    rule=rule_catalogue.load(rule),
                    input_parameters=settings.input_parameters(rule),
                    severity=settings.severity(rule),
                )
                for rule in rule_names
            ],
            history_table_name=monitoring.history_table.name,
            history_table_arn=monitoring.history_table.arn,
            state_table_name=monitoring.state_table.name,
            state_table_arn=monitoring.state_table.arn,
            topic_arn=monitoring.topic_arn,
            reports_bucket_name=monitoring.reports_bucket.bucket_name,
            reports_bucket_arn=monitoring.reports_bucket.arn,
            dead_letter_queue_arn=monitoring.dead_letter_queue.arn,
            put_evaluations=settings.recorder.mode != "none",
            evaluation_schedule=settings.schedules.evaluation,
            report_schedule=settings.schedules.report,
            history_retention_days=settings.history_retention_days,
            log_retention_days=settings.log_retention_days,
            kms_key_arn=monitoring.kms_key_arn,
            config_test_mode=settings.embedded_aws,
        )
        recorder_name = ""
        if settings.recorder.mode != "none":
            recorder_name = settings.recorder.name or f"assay-{suffix}"
            frequency = (
                settings.recorder.recording_frequency
                if settings.recorder.mode == "create"
                else "CONTINUOUS"
            )
            recorder_name = Config(
                self,
                "Config",
                suffix=suffix,
                account_id=account_id,
                partition=partition.partition,
                recorder_mode=settings.recorder.mode,
                recorder_name=recorder_name,
                rules=[
                    LambdaRule(
                        name=f"{rule}-{suffix}",
                        description=rule_catalogue.load(rule).requirement,
                        function_name=compliance.evaluators[rule].function_name,
                        function_arn=compliance.evaluators[rule].arn,
                        resource_type=rule_catalogue.load(rule).resource_type,
                        input_parameters=settings.input_parameters(rule),
                    )
                    for rule in rule_names
                ],
                resource_types=settings.recorded_resource_types(),
                recording_frequency=frequency,
                bucket_name=monitoring.config_bucket.bucket_name,
                bucket_arn=monitoring.config_bucket.arn,
                bucket_policy=monitoring.config_bucket.policy,
                kms_key_arn=monitoring.kms_key_arn,
                maximum_execution_frequency=settings.schedules.config_maximum_execution_frequency,
            ).recorder_name

        evaluators = compliance.evaluators
        outputs = {
            "config_recorder_name": recorder_name,
            "config_bucket_name": monitoring.config_bucket.bucket_name,
            "dynamodb_table_name": monitoring.history_table.name,
            "sns_topic_arn": monitoring.topic_arn,
            "reports_bucket_name": monitoring.reports_bucket.bucket_name,
            "report_aggregator_lambda_name": compliance.aggregator.function_name,
            **{
                output: evaluators[rule].function_name if rule in evaluators else ""
                for output, rule in _RULE_OUTPUTS.items()
            },
        }
        for output, value in outputs.items():
            TerraformOutput(self, output, value=value, static_id=True)

    def _provider(self, settings: s.Settings) -> None:
        account_id, embedded = settings.account_id, settings.embedded_aws
        AwsProvider(
            self,
            "Aws",
            region=settings.region,
            allowed_account_ids=[account_id] if account_id else None,
            default_tags=[AwsProviderDefaultTags(tags=settings.tags)] if settings.tags else None,
            s3_use_path_style=True if embedded else None,
            skip_credentials_validation=True if embedded else None,
            # What an embedded AWS lacks it answers with HTTP 500; the default of 25 retries
            # would make that look like a hang.
            max_retries=3 if embedded else None,
        )
        if settings.provider_version:
            self.add_override("terraform.required_providers.aws.version", settings.provider_version)

    def _backend(
        self, backend: s.LocalBackend | s.S3Backend | s.CloudBackend, suffix: str, name: str
    ) -> None:
        match backend:
            case s.LocalBackend():
                # Relative, so that the same settings give the same bytes in every folder.
                LocalBackend(self, path=f"{_PROJECT}/terraform.{name}.tfstate")
            case s.S3Backend():
                cdktf.S3Backend(
                    self,
                    bucket=backend.bucket,
                    key=f"{backend.key_prefix}/{name}.tfstate",
                    region=backend.region,
                    encrypt=True,
                    kms_key_id=backend.kms_key_id,
                )
                # Newer than CDKTF's own arguments.
                self.add_override("terraform.backend.s3.use_lockfile", True)
            case _:
                workspace = backend.workspace
                cdktf.CloudBackend(
                    self,
                    hostname=backend.hostname,
                    organization=backend.organization,
                    workspaces=(
                        NamedCloudWorkspace(workspace.name.format(suffix=suffix))
                        if workspace.name
                        else TaggedCloudWorkspaces(workspace.tags or [])
                    ),
                )
