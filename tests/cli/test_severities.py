"""Severities have an order, in which one that nobody knows comes first."""

from dataclasses import replace

import pytest

from assay.report import Report, ResourceReport
from assay.rule import Severity
from assay_cli.severities import at_least, by_severity


@pytest.fixture
def each_severity(full: Report) -> list[ResourceReport]:
    """An open violation of each severity, and of one that only a newer release knows."""
    violation = next(each for each in full.resources if each.is_open)
    severities = ("medium", "unheard-of", "critical", "low", "high")
    return [replace(violation, severity=severity) for severity in severities]


def test_the_most_severe_come_first(each_severity: list[ResourceReport]) -> None:
    assert [each.severity for each in by_severity(each_severity)] == [
        *("unheard-of", "critical", "high", "medium", "low"),
    ]


def test_those_of_one_severity_are_sorted_by_rule_and_resource(
    each_severity: list[ResourceReport],
) -> None:
    names = [("b", "2"), ("b", "1"), ("a", "3")]
    shuffled = [
        replace(each_severity[0], rule_name=rule, resource_id=resource) for rule, resource in names
    ]
    ordered = [(each.rule_name, each.resource_id) for each in by_severity(shuffled)]
    assert ordered == sorted(names)


@pytest.mark.parametrize(
    ("severity", "count"),
    [(Severity.LOW, 5), (Severity.MEDIUM, 4), (Severity.HIGH, 3), (Severity.CRITICAL, 2)],
)
def test_open_violations_count_from_a_severity_upwards(
    each_severity: list[ResourceReport], severity: Severity, count: int
) -> None:
    assert len(at_least(each_severity, severity)) == count


def test_waived_violations_and_good_resources_never_count(full: Report) -> None:
    counted = at_least(full.resources, Severity.LOW)
    assert [each.is_open for each in full.resources].count(True) == len(counted) == 3
    assert all(each.is_open for each in counted)
