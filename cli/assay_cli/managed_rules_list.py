"""Lists and explains rules: the managed rules of AWS Config, and Assay's own."""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeAlias

import yaml

from assay import rules as catalogue
from assay.rule import AnyRule
from assay_cli.display import Display
from assay_cli.errors import AssayError
from assay_constructs import managed_rules
from assay_constructs.managed_rules import ManagedRuleFacts, Parameter, spelling

AnyKind: TypeAlias = type[AnyRule] | ManagedRuleFacts

_TRIGGERS = {"change": "changes", "periodic": "periodic", "both": "changes and periodic"}
# So many resource types are named in a row of a table, and so many names in an error.
_SHOWN_TYPES = 2
_NEAREST = 3


class NoSuchRuleError(AssayError):
    """No rule has what was searched for."""


def find(search: str | None) -> list[AnyKind]:
    """Find rules.

    Args:
        search: an identifier or a name, which finds that rule only; else words that each occur in
            a rule's identifier, its name or its resource types; nothing finds all rules.

    Raises:
        NoSuchRuleError: there is none; the message names the nearest.
    """
    own = [catalogue.load(name) for name in catalogue.names()]
    facts = map(managed_rules.facts, managed_rules.identifiers())
    rules: list[AnyKind] = [*own, *sorted(filter(None, facts), key=lambda rule: rule.name)]
    if search is None:
        return rules
    wanted = spelling(search.strip())
    exact = [rule for rule in rules if wanted in _names(rule)]
    words = wanted.split()
    found = exact or [rule for rule in rules if all(word in _text(rule) for word in words)]
    if not found:
        names = {name: rule.name for rule in rules for name in _names(rule)}
        close = difflib.get_close_matches(wanted, names, n=_NEAREST)
        near = " or ".join(dict.fromkeys(names[each] for each in close))
        hint = f"did you mean {near}?" if near else "`assay rules` lists all"
        raise NoSuchRuleError(f"no rule has {search!r} in its name, identifier or types; {hint}")
    return found


def _names(rule: AnyKind) -> tuple[str, ...]:
    if isinstance(rule, ManagedRuleFacts):
        return rule.name, spelling(rule.identifier)
    return (rule.name,)


def _types(rule: AnyKind) -> tuple[str, ...]:
    return rule.resource_types if isinstance(rule, ManagedRuleFacts) else (rule.resource_type,)


def _text(rule: AnyKind) -> str:
    return spelling(" ".join((*_names(rule), *_types(rule))))


def show(rules: Sequence[AnyKind], display: Display) -> None:
    """Print all about one rule, or a table of several."""
    if len(rules) == 1:
        for line in _explanation(rules[0]):
            display.say(line)
        return
    own = [rule for rule in rules if not isinstance(rule, ManagedRuleFacts)]
    managed = [rule for rule in rules if isinstance(rule, ManagedRuleFacts)]
    if own:
        display.table(
            "Assay's own rules",
            ("Rule", "Severity", "Resource type"),
            [(rule.name, rule.severity, rule.resource_type) for rule in own],
        )
    if managed:
        display.table(
            f"Managed rules of AWS Config, as of {managed_rules.as_of()}",
            ("Rule", "Identifier", "Trigger", "Resource types"),
            [_row(rule) for rule in managed],
        )
    display.say(f"{len(rules)} rules; `assay rules NAME` explains one")


def _row(rule: ManagedRuleFacts) -> tuple[str, ...]:
    more = len(rule.resource_types) - _SHOWN_TYPES
    shown = ", ".join(rule.resource_types[:_SHOWN_TYPES]) or "none documented"
    types = f"{shown} and {more} more" if more > 0 else shown
    return rule.name, rule.identifier, _TRIGGERS[rule.trigger], types


def _explanation(rule: AnyKind) -> Iterator[str]:
    if isinstance(rule, ManagedRuleFacts):
        yield from _managed(rule)
    else:
        yield from _own(rule)


