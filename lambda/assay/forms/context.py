"""What the forms say alike: names that last, words, and how far a verdict can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self
from uuid import UUID, uuid5

from assay.report import ResourceReport, RuleReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from assay.report import Report, WaiverReport

Status = Literal["passed", "failed", "not_applicable", "uncertain", "unknown"]

# What people read of a verdict in all forms; what wants attention comes first.
WORDS = {
    "failed": "violation",
    "waived": "waived",
    "unknown": "not known",
    "uncertain": "compliant (not confirmed)",
    "passed": "compliant",
    "not_applicable": "not applicable",
}

# Stands for AWS Config's recorder where a rule is named: the kind of its problems.
RECORDER = "recorder"

# For names in Assay's own namespace.
NAMESPACE = UUID("6f1dbb3c-54c5-4e0d-9d6a-0a2b5a5a7d11")

# Problems with which there may be no verdict, or an old one, where there should be one.
_GAPS = ("never_reported", "silent", "failed", "unreadable", RECORDER)

# AWS Config's word.
_NO_VERDICT = "INSUFFICIENT_DATA"

_UNREPORTED = {
    "silent": "The rule has not reported in its time.",
    "never_reported": "The rule has never completed a sweep.",
    None: "The report does not know whether the rule has reported in its time.",
}


def rule_words(rule: RuleReport) -> str:
    """Returns in words whether a rule reports."""
    return (rule.status or WORDS["unknown"]).replace("_", " ")


@dataclass(frozen=True)
class Context:
    """A report, with what is looked up in it for each resource.

    Attributes:
        report: The report.
        rules: Its rules by name.
        waivers: Its waivers by id.
    """

    report: Report
    rules: Mapping[str, RuleReport]
    waivers: Mapping[str, WaiverReport]

    @classmethod
    def of(cls, report: Report) -> Self:
        """Makes the context of a report."""
        return cls(
            report=report,
            rules={rule.rule_name: rule for rule in report.rules},
            waivers={waiver.waiver_id: waiver for waiver in report.waivers},
        )

    def stable_id(self, *names: object) -> str:
        """Returns a UUID that is the same in every report of the deployment."""
        report = self.report
        scope = (report.partition, report.account_id, report.region, report.environment_suffix)
        return str(uuid5(NAMESPACE, "\n".join(map(str, (*scope, *names)))))

    def rule(self, rule_name: str) -> RuleReport:
        """Returns a rule; of one that the report does not list nothing is known but its name."""
        return self.rules.get(rule_name) or RuleReport(
            rule_name=rule_name,
            requirement=(
                "AWS Config's recorder records and delivers."
                if rule_name == RECORDER
                else f"What {rule_name} requires is not in the report."
            ),
            severity="medium",
            last_run=None,
            resources=0,
            compliant=0,
            non_compliant=0,
            not_applicable=0,
            score=None,
        )

    def waiver(self, resource: ResourceReport) -> WaiverReport | None:
        """Returns the waiver that a verdict names, None when the report does not list it."""
        return self.waivers.get(resource.waiver_id or "")

    def verdicts(self) -> Iterator[ResourceReport]:
        """Yields all verdicts, and then one for everything that has none.

        Without those, whoever counts findings would take a rule that is silent for one that finds
        nothing.
        """
        yield from self.report.resources
        yield from self.never_read()
        for rule_name, messages in self.gaps().items():
            yield self.of_account(rule_name, messages)

    def never_read(self) -> Iterator[ResourceReport]:
        """Yields a verdict for each resource that has none, because it could not be read."""
        missing = {
            (rule.rule_name, each.resource_id): (rule, rule.last_run, each)
            for rule in self.report.rules
            if rule.last_run is not None
            for each in rule.last_run.unreadable
        }
        for resource in self.report.resources:
            missing.pop((resource.rule_name, resource.resource_id), None)
        for rule, run, each in missing.values():
            yield ResourceReport(
                resource_id=each.resource_id,
                rule_name=rule.rule_name,
                resource_type=rule.resource_type,
                config_resource_id=each.resource_id,
                compliance_type=_NO_VERDICT,
                annotation=f"There is no verdict, because it could not be read: {each.error_code}.",
                severity=rule.severity,
                since=run.ordering_timestamp,
                evaluated_at=run.ordering_timestamp,
                unreadable=each.error_code,
            )

    def gaps(self) -> Mapping[str, list[str]]:
        """Returns what each rule, or the recorder, left out, in sentences."""
        gaps: dict[str, list[str]] = {}
        for problem in self.report.problems:
            if problem.kind in _GAPS:
                gaps.setdefault(problem.rule_name or problem.kind, []).append(problem.message)
        return gaps

    def of_account(self, rule_name: str, messages: Iterable[str]) -> ResourceReport:
        """Makes the verdict that a rule, or the recorder, has no verdict on a part of the account.

        Args:
            rule_name: The rule, or `RECORDER`.
            messages: What it left out, as `gaps` has it; without any, that is resolved.
        """
        report = self.report
        annotation = " ".join(messages)
        return ResourceReport(
            resource_id=f"AWS::::Account:{report.account_id}",
            rule_name=rule_name,
            resource_type="AWS::::Account",
            config_resource_id=report.account_id,
            compliance_type=_NO_VERDICT if annotation else "NOT_APPLICABLE",
            annotation=annotation or "Nothing is known to be left out.",
            severity=self.rule(rule_name).severity,
            since=report.generated_at,
            evaluated_at=report.generated_at,
            change=None if annotation else "resolved",
        )

    def finding_id(self, resource: ResourceReport) -> str:
        """Returns the id of the finding that a verdict is."""
        return self.stable_id("finding", resource.rule_name, resource.resource_id)

    def status(self, resource: ResourceReport) -> Status:
        """Tells what a verdict says, with `uncertain` where `passed` would say too much."""
        if resource.compliance_type == "NON_COMPLIANT":
            return "failed"
        if resource.compliance_type == "NOT_APPLICABLE":
            return "not_applicable"
        if resource.compliance_type != "COMPLIANT":
            return "unknown"
        reporting = self.rule(resource.rule_name).is_reporting
        return "passed" if reporting and resource.unreadable is None else "uncertain"

    def words(self, resource: ResourceReport) -> str:
        """Returns the status in words, which tell waived violations from others."""
        return WORDS["waived" if resource.waived else self.status(resource)]

    def severity(self, resource: ResourceReport) -> str | None:
        """Returns the severity of a verdict, None when there is nothing to be done."""
        return resource.severity if self.status(resource) in {"failed", "unknown"} else None

    def reasons(self, resource: ResourceReport) -> dict[str, str]:
        """Returns what else must be known of a verdict, as sentences by code."""
        found = {}
        waiver = self.waiver(resource)
        if resource.waived:
            found["WAIVED"] = (
                f"Waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
                if waiver
                else "Waived; the report does not say by whom."
            )
        elif waiver:
            found["WAIVER_EXPIRED"] = f"The waiver of {waiver.owner} ended on {waiver.expires}."
        again, dated = " again", f" The verdict is that of {resource.evaluated_at}."
        if self.status(resource) == "unknown":
            again = dated = ""
        if resource.unreadable is not None:
            found["UNREADABLE"] = f"It could not be read{again}: {resource.unreadable}.{dated}"
        rule = self.rule(resource.rule_name)
        if not rule.is_reporting and resource.rule_name != RECORDER:
            found["NOT_REPORTING"] = f"{_UNREPORTED[rule.status]}{dated}"
        return found
