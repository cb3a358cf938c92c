from __future__ import annotations

import csv
import io
import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import forms
from assay.forms.csv import COLUMNS, defuse, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.report import Report

# The full-width and the small forms of `=`, `+`, `-` and `@`, and the minus sign.
WIDE = "\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
SIGNS = f"=+-@{WIDE}"
DANGEROUS = f"{SIGNS}\t\r\n\x00"


def table(report: Report) -> list[list[str]]:
    text = "".join(write(report)).removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text, newline="")))


def rows(report: Report) -> list[dict[str, str]]:
    header, *others = table(report)
    return [dict(zip(header, other, strict=True)) for other in others]


def test_the_form_is_csv_in_utf_8() -> None:
    form = forms.load("csv")
    assert (form.suffix, form.content_type) == (".csv", "text/csv; charset=utf-8")
    assert form.write is write


def test_there_is_a_row_for_each_verdict_below_a_header(full: Report) -> None:
    header, *others = table(full)
    assert tuple(header) == COLUMNS
    assert [row[4] for row in others] == [
        *(resource.resource_id for resource in full.resources),
        *["AWS::::Account:123456789012"] * 4,
    ]


def test_what_was_left_out_has_a_row(full: Report) -> None:
    others = [each for each in full.resources if each.config_resource_id != "closed"]
    found = rows(replace(full, resources=others))[len(others) :]
    assert [
        (row["status"], row["rule_name"], row["rule_status"], row["annotation"][:22])
        for row in found
    ] == [
        ("not known", "s3-encryption-compliance", "reporting", "There is no verdict, b"),
        ("not known", "recorder", "", "AWS Config's recorder "),
        ("not known", "ec2-tag-compliance", "silent", "No sweep has been comp"),
        ("not known", "rds-backup-compliance", "never reported", "No sweep has ever been"),
        ("not known", "s3-encryption-compliance", "reporting", "1 resource could not b"),
    ]
    assert (found[0]["resource_id"], found[0]["unreadable"]) == (
        "arn:aws:s3:::closed",
        "AccessDenied",
    )


def test_a_report_without_resources_has_a_header_only(empty: Report) -> None:
    assert table(empty) == [list(COLUMNS)]


def test_a_row_says_all_that_is_known_of_a_violation(full: Report) -> None:
    (row,) = [row for row in rows(full) if row["unreadable"]]
    assert row == {
        "status": "violation",
        "severity": "high",
        "rule_name": "s3-encryption-compliance",
        "rule_status": "reporting",
        "resource_id": "arn:aws:s3:::closed",
        "resource_type": "AWS::S3::Bucket",
        "annotation": "There is no default encryption.",
        "since": "2026-11-20T06:00:00.000000Z",
        "evaluated_at": "2026-11-23T06:00:00.000000Z",
        "change": "",
        "unreadable": "AccessDenied",
        "waiver_status": "",
        "waiver_owner": "",
        "waiver_expires": "",
        "waiver_reason": "",
        "requirement": "S3 buckets have default encryption with an allowed algorithm & KMS key.",
        "remedy": "Set the bucket's default encryption.",
        "console_url": (
            "https://us-east-1.console.aws.amazon.com/s3/buckets/closed?region=us-east-1"
        ),
    }


def test_the_status_tells_waived_violations_and_what_is_not_confirmed(full: Report) -> None:
    found = {
        row["resource_id"].rpartition(":")[2]: row["status"]
        for row in rows(replace(full, problems=[]))
    }
    assert found == {
        "instance/i-00000000000000001": "violation",
        "instance/i-00000000000000002": "compliant (not confirmed)",
        "instance/i-00000000000000003": "compliant (not confirmed)",
        "closed": "violation",
        "gone": "not applicable",
        "legacy": "waived",
        "new-uploads": "violation",
        "vault": "compliant",
    }


def test_a_waived_violation_names_its_waiver(full: Report) -> None:
    (waived,) = [row for row in rows(full) if row["status"] == "waived"]
    assert {name: value for name, value in waived.items() if name.startswith("waiver")} == {
        "waiver_status": "expiring",
        "waiver_owner": "archive@example.com",
        "waiver_expires": "2026-11-30",
        "waiver_reason": "It is deleted with the <old> system.",
    }


def test_a_violation_names_the_waiver_that_has_ended(full: Report) -> None:
    (new,) = [row for row in rows(full) if row["change"] == "new"]
    assert (new["status"], new["waiver_status"], new["waiver_expires"]) == (
        "violation",
        "expired",
        "2026-11-01",
    )


