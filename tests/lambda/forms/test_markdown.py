from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assay import forms
from assay.forms.context import Context
from assay.forms.markdown import SIZE, code, escape, link, minute, score, table, urgency, write
from assay.report import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from markdown_it.token import Token

    from assay.report import Report, ResourceReport

HEADINGS = ["What changed", "Rules", "The scanner's health", "Waivers", "Open violations"]
PARSER = MarkdownIt("commonmark").enable("table")


def read(report: Report) -> str:
    return "".join(write(report))


def tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def plain(text: str) -> str:
    return "".join(token.content for token in tokens(text) if token.type in {"text", "code_inline"})


def section(report: Report, heading: str) -> str:
    before, _, after = read(report).partition(f"### {heading}\n\n")
    assert before
    return after.partition("\n### ")[0]


def table_of(report: Report, heading: str) -> list[dict[str, str]]:
    lines = [line for line in section(report, heading).splitlines() if line.startswith("|")]
    header, _, *others = [line.strip("| ").split(" | ") for line in lines]
    return [dict(zip(header, other, strict=True)) for other in others]


def counts(compliant: int, non_compliant: int, result: float | None) -> Counts:
    return Counts(
        resources=compliant + non_compliant,
        compliant=compliant,
        non_compliant=non_compliant,
        not_applicable=0,
        score=result,
    )


def test_the_form_is_markdown_in_utf_8() -> None:
    form = forms.load("markdown")
    assert (form.suffix, form.content_type) == (".md", "text/markdown; charset=utf-8")
    assert form.write is write


def test_the_score_comes_first_with_numerator_and_denominator(full: Report) -> None:
    title, _, line, *_ = read(full).splitlines()
    assert title == ("## Compliance of account `123456789012` in `us-east-1`, deployment `dev`")
    assert line == (
        "**Score: 50 % (3 of 6).** 3 open violations, 1 waived, 1 not applicable,"
        " 2 compliant (not confirmed)."
    )


def test_the_report_is_dated_and_links_to_the_dashboard(full: Report) -> None:
    assert (
        "Report of `2026-11-23 06:20` UTC. [`dashboard`](https://us-east-1.console.aws.amazon.com"
        "/cloudwatch/home?region=us-east-1#dashboards/dashboard/compliance-dev)\n"
    ) in read(full)


def test_silent_rules_are_told_of_beside_the_score(full: Report) -> None:
    summary = read(full).partition("\n### ")[0]
    assert "**2 of 3 rules are not known to report in time" in summary


def test_nothing_is_said_of_silent_rules_when_none_is(full: Report) -> None:
    report = replace(full, rules=[replace(rule, status="reporting") for rule in full.rules])
    assert "not known to report" not in read(report)
    assert "not confirmed" not in read(report)
    unknown = replace(full, rules=[replace(full.rules[2], status=None)])
    assert "**1 of 1 rules are not known to report in time" in read(unknown)


def test_what_changed_since_the_report_before(full: Report) -> None:
    assert section(full, "What changed") == (
        "Since `2026-11-23 00:20` UTC: **1 new**, 1 resolved, 2 still open.\n"
        "\nThe score then was 66.67 % (4 of 6).\n"
    )


def test_violations_that_nobody_judges_any_more_are_told(full: Report) -> None:
    report = replace(full, changes=replace(full.changes, no_longer_judged=2))
    assert ("\n2 open then, not judged any more: their rule is not in this report.\n") in section(
        report, "What changed"
    )


def test_the_score_before_is_left_out_when_it_is_not_known(full: Report) -> None:
    assert "The score then" not in read(replace(full, trend=[]))


def test_without_a_report_before_nothing_is_said_to_have_changed(empty: Report) -> None:
    assert section(empty, "What changed") == "There is no earlier report to compare with.\n"


def test_every_rule_has_its_score_and_its_state(full: Report) -> None:
    assert table_of(full, "Rules") == [
        {
            "Rule": "`ec2-tag-compliance`",
            "Severity": "`medium`",
            "Score": "66.67 % (2 of 3)",
            "Open": "1",
            "Waived": "0",
            "Last complete sweep": "`2026-11-21 06:00`",
            "State": "**silent**",
        },
        {
            "Rule": "`rds-backup-compliance`",
            "Severity": "`critical`",
            "Score": "none judged",
            "Open": "0",
            "Waived": "0",
            "Last complete sweep": "never",
            "State": "**never reported**",
        },
        {
            "Rule": "`s3-encryption-compliance`",
            "Severity": "`high`",
            "Score": "33.33 % (1 of 3)",
            "Open": "2",
            "Waived": "1",
            "Last complete sweep": "`2026-11-23 06:00`",
            "State": "reporting",
        },
    ]


