"""Reads ``environments/*.yaml``: one file for each environment, every mistake with its line."""

import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from assay_constructs.errors import SettingsError
from assay_constructs.settings import (
    Allowed,
    CloudBackend,
    Location,
    RecorderCreate,
    Settings,
    Suffix,
)

_TAG = "tag:yaml.org,2002:"
# What YAML makes of a plain word, in words for the user.
_SCALARS = {"str": "a string", "int": "a number", "float": "a number", "bool": "true or false"}


def read_environments(
    folder: Path, *, environment_suffix: str | None = None
) -> dict[str, Settings]:
    """Read the settings of every environment in a folder.

    Args:
        folder: Holds one ``<environment>.yaml`` for each environment.
        environment_suffix: Replaces the suffix in every file, so that a copy of an environment
            can stand beside the original; the value of the variable ``ENVIRONMENT_SUFFIX``.

    Returns:
        Settings by environment name, sorted by name.

    Raises:
        SettingsError: With every mistake in every file.
    """
    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if not files:
        raise SettingsError(
            [f"{folder}: allowed: a folder with files named <environment>.yaml; got none"]
        )
    mistakes = [*_suffix_mistakes(environment_suffix)]
    if mistakes:
        environment_suffix = None
    environments: dict[str, Settings] = {}
    documents: dict[str, _Document] = {}
    for file in files:
        try:
            _check_name(file)
            document = _Document(file)
            environments[file.stem] = _settings(document, environment_suffix)
            documents[file.stem] = document
        except SettingsError as error:
            mistakes += error.mistakes
    mistakes += _shared_with_others(environments, documents, copies=environment_suffix is not None)
    if mistakes:
        raise SettingsError(mistakes)
    return environments


def _suffix_mistakes(environment_suffix: str | None) -> Iterator[str]:
    try:
        TypeAdapter(Suffix | None).validate_python(environment_suffix)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        yield f"ENVIRONMENT_SUFFIX: {message}; got {environment_suffix!r}"


def _check_name(file: Path) -> None:
    if file.suffix != ".yaml":
        raise SettingsError([f"{file}: file name: allowed: <environment>.yaml; got {file.name!r}"])
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", file.stem):
        allowed = "lower-case letters, digits and, between them, hyphens, 32 characters at most"
        raise SettingsError([f"{file}: file name: allowed: {allowed}; got {file.stem!r}"])


class _Document:
    """A YAML file: its plain values, and where each of them stands.

    Args:
        file: The file.

    Raises:
        SettingsError: It cannot be read or is not YAML, or something in it could never be a
            setting.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._mistakes: list[str] = []
        try:
            self._root = self._compose()
            self.data = self._value(self._root, (), ())
        except RecursionError:
            raise SettingsError([f"{file}: allowed: YAML that nests less deeply"]) from None
        if not self._mistakes and not isinstance(self.data, dict):
            came = _shown(self.data)
            self._mistakes.append(self.mistake((), f"allowed: keys and values; got {came}"))
        if self._mistakes:
            raise SettingsError(self._mistakes)

    def mistake(self, location: Location, message: str) -> str:
        """A message about a setting: file, line, field, and what is wrong about it."""
        line, _ = self.find(location)
        return self._at(line, location, message)

    def find(self, location: Location) -> tuple[int | None, yaml.Node | None]:
        """A setting's line and node; without one, the line of the nearest setting above it."""
        line, node = None, self._root
        for step in location:
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == step), None)
                if pair is None:
                    return line, None
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line, node

    def _at(self, line: int | None, location: Location, message: str) -> str:
        place = f"{self._file}:{line}" if line else f"{self._file}"
        return ": ".join(filter(None, (place, ".".join(map(str, location)), message)))

    def _compose(self) -> yaml.Node | None:
        try:
            content = self._file.read_bytes()
            text = content.decode()
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except OSError as error:
            message = f"allowed: a file that can be read; got: {error.strerror}"
            raise SettingsError([self._at(None, (), message)]) from None
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            message = f"allowed: UTF-8 text; got the byte 0x{content[error.start]:02x}"
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            message = f"allowed: characters that YAML allows; got U+{error.character:04X}"
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            message = "not valid YAML: " + " ".join(filter(None, (error.context, error.problem)))
        raise SettingsError([self._at(line, (), message)])

    def _value(self, node: yaml.Node | None, location: Location, above: Sequence[yaml.Node]) -> Any:
        """The plain value of a node; what can be none is noted as a mistake."""
        if node is None:
            return None
        line = node.start_mark.line + 1
        if node in above:
            message = f"allowed: values that end; got an alias of what it stands in"
            self._mistakes.append(self._at(line, location, message))
        elif isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return dict(self._items(node, location, (*above, node)))
        elif isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [
                self._value(item, (*location, index), (*above, node))
                for index, item in enumerate(node.value)
            ]
        else:
            return self._scalar(node, location)
        return None
