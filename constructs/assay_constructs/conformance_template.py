"""What a conformance pack's template holds, as far as it decides whether AWS Config takes it."""

import contextlib
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from assay_constructs.limits import (
    PACK_PARAMETER_VALUE,
    PACK_PARAMETERS,
    PACK_TEMPLATE_BYTES,
    PACKS,
    RULES_OF_A_PACK,
)

_RULE = "AWS::Config::ConfigRule"
_TYPES = (_RULE, "AWS::Config::RemediationConfiguration")
_NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?"
_LISTS = ("CommaDelimitedList", "List<Number>", "List<String>")
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = tuple(
    f"{_TAG}{kind}" for kind in ("bool", "float", "int", "map", "null", "seq", "str", "timestamp")
)


class TemplateError(ValueError):
    """A text is not the template of a conformance pack.

    Args:
        allowed: What it may be.
        received: What it was.
    """

    def __init__(self, allowed: str, received: object) -> None:
        super().__init__(allowed, received)
        self.allowed = allowed
        self.received = received


@dataclass(frozen=True)
class TemplateParameter:
    """A parameter that a template declares.

    Attributes:
        type: Its CloudFormation type, such as ``String``.
        required: Whether it has no default.
        allowed_values: The only values that it takes; empty for any.
    """

    type: str
    required: bool
    allowed_values: tuple[str, ...]


@dataclass(frozen=True)
class TemplateRule:
    """A rule of a template, whatever conditions it has.

    Attributes:
        name: Its logical id.
        identifier: The managed rule; empty for a rule of another kind, and where only a
            deployment knows.
        resource_types: The types in its scope, likewise.
    """

    name: str
    identifier: str
    resource_types: tuple[str, ...]


@dataclass(frozen=True)
class ConformanceTemplate:
    """A conformance pack's template.

    Attributes:
        parameters: Its parameters, by name.
        rules: The AWS Config rules that it makes.
    """

    parameters: Mapping[str, TemplateParameter]
    rules: tuple[TemplateRule, ...]

    @property
    def rule_count(self) -> int:
        """How many AWS Config rules it makes."""
        return len(self.rules)


class ParameterProblem(NamedTuple):
    """What is wrong about the value of a pack's parameter.

    Attributes:
        name: The parameter; empty when it is about all of them.
        allowed: What is allowed there.
        received: What came; None for nothing.
        near: Which parameter may have been meant.
    """

    name: str
    allowed: str
    received: Any
    near: str = ""


class _Loader(yaml.BaseLoader):
    """Reads nothing but strings, lists and mappings."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases, as CloudFormation does: a few lines of them can become gigabytes."""
        if self.check_event(yaml.AliasEvent):
            # PyYAML's stubs do not say that this is an event.
            event: Any = self.get_event()  # type: ignore[no-untyped-call]
            raise _error("an alias", event)
        return super().compose_node(parent, index)


def _error(found: str, at: Any) -> yaml.composer.ComposerError:
    return yaml.composer.ComposerError(None, None, found, at.start_mark)


def load_template(text: str) -> Any:
    """Read YAML or JSON, with short tags as the functions that they stand for.

    All scalars stay the strings that they are: that is how CloudFormation passes them on.

    Raises:
        TemplateError: It is neither.
    """
    try:
        if text.lstrip().startswith("{"):
            # YAML does not take all of JSON: no tabs, and no characters beyond U+FFFF in escapes.
            with contextlib.suppress(ValueError):
                plain = json.loads(text, parse_int=str, parse_float=str)
                text = json.dumps(plain, ensure_ascii=False)
        root = yaml.compose(text, Loader=_Loader)
        return None if root is None else _value(root)
    except RecursionError:
        raise TemplateError("a template that nests less deeply", "one too deep") from None
    except yaml.MarkedYAMLError as error:
        found = " ".join(filter(None, (error.context, error.problem)))
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise TemplateError("YAML or JSON", f"{found}{line}") from None
    except (yaml.YAMLError, OverflowError, ValueError):
        # Escapes of what is no character are among these: not worth their words.
        raise TemplateError("characters that YAML allows", "others") from None


def _value(node: yaml.Node) -> Any:
    value: Any = node.value
    if isinstance(node, yaml.SequenceNode):
        value = [_value(item) for item in node.value]
    elif isinstance(node, yaml.MappingNode):
        value = {}
        for key_node, value_node in node.value:
            key = _value(key_node)
            if not isinstance(key, str):
                raise _error("a key that is no string", key_node)
            if key in value:
                raise _error(f"the key {key} twice", key_node)
            value[key] = _value(value_node)
    if node.tag in _PLAIN_TAGS:
        return value
    name = node.tag.removeprefix("!")
    if not re.fullmatch("![A-Za-z0-9]+", node.tag):
        raise _error(f"the tag {node.tag}", node)
    return {name if name in ("Condition", "Ref") else f"Fn::{name}": value}


