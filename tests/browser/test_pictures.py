"""What is made with the browser beside tests: the pictures of the page, and its benchmark."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


SIZES = {
    "report-dark.png": (1280, 960),
    "report-desktop.png": (1280, 960),
    "report-phone.png": (780, 1688),
    "report-print.png": (1588, 2246),
}


def size(picture: bytes) -> tuple[int, int]:
    """Reads a PNG's width and height, which follow the name of its first chunk."""
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


@pytest.mark.parametrize("name", SIZES)
def test_there_is_a_small_picture_of_the_page(name: str) -> None:
    picture = (PROJECT / "docs" / "images" / name).read_bytes()
    assert 20_000 < len(picture) < 400_000


def test_the_pictures_are_made(tmp_path: Path) -> None:
    report = PROJECT / "tests" / "reports" / "report-1.2.json"
    finished = subprocess.run(
        [sys.executable, PROJECT / "tools" / "screenshots.py", report, "--out", tmp_path / "new"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    pictures = {each.name: each.read_bytes() for each in (tmp_path / "new").iterdir()}
    assert {name: size(picture) for name, picture in pictures.items()} == SIZES
    # An empty page of that size has a few thousand.
    assert all(len(picture) > 20_000 for picture in pictures.values())


def test_the_benchmark_prints_what_it_measured_and_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "page.json"
    finished = subprocess.run(
        [
            sys.executable,
            PROJECT / "benchmarks" / "report_page.py",
            *("--sizes", "10", "20", "--rounds", "1", "--json", file),
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    result = json.loads(file.read_text(encoding="utf-8"))
    assert [each["resources"] for each in result["measurements"]] == [10, 20]
    small, large = result["measurements"]
    assert small["bytes"] < large["bytes"] < 200_000
    assert all(each["heap_bytes"] > 100_000 for each in result["measurements"])
    for each in result["shown"]:
        assert f"    {'yes' if each['holds'] else 'NO '}  {each['claim']}\n" in finished.stdout
    assert f"\n| 20 | {large['bytes'] / 1e6:.1f} | {large['seconds']:.2f} | " in finished.stdout