def _managed(rule: ManagedRuleFacts) -> Iterator[str]:
    yield rule.name
    yield ""
    yield f"A managed rule of AWS Config, as of {managed_rules.as_of()}."
    yield ""
    yield f"Identifier:      {rule.identifier}"
    yield f"Trigger:         {_TRIGGERS[rule.trigger]}"
    types = rule.resource_types or ("none documented",)
    for index, kind in enumerate(types):
        yield f"{'' if index else 'Resource types:':<17}{kind}"
    if rule.proactive:
        yield f"Proactive:       AWS lists it for that ({managed_rules.proactive_as_of()})"
    yield ""
    if not rule.parameters:
        yield "It has no parameters."
    else:
        yield "Parameters:"
        width = max(len(parameter.name) for parameter in rule.parameters)
        for parameter in rule.parameters:
            yield f"  {parameter.name:<{width}}  {_requirement(parameter)}"
    if any(parameter.default is not None for parameter in rule.parameters):
        yield "A default is only what the AWS console fills in: deployed, a rule gets none of them."
    yield ""
    yield "For settings:"
    yield ""
    yield from snippet(rule).splitlines()


def _requirement(parameter: Parameter) -> str:
    required = "required" if parameter.required else "optional"
    default = "" if parameter.default is None else f", default {parameter.default}"
    return f"{parameter.type}, {required}{default}"


def snippet(rule: ManagedRuleFacts) -> str:
    """A managed rule as settings have it.

    Required parameters have their documented defaults, or nothing, which must be filled in; the
    others are comments.
    """
    lines = ["managed_rules:", f"  {rule.name}:", f"    identifier: {rule.identifier}"]
    # A key without anything below it would be nothing, which is no mapping.
    comment = "" if any(parameter.required for parameter in rule.parameters) else "# "
    if rule.parameters:
        lines.append(f"    {comment}input_parameters:")
    for parameter in sorted(rule.parameters, key=lambda each: not each.required):
        setting = _setting(parameter)
        lines.append(f"      {setting}" if parameter.required else f"      # {setting}")
    return "\n".join(lines) + "\n"


def _setting(parameter: Parameter) -> str:
    if parameter.default is None:
        return f"{parameter.name}:  # {parameter.type}"
    return f"{parameter.name}: {_inline(parameter.plain(parameter.default))}"


def _inline(value: Any) -> str:
    """A value as YAML in one line."""
    dumped = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=4096)
    return str(dumped).strip()[1:-1]


def _own(rule: type[AnyRule]) -> Iterator[str]:
    yield rule.name
    yield ""
    yield "One of Assay's own rules."
    yield ""
    yield rule.requirement
    yield rule.rationale
    yield f"Remedy: {rule.remedy}"
    yield ""
    yield f"Severity:        {rule.severity}"
    yield "Trigger:         changes and schedule"
    yield f"Resource types:  {rule.resource_type}"
    yield ""
    yield "For settings:"
    yield ""
    yield "rules:"
    defaults = _defaults(rule)
    yield f"  {rule.name}:{'' if defaults else ' {}'}"
    if defaults:
        yield "    parameters:  # with their defaults; docs/rules.md explains them"
    for name, value in defaults.items():
        yield f"      {name}: {_inline(value)}"


def _defaults(rule: type[AnyRule]) -> dict[str, Any]:
    given = rule.Parameters.from_settings({})
    # Tuples and read-only mappings become what YAML has.
    return {
        each.name: json.loads(json.dumps(getattr(given, each.name), default=dict))
        for each in fields(given)
    }


def as_json(rules: Sequence[AnyKind]) -> dict[str, Any]:
    """Return rules as JSON has them."""
    return {
        "as_of": managed_rules.as_of(),
        "rules": [
            {"kind": "managed", **asdict(rule)}
            if isinstance(rule, ManagedRuleFacts)
            else {
                "kind": "assay",
                "name": rule.name,
                "requirement": rule.requirement,
                "severity": rule.severity,
                "resource_types": [rule.resource_type],
                "parameters": _defaults(rule),
            }
            for rule in rules
        ],
    }
