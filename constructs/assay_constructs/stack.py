"""One environment's stack, from its settings: the system, provider, backend and outputs."""

import cdktf
from cdktf import (
    LocalBackend,
    NamedCloudWorkspace,
    TaggedCloudWorkspaces,
    TerraformOutput,
    TerraformStack,
)
from cdktf_cdktf_provider_aws.provider import AwsProvider, AwsProviderDefaultTags
from constructs import Construct

from assay import rules as rule_catalogue
from assay_constructs import settings as s
from assay_constructs.compliance import EvaluatorRule
from assay_constructs.config_settings import (
    GuardRuleSettings,
    ManagedRuleSettings,
    RemediationSettings,
)
from assay_constructs.conformance_pack import ConformancePack
from assay_constructs.guard_rule import GuardRule
from assay_constructs.managed_rules import ManagedRule, input_strings
from assay_constructs.recording import Recording
from assay_constructs.remediation import Remediation
from assay_constructs.system import ComplianceSystem

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

        recorder = settings.recorder
        recording = settings.recording() or Recording()
        system = ComplianceSystem(
            self,
            # CDKTF leaves this name out of those of the resources.
            "Default",
            suffix=suffix,
            region=settings.region,
            rules=[
                EvaluatorRule(
                    rule=rule_catalogue.load(rule),
                    input_parameters=settings.input_parameters(rule),
                    severity=settings.severity(rule),
                    config_triggers=settings.rules[rule].config_triggers,
                    maximum_execution_frequency=settings.rules[rule].maximum_execution_frequency,
                )
                for rule in settings.enabled_rules()
            ],
            recorder_mode=recorder.mode,
            recorder_name=None if recorder.mode == "none" else recorder.name,
            resource_types=recording.resource_types,
            exclude_resource_types=recording.exclude_resource_types,
            all_supported=recording.all_supported,
            include_global_resource_types=recording.include_global_resource_types,
            recording_frequency=recording.recording_frequency,
            override_resource_types=recording.override_resource_types,
            override_recording_frequency=recording.override_recording_frequency,
            override_description=recording.override_description,
            managed_rules=[
                _managed_rule(f"{rule}-{suffix}", settings.managed_rule_identifier(rule), each)
                for rule, each in settings.managed_rules.items()
                if each.enabled
            ],
            guard_rules=[
                _guard_rule(f"{rule}-{suffix}", each)
                for rule, each in settings.guard_rules.items()
                if each.enabled
            ],
            remediations=[
                _remediation(f"{rule}-{suffix}", each)
                for rule, each in settings.remediations().items()
            ],
            conformance_packs=[
                ConformancePack(
                    name=f"{pack}-{suffix}",
                    template_body=each.template_body(),
                    template_s3_uri=each.template_s3_uri,
                    input_parameters=each.input_strings(),
                )
                for pack, each in settings.conformance_packs.items()
            ],
            maximum_execution_frequency=settings.schedules.config_maximum_execution_frequency,
            evaluation_schedule=settings.schedules.evaluation,
            report_schedule=settings.schedules.report,
            reminder_schedule=settings.schedules.reminder,
            silence_hours=settings.schedules.silence_hours,
            subscriptions=settings.alerts.subscribers(),
            report_forms=settings.reports.forms,
            security_hub=settings.reports.security_hub,
            waivers=[each.waiver() for each in settings.waivers],
            history_retention_days=settings.history_retention_days,
            log_retention_days=settings.log_retention_days,
            object_retention_days=settings.object_retention_days,
            retain_data=settings.retain_data,
            customer_managed_key=settings.customer_managed_key,
            embedded_aws=settings.embedded_aws,
        )
        monitoring, evaluators = system.monitoring, system.compliance.evaluators
        outputs = {
            "config_recorder_name": system.recorder_name,
            "config_bucket_name": monitoring.config_bucket.bucket_name,
            "dynamodb_table_name": monitoring.history_table.name,
            "sns_topic_arn": monitoring.topic_arn,
            "dead_letter_queue_url": monitoring.dead_letter_queue.url,
            "reports_bucket_name": monitoring.reports_bucket.bucket_name,
            "dashboard_url": monitoring.dashboard.url,
            "report_aggregator_lambda_name": system.compliance.aggregator.function_name,
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


def _managed_rule(name: str, identifier: str, settings: ManagedRuleSettings) -> ManagedRule:
    return ManagedRule(
        name=name,
        identifier=identifier,
        input_parameters=settings.input_parameters,
        description=settings.description,
        resource_types=settings.resource_types,
        resource_id=settings.resource_id,
        tag_key=settings.tag_key,
        tag_value=settings.tag_value,
        maximum_execution_frequency=settings.maximum_execution_frequency,
        evaluation_modes=settings.evaluation_modes,
        allow_unknown=settings.allow_unknown,
    )


def _guard_rule(name: str, settings: GuardRuleSettings) -> GuardRule:
    return GuardRule(
        name=name,
        policy_text=settings.policy_text(),
        policy_runtime=settings.runtime,
        description=settings.description,
        enable_debug_log_delivery=settings.debug_logging,
        input_parameters=input_strings(settings.input_parameters),
        resource_types=settings.resource_types,
        resource_id=settings.resource_id,
        tag_key=settings.tag_key,
        tag_value=settings.tag_value,
        evaluation_modes=settings.evaluation_modes,
    )


def _remediation(config_rule_name: str, settings: RemediationSettings) -> Remediation:
    return Remediation(
        config_rule_name=config_rule_name,
        target_id=settings.document,
        target_version=settings.document_version,
        permissions=settings.role_permissions(),
        resource_type=settings.resource_type,
        static_values=settings.static_values(),
        resource_values=settings.resource_values(),
        role_parameter=settings.role_parameter,
        automatic=settings.automatic,
        maximum_automatic_attempts=settings.maximum_automatic_attempts,
        retry_attempt_seconds=settings.retry_attempt_seconds,
        concurrent_execution_rate_percentage=settings.concurrent_percentage,
        error_percentage=settings.error_percentage,
    )
