"""Turns the template of a conformance pack into settings for managed rules."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from assay_cli.pack_template import PackError, Resolver, UnresolvedError, load, mapping
from assay_constructs import managed_rules
from assay_constructs.errors import shortened
from assay_constructs.managed_rules import ManagedRuleFacts
from assay_constructs.settings import Settings

_RULE = "AWS::Config::ConfigRule"
_REMEDIATION = "AWS::Config::RemediationConfiguration"
# The parameter of SSM documents that takes a role. Settings have the role made.
_ROLE_PARAMETER = "AutomationAssumeRole"
# The least that settings need beside managed rules.
_OTHER_SETTINGS = {
    "environment_suffix": "x",
    "region": "us-east-1",
    "recorder": {"mode": "existing", "name": "default"},
    "rules": {"s3-encryption-compliance": {}},
}


@dataclass(frozen=True)
class Left:
    """A resource of a template that is not turned, or not completely.

    Attributes:
        resource: its logical id.
        reason: why, and what to do instead.
    """

    resource: str
    reason: str

    def __str__(self) -> str:
        return _printable(f"{self.resource}: {self.reason}")


@dataclass(frozen=True)
class Imported:
    """What a template became.

    Attributes:
        rules: settings of managed rules, by name.
        remediations: their remediations, by the same names; these lack permissions, which no
            template holds.
        left: what is not turned, or not completely.
    """

    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    remediations: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)


def read(file: str) -> Imported:
    """Turn a template, in YAML or JSON.

    Raises:
        PackError: the file cannot be read, or is no template.
    """
    template = load(file)
    try:
        return _turn(mapping(template, "template"))
    except UnresolvedError as error:
        raise PackError(f"{file}: {error}") from error
    except RecursionError as error:
        allowed = "a template that nests less deeply, without conditions that need themselves"
        raise PackError(f"{file}: allowed: {allowed}") from error


def _turn(template: Mapping[str, Any]) -> Imported:
    resolver = Resolver(template)
    resources = template["Resources"]
    imported = Imported()
    for logical_id, resource in resources.items():
        if _type(resource) == _RULE:
            with _noting(imported, logical_id):
                name = _turn_rule(_properties(resource, resolver), resolver, imported)
                resolver.names[logical_id] = name
    # These name rules, which may stand behind them.
    for logical_id, resource in resources.items():
        kind = _type(resource)
        if kind == _REMEDIATION:
            with _noting(imported, logical_id):
                name = _turn_remediation(_properties(resource, resolver), resolver, imported)
                reason = (
                    f"the remediation of {name!r} is a comment: name in permissions what its "
                    "document may do, which a pack does not say"
                )
                imported.left.append(Left(logical_id, reason))
        elif kind != _RULE:
            reason = f"allowed: {_RULE} and {_REMEDIATION}; got {shortened(kind)}"
            imported.left.append(Left(logical_id, reason))
    return imported


@contextmanager
def _noting(imported: Imported, logical_id: str) -> Iterator[None]:
    """Note what keeps a resource from being turned."""
    try:
        yield
    except UnresolvedError as error:
        imported.left.append(Left(logical_id, str(error)))


def _type(resource: Any) -> Any:
    return resource.get("Type") if isinstance(resource, dict) else resource


def _properties(resource: Mapping[str, Any], resolver: Resolver) -> Mapping[str, Any]:
    """A resource's properties, not resolved yet: what is wrong about one hides no other."""
    condition = resource.get("Condition")
    if condition is not None and not resolver.condition(condition):
        raise UnresolvedError(f"condition {condition} is false by the parameters' defaults")
    return mapping(resource.get("Properties"), "Properties")


def _turn_rule(properties: Mapping[str, Any], resolver: Resolver, imported: Imported) -> str:
    """Turn a rule, and return its name."""
    # First of all, because a pack's other rules refer to what cannot be resolved.
    _check_owner(resolver.value(mapping(properties.get("Source"), "Source").get("Owner", "")))
    given = _Fields(resolver.value(properties), "Properties")
    source, scope = given.fields("Source"), given.fields("Scope")
    source.text("Owner")
    identifier = source.text("SourceIdentifier") or ""
    facts = managed_rules.facts(identifier)
    # One without facts is refused, whatever its name.
    name = given.text("ConfigRuleName") or (facts.name if facts else "unknown")
    found: dict[str, Any] = {
        "description": given.text("Description"),
        "input_parameters": _input_parameters(given.value("InputParameters"), facts),
        "resource_types": scope.texts("ComplianceResourceTypes"),
        "resource_id": scope.text("ComplianceResourceId"),
        "tag_key": scope.text("TagKey"),
        "tag_value": scope.text("TagValue"),
        "maximum_execution_frequency": given.text("MaximumExecutionFrequency"),
        "evaluation_modes": [mode.text("Mode") for mode in given.several("EvaluationModes")],
    }
    for fields in (source, scope, given):
        fields.check_all_read()
    settings = {"identifier": identifier, **{key: value for key, value in found.items() if value}}
    _check(name, settings)
    if name in imported.rules:
        raise UnresolvedError(f"allowed: each ConfigRuleName once; got {name!r} twice")
    imported.rules[name] = settings
    return name


