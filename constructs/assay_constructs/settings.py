"""The settings of one environment, and what each of them may be."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from assay import forms as form_catalogue
from assay import rules as rule_catalogue
from assay.rule import ParameterError, Severity
from assay.waivers import Waiver
from assay_constructs import limits, managed_rules
from assay_constructs.config_settings import (
    ConformancePackSettings,
    Frequency,
    GuardRuleSettings,
    ManagedRuleSettings,
    PackKey,
    Recorder,
    RecorderCreate,
    RemediationSettings,
    RuleKey,
    RuleSettings,
    recording_problems,
)
from assay_constructs.recording import (
    Judged,
    Recording,
    judged,
    records_global_resource_types,
    types_to_record,
)
from assay_constructs.schedule_expression import is_schedule_expression, longest_gap_minutes
from assay_constructs.settings_types import (
    Allowed,
    Location,
    SettingsModel,
    Switch,
    problem,
    raise_problems,
    words,
)

# What CloudWatch Logs accepts as retention_in_days.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def _schedule_expression(value: str) -> str:
    if is_schedule_expression(value):
        return value
    raise ValueError


def _log_retention(value: int) -> int:
    if value in LOG_RETENTION_DAYS:
        return value
    raise ValueError


def _tag_key(value: str) -> str:
    if value.lower().startswith("aws:"):
        raise ValueError
    return value


def _form(value: str) -> str:
    if value in form_catalogue.NAMES:
        return value
    raise ValueError


def _date(value: Any) -> date:
    # Nothing else that pydantic takes for a date, such as a number or a time of a day.
    if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    if type(value) is date:
        return value
    raise ValueError


# What each operator takes. SNS has more, for numbers and addresses, which no attribute here holds.
# https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
_FILTER_OPERATORS = {
    "anything-but": (
        "a string, a list of at least one string, or a mapping of prefix or suffix to a string"
    ),
    "equals-ignore-case": "a string",
    "exists": "true or false",
    "prefix": "a string",
    "suffix": "a string",
    "wildcard": "a string",
}


def _operator_takes(operator: str, value: Any) -> bool:
    if operator == "exists":
        return isinstance(value, bool)
    if operator == "anything-but":
        match value:
            case [_, *_]:
                return all(isinstance(each, str) for each in value)
            case {"prefix": str(), **others} | {"suffix": str(), **others}:
                return not others
    return isinstance(value, str)


def _filter_condition(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if (
        not isinstance(value, Mapping)
        or len(value) != 1
        or not set(value) <= set(_FILTER_OPERATORS)
    ):
        raise ValueError
    ((operator, operand),) = value.items()
    if not _operator_takes(operator, operand):
        message = f"allowed: {_FILTER_OPERATORS[operator]}; got {operand!r}"
        raise_problems([problem((operator,), message)])
    return value


Days = Annotated[
    int, Field(strict=True, ge=1, le=36500), Allowed("a whole number of days, 1 to 36500")
]
LogRetentionDays = Annotated[
    int,
    Field(strict=True),
    AfterValidator(_log_retention),
    Allowed(
        f"a number of days that CloudWatch Logs offers: {', '.join(map(str, LOG_RETENTION_DAYS))}"
    ),
]
# What an alarm with periods of one hour can look back over.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_MAXIMUM_SILENCE_HOURS = 168
SilenceHours = Annotated[
    int,
    Field(strict=True, ge=1, le=_MAXIMUM_SILENCE_HOURS),
    Allowed(f"a whole number of hours, 1 to {_MAXIMUM_SILENCE_HOURS}"),
]
ScheduleExpression = Annotated[
    str,
    AfterValidator(_schedule_expression),
    Allowed(
        "cron(minutes hours day-of-month month day-of-week year) with ? as exactly one of the two "
        "days, rate(1 minute|hour|day), or rate(N minutes|hours|days) with N above 1"
    ),
]
Suffix = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=20),
    Allowed("lower-case letters, digits and, between them, hyphens, 20 characters at most"),
]
Region = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"),
    Allowed("an AWS region, such as us-east-1"),
]
AccountId = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{12}$"), Allowed("an account id, 12 digits in quotes")
]
ProviderVersion = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$"),
    Allowed("one exact release, such as 6.25.0"),
]
TagKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    AfterValidator(_tag_key),
    Allowed("a tag key of 1 to 128 characters that does not begin with aws:"),
]
TagValue = Annotated[
    str, StringConstraints(max_length=256), Allowed("a string of at most 256 characters")
]
EmailAddress = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    Allowed("an e-mail address"),
]
Protocol = Literal["email", "email-json", "https", "sqs", "lambda", "sms"]
MessageAttribute = Literal["rule_name", "severity", "account_id", "region"]
FilterPolicy = Annotated[
    dict[
        Annotated[MessageAttribute, Allowed("rule_name, severity, account_id or region")],
        Annotated[
            list[
                Annotated[
                    Any,
                    AfterValidator(_filter_condition),
                    Allowed(
                        "a string, or a mapping with one operator of SNS: "
                        + ", ".join(_FILTER_OPERATORS)
                    ),
                ]
            ],
            Field(min_length=1),
            Allowed("a list of at least one string or operator"),
        ],
    ],
    Field(min_length=1),
    Allowed("a mapping of message attributes to lists, with at least one attribute"),
]


ReportForm = Annotated[
    str, AfterValidator(_form), Allowed(f"a form of reports: {', '.join(form_catalogue.NAMES)}")
]
ArnPattern = Annotated[
    str,
    # With all parts: `arn:*` would be more than anybody can answer for.
    StringConstraints(pattern=r"^arn(:[A-Za-z0-9*?-]*){4}:.+$", max_length=2048),
    Allowed(
        "an ARN, arn:partition:service:region:account:resource, with * for any characters and ? "
        "for any one"
    ),
]
Date = Annotated[date, BeforeValidator(_date), Allowed("a date, as YYYY-MM-DD")]


class Schedules(SettingsModel):
    """When evaluators sweep over all resources and when the report is built (UTC)."""

    evaluation: ScheduleExpression = Field(
        "cron(0 */6 * * ? *)", description="EventBridge schedule of the sweeps."
    )
    report: ScheduleExpression = Field(
        "cron(20 */6 * * ? *)",
        description="EventBridge schedule of the report; leave the sweeps time to finish.",
    )
    reminder: ScheduleExpression | None = Field(
        None,
        description="EventBridge schedule of reminders: one message a rule with all violations "
        "that are still open, when there are any. None are sent when left out.",
    )
    silence_hours: SilenceHours = Field(
        13,
        description="Hours without a scheduled run, or without a completed sweep of a rule, after "
        "which an alarm goes off; more than there are between two runs, which is checked for "
        "schedules that run on every day alike.",
    )
    config_maximum_execution_frequency: Frequency | None = Field(
        None,
        description="Also lets AWS Config trigger each rule periodically. AWS bills every "
        "evaluation that goes to Config, so sweeps normally come from EventBridge.",
    )

    @model_validator(mode="after")
    def _silence_is_longer_than_the_time_between_runs(self) -> Self:
        problems = []
        for name, expression in (("evaluation", self.evaluation), ("report", self.report)):
            gap_hours, odd_minutes = divmod(longest_gap_minutes(expression) or 0, 60)
            if gap_hours >= _MAXIMUM_SILENCE_HOURS:
                allowed = f"less than {_MAXIMUM_SILENCE_HOURS} hours between two runs"
                message = f"allowed: {allowed}, or no alarm could tell silence; got {expression!r}"
                problems.append(problem((name,), message))
            elif gap_hours >= self.silence_hours:
                between = f"{gap_hours} hours" + (f" {odd_minutes} minutes" if odd_minutes else "")
                message = (
                    f"allowed: {gap_hours + 1} to {_MAXIMUM_SILENCE_HOURS}, for {name} "
                    f"{expression!r} can leave {between} between two runs; got {self.silence_hours}"
                )
                problems.append(problem(("silence_hours",), message))
        raise_problems(problems)
        return self


_ENDPOINTS: Mapping[Protocol, tuple[str, str]] = {
    "email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
    "email-json": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
    "https": (r"https://\S+", "a URL that begins with https://"),
    "sqs": (r"arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:\S+", "the ARN of a queue"),
    "lambda": (r"arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:\S+", "the ARN of a function"),
    "sms": (r"\+[1-9][0-9]{1,14}", "a telephone number in E.164 form, such as '+4912345678'"),
}


class Subscription(SettingsModel):
    """A subscriber of the alert topic, in the terms of Terraform's `aws_sns_topic_subscription`."""

    protocol: Annotated[Protocol, Allowed(", ".join(get_args(Protocol)))] = Field(
        description="How alerts are delivered. Plain http is not offered: the topic refuses it."
    )
    endpoint: Annotated[str, Allowed("a string that fits the protocol")] = Field(
        description="An e-mail address, an https:// URL, the ARN of a queue or function, or an "
        "E.164 telephone number, as the protocol demands."
    )
    filter_policy: FilterPolicy | None = Field(
        None,
        description="Lets through only alerts whose message attributes match; the attributes are "
        "`rule_name`, `severity`, `account_id` and `region`. CloudWatch alarms carry none, so a "
        "filtered subscriber does not get them.",
    )
    raw_message_delivery: Switch = Field(
        False, description="Delivers the bare message (https and sqs only)."
    )

    @model_validator(mode="after")
    def _fits_protocol(self) -> Self:
        pattern, allowed = _ENDPOINTS[self.protocol]
        problems = []
        if not re.fullmatch(pattern, self.endpoint):
            message = f"allowed for {self.protocol}: {allowed}; got {self.endpoint!r}"
            problems.append(problem(("endpoint",), message))
        if self.raw_message_delivery and self.protocol not in ("https", "sqs"):
            message = f"allowed for {self.protocol}: false; got true"
            problems.append(problem(("raw_message_delivery",), message))
        policy = self.filter_policy or {}
        judged: list[tuple[MessageAttribute, Sequence[str]]] = [
            ("severity", list(Severity)),
            ("rule_name", rule_catalogue.names()),
        ]
        for attribute, values in judged:
            for index, value in enumerate(policy.get(attribute, [])):
                if isinstance(value, str) and value not in values:
                    location = ("filter_policy", attribute, index)
                    message = f"allowed: {', '.join(values)}; got {value!r}"
                    problems.append(problem(location, message))
        raise_problems(problems)
        return self


