import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from assay_constructs.code import deployment_package


def test_the_zip_holds_the_package_and_its_dependencies_and_no_clutter() -> None:
    with zipfile.ZipFile(deployment_package().path) as archive:
        names = archive.namelist()
    assert {"assay/evaluator.py", "assay/report_aggregator.py", "assay/rule.py"} <= set(names)
    assert {name.split("/")[0] for name in names} == {
        "assay",
        "aws_lambda_powertools",
        "jmespath",
        "typing_extensions.py",
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert not [name for name in names if name.startswith("aws_lambda_powertools/event_handler/")]
    assert names == sorted(names)


def test_times_modes_and_compression_are_fixed() -> None:
    with zipfile.ZipFile(deployment_package().path) as archive:
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o644}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert {entry.create_system for entry in entries} == {3}


def test_the_hash_is_the_zips() -> None:
    package = deployment_package()
    digest = hashlib.sha256(package.path.read_bytes()).digest()
    assert package.source_code_hash == base64.b64encode(digest).decode()


def test_it_is_small() -> None:
    assert deployment_package().path.stat().st_size < 3_000_000


def test_another_process_builds_the_same_bytes_and_leaves_nothing_behind() -> None:
    program = (
        "from assay_constructs.code import deployment_package as package\n"
        "print(package().source_code_hash, package().path)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    source_code_hash, path = ran.stdout.split()
    assert source_code_hash == deployment_package().source_code_hash
    assert not Path(path).parent.exists()
