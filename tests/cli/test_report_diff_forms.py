"""What changed is told in a terminal, in Markdown that nobody can break, and in JSON."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from assay.report import Report
from assay_cli.display import Display
from assay_cli.report_diff import Difference, compare
from assay_cli.report_diff_forms import as_json, markdown, show


@pytest.fixture
def difference(full: Report, old: Callable[[str], Report]) -> Difference:
    """What changed from an old report to the full one."""
    before = old("1.1")
    first = replace(before.rules[0], rule_name="dropped-compliance", non_compliant=3)
    return compare(
        replace(
            before,
            generated_at="2026-11-22T06:20:00.000000Z",
            environment_suffix="staging",
            rules=[first, *before.rules],
        ),
        full,
    )


def test_scores_and_counts_come_first_with_both_reports_names(
    difference: Difference, capsys: pytest.CaptureFixture[str]
) -> None:
    show(difference, Display())
    assert capsys.readouterr().out.startswith(
        "Compliance of dev (123456789012, us-east-1) at 2026-11-23T06:20:00.000000Z\n"
        "compared with   staging (123456789012, us-east-1) at 2026-11-22T06:20:00.000000Z\n"
        "Score: 50 % (3 of 6), before: 40 % (2 of 5)\n"
        "Violations: 1 new, 0 no longer waived, 1 resolved, 2 still open, 1 newly waived\n\n"
        "New violations "
    )


def test_every_kind_of_change_has_its_table(
    difference: Difference, full: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    more = replace(
        difference,
        waiver_ended=difference.new,
        changed=[each for each in full.resources if each.compliance_type == "NOT_APPLICABLE"],
        reporting_again=[full.rules[2]],
    )
    show(more, Display())
    shown = capsys.readouterr().out
    text = "".join(markdown(more))
    for title in (
        *("New violations", "Violations no longer waived", "Resolved", "Newly waived"),
        *("Other verdicts that changed", "Rules that went silent", "Rules that report again"),
        "Rules that nobody judges any more",
    ):
        assert f"\n{title} " in shown
        assert f"\n### {title}\n\n| " in text
    assert "| NOT_APPLICABLE | s3-encryption-compliance | arn:aws:s3:::gone " in shown
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines()]
    assert ["rds-backup-compliance", "critical", "never", "0"] in cells
    assert ["dropped-compliance", "medium", "2026-11-23T06:00:00.000000Z", "3"] in cells


def test_markdown_says_what_the_terminal_says(difference: Difference) -> None:
    text = "".join(markdown(difference))
    assert text.startswith(
        "## Compliance changes of account `123456789012` in `us-east-1`, deployment `dev`\n\n"
        "**Score: 50 % (3 of 6)**, before: 40 % (2 of 5).\n\n"
        "Violations: 1 new, 0 no longer waived, 1 resolved, 2 still open, 1 newly waived.\n\n"
        "From `2026-11-22 06:20` UTC to `2026-11-23 06:20` UTC.\n\n"
        "**Compared with another one: account `123456789012` in `us-east-1`, deployment "
        "`staging`.**\n\n"
        "### New violations\n\n"
        "| Severity | Rule | Resource | Reason |\n"
    )
    assert (
        "| `high` | `s3-encryption-compliance` | `arn:aws:s3:::new-uploads` | "
        '`=HYPERLINK("https://example.com","x") There is no encryption.` |\n'
    ) in text


def test_nothing_changed_is_said_with_numbers_and_without_tables(full: Report) -> None:
    text = "".join(markdown(compare(full, full)))
    assert "Violations: 0 new, 0 no longer waived, 0 resolved, 3 still open, 0 newly waived" in text
    assert "|" not in text
    assert "another one" not in text


def test_markdown_of_very_many_changes_fits_into_a_comment(full: Report) -> None:
    violation = next(each for each in full.resources if each.is_open)
    many = [
        replace(violation, resource_id=f"arn:aws:s3:::{'x' * 50}{number}", annotation="y" * 250)
        for number in range(2_000)
    ]
    text = "".join(markdown(compare(replace(full, resources=[]), replace(full, resources=many))))
    # https://github.com/orgs/community/discussions/27190
    assert 50_000 < len(text) < 65_536
    assert text.endswith(" more, left out here.\n")


def test_json_has_all_of_it(difference: Difference) -> None:
    made = json.loads(json.dumps(as_json(difference)))
    assert set(made) == {
        *("before", "after", "still_open", "new", "waiver_ended", "resolved", "waived"),
        *("changed", "silent", "reporting_again", "dropped"),
    }
    assert made["before"]["environment_suffix"] == "staging"
    assert made["after"]["summary"]["score"] == 50
    assert made["still_open"] == 2
    assert [each["resource_id"] for each in made["new"]] == ["arn:aws:s3:::new-uploads"]
    assert made["silent"] == ["ec2-tag-compliance", "rds-backup-compliance"]
    assert made["dropped"] == ["dropped-compliance"]
