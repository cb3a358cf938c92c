"""Config: the recorder, its delivery channel, and AWS Config rules of every kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cdktf import ITerraformDependable
from cdktf_cdktf_provider_aws.config_config_rule import (
    ConfigConfigRule,
    ConfigConfigRuleEvaluationMode,
    ConfigConfigRuleScope,
    ConfigConfigRuleSource,
    ConfigConfigRuleSourceCustomPolicyDetails,
    ConfigConfigRuleSourceSourceDetail,
)
from cdktf_cdktf_provider_aws.config_conformance_pack import (
    ConfigConformancePack,
    ConfigConformancePackInputParameter,
)
from cdktf_cdktf_provider_aws.lambda_permission import LambdaPermission
from constructs import Construct

from assay_constructs import limits
from assay_constructs.conformance_pack import ConformancePack
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.guard_rule import GuardRule
from assay_constructs.literal import literal
from assay_constructs.managed_rules import (
    ManagedRule,
    MaximumExecutionFrequency,
    input_parameters_json,
)
from assay_constructs.recorder import Recorder
from assay_constructs.recording import Recording
from assay_constructs.remediation import Remediation, RemediationConfiguration
from assay_constructs.validation import check_length

CHANGE_MESSAGE_TYPES = (
    "ConfigurationItemChangeNotification",
    "OversizedConfigurationItemChangeNotification",
)
ConfigTrigger = Literal["change", "periodic"]
# For a recorder that is somebody else's.
_NOTHING = Recording()
AnyConfigRule: TypeAlias = "LambdaRule | ManagedRule | GuardRule"


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
        config_triggers: What AWS Config runs it on: ``change``, ``periodic`` or both. On changes,
            and periodically where a frequency says so, when left out.
        maximum_execution_frequency: How often it runs periodically; that of all rules when left
            out, and every 24 hours when they have none.

    Raises:
        ConstructArgumentError: When a limit of AWS Config is exceeded, or a frequency is given to
            a rule that runs on changes only.

    Source: https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html and
    https://docs.aws.amazon.com/config/latest/APIReference/API_SourceDetail.html
    """

    name: str
    description: str
    function_name: str
    function_arn: str
    resource_type: str
    input_parameters: Mapping[str, str]
    config_triggers: Sequence[ConfigTrigger] | None = None
    maximum_execution_frequency: MaximumExecutionFrequency | None = None

    def __post_init__(self) -> None:
        check_length("name", self.name, limits.RULE_NAME)
        check_length("description", self.description, limits.DESCRIPTION)
        if self.config_triggers is not None and not self.config_triggers:
            allowed = "change, periodic or both"
            raise ConstructArgumentError("config_triggers", allowed, self.config_triggers)
        frequency = self.maximum_execution_frequency
        if frequency is not None and "periodic" not in (self.config_triggers or ("periodic",)):
            allowed = "left out, or periodic among config_triggers"
            raise ConstructArgumentError("maximum_execution_frequency", allowed, frequency)
        for parameter, value in self.input_parameters.items():
            if not isinstance(value, str):
                raise ConstructArgumentError(f"input_parameters[{parameter!r}]", "a string", value)
        check_length("input_parameters", self.input_parameters_json, limits.INPUT_PARAMETERS)

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
        region: Region of the deployment.
        recorder_mode: ``create``: this environment owns the account's recorder. ``existing``:
            somebody else does, and nothing of it is managed.
        recorder_name: Name of the recorder, at most 256 characters.
        rules: Rules that functions judge by.
        bucket_name: Bucket that an own recorder delivers to.
        bucket_arn: Its ARN.
        bucket_policy: Its policy, which must be in force first.
        managed_rules: Rules that AWS judges by.
        guard_rules: Rules that AWS Config judges by Guard policies.
        remediations: What mends what these rules find.
        conformance_packs: Packs of rules.
        recording: What an own recorder records.
        kms_key_arn: The bucket's KMS key, if it has one.
        maximum_execution_frequency: Also triggers functions' rules periodically; on changes only
            without one, where they do not say otherwise.

    Raises:
        ConstructArgumentError: When a name is too long or used twice, an own recorder would record
            nothing or an impossible combination, a remediation is of no rule here, or there are
            more rules than AWS Config takes.

    Source:
    https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules.html
    and https://docs.aws.amazon.com/general/latest/gr/awsconfig.html
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
        recorder_mode: Literal["create", "existing"],
        recorder_name: str,
        rules: Sequence[LambdaRule],
        bucket_name: str,
        bucket_arn: str,
        bucket_policy: ITerraformDependable,
        managed_rules: Sequence[ManagedRule] = (),
        guard_rules: Sequence[GuardRule] = (),
        remediations: Sequence[Remediation] = (),
        conformance_packs: Sequence[ConformancePack] = (),
        recording: Recording = _NOTHING,
        kms_key_arn: str | None = None,
        maximum_execution_frequency: MaximumExecutionFrequency | None = None,
    ) -> None:
        _check_numbers([*rules, *managed_rules, *guard_rules], conformance_packs)
        super().__init__(scope, construct_id)
        self.recorder_name = recorder_name
        started: list[ITerraformDependable] = []
        if recorder_mode == "create":
            recorder = Recorder(
                self,
                "Recorder",
                name=recorder_name,
                role_name=f"assay-recorder-{suffix}",
                account_id=account_id,
                partition=partition,
                bucket_name=bucket_name,
                bucket_arn=bucket_arn,
                bucket_policy=bucket_policy,
                recording=recording,
                kms_key_arn=kms_key_arn,
            )
            self.recorder_name = recorder.name
            started = [recorder.status]

        made: dict[str, ConfigConfigRule] = {}
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
            made[rule.name] = self._lambda_rule(
                rule, maximum_execution_frequency, [permission, *started]
            )
        for managed_rule in managed_rules:
            made[managed_rule.name] = self._managed_rule(managed_rule, started)
        for guard_rule in guard_rules:
            made[guard_rule.name] = self._guard_rule(guard_rule, started)
        for remediation in remediations:
            if remediation.config_rule_name not in made:
                allowed = f"the name of a rule here: {', '.join(made)}"
                came = remediation.config_rule_name
                raise ConstructArgumentError("config_rule_name", allowed, came)
            RemediationConfiguration(
                self,
                f"Remediation-{remediation.config_rule_name}",
                remediation=remediation,
                rule=made[remediation.config_rule_name],
                account_id=account_id,
                partition=partition,
                region=region,
            )
        for pack in conformance_packs:
            self._conformance_pack(pack, started)

    def _lambda_rule(
        self,
        rule: LambdaRule,
        usual_frequency: MaximumExecutionFrequency | None,
        depends_on: Sequence[ITerraformDependable],
    ) -> ConfigConfigRule:
        frequency = rule.maximum_execution_frequency or usual_frequency
        triggers = rule.config_triggers or (("change", "periodic") if frequency else ("change",))
        details = _change_details() if "change" in triggers else []
        if "periodic" in triggers:
            details.append(_source_detail("ScheduledNotification", frequency or "TwentyFour_Hours"))
        return ConfigConfigRule(
            self,
            f"Rule-{rule.name}",
            name=rule.name,
            description=rule.description,
            source=ConfigConfigRuleSource(
                owner="CUSTOM_LAMBDA",
                source_identifier=rule.function_arn,
                source_detail=details,
            ),
            # AWS Config refuses a scope where nothing but the clock starts the rule.
            scope=(
                ConfigConfigRuleScope(compliance_resource_types=[rule.resource_type])
                if "change" in triggers
                else None
            ),
            input_parameters=rule.input_parameters_json,
            depends_on=depends_on,
        )

    def _managed_rule(
        self, rule: ManagedRule, depends_on: Sequence[ITerraformDependable]
    ) -> ConfigConfigRule:
        return ConfigConfigRule(
            self,
            f"Rule-{rule.name}",
            name=rule.name,
            description=rule.description,
            source=ConfigConfigRuleSource(owner="AWS", source_identifier=rule.identifier),
            scope=_scope(rule),
            input_parameters=rule.input_parameters_json,
            maximum_execution_frequency=rule.maximum_execution_frequency,
            evaluation_mode=_evaluation_modes(rule),
            depends_on=depends_on,
        )

    def _guard_rule(
        self, rule: GuardRule, depends_on: Sequence[ITerraformDependable]
    ) -> ConfigConfigRule:
        return ConfigConfigRule(
            self,
            f"Rule-{rule.name}",
            name=rule.name,
            description=rule.description,
            source=ConfigConfigRuleSource(
                owner="CUSTOM_POLICY",
                source_detail=_change_details(),
                custom_policy_details=ConfigConfigRuleSourceCustomPolicyDetails(
                    policy_runtime=rule.policy_runtime,
                    policy_text=literal(rule.policy_text),
                    enable_debug_log_delivery=rule.enable_debug_log_delivery,
                ),
            ),
            scope=_scope(rule),
            input_parameters=rule.input_parameters_json,
            evaluation_mode=_evaluation_modes(rule),
            depends_on=depends_on,
        )

    def _conformance_pack(
        self, pack: ConformancePack, depends_on: Sequence[ITerraformDependable]
    ) -> None:
        ConfigConformancePack(
            self,
            f"Pack-{pack.name}",
            name=pack.name,
            template_body=None if pack.template_body is None else literal(pack.template_body),
            template_s3_uri=pack.template_s3_uri,
            input_parameter=[
                ConfigConformancePackInputParameter(parameter_name=name, parameter_value=value)
                for name, value in sorted(pack.input_parameters.items())
            ],
            depends_on=depends_on,
        )


