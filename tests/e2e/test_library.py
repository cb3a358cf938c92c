"""Assay as a library: docs/rules-of-your-own.md, done word for word.

The tests follow one app through its life, so they run in the order they stand in.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import boto3
import pytest

from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.terraform import Provider, Terraform

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "rules-of-your-own.md").read_text(encoding="utf-8")
# Each file is named in the sentence before it.
FILES = dict(re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", PAGE, re.DOTALL))
INSTALL, TEST, SYNTHESIZE, _, INVOKE = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
INVOKE_RULE, INVOKE_AGGREGATOR = INVOKE.splitlines()

ARN = "arn:aws:sns:us-east-1:123456789012:"
# Topics as they are made, and the verdicts on them; the last one is the deployment's own.
TOPICS: dict[str, dict[str, str]] = {
    "invoices": {"KmsMasterKeyId": "alias/aws/sns"},
    "orders": {},
    "public-notices": {},
}
VERDICTS = {
    f"{ARN}invoices": "COMPLIANT",
    f"{ARN}orders": "NON_COMPLIANT",
    f"{ARN}public-notices": "NOT_APPLICABLE",
    f"{ARN}compliance-alerts-acme": "COMPLIANT",
}

Run = Callable[[str], str]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files of the page."""
    folder = tmp_path_factory.mktemp("acme")
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / "acme_rules" / "__init__.py").touch()
    return folder


@pytest.fixture(scope="module")
def run(app: Path, aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run commands of the page in that folder; returns what they print."""
    # What is installed here is in pip's cache, and no later release can break this test.
    constraints = tmp_path_factory.mktemp("pip") / "constraints.txt"
    constraints.write_text(
        "".join(
            f"{each.name}=={each.version}\n"
            for each in metadata.distributions()
            if each.name != "assay"
        ),
        encoding="utf-8",
    )
    environment = {
        **aws.environment(),
        "ASSAY": str(PROJECT),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PIP_CONSTRAINT": str(constraints),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    # The app has nothing but what it installs.
    environment.pop("PYTHONPATH", None)

    def _run(commands: str) -> str:
        ran = subprocess.run(
            ["bash", "-ec", commands],
            cwd=app,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return _run


def test_the_page_shows_a_rule_its_tests_and_an_app_of_some_thirty_lines() -> None:
    assert list(FILES) == [
        "acme_rules/topic_encryption.py",
        "tests/test_topic_encryption.py",
        "main.py",
    ]
    assert len([line for line in FILES["main.py"].splitlines() if line]) <= 35


@pytest.fixture(scope="module")
def installed(run: Run, app: Path) -> Iterator[Path]:
    """The empty environment into which the wheel was installed; it is large."""
    run(INSTALL)
    yield app / ".venv"
    shutil.rmtree(app / ".venv")


def test_the_wheel_is_installed_and_no_checkout_is_used(run: Run, installed: Path) -> None:
    program = "import assay, assay_cli, assay_constructs as c; print(assay.__file__, c.__file__)"
    paths = run(f".venv/bin/python -c '{program}'").split()
    assert [path for path in paths if not Path(path).is_relative_to(installed)] == []


def test_the_rules_own_tests_pass(run: Run, installed: Path) -> None:  # noqa: ARG001 - it is there
    assert " 4 passed" in run(TEST)


def test_the_rule_passes_a_strict_type_check(app: Path, installed: Path) -> None:
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict"),
            f"--python-executable={installed / 'bin' / 'python'}",
            "acme_rules",
        ],
        cwd=app,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def stack(run: Run, app: Path, installed: Path, provider: Provider) -> Path:  # noqa: ARG001
    """The folder of the synthesized stack, with the release of the provider that is at hand."""
    run(SYNTHESIZE)
    folder = app / "cdktf.out" / "stacks" / "acme"
    version = {"terraform": {"required_providers": {"aws": {"version": provider.version}}}}
    override = json.dumps(version)
    (folder / "version_override.tf.json").write_text(override, encoding="utf-8")
    return folder


def test_the_wheels_bindings_load_on_demand(run: Run, installed: Path) -> None:
    program = (
        "import json, os, shlex, sys, main\n"
        'loaded = [name for name in sys.modules if name.startswith("cdktf_cdktf_provider_aws.")]\n'
        'print(json.dumps([len(loaded), shlex.split(os.environ["NODE_OPTIONS"])[-1]]))'
    )
    loaded, preloaded = json.loads(run(f"CDKTF_OUTDIR=again .venv/bin/python -c '{program}'"))
    # All of them are some 2,200.
    assert loaded < 200
    assert Path(preloaded).is_relative_to(installed)


@pytest.fixture(scope="module")
def before(
    session: boto3.Session, inventory: Callable[[], dict[str, set[str]]]
) -> dict[str, set[str]]:
    """What is there before the deployment, with the topics that are judged."""
    for name, attributes in TOPICS.items():
        session.client("sns").create_topic(Name=name, Attributes=attributes)
    return inventory()


@pytest.fixture(scope="module")
def terraform(
    aws: EmbeddedAws,
    stack: Path,
    provider: Provider,
    before: dict[str, set[str]],  # noqa: ARG001 - noted first
) -> Terraform:
    """The deployed stack."""
    terraform = Terraform(stack, aws.environment())
    terraform.init(provider.plugin_dir)
    terraform.validate()
    terraform.apply()
    return terraform


def test_once_deployed_nothing_is_left_to_change(
    terraform: Terraform, inventory: Callable[[], dict[str, set[str]]]
) -> None:
    rules = {"topic-encryption-acme", "s3-encryption-compliance-acme"}
    assert inventory()["config rules"] == rules
    assert inventory()["functions"] == {*rules, "report-aggregator-acme"}
    assert not terraform.plan()


@pytest.fixture(scope="module")
def answer(run: Run, terraform: Terraform) -> Any:  # noqa: ARG001 - deployed
    """What the deployed evaluator of the app's own rule says of a sweep."""
    return json.loads(run(INVOKE_RULE))


def test_the_deployed_rule_judges_every_topic(session: boto3.Session, answer: Any) -> None:
    judged = {name: answer[name] for name in ("compliant", "non_compliant", "not_applicable")}
    assert judged == {"compliant": 2, "non_compliant": 1, "not_applicable": 1}
    assert (answer["unreadable_count"], answer["errors"], answer["alerted"]) == (0, [], 1)
    state = session.resource("dynamodb").Table("compliance-state-acme").scan()["Items"]
    assert {
        item["resource_id"]: item["compliance_type"]
        for item in state
        if item["rule_name"] == "topic-encryption"
    } == VERDICTS


def test_the_report_has_the_rule_beside_assays_own(
    session: boto3.Session,
    run: Run,
    answer: Any,  # noqa: ARG001 - swept
) -> None:
    written = json.loads(run(INVOKE_AGGREGATOR))
    found = session.client("s3").get_object(
        Bucket=written["report_bucket"], Key=written["report_key"]
    )
    rules = {rule["rule_name"]: rule for rule in json.loads(found["Body"].read())["rules"]}
    assert rules.keys() == {"topic-encryption", "s3-encryption-compliance"}
    assert rules["topic-encryption"]["severity"] == "medium"
    assert rules["s3-encryption-compliance"]["severity"] == "critical"


def test_destroying_the_stack_leaves_nothing(
    terraform: Terraform,
    before: dict[str, set[str]],
    inventory: Callable[[], dict[str, set[str]]],
) -> None:
    terraform.destroy()
    assert inventory() == before
