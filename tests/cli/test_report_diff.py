"""Two reports are compared verdict by verdict, and rule by rule."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.report import Counts, Report, ResourceReport, RuleReport
from assay_cli.report_diff import Difference, compare

RULE = "s3-encryption-compliance"


def resource(kind: str, name: str = "arn:aws:s3:::a", rule_name: str = RULE) -> ResourceReport:
    return ResourceReport(
        resource_id=name,
        rule_name=rule_name,
        resource_type="AWS::S3::Bucket",
        config_resource_id=name,
        compliance_type="NON_COMPLIANT" if kind in {"open", "waived"} else kind,
        annotation="Because.",
        severity="high",
        since="2026-11-23T06:00:00.000000Z",
        evaluated_at="2026-11-23T06:00:00.000000Z",
        waived=kind == "waived",
    )


def rule(rule_name: str = RULE, status: Any = "reporting") -> RuleReport:
    counts: Any = dict.fromkeys(("resources", "compliant", "non_compliant", "not_applicable"), 0)
    return RuleReport(
        rule_name=rule_name,
        requirement="",
        severity="high",
        last_run=None,
        status=status,
        score=None,
        **counts,
    )


def report(*resources: ResourceReport, rules: tuple[RuleReport, ...] = (rule(),)) -> Report:
    return Report(
        schema_version="1.2",
        generated_at="2026-11-23T06:20:00.000000Z",
        account_id="123456789012",
        region="us-east-1",
        environment_suffix="dev",
        history_table="compliance-history-dev",
        summary=Counts(resources=0, compliant=0, non_compliant=0, not_applicable=0, score=None),
        rules=list(rules),
        resources=list(resources),
    )


def kinds(difference: Difference) -> list[str]:
    names = ("new", "waiver_ended", "resolved", "waived", "changed")
    found = [name for name in names for _ in getattr(difference, name)]
    return found + ["still_open"] * difference.still_open


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, "open", "new"),
        ("COMPLIANT", "open", "new"),
        ("NOT_APPLICABLE", "open", "new"),
        ("waived", "open", "waiver_ended"),
        ("open", "open", "still_open"),
        ("open", "COMPLIANT", "resolved"),
        ("open", "NOT_APPLICABLE", "resolved"),
        ("open", None, "resolved"),
        ("open", "waived", "waived"),
        ("COMPLIANT", "waived", "waived"),
        (None, "waived", "waived"),
        ("waived", "waived", None),
        ("waived", "COMPLIANT", "changed"),
        ("COMPLIANT", "NOT_APPLICABLE", "changed"),
        ("NOT_APPLICABLE", "COMPLIANT", "changed"),
        ("COMPLIANT", "COMPLIANT", None),
        (None, "COMPLIANT", None),
        ("COMPLIANT", None, None),
        ("waived", None, None),
    ],
)
def test_each_change_is_told_once_and_by_its_name(
    before: str | None, after: str | None, kind: str | None
) -> None:
    one, two = (report(*([resource(each)] if each else [])) for each in (before, after))
    assert kinds(compare(one, two)) == ([kind] if kind else [])


VERDICTS = st.dictionaries(
    st.sampled_from("abcde"), st.sampled_from(["open", "waived", "COMPLIANT", "NOT_APPLICABLE"])
)


@given(VERDICTS, VERDICTS)
def test_open_violations_add_up(before: dict[str, str], after: dict[str, str]) -> None:
    one, two = (
        report(*(resource(kind, name) for name, kind in each.items())) for each in (before, after)
    )
    found = compare(one, two)
    assert len(found.newly_open) + found.still_open == list(after.values()).count("open")
    again_waived = sum(before.get(each.resource_id) == "open" for each in found.waived)
    assert len(found.resolved) + again_waived + found.still_open == (
        list(before.values()).count("open")
    )
    assert kinds(compare(two, two)) == ["still_open"] * list(after.values()).count("open")


def test_resources_are_told_by_rule_too() -> None:
    both = (rule(), rule("other"))
    before = report(resource("open"), resource("COMPLIANT", rule_name="other"), rules=both)
    after = report(resource("COMPLIANT"), resource("open", rule_name="other"), rules=both)
    found = compare(before, after)
    assert [each.rule_name for each in found.new] == ["other"]
    assert [each.rule_name for each in found.resolved] == [RULE]


def test_resources_are_as_they_are_now_the_most_severe_first() -> None:
    low = replace(resource("open", "arn:aws:s3:::a"), severity="low", annotation="Now.")
    critical = replace(resource("open", "arn:aws:s3:::b"), severity="critical")
    was = replace(resource("COMPLIANT", "arn:aws:s3:::a"), annotation="Then.")
    assert compare(report(was), report(low, critical)).new == [critical, low]


def test_what_nobody_judges_any_more_is_not_resolved() -> None:
    found = compare(report(resource("open")), report(rules=()))
    assert found.resolved == []
    assert [each.rule_name for each in found.dropped] == [RULE]


@pytest.mark.parametrize(
    ("before", "after", "silent", "again"),
    [
        ("reporting", "silent", True, False),
        (None, "silent", True, False),
        (None, "never_reported", True, False),
        ("silent", "silent", False, False),
        ("silent", "reporting", False, True),
        ("never_reported", "reporting", False, True),
        ("reporting", "reporting", False, False),
        ("silent", None, False, True),
    ],
)
def test_rules_that_went_silent_or_report_again_are_told(
    before: str | None, after: str | None, silent: bool, again: bool
) -> None:
    found = compare(report(rules=(rule(status=before),)), report(rules=(rule(status=after),)))
    assert (len(found.silent), len(found.reporting_again)) == (silent, again)


def test_a_new_rule_that_has_yet_to_report_is_silent_and_one_that_reports_is_nothing_new() -> None:
    found = compare(
        report(rules=()), report(rules=(rule("one", "never_reported"), rule("two", "reporting")))
    )
    assert [each.rule_name for each in found.silent] == ["one"]
    assert found.reporting_again == []


def test_old_versions_can_be_compared_with_new_ones(
    full: Report, old: Callable[[str], Report]
) -> None:
    found = compare(old("1.1"), full)
    assert [each.resource_id for each in found.new] == ["arn:aws:s3:::new-uploads"]
    assert [each.resource_id for each in found.resolved] == ["arn:aws:s3:::uploads"]
    assert [each.resource_id for each in found.waived] == ["arn:aws:s3:::legacy"]
    assert found.still_open == 2
