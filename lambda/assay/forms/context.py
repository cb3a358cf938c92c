"""What the forms for machines say alike: names that last, and how far a verdict can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self
from uuid import UUID, uuid5

from assay.report import ResourceReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from assay.report import Report, RuleReport, WaiverReport

Status = Literal["passed", "failed", "not_applicable", "uncertain", "unknown"]

# For names in Assay's own namespace.
NAMESPACE = UUID("6f1dbb3c-54c5-4e0d-9d6a-0a2b5a5a7d11")

# Problems with which a rule may have no verdict, or an old one, where there should be one.
_GAPS = ("never_reported", "silent", "failed", "unreadable")

# AWS Config's word.
_NO_VERDICT = "INSUFFICIENT_DATA"

_UNREPORTED = {
    "silent": "The rule has not reported in its time.",
    "never_reported": "The rule has never completed a sweep.",
    None: "The report does not know whether the rule has reported in its time.",
}


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

    def verdicts(self) -> Iterator[ResourceReport]:
        """Yields all verdicts, and one of the account for each rule that left something out.

        Without those, whoever counts findings would take a rule that is silent for one that finds
        nothing.
        """
        report = self.report
        yield from report.resources
        gaps: dict[str, list[str]] = {}
        for problem in report.problems:
            if problem.kind in _GAPS and problem.rule_name is not None:
                gaps.setdefault(problem.rule_name, []).append(problem.message)
        for rule_name, messages in gaps.items():
            yield ResourceReport(
                resource_id=f"AWS::::Account:{report.account_id}",
                rule_name=rule_name,
                resource_type="AWS::::Account",
                config_resource_id=report.account_id,
                compliance_type=_NO_VERDICT,
                annotation=" ".join(messages),
                severity=self.rules[rule_name].severity,
                since=report.generated_at,
                evaluated_at=report.generated_at,
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
        if resource.compliance_type == _NO_VERDICT:
            return "unknown"
        reporting = self.rules[resource.rule_name].status == "reporting"
        return "passed" if reporting and resource.unreadable is None else "uncertain"

    def severity(self, resource: ResourceReport) -> str | None:
        """Returns the severity of a verdict, None when there is nothing to be done."""
        return resource.severity if self.status(resource) in {"failed", "unknown"} else None

    def reasons(self, resource: ResourceReport) -> dict[str, str]:
        """Returns what else must be known of a verdict, as sentences by code."""
        found = {}
        if resource.waiver_id is not None:
            waiver = self.waivers[resource.waiver_id]
            if resource.waived:
                found["WAIVED"] = (
                    f"Waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
                )
            else:
                found["WAIVER_EXPIRED"] = f"The waiver of {waiver.owner} ended on {waiver.expires}."
        if resource.unreadable is not None:
            found["UNREADABLE"] = (
                f"It could not be read again: {resource.unreadable}. "
                f"The verdict is that of {resource.evaluated_at}."
            )
        status = self.rules[resource.rule_name].status
        if status != "reporting":
            found["NOT_REPORTING"] = (
                f"{_UNREPORTED[status]} The verdict is that of {resource.evaluated_at}."
            )
        return found
