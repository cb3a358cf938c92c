"""The page: what holds of its text, without a browser."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from assay.forms.html import FORM, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.report import Report, ResourceReport

HOSTILE = "</script><script>alert(1)</script><!-- \" ' & \u2028 {{ 7 * 7 }}"
ADDRESSES = {"src", "href", "action", "data", "poster", "srcset", "ping", "background"}


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes an element."""
        self._open = tag
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the base class names it
        """Ends an element; what follows is none of its text."""
        self._open = None

    def handle_data(self, data: str) -> None:
        """Notes an element's text before any other element."""
        if self._open:
            self.texts[self._open][-1] += data

    def named(self, tag: str) -> list[dict[str, str]]:
        """Returns the attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]


def page(report: Report) -> Page:
    return Page("".join(write(report)))


def words(report: Report) -> str:
    """The text that is there without scripts, with single spaces."""
    text = "".join(write(report)).partition("<header>")[2].partition('<script type="')[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def data(report: Report) -> Any:
    found = page(report)
    [place] = [
        place
        for place, attributes in enumerate(found.named("script"))
        if attributes == {"type": "application/json", "id": "data"}
    ]
    return json.loads(found.texts["script"][place])


def seconds(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp())


def expected(resource: ResourceReport) -> tuple[Any, ...]:
    return (
        resource.resource_id,
        resource.rule_name,
        resource.severity,
        resource.annotation,
        resource.console_url,
        seconds(resource.since),
        seconds(resource.evaluated_at),
        resource.unreadable or "",
        resource.change or "",
    )


def decoded(report: Report) -> list[tuple[Any, ...]]:
    """The rows of the data block, read as the script reads them."""
    block = data(report)
    tables = block["tables"]

    def texts(table: str, column: str = "") -> list[Any]:
        return [tables[table][place] for place in block[column or table]]

    arns = [before + name for before, name in zip(texts("before"), block["name"], strict=True)]
    urls = [url.replace("\0", name) for url, name in zip(texts("url"), block["name"], strict=True)]
    return list(
        zip(
            arns,
            texts("rule"),
            texts("severity"),
            texts("reason"),
            urls,
            texts("time", "since"),
            texts("time", "checked"),
            texts("unreadable"),
            texts("change"),
            strict=True,
        )
    )


def test_it_is_html_in_utf_8() -> None:
    assert (FORM.suffix, FORM.content_type) == (".html", "text/html; charset=utf-8")


def test_the_same_report_gives_the_same_page(full: Report) -> None:
    assert list(write(full)) == list(write(replace(full)))


def test_the_policy_allows_the_one_style_and_the_one_script_and_nothing_else(
    full: Report,
) -> None:
    found = page(full)
    [policy] = [
        meta["content"]
        for meta in found.named("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    [style], [_, script] = found.texts["style"], found.texts["script"]
    hashes = [
        f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (style, script)
    ]
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src {hashes[0]}",
        f"script-src {hashes[1]}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    # Before anything that it is to hold for.
    assert [name for name, _ in found.elements[:4]] == ["html", "head", "meta", "meta"]
    assert "http-equiv" in found.elements[3][1]


def test_nothing_is_loaded_from_anywhere(full: Report) -> None:
    found = page(full)
    for name, attributes in found.elements:
        loaded = {} if name == "a" else ADDRESSES & set(attributes)
        for attribute in loaded:
            assert attributes[attribute].startswith(("#", "data:image/svg+xml,"))
        assert not {key for key in attributes if key == "style" or key.startswith("on")}
    [style], [_, script] = found.texts["style"], found.texts["script"]
    assert not re.search(r"url\(|@import|@font-face", style)
    assert not re.search(r"\beval\b|innerHTML|Function\(|fetch|XMLHttp|import", script)


@pytest.mark.parametrize(
    "field", ["resource_id", "rule_name", "annotation", "severity", "unreadable", "console_url"]
)
def test_a_hostile_resource_is_only_text(
    full: Report, with_resources: Callable[..., Report], field: str
) -> None:
    hostile: dict[str, Any] = {field: HOSTILE}
    report = with_resources(replace(full.resources[0], **hostile))
    text = "".join(write(report))
    harmless = page(with_resources(full.resources[0]))
    found = page(report)
    assert len(found.named("script")) == len(harmless.named("script")) == 2
    assert "<script>alert" not in text
    assert "<!--" not in text
    if field != "console_url":
        assert HOSTILE in {each for row in decoded(report) for each in row}
        assert unescape(text).count(HOSTILE) >= 1


def test_hostile_words_of_owners_and_errors_are_only_text(full: Report) -> None:
    report = replace(
        full,
        environment_suffix=HOSTILE,
        waivers=[replace(each, owner=HOSTILE, reason=HOSTILE) for each in full.waivers],
        problems=[replace(each, message=HOSTILE) for each in full.problems],
        rules=[replace(each, remedy=HOSTILE, rationale=HOSTILE) for each in full.rules],
    )
    assert len(page(report).named("script")) == 2
    assert "<script>alert" not in "".join(write(report))
    # The environment, waivers with their resources' notes, problems and rules.
    assert words(report).count("{{ 7 * 7 }}") == 1 + (3 * 2 + 3) + 8 + 3 * 2


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " https://example.com",
        "http://example.com/",
        "https://example.com/\0",
        "https://example.com/a b",
        "//example.com",
        "data:text/html,x",
        "",
    ],
)
def test_only_https_addresses_become_links(
    full: Report, with_resources: Callable[..., Report], url: str
) -> None:
    report = replace(with_resources(replace(full.resources[0], console_url=url)), dashboard_url=url)
    links = [link["href"] for link in page(report).named("a")]
    assert [link for link in links if not link.startswith("#")] == []
    assert data(report)["tables"]["url"] == [""]


def test_resources_and_the_dashboard_are_linked(full: Report) -> None:
    links = [link["href"] for link in page(full).named("a")]
    for resource in full.resources:
        assert resource.console_url in links
    assert full.dashboard_url in links


def test_the_data_hold_all_resources_with_the_most_urgent_first(full: Report) -> None:
    rows = decoded(full)
    assert sorted(rows) == sorted(map(expected, full.resources))
    names = [row[0].rpartition(":")[2].rpartition("/")[2] for row in rows]
    assert names == [
        "new-uploads",
        "closed",
        "i-00000000000000001",
        "legacy",
        "i-00000000000000003",
        "i-00000000000000002",
        "vault",
        "gone",
    ]
    block = data(full)
    assert [block["statuses"][place][0] for place in block["status"]] == [
        *["open"] * 3,
        "waived",
        *["unconfirmed"] * 2,
        "compliant",
        "not-applicable",
    ]
    notes = [block["tables"]["note"][place] for place in block["note"]]
    assert notes[0] == "The waiver of uploads@example.com expired on 2026-11-01."
    assert notes[3] == (
        "Waived until 2026-11-30 by archive@example.com: It is deleted with the <old> system."
    )
    assert set(notes[1:3] + notes[4:]) == {""}
    assert block["rows"] == 8
    assert block["now"] == seconds(full.generated_at)


def test_names_are_cut_out_of_addresses_but_for_those_that_are_empty(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    odd = [
        replace(full.resources[0], resource_id=resource_id, console_url=url)
        for resource_id, url in (
            ("", "https://example.com/"),
            ("arn:aws:s3:::", "https://example.com/x"),
            ("arn:aws:s3:::a", "https://example.com/a?a=a"),
            ("no-arn", "https://example.com/no-arn"),
        )
    ]
    report = with_resources(*odd)
    assert sorted(decoded(report)) == sorted(map(expected, odd))
    assert "https://example.com/\0" in data(report)["tables"]["url"]


def test_texts_that_repeat_are_written_once(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    many = [
        replace(full.resources[-1], resource_id=f"arn:aws:s3:::b{number:05}", console_url="")
        for number in range(3000)
    ]
    report = with_resources(*many)
    assert sorted(decoded(report)) == sorted(map(expected, many))
    tables = data(report)["tables"]
    assert tables["reason"] == [many[0].annotation]
    assert tables["before"] == ["arn:aws:s3:::"]
    assert len(tables["time"]) == 2
    size = len("".join(write(report))) - len("".join(write(with_resources(*many[:1000]))))
    assert size < 2000 * 60


def test_it_is_written_in_small_pieces(full: Report, with_resources: Callable[..., Report]) -> None:
    many = [
        replace(
            full.resources[-1], resource_id=f"arn:aws:s3:::b{number:05}", annotation=f"{number}"
        )
        for number in range(20_000)
    ]
    pieces = list(write(with_resources(*many)))
    assert sum(map(len, pieces)) > 1_000_000
    # The style and the script are pieces by themselves.
    assert max(map(len, pieces)) < 40_000


def test_nothing_is_written_before_it_is_asked_for(full: Report) -> None:
    pieces = write(full)
    assert "<!doctype html>" in next(pieces)


def test_without_scripts_the_first_two_hundred_rows_are_there(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    many = [
        replace(full.resources[-1], resource_id=f"arn:aws:s3:::b{number:05}", change=None)
        for number in range(1234)
    ]
    text = words(with_resources(*many))
    assert "The first 200 of 1,234 rows, open violations first." in text
    assert "in the JSON and CSV forms" in text
    assert "b00199" in text
    assert "b00200" not in text


def test_without_scripts_a_small_report_is_whole(full: Report) -> None:
    text = words(full)
    assert "All 8 rows, open violations first." in text
    for resource in full.resources:
        assert resource.resource_id in text
        assert " ".join(resource.annotation.split()) in text
    for rule in full.rules:
        assert rule.requirement in text
        assert rule.rationale in text
        assert rule.remedy in text
    for waiver in full.waivers:
        assert waiver.owner in text
        assert waiver.reason in text
        assert waiver.expires in text


def test_the_head_says_what_was_looked_at_and_when(full: Report) -> None:
    text = words(full)
    for fact in ("dev", "123456789012", "us-east-1", "23 Nov 2026, 06:20 UTC"):
        assert fact in text
    assert page(full).texts["title"][0] == "Compliance report: dev, 123456789012, us-east-1"


def test_the_score_has_its_numerator_and_denominator(full: Report) -> None:
    text = words(full)
    assert "50 % 3 of 6 judged resources are compliant." in text
    assert (
        "3 open violations 1 waived 1 compliant 1 not applicable 2 compliant (not confirmed)"
    ) in text


def test_a_score_of_nothing_is_a_dash(empty: Report) -> None:
    text = words(empty)
    assert "\N{EN DASH} Nothing judged." in text
    assert "No score: nothing was judged" in text
    assert "100 %" not in text
    assert "There is no earlier report, so there is no trend yet." in text
    assert "There is no earlier report to compare with." in text
    assert "There are no rules, so nothing was judged." in text
    assert "There are no waivers." in text
    assert "No resource has been judged." in text
    assert data(empty)["rows"] == 0


@pytest.mark.parametrize(
    ("score", "non_compliant", "shown"),
    [
        (100.0, 0, "100 %"),
        (100.0, 1, "> 99.99 %"),
        (99.9, 1, "99.9 %"),
        (66.67, 1, "66.67 %"),
        (0.0, 1, "0 %"),
    ],
)
def test_a_score_is_whole_only_without_violations(
    full: Report, score: float, non_compliant: int, shown: str
) -> None:
    summary = replace(full.summary, score=score, non_compliant=non_compliant, compliant=2)
    text = words(replace(full, summary=summary))
    assert f" {shown} {2:,} of {2 + non_compliant} judged resources" in text


def test_a_rule_that_does_not_report_is_never_green(full: Report) -> None:
    text = "".join(write(full))
    assert text.count('class="part unsure"') == 2
    assert text.count('class="part"') == 1
    assert "2 of 3 rules are not known to report in time." in words(full)
    well = replace(full, rules=[replace(rule, status="reporting") for rule in full.rules])
    assert 'class="part unsure"' not in "".join(write(well))
    one = replace(full, rules=[*well.rules[:2], replace(full.rules[2], status="silent")])
    assert "1 of 3 rules is not known to report in time." in words(one)


def test_no_row_of_a_rule_that_does_not_report_is_green(full: Report) -> None:
    badge = re.compile(r'<span class="badge (compliant|unconfirmed)">.*?</svg>([^<]*)</span>')
    assert badge.findall("".join(write(full))) == [
        *[("unconfirmed", "Compliant (not confirmed)")] * 2,
        ("compliant", "Compliant"),
    ]
    well = replace(full, rules=[replace(rule, status="reporting") for rule in full.rules])
    assert badge.findall("".join(write(well))) == [("compliant", "Compliant")] * 3
    assert "not confirmed" not in words(well)


def test_a_row_that_could_not_be_read_again_is_not_green(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    vault = next(each for each in full.resources if each.config_resource_id == "vault")
    block = data(with_resources(replace(vault, unreadable="AccessDenied"), vault))
    assert [block["statuses"][place] for place in block["status"]] == [
        ["unconfirmed", "Compliant (not confirmed)"],
        ["compliant", "Compliant"],
    ]


def test_a_verdict_of_no_known_kind_is_shown_as_such(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    odd = replace(full.resources[-1], compliance_type="INSUFFICIENT_DATA")
    assert '<span class="badge unknown">' in "".join(write(with_resources(odd)))
    assert "Not known" in words(with_resources(odd))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "1 violation of then is not judged any more, because the rule is not in this report."),
        (2, "2 violations of then are not judged any more, because"),
    ],
)
def test_violations_that_nobody_judges_any_more_are_told(
    full: Report, number: int, said: str
) -> None:
    report = replace(full, changes=replace(full.changes, no_longer_judged=number))
    assert said in words(report)
    assert "any more" not in words(full)


def test_changes_are_listed_with_their_age(full: Report) -> None:
    text = words(full)
    assert "Since the report of 23 Nov 2026, 00:20 UTC." in text
    assert "1 new new-uploads s3-encryption-compliance · high · open for 1 hour" in text
    assert "1 resolved i-00000000000000003 ec2-tag-compliance · compliant (not confirmed)" in text
    assert (
        "2 still open i-00000000000000001 ec2-tag-compliance · medium · open for 22 days "
        "closed s3-encryption-compliance · high · open for 3 days" in text
    )


def test_what_is_beyond_a_list_is_counted(full: Report) -> None:
    report = replace(full, changes=replace(full.changes, new=1234))
    assert "And 1,233 more." in words(report)


def test_a_first_report_lists_what_has_been_open_for_longest(full: Report) -> None:
    resources = [replace(each, change=None) for each in full.resources]
    report = replace(full, resources=resources, changes=replace(full.changes, compared_with=None))
    text = words(report)
    assert "3 open i-00000000000000001" in text
    assert "high · open for 1 hour" in text.partition("3 open")[2]


def test_the_trend_has_a_gap_where_nothing_was_judged(full: Report) -> None:
    points = [
        replace(full.trend[number], score=score)
        for number, score in enumerate([None, 50.0, None, 25.0, 75.0])
    ]
    report = replace(full, trend=points, generated_at="2026-11-21T06:20:00.000000Z")
    curves = re.findall(r'<path d="([^"]*)" class="(curve|area|silent)"', "".join(write(report)))
    assert curves == [
        (
            "M200.0 50.0h0V100H200.0ZM600.0 75.0h0L800.0 25.0L1000.0 50.0V100H600.0Z",
            "area",
        ),
        ("M200.0 50.0h0M600.0 75.0h0L800.0 25.0L1000.0 50.0", "curve"),
        ("M1000.0 100V92", "silent"),
    ]
    assert "\N{EN DASH} on 20 Nov 2026, 00:20, 50 % on 21 Nov 2026, 06:20, in 6 reports." in words(
        report
    )


def test_the_trend_says_nothing_of_silence_when_there_was_none(full: Report) -> None:
    report = replace(full, rules=[replace(rule, status="reporting") for rule in full.rules])
    assert "a rule was silent then" not in words(report)
    unknown = replace(full, rules=[replace(rule, status=None) for rule in full.rules])
    assert "23 Nov 2026, 06:20 50 % 3 3 1 3" in words(unknown)
    assert "a rule was silent then" in words(full)


def test_the_trend_is_a_table_too(full: Report) -> None:
    text = words(full)
    assert "The numbers of 14 reports" in text
    assert "23 Nov 2026, 06:20 50 % 3 3 1 2 23 Nov 2026, 00:20 66.67 % 4 2 1 0" in text


def test_the_scanners_health_is_told(full: Report) -> None:
    text = words(full)
    assert "The scanner has 5 problems." in text
    assert "Silent No sweep has been completed since 2026-11-21 06:00 UTC." in text
    assert "Waiver unused The waiver for arn:aws:s3:::nobody-has-this-*" in text
    assert "assay-dev Records no Last delivery Failure Error AccessDenied" in text
    assert "ec2-tag-compliance Silent 21 Nov 2026, 06:00 2 days old 4.5 s 5 0" in text
    assert "listing: UnauthorizedOperation. You are not authorized to perform <this>" in text
    assert "rds-backup-compliance Never reported never" in text
    assert "1 resource of s3-encryption-compliance could not be read" in text
    assert "arn:aws:s3:::closed AccessDenied" in text
    assert "Not read again: AccessDenied" in text


@pytest.mark.parametrize(
    ("recording", "shown"), [(None, "not known"), (True, "yes"), (False, "no")]
)
def test_what_the_recorder_does_is_told(full: Report, recording: bool | None, shown: str) -> None:
    assert full.recorder
    recorder = replace(full.recorder, recording=recording, last_status=None, error=None)
    text = words(replace(full, recorder=recorder))
    assert f"Records {shown} Last delivery not known" in text
    assert "Error" not in text.partition("Last delivery")[2].partition("Sweeps")[0]


def test_all_is_well_only_when_every_rule_reports(full: Report) -> None:
    well = [replace(rule, status="reporting") for rule in full.rules]
    good = "All rules reported in time, and no problem is known."
    assert good in words(replace(full, problems=[], rules=well))
    unknown = words(
        replace(full, problems=[], rules=[replace(well[0], status=None)], recorder=None)
    )
    assert good not in unknown
    assert "This report does not know how its rule is." in unknown
    assert "No recorder of AWS Config is watched here." in unknown


def test_resources_that_were_not_read_are_counted_beyond_those_that_are_named(
    full: Report,
) -> None:
    last = full.rules[2]
    assert last.last_run
    rule = replace(last, last_run=replace(last.last_run, unreadable_count=1001))
    text = words(replace(full, rules=[rule]))
    assert "1,001 resources of s3-encryption-compliance could not be read" in text
    assert "And 1,000 more." in text


def test_waivers_are_listed_with_what_they_cover(full: Report) -> None:
    text = words(full)
    assert "arn:aws:s3:::new-* s3-encryption-compliance Expired uploads@example.com" in text
    assert "Active Unused nobody@example.com" in text
    assert "2026-11-30 1 violation of 1 resource" in text


def test_a_rule_that_the_report_does_not_explain_is_no_link(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    report = with_resources(replace(full.resources[0], rule_name="gone-rule"))
    block = data(report)
    assert block["rule"] == [3]
    assert block["explained"] == 3
    assert "#rule-gone-rule" not in "".join(write(report))
    assert "gone-rule" in words(report)


def test_severities_are_sorted_and_strange_ones_come_last(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    violation = next(each for each in full.resources if each.is_open)
    severities = ["strange", "low", "critical", "medium", "high"]
    report = with_resources(*(replace(violation, severity=name) for name in severities))
    assert [row[2] for row in decoded(report)] == ["critical", "high", "medium", "low", "strange"]


@pytest.mark.parametrize(
    ("since", "shown"),
    [
        ("2026-11-23T06:19:30.000000Z", "less than a minute"),
        ("2026-11-23T06:18:30.000000Z", "1 minute"),
        ("2026-11-23T04:20:00.000000Z", "2 hours"),
        ("2026-11-22T06:20:00.000000Z", "1 day"),
        ("2022-11-23T06:20:00.000000Z", "1,461 days"),
        ("2026-12-01T00:00:00.000000Z", "less than a minute"),
    ],
)
def test_ages_are_in_words(
    full: Report, with_resources: Callable[..., Report], since: str, shown: str
) -> None:
    report = with_resources(replace(full.resources[0], since=since))
    assert f'data-label="Since (UTC)"><b>{shown}</b>' in "".join(write(report))


def test_a_report_of_the_first_version_has_a_page(full: Report, empty: Report) -> None:
    rules = [
        replace(rule, rationale="", remedy="", resource_type="", status=None, last_failure=None)
        for rule in full.rules
    ]
    resources = [
        replace(each, console_url="", waived=False, waiver_id=None, change=None)
        for each in full.resources
    ]
    text = words(replace(empty, summary=full.summary, rules=rules, resources=resources))
    assert "3 of 3 rules are not known to report in time." in text
    assert "This report does not know how some of its rules are." in text
    assert "Not known" in text