def _check(name: str, settings: Mapping[str, Any]) -> None:
    """Refuse what settings would refuse."""
    try:
        Settings.model_validate({**_OTHER_SETTINGS, "managed_rules": {name: settings}})
    except ValidationError as error:
        problems = map(_told, error.errors(include_url=False))
        raise UnresolvedError("; ".join(problems)) from None


def _told(problem: ErrorDetails) -> str:
    # Below managed_rules and the name, which is wrong itself where nothing or [key] follows.
    steps = [step for step in problem["loc"][2:] if step != "[key]"]
    place = ".".join(map(str, steps)) or "ConfigRuleName"
    came = f"; got {shortened(problem['input'])}" if problem["type"] == "allowed" else ""
    return f"{place}: {problem['msg']}{came}"


def _check_owner(owner: Any) -> None:
    match owner:
        case "AWS":
            return
        case "CUSTOM_LAMBDA":
            raise UnresolvedError(
                "a custom Lambda rule, whose function is not in the pack: make it a rule of your "
                "own (docs/rules-of-your-own.md)"
            )
        case "CUSTOM_POLICY":
            raise UnresolvedError(
                "a rule in Guard: save its PolicyText as a file, and name that in settings as "
                "guard_rules.<name>.file"
            )
    raise UnresolvedError(f"Source.Owner: allowed: AWS; got {shortened(owner)}")


def _input_parameters(given: Any, facts: ManagedRuleFacts | None) -> dict[str, Any]:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise UnresolvedError(
                f"InputParameters: allowed: JSON; got {shortened(given)}"
            ) from None
    documented = {parameter.name: parameter for parameter in facts.parameters} if facts else {}
    return {
        name: documented[name].plain(value)
        if name in documented and isinstance(value, str)
        else value
        for name, value in mapping({} if given is None else given, "InputParameters").items()
    }


def _turn_remediation(properties: Mapping[str, Any], resolver: Resolver, imported: Imported) -> str:
    """Turn a remediation as far as a pack goes, and return the name of its rule."""
    parameters = dict(mapping(properties.get("Parameters", {}), "Parameters"))
    has_role = parameters.pop(_ROLE_PARAMETER, None) is not None
    given = _Fields(resolver.value({**properties, "Parameters": parameters}), "Properties")
    name = given.text("ConfigRuleName") or ""
    if name not in imported.rules:
        raise UnresolvedError(f"its rule {name!r} is not turned")
    if name in imported.remediations:
        raise UnresolvedError(f"allowed: one remediation for each rule; got a second for {name!r}")
    if (kind := given.text("TargetType")) != "SSM_DOCUMENT":
        raise UnresolvedError(f"TargetType: allowed: SSM_DOCUMENT; got {shortened(kind)}")
    controls = given.fields("ExecutionControls")
    rates = controls.fields("SsmControls")
    automatic = given.text("Automatic") == "true"
    attempts = given.number("MaximumAutomaticAttempts")
    seconds = given.number("RetryAttemptSeconds")
    found: dict[str, Any] = {
        "document": given.text("TargetId"),
        "document_version": given.text("TargetVersion"),
        "automatic": automatic,
        # Neither counts when people start it.
        "maximum_automatic_attempts": attempts if automatic else None,
        "retry_attempt_seconds": seconds if automatic else None,
        "concurrent_percentage": rates.number("ConcurrentExecutionRatePercentage"),
        "error_percentage": rates.number("ErrorPercentage"),
        "resource_type": given.text("ResourceType"),
        "parameters": {
            key: _remediation_parameter(value, key)
            for key, value in mapping(given.value("Parameters"), "Parameters").items()
        },
        "role_parameter": _ROLE_PARAMETER if has_role else None,
        "permissions": [{"actions": [], "resources": []}],
    }
    for fields in (rates, controls, given):
        fields.check_all_read()
    imported.remediations[name] = {
        key: value for key, value in found.items() if value not in (None, {})
    }
    return name


