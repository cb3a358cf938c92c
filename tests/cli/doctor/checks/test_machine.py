"""The programs that a deployment takes, as this machine has them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assay_cli.doctor.check import Check
from assay_cli.doctor.checks import machine
from assay_cli.doctor.state import Project

Look = Callable[..., list[tuple[str, str, str | None]]]
Program = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Puts programs on an otherwise empty PATH that only say something."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("TERRAFORM_BINARY_NAME", raising=False)

    def put(name: str, says: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
        (folder / name).chmod(0o755)

    return put


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("1.11.0", ("ok", "Terraform 1.11.0", None)),
        ("2.0.0-beta1", ("ok", "Terraform 2.0.0-beta1", None)),
        ("1.10.5", ("error", "Terraform is 1.10.5", None)),
    ],
)
def test_terraform_has_to_be_new_enough(
    look: Look, project: Project, program: Program, version: str, told: tuple[str, str, None]
) -> None:
    program("terraform", json.dumps({"terraform_version": version}))
    assert look(machine.terraform, project) == [told]


@pytest.mark.usefixtures("program")
def test_terraform_has_to_be_there(look: Look, project: Project) -> None:
    assert look(machine.terraform, project) == [
        ("error", "there is no terraform on the PATH", None)
    ]


@pytest.mark.parametrize("says", ["Segmentation fault", "{}", "[]"])
def test_terraform_has_to_tell_its_version(
    look: Look, project: Project, program: Program, says: str
) -> None:
    program("terraform", says)
    assert look(machine.terraform, project) == [
        ("error", f"terraform does not tell its version; it said: {says}", None)
    ]


def test_terraform_may_have_another_name(
    look: Look, project: Project, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("tofu", json.dumps({"terraform_version": "1.12.0"}))
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", "tofu")
    assert look(machine.terraform, project) == [("ok", "Terraform 1.12.0", None)]


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("v22.20.0", ("ok", "Node.js 22.20.0", None)),
        ("v18.19.1", ("error", "Node.js is 18.19.1", None)),
    ],
)
def test_node_has_to_be_new_enough(
    look: Look, project: Project, program: Program, says: str, told: tuple[str, str, None]
) -> None:
    program("node", says)
    assert look(machine.node, project) == [told]


@pytest.mark.usefixtures("program")
def test_node_has_to_be_there(look: Look, project: Project) -> None:
    assert look(machine.node, project) == [("error", "there is no node on the PATH", None)]


def install_cdktf(folder: Path, version: str) -> None:
    package = folder / "node_modules" / "cdktf-cli"
    package.mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"version": version}), encoding="utf-8")


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("0.21.0", ("ok", "CDKTF CLI 0.21.0", None)),
        ("0.20.1", ("warning", "the CDKTF CLI is 0.20.1, and the code is made for 0.21.0", None)),
    ],
)
def test_the_projects_cdktf_has_to_fit(
    look: Look,
    project: Project,
    program: Program,
    tmp_path: Path,
    version: str,
    told: tuple[str, str, None],
) -> None:
    program("cdktf", "0.19.0")
    install_cdktf(tmp_path, version)
    assert look(machine.cdktf, project) == [told]


def test_outside_a_project_cdktf_is_on_the_path(
    look: Look, program: Program, tmp_path: Path
) -> None:
    program("cdktf", "0.21.0")
    assert look(machine.cdktf, Project(None, tmp_path)) == [("ok", "CDKTF CLI 0.21.0", None)]


@pytest.mark.usefixtures("program")
def test_a_missing_cdktf_is_a_warning(look: Look, project: Project) -> None:
    assert look(machine.cdktf, project) == [
        ("warning", "there is no CDKTF CLI, neither in node_modules nor on the PATH", None)
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "\N{LATIN SMALL LETTER A WITH DIAERESIS}"], ids=repr
)
def test_a_damaged_cdktf_is_told(look: Look, project: Project, tmp_path: Path, text: str) -> None:
    install_cdktf(tmp_path, "0.21.0")
    package = tmp_path / "node_modules" / "cdktf-cli" / "package.json"
    package.write_text(text, encoding="latin-1")
    assert look(machine.cdktf, project) == [
        ("error", f"{package} is damaged, and the CDKTF CLI with it", None)
    ]


@pytest.mark.parametrize(
    ("check", "name"),
    [(machine.terraform, "terraform"), (machine.node, "node"), (machine.cdktf, "cdktf")],
)
def test_a_program_that_cannot_be_started_is_told(
    look: Look,
    project: Project,
    program: Program,
    tmp_path: Path,
    check: Check[Project],
    name: str,
) -> None:
    program(name, "anything")
    file = tmp_path / "programs" / name
    file.write_bytes(b"\0")
    assert look(check, project) == [("error", f"{file} cannot be started: Exec format error", None)]


def test_a_program_that_does_not_answer_is_told(
    look: Look, project: Project, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("node", "anything")
    file = tmp_path / "programs" / "node"
    file.write_text("#!/bin/sh\nexec /bin/sleep 5\n", encoding="utf-8")
    monkeypatch.setattr(machine, "_SECONDS", 0.1)
    assert look(machine.node, project) == [
        ("error", f"{file} does not answer within 0.1 seconds", None)
    ]
