"""Reads the template of a conformance pack, and resolves what its deployment would resolve.

Everything that CloudFormation would fill in comes from the defaults of the template's parameters.
See https://docs.aws.amazon.com/config/latest/developerguide/custom-conformance-pack.html.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay_cli.errors import AssayError
from assay_constructs.conformance_template import TemplateError, load_template
from assay_constructs.errors import shortened

# What a value becomes that is to be left out.
_NOTHING = object()


class PackError(AssayError):
    """A file is not the template of a conformance pack."""


class UnresolvedError(Exception):
    """Something in a template cannot be known here; the message says what is allowed."""


def load(file: str) -> Any:
    """Read a template, YAML or JSON, with short tags as the functions that they stand for.

    All scalars stay the strings that they are: that is how CloudFormation passes them on.

    Raises:
        PackError: the file cannot be read, or is neither.
    """
    try:
        return load_template(Path(file).read_bytes().decode())
    except OSError as error:
        raise PackError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PackError(f"{file}: allowed: UTF-8 text; got another encoding") from error
    except TemplateError as error:
        raise PackError(f"{file}: allowed: {error.allowed}; got: {error.received}") from error


def mapping(given: Any, place: str) -> dict[str, Any]:
    """Return what has to be a mapping.

    Raises:
        UnresolvedError: it is none.
    """
    if not isinstance(given, dict):
        came = "nothing" if given is None else shortened(given)
        raise UnresolvedError(f"{place}: allowed: a mapping; got {came}")
    return given


class Resolver:
    """Resolves a template's functions.

    Args:
        template: the template.

    Attributes:
        names: what `Ref` of a resource gives, by logical id.

    Raises:
        UnresolvedError: its parameters or conditions are no mapping.
    """

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.names: dict[str, str] = {}
        self._resources = mapping(template.get("Resources"), "Resources")
        self._parameters = mapping(template.get("Parameters", {}), "Parameters")
        self._conditions = mapping(template.get("Conditions", {}), "Conditions")
        self._known: dict[str, bool] = {}

    def value(self, given: Any) -> Any:
        """Resolve all functions in a value.

        Raises:
            UnresolvedError: one is unknown, or needs what only a deployment knows.
        """
        if isinstance(given, list):
            return [each for each in map(self.value, given) if each is not _NOTHING]
        if not isinstance(given, dict):
            return _checked(given)
        if any(name == "Ref" or name.startswith("Fn::") for name in given):
            return self._called(given)
        resolved = {_checked(name): self.value(each) for name, each in given.items()}
        return {name: each for name, each in resolved.items() if each is not _NOTHING}

    def condition(self, name: Any) -> bool:
        """Resolve a condition by its name.

        Raises:
            UnresolvedError: there is no such condition, or it needs what only a deployment knows.
        """
        if not isinstance(name, str) or name not in self._conditions:
            raise UnresolvedError(f"allowed: the name of a condition; got {shortened(name)}")
        if name not in self._known:
            self._known[name] = self._truth(self._conditions[name])
        return self._known[name]

    def _called(self, function: dict[str, Any]) -> Any:
        match list(function.items()):
            case [("Ref", str(name))]:
                return self._reference(name)
            case [("Fn::If", [name, then, otherwise])]:
                return self.value(then if self.condition(name) else otherwise)
            case [("Fn::Join", [str(separator), parts])]:
                return self._joined(separator, self.value(parts))
            case [("Fn::Sub", str(text))]:
                return self._substituted(text, {})
            case [("Fn::Sub", [str(text), dict(variables)])]:
                return self._substituted(text, self.value(variables))
        names = ", ".join(function)
        raise UnresolvedError(f"allowed: Ref, Fn::If, Fn::Join and Fn::Sub; got {names}")

    def _truth(self, given: Any) -> bool:
        match given:
            case {"Condition": name}:
                return self.condition(name)
            case {"Fn::Equals": [one, other]}:
                return bool(self.value(one) == self.value(other))
            case {"Fn::Not": [one]}:
                return not self._truth(one)
            case {"Fn::And": [*several]}:
                return all(map(self._truth, several))
            case {"Fn::Or": [*several]}:
                return any(map(self._truth, several))
        allowed = "Condition, Fn::Equals, Fn::Not, Fn::And and Fn::Or"
        raise UnresolvedError(f"allowed as a condition: {allowed}; got {shortened(given)}")

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in self.names:
            return self.names[name]
        if name in self._resources:
            raise UnresolvedError(f"{name}, which it refers to, is not turned")
        if name.startswith("AWS::"):
            raise UnresolvedError(f"{name} is known only when a pack is deployed")
        declared = mapping(self._parameters.get(name), f"parameter {name}")
        if not isinstance(default := declared.get("Default"), str):
            raise UnresolvedError(f"parameter {name} has no default")
        return _checked(default)

    def _joined(self, separator: str, parts: Any) -> str:
        if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
            return _checked(separator.join(parts))
        raise UnresolvedError(f"allowed: strings to join; got {shortened(parts)}")

    def _substituted(self, text: str, variables: Mapping[str, Any]) -> str:
        def found(match: re.Match[str]) -> str:
            name = match[1].strip()
            value = variables[name] if name in variables else self._reference(name)
            if not isinstance(value, str):
                raise UnresolvedError(f"allowed: a string for ${{{name}}}; got another value")
            return value

        return _checked(re.sub(r"\$\{([^!}][^}]*)\}", found, text))


def _checked(value: str) -> str:
    if "${" in value or "%{" in value:
        allowed = "text without ${ and %{, which Terraform would take for an expression"
        raise UnresolvedError(f"allowed: {allowed}; got {shortened(value)}")
    return value
