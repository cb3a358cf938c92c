"""A compliance report as people read it, and as the sample data demands it."""

from collections.abc import Mapping
from typing import Any

from assay.rule import ComplianceType
from assay_cli.display import Display
from assay_cli.samples import Verdicts


def show(report: Mapping[str, Any], display: Display) -> None:
    """Print the report's violations and its counts for each rule."""
    violations = [
        (item["severity"], item["rule_name"], item["resource_id"], item["annotation"])
        for item in report["resources"]
        if item["compliance_type"] == ComplianceType.NON_COMPLIANT
    ]
    display.table("Violations", ("Severity", "Rule", "Resource", "Reason"), violations)
    display.table(
        "Rules",
        ("Rule", "Severity", "Resources", "Compliant", "Non-compliant", "Not applicable", "Score"),
        [
            (name, severity, *_counts(counts))
            for name, severity, counts in (
                *((rule["rule_name"], rule["severity"], rule) for rule in report["rules"]),
                ("all", "", report["summary"]),
            )
        ],
    )


def _counts(counts: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("resources", "compliant", "non_compliant", "not_applicable")
    score = "-" if counts["score"] is None else f"{counts['score']:g} %"
    return (*(str(counts[name]) for name in names), score)


def differences(report: Mapping[str, Any], expected: Verdicts) -> list[str]:
    """Return where the report's verdicts are not the expected ones, a line each.

    Args:
        report: as the report aggregator writes it.
        expected: every verdict that the report must have; it must have no other.
    """
    found = {
        (item["resource_id"], item["rule_name"]): item["compliance_type"]
        for item in report["resources"]
    }
    wanted = {
        (resource_id, rule_name): verdict
        for resource_id, verdicts in expected.items()
        for rule_name, verdict in verdicts.items()
    }
    return [
        f"{rule_name} on {resource_id}: "
        f"expected {wanted.get((resource_id, rule_name), 'no verdict')}, "
        f"got {found.get((resource_id, rule_name), 'no verdict')}"
        for resource_id, rule_name in sorted(found.keys() | wanted.keys())
        if found.get((resource_id, rule_name)) != wanted.get((resource_id, rule_name))
    ]
