"""AWS Config's managed rules: what AWS documents of each, and checks of settings against that.

The facts lie in ``managed_rules.json``, which ``tools/managed_rules.py`` writes, and are read when
they are first asked for.
"""

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from assay_constructs import limits
from assay_constructs.errors import ConstructArgumentError, shortened

Location: TypeAlias = tuple[str | int, ...]
Problem: TypeAlias = tuple[Location, str]

Trigger = Literal["change", "periodic", "both"]
ParameterType = Literal["int", "double", "boolean", "CSV", "String", "StringMap"]
EvaluationMode = Literal["DETECTIVE", "PROACTIVE"]
MaximumExecutionFrequency = Literal[
    "One_Hour", "Three_Hours", "Six_Hours", "Twelve_Hours", "TwentyFour_Hours"
]

# https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html and API_Scope.html
_LENGTHS = {
    "name": limits.RULE_NAME,
    "description": limits.DESCRIPTION,
    "resource_id": 768,
    "tag_key": 128,
    "tag_value": 256,
}

# What a parameter that the facts do not have may be.
_ANYTHING = (
    "a string that is not empty, a number, true, false, or a list of strings without commas or of "
    "whole numbers"
)
_BOOLEANS = ("false", "true")

# So many names are suggested for an unknown one.
_NEAREST = 3

_DATA = Path(__file__).with_name("managed_rules.json")

_ALLOWED: Mapping[ParameterType, str] = {
    "int": "a whole number",
    "double": "a number",
    "boolean": "true or false",
    "CSV": "a list of strings without commas or of whole numbers, or a string",
    "String": "a string that is not empty, in quotes where YAML would take it for something else",
    "StringMap": "a string that is not empty, such as 'key:value,other-key'",
}


