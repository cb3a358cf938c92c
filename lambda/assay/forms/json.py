"""The report as JSON: the record itself, from which every other form can be made again.

A line for each resource, so that a large report can be searched line by line.
"""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING

from assay.forms.form import Form
from assay.forms.streaming import write_object
from assay.report import ResourceReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.report import Report

_RESOURCE_FIELDS = sorted(field.name for field in fields(ResourceReport))


def write(report: Report) -> Iterator[str]:
    """Writes the report."""
    return write_object(
        asdict(replace(report, resources=[])),
        {
            "resources": (
                # Not `asdict`, which takes ten times as long.
                {name: getattr(resource, name) for name in _RESOURCE_FIELDS}
                for resource in report.resources
            )
        },
        sort_keys=True,
    )


FORM = Form(".json", "application/json", write)
