"""The deployment packages of the Lambda functions: zips whose bytes follow from their contents."""

import atexit
import base64
import functools
import hashlib
import json
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from assay.rule import AnyRule, Severity
from assay.waivers import Waiver, Waivers
from assay_constructs.errors import ConstructArgumentError

# boto3 is part of the Lambda runtime; these are what the code needs beside it.
BUNDLED_DISTRIBUTIONS = ("aws-lambda-powertools", "jinja2", "jmespath", "markupsafe")

LEFT_OUT = (
    # Powertools' HTTP router with its web page: three quarters of the package, never imported.
    "aws_lambda_powertools/event_handler/",
    # Compiled for this machine, not for Lambda's; MarkupSafe does the same in Python without it.
    "markupsafe/_speedups.",
)

# Files beside the packages, as environment variables of these names tell the functions.
WAIVERS_FILE = "waivers.json"
RULES_FILE = "rules.json"

# The earliest time that a zip can hold, so that no file's own time changes the bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class DeploymentPackage:
    """A zip file that Lambda can run.

    Args:
        path: Where the file lies, until this process ends.
        source_code_hash: Base64 of its SHA-256, as ``aws_lambda_function`` wants it.
    """

    path: Path
    source_code_hash: str


def deployment_package(
    rules: Iterable[type[AnyRule]] = (),
    waivers: Iterable[Waiver] = (),
    severities: Mapping[type[AnyRule], Severity] | None = None,
) -> DeploymentPackage:
    """Build the zip: the engine, its dependencies, the packages that rules come from, and lists.

    A rule's package is the whole of what stands before the first dot of its module's name: a
    package with all its files, or one module. What its modules import beside ``assay`` must be
    in it, or in the Lambda runtime.

    It is built once for each process, set of packages and lists. Entries are sorted, carry one
    fixed time and mode, and are stored uncompressed: the bytes, and so the hash that Terraform
    compares, change when code or lists do and never otherwise, be it with another checkout,
    machine or version of a compressor.

    Args:
        rules: The rules' classes; ``assay`` has its own anyway.
        waivers: The waivers; without any the zip has no ``waivers.json``.
        severities: The severities of the rules that are reported on, which with the rules' classes
            make ``rules.json``; ``None`` for a zip that reports nothing.

    Raises:
        ConstructArgumentError: When a class could not be imported by its name in a function.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
    """
    lists = {}
    if given := [each.to_json() for each in Waivers(waivers).all]:
        lists[WAIVERS_FILE] = _json(given)
    if severities is not None:
        lists[RULES_FILE] = _json(
            {
                rule.name: {"class": rule.reference(), "severity": severity}
                for rule, severity in severities.items()
            }
        )
    packages = frozenset({"assay", *map(_top_level_name, rules)})
    return _build(packages, frozenset(lists.items()))


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True)


def _top_level_name(rule: type[AnyRule]) -> str:
    name, _, _ = rule.__module__.partition(".")
    if name == "__main__" or "." in rule.__qualname__:
        raise ConstructArgumentError(
            "rule",
            "a class at the top of a module that can be imported, for a script's own classes and "
            "those in functions and classes cannot be bundled",
            rule.reference(),
        )
    return name


@functools.cache
def _build(packages: frozenset[str], lists: frozenset[tuple[str, str]]) -> DeploymentPackage:
    folder = Path(tempfile.mkdtemp(prefix="assay-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "assay.zip"
    contents = {**_code(packages), **{name: text.encode() for name, text in lists}}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    digest = hashlib.sha256(path.read_bytes()).digest()
    return DeploymentPackage(path, base64.b64encode(digest).decode())


@functools.cache
def _code(packages: frozenset[str]) -> Mapping[str, bytes]:
    return {name: source.read_bytes() for name, source in _sources(packages)}


def _sources(packages: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for package in packages:
        module = sys.modules[package]
        if not hasattr(module, "__path__"):
            source = Path(str(module.__file__))
            yield source.name, source
            continue
        for folder in map(Path, module.__path__):
            for source in filter(Path.is_file, folder.rglob("*")):
                entry = f"{package}/{source.relative_to(folder).as_posix()}"
                if not _is_cache(entry):
                    yield entry, source
    yield "typing_extensions.py", Path(__file__).with_name("typing_extensions_stand_in.py")
    for name in BUNDLED_DISTRIBUTIONS:
        for file in distribution(name).files or ():
            entry = file.as_posix()
            if not _is_clutter(entry):
                yield entry, Path(str(file.locate()))


def _is_cache(entry: str) -> bool:
    """Whether a file is what tools leave behind: compiled, or in a hidden folder."""
    parts = entry.split("/")
    return "__pycache__" in parts or any(part.startswith(".") for part in parts)


def _is_clutter(entry: str) -> bool:
    return (
        entry.endswith(".pyc")
        or entry.startswith(("..", *LEFT_OUT))
        or ".dist-info/" in entry.split("/", 1)[0] + "/"
    )
