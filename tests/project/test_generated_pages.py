"""Pages made from code are as the code would make them today."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = ("settings.md", "rules.md", "schemas/report-1.json")


def generate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, folder / "generate.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of the folder with the generated pages, and of what generates them."""
    (tmp_path / "schemas").mkdir()
    for name in ("generate.py", *PAGES):
        shutil.copy(PROJECT / "docs" / name, tmp_path / name)
    return tmp_path


def test_the_pages_are_up_to_date() -> None:
    checked = generate(PROJECT / "docs", "--check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize("page", PAGES)
def test_a_stale_page_is_named_and_left_as_it_is(docs: Path, page: str) -> None:
    with (docs / page).open("a", encoding="utf-8") as file:
        file.write("By hand.\n")
    stale = (docs / page).read_bytes()
    checked = generate(docs, "--check")
    assert checked.returncode == 1
    assert checked.stderr == f"stale: {page}; `make docs` writes them anew\n"
    assert (docs / page).read_bytes() == stale


def test_missing_pages_are_stale_too(docs: Path) -> None:
    for page in PAGES:
        (docs / page).unlink()
    checked = generate(docs, "--check")
    assert checked.returncode == 1
    assert checked.stderr == f"stale: {', '.join(PAGES)}; `make docs` writes them anew\n"
    assert not any((docs / page).exists() for page in PAGES)


def test_pages_are_written_over_and_anew(docs: Path) -> None:
    (docs / "settings.md").write_text("By hand.\n", encoding="utf-8")
    (docs / "rules.md").unlink()
    shutil.rmtree(docs / "schemas")
    assert generate(docs).returncode == 0
    for page in PAGES:
        assert (docs / page).read_bytes() == (PROJECT / "docs" / page).read_bytes()
