"""The settings of one environment, and how they are read from ``environments/*.yaml``."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from assay import rules as rule_catalogue
from assay.rule import ParameterError, Severity

MessageAttribute = Literal["rule_name", "severity", "account_id", "region"]

# What CloudWatch Logs accepts as retention_in_days.
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def _schedule_expression(value: str) -> str:
    rate = re.fullmatch(r"rate\(([1-9]\d*) (minutes?|hours?|days?)\)", value)
    if rate and (rate[1] == "1") != rate[2].endswith("s"):
        return value
    cron = re.fullmatch(r"cron\((\S+(?: \S+){5})\)", value)
    if cron:
        _, _, day_of_month, _, day_of_week, _ = cron[1].split(" ")
        if (day_of_month == "?") != (day_of_week == "?"):
            return value
    message = (
        "allowed: cron(minutes hours day-of-month month day-of-week year) with '?' as exactly one "
        "of the two days, rate(1 hour), or rate(N minutes|hours|days) with N above 1"
    )
    raise PydanticCustomError("schedule_expression", message)


def _log_retention(value: int) -> int:
    if value not in LOG_RETENTION_DAYS:
        allowed = ", ".join(map(str, LOG_RETENTION_DAYS))
        raise PydanticCustomError(
            "log_retention", "allowed by CloudWatch Logs: {allowed}", {"allowed": allowed}
        )
    return value


def _tag_key(value: str) -> str:
    if value.startswith("aws:"):
        raise PydanticCustomError("tag_key", "allowed: keys that do not begin with aws:")
    return value


TagKey = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_tag_key)]
ScheduleExpression = Annotated[str, AfterValidator(_schedule_expression)]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
EmailAddress = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Suffix = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=20)
]
ResourceType = Annotated[str, StringConstraints(pattern=r"^AWS::[A-Za-z0-9]+::[A-Za-z0-9:]+$")]
RecorderName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Days = Annotated[int, Field(strict=True, ge=1, le=36500)]


def _raise(problems: list[tuple[str, str]]) -> None:
    """Raise one pydantic error that carries several mistakes; ``environments`` takes it apart."""
    if problems:
        text = "; ".join(f"{field}: {message}" if field else message for field, message in problems)
        raise PydanticCustomError("several", "{text}", {"text": text, "problems": problems})


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RecorderCreate(_Model):
    """A customer-managed recorder that this environment creates and owns.

    AWS allows one for each account and region, so exactly one environment there may create it.
    """

    mode: Literal["create"]
    name: RecorderName | None = Field(
        None, description="Name of the recorder; `assay-<environment_suffix>` when left out."
    )
    resource_types: Annotated[list[ResourceType], Field(min_length=1)] | None = Field(
        None,
        description="Resource types to record; the types that the enabled rules judge when left "
        "out. AWS bills each configuration item, so types are always named.",
    )
    recording_frequency: Literal["CONTINUOUS", "DAILY"] = Field(
        "CONTINUOUS", description="How often changes are recorded."
    )


class RecorderExisting(_Model):
    """A recorder that is there already and belongs to somebody else: nothing of it is managed."""

    mode: Literal["existing"]
    name: RecorderName = Field(description="Name of the recorder that records this account.")


class RecorderNone(_Model):
    """No AWS Config at all: the schedule alone drives the evaluators."""

    mode: Literal["none"]


Recorder = Annotated[RecorderCreate | RecorderExisting | RecorderNone, Field(discriminator="mode")]


class Schedules(_Model):
    """When evaluators sweep over all resources and when the report is built (UTC)."""

    evaluation: ScheduleExpression = Field(
        "cron(0 */6 * * ? *)", description="EventBridge schedule of the sweeps."
    )
    report: ScheduleExpression = Field(
        "cron(20 */6 * * ? *)",
        description="EventBridge schedule of the report; leave the sweeps time to finish.",
    )
    silence_hours: Annotated[int, Field(strict=True, ge=1, le=168)] = Field(
        13,
        description="Hours without a scheduled run after which an alarm goes off; longer than "
        "the time between two runs.",
    )
    config_maximum_execution_frequency: (
        Literal["One_Hour", "Three_Hours", "Six_Hours", "Twelve_Hours", "TwentyFour_Hours"] | None
    ) = Field(
        None,
        description="Also lets AWS Config trigger each rule periodically. AWS bills every "
        "evaluation that goes to Config, so sweeps normally come from EventBridge.",
    )


class Subscription(_Model):
    """A subscriber of the alert topic, in the terms of Terraform's `aws_sns_topic_subscription`."""

    protocol: Literal["email", "email-json", "https", "sqs", "lambda", "sms"] = Field(
        description="How alerts are delivered. Plain http is not offered: the topic refuses it."
    )
    endpoint: str = Field(
        description="An e-mail address, an https:// URL, the ARN of a queue or function, or an "
        "E.164 telephone number, as the protocol demands."
    )
    filter_policy: dict[str, list[Any]] | None = Field(
        None,
        description="Lets through only alerts whose message attributes match; the attributes are "
        "`rule_name`, `severity`, `account_id` and `region`. CloudWatch alarms carry none, so a "
        "filtered subscriber does not get them.",
    )
    raw_message_delivery: StrictBool = Field(
        False, description="Delivers the bare message (https and sqs only)."
    )

    @model_validator(mode="after")
    def _fits_protocol(self) -> Self:
        patterns = {
            "email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
            "email-json": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
            "https": (r"https://\S+", "a URL that begins with https://"),
            "sqs": (r"arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:\S+", "the ARN of an SQS queue"),
            "lambda": (r"arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:\S+", "a function's ARN"),
            "sms": (r"\+[1-9]\d{1,14}", "a telephone number in E.164 form, such as +4912345678"),
        }
        pattern, allowed = patterns[self.protocol]
        problems = []
        if not re.fullmatch(pattern, self.endpoint):
            problems.append(("endpoint", f"allowed: {allowed}; got {self.endpoint!r}"))
        if self.raw_message_delivery and self.protocol not in ("https", "sqs"):
            problems.append(
                ("raw_message_delivery", f"allowed: true for https and sqs; got {self.protocol}")
            )
        attributes = MessageAttribute.__args__  # type: ignore[attr-defined]
        problems += [
            (f"filter_policy.{key}", f"allowed: {', '.join(attributes)}; got {key!r}")
            for key in self.filter_policy or {}
            if key not in attributes
        ]
        _raise(problems)
        return self