class Alerts(SettingsModel):
    """Who is told when something gets worse."""

    emails: Annotated[list[EmailAddress], Allowed("a list of e-mail addresses")] = Field(
        [], description="Addresses that get every alert; each must confirm once."
    )
    subscriptions: Annotated[
        list[Annotated[Subscription, Allowed("a mapping with protocol and endpoint")]],
        Allowed("a list of mappings with protocol and endpoint"),
    ] = Field([], description="Subscribers of other kinds.")

    @model_validator(mode="after")
    def _no_subscriber_twice(self) -> Self:
        places: list[Location] = [("emails", index) for index in range(len(self.emails))]
        places += [("subscriptions", index) for index in range(len(self.subscriptions))]
        seen: set[tuple[str, str]] = set()
        problems = []
        for place, subscriber in zip(places, self.subscribers(), strict=True):
            key = (subscriber.protocol, subscriber.endpoint)
            if key in seen:
                message = f"allowed: each subscriber once; got {' '.join(key)} twice"
                problems.append(problem(place, message))
            seen.add(key)
        raise_problems(problems)
        return self

    def subscribers(self) -> tuple[Subscription, ...]:
        """Everybody who is told: the e-mail addresses, then the other subscriptions."""
        emails = (Subscription(protocol="email", endpoint=address) for address in self.emails)
        return (*emails, *self.subscriptions)


