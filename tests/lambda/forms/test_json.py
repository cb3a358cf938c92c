from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay import forms

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.report import Report

FILE = Path(__file__).parents[2] / "reports" / "report-1.2.json"


def test_it_holds_all_of_the_report(full: Report, empty: Report) -> None:
    for report in (full, empty):
        assert json.loads("".join(forms.load("json").write(report))) == asdict(report)


def test_the_example_file_is_the_full_report(full: Report) -> None:
    assert "".join(forms.load("json").write(full)) == FILE.read_text(encoding="utf-8")


def test_each_resource_has_a_line_of_its_own_and_is_yielded_by_itself(full: Report) -> None:
    pieces = list(forms.load("json").write(full))
    assert len(pieces) == len(full.resources) + 3
    lines = "".join(pieces).splitlines()
    resources = [line for line in lines if line.startswith("{") and len(line) > 1]
    assert [json.loads(line.rstrip(","))["resource_id"] for line in resources] == [
        resource.resource_id for resource in full.resources
    ]


def test_no_text_can_take_the_place_of_the_list_of_resources(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    hostile = replace(full.resources[0], annotation='"resources": []')
    report = replace(with_resources(hostile), history_table='"resources": []')
    assert json.loads("".join(forms.load("json").write(report))) == asdict(report)
