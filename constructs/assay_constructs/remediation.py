"""What mends resources that an AWS Config rule finds wrong: an SSM document, with its own role."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cdktf_cdktf_provider_aws.config_config_rule import ConfigConfigRule
from cdktf_cdktf_provider_aws.config_remediation_configuration import (
    ConfigRemediationConfiguration,
    ConfigRemediationConfigurationExecutionControls,
    ConfigRemediationConfigurationExecutionControlsSsmControls,
    ConfigRemediationConfigurationParameter,
)
from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import DataAwsIamPolicyDocument
from cdktf_cdktf_provider_aws.iam_role import IamRole
from cdktf_cdktf_provider_aws.iam_role_policy import IamRolePolicy
from constructs import Construct

from assay.rule import Permission
from assay_constructs import limits
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.policy import allow, allow_service, equals
from assay_constructs.validation import check_length, check_range


@dataclass(frozen=True, kw_only=True)
class Remediation:
    """How resources that a rule finds wrong are mended.

    Args:
        config_rule_name: Name of the rule, at most 54 characters, for the role is named after it.
        target_id: Name or ARN of the SSM document.
        permissions: What the document's role may do, and nothing else.
        target_version: Version of the document; its default version when left out.
        resource_type: Type of the resources that are mended.
        static_values: Values of the document's parameters, by name.
        resource_values: Parameters that are given the id of the resource to mend.
        role_parameter: The parameter that is given the ARN of the role.
        automatic: Mends what is found; only people start it otherwise.
        maximum_automatic_attempts: Failed attempts (1 to 25) at one resource within
            ``retry_attempt_seconds``, after which it is left alone; 5 when left out.
        retry_attempt_seconds: Seconds, 1 to 2,678,000; 60 when left out.
        concurrent_execution_rate_percentage: Resources that are mended at a time, 1 to 100; 10
            when left out.
        error_percentage: Failures that stop everything, 1 to 100; 50 when left out.

    Raises:
        ConstructArgumentError: AWS Config would refuse it.

    Source:
    https://docs.aws.amazon.com/config/latest/APIReference/API_RemediationConfiguration.html
    """

    config_rule_name: str
    target_id: str
    permissions: Sequence[Permission]
    target_version: str | None = None
    resource_type: str | None = None
    static_values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    resource_values: Mapping[str, Literal["RESOURCE_ID"]] = field(default_factory=dict)
    role_parameter: str = limits.AUTOMATIC_ROLE_PARAMETER
    automatic: bool = False
    maximum_automatic_attempts: int | None = None
    retry_attempt_seconds: int | None = None
    concurrent_execution_rate_percentage: int | None = None
    error_percentage: int | None = None

    def __post_init__(self) -> None:
        check_length("config_rule_name", self.config_rule_name, limits.REMEDIATED_RULE_NAME)
        check_length("target_id", self.target_id, limits.REMEDIATION_TARGET)
        check_length("role_parameter", self.role_parameter, limits.STATIC_VALUE)
        if not self.permissions:
            raise ConstructArgumentError("permissions", "at least one", self.permissions)
        self._check_parameters()
        self._check_attempts()

    def _check_parameters(self) -> None:
        names = [*self.static_values, *self.resource_values, self.role_parameter]
        if len(names) > limits.REMEDIATION_PARAMETERS:
            allowed = f"at most {limits.REMEDIATION_PARAMETERS} parameters, that of the role among"
            raise ConstructArgumentError("static_values", f"{allowed} them", len(names))
        for index, name in enumerate(names):
            check_length("a parameter's name", name, limits.STATIC_VALUE)
            if name in names[:index]:
                raise ConstructArgumentError("static_values", "each parameter once", name)
        for name, values in self.static_values.items():
            argument = f"static_values[{name!r}]"
            check_range(f"the number of {argument}", len(values), 1, limits.STATIC_VALUES)
            for value in values:
                check_length(argument, value, limits.STATIC_VALUE)
        for name, value in self.resource_values.items():
            if value != "RESOURCE_ID":
                raise ConstructArgumentError(f"resource_values[{name!r}]", "RESOURCE_ID", value)

    def _check_attempts(self) -> None:
        ranges = {
            "maximum_automatic_attempts": limits.AUTOMATIC_ATTEMPTS,
            "retry_attempt_seconds": limits.RETRY_SECONDS,
            "concurrent_execution_rate_percentage": 100,
            "error_percentage": 100,
        }
        for argument, maximum in ranges.items():
            value = getattr(self, argument)
            if value is not None:
                check_range(argument, value, 1, maximum)
        if self.automatic:
            if self.role_parameter != limits.AUTOMATIC_ROLE_PARAMETER:
                allowed = f"{limits.AUTOMATIC_ROLE_PARAMETER} when automatic"
                raise ConstructArgumentError("role_parameter", allowed, self.role_parameter)
            return
        for argument in ("maximum_automatic_attempts", "retry_attempt_seconds"):
            value = getattr(self, argument)
            if value is not None:
                raise ConstructArgumentError(argument, "left out unless automatic", value)


class RemediationConfiguration(Construct):
    """A rule's remediation, and the role that its SSM document works with.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        remediation: What to do.
        rule: The rule.
        account_id: Account of the deployment.
        partition: AWS partition (``aws``, ``aws-cn``, ``aws-us-gov``).
        region: Region of the deployment.

    Source:
    https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-setup-iam.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        remediation: Remediation,
        rule: ConfigConfigRule,
        account_id: str,
        partition: str,
        region: str,
    ) -> None:
        super().__init__(scope, construct_id)
        trust = DataAwsIamPolicyDocument(
            self,
            "TrustDocument",
            statement=[
                allow_service(
                    "AutomationAssumes",
                    "ssm.amazonaws.com",
                    ["sts:AssumeRole"],
                    conditions=[equals("aws:SourceAccount", account_id)],
                )
            ],
        )
        role = IamRole(
            self,
            "Role",
            name=f"{limits.REMEDIATION_ROLE_PREFIX}{remediation.config_rule_name}",
            assume_role_policy=trust.json,
        )
        placeholders = {"partition": partition, "region": region, "account": account_id}
        document = DataAwsIamPolicyDocument(
            self,
            "PermissionsDocument",
            statement=[
                allow(
                    f"Mend{number}",
                    permission.actions,
                    [_filled(resource, placeholders) for resource in permission.resources],
                )
                for number, permission in enumerate(remediation.permissions, start=1)
            ],
        )
        permissions = IamRolePolicy(
            self, "Permissions", name="permissions", role=role.name, policy=document.json
        )
        automatic = remediation.automatic
        ConfigRemediationConfiguration(
            self,
            "Resource",
            config_rule_name=rule.name,
            target_type="SSM_DOCUMENT",
            target_id=remediation.target_id,
            target_version=remediation.target_version,
            resource_type=remediation.resource_type,
            parameter=list(_parameters(remediation, role.arn)),
            automatic=automatic,
            # What AWS takes when they are left out, and would then report as a difference.
            maximum_automatic_attempts=(
                (remediation.maximum_automatic_attempts or 5) if automatic else None
            ),
            retry_attempt_seconds=(remediation.retry_attempt_seconds or 60) if automatic else None,
            execution_controls=ConfigRemediationConfigurationExecutionControls(
                ssm_controls=ConfigRemediationConfigurationExecutionControlsSsmControls(
                    concurrent_execution_rate_percentage=(
                        remediation.concurrent_execution_rate_percentage or 10
                    ),
                    error_percentage=remediation.error_percentage or 50,
                )
            ),
            # An automatic one may start at once.
            depends_on=[permissions],
        )


def _filled(template: str, placeholders: Mapping[str, str]) -> str:
    # Not by str.format: Terraform's own expressions have braces, too.
    for name, value in placeholders.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _parameters(
    remediation: Remediation, role_arn: str
) -> Iterator[ConfigRemediationConfigurationParameter]:
    """The parameters in the order, and each in the form, in which Terraform reads them back."""
    values: dict[str, Sequence[str]] = {**remediation.static_values}
    values[remediation.role_parameter] = [role_arn]
    for name in sorted([*values, *remediation.resource_values]):
        given = values.get(name, ())
        yield ConfigRemediationConfigurationParameter(
            name=name,
            resource_value=remediation.resource_values.get(name),
            static_value=given[0] if len(given) == 1 else None,
            static_values=list(given) if len(given) > 1 else None,
        )
