"""Locked dependencies name no package index, and locking keeps it so."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
# The project's own environment, and those of tools that would decide on its versions.
FOLDERS = [
    str(file.parent.relative_to(PROJECT))
    for file in (PROJECT / "Pipfile", *sorted(PROJECT.glob("tools/*/Pipfile")))
]

# Writes what Pipenv writes: the index that it used, and each package's reference to it.
LOCK: dict[str, Any] = {
    "_meta": {
        "hash": {"sha256": "0"},
        "pipfile-spec": 6,
        "sources": [{"name": "pypi", "url": "https://index.example/simple", "verify_ssl": True}],
    },
    "default": {
        "boto3": {"hashes": ["sha256:1"], "index": "pypi", "version": "==1.0"},
        "assay": {"editable": True, "path": "."},
    },
    "develop": {"é": {"index": "pypi", "version": "==2.0"}},
}
CLEAN: dict[str, Any] = {
    "_meta": {"hash": {"sha256": "0"}, "pipfile-spec": 6, "sources": []},
    "default": {
        "boto3": {"hashes": ["sha256:1"], "version": "==1.0"},
        "assay": {"editable": True, "path": "."},
    },
    "develop": {"é": {"version": "==2.0"}},
}


@pytest.fixture
def pipenv(tmp_path: Path) -> Path:
    """A program that stands in for Pipenv and fails when it is not asked to lock."""
    program = tmp_path / "bin" / "pipenv"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "if sys.argv[1:] != ['lock'] or pathlib.Path('broken').exists():\n"
        "    sys.exit(3)\n"
        f"pathlib.Path('Pipfile.lock').write_text({json.dumps(LOCK)!r})\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


def lock(pipenv: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROJECT / "tools" / "lock.py", pipenv, folder],
        capture_output=True,
        text=True,
        check=False,
    )


def test_locking_leaves_no_index_and_everything_else(tmp_path: Path, pipenv: Path) -> None:
    locked = lock(pipenv, tmp_path)
    assert locked.returncode == 0, locked.stderr
    text = (tmp_path / "Pipfile.lock").read_text(encoding="utf-8")
    assert json.loads(text) == CLEAN
    # As Pipenv writes it, so that the file changes only where versions do.
    assert text == json.dumps(CLEAN, indent=4, sort_keys=True) + "\n"


def test_a_lock_that_fails_changes_nothing_and_is_told(tmp_path: Path, pipenv: Path) -> None:
    (tmp_path / "broken").touch()
    (tmp_path / "Pipfile.lock").write_text("as it was", encoding="utf-8")
    locked = lock(pipenv, tmp_path)
    assert locked.returncode != 0
    assert "exit status 3" in locked.stderr
    assert (tmp_path / "Pipfile.lock").read_text(encoding="utf-8") == "as it was"


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_projects_locks_name_no_index(folder: str) -> None:
    pipfile = (PROJECT / folder / "Pipfile").read_text(encoding="utf-8")
    assert "[[source]]" not in pipfile
    assert "index" not in pipfile
    sections = json.loads((PROJECT / folder / "Pipfile.lock").read_text(encoding="utf-8"))
    assert sections.pop("_meta")["sources"] == []
    packages = [package for section in sections.values() for package in section.values()]
    assert packages
    assert not any("index" in package for package in packages)


@pytest.mark.parametrize("folder", FOLDERS)
def test_pipenv_takes_the_projects_locks_as_up_to_date(folder: str) -> None:
    path = os.pathsep.join([str(PROJECT / ".pipenv" / "bin"), os.environ["PATH"]])
    pipenv = shutil.which("pipenv", path=path)
    assert pipenv, "make setup installs Pipenv"
    verified = subprocess.run(
        [pipenv, "verify"],
        cwd=PROJECT / folder,
        env={**os.environ, "PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_VENV_IN_PROJECT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _keys(each)


def test_the_lock_of_the_cdktf_command_line_names_no_registry() -> None:
    locked = json.loads((PROJECT / "package-lock.json").read_text(encoding="utf-8"))
    assert locked["packages"]["node_modules/cdktf-cli"]["version"] == "0.21.0"
    assert "resolved" not in _keys(locked)