class Reports(SettingsModel):
    """What the report aggregator writes."""

    forms: Annotated[list[ReportForm], Allowed("a list of forms of reports")] = Field(
        ["json", "html"],
        description="Forms of each report, `json` among them: "
        + ", ".join(f"`{name}`" for name in form_catalogue.NAMES)
        + ". Every other form can be made from `json` again.",
    )
    security_hub: Switch = Field(
        False,
        description="Also sends violations, and what is resolved, to AWS Security Hub, which must "
        "be enabled in the account and region, and which AWS bills by finding.",
    )

    @model_validator(mode="after")
    def _each_form_once_and_json(self) -> Self:
        problems = [
            problem(("forms", index), f"allowed: each form once; got {name!r} twice")
            for index, name in enumerate(self.forms)
            if name in self.forms[:index]
        ]
        if "json" not in self.forms:
            allowed = "a list with json, which is the record and what changes are read from"
            problems.append(problem(("forms",), f"allowed: {allowed}; got {self.forms}"))
        raise_problems(problems)
        return self


class WaiverSettings(SettingsModel):
    """Violations of one rule that somebody answers for, up to a day.

    They are reported as waived, with owner and date, counted apart, and not alerted on. From the
    day after, they are violations again.
    """

    rule: Annotated[str, Allowed("the name of an enabled rule")] = Field(
        description="Name of the rule, which must be enabled."
    )
    resource: ArnPattern = Field(
        description="ARN of the resource, with all its parts; `*` in it stands for any characters "
        "and `?` for any one."
    )
    owner: Annotated[str, words(128), Allowed("1 to 128 characters, not just spaces")] = Field(
        description="Who answers for it."
    )
    reason: Annotated[str, words(512), Allowed("1 to 512 characters, not just spaces")] = Field(
        description="Why it is so."
    )
    expires: Date = Field(
        description="Last day, in UTC. Reports warn from 14 days before, and say when it is past."
    )

    def waiver(self) -> Waiver:
        """The same as the functions have it."""
        return Waiver(
            rule_name=self.rule,
            resource=self.resource,
            owner=self.owner,
            reason=self.reason,
            expires=self.expires,
        )