def test_a_rule_of_an_older_report_has_no_known_state(full: Report) -> None:
    older = replace(full, rules=[replace(full.rules[2], status=None)])
    assert table_of(older, "Rules")[0]["State"] == "**not known**"


def test_the_scanners_health_lists_all_problems_but_those_of_waivers(full: Report) -> None:
    rows = table_of(full, "The scanner's health")
    assert [row["Problem"] for row in rows] == [
        "recorder",
        "silent",
        "failed",
        "never reported",
        "unreadable",
    ]
    assert rows[0] == {
        "Problem": "recorder",
        "Rule": "",
        "What": "`AWS Config's recorder assay-dev does not record.`",
    }


def test_resources_that_were_never_judged_are_named(full: Report) -> None:
    health = section(replace(full, resources=[]), "The scanner's health")
    assert health.endswith(
        "\nNever judged, because they could not be read:\n\n"
        "| Resource | Rule | Error |\n| --- | --- | --- |\n"
        "| `arn:aws:s3:::closed` | `s3-encryption-compliance` | `AccessDenied` |\n"
    )
    assert "Never judged" not in read(full)


def test_waivers_that_want_attention_come_first(full: Report) -> None:
    active = replace(full.waivers[2], status="active", resources=1)
    used_up = replace(full.waivers[2], status="expiring", resources=0)
    over = replace(full.waivers[2], status="expired", resources=0)
    report = replace(full, waivers=[active, used_up, *full.waivers, over])
    assert [row["State"] for row in table_of(report, "Waivers")] == [
        "**expired**",
        "**expired**",
        "**expiring**",
        "**unused**",
        "**unused**",
        "active",
    ]


def test_a_waiver_says_who_answers_for_it_until_when_and_why(full: Report) -> None:
    assert table_of(full, "Waivers")[1] == {
        "State": "**expiring**",
        "Rule": "`s3-encryption-compliance`",
        "Resources": "`arn:aws:s3:::legacy`",
        "Violations": "1",
        "Last day": "`2026-11-30`",
        "Owner": "`archive@example.com`",
        "Reason": "`It is deleted with the <old> system.`",
    }


def test_violations_are_new_ones_first_and_then_by_severity(full: Report) -> None:
    rows = table_of(full, "Open violations")
    assert [row["Severity"] for row in rows] == ["**new** `high`", "`high`", "`medium`"]
    assert rows[1] == {
        "Severity": "`high`",
        "Resource": (
            "[`arn:aws:s3:::closed`]"
            "(https://us-east-1.console.aws.amazon.com/s3/buckets/closed?region=us-east-1)"
        ),
        "Rule": "`s3-encryption-compliance`",
        "Since": "`2026-11-20 06:00`",
        "What was found": (
            "`There is no default encryption.` It could not be read again: `AccessDenied`."
        ),
    }


def test_a_violation_whose_waiver_has_ended_says_so(full: Report) -> None:
    first = table_of(full, "Open violations")[0]
    assert first["What was found"].endswith("` The waiver has expired.")


def test_of_violations_alike_the_oldest_comes_first(full: Report) -> None:
    resource = next(resource for resource in full.resources if resource.is_open)

    def variant(severity: str, since: str, change: Any = None) -> ResourceReport:
        return replace(resource, severity=severity, since=since, change=change)

    sorted_ones = [
        variant("low", "2026-11-04", "new"),
        variant("critical", "2026-11-03"),
        variant("high", "2026-11-01"),
        variant("high", "2026-11-02"),
        variant("medium", "2026-11-01"),
        variant("low", "2026-11-01"),
        variant("of another version", "2026-11-01"),
    ]
    others = sorted_ones[::-1]
    others.sort(key=urgency)
    assert others == sorted_ones


def test_an_empty_report_says_so_in_every_section(empty: Report) -> None:
    text = read(empty)
    assert "**Score: none judged.** 0 open violations" in text
    assert section(empty, "Rules") == "None.\n"
    assert section(empty, "The scanner's health") == "No problem is known.\n"
    assert "### Waivers" not in text
    assert section(empty, "Open violations") == "None.\n"


