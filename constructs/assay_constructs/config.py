"""Config: the recorder, its delivery channel, and the AWS Config rules that call the evaluators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cdktf import ITerraformDependable
from cdktf_cdktf_provider_aws.config_config_rule import (
    ConfigConfigRule,
    ConfigConfigRuleScope,
    ConfigConfigRuleSource,
    ConfigConfigRuleSourceSourceDetail,
)
from cdktf_cdktf_provider_aws.lambda_permission import LambdaPermission
from constructs import Construct

from assay_constructs.errors import ConstructArgumentError
from assay_constructs.recorder import Recorder, RecordingFrequency
from assay_constructs.settings import MAXIMUM_INPUT_PARAMETERS, input_parameters_json
from assay_constructs.validation import check_length

CHANGE_MESSAGE_TYPES = (
    "ConfigurationItemChangeNotification",
    "OversizedConfigurationItemChangeNotification",
)
MaximumExecutionFrequency = Literal[
    "One_Hour", "Three_Hours", "Six_Hours", "Twelve_Hours", "TwentyFour_Hours"
]


@dataclass(frozen=True)
class LambdaRule:
    """An AWS Config rule that a function judges by.

    Args:
        name: Name of the Config rule, at most 64 characters: PutConfigRule takes 128, but the
            APIs that read a rule's results back take no more than 64. Evaluators answer only to
            ``<rule>-<suffix>``.
        description: What is required, at most 256 characters.
        function_name: Name of the evaluator function.
        function_arn: Its ARN.
        resource_type: The one resource type in scope, such as ``AWS::S3::Bucket``.
        input_parameters: The rule's parameters: strings, at most 1,024 characters as JSON.

    Raises:
        ConstructArgumentError: When a limit of AWS Config is exceeded.

    Source: https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html
    """

    name: str
    description: str
    function_name: str
    function_arn: str
    resource_type: str
    input_parameters: Mapping[str, str]

    def __post_init__(self) -> None:
        check_length("name", self.name, 64)
        check_length("description", self.description, 256)
        for parameter, value in self.input_parameters.items():
            if not isinstance(value, str):
                raise ConstructArgumentError(f"input_parameters[{parameter!r}]", "a string", value)
        check_length("input_parameters", self.input_parameters_json, MAXIMUM_INPUT_PARAMETERS)

    @property
    def input_parameters_json(self) -> str:
        """The parameters as the JSON object that AWS Config takes."""
        return input_parameters_json(self.input_parameters)


class Config(Construct):
    """The recorder, where this environment owns it, and rules with permission to call functions.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        suffix: Environment suffix.
        account_id: Account of the deployment.
        partition: AWS partition (``aws``, ``aws-cn``, ``aws-us-gov``).
        recorder_mode: ``create``: this environment owns the account's recorder. ``existing``:
            somebody else does, and nothing of it is managed.
        recorder_name: Name of the recorder, at most 256 characters.
        rules: The rules.
        resource_types: Resource types that an own recorder records.
        recording_frequency: How often an own recorder records changes.
        bucket_name: Bucket that an own recorder delivers to.
        bucket_arn: Its ARN.
        bucket_policy: Its policy, which must be in force first.
        kms_key_arn: Its KMS key, if it has one.
        maximum_execution_frequency: Also triggers the rules periodically; on changes only
            without one.

    Raises:
        ConstructArgumentError: When a name is too long or an own recorder would record nothing.

    Source:
    https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        account_id: str,
        partition: str,
        recorder_mode: Literal["create", "existing"],
        recorder_name: str,
        rules: Sequence[LambdaRule],
        resource_types: Sequence[str],
        bucket_name: str,
        bucket_arn: str,
        bucket_policy: ITerraformDependable,
        recording_frequency: RecordingFrequency = "CONTINUOUS",
        kms_key_arn: str | None = None,
        maximum_execution_frequency: MaximumExecutionFrequency | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.recorder_name = recorder_name
        recording: list[ITerraformDependable] = []
        if recorder_mode == "create":
            recorder = Recorder(
                self,
                "Recorder",
                name=recorder_name,
                role_name=f"assay-recorder-{suffix}",
                account_id=account_id,
                partition=partition,
                resource_types=resource_types,
                recording_frequency=recording_frequency,
                bucket_name=bucket_name,
                bucket_arn=bucket_arn,
                bucket_policy=bucket_policy,
                kms_key_arn=kms_key_arn,
            )
            self.recorder_name = recorder.name
            recording = [recorder.status]

        details = [_source_detail(message_type) for message_type in CHANGE_MESSAGE_TYPES]
        if maximum_execution_frequency is not None:
            details.append(_source_detail("ScheduledNotification", maximum_execution_frequency))
        for rule in rules:
            permission = LambdaPermission(
                self,
                f"Permission-{rule.name}",
                statement_id="config",
                action="lambda:InvokeFunction",
                function_name=rule.function_name,
                principal="config.amazonaws.com",
                source_account=account_id,
            )
            ConfigConfigRule(
                self,
                f"Rule-{rule.name}",
                name=rule.name,
                description=rule.description,
                source=ConfigConfigRuleSource(
                    owner="CUSTOM_LAMBDA",
                    source_identifier=rule.function_arn,
                    source_detail=details,
                ),
                scope=ConfigConfigRuleScope(compliance_resource_types=[rule.resource_type]),
                input_parameters=rule.input_parameters_json,
                depends_on=[permission, *recording],
            )


def _source_detail(
    message_type: str, maximum_execution_frequency: str | None = None
) -> ConfigConfigRuleSourceSourceDetail:
    return ConfigConfigRuleSourceSourceDetail(
        event_source="aws.config",
        message_type=message_type,
        maximum_execution_frequency=maximum_execution_frequency,
    )