def _can_match(pattern: str, other: str) -> bool:
    """Whether there may be an ARN that two patterns match; only ARNs like ``other`` exist."""
    *parts, resource = pattern.split(":", 5)
    *other_parts, other_resource = other.split(":", 5)
    # Of two resources only what stands before the first wildcard is compared.
    head, other_head = (re.split(r"[*?]", each)[0] for each in (resource, other_resource))
    return (head.startswith(other_head) or other_head.startswith(head)) and all(
        fnmatchcase(one, two) or fnmatchcase(two, one)
        for one, two in zip(parts, other_parts, strict=True)
    )


class LocalBackend(SettingsModel):
    """Terraform state in a file beside `cdktf.out`."""

    type: Literal["local"]


class S3Backend(SettingsModel):
    """Terraform state in an S3 bucket, locked by S3 itself (`use_lockfile`)."""

    type: Literal["s3"]
    bucket: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
        Allowed("a bucket's name, 3 to 63 lower-case letters, digits, dots and hyphens"),
    ] = Field(description="Bucket that holds the state.")
    region: Region = Field(description="Region of that bucket.")
    key_prefix: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*$"),
        Allowed("the beginning of an object key, with no slash at either end"),
    ] = Field("assay", description="State lies at `<key_prefix>/<stack>.tfstate`.")
    kms_key_id: (
        Annotated[
            str, StringConstraints(min_length=1), Allowed("the id, alias or ARN of a KMS key")
        ]
        | None
    ) = Field(None, description="KMS key that encrypts the state.")


class Workspace(SettingsModel):
    """A Terraform Cloud workspace, by name or by tags: exactly one of the two."""

    name: (
        Annotated[
            str,
            StringConstraints(pattern=r"^([A-Za-z0-9_-]|\{suffix\}){1,90}$"),
            Allowed("1 to 90 letters, digits, hyphens and underscores, and {suffix}"),
        ]
        | None
    ) = Field(
        None,
        description="Name of the workspace; `{suffix}` in it stands for the environment suffix.",
    )
    tags: (
        Annotated[
            list[Annotated[str, StringConstraints(min_length=1), Allowed("a workspace's tag")]],
            Field(min_length=1),
            Allowed("a list of at least one tag"),
        ]
        | None
    ) = Field(None, description="Tags that select the workspaces.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.name is None) == (self.tags is None):
            came = "neither" if self.name is None else "both"
            raise_problems([problem((), f"allowed: exactly one of name and tags; got {came}")])
        return self


class CloudBackend(SettingsModel):
    """Terraform state and runs in a Terraform Cloud (HCP Terraform) workspace."""

    type: Literal["cloud"]
    organization: Annotated[
        str, StringConstraints(min_length=1), Allowed("an organization's name")
    ] = Field(description="Terraform Cloud organization.")
    workspace: Annotated[Workspace, Allowed("a mapping with name or tags")] = Field(
        description="Which workspace of the organization."
    )
    hostname: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$"),
        Allowed("the name of a host, such as app.terraform.io"),
    ] = Field("app.terraform.io", description="Host of Terraform Cloud or Enterprise.")