def test_a_large_report_is_cut_and_says_how_much_is_left_out(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    resource = next(resource for resource in full.resources if resource.is_open)
    report = replace(
        with_resources(
            *(replace(resource, resource_id=f"{resource.resource_id}-ü{n}") for n in range(9000))
        ),
        rules=[replace(full.rules[0], rule_name=f"rule-{n}") for n in range(1000)],
        waivers=[replace(full.waivers[0], waiver_id=str(n)) for n in range(1000)],
        problems=[full.problems[1]] * 1000,
    )
    assert SIZE - 1000 < len(read(report).encode()) <= SIZE
    for heading, total in [
        ("Rules", 1000),
        ("The scanner's health", 1000),
        ("Waivers", 1000),
        ("Open violations", 9000),
    ]:
        text, shown = section(report, heading), len(table_of(report, heading))
        assert 20 < shown < total
        assert f"\n\nAnd {total - shown:,} more, left out here.\n" in text


def test_a_table_is_shown_whole_when_it_fits() -> None:
    lines = list(table(["A", "B"], [["1", "2"], ["3", "4"]], total=2, size=100))
    assert "".join(lines) == "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n"


@pytest.mark.parametrize("size", [80, 88, 89, 97, 98])
def test_a_table_with_the_line_of_what_is_left_out_is_no_larger_than_asked(size: int) -> None:
    rows = [["üüü"]] * 30
    text = "".join(table(["A"], rows, total=30, size=size))
    shown = text.count("üüü")
    assert 0 < shown < 30
    assert text.endswith(f"\n\nAnd {30 - shown} more, left out here.\n")
    assert size - 12 < len(text.encode()) <= size


@pytest.mark.parametrize(
    ("given_counts", "shown"),
    [
        (counts(0, 0, None), "none judged"),
        (counts(1, 0, 100.0), "100 % (1 of 1)"),
        (counts(0, 7, 0.0), "0 % (0 of 7)"),
        (counts(2, 1, 66.67), "66.67 % (2 of 3)"),
        (counts(99_999, 1, 100.0), "99.99 % (99,999 of 100,000)"),
    ],
)
def test_a_score_is_perfect_only_without_violations(given_counts: Counts, shown: str) -> None:
    assert score(given_counts) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (" \n\u202e", ""),
        ("text", "`text`"),
        ("@team <b> [x](https://example.com)", "`@team <b> [x](https://example.com)`"),
        ("two\r\nlines\u2028and\tmore", "`two lines and more`"),
        ("a\u202eb\x00c", "`a b c`"),
        ("a | b", "`a ¦ b`"),
        ("a ` b", "``a ` b``"),
        ("``a```", "```` ``a``` ````"),
        ("`", "`` ` ``"),
        ("a\\", "`a\\`"),
        ("x" * 300, f"`{'x' * 300}`"),
        ("x" * 301, f"`{'x' * 299}…`"),
    ],
)
def test_text_of_any_origin_is_a_code_span(text: str, shown: str) -> None:
    assert code(text) == shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "http://example.com",
        "https://example.com/a b",
        "https://example.com/)",
        "https://example.com/|",
        "https://example.com/<b>",
        "https://example.com/ü",
    ],
)
def test_a_url_that_could_do_harm_is_no_link(url: str) -> None:
    assert link("text", url) == "`text`"


def test_text_is_a_link_to_a_console_page() -> None:
    assert link("a]", "https://example.com/a?b=c%20d#e:f") == (
        "[`a]`](https://example.com/a?b=c%20d#e:f)"
    )


def test_a_minute_is_a_timestamp_without_seconds() -> None:
    assert minute("2026-11-20T06:01:02.000003Z") == "`2026-11-20 06:01`"


@given(st.text())
@example("![a](https://example.com) <b>*c*</b> `d` [e]: # ~f~ \\g &copy;")
@example("# a")
@example("- a")
@example("1. a")
@example("a\n===")
def test_escaped_text_is_read_as_it_was_written(text: str) -> None:
    shown = "".join(token.content for token in tokens(escape(text)) if token.type == "text")
    assert shown == " ".join(text.split()).replace("\x00", "\ufffd")


hostile = st.text(max_size=10) | st.text(
    st.sampled_from("\\`*_{}[]()<>#+-.!|~@:/&;$\"' \n\r\t\u2028aw"), max_size=20
)


# What the model allows a few values for.
LITERALS = {"kind", "status", "change", "compliance_type"}


def soiled(value: Any, texts: Iterator[str]) -> Any:
    """Puts other texts in place of all that a report has."""
    if isinstance(value, list):
        return [soiled(each, texts) for each in value]
    if isinstance(value, str):
        return next(texts)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    names = [field.name for field in fields(value) if field.name not in LITERALS]
    return replace(value, **{name: soiled(getattr(value, name), texts) for name in names})


@given(texts=st.lists(hostile, min_size=1, max_size=11))
def test_no_text_of_a_report_is_read_as_markdown(full: Report, texts: list[str]) -> None:
    report = soiled(full, cycle(texts))
    found = list(tokens(read(report)))
    kinds = {token.type for token in found}
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "em_open", "fence"}
    assert sum(token.type == "heading_open" for token in found) == 1 + len(HEADINGS)
    cells = 7 * 3 + 3 * 5 + 7 * 3 + 5 * 3 + 3 * len(list(Context.of(report).never_read()))
    assert sum(token.type == "td_open" for token in found) == cells
    # What reads the rendered text, as mentions are read, skips code.
    outside = "".join(token.content for token in found if token.type == "text")
    assert not set("@#/\\<>&$`|[]") & set(outside)
