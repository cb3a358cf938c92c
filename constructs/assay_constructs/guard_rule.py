"""AWS Config rules that judge by a policy in Guard, without a function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from assay_constructs.limits import DESCRIPTION, INPUT_PARAMETERS, POLICY_TEXT, RULE_NAME
from assay_constructs.managed_rules import EvaluationMode, check_scope, input_parameters_json
from assay_constructs.validation import check_length


@dataclass(frozen=True, kw_only=True)
class GuardRule:
    """A custom policy rule: AWS Config itself judges configuration items by a Guard policy.

    It runs on changes only; AWS Config has no periodic trigger for such rules.

    Args:
        name: Name of the Config rule, at most 64 characters.
        policy_text: The policy, at most 10,000 characters.
        policy_runtime: The runtime; there is one.
        description: What is required, at most 256 characters.
        enable_debug_log_delivery: Writes each evaluation to CloudWatch Logs, which bills them.
        input_parameters: The policy's parameters: strings, at most 1,024 characters as JSON.
        resource_types: Judges resources of these types, at most 100.
        resource_id: Judges one resource, of the one type in ``resource_types``.
        tag_key: Judges resources with this tag, instead of types.
        tag_value: And with this value of it.
        evaluation_modes: ``DETECTIVE`` judges what is there, ``PROACTIVE`` what somebody plans
            and asks about; AWS takes the first alone when none is given.

    Raises:
        ConstructArgumentError: When a limit of AWS Config is exceeded, or the scope is one that
            it does not take.

    Source:
    https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_cfn-guard.html
    and https://docs.aws.amazon.com/config/latest/APIReference/API_Scope.html
    """

    name: str
    policy_text: str
    policy_runtime: Literal["guard-2.x.x"] = "guard-2.x.x"
    description: str | None = None
    enable_debug_log_delivery: bool = False
    input_parameters: Mapping[str, str] = field(default_factory=dict)
    resource_types: Sequence[str] = ()
    resource_id: str | None = None
    tag_key: str | None = None
    tag_value: str | None = None
    evaluation_modes: Sequence[EvaluationMode] = ()

    def __post_init__(self) -> None:
        check_length("name", self.name, RULE_NAME)
        check_length("policy_text", self.policy_text, POLICY_TEXT)
        if self.description is not None:
            check_length("description", self.description, DESCRIPTION)
        if self.input_parameters_json is not None:
            check_length("input_parameters", self.input_parameters_json, INPUT_PARAMETERS)
        check_scope(
            resource_types=self.resource_types,
            resource_id=self.resource_id,
            tag_key=self.tag_key,
            tag_value=self.tag_value,
        )

    @property
    def input_parameters_json(self) -> str | None:
        """The parameters as the JSON object that AWS Config takes."""
        return input_parameters_json(self.input_parameters) if self.input_parameters else None
