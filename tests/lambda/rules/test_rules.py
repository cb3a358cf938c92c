"""What every rule must keep to, and how rules are found."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay import rules
from assay.rule import AnyRule, Severity

ALL = [rules.load(name) for name in rules.names()]
BY_NAME = [pytest.param(rule, id=rule.name) for rule in ALL]


def test_rules_are_the_files_present() -> None:
    folder = Path(rules.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert rules.names() == tuple(sorted(file.replace("_", "-") for file in files))
    assert {"ec2-tag-compliance", "rds-backup-compliance", "s3-encryption-compliance"} <= set(
        rules.names()
    )


def test_loading_a_rule_imports_no_other() -> None:
    program = (
        "import sys; from assay import rules; rules.load('ec2-tag-compliance');"
        "print([name for name in sys.modules if name.startswith('assay.rules.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "['assay.rules.ec2_tag_compliance']"


def test_an_unknown_rule_is_refused_with_the_nearest_name() -> None:
    message = "got 's3-encription'; did you mean s3-encryption-compliance?"
    with pytest.raises(rules.UnknownRuleError, match=re.escape(message)):
        rules.load("s3-encription")


@pytest.mark.parametrize("rule", BY_NAME)
def test_a_rule_is_named_as_its_file(rule: type[AnyRule]) -> None:
    assert rule.__module__ == f"assay.rules.{rule.name.replace('-', '_')}"
    assert rules.load(rule.name) is rule


@pytest.mark.parametrize("rule", BY_NAME)
def test_metadata_fits_aws_config(rule: type[AnyRule]) -> None:
    assert 1 <= len(rule.requirement) <= 256
    assert rule.requirement.endswith(".")
    assert rule.rationale.endswith(".")
    assert rule.severity in Severity
    assert re.fullmatch(r"AWS::\w+::\w+", rule.resource_type)
    assert sum(map(len, rule.Parameters().to_input_parameters().values())) < 1024


@pytest.mark.parametrize("rule", BY_NAME)
def test_permissions_name_actions_and_fill_to_arns(rule: type[AnyRule], aws: Any) -> None:
    for permission in rule.permissions:
        assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action) for action in permission.actions)
        for resource in permission.resources:
            assert resource == "*" or aws.fill(resource).startswith("arn:aws:")


@pytest.mark.parametrize("rule", BY_NAME)
def test_defaults_are_those_of_the_docstring(rule: type[AnyRule]) -> None:
    assert rule.Parameters.__doc__
    documented = re.findall(r"Default: `?(.+?)`?\.\n", rule.Parameters.__doc__)
    values = vars(rule.Parameters()).values()
    words = {"all three": ("AES256", "aws:kms", "aws:kms:dsse"), "none": ()}
    assert [
        words[text] if text in words else eval(text)  # noqa: S307 - it is our own docstring
        for text in documented
    ] == list(values)
