"""Settings of AWS Config: the recorder, rules of every kind, remediation, conformance packs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails

from assay.rule import Permission
from assay_constructs import limits
from assay_constructs.conformance_template import (
    ConformanceTemplate,
    TemplateError,
    parameter_problems,
    parameter_text,
    read_template,
)
from assay_constructs.errors import shortened
from assay_constructs.managed_rules import (
    EvaluationMode,
    MaximumExecutionFrequency,
    input_parameters_json,
    input_strings,
    scope_problems,
)
from assay_constructs.recording import Recording, RecordingFrequency
from assay_constructs.settings_types import (
    Allowed,
    Location,
    ResourceType,
    SettingsModel,
    Switch,
    mistake,
    problem,
    raise_problems,
)

_FILE = "a file that can be read, by its path from the folder of these settings on"
_CONFIG_TRIGGERS = ("change", "periodic")
# Where each argument of a recording stands in settings.
_RECORDING_PLACES: Mapping[str, Location] = {
    "override_resource_types": ("recording_frequency_overrides", 0, "resource_types"),
    "override_recording_frequency": ("recording_frequency_overrides", 0, "recording_frequency"),
}


def _file(value: str, info: ValidationInfo) -> str:
    """The whole path of a text file that settings name from their own folder on."""
    path = (info.context or {}).get("folder", Path()) / value
    try:
        path.read_text(encoding="utf-8")
    except OSError as error:
        came = f"{value!r}: {error.strerror}"
    except UnicodeDecodeError:
        came = f"{value!r}, which is not UTF-8"
    else:
        return str(path)
    raise mistake(f"allowed: {_FILE}; got {came}")


def _policy(path: str) -> str:
    text = _text(path)
    if not text.strip() or len(text) > limits.POLICY_TEXT:
        allowed = f"a policy of 1 to {limits.POLICY_TEXT} characters"
        raise mistake(f"allowed: {allowed}; got {len(text.strip())}")
    return path


def _template(path: str) -> str:
    try:
        read_template(_text(path))
    except TemplateError as error:
        came = shortened(error.received)
        raise mistake(f"allowed: {error.allowed}; got {came}") from None
    return path


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def _input_value(value: Any) -> Any:
    if not input_strings({"": value}).get(""):
        raise ValueError
    return value


File = Annotated[str, AfterValidator(_file), Allowed(_FILE)]
RuleKey = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$"),
    Allowed("a name of letters, digits, hyphens and underscores"),
]
PackKey = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$"),
    Allowed("a name of letters, digits and hyphens, a letter first"),
]
ResourceTypes = Annotated[
    list[ResourceType], Field(min_length=1), Allowed("a list of at least one resource type")
]
InputParameters = Annotated[
    dict[
        str,
        Annotated[
            Any,
            AfterValidator(_input_value),
            Allowed("a string that is not empty, a number, true or false, or a list of these"),
        ],
    ],
    Allowed("a mapping of parameters to values"),
]
Frequency = Annotated[
    MaximumExecutionFrequency, Allowed(", ".join(get_args(MaximumExecutionFrequency)))
]
RecorderFrequency = Annotated[RecordingFrequency, Allowed("CONTINUOUS or DAILY")]
RecorderName = Annotated[
    str, StringConstraints(min_length=1, max_length=256), Allowed("1 to 256 characters")
]
Description = Annotated[
    str,
    StringConstraints(min_length=1, max_length=limits.DESCRIPTION),
    Allowed(f"1 to {limits.DESCRIPTION} characters"),
]
Percentage = Annotated[int, Field(strict=True, ge=1, le=100), Allowed("a whole number, 1 to 100")]
StaticValue = Annotated[
    str,
    StringConstraints(min_length=1, max_length=limits.STATIC_VALUE),
    Allowed(f"1 to {limits.STATIC_VALUE} characters"),
]


class RecordingFrequencyOverride(SettingsModel):
    """Types that are recorded at another frequency than the rest."""

    resource_types: ResourceTypes = Field(description="Those types, which must be recorded.")
    recording_frequency: RecorderFrequency = Field(description="How often they are recorded.")
    description: Description | None = Field(None, description="Why it is so.")


class RecorderCreate(SettingsModel):
    """A customer-managed recorder that this environment creates and owns.

    AWS allows one for each account and region, so exactly one environment there may create it. It
    records what the enabled rules judge on changes, or what one of `resource_types`,
    `exclude_resource_types` and `all_supported` says. AWS bills each configuration item, and
    AWS::EC2::NetworkInterface and AWS::Config::ResourceCompliance make most of them: to record
    them without naming them has to be meant. The global types of IAM belong to one region's
    environment only.
    """

    mode: Literal["create"]
    name: RecorderName | None = Field(
        None, description="Name of the recorder; `assay-<environment_suffix>` when left out."
    )
    resource_types: ResourceTypes | None = Field(
        None,
        description="Resource types to record; the types that the enabled rules, and the rules of "
        "conformance packs from files, judge on changes when left out. Nobody looks into a "
        "template in S3: name the types that its rules judge.",
    )
    exclude_resource_types: ResourceTypes | None = Field(
        None,
        description="Records all types but these, also those that AWS adds later. The global types "
        "of IAM are recorded unless they are among these.",
    )
    all_supported: Switch = Field(
        False,
        description="Records all types but the global ones, also those that AWS adds later.",
    )
    include_global_resource_types: Switch = Field(
        False, description="With `all_supported`, records the global types of IAM, too."
    )
    record_costly_types: Switch = Field(
        False,
        description="With `all_supported` or `exclude_resource_types`, says that "
        "AWS::EC2::NetworkInterface and AWS::Config::ResourceCompliance, usually most of what AWS "
        "Config costs, are to be recorded, too.",
    )
    recording_frequency: RecorderFrequency = Field(
        "CONTINUOUS", description="How often changes are recorded."
    )
    recording_frequency_overrides: Annotated[
        list[
            Annotated[
                RecordingFrequencyOverride,
                Allowed("a mapping with resource_types and recording_frequency"),
            ]
        ],
        Field(max_length=1),
        Allowed("a list of one override at most, for AWS Config takes no more"),
    ] = Field([], description="Types that are recorded at another frequency.")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.names_what_it_records:
            recording = self.recording()
            raise_problems(list(recording_problems(recording)))
            costly = recording.costly_resource_types()
            if costly and not self.record_costly_types:
                key = "all_supported" if self.all_supported else "exclude_resource_types"
                allowed = (
                    f"exclude_resource_types with {' and '.join(costly)}, usually most of what "
                    "AWS Config costs, or record_costly_types: true"
                )
                raise_problems([problem((key,), f"allowed: {allowed}; got neither")])
        return self

    @property
    def names_what_it_records(self) -> bool:
        """Whether it says itself what it records, instead of leaving it to the rules."""
        return bool(self.resource_types or self.exclude_resource_types or self.all_supported)

    def recording(self, judged: Sequence[str] = ()) -> Recording:
        """What it records.

        Args:
            judged: The types that rules judge, for a recorder that leaves it to them.
        """
        override = next(iter(self.recording_frequency_overrides), None)
        return Recording(
            resource_types=(self.resource_types or ()) if self.names_what_it_records else judged,
            exclude_resource_types=self.exclude_resource_types or (),
            all_supported=self.all_supported,
            include_global_resource_types=self.include_global_resource_types,
            recording_frequency=self.recording_frequency,
            override_resource_types=override.resource_types if override else (),
            override_recording_frequency=override.recording_frequency if override else None,
            override_description=override.description if override else None,
        )


def recording_problems(recording: Recording) -> Iterator[InitErrorDetails]:
    """What is wrong about a recording, each at its place in the recorder's settings."""
    for each in recording.problems():
        place = _RECORDING_PLACES.get(each.argument, (each.argument,))
        if each.index is not None:
            place = (*place, each.index)
        # The only flags that are refused are those that are set.
        came = "true" if each.received is True else shortened(each.received)
        yield problem(place, f"allowed: {each.allowed}; got {came}")


