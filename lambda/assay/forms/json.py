"""The report as JSON: the record itself, from which every other form can be made again.

A line for each resource, so that a large report can be searched line by line.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING

from assay.forms.form import Form
from assay.report import ResourceReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.report import Report

_RESOURCE_FIELDS = sorted(field.name for field in fields(ResourceReport))


def write(report: Report) -> Iterator[str]:
    """Writes the report."""
    around = asdict(replace(report, resources=[]))
    before, after = json.dumps(around, indent=1, sort_keys=True).split('"resources": []')
    yield f'{before}"resources": ['
    for number, resource in enumerate(report.resources):
        # Not `asdict`, which takes ten times as long.
        values = {name: getattr(resource, name) for name in _RESOURCE_FIELDS}
        yield f"{',' if number else ''}\n{json.dumps(values)}"
    yield f"\n]{after}\n"


FORM = Form(".json", "application/json", write)
