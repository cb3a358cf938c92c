"""Reads ``environments/*.yaml``: one file for each environment, every mistake with its line."""

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from assay_constructs.config_settings import RecorderCreate
from assay_constructs.errors import SettingsError, shortened
from assay_constructs.settings import CloudBackend, Settings, Suffix
from assay_constructs.settings_types import Allowed, Location

_TAG = "tag:yaml.org,2002:"
# A date is text to everybody but YAML 1.1, and so are its two words with a meaning of their own.
_TEXTS = tuple(f"{_TAG}{kind}" for kind in ("str", "timestamp", "merge", "value"))
_WORDS = {f"{_TAG}int": "a number", f"{_TAG}float": "a number", f"{_TAG}bool": "true or false"}
_NULL = f"{_TAG}null"


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
    mistakes = list(_suffix_mistakes(environment_suffix))
    copy_suffix = None if mistakes else environment_suffix
    environments: dict[str, Settings] = {}
    copies: dict[str, Settings] = {}
    documents: dict[str, _Document] = {}
    for file in files:
        try:
            _check_name(file)
            document = _Document(file)
            settings = _settings(document, file.parent)
            environments[file.stem], documents[file.stem] = settings, document
            if copy_suffix not in (None, settings.environment_suffix):
                shared = _shared_with_original(settings)
                mistakes += [document.mistake(*mistake) for mistake in shared]
            if copy_suffix is not None:
                # Judged again, for names end with the suffix, and may be too long with this one.
                copies[file.stem] = _settings(document, file.parent, copy_suffix)
        except SettingsError as error:
            mistakes += error.mistakes
    mistakes += _shared_with_others(environments, documents)
    mistakes += _taken_by_copies(environments, copy_suffix)
    if mistakes:
        raise SettingsError(mistakes)
    return environments if copy_suffix is None else copies


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
            self.data: Any = self._value(self._root, (), ()) if self._root else None
        except RecursionError:
            raise SettingsError([f"{file}: allowed: YAML that nests less deeply"]) from None
        if not self._mistakes and not isinstance(self.data, dict):
            came = _shown(self.data)
            self._mistakes.append(self.mistake((), f"allowed: keys and values; got {came}"))
        if self._mistakes:
            raise SettingsError(self._mistakes)

    def mistake(self, location: Location, message: str) -> str:
        """A message about a setting: file, line, field, and what is wrong about it."""
        line, _ = self._find(location)
        return self._at(line, location, message)

    def came(self, location: Location, value: Any, *, text_wanted: bool) -> str:
        """What stands at a place, as the file has it where YAML makes something else of it."""
        _, node = self._find(location)
        if isinstance(node, yaml.ScalarNode) and isinstance(value, int | float):
            hint = f", which YAML takes for {_WORDS[node.tag]}: put it in quotes"
            return f"{node.value}{hint if text_wanted else ''}"
        return _shown(value)

    def _find(self, location: Location) -> tuple[int | None, yaml.Node | None]:
        """A setting's line and node; without one, the line of the nearest setting above it."""
        line: int | None = None
        node: Any = self._root
        for step in location:
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == step), None)
                if pair is None:
                    return line, None
                key, node = pair
                line = key.start_mark.line + 1
            else:
                node = node.value[step]
                line = node.start_mark.line + 1
        return line, node

    def _at(self, line: int | None, location: Location, message: str) -> str:
        place = f"{self._file}:{line}" if line else f"{self._file}"
        return ": ".join(filter(None, (place, ".".join(map(str, location)), message)))

    def _compose(self) -> yaml.Node | None:
        line: int | None
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
        except (OverflowError, ValueError):
            # PyYAML lets these out; their words are Python's and change with its version.
            line, message = None, "not valid YAML: an escape or a version number is too large"
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            message = "not valid YAML: " + " ".join(filter(None, (error.context, error.problem)))
        raise SettingsError([self._at(line, (), message)])

    def _value(self, node: yaml.Node, location: Location, above: Sequence[yaml.Node]) -> Any:
        """The plain value of a node; what has none is noted as a mistake."""
        if node in above:
            return self._refuse(node, location, "aliases of other values; got one of what it is in")
        above = (*above, node)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, location, above)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            items = enumerate(node.value)
            return [self._value(item, (*location, index), above) for index, item in items]
        if isinstance(node, yaml.ScalarNode) and node.tag in _TEXTS:
            return self._text(node, location)
        if isinstance(node, yaml.ScalarNode) and node.tag in (*_WORDS, _NULL):
            return self._word(node, location)
        tag = node.tag.replace(_TAG, "!!")
        return self._refuse(node, location, f"plain values; got the tag {tag}")

    def _mapping(
        self, mapping: yaml.MappingNode, location: Location, above: Sequence[yaml.Node]
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in mapping.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _TEXTS:
                scalar = isinstance(key_node, yaml.ScalarNode)
                came = f"{key_node.value}: put it in quotes" if scalar else "a list or mapping"
                self._refuse(key_node, location, f"strings as keys; got {came}")
                continue
            place = (*location, key_node.value)
            key = self._text(key_node, place)
            if key in values:
                self._refuse(key_node, place, "each key once; got it twice")
            values[key] = self._value(value_node, place, above)
        return values

    def _text(self, node: yaml.ScalarNode, location: Location) -> str:
        text = str(node.value)
        if "${" in text or "%{" in text:
            allowed = "text without ${ and %{, which Terraform would take for an expression"
            self._refuse(node, location, f"{allowed}; got {_shown(text)}")
        return text

    def _word(self, node: yaml.ScalarNode, location: Location) -> Any:
        try:
            return yaml.constructor.SafeConstructor().construct_object(node)
        except (KeyError, ValueError):
            return self._refuse(node, location, f"{_WORDS[node.tag]}; got {_shown(node.value)}")

    def _refuse(self, node: yaml.Node, location: Location, message: str) -> None:
        line = node.start_mark.line + 1
        self._mistakes.append(self._at(line, location, f"allowed: {message}"))


def _settings(document: _Document, folder: Path, copy_suffix: str | None = None) -> Settings:
    own = {} if copy_suffix is None else {"environment_suffix": copy_suffix}
    try:
        return Settings.model_validate({**document.data, **own}, context={"folder": folder})
    except ValidationError as error:
        mistakes = [_mistake(document, detail) for detail in error.errors(include_url=False)]
    raise SettingsError(mistakes)


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


def _taken_by_copies(
    environments: Mapping[str, Settings], copy_suffix: str | None
) -> Iterator[str]:
    """What copies made by ``ENVIRONMENT_SUFFIX`` would take from an environment of that suffix."""
    owners = [name for name, each in environments.items() if each.environment_suffix == copy_suffix]
    copies = [name for name in environments if name not in owners]
    if owners and copies:
        yield (
            "ENVIRONMENT_SUFFIX: allowed: a suffix of no environment in the folder, for copies of "
            f"{' and '.join(copies)} would take the resource names of {' and '.join(owners)}; "
            f"got {copy_suffix!r}"
        )


def _shared_with_others(
    environments: Mapping[str, Settings], documents: Mapping[str, _Document]
) -> Iterator[str]:
    """What two environments would take from one another."""
    for (first, one), (second, other) in itertools.combinations(environments.items(), 2):
        for location, message in _shared(one, other):
            yield documents[second].mistake(location, f"{message}, as in {first}.yaml")


def _shared(one: Settings, other: Settings) -> Iterator[tuple[Location, str]]:
    # Nothing is known about the account of an environment without an account id.
    if one.account_id is not None and one.account_id == other.account_id:
        if one.environment_suffix == other.environment_suffix:
            allowed = "one of its own, for names of IAM roles end with it in the whole account"
            yield (
                ("environment_suffix",),
                f"allowed: {allowed}; got {other.environment_suffix!r}",
            )
        if one.region == other.region and one.recorder.mode == other.recorder.mode == "create":
            allowed = "one environment with 'create' for each account and region"
            yield ("recorder", "mode"), f"allowed: {allowed}; got 'create'"
        place, types = other.global_resource_types()
        types = tuple(each for each in types if each in one.global_resource_types()[1])
        if one.region != other.region and types:
            allowed = f"no global types, which {one.region} records and AWS bills in each region"
            yield place, f"allowed: {allowed}; got {', '.join(types)}"
    if (workspace := _workspace(other)) is not None and workspace == _workspace(one):
        yield (
            ("backend", "workspace", "name"),
            f"allowed: a workspace of its own, for it holds the state; got {workspace[-1]!r}",
        )


def _workspace(settings: Settings) -> tuple[str, str, str] | None:
    backend = settings.backend
    if not isinstance(backend, CloudBackend) or backend.workspace.name is None:
        return None
    name = backend.workspace.name.replace("{suffix}", settings.environment_suffix)
    return backend.hostname, backend.organization, name


def _mistake(document: _Document, detail: ErrorDetails) -> str:
    """One of pydantic's errors, in words of the settings file."""
    steps = detail["loc"]
    if steps[-1:] == ("[key]",) and detail["type"] != "extra_forbidden":
        # Pydantic's own step, behind a key that is wrong.
        steps = steps[:-1]
    location, model = _place(steps)
    value = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            _, model = _place(detail["loc"][:-1])
            keys = sorted(model.model_fields)
            near = difflib.get_close_matches(str(location[-1]), keys, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            message = f"unknown key; allowed: {', '.join(keys)}{hint}"
        case "missing":
            _, model = _place(detail["loc"][:-1])
            metadata = model.model_fields[detail["loc"][-1]].metadata
            (allowed,) = (each.text for each in metadata if isinstance(each, Allowed))
            message = f"required, but left out; allowed: {allowed}"
        case "union_tag_not_found" | "union_tag_invalid":
            discriminator = detail["ctx"]["discriminator"].strip("'")
            location = (*location, discriminator)
            tags = ", ".join(repr(_tag(branch)) for branch in get_args(model))
            if discriminator in value:
                came = document.came(location, value[discriminator], text_wanted=True)
                message = f"allowed: {tags}; got {came}"
            else:
                message = f"required, but left out; allowed: {tags}"
        case "allowed":
            came = document.came(location, value, text_wanted=detail["ctx"]["text_wanted"])
            message = f"{detail['msg']}; got {came}"
        case _:
            message = detail["msg"]
    return document.mistake(location, message)


def _place(steps: Location) -> tuple[Location, Any]:
    """Where in the file pydantic's steps lead, and the type there.

    Pydantic adds a step that is not in the file: the tag of a union.
    """
    location: list[str | int] = []
    kind: Any = Settings
    for step in steps:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            location.append(step)
            field = kind.model_fields.get(str(step))
            kind = _bare(field.annotation) if field else None
        elif get_origin(kind) in (Union, UnionType):
            kind = next(model for model in get_args(kind) if _tag(model) == step)
        else:
            location.append(step)
            kind = _bare(get_args(kind)[-1]) if get_args(kind) else None
    return tuple(location), kind


def _bare(annotation: Any) -> Any:
    """A type without what is annotated to it, and without its ``None``."""
    while get_origin(annotation) is Annotated or NoneType in get_args(annotation):
        annotation = get_args(annotation)[0]
    return annotation


def _tag(model: type[BaseModel]) -> Any:
    """What tells a model from the others of its union: its first field has one value only."""
    first = next(iter(model.model_fields.values()))
    return get_args(first.annotation)[0]


def _shown(value: Any) -> str:
    return "nothing" if value is None else shortened(value)