class Alerts(_Model):
    """Who is told when something gets worse."""

    emails: list[EmailAddress] = Field(
        [], description="Addresses that get every alert; each must confirm once."
    )
    subscriptions: list[Subscription] = Field([], description="Subscribers of other kinds.")

    @model_validator(mode="after")
    def _no_subscriber_twice(self) -> Self:
        seen: set[tuple[str, str]] = set()
        problems = []
        for subscriber in self.subscribers():
            key = (subscriber.protocol, subscriber.endpoint)
            if key in seen:
                problems.append(("", f"allowed: each subscriber once; got {key} twice"))
            seen.add(key)
        _raise(problems)
        return self

    def subscribers(self) -> tuple[Subscription, ...]:
        """Everybody who is told: the e-mail addresses, then the other subscriptions."""
        emails = (Subscription(protocol="email", endpoint=address) for address in self.emails)
        return (*emails, *self.subscriptions)


class RuleSettings(_Model):
    """One rule, named by its key."""

    enabled: StrictBool = Field(True, description="Whether the rule is deployed.")
    severity: Literal["low", "medium", "high", "critical"] | None = Field(
        None, description="Severity of a violation; the rule's own when left out."
    )
    parameters: dict[str, Any] = Field(
        {}, description="The rule's parameters, see `docs/rules.md`."
    )


class LocalBackend(_Model):
    """Terraform state in a file beside `cdktf.out`."""

    type: Literal["local"]


class S3Backend(_Model):
    """Terraform state in an S3 bucket, locked by S3 itself (`use_lockfile`)."""

    type: Literal["s3"]
    bucket: Annotated[str, StringConstraints(min_length=3, max_length=63)] = Field(
        description="Bucket that holds the state."
    )
    region: Region = Field(description="Region of that bucket.")
    key_prefix: str = Field("assay", description="State lies at `<key_prefix>/<stack>.tfstate`.")
    kms_key_id: str | None = Field(None, description="KMS key that encrypts the state.")