# Several checks ask for the same template, and PyYAML takes its time.
@lru_cache(maxsize=PACKS)
def read_template(text: str) -> ConformanceTemplate:
    """Read a conformance pack's template, YAML or JSON.

    Raises:
        TemplateError: AWS Config would refuse it.

    Source: https://docs.aws.amazon.com/config/latest/APIReference/API_PutConformancePack.html
    """
    length = len(text.encode())
    if length > PACK_TEMPLATE_BYTES:
        raise TemplateError(f"at most {PACK_TEMPLATE_BYTES} bytes; put it in a bucket", length)
    data = load_template(text)
    resources = data.get("Resources") if isinstance(data, dict) else None
    if not isinstance(resources, dict) or not resources:
        raise TemplateError("a template with Resources", data)
    for name, resource in resources.items():
        kind = resource.get("Type") if isinstance(resource, dict) else resource
        if kind not in _TYPES:
            raise TemplateError(f"a template of {' and '.join(_TYPES)} alone", {name: kind})
    rules = tuple(
        _rule(name, resource.get("Properties"))
        for name, resource in resources.items()
        if resource["Type"] == _RULE
    )
    if len(rules) > RULES_OF_A_PACK:
        raise TemplateError(f"a template of at most {RULES_OF_A_PACK} rules", len(rules))
    declared = data.get("Parameters") or {}
    if not isinstance(declared, dict):
        raise TemplateError("Parameters that are a mapping", declared)
    parameters = {name: _parameter(name, each) for name, each in declared.items()}
    return ConformanceTemplate(parameters, rules)


def _rule(name: str, properties: Any) -> TemplateRule:
    match properties:
        case {"Source": {"Owner": "AWS", "SourceIdentifier": str(identifier)}}:
            pass
        case _:
            identifier = ""
    match properties:
        case {"Scope": {"ComplianceResourceTypes": [*types]}}:
            pass
        case _:
            types = []
    return TemplateRule(name, identifier, tuple(each for each in types if isinstance(each, str)))


def _parameter(name: str, declared: Any) -> TemplateParameter:
    if not isinstance(declared, dict) or not isinstance(declared.get("Type"), str):
        raise TemplateError("Parameters that are mappings with a Type", {name: declared})
    values = declared.get("AllowedValues", [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TemplateError("AllowedValues that are a list of plain values", {name: declared})
    return TemplateParameter(declared["Type"], "Default" not in declared, tuple(values))


def parameter_text(value: Any) -> str:
    """A plain value as CloudFormation takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(parameter_text, value))
    return str(value)


def parameter_problems(
    given: Mapping[str, Any], template: ConformanceTemplate | None
) -> Iterator[ParameterProblem]:
    """Everything that is wrong about the values of a pack's parameters.

    Args:
        given: Plain values, by name.
        template: Declares the parameters; None where AWS alone can read it.

    Source:
    https://docs.aws.amazon.com/config/latest/APIReference/API_ConformancePackInputParameter.html
    """
    if len(given) > PACK_PARAMETERS:
        yield ParameterProblem("", f"at most {PACK_PARAMETERS} parameters", len(given))
    for name, value in given.items():
        if not 1 <= len(parameter_text(value)) <= PACK_PARAMETER_VALUE:
            yield ParameterProblem(name, f"1 to {PACK_PARAMETER_VALUE} characters", value)
        elif template is not None:
            yield from _declared_problems(name, value, template.parameters)
    if template is not None:
        for name, parameter in template.parameters.items():
            if parameter.required and name not in given:
                allowed = f"a value of type {parameter.type}, for it has no default"
                yield ParameterProblem(name, allowed, None)


def _declared_problems(
    name: str, value: Any, declared: Mapping[str, TemplateParameter]
) -> Iterator[ParameterProblem]:
    parameter = declared.get(name)
    if parameter is None:
        allowed = f"a parameter of the template: {', '.join(declared) or 'none'}"
        near = difflib.get_close_matches(name, declared, n=1)
        yield ParameterProblem(name, allowed, name, *near)
    elif not _is_of_type(value, parameter.type):
        yield ParameterProblem(name, f"a value of type {parameter.type}", value)
    elif parameter.allowed_values and parameter_text(value) not in parameter.allowed_values:
        yield ParameterProblem(name, ", ".join(parameter.allowed_values), value)


def _is_of_type(value: Any, kind: str) -> bool:
    if isinstance(value, list | tuple):
        item = "Number" if kind == "List<Number>" else "String"
        return kind in _LISTS and all(_is_of_type(each, item) for each in value)
    if kind == "Number":
        return not isinstance(value, bool) and re.fullmatch(_NUMBER, str(value)) is not None
    return isinstance(value, bool | int | float | str)
