import base64
import hashlib
import json
import os
import subprocess
import sys
import typing
import zipfile
from datetime import date
from pathlib import Path

import pytest

import assay
from assay.rule import AnyRule, Rule, Severity
from assay.rules.ec2_tag_compliance import Ec2TagCompliance
from assay.rules.s3_encryption_compliance import S3EncryptionCompliance
from assay.waivers import Waiver, Waivers
from assay_constructs.code import deployment_package
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.typing_extensions_stand_in import NotRequired, deprecated

RulesOutside = dict[str, type[AnyRule]]


def test_the_zip_holds_the_package_and_its_dependencies_and_no_clutter() -> None:
    with zipfile.ZipFile(deployment_package().path) as archive:
        names = archive.namelist()
    assert {"assay/evaluator.py", "assay/report_aggregator.py", "assay/rule.py"} <= set(names)
    assert {name.split("/")[0] for name in names} == {
        "assay",
        "aws_lambda_powertools",
        "jinja2",
        "jmespath",
        "markupsafe",
        "typing_extensions.py",
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert not [name for name in names if name.startswith("aws_lambda_powertools/event_handler/")]
    assert {Path(name).suffix for name in names if name.startswith(("jinja2/", "markupsafe/"))} == {
        ".py",
        ".typed",
    }
    assert names == sorted(names)


def test_the_zip_needs_no_more_of_typing_extensions_than_its_stand_in_has(tmp_path: Path) -> None:
    with zipfile.ZipFile(deployment_package().path) as archive:
        archive.extractall(tmp_path)
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]\n"
        "import assay.evaluator, assay.report_aggregator, typing_extensions\n"
        "from aws_lambda_powertools.utilities import jmespath_utils\n"
        "assert jmespath_utils.extract_data_from_envelope is not None\n"
        "print(typing_extensions.__file__)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        # What is unpacked is a copy, whose coverage counts for nothing.
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == str(tmp_path / "typing_extensions.py")


def test_the_zip_has_what_makes_pages_of_html_without_anything_compiled() -> None:
    package = str(deployment_package().path)
    program = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import jinja2, markupsafe\n"
        "print(jinja2.Environment(autoescape=True).from_string('{{ a }}').render(a='<b>'))\n"
        "print(markupsafe._escape_inner.__module__, markupsafe.__file__)"
    )
    # -S leaves out site-packages, so that only the zip has them.
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program, package], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == [
        "&lt;b&gt;",
        f"markupsafe._native {package}/markupsafe/__init__.py",
    ]


def test_the_zip_has_every_file_of_the_package() -> None:
    with zipfile.ZipFile(deployment_package().path) as archive:
        names = set(archive.namelist())
    folder = Path(assay.__file__).parent
    files = [file for file in folder.rglob("*") if file.is_file()]
    own = {f"assay/{file.relative_to(folder).as_posix()}" for file in files}
    assert names >= {name for name in own if "__pycache__" not in name}
    assert any(name.startswith("assay/forms/page/") for name in names)


def waivers(reason: str = "Emptied in May.") -> list[Waiver]:
    resources = ("arn:aws:s3:::old-*", "arn:aws:s3:::a")
    return [
        Waiver(
            rule_name="s3-encryption-compliance",
            resource=resource,
            owner="storage@example.com",
            reason=reason,
            expires=date(2026, 5, 31),
        )
        for resource in resources
    ]


def test_waivers_are_in_the_zip_as_the_functions_read_them() -> None:
    package = deployment_package([], waivers())
    with zipfile.ZipFile(package.path) as archive:
        names = archive.namelist()
        text = archive.read("waivers.json").decode()
    assert names == sorted(names)
    assert Waivers.read(text).all == Waivers(waivers()).all
    assert text.isascii()
    with zipfile.ZipFile(deployment_package([], []).path) as archive:
        assert set(names) - set(archive.namelist()) == {"waivers.json"}


def test_rules_that_are_reported_on_are_in_the_zip() -> None:
    severities: dict[type[AnyRule], Severity] = {S3EncryptionCompliance: Severity.CRITICAL}
    package = deployment_package([], waivers(), severities)
    with zipfile.ZipFile(package.path) as archive:
        names = archive.namelist()
        listed = json.loads(archive.read("rules.json"))
    assert listed == {
        "s3-encryption-compliance": {
            "class": "assay.rules.s3_encryption_compliance:S3EncryptionCompliance",
            "severity": "critical",
        }
    }
    assert names == sorted(names)
    assert "waivers.json" in names
    assert deployment_package([], waivers(), severities) is package
    both: list[tuple[type[AnyRule], Severity]] = [
        (S3EncryptionCompliance, Severity.LOW),
        (Ec2TagCompliance, Severity.HIGH),
    ]
    assert deployment_package([], [], dict(both)) is deployment_package([], [], dict(both[::-1]))
    assert deployment_package([], waivers()) is not package


def test_another_waiver_makes_another_zip_and_another_order_does_not() -> None:
    package = deployment_package([], waivers())
    assert deployment_package([], reversed(waivers())) is package
    hashes = {
        each.source_code_hash
        for each in (deployment_package(), package, deployment_package([], waivers("Else.")))
    }
    assert len(hashes) == 3


def test_the_stand_in_leaves_what_is_deprecated_as_it_is() -> None:
    def old() -> None: ...

    assert deprecated("use new", category=None)(old) is old
    assert NotRequired is typing.NotRequired


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


def _added(rules: list[type[AnyRule]]) -> set[str]:
    with zipfile.ZipFile(deployment_package(rules).path) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with zipfile.ZipFile(deployment_package().path) as own:
        return set(names) - set(own.namelist())


def test_the_whole_package_of_a_rule_from_outside_is_in_it_with_data_and_without_caches(
    rules_outside: RulesOutside,
) -> None:
    assert _added([rules_outside["queue-1"]]) == {
        "outside_rules/__init__.py",
        "outside_rules/queues/__init__.py",
        "outside_rules/queues/limits.json",
        "outside_rules/queues/rules.py",
    }


def test_a_single_module_from_outside_is_in_it_alone(rules_outside: RulesOutside) -> None:
    assert _added([rules_outside["alone"]]) == {"outside_rule.py"}


def test_it_is_built_once_for_each_set_of_packages(rules_outside: RulesOutside) -> None:
    one, other, alone = (rules_outside[name] for name in ("queue-1", "queue-2", "alone"))
    assert deployment_package([S3EncryptionCompliance]) is deployment_package()
    assert deployment_package([one]) is deployment_package([other, one, S3EncryptionCompliance])
    hashes = {
        deployment_package(rules).source_code_hash for rules in ([], [one], [alone], [one, alone])
    }
    assert len(hashes) == 4


def test_a_function_can_import_a_rule_from_outside(rules_outside: RulesOutside) -> None:
    rule = rules_outside["queue-3"]
    program = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from assay.rules import load_reference\n"
        "print(load_reference(sys.argv[2]).name)"
    )
    package = str(deployment_package([rule]).path)
    # -S leaves out site-packages, so that only the zip has the rule and the engine.
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program, package, rule.reference()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "queue-3\n"


def test_a_class_that_no_function_could_import_is_refused() -> None:
    class Local(Rule):  # type: ignore[type-arg]
        pass

    of_a_script = type("Script", (Rule,), {"__module__": "__main__"})
    for rule in (Local, of_a_script):
        message = f"rule must be a class at the top of a module .* received '{rule.__module__}:"
        with pytest.raises(ConstructArgumentError, match=message):
            deployment_package([rule])
