from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from assay import forms

if TYPE_CHECKING:
    from assay.report import Report


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
