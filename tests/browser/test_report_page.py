"""The page, used as people use it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from assay.report import Report, ResourceReport

OpenPage = Callable[..., Page]
WithMany = Callable[[int], Report]

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"width": 360, "height": 740}
LONG = "a-name-without-an-end" * 12


def rows(page: Page) -> Locator:
    return page.locator("#rows > tr")


def names(page: Page) -> list[str]:
    return page.locator("#rows .name").all_inner_texts()


def shown(page: Page) -> str:
    return page.locator("#shown").inner_text()


def name(resource: ResourceReport) -> str:
    return resource.resource_id.rpartition(":")[2].rpartition("/")[2]


def header(page: Page, label: str) -> Locator:
    return page.locator("#table").get_by_role("columnheader", name=label)


def choose(page: Page, label: str, option: str) -> None:
    select = page.get_by_role("search").get_by_label(label)
    # The first one says that all are wanted, and has no count.
    _, *options = select.locator("option").all_inner_texts()
    place = [text.rpartition(" (")[0] for text in options].index(option)
    select.select_option(index=1 + place)


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("Resource", lambda each: each.resource_id),
        ("Rule", lambda each: each.rule_name),
        ("Reason", lambda each: each.annotation),
        ("Since", lambda each: each.since),
        ("Checked", lambda each: each.evaluated_at),
    ],
)
def test_every_column_is_sorted_by_the_keyboard(
    open_page: OpenPage, full: Report, label: str, key: Callable[[ResourceReport], str]
) -> None:
    page = open_page(full)
    urgent = names(page)
    by_name = {name(each): each for each in full.resources}
    for direction, keyboard in (("ascending", "Enter"), ("descending", "Space")):
        header(page, label).get_by_role("button").press(keyboard)
        expect(header(page, label)).to_have_attribute("aria-sort", direction)
        # Equal ones stay in their first order, whichever way.
        expected = sorted(
            urgent, key=lambda each: key(by_name[each]), reverse=direction == "descending"
        )
        assert names(page) == expected
    assert page.locator("[aria-sort=none]").count() == 6
    assert shown(page).endswith(f"sorted by {label.lower()}, the other way round.")


def test_status_and_severity_are_sorted_by_their_weight(open_page: OpenPage, full: Report) -> None:
    page = open_page(full)
    expect(header(page, "Status")).to_have_attribute("aria-sort", "ascending")
    assert names(page)[0] == "new-uploads"
    header(page, "Status").get_by_role("button").click()
    assert names(page)[0] == "gone"
    header(page, "Severity").get_by_role("button").click()
    severities = page.locator("#rows .severity").all_inner_texts()
    assert severities == ["high"] * 5 + ["medium"] * 3


@pytest.mark.parametrize(
    ("label", "option", "found"),
    [
        ("Status", "Violation", ["new-uploads", "closed", "i-00000000000000001"]),
        ("Status", "Waived", ["legacy"]),
        ("Status", "Compliant", ["vault"]),
        (
            "Status",
            "Compliant (not confirmed)",
            ["i-00000000000000003", "i-00000000000000002"],
        ),
        ("Status", "Not applicable", ["gone"]),
        ("Severity", "Medium", [f"i-0000000000000000{number}" for number in (1, 3, 2)]),
        ("Rule", "ec2-tag-compliance", [f"i-0000000000000000{number}" for number in (1, 3, 2)]),
        ("Change", "New", ["new-uploads"]),
        ("Change", "Resolved", ["i-00000000000000003"]),
        ("Last sweep", "Could not be read", ["closed"]),
    ],
)
def test_rows_are_filtered(
    open_page: OpenPage, full: Report, label: str, option: str, found: list[str]
) -> None:
    page = open_page(full)
    everything = names(page)
    choose(page, label, option)
    assert names(page) == found
    assert f"of {len(found)} (8 without filters)" in shown(page)
    page.get_by_role("button", name="Clear").press("Enter")
    expect(rows(page)).to_have_count(8)
    assert names(page) == everything


def test_filters_hold_together(open_page: OpenPage, full: Report) -> None:
    page = open_page(full)
    choose(page, "Status", "Violation")
    choose(page, "Severity", "High")
    choose(page, "Last sweep", "Could not be read")
    assert names(page) == ["closed"]
    choose(page, "Change", "New")
    assert page.locator("#rows").inner_text() == "No resource is like that."
    assert shown(page) == "No resource is like that (8 without filters)."


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("legacy", ["legacy"]),
        ("ARN:aws:s3:::VAULT", ["vault"]),
        ("instance/i-00000000000000002", ["i-00000000000000002"]),
        ("ünïcode", ["i-00000000000000001"]),
        ("archive@example.com", ["legacy"]),
        ("accessdenied", ["closed"]),
        ("encryption violation new", ["new-uploads"]),
        ("resolved", ["i-00000000000000003"]),
        ("not confirmed medium", ["i-00000000000000003", "i-00000000000000002"]),
        ("encryption no-such-word", []),
    ],
)
def test_words_are_searched_for_in_everything(
    open_page: OpenPage, full: Report, words: str, found: list[str]
) -> None:
    page = open_page(full)
    page.get_by_role("searchbox", name="Search").fill(words)
    expect(page.locator("#rows .name")).to_have_count(len(found))
    assert names(page) == found


def test_a_search_is_no_submission(open_page: OpenPage, full: Report) -> None:
    page = open_page(full)
    box = page.get_by_role("searchbox", name="Search")
    box.fill("vault")
    box.press("Enter")
    expect(rows(page)).to_have_count(1)
    assert page.url.endswith("report.html")


def test_pages_are_turned_by_the_keyboard(open_page: OpenPage, with_many: WithMany) -> None:
    page = open_page(with_many(5000))
    assert shown(page) == "Rows 1 to 50 of 5,000, sorted by status."
    assert rows(page).count() == 50
    first = names(page)
    following = page.get_by_role("button", name="Next")
    following.focus()
    page.keyboard.press("Enter")
    assert page.locator("#page").inner_text() == "Page 2 of 100"
    assert not set(first) & set(names(page))
    expect(following).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#page").inner_text() == "Page 100 of 100"
    assert shown(page) == "Rows 4,951 to 5,000 of 5,000, sorted by status."
    expect(following).to_have_attribute("aria-disabled", "true")
    last = names(page)
    following.press("Enter")
    assert names(page) == last
    page.get_by_role("button", name="Previous").press("Enter")
    assert page.locator("#page").inner_text() == "Page 99 of 100"
    page.get_by_role("button", name="First").press("Space")
    assert names(page) == first
    page.locator("#size").select_option("200")
    assert rows(page).count() == 200
    assert page.locator("#page").inner_text() == "Page 1 of 25"


def test_what_is_found_is_what_there_is(open_page: OpenPage, with_many: WithMany) -> None:
    report = with_many(5000)
    page = open_page(report)
    choose(page, "Status", "Violation")
    page.get_by_role("searchbox").fill("beta 77")
    expected = [
        each
        for each in report.resources
        if each.is_open
        and "beta" in each.resource_id
        and ("77" in each.resource_id or "77" in each.annotation)
    ]
    expect(page.locator("#shown")).to_contain_text(f"of {len(expected)} (5,000 without filters)")
    page.locator("#size").select_option("200")
    header(page, "Resource").get_by_role("button").click()
    assert names(page) == sorted(name(each) for each in expected)


def test_a_rules_violations_are_one_click_away(open_page: OpenPage, full: Report) -> None:
    page = open_page(full)
    page.get_by_role("searchbox").fill("vault")
    row = page.locator("table.rules tr", has_text="s3-encryption-compliance")
    row.get_by_role("cell").get_by_role("link").click()
    expect(rows(page)).to_have_count(2)
    assert names(page) == ["new-uploads", "closed"]
    assert page.get_by_role("searchbox").input_value() == ""
    assert page.url.endswith("#resources")


def test_the_script_makes_the_rows_that_are_there_without_it(
    open_page: OpenPage, full: Report
) -> None:
    strange = replace(
        full.resources[0], rule_name="unknown", severity="odd", console_url="", resource_id="odd:"
    )
    unjudged = replace(full.resources[0], compliance_type="INSUFFICIENT_DATA")
    report = replace(full, resources=[*full.resources, strange, unjudged])
    rendered = """rows => rows.map(row => [
        row.className, row.innerText, [...row.querySelectorAll("a, use, time, td")].map(
            each => [each.getAttribute("href"), each.dateTime, each.className, each.dataset?.label]
        )
    ])"""
    with_script, without = (
        rows(open_page(report, java_script_enabled=enabled)).evaluate_all(rendered)
        for enabled in (True, False)
    )
    assert len(with_script) == 10
    assert {classes for classes, *_ in with_script} == {
        *("open", "waived", "unknown", "unconfirmed", "compliant", "not-applicable")
    }
    assert with_script == without


def test_what_matters_is_there_without_scripts(open_page: OpenPage, full: Report) -> None:
    page = open_page(full, java_script_enabled=False)
    for text in (
        "3 of 6 judged resources are compliant.",
        "The scanner has 5 problems.",
        "All 8 rows, open violations first.",
        "The waiver of uploads@example.com expired on 2026-11-01.",
    ):
        expect(page.get_by_text(text)).to_be_visible()
    for heading in ("What changed", "The scanner's health", "Waivers", "Resources"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    assert rows(page).count() == 8
    assert page.get_by_role("button").count() == 0
    assert page.locator("#filters").is_hidden()
    assert page.locator("#pages").is_hidden()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scripts", [True, False])
def test_what_is_not_confirmed_is_never_green(
    open_page: OpenPage, full: Report, width: int, scripts: bool
) -> None:
    page = open_page(full, java_script_enabled=scripts, viewport={"width": width, "height": 740})
    green = page.locator("#rows .badge.compliant")
    unconfirmed = page.locator("#rows .badge.unconfirmed")
    assert green.all_inner_texts() == ["Compliant"]
    assert unconfirmed.all_inner_texts() == ["Compliant (not confirmed)"] * 2
    color = "each => getComputedStyle(each).color"
    colors = {each.first.evaluate(color) for each in (green, unconfirmed)}
    assert len(colors) == 2
    shapes = {each.first.locator("use").get_attribute("href") for each in (green, unconfirmed)}
    assert shapes == {"#icon-compliant", "#icon-unconfirmed"}
    # Its words stay inside their column.
    inside = """badge => badge.getBoundingClientRect().right
        <= badge.parentElement.getBoundingClientRect().right"""
    assert unconfirmed.first.evaluate(inside)
    expect(page.locator(".legend")).to_contain_text("2 compliant (not confirmed)")


def test_paper_has_all_open_violations(open_page: OpenPage, full: Report) -> None:
    page = open_page(full)
    choose(page, "Status", "Compliant")
    filtered = names(page)
    # The page's own listener comes first.
    page.evaluate(
        """addEventListener("beforeprint", () => {
            window.printed = [...document.querySelectorAll("#rows .name")].map(e => e.innerText);
            window.said = document.getElementById("on-paper").innerText;
        })"""
    )
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert page.evaluate("printed") == ["new-uploads", "closed", "i-00000000000000001"]
    assert page.evaluate("said") == "On paper: all open violations, the most severe first (3)."
    assert names(page) == filtered
    assert page.locator("#on-paper").is_hidden()


def test_paper_ends_somewhere(open_page: OpenPage, with_many: WithMany) -> None:
    page = open_page(with_many(6000))
    page.evaluate('dispatchEvent(new Event("beforeprint"))')
    assert rows(page).count() == 1000
    expect(page.locator("#on-paper")).to_have_text(
        "On paper: the first 1,000 of 2,000 open violations, the most severe first. "
        "All rows are in the JSON and CSV forms of the report."
    )
    page.evaluate('dispatchEvent(new Event("afterprint"))')
    assert rows(page).count() == 50


def test_paper_says_that_there_is_no_violation(open_page: OpenPage, empty: Report) -> None:
    page = open_page(empty)
    assert page.locator("#rows").inner_text() == "No resource is like that."
    page.evaluate('dispatchEvent(new Event("beforeprint"))')
    assert page.locator("#rows").inner_text() == "There is no open violation."


def test_paper_is_light_and_has_no_controls(open_page: OpenPage, full: Report) -> None:
    page = open_page(full, color_scheme="dark")
    background = "getComputedStyle(document.querySelector('.card')).backgroundColor"
    dark = page.evaluate(background)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(background) == "rgb(255, 255, 255)" != dark
    for control in ("#filters", "#pages", "header nav", ".skip"):
        assert page.locator(control).is_hidden()


def test_the_first_stop_of_the_keyboard_leads_past_the_head(
    open_page: OpenPage, full: Report
) -> None:
    page = open_page(full)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the report")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


@pytest.mark.parametrize("width", [360, 390, 768, 1024, 1280])
def test_nothing_stands_out_at_the_side(open_page: OpenPage, full: Report, width: int) -> None:
    resources = [
        replace(each, resource_id=f"arn:aws:s3:::{LONG}", annotation=LONG, unreadable=LONG)
        for each in full.resources
    ]
    waivers = [replace(each, resource=LONG, owner=LONG, reason=LONG) for each in full.waivers]
    problems = [replace(each, message=LONG) for each in full.problems]
    report = replace(
        full, resources=resources, waivers=waivers, problems=problems, history_table=LONG
    )
    page = open_page(report, viewport={"width": width, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_phone_gets_shorter_pages_and_can_sort(open_page: OpenPage, with_many: WithMany) -> None:
    page = open_page(with_many(100), viewport=PHONE)
    assert rows(page).count() == 25
    header(page, "Resource").get_by_role("button").click()
    assert shown(page) == "Rows 1 to 25 of 100, sorted by resource."


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 900}])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["full", "empty", "many"])
def test_axe_finds_nothing(
    open_page: OpenPage,
    full: Report,
    empty: Report,
    with_many: WithMany,
    which: str,
    color_scheme: str,
    viewport: dict[str, int],
) -> None:
    report = {"full": full, "empty": empty}.get(which) or with_many(1000)
    page = open_page(report, viewport=viewport, color_scheme=color_scheme)
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")
    # By the debugger, which the page's policy does not hold for.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = page.evaluate(
        "axe.run({ rules: { 'target-size': { enabled: true } } })"
    )
    assert result["passes"]
    assert [(each["id"], each["nodes"]) for each in result["violations"]] == []


def test_fifty_thousand_resources_are_a_page_of_few_elements(
    open_page: OpenPage, with_many: WithMany
) -> None:
    page = open_page(with_many(50_000))
    assert page.evaluate('performance.getEntriesByName("usable").length') == 1
    assert shown(page) == "Rows 1 to 50 of 50,000, sorted by status."
    assert page.locator("*").count() < 5000
