"""Loads the AWS provider's CDKTF bindings on demand; importing ``assay_constructs`` is enough.

As generated, the bindings import some 1,500 service modules in Python and again in Node.js, which
takes seconds and hundreds of MiB at every synth. After this module, each is loaded when it is first
used, and nothing else changes: the synthesized JSON is the same byte for byte.

Import it before the bindings; it does nothing when they were imported already. Setting
``ASSAY_LAZY_BINDINGS`` to ``0`` switches it off, to ``python`` leaves Node.js as it is.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

SWITCH = "ASSAY_LAZY_BINDINGS"
# By Python package: the npm package that it drives, and the distribution that it comes in.
PROVIDERS = {
    "cdktf_cdktf_provider_aws": ("@cdktf/provider-aws", "cdktf-cdktf-provider-aws"),
    "cdktn_provider_aws": ("@cdktn/provider-aws", "cdktn-provider-aws"),
}
PRELOAD = Path(__file__).with_name("lazy_provider.js")


def install() -> None:
    """Make the installed providers' bindings lazy, unless the user switched that off.

    Can be called again without harm.
    """
    if os.environ.get(SWITCH) == "0":
        return
    for package in PROVIDERS:
        if package not in sys.modules and (spec := find_spec(package)):
            _make_lazy(spec)


def _make_lazy(spec: ModuleSpec) -> None:
    locations = spec.submodule_search_locations
    folder = Path(locations[0]) if locations else Path()
    if not all((folder / part / "__init__.py").is_file() for part in ("_jsii", "provider")):
        warnings.warn(
            f"{spec.name} does not look as expected, so all of it is loaded at once; "
            f"{SWITCH}=0 silences this",
            RuntimeWarning,
            stacklevel=4,
        )
        return
    sys.modules[spec.name] = _LazyPackage(spec)
    sys.meta_path.insert(0, _AssemblyFinder(spec.name, folder))
    if os.environ.get(SWITCH) != "python":
        preload_in_node(PRELOAD)


def preload_in_node(script: Path) -> None:
    """Add ``--require`` of a script to ``NODE_OPTIONS``, keeping what the user has there.

    Source: https://nodejs.org/api/cli.html#node_optionsoptions
    """
    # Node.js takes slashes on every system; within quotes, a backslash would escape.
    quoted = script.as_posix().replace("\\", "\\\\").replace('"', '\\"')
    option = f'--require "{quoted}"'
    given = os.environ.get("NODE_OPTIONS", "")
    if option not in given:
        os.environ["NODE_OPTIONS"] = f"{given} {option}".strip()


class _LazyPackage(ModuleType):
    """A package whose modules are imported when they are first asked for."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec
        self.__loader__ = spec.loader
        self.__file__ = spec.origin
        self.__package__ = spec.name
        self.__path__ = list(spec.submodule_search_locations or ())

    def __getattr__(self, name: str) -> ModuleType:
        qualified = f"{self.__name__}.{name}"
        try:
            return import_module(qualified)
        except ModuleNotFoundError as error:
            if error.name != qualified:
                raise
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_service_modules(Path(self.__path__[0]))})


def _service_modules(folder: Path) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.is_dir() and not entry.name.startswith("_"):
            yield entry.name


class _AssemblyFinder(MetaPathFinder):
    """Finds the one module that hands the npm package to jsii, to stand beside when it does."""

    def __init__(self, package: str, folder: Path) -> None:
        self._assembly = f"{package}._jsii"
        self._folder = folder

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the signature is Python's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname != self._assembly:
            return None
        loader = _AssemblyLoader(fullname, str(self._folder / "_jsii" / "__init__.py"))
        return spec_from_file_location(fullname, loader.path, loader=loader)


class _AssemblyLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - what Node.js waits for is short

        package, _, _ = module.__name__.rpartition(".")
        folder = Path(self.path).parents[1]
        npm_package, distribution = PROVIDERS[package]
        # jsii imports a module by this map when Node.js returns a type that is not loaded yet.
        module._SUBMODULE_FQN_MAP = {  # type: ignore[attr-defined]  # noqa: SLF001
            f"{npm_package}.{_camel_case(name)}": f"{package}.{name}"
            for name in _service_modules(folder)
        }
        with _unpacking(npm_package, version(distribution)):
            super().exec_module(module)


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@contextmanager
def _unpacking(npm_package: str, release: str) -> Iterator[None]:
    """Say that jsii unpacks a package, which takes seconds, when it is not in jsii's cache."""
    if (package_cache() / npm_package / release).is_dir():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - only here, and it takes a while

    console = Console(stderr=True)
    message = f"Unpacking the bindings of {npm_package} {release}, once on this machine"
    if console.is_terminal:
        with console.status(message):
            yield
    else:
        console.print(message, soft_wrap=True, highlight=False)
        yield


def package_cache() -> Path:
    """The folder in which jsii keeps unpacked packages.

    Source: https://aws.github.io/jsii/user-guides/lib-user/environment/
    """
    if root := os.environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT"):
        return Path(root)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "com.amazonaws.jsii" / "package-cache"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(local) / "AWS" / "jsii" / "package-cache"
    return Path.home() / ".cache" / "aws" / "jsii" / "package-cache"
