"""IAM's policy documents, for rules that look for statements in them.

See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html. AWS keeps no
document of any other shape; in one that is, nothing is found, and nothing fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def statements(document: object) -> Iterator[Mapping[str, object]]:
    """Yields a document's statements, of which there may be one without a list around it."""
    if isinstance(document, Mapping):
        for statement in _one_or_many(document.get("Statement")):
            if isinstance(statement, Mapping):
                yield statement


def texts(element: object) -> list[str]:
    """Returns the values of an element that takes one or a list of them; none of a missing one.

    Numbers and booleans may be written with and without quotation marks; here all are strings.
    """
    return [str(value) for value in _one_or_many(element)]


def matches(pattern: str, text: str) -> bool:
    """Tells whether a pattern of an action or a resource, with `*` and `?`, matches a text."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _one_or_many(element: object) -> list[object]:
    if element is None:
        return []
    return element if isinstance(element, list) else [element]
