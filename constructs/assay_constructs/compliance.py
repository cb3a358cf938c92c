"""Compliance: the functions that judge resources and build reports, and what starts them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import get_annotations

from cdktf import AssetType, TerraformAsset
from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import (
    DataAwsIamPolicyDocumentStatement,
)
from constructs import Construct

from assay import forms
from assay.permissions import (
    AGGREGATOR_STATE_ACTIONS,
    ALERT_ACTIONS,
    CONFIG_ACTIONS,
    EVALUATOR_STATE_ACTIONS,
    HISTORY_ACTIONS,
    RECORDER_ACTIONS,
    REPORT_ACTIONS,
    REPORT_COPY_ACTIONS,
    SECURITY_HUB_ACTIONS,
)
from assay.rule import AnyRule, Rule, Severity
from assay.waivers import Waiver
from assay_constructs.code import RULES_FILE, WAIVERS_FILE, deployment_package
from assay_constructs.config import ConfigTrigger
from assay_constructs.continuation import ContinuationQueue
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.function import ComplianceFunction, trust_policy
from assay_constructs.managed_rules import MaximumExecutionFrequency
from assay_constructs.policy import allow
from assay_constructs.schedule import MAXIMUM_TARGETS, Schedule
from assay_constructs.validation import check_range

EVALUATOR_HANDLER = "assay.evaluator.handler"
AGGREGATOR_HANDLER = "assay.report_aggregator.handler"

# The event that makes an evaluator remind of what is still open.
REMINDER_TEMPLATE = '{"detail-type":"Assay Reminder","source":"assay","time":<time>}'


@dataclass(frozen=True)
class EvaluatorRule:
    """A rule as one environment deploys it.

    Args:
        rule: The rule's class, Assay's own or one of another package.
        input_parameters: Its parameters in the form of AWS Config, all strings, as the
            parameters' ``to_input_parameters`` writes them; the rule's own without any.
        severity: Severity of a violation; the rule's own when ``None``.
        config_triggers: What AWS Config runs it on, see ``LambdaRule``.
        maximum_execution_frequency: How often AWS Config runs it periodically, see ``LambdaRule``.

    Raises:
        ConstructArgumentError: When the class lacks what a rule must have.
        ParameterError: When the rule cannot work with the parameters.
    """

    rule: type[AnyRule]
    input_parameters: Mapping[str, str] = field(default_factory=dict)
    severity: Severity | None = None
    config_triggers: Sequence[ConfigTrigger] | None = None
    maximum_execution_frequency: MaximumExecutionFrequency | None = None

    def __post_init__(self) -> None:
        missing = [name for name in get_annotations(Rule) if not hasattr(self.rule, name)]
        missing += sorted(self.rule.__abstractmethods__)
        if missing:
            allowed = f"a class that also defines {', '.join(missing)}"
            raise ConstructArgumentError("rule", allowed, self.rule.reference())
        self.rule.Parameters.from_input_parameters(self.input_parameters)


def evaluator_function_name(rule_name: str, suffix: str) -> str:
    """Name of the function that judges by a rule."""
    return f"{rule_name}-{suffix}"


def aggregator_function_name(suffix: str) -> str:
    """Name of the function that builds reports."""
    return f"report-aggregator-{suffix}"


def evaluation_schedule_names(rule_count: int, suffix: str) -> tuple[str, ...]:
    """Names of the EventBridge rules that start the evaluators: one for each five of them."""
    return _schedule_names(f"compliance-schedule-{suffix}", rule_count)


def reminder_schedule_names(rule_count: int, suffix: str) -> tuple[str, ...]:
    """Names of the EventBridge rules that start reminders: one for each five evaluators."""
    return _schedule_names(f"compliance-reminder-{suffix}", rule_count)


def _schedule_names(first: str, rule_count: int) -> tuple[str, ...]:
    schedules = -(-rule_count // MAXIMUM_TARGETS)
    return (first, *(f"{first}-{number}" for number in range(2, schedules + 1)))


def report_schedule_name(suffix: str) -> str:
    """Name of the EventBridge rule that starts the report."""
    return f"compliance-report-{suffix}"


class Compliance(Construct):
    """An evaluator function for each rule, the report aggregator, and their schedules.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        suffix: Environment suffix; ends every name.
        account_id: Account of the deployment.
        partition: AWS partition (``aws``, ``aws-cn``, ``aws-us-gov``).
        region: Region of the deployment.
        rules: The rules to deploy.
        history_table_name: Table that keeps every evaluation.
        history_table_arn: Its ARN.
        state_table_name: Table that keeps the latest verdicts and run summaries.
        state_table_arn: Its ARN.
        topic_arn: Topic for alerts.
        reports_bucket_name: Bucket for reports.
        reports_bucket_arn: Its ARN.
        dead_letter_queue_arn: Queue for events that no function could handle.
        recorder_name: AWS Config's recorder, which may send events that evaluators answer, and of
            which reports tell whether it records; without AWS Config ``None``.
        evaluation_schedule: EventBridge schedule of the sweeps, in UTC.
        report_schedule: EventBridge schedule of the report, in UTC.
        reminder_schedule: EventBridge schedule of reminders of open violations, in UTC; no
            reminders without one.
        silence_hours: Hours (1 to 168) without a completed sweep after which reports call a rule
            silent.
        report_forms: Forms of each report, ``json`` among them.
        security_hub: Sends findings to AWS Security Hub, too.
        waivers: Violations that somebody answers for.
        dashboard_name: The dashboard that reports link to; ``None`` for none.
        history_retention_days: Days that evaluations and the counts of reports are kept.
        log_retention_days: Days that function logs are kept.
        kms_key_arn: KMS key of all of these; AWS-owned keys without one.
        embedded_aws: Does what an embedded AWS (moto) demands: PutEvaluations in ``TestMode``,
            and no recursion configuration of functions.

    Raises:
        ConstructArgumentError: When a name is too long, a rule's class cannot be bundled, forms are
            not those of reports, or a number of hours is impossible.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        account_id: str,
        partition: str,
        region: str,
        rules: Sequence[EvaluatorRule],
        history_table_name: str,
        history_table_arn: str,
        state_table_name: str,
        state_table_arn: str,
        topic_arn: str,
        reports_bucket_name: str,
        reports_bucket_arn: str,
        dead_letter_queue_arn: str,
        recorder_name: str | None = None,
        evaluation_schedule: str = "cron(0 */6 * * ? *)",
        report_schedule: str = "cron(20 */6 * * ? *)",
        reminder_schedule: str | None = None,
        silence_hours: int = 13,
        report_forms: Sequence[str] = ("json", "html"),
        security_hub: bool = False,
        waivers: Sequence[Waiver] = (),
        dashboard_name: str | None = None,
        history_retention_days: int = 365,
        log_retention_days: int = 365,
        kms_key_arn: str | None = None,
        embedded_aws: bool = False,
    ) -> None:
        check_range("silence_hours", silence_hours, 1, 168)
        if not {"json"} <= set(report_forms) <= set(forms.NAMES):
            allowed = f"a list with json and any of {', '.join(forms.NAMES)}"
            raise ConstructArgumentError("report_forms", allowed, report_forms)
        super().__init__(scope, construct_id)
        severities = {each.rule: each.severity or each.rule.severity for each in rules}
        package = deployment_package(severities, waivers)
        code = TerraformAsset(self, "Code", path=str(package.path), type=AssetType.FILE)
        filename = code.path
        # Of its own, so that evaluators stay as they are when rules of their packages come and go.
        aggregator_package = deployment_package(severities, waivers, severities)
        aggregator_code = TerraformAsset(
            self, "AggregatorCode", path=str(aggregator_package.path), type=AssetType.FILE
        )
        placeholders = {"partition": partition, "region": region, "account": account_id}
        assume_role_policy = trust_policy(self)

        record = [
            allow("WriteHistory", HISTORY_ACTIONS, [history_table_arn]),
            allow("KeepState", EVALUATOR_STATE_ACTIONS, [state_table_arn]),
            allow("Alert", ALERT_ACTIONS, [topic_arn]),
        ]
        if recorder_name is not None:
            record.append(allow("AnswerConfig", CONFIG_ACTIONS, ["*"]))
        shared = {
            "DYNAMODB_TABLE": history_table_name,
            "STATE_TABLE": state_table_name,
            "ENVIRONMENT_SUFFIX": suffix,
            "HISTORY_RETENTION_DAYS": str(history_retention_days),
            "POWERTOOLS_LOG_LEVEL": "INFO",
            **({"WAIVERS_FILE": WAIVERS_FILE} if waivers else {}),
        }
        self.evaluators: dict[str, ComplianceFunction] = {}
        for evaluator in rules:
            rule = evaluator.rule
            function_name = evaluator_function_name(rule.name, suffix)
            continuations = ContinuationQueue(
                self,
                f"Continuations-{rule.name}",
                function_name=function_name,
                account_id=account_id,
                partition=partition,
                region=region,
                dead_letter_queue_arn=dead_letter_queue_arn,
                kms_key_arn=kms_key_arn,
            )
            function = ComplianceFunction(
                self,
                f"Evaluator-{rule.name}",
                function_name=function_name,
                description=rule.requirement,
                assume_role_policy=assume_role_policy,
                handler=EVALUATOR_HANDLER,
                filename=filename,
                source_code_hash=package.source_code_hash,
                environment={
                    **shared,
                    "SNS_TOPIC_ARN": topic_arn,
                    "CONTINUATION_QUEUE_URL": continuations.url,
                    "RULE_CLASS": rule.reference(),
                    "RULE_NAME": rule.name,
                    "RULE_PARAMETERS": _json(evaluator.input_parameters),
                    "RULE_SEVERITY": severities[rule],
                    "POWERTOOLS_SERVICE_NAME": rule.name,
                    **({"CONFIG_TEST_MODE": "true"} if embedded_aws else {}),
                },
                statements=[
                    *record,
                    *continuations.statements(),
                    *_describe(rule, placeholders),
                ],
                dead_letter_queue_arn=dead_letter_queue_arn,
                log_retention_days=log_retention_days,
                kms_key_arn=kms_key_arn,
            )
            continuations.invoke(function, recursion_config=not embedded_aws)
            self.evaluators[rule.name] = function
        report = [
            allow("KeepState", AGGREGATOR_STATE_ACTIONS, [state_table_arn]),
            allow(
                "WriteReports",
                REPORT_ACTIONS,
                [f"{reports_bucket_arn}/{folder}/*" for folder in ("reports", "latest")],
            ),
            # The latest ones are copies.
            allow("CopyReports", REPORT_COPY_ACTIONS, [f"{reports_bucket_arn}/reports/*"]),
        ]
        if recorder_name is not None:
            # AWS adds an id to the name.
            recorder_arn = f"configuration-recorder/{recorder_name}/*"
            recorder_arn = f"arn:{partition}:config:{region}:{account_id}:{recorder_arn}"
            report.append(allow("ReadRecorder", RECORDER_ACTIONS, [recorder_arn]))
        if security_hub:
            # The one that findings of the account's own belong to.
            product = f"product/{account_id}/default"
            product_arn = f"arn:{partition}:securityhub:{region}:{account_id}:{product}"
            report.append(allow("ImportFindings", SECURITY_HUB_ACTIONS, [product_arn]))
        self.aggregator = ComplianceFunction(
            self,
            "ReportAggregator",
            function_name=aggregator_function_name(suffix),
            description="Builds the compliance report from the latest verdicts.",
            assume_role_policy=assume_role_policy,
            handler=AGGREGATOR_HANDLER,
            filename=aggregator_code.path,
            source_code_hash=aggregator_package.source_code_hash,
            environment={
                **shared,
                "REPORTS_BUCKET": reports_bucket_name,
                "RULES_FILE": RULES_FILE,
                "REPORT_FORMS": ",".join(report_forms),
                "SILENCE_HOURS": str(silence_hours),
                "SECURITY_HUB": "true" if security_hub else "false",
                **({"CONFIG_RECORDER_NAME": recorder_name} if recorder_name else {}),
                **({"DASHBOARD_NAME": dashboard_name} if dashboard_name else {}),
                "POWERTOOLS_SERVICE_NAME": "report-aggregator",
            },
            statements=report,
            dead_letter_queue_arn=dead_letter_queue_arn,
            log_retention_days=log_retention_days,
            kms_key_arn=kms_key_arn,
        )

        for number, name in enumerate(evaluation_schedule_names(len(rules), suffix)):
            Schedule(
                self,
                f"EvaluationSchedule{number + 1}",
                name=name,
                description="Starts sweeps over all resources.",
                schedule_expression=evaluation_schedule,
                functions=self._targets(number),
                dead_letter_queue_arn=dead_letter_queue_arn,
            )
        Schedule(
            self,
            "ReportSchedule",
            name=report_schedule_name(suffix),
            description="Builds the compliance report once the sweeps are done.",
            schedule_expression=report_schedule,
            functions={"report-aggregator": self.aggregator},
            dead_letter_queue_arn=dead_letter_queue_arn,
        )
        if reminder_schedule is None:
            return
        for number, name in enumerate(reminder_schedule_names(len(rules), suffix)):
            Schedule(
                self,
                f"ReminderSchedule{number + 1}",
                name=name,
                description="Reminds of violations that are still open.",
                schedule_expression=reminder_schedule,
                functions=self._targets(number),
                dead_letter_queue_arn=dead_letter_queue_arn,
                input_template=REMINDER_TEMPLATE,
            )

    def _targets(self, number: int) -> dict[str, ComplianceFunction]:
        """The evaluators that one of several schedules starts."""
        first = number * MAXIMUM_TARGETS
        return dict(sorted(self.evaluators.items())[first : first + MAXIMUM_TARGETS])


def _describe(
    rule: type[AnyRule], placeholders: Mapping[str, str]
) -> list[DataAwsIamPolicyDocumentStatement]:
    return [
        allow(
            f"Describe{number}",
            permission.actions,
            [resource.format(**placeholders) for resource in permission.resources],
        )
        for number, permission in enumerate(rule.permissions, start=1)
    ]


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
