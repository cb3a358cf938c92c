"""Where the browser is looked for."""

from pathlib import Path

import pytest

from chromium import find_chromium


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on the PATH, with nothing in it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ASSAY_CHROMIUM", raising=False)
    return tmp_path


def program(file: Path) -> str:
    file.touch(mode=0o755)
    return str(file)


def test_the_first_of_the_usual_names_is_taken(folder: Path) -> None:
    chrome = program(folder / "google-chrome")
    assert find_chromium() == chrome
    assert find_chromium() != program(folder / "chromium") == find_chromium()


def test_a_named_browser_is_taken_before_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(folder / "chromium")
    mine = program(folder / "mine")
    for named in ("mine", mine):
        monkeypatch.setenv("ASSAY_CHROMIUM", named)
        assert find_chromium() == mine


@pytest.mark.usefixtures("folder")
def test_without_a_browser_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"):
        find_chromium()
    monkeypatch.setenv("ASSAY_CHROMIUM", "/no/such/browser")
    with pytest.raises(FileNotFoundError, match="looked for /no/such/browser;"):
        find_chromium()
