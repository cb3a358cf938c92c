from __future__ import annotations

import csv
import json
import pkgutil
import re
from dataclasses import replace
from html import unescape
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from assay import forms
from assay.report import HealthProblem, UnreadableResource

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.report import Report

RECORDER_OFF = "AWS Config's recorder assay-dev does not record."
FAILED = "ebs-encryption-compliance"
SILENT_ONE = f"i-{2:017x}"
NEVER_READ = "arn:aws:s3:::never-read"


def test_every_form_has_a_module_and_every_module_is_a_form() -> None:
    modules = {module.name for module in pkgutil.iter_modules(forms.__path__)}
    assert set(forms.NAMES) <= modules
    loaded = {name: import_module(f"assay.forms.{name}") for name in modules}
    assert {name for name in loaded if hasattr(loaded[name], "FORM")} == set(forms.NAMES)


@pytest.mark.parametrize("name", forms.NAMES)
def test_the_same_report_gives_the_same_text_piece_by_piece(
    name: str, full: Report, empty: Report
) -> None:
    form = forms.load(name)
    for report in (full, empty):
        assert "".join(form.write(report)) == "".join(form.write(report))


def test_each_form_has_files_and_a_media_type_of_its_own() -> None:
    found = [forms.load(name) for name in forms.NAMES]
    assert len({form.suffix for form in found}) == len(found)
    assert all(form.suffix.startswith(".") for form in found)
    assert all("/" in form.content_type for form in found)


def report_with_gaps(full: Report) -> Report:
    """A report of four rules, each of which left something out, and of a recorder that is off."""
    ec2, rds, s3 = full.rules
    assert ec2.last_run
    assert s3.last_run
    never_read = [UnreadableResource(resource_id=NEVER_READ, error_code="AccessDenied")]
    return replace(
        full,
        rules=[
            replace(ec2, last_failure=None),
            rds,
            replace(s3, last_run=replace(s3.last_run, unreadable=never_read)),
            replace(s3, rule_name=FAILED, last_failure=replace(ec2.last_run, complete=False)),
        ],
        resources=[each for each in full.resources if each.config_resource_id == SILENT_ONE],
        problems=[
            HealthProblem(kind="recorder", message=RECORDER_OFF),
            HealthProblem(kind="silent", rule_name=ec2.rule_name, message="It is silent."),
            HealthProblem(kind="never_reported", rule_name=rds.rule_name, message="It never ran."),
            HealthProblem(kind="failed", rule_name=FAILED, message="It failed."),
            HealthProblem(kind="unreadable", rule_name=s3.rule_name, message="It is blind."),
        ],
    )


def said_in_json(text: str) -> object:
    """The record has the verdict as it is, and the rule beside it."""
    return json.loads(text)["rules"][0]["status"]


def said_in_html(text: str) -> object:
    return re.findall(r'<span class="badge ([a-z]*)">(?:(?!</span>).)*</svg>(Compl[^<]*)</s', text)


def said_in_csv(text: str) -> object:
    (row,) = [row for row in csv.DictReader(text.splitlines()) if SILENT_ONE in row["resource_id"]]
    return next(iter(row.values()))


def said_in_markdown(text: str) -> object:
    return re.findall("[0-9]+ compliant[^.]*", text)


def said_in_ocsf(text: str) -> object:
    (status,) = [
        each["compliance"]["status"]
        for each in json.loads(text)
        if each["resources"][0]["name"] == SILENT_ONE
    ]
    return status


def said_in_asff(text: str) -> object:
    (status,) = [
        each["Compliance"]["Status"]
        for each in json.loads(text)
        if each["Resources"][0]["Id"].endswith(SILENT_ONE)
    ]
    return status


def said_in_sarif(text: str) -> object:
    """It has violations only, and says whether there may be others."""
    (run,) = json.loads(text)["runs"]
    return run["results"], run["invocations"][0]["executionSuccessful"]


def said_in_oscal(text: str) -> object:
    (result,) = json.loads(text)["assessment-results"]["results"]
    return result["observations"][0]["title"]


# What each form says of a compliant resource whose rule is silent.
SAID: dict[str, tuple[Callable[[str], object], object]] = {
    "json": (said_in_json, "silent"),
    "html": (said_in_html, [("unconfirmed", "Compliant (not confirmed)")]),
    "csv": (said_in_csv, "compliant (not confirmed)"),
    "markdown": (said_in_markdown, ["1 compliant (not confirmed)"]),
    "ocsf": (said_in_ocsf, "Warning"),
    "asff": (said_in_asff, "WARNING"),
    "sarif": (said_in_sarif, ([], False)),
    "oscal": (said_in_oscal, "ec2-tag-compliance: compliant (not confirmed)"),
}


@pytest.mark.parametrize("name", forms.NAMES)
def test_no_form_is_silent_about_what_was_left_out(name: str, full: Report) -> None:
    report = report_with_gaps(full)
    text = unescape("".join(forms.load(name).write(report)))
    for problem in report.problems:
        assert problem.message in text
        assert problem.rule_name is None or problem.rule_name in text
    assert NEVER_READ in text


@pytest.mark.parametrize("name", forms.NAMES)
def test_no_form_shows_a_silent_rule_s_resource_as_plainly_compliant(
    name: str, full: Report
) -> None:
    read, expected = SAID[name]
    assert read("".join(forms.load(name).write(report_with_gaps(full)))) == expected
