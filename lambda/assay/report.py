"""The report's model: what one report says, from which every form of it is made.

`docs/schemas/report-1.json` is its JSON Schema. A further field of the same major version has a
default here, so that older reports stay readable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SCHEMA_VERSION = "1.2"

HealthKind = Literal[
    "never_reported",
    "silent",
    "failed",
    "unreadable",
    "recorder",
    "late",
    "waiver_expired",
    "waiver_expiring",
    "waiver_unused",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many resources have which verdict.

    Attributes:
        resources: All verdicts.
        compliant: Those that are compliant; the score's numerator.
        non_compliant: Violations, those that are waived left out.
        waived: Violations that a waiver covers.
        not_applicable: Those that the rule says nothing about.
        judged: Compliant and non-compliant ones together; the score's denominator.
        score: Percent of the judged that are compliant, with two decimals, None when there are
            none.
    """

    resources: int
    compliant: int
    non_compliant: int
    not_applicable: int
    score: float | None
    waived: int = 0
    judged: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class SeverityCounts(Counts):
    """The counts of all rules of one severity.

    Attributes:
        severity: The severity.
    """

    severity: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TrendPoint(Counts):
    """The counts of an earlier report.

    Attributes:
        generated_at: When it was made.
        silent_rules: Rules that had not reported in their time.
    """

    generated_at: str
    silent_rules: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What is different from the report before.

    A waived violation is none here, so it is resolved when its waiver begins and new when that
    ends.

    Attributes:
        compared_with: When the report before was made; None when there is none to compare with,
            and then nothing is new and nothing resolved.
        new: Violations that were none then.
        resolved: Violations of then that are none now.
        still_open: Violations then and now.
        no_longer_judged: Violations of then that are not judged any more, because their rule is
            switched off or nothing is known of the resource; they are not among the resolved.
    """

    compared_with: str | None = None
    new: int = 0
    resolved: int = 0
    still_open: int = 0
    no_longer_judged: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableResource:
    """A resource that a run could not read.

    Attributes:
        resource_id: The ARN.
        error_code: AWS's error code, or the exception's name.
    """

    resource_id: str
    error_code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunError:
    """What a run could not do.

    Attributes:
        step: Which part of the run.
        error_code: AWS's error code, or the exception's name.
        message: What was said.
    """

    step: str
    error_code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunReport:
    """What a sweep did.

    Attributes:
        rule_name: The rule.
        run_id: The request id of the invocation that began it.
        trigger: What invoked the evaluator.
        ordering_timestamp: The event's own time.
        started_at: When it started, by the clock.
        finished_at: When it had recorded everything, by the clock.
        segments: Invocations that it took.
        continued: Whether a further invocation did the rest.
        complete: Whether all was listed, recorded and told.
        resources: All resources that it looked at.
        compliant: Resources found compliant.
        non_compliant: Resources found non-compliant, waived or not.
        not_applicable: Resources found not applicable, vanished ones among them.
        transitions: Verdicts that changed, first ones among them.
        unreadable_count: Resources that could not be read and keep their last verdict.
        unreadable: Those resources.
        errors: What failed, the first 25 of it.
        alerted: Violations in the alert that was sent.
        resolved: Violations that are no more, in the same alert.
        api_calls: How often each operation was called, as `service:Operation`.
    """

    rule_name: str
    run_id: str
    trigger: str
    ordering_timestamp: str
    started_at: str
    finished_at: str
    resources: int
    compliant: int
    non_compliant: int
    not_applicable: int
    transitions: int
    unreadable: list[UnreadableResource]
    alerted: int
    complete: bool = True
    errors: list[RunError] = field(default_factory=list)
    resolved: int = 0
    api_calls: dict[str, int] = field(default_factory=dict)
    segments: int = 1
    continued: bool = False
    unreadable_count: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleReport(Counts):
    """What is known of one rule.

    Attributes:
        rule_name: The rule.
        requirement: What is required, in one sentence.
        severity: The severity of its violations here.
        rationale: Why it is required.
        remedy: How a violation is mended.
        resource_type: AWS Config's type of its resources.
        status: `reporting` when its latest complete sweep is young enough, `silent` when that is
            older than it may be, `never_reported` when there is none. None in reports that do not
            know.
        last_run: Its latest complete sweep.
        last_failure: Its latest sweep that failed, unless that was made good since.
    """

    rule_name: str
    requirement: str
    severity: str
    last_run: RunReport | None
    last_failure: RunReport | None = None
    rationale: str = ""
    remedy: str = ""
    resource_type: str = ""
    status: Literal["reporting", "silent", "never_reported"] | None = None

    @property
    def is_reporting(self) -> bool:
        """Whether it is known to have reported in its time."""
        return self.status == "reporting"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorder:
    """AWS Config's recorder, as it was when the report was made.

    Attributes:
        name: Its name.
        recording: Whether it records; None when AWS did not say.
        last_status: AWS's word on its last delivery: `Pending`, `Success`, `Failure` or
            `NotApplicable`; None when AWS did not say.
        error: AWS's error code, its own or that of asking for it.
    """

    name: str
    recording: bool | None
    last_status: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WaiverReport:
    """A waiver, and what it covers.

    Attributes:
        waiver_id: Names it in this report, and the same waiver in others.
        rule_name: The rule.
        resource: The pattern of ARNs, in which `*` and `?` stand for any characters and any one.
        owner: Who answers for it.
        reason: Why.
        expires: Its last day, as YYYY-MM-DD, in UTC.
        status: `expiring` in its last fourteen days.
        resources: Resources of the rule that the pattern matches.
        violations: Those of them that violate the rule.
    """

    waiver_id: str
    rule_name: str
    resource: str
    owner: str
    reason: str
    expires: str
    status: Literal["active", "expiring", "expired"]
    resources: int
    violations: int


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthProblem:
    """Something that makes a report less than the whole truth, or soon will.

    Attributes:
        kind: What it is.
        message: The same in a sentence, for people.
        rule_name: The rule that it concerns, None when it is none in particular.
    """

    kind: HealthKind
    message: str
    rule_name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceReport:
    """The latest verdict of a rule on a resource.

    Attributes:
        resource_id: The ARN.
        rule_name: The rule.
        resource_type: AWS Config's resource type.
        config_resource_id: AWS Config's own resource id.
        compliance_type: The verdict, `NON_COMPLIANT` for a waived violation too.
        annotation: The reason.
        severity: The severity of a violation.
        since: When the verdict became what it is.
        evaluated_at: When it was last found to be so.
        unreadable: AWS's error code when the last sweep could not look at it again.
        console_url: Its page in the AWS console; empty in reports that do not know.
        waived: Whether it is a violation that a waiver covers.
        waiver_id: The waiver that covers the violation, or that did until it expired.
        change: What is different from the report before, None when nothing is.
    """

    resource_id: str
    rule_name: str
    resource_type: str
    config_resource_id: str
    compliance_type: str
    annotation: str
    severity: str
    since: str
    evaluated_at: str
    unreadable: str | None = None
    console_url: str = ""
    waived: bool = False
    waiver_id: str | None = None
    change: Literal["new", "resolved"] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is a violation that no waiver covers."""
        return self.compliance_type == "NON_COMPLIANT" and not self.waived


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One report.

    Attributes:
        schema_version: The version of this model, as major.minor.
        generated_at: The schedule's time.
        account_id: The account.
        region: The region.
        environment_suffix: The deployment.
        history_table: The table that has every evaluation.
        summary: The counts of all rules.
        rules: The rules, sorted by name.
        resources: All verdicts, sorted by ARN and rule.
        partition: The partition.
        dashboard_url: The deployment's dashboard in CloudWatch, None when it has none.
        severities: The counts by severity, the most severe first, of those that rules have.
        changes: What is different from the report before.
        recorder: AWS Config's recorder, None without AWS Config.
        waivers: All waivers, sorted by rule and pattern.
        problems: The scanner's own health; nothing when all is well.
        trend: The counts of the reports before, the latest 90 of them, the oldest first.
    """

    schema_version: str
    generated_at: str
    account_id: str
    region: str
    environment_suffix: str
    history_table: str
    summary: Counts
    rules: list[RuleReport]
    resources: list[ResourceReport]
    partition: str = "aws"
    dashboard_url: str | None = None
    severities: list[SeverityCounts] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)
    recorder: Recorder | None = None
    waivers: list[WaiverReport] = field(default_factory=list)
    problems: list[HealthProblem] = field(default_factory=list)
    trend: list[TrendPoint] = field(default_factory=list)