def test_what_could_not_be_read_again_is_not_confirmed(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    vault = next(each for each in full.resources if each.config_resource_id == "vault")
    found = rows(with_resources(vault, replace(vault, unreadable="AccessDenied")))[:2]
    assert [(row["status"], row["unreadable"]) for row in found] == [
        ("compliant", ""),
        ("compliant (not confirmed)", "AccessDenied"),
    ]


def test_of_a_rule_that_the_report_does_not_list_nothing_is_known(full: Report) -> None:
    row = rows(replace(full, rules=[]))[0]
    assert (row["rule_status"], row["requirement"], row["remedy"]) == (
        "not known",
        "What ec2-tag-compliance requires is not in the report.",
        "",
    )


def test_lines_end_as_rfc_4180_says(empty: Report) -> None:
    assert "".join(write(empty)) == f"\ufeff{','.join(COLUMNS)}\r\n"


def test_quotes_are_doubled_in_a_quoted_cell(full: Report) -> None:
    assert ',"Tag ""Owner"" is <missing>; Ünïcode, too.",' in "".join(write(full))


def test_it_is_written_row_by_row(full: Report) -> None:
    assert len(list(write(replace(full, problems=[])))) == 2 + len(full.resources)


def test_a_formula_is_shown_as_text(full: Report) -> None:
    (new,) = [row for row in rows(full) if row["change"] == "new"]
    assert new["annotation"] == ('\'=HYPERLINK("https://example.com","x")\nThere is no encryption.')


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("1", "1"),
        ("a=b", "a=b"),
        ("arn:aws:s3:::a-b", "arn:aws:s3:::a-b"),
        ("'quoted'", "'quoted'"),
        (" text", " text"),
        ("=1", "'=1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\ttext", "'\ttext"),
        ("\rtext", "'\rtext"),
        ("\ntext", "'\ntext"),
        ("\x00text", "'\x00text"),
        *((f"{sign}1", f"'{sign}1") for sign in WIDE),
        ("  =1", "'  =1"),
        ("\u3000=1", "'\u3000=1"),
        ("\ufeff\u200b=1", "'\ufeff\u200b=1"),
        ('"=1"', '\'"=1"'),
        ("'=1", "''=1"),
        ("a;=1", "a;'=1"),
        ("a; =1", "a;' =1"),
        ("a; b", "a; b"),
        ("a\t=1", "a\t'=1"),
        ("a\n=1", "a\n'=1"),
        ("a,=1", "a,=1"),
    ],
)
def test_an_apostrophe_goes_before_what_may_begin_a_formula(text: str, shown: str) -> None:
    assert defuse(text) == shown


texts = st.text(max_size=12) | st.text(st.sampled_from(f"{DANGEROUS} ;,'\"`a\u200b"), max_size=8)


@given(values=st.lists(texts, min_size=20, max_size=20))
def test_any_text_comes_back_but_for_the_apostrophes(
    full: Report, with_resources: Callable[..., Report], values: list[str]
) -> None:
    given_texts = iter(values)

    def filled(original: Any, *names: str) -> Any:
        return replace(original, **{name: next(given_texts) for name in names})

    resource = filled(
        next(resource for resource in full.resources if resource.waived),
        *("severity", "rule_name", "resource_id", "resource_type", "annotation"),
        *("since", "evaluated_at", "change", "unreadable", "console_url"),
    )
    waiver = filled(full.waivers[0], "owner", "expires", "reason", "status")
    rule = filled(full.rules[0], "requirement", "remedy")
    report = replace(
        with_resources(resource),
        waivers=[replace(waiver, waiver_id=resource.waiver_id)],
        rules=[replace(rule, rule_name=resource.rule_name)],
        problems=[],
    )
    header, cells = table(report)

    named = {field.name: getattr(resource, field.name) for field in fields(resource)} | {
        **{f"waiver_{name}": getattr(waiver, name) for name in ("owner", "expires", "reason")},
        "waiver_status": waiver.status,
        "requirement": rule.requirement,
        "remedy": rule.remedy,
        "status": "waived",
        "rule_status": "silent",
    }
    for name, cell in zip(header, cells, strict=True):
        assert cell.replace("'", "") == named[name].replace("'", "")
        assert cell == named[name] or set(named[name]) & set(DANGEROUS)
        assert not cell.startswith(tuple(DANGEROUS))
        for begun in re.split(r"[;\t\r\n]", cell):
            assert not begun.strip().startswith(tuple(SIGNS))
