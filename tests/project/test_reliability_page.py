"""The page on reliability says how large the fault matrix is."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

PROJECT = Path(__file__).resolve().parents[2]


def matrix() -> ModuleType:
    file = PROJECT / "tests/lambda/faults/test_fault_matrix.py"
    spec = importlib.util.spec_from_file_location("fault_matrix", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses look for the types of their fields.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_gives_the_matrix_as_it_is() -> None:
    rows = [parameters.values[0] for parameters in matrix().all_rows()]
    size = (
        f"fault matrix: {len(rows):,} rows, {len({row.scenario for row in rows})} scenarios, "
        f"{len({row.call for row in rows})} calls, {len({row.fault for row in rows})} faults: "
        f"{len(rows):,} passed"
    )
    assert size in (PROJECT / "docs/reliability.md").read_text(encoding="utf-8")
