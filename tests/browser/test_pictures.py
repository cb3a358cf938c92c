"""What is made with the browser beside tests: the pictures of the page, and its benchmark."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["desktop", "phone", "dark", "print"])
def test_there_is_a_small_picture_of_the_page(name: str) -> None:
    picture = (PROJECT / "docs" / "images" / f"report-{name}.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert 20_000 < len(picture) < 400_000


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
