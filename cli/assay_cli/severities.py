"""Severities in their order."""

from collections.abc import Iterable

from assay.report import ResourceReport, RuleReport
from assay.rule import Severity

_RANKS = {severity.value: rank for rank, severity in enumerate(Severity)}


def _rank(severity: str) -> int:
    # One that a newer release knows is taken seriously rather than left out.
    return _RANKS.get(severity, len(_RANKS))


def by_severity(resources: Iterable[ResourceReport]) -> list[ResourceReport]:
    """Sort resources, the most severe first."""
    return sorted(
        resources,
        key=lambda each: (-_rank(each.severity), each.rule_name, each.resource_id),
    )


def at_least(resources: Iterable[ResourceReport], severity: Severity) -> list[ResourceReport]:
    """Return the open violations of that severity and of more severe ones."""
    return [each for each in resources if each.is_open and _is_at_least(each, severity)]


def rules_at_least(rules: Iterable[RuleReport], severity: Severity) -> list[RuleReport]:
    """Return the rules of that severity and more severe ones."""
    return [each for each in rules if _is_at_least(each, severity)]


def _is_at_least(each: ResourceReport | RuleReport, severity: Severity) -> bool:
    return _rank(each.severity) >= _rank(severity)