class RecorderExisting(SettingsModel):
    """A recorder that is there already and belongs to somebody else: nothing of it is managed."""

    mode: Literal["existing"]
    name: RecorderName = Field(description="Name of the recorder that records this account.")


class RecorderNone(SettingsModel):
    """No AWS Config at all: the schedule alone drives the evaluators."""

    mode: Literal["none"]


Recorder = Annotated[
    RecorderCreate | RecorderExisting | RecorderNone,
    Field(discriminator="mode"),
    Allowed("a mapping with mode: create, existing or none"),
]


class RemediationParameter(SettingsModel):
    """The value of an SSM document's parameter: exactly one of the three."""

    resource_value: Annotated[Literal["RESOURCE_ID"], Allowed("RESOURCE_ID")] | None = Field(
        None, description="The id of the resource to mend."
    )
    static_value: StaticValue | None = Field(None, description="A value.")
    static_values: (
        Annotated[
            list[StaticValue],
            Field(min_length=1, max_length=limits.STATIC_VALUES),
            Allowed(f"a list of 1 to {limits.STATIC_VALUES} values"),
        ]
        | None
    ) = Field(None, description="Several values.")

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            allowed = f"exactly one of {', '.join(type(self).model_fields)}"
            came = " and ".join(given) or "none"
            raise_problems([problem((), f"allowed: {allowed}; got {came}")])
        return self


