"""What holds for every file of the project."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LINE_LENGTH = 100
# A comment to a tool stands behind code, wherever that ends.
PRAGMA = re.compile(r"  # (noqa|type: ignore).*")
# Each of these paths would make a second copy of what it names.
SECOND_COPIES = ("constructs.assay_constructs", "cli.assay_cli", "tests")


def git(*arguments: str) -> list[str]:
    finished = subprocess.run(
        ["git", *arguments], cwd=PROJECT, capture_output=True, encoding="utf-8", check=True
    )
    return finished.stdout.rstrip("\0").split("\0")


@pytest.fixture(scope="module")
def python_files() -> list[Path]:
    """All Python files that Git knows or would add."""
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py")
    files = [PROJECT / name for name in sorted(set(names))]
    assert files
    return [file for file in files if file.exists()]


def test_text_has_the_line_ends_of_unix_in_git_and_in_the_folder() -> None:
    # Each entry is "i/lf w/lf attr/text=auto eol=lf<tab>name"; binary files are "-text".
    wrong = []
    for entry in git("ls-files", "-z", "--eol"):
        in_git, in_folder, _ = entry.split(maxsplit=2)
        if {in_git[2:], in_folder[2:]} & {"crlf", "mixed"}:
            wrong.append(entry)
    assert wrong == []


def _too_long(line: str) -> bool:
    # One word, or an address at the end, cannot be broken; Ruff lets them be as well.
    words = line.split()
    return len(line) > LINE_LENGTH and len(words) > 1 and "://" not in words[-1]


def test_python_lines_fit_in_a_hundred_columns(python_files: list[Path]) -> None:
    wrong = [
        f"{file.relative_to(PROJECT)}:{number}"
        for file in python_files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if _too_long(PRAGMA.sub("", line))
    ]
    assert wrong == []


def test_source_roots_and_tests_are_no_packages() -> None:
    roots = [PROJECT / root / "__init__.py" for root in ("constructs", "lambda", "cli", "docs")]
    assert [file for file in roots if file.exists()] == []
    assert list((PROJECT / "tests").rglob("__init__.py")) == []


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_bytes(), filename=str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_packages_are_imported_by_their_own_names(python_files: list[Path]) -> None:
    wrong = [
        f"{file.relative_to(PROJECT)}: {name}"
        for file in python_files
        for name in _imported(file)
        if any(f"{name}.".startswith(f"{copy}.") for copy in SECOND_COPIES)
    ]
    assert wrong == []


def test_ci_runs_the_command_that_the_readme_tells_users_to_test_with() -> None:
    command = "make test"
    assert command in (PROJECT / "README.md").read_text(encoding="utf-8")
    script = PROJECT / ".ci" / "run"
    lines = [line.strip() for line in script.read_text(encoding="utf-8").splitlines()]
    assert any(line.split()[-2:] == command.split() for line in lines if line)
    assert script.stat().st_mode & 0o111