class Workspace(_Model):
    """A Terraform Cloud workspace, by name or by tags: exactly one of the two."""

    name: (
        Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_-]|\{suffix\}){1,90}$")] | None
    ) = Field(
        None,
        description="Name of the workspace; `{suffix}` in it stands for the environment suffix.",
    )
    tags: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="Tags that select the workspaces."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.name is None) == (self.tags is None):
            raise PydanticCustomError("workspace", "allowed: exactly one of name and tags")
        return self


class CloudBackend(_Model):
    """Terraform state and runs in a Terraform Cloud (HCP Terraform) workspace."""

    type: Literal["cloud"]
    organization: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="Terraform Cloud organization."
    )
    workspace: Workspace = Field(description="Which workspace of the organization.")
    hostname: str = Field("app.terraform.io", description="Host of Terraform Cloud or Enterprise.")


Backend = Annotated[LocalBackend | S3Backend | CloudBackend, Field(discriminator="type")]


class Settings(_Model):
    """Everything that one environment's stack is made from."""

    environment_suffix: Suffix = Field(
        description="Ends every resource name; lower-case letters, digits and hyphens. The "
        "variable `ENVIRONMENT_SUFFIX` overrides it, for a copy beside the original."
    )
    region: Region = Field(description="AWS region.")
    account_id: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] | None = Field(
        None,
        description="The only AWS account that Terraform may deploy to, in quotes. Any account "
        "when left out.",
    )
    tags: Annotated[
        dict[
            TagKey,
            Annotated[str, StringConstraints(max_length=256)],
        ],
        Field(max_length=50),
    ] = Field({}, description="Tags of every resource.")
    recorder: Recorder = Field(description="Who owns the AWS Config recorder.")
    schedules: Schedules = Field(Schedules(), description="Schedules.")
    alerts: Alerts = Field(Alerts(), description="Alerts.")
    rules: Annotated[dict[str, RuleSettings], Field(min_length=1)] = Field(
        description="Rules by name; a rule that is not named is off."
    )
    history_retention_days: Days = Field(
        365, description="Days that evaluations stay in the history table."
    )
    log_retention_days: Annotated[int, Field(strict=True), AfterValidator(_log_retention)] = Field(
        365, description="Days that function logs are kept, out of those CloudWatch Logs offers."
    )
    object_retention_days: Days | None = Field(
        730,
        description="Days that Config snapshots and reports are kept; with `null` the buckets get "
        "no lifecycle rules and keep everything.",
    )
    retain_data: StrictBool = Field(
        True,
        description="Data survives: Terraform refuses any plan that would destroy tables, buckets "
        "or the KMS key, and the tables have deletion protection.",
    )
    customer_managed_key: StrictBool = Field(
        False, description="Encrypts everything with a KMS key of this environment's own."
    )
    provider_version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")] | None = Field(
        None,
        description="Exact release of the Terraform AWS provider; the one that the CDKTF bindings "
        "were made from when left out.",
    )
    embedded_aws: StrictBool = Field(
        False,
        description="Deploys to an embedded AWS (moto) at `AWS_ENDPOINT_URL`: path-style S3, no "
        "check of credentials, PutEvaluations in test mode.",
    )
    backend: Backend = Field(
        LocalBackend(type="local"), description="Where Terraform keeps its state."
    )

    @field_validator("rules", mode="after")
    @classmethod
    def _known_rules(cls, value: dict[str, RuleSettings]) -> dict[str, RuleSettings]:
        problems: list[tuple[str, str]] = []
        for name, rule in value.items():
            try:
                rule_catalogue.load(name).Parameters.from_settings(rule.parameters)
            except rule_catalogue.UnknownRuleError as error:
                problems.append((name, str(error)))
            except ParameterError as error:
                problems += [(f"{name}.parameters.{key}", text) for key, text in error.problems]
        if not any(rule.enabled for rule in value.values()):
            problems.append(("", "allowed: at least one enabled rule; got none"))
        _raise(problems)
        return value

    @model_validator(mode="after")
    def _recorder_covers_rules(self) -> Self:
        if not isinstance(self.recorder, RecorderCreate) or self.recorder.resource_types is None:
            return self
        recorded = self.recorder.resource_types
        _raise(
            [
                (
                    "recorder.resource_types",
                    f"allowed: a list with {needed}, which rule {name} judges; got {recorded}",
                )
                for name in self.enabled_rules()
                if (needed := rule_catalogue.load(name).resource_type) not in recorded
            ]
        )
        return self

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
