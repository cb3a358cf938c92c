"""The settings of one environment, and what each of them may be."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from assay import forms as form_catalogue
from assay import rules as rule_catalogue
from assay.rule import ParameterError, Severity
from assay.waivers import Waiver
from assay_constructs.schedule_expression import is_schedule_expression, longest_gap_minutes

Location: TypeAlias = tuple[str | int, ...]

# What CloudWatch Logs accepts as retention_in_days.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# How long a rule's parameters may be, as JSON.
# https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html
MAXIMUM_INPUT_PARAMETERS = 1024

# Errors that say more than which values are allowed; so does each one about something deeper.
_TELLING = ("problem", "union_tag_invalid", "union_tag_not_found")


@dataclass(frozen=True)
class Allowed:
    """Says in words what a setting may be, instead of pydantic's message for each way to miss it.

    Args:
        text: Completes "allowed: ...".
    """

    text: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Wrap the validation of the annotated type."""
        return core_schema.no_info_wrap_validator_function(self._check, handler(source))

    def _check(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            details = error.errors(include_url=False)
            if any(detail["loc"] or detail["type"] in _TELLING for detail in details):
                raise
            text_wanted = any(
                detail["type"] in ("string_type", "literal_error") for detail in details
            )
            raise PydanticCustomError(
                "allowed",
                "allowed: {text}",
                {"text": self.text, "text_wanted": text_wanted},
            ) from None


def _problem(location: Location, message: str) -> InitErrorDetails:
    error = PydanticCustomError("problem", "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=location, input=None)


def _raise(problems: list[InitErrorDetails]) -> None:
    """Raise all of a model's mistakes at once, each at its own place below the model."""
    if problems:
        raise ValidationError.from_exception_data("settings", problems)


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


def _words(maximum: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=maximum)


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
        _raise([_problem((operator,), message)])
    return value


Switch = Annotated[StrictBool, Allowed("true or false")]
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
ExecutionFrequency = Literal[
    "One_Hour", "Three_Hours", "Six_Hours", "Twelve_Hours", "TwentyFour_Hours"
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
ResourceType = Annotated[
    str,
    StringConstraints(pattern=r"^AWS::[A-Za-z0-9]+::[A-Za-z0-9:]+$"),
    Allowed("a resource type of AWS Config, such as AWS::S3::Bucket"),
]
RecorderName = Annotated[
    str, StringConstraints(min_length=1, max_length=256), Allowed("1 to 256 characters")
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


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class RecorderCreate(_Model):
    """A customer-managed recorder that this environment creates and owns.

    AWS allows one for each account and region, so exactly one environment there may create it.
    """

    mode: Literal["create"]
    name: RecorderName | None = Field(
        None, description="Name of the recorder; `assay-<environment_suffix>` when left out."
    )
    resource_types: (
        Annotated[
            list[ResourceType],
            Field(min_length=1),
            Allowed("a list of at least one resource type"),
        ]
        | None
    ) = Field(
        None,
        description="Resource types to record; the types that the enabled rules judge when left "
        "out. AWS bills each configuration item, so types are always named. The global types of "
        "IAM belong to one region's environment only.",
    )
    recording_frequency: Annotated[
        Literal["CONTINUOUS", "DAILY"], Allowed("CONTINUOUS or DAILY")
    ] = Field("CONTINUOUS", description="How often changes are recorded.")


class RecorderExisting(_Model):
    """A recorder that is there already and belongs to somebody else: nothing of it is managed."""

    mode: Literal["existing"]
    name: RecorderName = Field(description="Name of the recorder that records this account.")


class RecorderNone(_Model):
    """No AWS Config at all: the schedule alone drives the evaluators."""

    mode: Literal["none"]


Recorder = Annotated[
    RecorderCreate | RecorderExisting | RecorderNone,
    Field(discriminator="mode"),
    Allowed("a mapping with mode: create, existing or none"),
]


class Schedules(_Model):
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
    config_maximum_execution_frequency: (
        Annotated[ExecutionFrequency, Allowed(", ".join(get_args(ExecutionFrequency)))] | None
    ) = Field(
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
                problems.append(_problem((name,), message))
            elif gap_hours >= self.silence_hours:
                between = f"{gap_hours} hours" + (f" {odd_minutes} minutes" if odd_minutes else "")
                message = (
                    f"allowed: {gap_hours + 1} to {_MAXIMUM_SILENCE_HOURS}, for {name} "
                    f"{expression!r} can leave {between} between two runs; got {self.silence_hours}"
                )
                problems.append(_problem(("silence_hours",), message))
        _raise(problems)
        return self


_ENDPOINTS: Mapping[Protocol, tuple[str, str]] = {
    "email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
    "email-json": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
    "https": (r"https://\S+", "a URL that begins with https://"),
    "sqs": (r"arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:\S+", "the ARN of a queue"),
    "lambda": (r"arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:\S+", "the ARN of a function"),
    "sms": (r"\+[1-9][0-9]{1,14}", "a telephone number in E.164 form, such as '+4912345678'"),
}


class Subscription(_Model):
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
            problems.append(_problem(("endpoint",), message))
        if self.raw_message_delivery and self.protocol not in ("https", "sqs"):
            message = f"allowed for {self.protocol}: false; got true"
            problems.append(_problem(("raw_message_delivery",), message))
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
                    problems.append(_problem(location, message))
        _raise(problems)
        return self


class Alerts(_Model):
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
                problems.append(_problem(place, message))
            seen.add(key)
        _raise(problems)
        return self

    def subscribers(self) -> tuple[Subscription, ...]:
        """Everybody who is told: the e-mail addresses, then the other subscriptions."""
        emails = (Subscription(protocol="email", endpoint=address) for address in self.emails)
        return (*emails, *self.subscriptions)


class RuleSettings(_Model):
    """One rule, named by its key."""

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


class Reports(_Model):
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
            _problem(("forms", index), f"allowed: each form once; got {name!r} twice")
            for index, name in enumerate(self.forms)
            if name in self.forms[:index]
        ]
        if "json" not in self.forms:
            allowed = "a list with json, which is the record and what changes are read from"
            problems.append(_problem(("forms",), f"allowed: {allowed}; got {self.forms}"))
        _raise(problems)
        return self


class WaiverSettings(_Model):
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
    owner: Annotated[str, _words(128), Allowed("1 to 128 characters, not just spaces")] = Field(
        description="Who answers for it."
    )
    reason: Annotated[str, _words(512), Allowed("1 to 512 characters, not just spaces")] = Field(
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


class LocalBackend(_Model):
    """Terraform state in a file beside `cdktf.out`."""

    type: Literal["local"]


class S3Backend(_Model):
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


class Workspace(_Model):
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
            _raise([_problem((), f"allowed: exactly one of name and tags; got {came}")])
        return self


class CloudBackend(_Model):
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


def input_parameters_json(input_parameters: Mapping[str, str]) -> str:
    """A rule's parameters as the JSON object that AWS Config takes."""
    return json.dumps(dict(input_parameters), sort_keys=True, separators=(",", ":"))


def _rule_problems(rules: Any) -> Iterator[InitErrorDetails]:
    """What the rules themselves say about their names and parameters."""
    for name, rule in rules.items() if isinstance(rules, Mapping) else ():
        given = rule if isinstance(rule, Mapping) else {}
        parameters = given.get("parameters")
        try:
            kind = rule_catalogue.load(name).Parameters
            judged = kind.from_settings(parameters if isinstance(parameters, Mapping) else {})
            length = len(input_parameters_json(judged.to_input_parameters()))
            if length > MAXIMUM_INPUT_PARAMETERS and given.get("enabled", True):
                allowed = f"at most {MAXIMUM_INPUT_PARAMETERS} characters"
                message = f"allowed: {allowed} as AWS Config input parameters; got {length}"
                yield _problem((name, "parameters"), message)
        except rule_catalogue.UnknownRuleError as error:
            yield _problem((name,), str(error).removeprefix("rule: "))
        except ParameterError as error:
            for parameter, message in error.problems:
                yield _problem((name, "parameters", parameter), message)


Backend = Annotated[
    LocalBackend | S3Backend | CloudBackend,
    Field(discriminator="type"),
    Allowed("a mapping with type: local, s3 or cloud"),
]


class Settings(_Model):
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
                problems.append(_problem((), "allowed: at least one enabled rule; got none"))
        except ValidationError as error:
            # Names and parameters are judged all the same: all mistakes are told at once.
            problems += [
                InitErrorDetails(
                    type=PydanticCustomError(
                        detail["type"],
                        "{msg}",
                        {"msg": detail["msg"], **detail.get("ctx", {})},
                    ),
                    loc=detail["loc"],
                    input=detail["input"],
                )
                for detail in error.errors(include_url=False)
            ]
        _raise([*problems, *_rule_problems(given)])
        return rules

    @model_validator(mode="after")
    def _recorder_covers_rules(self) -> Self:
        if not isinstance(self.recorder, RecorderCreate) or self.recorder.resource_types is None:
            return self
        recorded = self.recorder.resource_types
        _raise(
            [
                _problem(
                    ("recorder", "create", "resource_types"),
                    f"allowed: a list with {needed}, which rule {name} judges; got {recorded}",
                )
                for name in self.enabled_rules()
                if (needed := rule_catalogue.load(name).resource_type) not in recorded
            ]
        )
        return self

    @model_validator(mode="after")
    def _waivers_can_apply(self) -> Self:
        enabled = self.enabled_rules()
        seen: set[tuple[str, str]] = set()
        problems = []
        for index, each in enumerate(self.waivers):
            if each.rule not in enabled:
                near = difflib.get_close_matches(each.rule, enabled, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                message = f"allowed: a rule that is enabled: {', '.join(enabled)}"
                message = f"{message}; got {each.rule!r}{hint}"
                problems.append(_problem(("waivers", index, "rule"), message))
            elif not _can_match(each.resource, known := self._arns(each.rule)):
                allowed = f"a pattern of ARNs that rule {each.rule} judges, which are like {known}"
                message = f"allowed: {allowed}; got {each.resource!r}"
                problems.append(_problem(("waivers", index, "resource"), message))
            if (each.rule, each.resource) in seen:
                message = "allowed: one waiver for each rule and resource; got a second"
                problems.append(_problem(("waivers", index), message))
            seen.add((each.rule, each.resource))
        _raise(problems)
        return self

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

    def recorded_resource_types(self) -> tuple[str, ...]:
        """Resource types that a recorder of this environment's own records, sorted."""
        if isinstance(self.recorder, RecorderCreate) and self.recorder.resource_types:
            return tuple(sorted(set(self.recorder.resource_types)))
        return tuple(
            sorted({rule_catalogue.load(name).resource_type for name in self.enabled_rules()})
        )
