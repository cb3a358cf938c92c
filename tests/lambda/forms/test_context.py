from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from assay.forms.context import RECORDER, WORDS, Context, rule_words

if TYPE_CHECKING:
    from assay.report import Report, ResourceReport


def resource(report: Report, name: str) -> ResourceReport:
    """Finds a resource by the end of its ARN."""
    return next(each for each in report.resources if each.resource_id.endswith(name))


def with_rules(report: Report, **other: Any) -> Report:
    """Changes all rules."""
    return replace(report, rules=[replace(rule, **other) for rule in report.rules])


def test_all_verdicts_come_in_their_order_and_then_what_was_left_out(full: Report) -> None:
    verdicts = list(Context.of(full).verdicts())
    assert verdicts[: len(full.resources)] == full.resources
    gaps = verdicts[len(full.resources) :]
    assert [(gap.rule_name, gap.severity, gap.annotation) for gap in gaps] == [
        ("recorder", "medium", "AWS Config's recorder assay-dev does not record."),
        (
            "ec2-tag-compliance",
            "medium",
            (
                "No sweep has been completed since 2026-11-21T06:00:00.000000Z. "
                "The sweep of 2026-11-23T06:00:00.000000Z failed: UnauthorizedOperation."
            ),
        ),
        ("rds-backup-compliance", "critical", "No sweep has ever been completed."),
        ("s3-encryption-compliance", "high", "1 resource could not be read: AccessDenied."),
    ]
    assert {gap.resource_id for gap in gaps} == {"AWS::::Account:123456789012"}
    assert {gap.evaluated_at for gap in gaps} == {full.generated_at}


def test_a_resource_that_was_never_judged_is_named_with_the_error(full: Report) -> None:
    others = [each for each in full.resources if each.config_resource_id != "closed"]
    # What another rule found of it is no verdict of this one.
    other_rule = replace(resource(full, "closed"), rule_name="rds-backup-compliance")
    report = replace(full, resources=[*others, other_rule])
    context = Context.of(report)
    (found,) = context.never_read()
    assert list(context.verdicts())[len(report.resources)] == found
    assert (found.resource_id, found.rule_name, found.severity) == (
        "arn:aws:s3:::closed",
        "s3-encryption-compliance",
        "high",
    )
    assert found.annotation == ("There is no verdict, because it could not be read: AccessDenied.")
    assert (found.resource_type, found.evaluated_at) == (
        "AWS::S3::Bucket",
        "2026-11-23T06:00:00.000000Z",
    )
    assert (context.status(found), context.words(found)) == ("unknown", "not known")
    assert context.reasons(found) == {"UNREADABLE": "It could not be read: AccessDenied."}
    assert list(Context.of(full).never_read()) == []


def test_what_nobody_left_out_is_resolved(full: Report) -> None:
    context = Context.of(full)
    names = [*context.rules, RECORDER]
    open_ones = [context.of_account(name, context.gaps()[name]) for name in names]
    assert [each.change for each in open_ones] == [None] * 4
    assert {context.status(each) for each in open_ones} == {"unknown"}
    resolved = [context.of_account(name, []) for name in names]
    assert [each.change for each in resolved] == ["resolved"] * 4
    assert {context.status(each) for each in resolved} == {"not_applicable"}
    assert [*map(context.finding_id, open_ones)] == [*map(context.finding_id, resolved)]


def test_the_recorder_is_no_rule_that_could_be_silent(full: Report) -> None:
    context = Context.of(full)
    recorder = next(each for each in context.verdicts() if each.rule_name == RECORDER)
    assert context.reasons(recorder) == {}
    assert context.rule(RECORDER).requirement == "AWS Config's recorder records and delivers."


def test_a_rule_and_a_waiver_that_the_report_does_not_list_are_no_error(full: Report) -> None:
    context = Context.of(replace(full, waivers=[]))
    stray = replace(resource(full, "vault"), rule_name="gone-rule")
    assert context.status(stray) == "uncertain"
    assert context.rule("gone-rule").requirement == "What gone-rule requires is not in the report."
    assert context.reasons(stray) == {
        "NOT_REPORTING": (
            "The report does not know whether the rule has reported in its time. "
            "The verdict is that of 2026-11-23T06:00:00.000000Z."
        )
    }
    assert context.reasons(resource(full, "legacy")) == {
        "WAIVED": "Waived; the report does not say by whom."
    }
    assert context.reasons(resource(full, "new-uploads")) == {}
    problems = [replace(full.problems[1], rule_name="gone-rule")]
    (gap,) = Context.of(replace(full, problems=problems, resources=[], rules=[])).verdicts()
    assert (gap.rule_name, gap.severity) == ("gone-rule", "medium")


