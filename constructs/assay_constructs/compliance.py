"""Compliance: the functions that judge resources and build reports, and what starts them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdktf import AssetType, TerraformAsset
from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import (
    DataAwsIamPolicyDocumentStatement,
)
from constructs import Construct

from assay.permissions import (
    AGGREGATOR_STATE_ACTIONS,
    ALERT_ACTIONS,
    CONFIG_ACTIONS,
    EVALUATOR_STATE_ACTIONS,
    HISTORY_ACTIONS,
    REPORT_ACTIONS,
)
from assay.rule import AnyRule, Severity
from assay_constructs.code import deployment_package
from assay_constructs.function import ComplianceFunction
from assay_constructs.policy import allow
from assay_constructs.schedule import MAXIMUM_TARGETS, Schedule

EVALUATOR_HANDLER = "assay.evaluator.handler"
AGGREGATOR_HANDLER = "assay.report_aggregator.handler"


@dataclass(frozen=True)
class EvaluatorRule:
    """A rule as one environment deploys it.

    Args:
        rule: The rule's class.
        input_parameters: Its parameters in the form of AWS Config: all strings.
        severity: Severity of a violation; the rule's own when ``None``.
    """

    rule: type[AnyRule]
    input_parameters: Mapping[str, str]
    severity: Severity | None = None


def evaluator_function_name(rule_name: str, suffix: str) -> str:
    """Name of the function that judges by a rule."""
    return f"{rule_name}-{suffix}"


def aggregator_function_name(suffix: str) -> str:
    """Name of the function that builds reports."""
    return f"report-aggregator-{suffix}"


def evaluation_schedule_names(rule_count: int, suffix: str) -> tuple[str, ...]:
    """Names of the EventBridge rules that start the evaluators: one for each five of them."""
    schedules = -(-rule_count // MAXIMUM_TARGETS)
    names = (f"compliance-schedule-{suffix}-{number}" for number in range(2, schedules + 1))
    return (f"compliance-schedule-{suffix}", *names)


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
        put_evaluations: Whether AWS Config may send events, so that evaluators answer it.
        evaluation_schedule: EventBridge schedule of the sweeps, in UTC.
        report_schedule: EventBridge schedule of the report, in UTC.
        history_retention_days: Days that evaluations stay in the history table.
        log_retention_days: Days that function logs are kept.
        kms_key_arn: KMS key of all of these; AWS-owned keys without one.
        config_test_mode: Sets PutEvaluations' ``TestMode``, which an embedded AWS demands.

    Raises:
        ConstructArgumentError: When a name is too long.
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
        put_evaluations: bool = True,
        evaluation_schedule: str = "cron(0 */6 * * ? *)",
        report_schedule: str = "cron(20 */6 * * ? *)",
        history_retention_days: int = 365,
        log_retention_days: int = 365,
        kms_key_arn: str | None = None,
        config_test_mode: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        package = deployment_package()
        code = TerraformAsset(self, "Code", path=str(package.path), type=AssetType.FILE)
        filename = code.path
        placeholders = {"partition": partition, "region": region, "account": account_id}
        severities = {r.rule.name: r.severity or r.rule.severity for r in rules}

        record = [
            allow("WriteHistory", HISTORY_ACTIONS, [history_table_arn]),
            allow("KeepState", EVALUATOR_STATE_ACTIONS, [state_table_arn]),
            allow("Alert", ALERT_ACTIONS, [topic_arn]),
        ]
        if put_evaluations:
            record.append(allow("AnswerConfig", CONFIG_ACTIONS, ["*"]))
        shared = {
            "DYNAMODB_TABLE": history_table_name,
            "STATE_TABLE": state_table_name,
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }
        self.evaluators: dict[str, ComplianceFunction] = {}
        for evaluator in rules:
            rule = evaluator.rule
            self.evaluators[rule.name] = ComplianceFunction(
                self,
                f"Evaluator-{rule.name}",
                function_name=evaluator_function_name(rule.name, suffix),
                description=rule.requirement,
                handler=EVALUATOR_HANDLER,
                filename=filename,
                source_code_hash=package.source_code_hash,
                environment={
                    **shared,
                    "SNS_TOPIC_ARN": topic_arn,
                    "HISTORY_RETENTION_DAYS": str(history_retention_days),
                    "RULE_NAME": rule.name,
                    "RULE_PARAMETERS": _json(evaluator.input_parameters),
                    "RULE_SEVERITY": severities[rule.name],
                    "POWERTOOLS_SERVICE_NAME": rule.name,
                    **({"CONFIG_TEST_MODE": "true"} if config_test_mode else {}),
                },
                statements=[*record, *_describe(rule, placeholders)],
                dead_letter_queue_arn=dead_letter_queue_arn,
                log_retention_days=log_retention_days,
                kms_key_arn=kms_key_arn,
            )
        self.aggregator = ComplianceFunction(
            self,
            "ReportAggregator",
            function_name=aggregator_function_name(suffix),
            description="Builds the compliance report from the latest verdicts.",
            handler=AGGREGATOR_HANDLER,
            filename=filename,
            source_code_hash=package.source_code_hash,
            environment={
                **shared,
                "REPORTS_BUCKET": reports_bucket_name,
                "ENVIRONMENT_SUFFIX": suffix,
                "RULES": _json(severities),
                "POWERTOOLS_SERVICE_NAME": "report-aggregator",
            },
            statements=[
                allow("ReadState", AGGREGATOR_STATE_ACTIONS, [state_table_arn]),
                allow("WriteReports", REPORT_ACTIONS, [f"{reports_bucket_arn}/reports/*"]),
            ],
            dead_letter_queue_arn=dead_letter_queue_arn,
            log_retention_days=log_retention_days,
            kms_key_arn=kms_key_arn,
        )

        evaluators = sorted(self.evaluators.items())
        for number, name in enumerate(evaluation_schedule_names(len(evaluators), suffix)):
            first = number * MAXIMUM_TARGETS
            Schedule(
                self,
                f"EvaluationSchedule{number + 1}",
                name=name,
                description="Starts sweeps over all resources.",
                schedule_expression=evaluation_schedule,
                functions=dict(evaluators[first : first + MAXIMUM_TARGETS]),
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


def _json(value: Mapping[str, str]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
