"""What changed from one report to another."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from assay.report import Report, ResourceReport, RuleReport
from assay_cli.severities import by_severity

_Change: TypeAlias = Literal["new", "waiver_ended", "still_open", "resolved", "waived", "changed"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What changed. Resources are as they are after it, the most severe first.

    Attributes:
        before: the report to compare with.
        after: the other one.
        new: open violations that were none, waived or not.
        waiver_ended: open violations that were waived.
        resolved: violations that were open and are none. Those that are not there any more are as
            they were before.
        waived: waived violations that were not waived, or none.
        changed: other verdicts that are different.
        still_open: how many violations were open and are.
        silent: rules that report no more in their time, or have yet to report.
        reporting_again: rules that do again.
        dropped: rules that are not in the report any more, as they were before. Their violations
            are not resolved: nobody looks.
    """

    before: Report
    after: Report
    new: list[ResourceReport]
    waiver_ended: list[ResourceReport]
    resolved: list[ResourceReport]
    waived: list[ResourceReport]
    changed: list[ResourceReport]
    still_open: int
    silent: list[RuleReport]
    reporting_again: list[RuleReport]
    dropped: list[RuleReport]

    @property
    def newly_open(self) -> list[ResourceReport]:
        """Violations that count now and did not."""
        return [*self.new, *self.waiver_ended]


def compare(before: Report, after: Report) -> Difference:
    """Return what changed."""
    was = {(each.rule_name, each.resource_id): each for each in before.resources}
    found: dict[_Change, list[ResourceReport]] = {change: [] for change in get_args(_Change)}
    for resource in after.resources:
        old = was.pop((resource.rule_name, resource.resource_id), None)
        change = _change(old, resource)
        if change is not None:
            found[change].append(resource)
    rules_before = {rule.rule_name: rule for rule in before.rules}
    rules_after = {rule.rule_name: rule for rule in after.rules}
    found["resolved"] += [
        old for old in was.values() if old.is_open and old.rule_name in rules_after
    ]
    silent_before = {rule.rule_name for rule in silent_rules(before)}
    silent_after = {rule.rule_name: rule for rule in silent_rules(after)}
    return Difference(
        before=before,
        after=after,
        new=by_severity(found["new"]),
        waiver_ended=by_severity(found["waiver_ended"]),
        resolved=by_severity(found["resolved"]),
        waived=by_severity(found["waived"]),
        changed=by_severity(found["changed"]),
        still_open=len(found["still_open"]),
        silent=[rule for name, rule in silent_after.items() if name not in silent_before],
        reporting_again=[
            rule
            for name, rule in rules_after.items()
            if name in silent_before and name not in silent_after
        ],
        dropped=[rule for name, rule in rules_before.items() if name not in rules_after],
    )


def _change(old: ResourceReport | None, new: ResourceReport) -> _Change | None:
    if new.is_open:
        if old is None or old.compliance_type != new.compliance_type:
            return "new"
        return "waiver_ended" if old.waived else "still_open"
    if new.waived:
        return None if old is not None and old.waived else "waived"
    if old is None or old.compliance_type == new.compliance_type:
        return None
    return "resolved" if old.is_open else "changed"


def silent_rules(report: Report) -> list[RuleReport]:
    """Return the rules that have not reported in their time; some old reports do not know."""
    return [rule for rule in report.rules if rule.status not in ("reporting", None)]