def _rule_problems(rules: Any) -> Iterator[InitErrorDetails]:
    """What the rules themselves say about their names and parameters."""
    for name, rule in rules.items() if isinstance(rules, Mapping) else ():
        given = rule if isinstance(rule, Mapping) else {}
        parameters = given.get("parameters")
        try:
            kind = rule_catalogue.load(name).Parameters
            own = kind.from_settings(parameters if isinstance(parameters, Mapping) else {})
            length = len(managed_rules.input_parameters_json(own.to_input_parameters()))
            if length > limits.INPUT_PARAMETERS and given.get("enabled", True):
                allowed = f"at most {limits.INPUT_PARAMETERS} characters"
                message = f"allowed: {allowed} as AWS Config input parameters; got {length}"
                yield problem((name, "parameters"), message)
        except rule_catalogue.UnknownRuleError as error:
            yield problem((name,), str(error).removeprefix("rule: "))
        except ParameterError as error:
            for parameter, message in error.problems:
                yield problem((name, "parameters", parameter), message)


def _managed_rule_problems(
    rules: Mapping[str, ManagedRuleSettings],
) -> Iterator[InitErrorDetails]:
    """What the facts of managed rules say about them."""
    for name, rule in rules.items():
        for place, message in managed_rules.problems(
            identifier=rule.identifier,
            rule_name=name,
            input_parameters=rule.input_parameters,
            resource_types=rule.resource_types,
            resource_id=rule.resource_id,
            tag_key=rule.tag_key,
            tag_value=rule.tag_value,
            maximum_execution_frequency=rule.maximum_execution_frequency,
            evaluation_modes=rule.evaluation_modes,
            allow_unknown=rule.allow_unknown,
        ):
            yield problem((name, *place), message)


def _restated(error: ValidationError) -> list[InitErrorDetails]:
    """Mistakes that were found already, to be told together with others."""
    return [
        InitErrorDetails(
            type=PydanticCustomError(
                detail["type"], "{msg}", {"msg": detail["msg"], **detail.get("ctx", {})}
            ),
            loc=detail["loc"],
            input=detail["input"],
        )
        for detail in error.errors(include_url=False)
    ]


def _left_out(recording: Recording, needed: str) -> tuple[Location, str]:
    """Which setting leaves out types that a rule judges, and what it should be."""
    if recording.all_supported:
        key, allowed, came = "include_global_resource_types", f"true, for {needed}", "false"
    elif recording.exclude_resource_types:
        key, allowed = "exclude_resource_types", f"a list without {needed}"
        came = str(list(recording.exclude_resource_types))
    else:
        key, allowed = "resource_types", f"a list with {needed}"
        came = str(list(recording.resource_types))
    return ("recorder", "create", key), f"allowed: {allowed}; got {came}"


def _global_types_place(recorder: RecorderCreate) -> Location:
    if recorder.all_supported:
        return ("include_global_resource_types",)
    if recorder.exclude_resource_types:
        return ("exclude_resource_types",)
    return ("resource_types",) if recorder.resource_types else ()


Backend = Annotated[
    LocalBackend | S3Backend | CloudBackend,
    Field(discriminator="type"),
    Allowed("a mapping with type: local, s3 or cloud"),
]


