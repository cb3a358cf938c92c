"""Reads ``environments/*.yaml``: one file for each environment, every mistake with its line."""

import difflib
import re
import types
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from assay_constructs.errors import SettingsError
from assay_constructs.settings import CloudBackend, RecorderCreate, Settings

Location: TypeAlias = tuple[str | int, ...]


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader that refuses a key given twice, where the last one would win unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the signature is PyYAML's
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands here twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_environments(
    folder: Path, *, environment_suffix: str | None = None
) -> dict[str, Settings]:
    """Read the settings of every environment in a folder.

    Args:
        folder: Holds one ``<environment>.yaml`` for each environment.
        environment_suffix: Replaces the suffix in every file, so that a copy of an environment
            can stand beside the original.

    Returns:
        Settings by environment name, sorted by name.

    Raises:
        SettingsError: With every mistake in every file.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise SettingsError(
            [f"{folder}: no settings here; allowed: files named <environment>.yaml"]
        )
    environments: dict[str, Settings] = {}
    mistakes: list[str] = []
    for file in files:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", file.stem):
            allowed = "lower-case letters, digits and hyphens, 32 at most"
            mistakes.append(f"{file}: file name: allowed: {allowed}; got {file.stem!r}")
            continue
        try:
            environments[file.stem] = _read_file(file, environment_suffix)
        except SettingsError as error:
            mistakes += error.mistakes
    if mistakes:
        raise SettingsError(mistakes)
    return environments


def _read_file(file: Path, environment_suffix: str | None) -> Settings:
    try:
        text = file.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - derived from SafeLoader
    except UnicodeDecodeError as error:
        raise SettingsError([f"{file}: allowed: UTF-8 text; {error}"]) from None
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError([f"{file}{line}: not valid YAML: {error.problem}"]) from None
    if not isinstance(data, dict):
        raise SettingsError([f"{file}: allowed: keys and values; got {type(data).__name__}"])
    original_suffix = data.get("environment_suffix")
    if environment_suffix is not None:
        data["environment_suffix"] = environment_suffix
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise SettingsError(
            [
                f"{file}{_line(root, location)}: {_field(location)}{message}"
                for location, message in _mistakes(error, data)
            ]
        ) from None
    if settings.environment_suffix != original_suffix:
        mistakes = [
            f"{file}{_line(root, location)}: {_field(location)}{message}"
            for location, message in _shared_with_original(settings)
        ]
        if mistakes:
            raise SettingsError(mistakes)
    return settings


def _shared_with_original(settings: Settings) -> Iterator[tuple[Location, str]]:
    """What a copy made by ``ENVIRONMENT_SUFFIX`` would take from its original."""
    recorder, backend = settings.recorder, settings.backend
    allowed = "allowed where ENVIRONMENT_SUFFIX makes a copy"
    if isinstance(recorder, RecorderCreate) and recorder.name is not None:
        yield (
            ("recorder", "name"),
            (
                f"{allowed}: left out, or mode 'existing', for the copy would adopt the original's "
                f"recorder and delete it when destroyed; got {recorder.name!r}"
            ),
        )
    if isinstance(backend, CloudBackend):
        name = backend.workspace.name
        if name is not None and "{suffix}" not in name:
            yield (
                ("backend", "workspace", "name"),
                (
                    f"{allowed}: a name with {{suffix}}, for the copy would replace the original "
                    f"in its workspace; got {name!r}"
                ),
            )


def _mistakes(error: ValidationError, data: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    for detail in error.errors(include_url=False):
        location = _without_tags(detail["loc"], data)
        match detail["type"]:
            case "several":
                for field, message in detail["ctx"]["problems"]:
                    yield (*location, *filter(None, field.split("."))), message
            case "extra_forbidden":
                allowed = _allowed_keys(detail["loc"][:-1])
                key = str(location[-1])
                near = difflib.get_close_matches(key, allowed, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield location, f"unknown key; allowed: {', '.join(allowed)}{hint}"
            case "missing":
                yield location, "required, but left out"
            case "union_tag_not_found":
                yield location, f"{detail['msg']}; got {detail['input']!r}"
            case _:
                message = detail["msg"].removeprefix("Input should be ")
                prefix = "allowed: " if message != detail["msg"] else ""
                yield location, f"{prefix}{message}; got {detail['input']!r}"


def _without_tags(location: Location, data: Any) -> Location:
    """Drop the steps that pydantic adds for the branch of a union: they are not in the file."""
    kept: list[str | int] = []
    for index, step in enumerate(location):
        in_file = isinstance(data, list) or (isinstance(data, Mapping) and step in data)
        if in_file:
            data = data[step]
        if in_file or index == len(location) - 1:
            kept.append(step)
    return tuple(kept)


def _allowed_keys(location: Location) -> list[str]:
    candidates: list[type[BaseModel]] = [Settings]
    for step in location:
        fields = [
            model.model_fields[str(step)] for model in candidates if step in model.model_fields
        ]
        if fields:
            candidates = [model for field in fields for model in _models(field.annotation)]
        elif tagged := [model for model in candidates if _has_tag(model, step)]:
            candidates = tagged
    return sorted({name for model in candidates for name in model.model_fields})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from _models(argument)


def _has_tag(model: type[BaseModel], tag: str | int) -> bool:
    annotations = (field.annotation for field in model.model_fields.values())
    return any(get_origin(a) is Literal and get_args(a) == (tag,) for a in annotations)


def _field(location: Location) -> str:
    return ".".join(map(str, location)) + ": " if location else ""


def _line(root: yaml.Node | None, location: Location) -> str:
    """The line of a setting as ``:N``, or of the nearest one above it that is in the file."""
    line: int | None = None
    for step in location:
        if isinstance(root, yaml.MappingNode):
            found = [(key, value) for key, value in root.value if key.value == step]
            if not found:
                break
            key, root = found[-1]
            line = key.start_mark.line
        elif isinstance(root, yaml.SequenceNode) and isinstance(step, int):
            root = root.value[step]
            line = root.start_mark.line
    return "" if line is None else f":{line + 1}"
