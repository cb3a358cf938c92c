"""Typed rule parameters, and their two outside forms: settings and AWS Config input parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

from assay.messages import shown

Problem = tuple[str, str]

_SCALARS = {
    str: ("a string", "strings"),
    int: ("an integer", "integers"),
    bool: ("true or false", "booleans"),
}


class ParameterError(ValueError):
    """Parameters that a rule cannot work with.

    Attributes:
        problems: All that is wrong, as pairs of a field's name and a message that says what is
            allowed and what came.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in problems))
        self.problems = problems


@dataclass(frozen=True)
class Parameters:
    """Base of a rule's parameters, which are frozen dataclasses.

    A field's type is one of `str`, `int`, `bool`, `tuple[T, ...]`, `Mapping[str, T]` and
    `T | None`, so that it can be written in YAML and in an input parameter alike.

    Raises:
        ParameterError: A value is of the right type but impossible.
    """

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise ParameterError(problems)

    def problems(self) -> Iterator[Problem]:
        """Yields what is impossible about the values; a rule with constraints overrides it."""
        yield from ()

    @classmethod
    def from_settings(cls, given: Mapping[str, object]) -> Self:
        """Makes parameters from a settings file's plain values, under snake_case names.

        Raises:
            ParameterError: Names are unknown or missing, or values are of a wrong type or
                impossible. All of it is reported at once.
        """
        return cls._build(given, external=_same, decode=_convert)

    @classmethod
    def from_input_parameters(cls, given: Mapping[str, object]) -> Self:
        """Makes parameters from AWS Config input parameters, the inverse of writing them.

        Raises:
            ParameterError: As for settings; fields are named as they came, in lowerCamelCase.
        """
        return cls._build(given, external=_lower_camel_case, decode=_decode)

    def to_input_parameters(self) -> dict[str, str]:
        """Writes AWS Config input parameters: lowerCamelCase names, and strings as all values.

        A string stays as it is, anything else becomes compact JSON, and None is left out. See
        https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigRule.html.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            _lower_camel_case(name): value if isinstance(value, str) else _compact_json(value)
            for name, value in values.items()
            if value is not None
        }

    @classmethod
    def _build(
        cls,
        given: Mapping[str, object],
        external: Callable[[str], str],
        decode: Callable[[Any, object], object],
    ) -> Self:
        hints = get_type_hints(cls)
        declared = {external(field.name): field for field in fields(cls)}
        allowed = ", ".join(declared) or "none"
        problems = [
            (str(name), f"unknown parameter, allowed: {allowed}")
            for name in given
            if name not in declared
        ]
        values: dict[str, Any] = {}
        for name, field in declared.items():
            if name in given:
                try:
                    values[field.name] = decode(hints[field.name], given[name])
                except ValueError as error:
                    problems.append((name, str(error)))
            elif field.default is MISSING and field.default_factory is MISSING:
                problems.append((name, f"required, must be {_allowed(hints[field.name])}"))
        required = {
            field.name
            for field in declared.values()
            if field.default is MISSING and field.default_factory is MISSING
        }
        if required <= values.keys():
            # Also after a wrong type, with the default in its place: a user who repairs one
            # mistake should not meet the next one only then.
            try:
                parameters = cls(**values)
            except ParameterError as error:
                problems += [(external(name), message) for name, message in error.problems]
        if problems:
            raise ParameterError(problems)
        return parameters


def _same(name: str) -> str:
    return name


def _lower_camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _compact_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=dict)


def _decode(hint: Any, value: object) -> object:
    """Reads an input parameter, a string that holds JSON unless the field is a string itself."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, got {shown(value)}")  # noqa: TRY004 - its caller collects ValueErrors
    if str in (hint, *_optional(hint)):
        return value
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError(f"must be {_allowed(hint)} as JSON, got {shown(value)}") from None
    return _convert(hint, decoded)


def _convert(hint: Any, value: object) -> object:
    try:
        return _checked(hint, value)
    except TypeError:
        raise ValueError(f"must be {_allowed(hint)}, got {shown(value)}") from None


def _checked(hint: Any, value: object) -> object:
    if alternatives := _optional(hint):
        return None if value is None else _checked(alternatives[0], value)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_checked(arguments[0], item) for item in value)
    if origin is Mapping and isinstance(value, Mapping):
        return {_checked(str, key): _checked(arguments[1], item) for key, item in value.items()}
    # Not isinstance: true is no integer to a user, though it is one to Python.
    if type(value) is hint:
        return value
    raise TypeError


def _optional(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) is UnionType else ()


def _allowed(hint: Any, number: int = 0) -> str:
    """Names a type for a message, in the singular (number 0) or in the plural (1)."""
    if alternatives := _optional(hint):
        return f"{_allowed(alternatives[0], number)} or null"
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return f"{('a list', 'lists')[number]} of {_allowed(arguments[0], 1)}"
    if get_origin(hint) is Mapping:
        return f"{('a mapping', 'mappings')[number]} of strings to {_allowed(arguments[1], 1)}"
    return _SCALARS[hint][number]