class Settings(SettingsModel):
    """Everything that one environment's stack is made from."""

    environment_suffix: Suffix = Field(
        description="Ends every resource name; lower-case letters, digits and hyphens. The "
        "variable `ENVIRONMENT_SUFFIX` overrides it, for a copy beside the original."
    )
    region: Region = Field(description="AWS region.")
    account_id: AccountId | None = Field(
        None,
        description="The only AWS account that Terraform may deploy to, in quotes. Any account "
        "when left out.",
    )
    tags: Annotated[
        dict[TagKey, TagValue],
        Field(max_length=50),
        Allowed("a mapping of at most 50 tag keys to values"),
    ] = Field({}, description="Tags of every resource.")
    recorder: Recorder = Field(description="Who owns the AWS Config recorder.")
    schedules: Annotated[Schedules, Allowed("a mapping of schedules")] = Field(
        Schedules(), description="Schedules."
    )
    alerts: Annotated[Alerts, Allowed("a mapping with emails and subscriptions")] = Field(
        Alerts(), description="Alerts."
    )
    reports: Annotated[Reports, Allowed("a mapping with forms and security_hub")] = Field(
        Reports(), description="Reports."
    )
    rules: Annotated[
        dict[
            str,
            Annotated[
                RuleSettings,
                Allowed("a mapping with enabled, severity and parameters, or {} for the defaults"),
            ],
        ],
        Allowed("a mapping of rule names to their settings"),
    ] = Field(description="Rules by name; a rule that is not named is off.")
    managed_rules: Annotated[
        dict[
            RuleKey,
            Annotated[
                ManagedRuleSettings,
                Allowed("a mapping with identifier and input_parameters, or {} for the defaults"),
            ],
        ],
        Allowed("a mapping of names to managed rules"),
    ] = Field({}, description="Managed rules of AWS Config by name.")
    guard_rules: Annotated[
        dict[RuleKey, Annotated[GuardRuleSettings, Allowed("a mapping with file")]],
        Allowed("a mapping of names to custom policy rules"),
    ] = Field({}, description="Custom policy rules of AWS Config, in Guard, by name.")
    conformance_packs: Annotated[
        dict[
            PackKey,
            Annotated[
                ConformancePackSettings,
                Allowed("a mapping with template_file or template_s3_uri"),
            ],
        ],
        Field(max_length=limits.PACKS),
        Allowed(f"a mapping of at most {limits.PACKS} names to conformance packs"),
    ] = Field({}, description="Conformance packs by name.")
    waivers: Annotated[
        list[
            Annotated[
                WaiverSettings,
                Allowed("a mapping with rule, resource, owner, reason and expires"),
            ]
        ],
        Allowed("a list of mappings with rule, resource, owner, reason and expires"),
    ] = Field([], description="Violations that somebody answers for.")
    history_retention_days: Days = Field(
        365,
        description="Days that evaluations stay in the history table, and the counts of reports, "
        "which later ones show as their trend, in the state table.",
    )
    log_retention_days: LogRetentionDays = Field(
        365, description="Days that function logs are kept, out of those CloudWatch Logs offers."
    )
    object_retention_days: Days | None = Field(
        730,
        description="Days that Config snapshots and reports are kept; with `null` the buckets get "
        "no lifecycle rules and keep everything.",
    )
    retain_data: Switch = Field(
        True,
        description="Data survives: Terraform refuses any plan that would destroy tables, buckets "
        "or the KMS key, and the tables have deletion protection.",
    )
    customer_managed_key: Switch = Field(
        False, description="Encrypts everything with a KMS key of this environment's own."
    )
    provider_version: ProviderVersion | None = Field(
        None,
        description="Exact release of the Terraform AWS provider; the one that the CDKTF bindings "
        "were made from when left out.",
    )
    embedded_aws: Switch = Field(
        False,
        description="Deploys to an embedded AWS (moto) at `AWS_ENDPOINT_URL`: path-style S3, no "
        "check of credentials, PutEvaluations in test mode.",
    )
    backend: Backend = Field(
        LocalBackend(type="local"), description="Where Terraform keeps its state."
    )

    @field_validator("rules", mode="wrap")
    @classmethod
    def _known_rules(
        cls, value: Any, handler: ValidatorFunctionWrapHandler
    ) -> dict[str, RuleSettings]:
        rules: dict[str, RuleSettings] = {}
        given, problems = value, []
        try:
            rules = handler(value)
            given = {name: rule.model_dump() for name, rule in rules.items()}
            if not any(rule.enabled for rule in rules.values()):
                problems.append(problem((), "allowed: at least one enabled rule; got none"))
        except ValidationError as error:
            # Names and parameters are judged all the same: all mistakes are told at once.
            problems += _restated(error)
        raise_problems([*problems, *_rule_problems(given)])
        return rules

    @field_validator("managed_rules", mode="wrap")
    @classmethod
    def _possible_managed_rules(
        cls, value: Any, handler: ValidatorFunctionWrapHandler
    ) -> dict[str, ManagedRuleSettings]:
        problems = []
        rules: dict[str, ManagedRuleSettings] = {}
        try:
            rules = handler(value)
        except ValidationError as error:
            problems = _restated(error)
            wrong = {each["loc"][0] for each in problems if each["loc"]}
            given = value if isinstance(value, Mapping) else {}
            right = {name: rule for name, rule in given.items() if name not in wrong}
            rules = handler(right)
        raise_problems([*problems, *_managed_rule_problems(rules)])
        return rules

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        raise_problems(
            [
                *self._recorder_problems(),
                *self._name_problems(),
                *self._problems_without_config(),
                *self._number_problems(),
                *self._waiver_problems(),
            ]
        )
        return self

    def _recorder_problems(self) -> Iterator[InitErrorDetails]:
        recorder, recording = self.recorder, self.recording()
        if not isinstance(recorder, RecorderCreate) or recording is None:
            return
        place: Location = ("recorder", "create")
        if not recorder.names_what_it_records:
            if not recording.resource_types:
                allowed = "at least one type, for no rule judges any on changes"
                yield problem((*place, "resource_types"), f"allowed: {allowed}; got none")
                return
            for each in recording_problems(recording):
                yield {**each, "loc": (*place, *each["loc"])}
        for each_judged in self.judged():
            if needed := each_judged.needed(recording):
                needed = f"{needed}, which rule {each_judged.rule} judges"
                yield problem(*_left_out(recording, needed))
        types = recording.global_resource_types()
        unable = not records_global_resource_types(self.region)
        if types and unable and not recorder.exclude_resource_types:
            allowed = "no global types, for there AWS Config records none"
            came = ", ".join(types)
            if not recorder.names_what_it_records:
                rules = [r.rule for r in self.judged() if {*r.resource_types} & {*types}]
                came += f" for {', '.join(rules)}"
            message = f"allowed in {self.region}: {allowed}; got {came}"
            yield problem((*place, *_global_types_place(recorder)), message)

    def _name_problems(self) -> Iterator[InitErrorDetails]:
        owners: dict[str, str] = {}
        for group, rules in self._rule_groups().items():
            for name, rule in rules.items():
                maximum = limits.REMEDIATED_RULE_NAME if rule.remediation else limits.RULE_NAME
                yield from self._length_problems((group, name), maximum)
                owner = owners.setdefault(name, group)
                if owner != group:
                    message = f"allowed: a name of its own; got that of {owner}.{name}"
                    yield problem((group, name), message)
        for name in self.conformance_packs:
            yield from self._length_problems(("conformance_packs", name), limits.PACK_NAME)

    def _length_problems(self, place: tuple[str, str], maximum: int) -> Iterator[InitErrorDetails]:
        ending = f"-{self.environment_suffix}"
        length = len(place[-1])
        if length + len(ending) > maximum:
            allowed = f"at most {maximum} characters together with {ending}"
            yield problem(place, f"allowed: {allowed}; got {length + len(ending)}")

    def _problems_without_config(self) -> Iterator[InitErrorDetails]:
        if self.recorder.mode != "none":
            return
        given: dict[Location, str] = {
            ("managed_rules",): ", ".join(self.managed_rules),
            ("guard_rules",): ", ".join(self.guard_rules),
            ("conformance_packs",): ", ".join(self.conformance_packs),
        }
        for name, rule in self.rules.items():
            given["rules", name, "config_triggers"] = ", ".join(rule.config_triggers or ())
            frequency = rule.maximum_execution_frequency
            given["rules", name, "maximum_execution_frequency"] = frequency or ""
            document = rule.remediation.document if rule.remediation else ""
            given["rules", name, "remediation"] = document
        for place, came in given.items():
            if came:
                allowed = "nothing, for recorder.mode none is without AWS Config"
                yield problem(place, f"allowed: {allowed}; got {came}")

    def _number_problems(self) -> Iterator[InitErrorDetails]:
        count = sum(
            rule.enabled for rules in self._rule_groups().values() for rule in rules.values()
        )
        templates = [pack.template() for pack in self.conformance_packs.values()]
        count += sum(template.rule_count for template in templates if template)
        if count > limits.RULES:
            allowed = f"at most {limits.RULES} rules, those of conformance packs among them"
            yield problem(("rules",), f"allowed: {allowed}; got {count}")

    def _waiver_problems(self) -> Iterator[InitErrorDetails]:
        enabled = self.enabled_rules()
        seen: set[tuple[str, str]] = set()
        for index, each in enumerate(self.waivers):
            if each.rule not in enabled:
                near = difflib.get_close_matches(each.rule, enabled, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                message = f"allowed: a rule that is enabled: {', '.join(enabled)}"
                yield problem(("waivers", index, "rule"), f"{message}; got {each.rule!r}{hint}")
            elif not _can_match(each.resource, known := self._arns(each.rule)):
                allowed = f"a pattern of ARNs that rule {each.rule} judges, which are like {known}"
                message = f"allowed: {allowed}; got {each.resource!r}"
                yield problem(("waivers", index, "resource"), message)
            if (each.rule, each.resource) in seen:
                message = "allowed: one waiver for each rule and resource; got a second"
                yield problem(("waivers", index), message)
            seen.add((each.rule, each.resource))

    def _rule_groups(
        self,
    ) -> dict[str, Mapping[str, RuleSettings | ManagedRuleSettings | GuardRuleSettings]]:
        return {
            "rules": self.rules,
            "managed_rules": self.managed_rules,
            "guard_rules": self.guard_rules,
        }

    def judged(self) -> tuple[Judged, ...]:
        """The types that must be recorded, for each enabled rule and each rule of a pack."""
        return judged(
            functions=(
                (name, rule_catalogue.load(name).resource_type, self.rules[name].config_triggers)
                for name in self.enabled_rules()
            ),
            managed=(
                (name, self.managed_rule_identifier(name), rule.resource_types)
                for name, rule in self.managed_rules.items()
                if rule.enabled
            ),
            guard=(
                (name, rule.resource_types)
                for name, rule in self.guard_rules.items()
                if rule.enabled
            ),
            packs=((name, pack.template()) for name, pack in self.conformance_packs.items()),
        )

    def _arns(self, rule_name: str) -> str:
        """A pattern of the ARNs that a rule judges here."""
        return rule_catalogue.load(rule_name).arn_format.format(
            partition="*", region=self.region, account=self.account_id or "*", id="*"
        )

    def enabled_rules(self) -> tuple[str, ...]:
        """Names of the rules to deploy, sorted."""
        return tuple(sorted(name for name, rule in self.rules.items() if rule.enabled))

    def severity(self, rule_name: str) -> Severity:
        """Severity of one rule's violations: from these settings, else the rule's own."""
        chosen = self.rules[rule_name].severity
        return Severity(chosen) if chosen else rule_catalogue.load(rule_name).severity

    def input_parameters(self, rule_name: str) -> dict[str, str]:
        """One rule's parameters in the form of AWS Config: camel-case names, string values."""
        given = self.rules[rule_name].parameters
        return rule_catalogue.load(rule_name).Parameters.from_settings(given).to_input_parameters()

    def managed_rule_identifier(self, name: str) -> str:
        """The identifier of a managed rule in these settings."""
        # What has none is refused when settings are read.
        return managed_rules.identifier_of(self.managed_rules[name].identifier, name) or ""

    def remediations(self) -> dict[str, RemediationSettings]:
        """What mends violations, by the name of an enabled rule of any kind."""
        return {
            name: rule.remediation
            for rules in self._rule_groups().values()
            for name, rule in rules.items()
            if rule.enabled and rule.remediation is not None
        }

    def recording(self) -> Recording | None:
        """What a recorder of this environment's own records; None without one."""
        if not isinstance(self.recorder, RecorderCreate):
            return None
        return self.recorder.recording(types_to_record(self.judged()))

    def global_resource_types(self) -> tuple[Location, tuple[str, ...]]:
        """The global types of IAM that an own recorder records, and which setting says so."""
        recorder, recording = self.recorder, self.recording()
        unable = not records_global_resource_types(self.region)
        if not isinstance(recorder, RecorderCreate) or recording is None or unable:
            return (), ()
        return ("recorder", *_global_types_place(recorder)), recording.global_resource_types()
