"""Making a report of what the state table keeps, without any call to AWS."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from assay.aws import DASHBOARD_PATH
from assay.report import (
    SCHEMA_VERSION,
    Changes,
    Counts,
    HealthProblem,
    Report,
    ResourceReport,
    RuleReport,
    RunError,
    RunReport,
    SeverityCounts,
    TrendPoint,
    UnreadableResource,
    WaiverReport,
)
from assay.rule import ComplianceType, Severity
from assay.run import GONE
from assay.score import score
from assay.summaries import digest
from assay.timestamps import read_timestamp, write_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from assay.aws import Aws
    from assay.report import HealthKind, Recorder
    from assay.rule import AnyRule
    from assay.run import RunSummary
    from assay.state import Verdict
    from assay.waivers import Waiver, Waivers

# The key under which waived violations are counted, beside the verdicts.
_WAIVED = "waived"


@dataclass(frozen=True)
class RuleState:
    """What the state table keeps of one rule.

    Attributes:
        rule: The rule.
        severity: The severity of its violations here.
        verdicts: The latest verdict on each resource, sorted by ARN; gone through once.
        last_run: Its latest complete sweep, None when it has never finished one.
        last_failure: Its latest sweep that failed, None when none has.
    """

    rule: type[AnyRule]
    severity: Severity
    verdicts: Iterable[Verdict]
    last_run: RunSummary | None
    last_failure: RunSummary | None


@dataclass(frozen=True, kw_only=True)
class Background:
    """What a report is made from, beside what is kept of the rules.

    Attributes:
        generated_at: The schedule's time.
        aws: The account and region.
        environment_suffix: The deployment's suffix.
        history_table: The history table's name.
        silence: How old a rule's latest complete sweep may be.
        dashboard_name: The dashboard in CloudWatch, None when there is none.
        waivers: The waivers.
        recorder: AWS Config's recorder, None without AWS Config.
        trend: The counts of the reports before, the oldest first.
        open_before: Digests of the open violations of the last of these, None when they are not
            known.
    """

    generated_at: datetime
    aws: Aws
    environment_suffix: str
    history_table: str
    silence: timedelta
    dashboard_name: str | None
    waivers: Waivers
    recorder: Recorder | None
    trend: Sequence[TrendPoint]
    open_before: Collection[int] | None


def make_report(background: Background, rules: Iterable[RuleState]) -> Report:
    """Makes a report, in an order that depends on nothing but what it says."""
    now, aws = background.generated_at, background.aws
    waivers = [_WaiverTally(waiver, waiver.status(now)) for waiver in background.waivers.all]
    total, by_severity = Counter[str](), dict[Severity, Counter[str]]()
    changed = Counter[str | None]()
    reports, resources = list[RuleReport](), list[ResourceReport]()
    for state in sorted(rules, key=lambda state: state.rule.name):
        tally = Counter[str]()
        for resource in _resources(background, state, waivers):
            resources.append(resource)
            tally[_WAIVED if resource.waived else resource.compliance_type] += 1
            changed[resource.change] += 1
        total.update(tally)
        by_severity.setdefault(state.severity, Counter()).update(tally)
        reports.append(_rule_report(background, state, tally))
    # Each rule's are sorted already, so that this is little more than merging.
    resources.sort(key=lambda resource: (resource.resource_id, resource.rule_name))
    covered = [tally.report() for tally in waivers]
    return Report(
        schema_version=SCHEMA_VERSION,
        generated_at=write_timestamp(now),
        account_id=aws.account_id,
        region=aws.region,
        partition=aws.partition,
        environment_suffix=background.environment_suffix,
        history_table=background.history_table,
        dashboard_url=(
            aws.console_url(DASHBOARD_PATH, background.dashboard_name)
            if background.dashboard_name
            else None
        ),
        summary=Counts(**_counted(total)),
        severities=[
            SeverityCounts(severity=severity.value, **_counted(by_severity[severity]))
            for severity in reversed(Severity)
            if severity in by_severity
        ],
        changes=_changes(background, changed, total[ComplianceType.NON_COMPLIANT]),
        rules=reports,
        resources=resources,
        recorder=background.recorder,
        waivers=covered,
        problems=[
            *_late_problems(now, reports),
            *_recorder_problems(background.recorder),
            *(problem for report in reports for problem in _rule_problems(report)),
            *_waiver_problems(covered),
        ],
        trend=list(background.trend),
    )


def counts(
    *, compliant: int, non_compliant: int, waived: int, not_applicable: int
) -> dict[str, Any]:
    """Returns all fields of `Counts`.

    Args:
        compliant: How many resources are compliant.
        non_compliant: How many violate a rule and are not waived.
        waived: How many violate a rule and are.
        not_applicable: How many a rule says nothing about.
    """
    judged = compliant + non_compliant
    return {
        "resources": judged + waived + not_applicable,
        "compliant": compliant,
        "non_compliant": non_compliant,
        "waived": waived,
        "not_applicable": not_applicable,
        "judged": judged,
        "score": score(compliant=compliant, non_compliant=non_compliant),
    }


def trend_point(report: Report) -> TrendPoint:
    """Returns what the trend of later reports says of a report."""
    return TrendPoint(
        generated_at=report.generated_at,
        silent_rules=sum(not rule.is_reporting for rule in report.rules),
        **{each.name: getattr(report.summary, each.name) for each in fields(Counts)},
    )


def open_violations(report: Report) -> list[int]:
    """Returns the digests of the open violations, for the next report to compare with."""
    return [
        _digest(resource.rule_name, resource.resource_id)
        for resource in report.resources
        if resource.is_open
    ]


@dataclass
class _WaiverTally:
    """A waiver, and what it has met so far."""

    waiver: Waiver
    status: Literal["active", "expiring", "expired"]
    resources: int = 0
    violations: int = 0

    def report(self) -> WaiverReport:
        return WaiverReport(
            waiver_id=self.waiver.waiver_id,
            rule_name=self.waiver.rule_name,
            resource=self.waiver.resource,
            owner=self.waiver.owner,
            reason=self.waiver.reason,
            expires=self.waiver.expires.isoformat(),
            status=self.status,
            resources=self.resources,
            violations=self.violations,
        )


def _counted(tally: Counter[str]) -> dict[str, Any]:
    return counts(
        compliant=tally[ComplianceType.COMPLIANT],
        non_compliant=tally[ComplianceType.NON_COMPLIANT],
        waived=tally[_WAIVED],
        not_applicable=tally[ComplianceType.NOT_APPLICABLE],
    )


def _resources(
    background: Background, state: RuleState, waivers: Iterable[_WaiverTally]
) -> Iterator[ResourceReport]:
    rule, open_before = state.rule, background.open_before
    own = [tally for tally in waivers if tally.waiver.rule_name == rule.name]
    swept_at, unreadable = "", dict[str, str]()
    if state.last_run is not None:
        swept_at = state.last_run["ordering_timestamp"]
        unreadable = {
            resource["resource_id"]: resource["error_code"]
            for resource in state.last_run["unreadable"]
        }
    for verdict in state.verdicts:
        resource_id = verdict.resource_id
        waiver, waived = _waiver(background, verdict, own) if own else (None, False)
        change = None
        if open_before is not None:
            was_open = _digest(rule.name, resource_id) in open_before
            is_open = verdict.is_violation and not waived
            change = _CHANGES[was_open, is_open]
        # A sweep writes only what changed, so what it left alone is as fresh as the sweep,
        # except for what the sweep could not read.
        seen_at = "" if resource_id in unreadable else swept_at
        yield ResourceReport(
            resource_id=resource_id,
            rule_name=verdict.rule_name,
            resource_type=verdict.resource_type,
            config_resource_id=verdict.config_resource_id,
            compliance_type=verdict.compliance_type,
            annotation=verdict.annotation,
            # Settings may have changed since the verdict was written.
            severity=state.severity.value,
            since=verdict.since,
            evaluated_at=max(verdict.ordering_timestamp, seen_at),
            # The verdict is an old one, then, which the last sweep could not look at again.
            unreadable=(
                unreadable.get(resource_id) if verdict.ordering_timestamp < swept_at else None
            ),
            console_url=rule.console_url(background.aws, resource_id),
            waived=waived,
            waiver_id=waiver.waiver_id if waiver else None,
            change=change,
        )


def _digest(rule_name: str, resource_id: str) -> int:
    return digest(f"{rule_name}#{resource_id}")


# By whether it was open then, and is now.
_CHANGES: dict[tuple[bool, bool], Literal["new", "resolved"] | None] = {
    (False, False): None,
    (False, True): "new",
    (True, False): "resolved",
    (True, True): None,
}


def _waiver(
    background: Background, verdict: Verdict, own: Iterable[_WaiverTally]
) -> tuple[Waiver | None, bool]:
    """Counts a resource with its waivers, and returns that of a violation and whether it holds."""
    name, resource_id = verdict.rule_name, verdict.resource_id
    matching = [tally for tally in own if tally.waiver.matches(resource_id)]
    if verdict.annotation != GONE:
        for tally in matching:
            tally.resources += 1
    if not matching or not verdict.is_violation:
        return None, False
    waiver = background.waivers.find(name, resource_id)
    for tally in matching:
        tally.violations += tally.waiver == waiver
    return waiver, background.waivers.cover(name, resource_id, background.generated_at)


def _rule_report(background: Background, state: RuleState, tally: Counter[str]) -> RuleReport:
    rule, last_run = state.rule, state.last_run
    status: Literal["reporting", "silent", "never_reported"] = "never_reported"
    if last_run is not None:
        age = background.generated_at - read_timestamp(last_run["ordering_timestamp"])
        status = "silent" if age > background.silence else "reporting"
    return RuleReport(
        rule_name=rule.name,
        requirement=rule.requirement,
        rationale=rule.rationale,
        remedy=rule.remedy,
        resource_type=rule.resource_type,
        severity=state.severity.value,
        status=status,
        last_run=_run_report(last_run),
        last_failure=_run_report(_unrepaired(state)),
        **_counted(tally),
    )


def _unrepaired(state: RuleState) -> RunSummary | None:
    """Returns the sweep that failed, unless it has been repeated or followed by a complete one."""
    failure, last = state.last_failure, state.last_run
    if failure and last and last["ordering_timestamp"] >= failure["ordering_timestamp"]:
        return None
    return failure


def _run_report(summary: RunSummary | None) -> RunReport | None:
    if summary is None:
        return None
    values: dict[str, Any] = {
        **summary,
        "unreadable": [UnreadableResource(**resource) for resource in summary["unreadable"]],
        "errors": [RunError(**error) for error in summary["errors"]],
    }
    return RunReport(**values)


def _changes(background: Background, changed: Counter[str | None], violations: int) -> Changes:
    if background.open_before is None:
        return Changes()
    still_open = violations - changed["new"]
    return Changes(
        compared_with=background.trend[-1].generated_at,
        new=changed["new"],
        resolved=changed["resolved"],
        still_open=still_open,
        no_longer_judged=len(background.open_before) - changed["resolved"] - still_open,
    )


def _late_problems(now: datetime, rules: Iterable[RuleReport]) -> Iterator[HealthProblem]:
    """Tells that a report knows more than it could have known at its time."""
    newest = max((rule.last_run.ordering_timestamp for rule in rules if rule.last_run), default="")
    if newest > write_timestamp(now):
        message = f"It was made late and tells of a sweep of {newest}, after its own time."
        yield HealthProblem(kind="late", message=message)


def _recorder_problems(recorder: Recorder | None) -> Iterator[HealthProblem]:
    if recorder is None:
        return
    name = f"AWS Config's recorder {recorder.name}"
    codes = [recorder.error] if recorder.error else []
    if recorder.recording is None:
        message = f"AWS Config did not say whether its recorder {recorder.name} records"
        yield HealthProblem(kind="recorder", message=_because(message, codes))
    elif not recorder.recording:
        yield HealthProblem(kind="recorder", message=f"{name} does not record.")
    # The API's reference writes `Failure`, and its answers may have capitals only.
    elif (recorder.last_status or "").casefold() == "failure":
        message = f"{name} failed at its last delivery"
        yield HealthProblem(kind="recorder", message=_because(message, codes))


def _rule_problems(rule: RuleReport) -> Iterator[HealthProblem]:
    name, last_run, failure = rule.rule_name, rule.last_run, rule.last_failure
    if last_run is None:
        message = "No sweep has ever been completed."
        yield HealthProblem(kind="never_reported", rule_name=name, message=message)
    elif rule.status == "silent":
        message = f"No sweep has been completed since {last_run.ordering_timestamp}."
        yield HealthProblem(kind="silent", rule_name=name, message=message)
    if failure is not None:
        message = f"The sweep of {failure.ordering_timestamp} failed"
        message = _because(message, [error.error_code for error in failure.errors])
        yield HealthProblem(kind="failed", rule_name=name, message=message)
    if last_run is not None and last_run.unreadable_count:
        count = last_run.unreadable_count
        message = f"{count:,} resource{'s' if count > 1 else ''} could not be read"
        message = _because(message, [each.error_code for each in last_run.unreadable])
        yield HealthProblem(kind="unreadable", rule_name=name, message=message)


def _because(message: str, codes: Iterable[str]) -> str:
    """Ends a sentence with the error codes, each once, or without any."""
    named = ", ".join(sorted(set(codes)))
    return f"{message}: {named}." if named else f"{message}."


def _waiver_problems(waivers: Sequence[WaiverReport]) -> Iterator[HealthProblem]:
    for waiver in waivers:
        if waiver.status == "expired" and waiver.violations:
            whose = f"The waiver of {waiver.owner} for {waiver.resource}"
            yield _waiver_problem(waiver, "waiver_expired", f"{whose} ended on {waiver.expires}.")
    for waiver in waivers:
        if waiver.status == "expiring":
            whose = f"The waiver of {waiver.owner} for {waiver.resource}"
            yield _waiver_problem(waiver, "waiver_expiring", f"{whose} ends on {waiver.expires}.")
    for waiver in waivers:
        if not waiver.resources:
            message = f"The waiver for {waiver.resource} matches no resource."
            yield _waiver_problem(waiver, "waiver_unused", message)


def _waiver_problem(waiver: WaiverReport, kind: HealthKind, message: str) -> HealthProblem:
    return HealthProblem(kind=kind, rule_name=waiver.rule_name, message=message)