@dataclass(frozen=True)
class Parameter:
    """What AWS documents of a managed rule's parameter.

    Attributes:
        name: Its name.
        type: Its type, in AWS's words. AWS Config takes all values as strings.
        required: Whether the rule fails without it.
        default: What the AWS console fills in. The API fills in nothing.
    """

    name: str
    type: ParameterType
    required: bool = False
    default: str | None = None

    @property
    def kind(self) -> ParameterType:
        """Its type, also where AWS documents true and false as strings."""
        boolean = self.default is not None and self.default.lower() in _BOOLEANS
        return "boolean" if boolean else self.type

    @property
    def allowed(self) -> str:
        """Says in words what it takes."""
        return _ALLOWED[self.kind]

    def takes(self, value: Any) -> bool:
        """Whether a plain value, as YAML has it, is of its type."""
        text = _text(value)
        if self.kind == "CSV":
            return bool(text) and not isinstance(value, bool | float)
        if not text or isinstance(value, list | tuple):
            return False
        match self.kind:
            case "int":
                return bool(re.fullmatch(r"[+-]?[0-9]{1,18}", text))
            case "double":
                return bool(re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?([Ee][+-]?[0-9]+)?", text))
            case "boolean":
                return text.lower() in _BOOLEANS
            case _:
                # A number may have lost zeros, or been taken for octal, on its way through YAML.
                return isinstance(value, str)

    def plain(self, text: str) -> Any:
        """A string of AWS Config's as people would write it in YAML."""
        if not self.takes(text):
            return text
        match self.kind:
            case "int":
                return int(text)
            case "boolean":
                return text.lower() == "true"
            case "CSV":
                items = text.split(",")
                neat = len(items) > 1 and all(item and item == item.strip() for item in items)
                return items if neat else text
            case _:
                return text


@dataclass(frozen=True)
class ManagedRuleFacts:
    """What AWS documents of a managed rule.

    Attributes:
        identifier: Its identifier, such as ``S3_BUCKET_SSL_REQUESTS_ONLY``.
        name: The name that AWS documents it by, such as ``s3-bucket-ssl-requests-only``.
        trigger: What it runs on: changes of configuration, periodically, or both.
        resource_types: The types that it judges; none when it judges the account.
        parameters: Its parameters.
        proactive: Whether it can judge resources that are not deployed yet.
    """

    identifier: str
    name: str
    trigger: Trigger
    resource_types: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    proactive: bool


class _Catalogue(NamedTuple):
    as_of: str
    proactive_as_of: str
    rules: Mapping[str, ManagedRuleFacts]
    names: Mapping[str, ManagedRuleFacts]


@cache
def _catalogue() -> _Catalogue:
    data = json.loads(_DATA.read_text(encoding="utf-8"))
    proactive = set(data["proactive"]["identifiers"])
    rules = {
        identifier: ManagedRuleFacts(
            identifier=identifier,
            # AWS documents one of them without a name.
            name=rule["name"] or spelling(identifier),
            trigger=rule["trigger"],
            resource_types=tuple(rule["resource_types"]),
            parameters=tuple(Parameter(**parameter) for parameter in rule["parameters"]),
            proactive=identifier in proactive,
        )
        for identifier, rule in data["rules"].items()
    }
    names = {rule.name: rule for rule in rules.values()}
    return _Catalogue(data["as_of"], data["proactive"]["as_of"], rules, names)


def as_of() -> str:
    """The month of the facts, such as ``2026-10``."""
    return _catalogue().as_of


def proactive_as_of() -> str:
    """The month of AWS's list of rules that can judge what is not deployed yet."""
    return _catalogue().proactive_as_of


def identifiers() -> tuple[str, ...]:
    """All known identifiers, sorted."""
    return tuple(_catalogue().rules)


def facts(identifier: str) -> ManagedRuleFacts | None:
    """What is known of the rule with this identifier."""
    return _catalogue().rules.get(identifier)


def by_name(rule_name: str) -> ManagedRuleFacts | None:
    """What is known of the rule that AWS documents by this name."""
    return _catalogue().names.get(rule_name)


def identifier_of(identifier: str | None, rule_name: str) -> str | None:
    """The identifier of a rule in settings: the given one, else that of a documented name."""
    if identifier is not None:
        return identifier
    known = by_name(rule_name)
    return known.identifier if known else None


def input_strings(input_parameters: Mapping[str, Any]) -> dict[str, str]:
    """Input parameters as AWS Config takes them, all strings; what cannot be one is left out."""
    texts = {str(name): _text(value) for name, value in input_parameters.items()}
    return {name: text for name, text in texts.items() if text is not None}


def input_parameters_json(input_parameters: Mapping[str, str]) -> str:
    """A rule's parameters as the JSON object that AWS Config takes."""
    return json.dumps(dict(input_parameters), sort_keys=True, separators=(",", ":"))


def spelling(text: str) -> str:
    """An identifier, or what somebody takes for a rule's name, as names are spelt."""
    return text.lower().replace("_", "-")


def problems(
    *,
    identifier: str | None,
    rule_name: str = "",
    input_parameters: Any = None,
    resource_types: Sequence[str] = (),
    resource_id: str | None = None,
    tag_key: str | None = None,
    tag_value: str | None = None,
    maximum_execution_frequency: str | None = None,
    evaluation_modes: Sequence[str] = (),
    allow_unknown: bool = False,
) -> Iterator[Problem]:
    """Everything that AWS Config would refuse, or that would make the rule fail or judge nothing.

    Args:
        identifier: The managed rule; when left out, ``rule_name`` must be a documented name.
        rule_name: What settings call the rule.
        input_parameters: Plain values by name.
        resource_types: The types in scope.
        resource_id: The one resource in scope.
        tag_key: Only resources with this tag are in scope.
        tag_value: Only those with this value of it.
        maximum_execution_frequency: How often a periodic rule runs.
        evaluation_modes: ``DETECTIVE``, ``PROACTIVE``.
        allow_unknown: Lets through what is not in the facts, because AWS may have added it since:
            the identifier, parameters, resource types, proactive evaluation.

    Yields:
        Where each problem is, and a message that says what is allowed there and what came.
    """
    found = _find(
        identifier=identifier,
        rule_name=rule_name,
        input_parameters={} if input_parameters is None else input_parameters,
        scope=_Scope(list(resource_types), resource_id, tag_key, tag_value),
        frequency=maximum_execution_frequency,
        modes=evaluation_modes,
        allow_unknown=allow_unknown,
    )
    return ((each.location, each.message) for each in found)


def scope_problems(
    *,
    resource_types: Sequence[str] = (),
    resource_id: str | None = None,
    tag_key: str | None = None,
    tag_value: str | None = None,
) -> Iterator[Problem]:
    """What AWS Config would refuse as the scope of any rule; see `problems`."""
    found = _of_any_scope(_Scope(list(resource_types), resource_id, tag_key, tag_value))
    return ((each.location, each.message) for each in found)


def check_scope(
    *,
    resource_types: Sequence[str] = (),
    resource_id: str | None = None,
    tag_key: str | None = None,
    tag_value: str | None = None,
) -> None:
    """Refuse what AWS Config would refuse as the scope of any rule; see `problems`.

    Raises:
        ConstructArgumentError: For the first problem.
    """
    _refuse(_of_any_scope(_Scope(list(resource_types), resource_id, tag_key, tag_value)))


@dataclass(frozen=True, kw_only=True)
class ManagedRule:
    """A managed rule of AWS Config, in the terms of Terraform's ``aws_config_config_rule``.

    Args:
        name: Name of the Config rule, at most 64 characters: PutConfigRule takes 128, but the
            APIs that read a rule's results back take no more than 64.
        identifier: A string, or a member of ``ManagedRuleIdentifier``.
        input_parameters: The rule's parameters: strings, numbers, booleans, and lists for what AWS
            documents as CSV; at most 1,024 characters as JSON of strings.
        description: What is required, at most 256 characters.
        resource_types: The types in scope; those that the rule judges when left out.
        resource_id: The one resource in scope; needs exactly one type.
        tag_key: Only resources with this tag are in scope; not together with types.
        tag_value: Only those with this value of it.
        maximum_execution_frequency: How often a periodic rule runs; every 24 hours when left out.
        evaluation_modes: ``DETECTIVE`` when left out.
        allow_unknown: Lets through what is not in the facts, because AWS may have added it since:
            the identifier, parameters, resource types, proactive evaluation.

    Raises:
        ConstructArgumentError: AWS Config would refuse it, or the rule would fail or judge nothing.

    Source: https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html
    """

    name: str
    identifier: str
    input_parameters: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    resource_types: Sequence[str] = ()
    resource_id: str | None = None
    tag_key: str | None = None
    tag_value: str | None = None
    maximum_execution_frequency: MaximumExecutionFrequency | None = None
    evaluation_modes: Sequence[EvaluationMode] = ()
    allow_unknown: bool = False

    def __post_init__(self) -> None:
        _refuse(_of_lengths({"name": self.name, "description": self.description}))
        _refuse(
            _find(
                identifier=self.identifier,
                rule_name=self.name,
                input_parameters=self.input_parameters,
                scope=_Scope(
                    list(self.resource_types), self.resource_id, self.tag_key, self.tag_value
                ),
                frequency=self.maximum_execution_frequency,
                modes=self.evaluation_modes,
                allow_unknown=self.allow_unknown,
            )
        )

    @property
    def input_parameters_json(self) -> str | None:
        """The parameters as the JSON object that AWS Config takes; nothing without any."""
        given = input_strings(self.input_parameters)
        return input_parameters_json(given) if given else None


class _Found(NamedTuple):
    """Something wrong: where, what is allowed there, what came, and what may have been meant."""

    location: Location
    allowed: str
    received: Any
    near: Sequence[str] = ()

    @property
    def message(self) -> str:
        came = "nothing" if self.received is None else shortened(self.received)
        hint = f"; did you mean {' or '.join(self.near)}?" if self.near else ""
        return f"allowed: {self.allowed}; got {came}{hint}"

    @property
    def error(self) -> ConstructArgumentError:
        argument = "".join([str(self.location[0]), *(f"[{step!r}]" for step in self.location[1:])])
        hint = f" (nearest: {', '.join(self.near)})" if self.near else ""
        return ConstructArgumentError(argument, self.allowed + hint, self.received)


def _refuse(found: Iterable[_Found]) -> None:
    """Raise an error for the first that is not about a value that only Terraform will know."""
    # Here, because settings are checked, and rules listed, without CDKTF, which loads slowly.
    from cdktf import Token  # noqa: PLC0415

    for each in found:
        # Asked last: it is a question to Node.js.
        if not (isinstance(each.received, str) and Token.is_unresolved(each.received)):
            raise each.error


class _Scope(NamedTuple):
    resource_types: list[str]
    resource_id: str | None
    tag_key: str | None
    tag_value: str | None

    def given(self) -> dict[str, Any]:
        """The parts that are not left out."""
        return {name: value for name, value in self._asdict().items() if value not in (None, [])}


def _find(
    *,
    identifier: str | None,
    rule_name: str,
    input_parameters: Any,
    scope: _Scope,
    frequency: str | None,
    modes: Sequence[str],
    allow_unknown: bool,
) -> Iterator[_Found]:
    known = identifier_of(identifier, rule_name)
    rule = None if known is None else facts(known)
    if rule is None:
        yield from _of_identifier(identifier, rule_name, allow_unknown=allow_unknown)
    yield from _of_parameters(rule, input_parameters, allow_unknown=allow_unknown)
    yield from _of_scope(rule, scope, allow_unknown=allow_unknown)
    yield from _of_frequency(rule, frequency)
    yield from _of_modes(rule, modes, allow_unknown=allow_unknown)


def _of_identifier(
    identifier: str | None, rule_name: str, *, allow_unknown: bool
) -> Iterator[_Found]:
    if identifier is None:
        allowed = "the identifier of a managed rule, where the rule's own name is none of AWS's"
        yield _Found(("identifier",), allowed, None, _nearest(rule_name))
    elif not allow_unknown:
        allowed = (
            f"the identifier of a managed rule; with allow_unknown: true, one newer than {as_of()}"
        )
        yield _Found(("identifier",), allowed, identifier, _nearest(identifier))
    elif not re.fullmatch("[A-Z0-9_]{1,256}", identifier):
        allowed = "1 to 256 capital letters, digits and underscores"
        yield _Found(("identifier",), allowed, identifier, _nearest(identifier))


def _nearest(text: str) -> tuple[str, ...]:
    """Identifiers that somebody may have meant, found by them and by their rules' names."""
    rules = _catalogue().rules.values()
    spellings = {spelling(rule.identifier): rule.identifier for rule in rules}
    spellings |= {rule.name: rule.identifier for rule in rules}
    close = difflib.get_close_matches(spelling(text), spellings, n=_NEAREST)
    return tuple(dict.fromkeys(spellings[each] for each in close))


def _of_parameters(
    rule: ManagedRuleFacts | None, given: Any, *, allow_unknown: bool
) -> Iterator[_Found]:
    if not isinstance(given, Mapping):
        yield _Found(("input_parameters",), "a mapping of names to values", given)
        return
    documented = {parameter.name: parameter for parameter in rule.parameters} if rule else {}
    for key, value in given.items():
        name = str(key)
        location = ("input_parameters", name)
        parameter = documented.get(name)
        if parameter is None and rule and not allow_unknown:
            near = difflib.get_close_matches(name, documented, n=1)
            yield _Found(location, _named(rule), name, near)
        elif parameter and not parameter.takes(value):
            yield _Found(location, parameter.allowed, value)
        elif not parameter and not _text(value):
            yield _Found(location, _ANYTHING, value)
    for parameter in documented.values():
        if parameter.required and parameter.name not in given:
            yield _Found(("input_parameters", parameter.name), _wanted(parameter), None)
    text = input_parameters_json(input_strings(given))
    if len(text) > limits.INPUT_PARAMETERS:
        allowed = f"at most {limits.INPUT_PARAMETERS} characters as JSON, not {len(text)}"
        yield _Found(("input_parameters",), allowed, text)


def _named(rule: ManagedRuleFacts) -> str:
    if not rule.parameters:
        return f"nothing, for {rule.identifier} has no parameters"
    names = ", ".join(parameter.name for parameter in rule.parameters)
    return f"a parameter of {rule.identifier}: {names}"


def _wanted(parameter: Parameter) -> str:
    if parameter.default is None:
        return f"{parameter.allowed}, for the rule fails without it"
    return (
        f"{parameter.allowed}, such as {parameter.plain(parameter.default)!r}, which AWS documents "
        "as the default but only its console fills in"
    )


def _text(value: Any) -> str | None:
    """A plain value as AWS Config takes it; nothing for what cannot be written so."""
    match value:
        case str():
            return value
        case float():
            return json.dumps(value) if math.isfinite(value) else None
        case int():
            return json.dumps(value)
        case [_, *_]:
            items = [_item(item) for item in value]
            return None if None in items else ",".join(filter(None, items))
    return None


def _item(value: Any) -> str | None:
    if isinstance(value, str):
        return value if value and "," not in value else None
    # A fraction may be a version that has lost its last zero.
    return json.dumps(value) if type(value) is int else None


def _of_scope(
    rule: ManagedRuleFacts | None, scope: _Scope, *, allow_unknown: bool
) -> Iterator[_Found]:
    if rule and rule.trigger == "periodic":
        # https://github.com/cloud-custodian/cloud-custodian/pull/10008 shows AWS's answer.
        for name, value in scope.given().items():
            allowed = f"nothing, for {rule.identifier} runs periodically only, where AWS Config"
            yield _Found((name,), f"{allowed} refuses a scope", value)
        return
    if rule and not allow_unknown:
        for index, kind in enumerate(scope.resource_types):
            if kind not in rule.resource_types:
                near = difflib.get_close_matches(kind, rule.resource_types, n=1)
                allowed = f"{', '.join(rule.resource_types)}, which {rule.identifier} judges"
                yield _Found(("resource_types", index), allowed, kind, near)
    yield from _of_any_scope(scope)


def _of_any_scope(scope: _Scope) -> Iterator[_Found]:
    given = scope.given()
    yield from _of_lengths(given)
    if len(scope.resource_types) > limits.SCOPE_RESOURCE_TYPES:
        allowed = f"at most {limits.SCOPE_RESOURCE_TYPES} types, not {len(scope.resource_types)}"
        yield _Found(("resource_types",), allowed, scope.resource_types)
    if "resource_id" in given and len(scope.resource_types) != 1:
        allowed = "nothing, where resource_types is not exactly one type"
        yield _Found(("resource_id",), allowed, scope.resource_id)
    if "tag_key" in given and scope.resource_types:
        allowed = "nothing beside resource_types, for a scope is of types or of a tag"
        yield _Found(("tag_key",), allowed, scope.tag_key)
    if "tag_value" in given and "tag_key" not in given:
        yield _Found(("tag_value",), "nothing without tag_key", scope.tag_value)


def _of_lengths(given: Mapping[str, Any]) -> Iterator[_Found]:
    for name, maximum in _LENGTHS.items():
        value = given.get(name)
        if value is not None and not 1 <= len(value) <= maximum:
            yield _Found((name,), f"1 to {maximum} characters long", value)


def _of_frequency(rule: ManagedRuleFacts | None, frequency: str | None) -> Iterator[_Found]:
    if frequency is None:
        return
    location = ("maximum_execution_frequency",)
    frequencies = get_args(MaximumExecutionFrequency)
    if rule and rule.trigger == "change":
        allowed = f"nothing, for {rule.identifier} runs on changes only"
        yield _Found(location, allowed, frequency)
    elif frequency not in frequencies:
        near = difflib.get_close_matches(frequency, frequencies, n=1)
        yield _Found(location, ", ".join(frequencies), frequency, near)


def _of_modes(
    rule: ManagedRuleFacts | None, modes: Sequence[str], *, allow_unknown: bool
) -> Iterator[_Found]:
    for index, mode in enumerate(modes):
        location = ("evaluation_modes", index)
        if mode not in get_args(EvaluationMode):
            yield _Found(location, ", ".join(get_args(EvaluationMode)), mode)
        elif mode in modes[:index]:
            yield _Found(location, "each mode once", mode)
        elif mode == "PROACTIVE" and rule and not rule.proactive and not allow_unknown:
            allowed = (
                f"DETECTIVE, for {rule.identifier} is none of the rules that AWS lists for "
                f"proactive evaluation ({proactive_as_of()})"
            )
            yield _Found(location, allowed, mode)
