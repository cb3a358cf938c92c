"""Severities in their order."""

from collections.abc import Iterable

from assay.report import ResourceReport
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
    least = _rank(severity)
    return [each for each in resources if each.is_open and _rank(each.severity) >= least]
