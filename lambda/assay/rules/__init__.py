"""All rules, found by the files present: adding a file adds a rule."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from inspect import isabstract
from typing import TYPE_CHECKING

from assay.rule import Rule

if TYPE_CHECKING:
    from assay.rule import AnyRule


class UnknownRuleError(LookupError):
    """There is no rule of the given name."""


def names() -> tuple[str, ...]:
    """Returns all rules' names, sorted, without importing any rule."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> type[AnyRule]:
    """Imports the module of one rule, and only that, and returns the rule's class.

    Raises:
        UnknownRuleError: There is no such rule; the message names the nearest.
    """
    known = names()
    if name not in known:
        # Only here, because functions start without it.
        import difflib  # noqa: PLC0415

        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)
        raise UnknownRuleError(
            f"rule: must be one of {', '.join(known)}, got {name!r}; did you mean {nearest[0]}?"
        )
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    return next(
        found
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, Rule)
        and found.__module__ == module.__name__
    )


def load_reference(reference: str) -> type[AnyRule]:
    """Imports a rule's class from `module:Class`, as `Rule.reference` gives it.

    Raises:
        UnknownRuleError: There is no such module or class, or it is no rule.
    """
    module, _, name = reference.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise UnknownRuleError(
            f"rule class: must be module:Class of a rule that can be imported, got {reference!r}: "
            f"{error}"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Rule)) or isabstract(found):
        raise UnknownRuleError(
            f"rule class: must be derived from Rule and define all its methods, got {reference!r}"
        )
    return found