def _remediation_parameter(given: Any, name: str) -> dict[str, Any]:
    match given:
        case {"StaticValue": {"Values": [str(value)]}}:
            return {"static_value": value}
        case {"StaticValue": {"Values": [str(), *_] as values}}:
            return {"static_values": values}
        case {"ResourceValue": {"Value": str(value)}}:
            return {"resource_value": value}
    allowed = "a StaticValue with Values, or a ResourceValue with Value"
    raise UnresolvedError(f"Parameters.{name}: allowed: {allowed}; got {shortened(given)}")


class _Fields:
    """Reads a mapping, and knows what of it has not been read.

    Args:
        given: the mapping, with all functions resolved.
        place: what it is called in messages.
    """

    def __init__(self, given: Any, place: str) -> None:
        self._given = dict(mapping(given, place))
        self._place = place

    def value(self, name: str) -> Any:
        """Read what may be of any type."""
        return self._given.pop(name, None)

    def text(self, name: str) -> str | None:
        """Read a string."""
        value = self.value(name)
        if value is None or isinstance(value, str):
            return value
        raise self._error(name, "a string", value)

    def number(self, name: str) -> int | None:
        """Read a whole number."""
        text = self.text(name)
        if text is None:
            return None
        if re.fullmatch("[0-9]{1,9}", text):
            return int(text)
        raise self._error(name, "a whole number", text)

    def texts(self, name: str) -> list[str]:
        """Read a list of strings."""
        value = self.value(name)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
        raise self._error(name, "a list of strings", value)

    def fields(self, name: str) -> "_Fields":
        """Read a mapping."""
        return _Fields(self._given.pop(name, {}), f"{self._place}.{name}")

    def several(self, name: str) -> list["_Fields"]:
        """Read a list of mappings."""
        value = self._given.pop(name, [])
        if not isinstance(value, list):
            raise self._error(name, "a list", value)
        return [_Fields(each, f"{self._place}.{name}") for each in value]

    def check_all_read(self) -> None:
        """Refuse what nobody has read, for it would be lost."""
        if self._given:
            raise UnresolvedError(
                f"{self._place}: settings have nothing like {', '.join(self._given)}"
            )

    def _error(self, name: str, allowed: str, value: Any) -> UnresolvedError:
        return UnresolvedError(f"{self._place}.{name}: allowed: {allowed}; got {shortened(value)}")


def as_yaml(imported: Imported, file: str) -> str:
    """Write settings; what needs a person is in comments."""
    lines = [_printable(f"# From {file}, with its parameters' defaults.")]
    lines.append("managed_rules:" if imported.rules else "managed_rules: {}")
    for name, settings in imported.rules.items():
        lines += [f"  {line}" for line in _dumped({name: settings})]
        if name in imported.remediations:
            remediation = {"remediation": imported.remediations[name]}
            lines += [f"    # {line}" for line in _dumped(remediation)]
    if imported.left:
        lines += ["", "# Not turned, or not completely:"]
        lines += [f"# {each}" for each in imported.left]
    return "\n".join(lines) + "\n"


def write(imported: Imported, file: str, out: Path) -> None:
    """Write settings into a file, whose folder is made where it is missing.

    Raises:
        PackError: the file cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(as_yaml(imported, file), encoding="utf-8", newline="\n")
    except OSError as error:
        raise PackError(f"{out}: cannot be written: {error.strerror}") from error


def _printable(text: str) -> str:
    # A line break would end the comment, and other characters give orders to a terminal.
    return "".join(each if each.isprintable() else " " for each in text)


class _Dumper(yaml.SafeDumper):
    """Writes each scalar in one line, and each value where it stands."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as PyYAML calls it
        """Write a value that occurs twice, twice."""
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Write line breaks, and what nobody can see, as escapes."""
        return self.represent_scalar(
            "tag:yaml.org,2002:str", data, None if data.isprintable() else '"'
        )


_Dumper.add_representer(str, _Dumper.represent_str)


def _dumped(value: Any) -> list[str]:
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    return str(text).splitlines()


def as_json(imported: Imported) -> dict[str, Any]:
    """Return the same as JSON has it."""
    return {
        "managed_rules": imported.rules,
        "remediations": imported.remediations,
        "left": [asdict(each) for each in imported.left],
    }