class RemediationPermission(SettingsModel):
    """Something that a remediation's role may do."""

    actions: Annotated[
        list[
            Annotated[
                str,
                StringConstraints(pattern=r"^[a-z0-9-]+:[A-Za-z0-9]+$"),
                Allowed("an IAM action without wildcards, such as s3:PutEncryptionConfiguration"),
            ]
        ],
        Field(min_length=1),
        Allowed("a list of at least one IAM action"),
    ] = Field(description="IAM actions.")
    resources: Annotated[
        list[
            Annotated[
                str,
                StringConstraints(
                    pattern=r"^(\*|arn(:([A-Za-z0-9*?-]|\{(partition|region|account)\})*){4}"
                    r":([^{}]|\{(partition|region|account)\})+)$"
                ),
                Allowed("*, or an ARN with {partition}, {region} and {account} where they belong"),
            ]
        ],
        Field(min_length=1),
        Allowed("a list of at least one ARN"),
    ] = Field(
        description="ARNs that the actions are limited to; `{partition}`, `{region}` and "
        "`{account}` in them stand for those of the deployment."
    )


class RemediationSettings(SettingsModel):
    """How resources that a rule finds wrong are mended: by an SSM Automation document.

    The document works with a role that is made for it, and that may do nothing else. Whoever
    deploys must be allowed to pass that role (`iam:PassRole`).
    """

    document: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9_.:/-]{3,256}$"),
        Allowed("the name or ARN of an SSM document, such as AWS-EnableS3BucketEncryption"),
    ] = Field(description="Name or ARN of the SSM document.")
    document_version: (
        Annotated[
            str,
            StringConstraints(pattern=r"^([1-9][0-9]*|\$DEFAULT|\$LATEST)$"),
            Allowed("a version in quotes, such as '1', $DEFAULT or $LATEST"),
        ]
        | None
    ) = Field(None, description="Version of the document; its default version when left out.")
    automatic: Switch = Field(
        False,
        description="Mends whatever is found, at once; otherwise somebody has to start it for each "
        "resource.",
    )
    maximum_automatic_attempts: (
        Annotated[
            int,
            Field(strict=True, ge=1, le=limits.AUTOMATIC_ATTEMPTS),
            Allowed(f"a whole number, 1 to {limits.AUTOMATIC_ATTEMPTS}"),
        ]
        | None
    ) = Field(
        None,
        description="Failed attempts at one resource within `retry_attempt_seconds`, after which "
        "it is left alone; 5 when left out. Only when automatic.",
    )
    retry_attempt_seconds: (
        Annotated[
            int,
            Field(strict=True, ge=1, le=limits.RETRY_SECONDS),
            Allowed(f"a whole number of seconds, 1 to {limits.RETRY_SECONDS}"),
        ]
        | None
    ) = Field(None, description="Seconds; 60 when left out. Only when automatic.")
    concurrent_percentage: Percentage | None = Field(
        None, description="Percentage of the resources that are mended at a time; 10 when left out."
    )
    error_percentage: Percentage | None = Field(
        None, description="Percentage of failures that stops everything; 50 when left out."
    )
    resource_type: ResourceType | None = Field(
        None, description="Type of the resources that are mended."
    )
    parameters: Annotated[
        dict[
            StaticValue,
            Annotated[
                RemediationParameter,
                Allowed("a mapping with resource_value, static_value or static_values"),
            ],
        ],
        # One more is that of the role.
        Field(max_length=limits.REMEDIATION_PARAMETERS - 1),
        Allowed(f"a mapping of at most {limits.REMEDIATION_PARAMETERS - 1} parameters to values"),
    ] = Field({}, description="Values of the document's parameters.")
    role_parameter: StaticValue = Field(
        limits.AUTOMATIC_ROLE_PARAMETER,
        description="The document's parameter that takes the ARN of the role.",
    )
    permissions: Annotated[
        list[Annotated[RemediationPermission, Allowed("a mapping with actions and resources")]],
        Field(min_length=1),
        Allowed("a list of at least one mapping with actions and resources"),
    ] = Field(description="What the role may do.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = []
        if self.role_parameter in self.parameters:
            message = "allowed: parameters beside that of the role, whose value is made here"
            place = ("parameters", self.role_parameter)
            problems.append(problem(place, f"{message}; got {self.role_parameter!r}"))
        if self.automatic and self.role_parameter != limits.AUTOMATIC_ROLE_PARAMETER:
            allowed = f"{limits.AUTOMATIC_ROLE_PARAMETER}, the only one that AWS Config takes"
            message = f"allowed when automatic: {allowed}; got {self.role_parameter!r}"
            problems.append(problem(("role_parameter",), message))
        for name in ("maximum_automatic_attempts", "retry_attempt_seconds"):
            value = getattr(self, name)
            if value is not None and not self.automatic:
                message = f"allowed: nothing, where automatic is not true; got {value}"
                problems.append(problem((name,), message))
        raise_problems(problems)
        return self

    def static_values(self) -> dict[str, Sequence[str]]:
        """Values that are always the same, by parameter."""
        return {
            name: each.static_values or [each.static_value or ""]
            for name, each in self.parameters.items()
            if each.resource_value is None
        }

    def resource_values(self) -> dict[str, Literal["RESOURCE_ID"]]:
        """Values that say which resource to mend, by parameter."""
        return {
            name: each.resource_value
            for name, each in self.parameters.items()
            if each.resource_value is not None
        }

    def role_permissions(self) -> tuple[Permission, ...]:
        """What the role may do."""
        return tuple(
            Permission(tuple(each.actions), tuple(each.resources)) for each in self.permissions
        )


Remediation: TypeAlias = (
    Annotated[RemediationSettings, Allowed("a mapping with document and permissions")] | None
)


class RuleSettings(SettingsModel):
    """One rule that a function judges by, named by its key."""

    enabled: Switch = Field(True, description="Whether the rule is deployed.")
    severity: (
        Annotated[
            Literal["low", "medium", "high", "critical"], Allowed("low, medium, high or critical")
        ]
        | None
    ) = Field(None, description="Severity of a violation; the rule's own when left out.")
    parameters: Annotated[dict[str, Any], Allowed("a mapping of parameters")] = Field(
        {}, description="The rule's parameters, see `docs/rules.md`."
    )
    config_triggers: (
        Annotated[
            list[Annotated[Literal["change", "periodic"], Allowed(" or ".join(_CONFIG_TRIGGERS))]],
            Field(min_length=1),
            Allowed("a list of change, periodic or both"),
        ]
        | None
    ) = Field(
        None,
        description="What AWS Config runs the rule on. On changes when left out, and periodically "
        "where a frequency is given here or in `schedules`. EventBridge sweeps in any case.",
    )
    maximum_execution_frequency: Frequency | None = Field(
        None,
        description="How often AWS Config runs the rule periodically; as in "
        "`schedules.config_maximum_execution_frequency` when left out.",
    )
    remediation: Remediation = Field(None, description="What mends violations.")

    @model_validator(mode="after")
    def _triggers_fit(self) -> Self:
        triggers = self.config_triggers or _CONFIG_TRIGGERS
        problems = [
            problem(("config_triggers", index), f"allowed: each trigger once; got {each!r} twice")
            for index, each in enumerate(triggers)
            if each in triggers[:index]
        ]
        if self.maximum_execution_frequency is not None and "periodic" not in triggers:
            allowed = "nothing, where config_triggers is without periodic"
            message = f"allowed: {allowed}; got {self.maximum_execution_frequency!r}"
            problems.append(problem(("maximum_execution_frequency",), message))
        raise_problems(problems)
        return self


class _RuleOfAws(SettingsModel):
    enabled: Switch = Field(True, description="Whether the rule is deployed.")
    description: Description | None = Field(None, description="What is required.")
    resource_types: Annotated[list[ResourceType], Allowed("a list of resource types")] = Field(
        [], description="Judges resources of these types only."
    )
    resource_id: Annotated[str, Allowed("the id of a resource")] | None = Field(
        None, description="Judges this one resource, of the one type in `resource_types`."
    )
    tag_key: Annotated[str, Allowed("a tag key")] | None = Field(
        None, description="Judges resources with this tag only, instead of types."
    )
    tag_value: Annotated[str, Allowed("the value of a tag")] | None = Field(
        None, description="And only those with this value of it."
    )
    evaluation_modes: Annotated[
        list[Annotated[EvaluationMode, Allowed("DETECTIVE or PROACTIVE")]],
        Allowed("a list of DETECTIVE, PROACTIVE or both"),
    ] = Field(
        [],
        description="`DETECTIVE` judges what is there, `PROACTIVE` what somebody plans and asks "
        "about (StartResourceEvaluation). The first alone when left out.",
    )
    remediation: Remediation = Field(None, description="What mends violations.")


class ManagedRuleSettings(_RuleOfAws):
    """A managed rule of AWS Config, named by its key; `assay rules` lists and explains them.

    AWS Config judges by it. Its results stay in AWS Config: they are in no report or alert here.
    """

    identifier: Annotated[str, Allowed("the identifier of a managed rule")] | None = Field(
        None,
        description="The managed rule, such as `S3_BUCKET_SSL_REQUESTS_ONLY`; may be left out "
        "where the key is the name that AWS documents it by, `s3-bucket-ssl-requests-only`.",
    )
    input_parameters: Annotated[dict[str, Any], Allowed("a mapping of parameters to values")] = (
        Field({}, description="The rule's parameters, as scalars or lists.")
    )
    maximum_execution_frequency: Frequency | None = Field(
        None, description="How often a periodic rule runs; every 24 hours when left out."
    )
    allow_unknown: Switch = Field(
        False,
        description="Lets through an identifier, parameters and types that AWS may have added "
        "since the facts here were collected.",
    )


class GuardRuleSettings(_RuleOfAws):
    """A custom policy rule: AWS Config itself judges configuration items by a policy in Guard.

    It runs on changes only, for AWS Config has no periodic trigger for such rules. Its results
    stay in AWS Config: they are in no report or alert here.
    """

    file: Annotated[str, AfterValidator(_file), AfterValidator(_policy), Allowed(_FILE)] = Field(
        description=f"The policy, at most {limits.POLICY_TEXT} characters; a path from the folder "
        "of these settings on."
    )
    runtime: Annotated[Literal["guard-2.x.x"], Allowed("guard-2.x.x")] = Field(
        "guard-2.x.x", description="Runtime of the policy; there is one."
    )
    input_parameters: InputParameters = Field({}, description="The policy's parameters.")
    debug_logging: Switch = Field(
        False, description="Writes each evaluation to CloudWatch Logs, which bills them."
    )
    tests: Annotated[
        dict[
            Annotated[Literal["pass", "fail"], Allowed("pass or fail")],
            Annotated[list[File], Allowed("a list of files")],
        ],
        Allowed("a mapping of pass and fail to lists of files"),
    ] = Field(
        {},
        description="Configuration items in JSON or YAML files that the policy must `pass` and "
        "must `fail`; `assay guard-test` tries them, without `input_parameters`. In a folder "
        "below that of these settings, for every YAML file beside them is an environment.",
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        problems = [
            problem(place, message)
            for place, message in scope_problems(
                resource_types=self.resource_types,
                resource_id=self.resource_id,
                tag_key=self.tag_key,
                tag_value=self.tag_value,
            )
        ]
        length = len(input_parameters_json(input_strings(self.input_parameters)))
        if length > limits.INPUT_PARAMETERS:
            allowed = f"at most {limits.INPUT_PARAMETERS} characters as JSON"
            problems.append(problem(("input_parameters",), f"allowed: {allowed}; got {length}"))
        problems += [
            problem(("evaluation_modes", index), f"allowed: each mode once; got {each!r} twice")
            for index, each in enumerate(self.evaluation_modes)
            if each in self.evaluation_modes[:index]
        ]
        raise_problems(problems)
        return self

    def policy_text(self) -> str:
        """The policy."""
        return _text(self.file)


class ConformancePackSettings(SettingsModel):
    """A conformance pack, named by its key, from a file or a bucket: exactly one of the two.

    AWS Config judges by its rules. Their results stay there: they are in no report or alert here.
    """

    template_file: (
        Annotated[str, AfterValidator(_file), AfterValidator(_template), Allowed(_FILE)] | None
    ) = Field(
        None,
        description=f"The template, at most {limits.PACK_TEMPLATE_BYTES} bytes; a path from the "
        "folder of these settings on, into a folder below it, for every YAML file beside the "
        "settings is an environment.",
    )
    template_s3_uri: (
        Annotated[
            str,
            StringConstraints(pattern=r"^s3://[^/]+/.+$", max_length=limits.PACK_TEMPLATE_URI),
            Allowed("s3://bucket/key"),
        ]
        | None
    ) = Field(
        None,
        description="Where a template lies that is larger, in the same region. What its rules "
        "judge is not known here: `recorder.resource_types` must name it.",
    )
    input_parameters: InputParameters = Field(
        {}, description="Values of the template's parameters, as scalars or lists."
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if (self.template_file is None) == (self.template_s3_uri is None):
            came = "neither" if self.template_file is None else "both"
            allowed = "exactly one of template_file and template_s3_uri"
            raise_problems([problem((), f"allowed: {allowed}; got {came}")])
        raise_problems(list(self._parameter_problems()))
        return self

    def _parameter_problems(self) -> Iterator[InitErrorDetails]:
        for each in parameter_problems(self.input_parameters, self.template()):
            place = ("input_parameters", each.name) if each.name else ("input_parameters",)
            came = "nothing" if each.received is None else shortened(each.received)
            hint = f"; did you mean {each.near}?" if each.near else ""
            yield problem(place, f"allowed: {each.allowed}; got {came}{hint}")

    def template_body(self) -> str | None:
        """The template, where it lies in a file."""
        return None if self.template_file is None else _text(self.template_file)

    def template(self) -> ConformanceTemplate | None:
        """What the template holds, where it lies in a file."""
        body = self.template_body()
        return None if body is None else read_template(body)

    def input_strings(self) -> dict[str, str]:
        """Values of the template's parameters, as AWS takes them."""
        return {name: parameter_text(value) for name, value in self.input_parameters.items()}