def test_each_status_has_its_words(full: Report) -> None:
    context = Context.of(full)
    assert {context.words(each) for each in context.verdicts()} == set(WORDS.values())
    assert context.words(resource(full, "legacy")) == "waived"
    assert context.words(resource(full, f"{2:017x}")) == "compliant (not confirmed)"
    assert [rule_words(rule) for rule in full.rules] == ["silent", "never reported", "reporting"]
    assert rule_words(replace(full.rules[0], status=None)) == "not known"


def test_a_verdict_of_no_known_kind_is_not_passed(full: Report) -> None:
    odd = replace(resource(full, "vault"), compliance_type="ODD")
    assert Context.of(full).status(odd) == "unknown"


def test_a_report_without_problems_has_nothing_but_its_verdicts(full: Report) -> None:
    healthy = replace(full, problems=[])
    assert list(Context.of(healthy).verdicts()) == full.resources


def test_a_finding_keeps_its_id_from_report_to_report(full: Report) -> None:
    first = full.resources[0]
    later = replace(first, compliance_type="COMPLIANT", since="2026-12-01T00:00:00.000000Z")
    ids = [
        Context.of(full).finding_id(first),
        Context.of(replace(full, generated_at="2026-12-01T00:00:00.000000Z")).finding_id(later),
    ]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    "other",
    [
        {"account_id": "210987654321"},
        {"region": "eu-west-1"},
        {"partition": "aws-cn"},
        {"environment_suffix": "prod"},
    ],
)
def test_another_deployment_has_other_ids(full: Report, other: dict[str, str]) -> None:
    first = full.resources[0]
    ids = {Context.of(each).finding_id(first) for each in (full, replace(full, **other))}  # type: ignore[arg-type]
    assert len(ids) == 2


def test_no_two_verdicts_share_an_id(full: Report) -> None:
    context = Context.of(full)
    verdicts = list(context.verdicts())
    other_rule = replace(verdicts[0], rule_name="rds-backup-compliance")
    ids = {context.finding_id(each) for each in [*verdicts, other_rule]}
    assert len(ids) == len(verdicts) + 1


def test_a_verdict_is_passed_only_when_its_rule_reports_and_it_was_read(full: Report) -> None:
    context = Context.of(full)
    assert context.status(resource(full, "vault")) == "passed"
    assert context.status(replace(resource(full, "vault"), unreadable="AccessDenied")) == (
        "uncertain"
    )
    for status in ("silent", "never_reported", None):
        other = with_rules(full, status=status)
        assert Context.of(other).status(resource(other, "vault")) == "uncertain"


def test_a_violation_is_failed_whether_or_not_it_is_waived(full: Report) -> None:
    context = Context.of(full)
    assert [context.status(resource(full, name)) for name in ("new-uploads", "legacy")] == [
        "failed",
        "failed",
    ]


def test_only_what_has_to_be_done_has_a_severity(full: Report) -> None:
    context = Context.of(full)
    found = {
        (context.status(each), context.severity(each))
        for each in context.verdicts()
        if each.rule_name == "s3-encryption-compliance"
    }
    assert found == {
        ("passed", None),
        ("not_applicable", None),
        ("failed", "high"),
        ("unknown", "high"),
    }


def test_a_waiver_is_named_with_owner_end_and_reason_and_so_is_its_expiry(full: Report) -> None:
    context = Context.of(full)
    assert context.reasons(resource(full, "legacy")) == {
        "WAIVED": (
            "Waived by archive@example.com until 2026-11-30: It is deleted with the <old> system."
        )
    }
    assert context.reasons(resource(full, "new-uploads")) == {
        "WAIVER_EXPIRED": "The waiver of uploads@example.com ended on 2026-11-01."
    }


def test_a_verdict_that_is_not_fresh_says_so(full: Report) -> None:
    context = Context.of(full)
    assert context.reasons(resource(full, "closed")) == {
        "UNREADABLE": (
            "It could not be read again: AccessDenied. "
            "The verdict is that of 2026-11-23T06:00:00.000000Z."
        )
    }
    assert context.reasons(resource(full, "vault")) == {}
    for status, words in [
        ("silent", "The rule has not reported in its time."),
        ("never_reported", "The rule has never completed a sweep."),
        (None, "The report does not know whether the rule has reported in its time."),
    ]:
        other = with_rules(full, status=status)
        assert Context.of(other).reasons(resource(other, "vault")) == {
            "NOT_REPORTING": f"{words} The verdict is that of 2026-11-23T06:00:00.000000Z."
        }