def _check_numbers(rules: Sequence[AnyConfigRule], packs: Sequence[ConformancePack]) -> None:
    names = [rule.name for rule in rules]
    for argument, each in (("rules", names), ("conformance_packs", [pack.name for pack in packs])):
        twice = [name for index, name in enumerate(each) if name in each[:index]]
        if twice:
            raise ConstructArgumentError(argument, "of names that are used once", twice[0])
    count = len(rules) + sum(pack.rule_count for pack in packs)
    if count > limits.RULES:
        allowed = f"at most {limits.RULES}, those of conformance packs among them"
        raise ConstructArgumentError("rules", allowed, count)
    if len(packs) > limits.PACKS:
        raise ConstructArgumentError("conformance_packs", f"at most {limits.PACKS}", len(packs))


def _scope(rule: ManagedRule | GuardRule) -> ConfigConfigRuleScope | None:
    if not rule.resource_types and rule.tag_key is None:
        return None
    return ConfigConfigRuleScope(
        compliance_resource_types=list(rule.resource_types) or None,
        compliance_resource_id=rule.resource_id,
        tag_key=rule.tag_key,
        tag_value=rule.tag_value,
    )


def _evaluation_modes(
    rule: ManagedRule | GuardRule,
) -> list[ConfigConfigRuleEvaluationMode] | None:
    return [ConfigConfigRuleEvaluationMode(mode=mode) for mode in rule.evaluation_modes] or None


def _change_details() -> list[ConfigConfigRuleSourceSourceDetail]:
    return [_source_detail(message_type) for message_type in CHANGE_MESSAGE_TYPES]


def _source_detail(
    message_type: str, maximum_execution_frequency: MaximumExecutionFrequency | None = None
) -> ConfigConfigRuleSourceSourceDetail:
    return ConfigConfigRuleSourceSourceDetail(
        event_source="aws.config",
        message_type=message_type,
        maximum_execution_frequency=maximum_execution_frequency,
    )
