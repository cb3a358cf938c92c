"""The facts of managed rules are canonical, and the enum of their identifiers follows from them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "constructs" / "assay_constructs"
DATA, ENUM = "managed_rules.json", "managed_rule_identifiers.py"

NEWER: dict[str, Any] = {
    "as_of": "2027-01",
    "rules": {
        "SNS_ENCRYPTED_KMS": {
            "name": "sns-encrypted-kms",
            "resource_types": ["AWS::SNS::Topic", "AWS::SNS::Other"],
            "trigger": "change",
            "parameters": [
                {"name": "kmsKeyIds", "type": "CSV", "required": False, "default": None},
                {"name": "age", "type": "int", "required": True, "default": "90"},
            ],
        },
        "BRAND_NEW": {
            "name": "brand-new",
            "resource_types": [],
            "trigger": "periodic",
            "parameters": [],
        },
    },
    "proactive": {"as_of": "2026-12", "note": "A page.", "identifiers": ["SNS_ENCRYPTED_KMS"]},
}


def write(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROJECT / "tools" / "managed_rules.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the folder with both files."""
    copied = tmp_path / "package"
    copied.mkdir()
    for name in (DATA, ENUM):
        shutil.copy(PACKAGE / name, copied)
    return copied


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Newer facts."""
    file = tmp_path / "source.json"
    file.write_text(json.dumps(NEWER), encoding="utf-8")
    return file


def test_the_files_are_up_to_date() -> None:
    checked = write("--check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_newer_facts_replace_the_present_ones(package: Path, source: Path) -> None:
    assert write(source, "--package", package).returncode == 0
    written = json.loads((package / DATA).read_text(encoding="utf-8"))
    assert (written["as_of"], list(written["rules"])) == (
        "2027-01",
        ["BRAND_NEW", "SNS_ENCRYPTED_KMS"],
    )
    assert written["rules"]["SNS_ENCRYPTED_KMS"] == {
        "name": "sns-encrypted-kms",
        "trigger": "change",
        "resource_types": ["AWS::SNS::Other", "AWS::SNS::Topic"],
        "parameters": [
            {"name": "kmsKeyIds", "type": "CSV"},
            {"name": "age", "type": "int", "required": True, "default": "90"},
        ],
    }
    enum = (package / ENUM).read_text(encoding="utf-8")
    assert "as of 2027-01." in enum
    assert enum.endswith("    BRAND_NEW = auto()\n    SNS_ENCRYPTED_KMS = auto()\n")
    assert write("--check", "--package", package).returncode == 0


def test_what_newer_facts_do_not_say_about_proactive_evaluation_stays(
    package: Path, source: Path
) -> None:
    rules = json.loads((package / DATA).read_text(encoding="utf-8"))["rules"]
    source.write_text(json.dumps({"as_of": "2027-01", "rules": rules}), encoding="utf-8")
    before = json.loads((package / DATA).read_text(encoding="utf-8"))["proactive"]
    assert write(source, "--package", package).returncode == 0
    assert json.loads((package / DATA).read_text(encoding="utf-8"))["proactive"] == before


@pytest.mark.parametrize(("name", "gone"), [(DATA, False), (ENUM, False), (ENUM, True)])
def test_a_stale_file_is_named_and_left_as_it_is(package: Path, name: str, gone: bool) -> None:
    file = package / name
    text = file.read_text(encoding="utf-8") + "\n"
    file.write_text(text, encoding="utf-8")
    if gone:
        file.unlink()
    checked = write("--check", "--package", package)
    assert (checked.returncode, checked.stderr) == (
        1,
        f"stale: {name}; python tools/managed_rules.py writes them\n",
    )
    assert file.exists() is not gone
    assert gone or file.read_text(encoding="utf-8") == text


def test_files_that_newer_facts_would_change_are_stale(package: Path, source: Path) -> None:
    checked = write(source, "--check", "--package", package)
    assert checked.stderr.startswith(f"stale: {DATA}, {ENUM}; ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"rules": {"A": {**NEWER["rules"]["BRAND_NEW"], "trigger": "hourly"}}},
            "A: trigger: allowed: change, periodic, both; got 'hourly'",
        ),
        (
            {
                "rules": {
                    "A": {
                        **NEWER["rules"]["BRAND_NEW"],
                        "parameters": [{"name": "age", "type": "float"}],
                    }
                }
            },
            "A: age: type: allowed: int, double, boolean, CSV, String, StringMap; got 'float'",
        ),
        (
            {"proactive": {"as_of": "2027-01", "note": "", "identifiers": ["OLD"]}},
            "proactive: allowed: identifiers of rules; got ['OLD']",
        ),
    ],
)
def test_facts_of_another_form_are_refused(
    package: Path, source: Path, change: dict[str, Any], message: str
) -> None:
    source.write_text(json.dumps({**NEWER, **change}), encoding="utf-8")
    refused = write(source, "--package", package)
    assert refused.returncode == 2
    assert refused.stderr.endswith(f"error: {message}\n")
    assert (package / DATA).read_bytes() == (PACKAGE / DATA).read_bytes()
