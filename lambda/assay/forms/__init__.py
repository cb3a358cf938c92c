"""The forms of the report, each in the module that its name says."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.forms.form import Form

NAMES = ("json", "html", "csv", "markdown", "ocsf", "asff", "sarif", "oscal")


def load(name: str) -> Form:
    """Imports the module of one form, and only that, and returns the form.

    Args:
        name: One of `NAMES`.
    """
    form: Form = import_module(f"{__name__}.{name}").FORM
    return form
