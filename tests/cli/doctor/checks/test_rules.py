"""AWS Config's rules: how many, and whose."""

from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from assay_cli.doctor.checks import rules
from assay_cli.doctor.subjects import Deployment, Place

Look = Callable[..., list[tuple[str, str, str | None]]]
Deploy = Callable[..., Deployment]

RULES = {"aws_config_config_rule": {"A": {"name": "mine-dev"}, "B": {"name": "theirs-dev"}}}
CLOUD = {"type": "cloud", "organization": "example", "workspace": {"name": "dev"}}


def put_rules(session: boto3.Session, *names: str) -> None:
    config = session.client("config")
    for name in names:
        config.put_config_rule(
            ConfigRule={
                "ConfigRuleName": name,
                "Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_SSL_REQUESTS_ONLY"},
            }
        )


def test_rules_are_counted(look: Look, place: Place, session: boto3.Session) -> None:
    put_rules(session, "one", "two")
    assert look(rules.quota, place) == [
        ("ok", "2 rules are there, 0 will be new, and 1000 are allowed", None)
    ]


def test_rules_that_will_be_new_are_counted_too(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    put_rules(session, "one", "mine-dev")
    assert look(rules.quota, deployment(RULES)) == [
        ("ok", "2 rules are there, 1 will be new, and 1000 are allowed", None)
    ]


@pytest.mark.parametrize(("there", "level"), [(998, "ok"), (999, "error")])
def test_too_many_rules_are_told(
    look: Look, deployment: Deploy, stub: Callable[..., None], there: int, level: str
) -> None:
    found = [{"ConfigRuleName": f"rule-{number}"} for number in range(there)]
    stub("config.DescribeConfigRules", {"ConfigRules": found})
    assert look(rules.quota, deployment(RULES)) == [
        (level, f"{there} rules are there, 2 will be new, and 1000 are allowed", None)
    ]


TEMPLATE = """
Resources:
  First:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: first
      Source: {Owner: AWS, SourceIdentifier: S3_BUCKET_SSL_REQUESTS_ONLY}
  Second:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: second
      Source: {Owner: AWS, SourceIdentifier: S3_BUCKET_VERSIONING_ENABLED}
"""


@pytest.fixture
def packs(tmp_path: Path) -> dict[str, object]:
    """Settings of packs: one with two rules, and one whose template lies elsewhere."""
    (tmp_path / "pack.yaml").write_text(TEMPLATE, encoding="utf-8")
    return {
        "two": {"template_file": str(tmp_path / "pack.yaml")},
        "elsewhere": {"template_s3_uri": "s3://bucket/pack.yaml"},
    }


@pytest.mark.parametrize(
    ("there", "owned", "told"),
    [
        (996, [], ("ok", "996 rules are there, 4 will be new, and 1000 are allowed")),
        (997, [], ("error", "997 rules are there, 4 will be new, and 1000 are allowed")),
        # They are among those that are there.
        (997, ["two-dev"], ("ok", "997 rules are there, 2 will be new, and 1000 are allowed")),
    ],
)
def test_rules_of_packs_that_will_be_new_are_counted_too(
    look: Look,
    deployment: Deploy,
    stub: Callable[..., None],
    write_state: Callable[..., None],
    packs: dict[str, object],
    there: int,
    owned: list[str],
    told: tuple[str, str],
) -> None:
    found = [{"ConfigRuleName": f"rule-{number}"} for number in range(there)]
    stub("config.DescribeConfigRules", {"ConfigRules": found})
    write_state(*(("aws_config_conformance_pack", {"name": each}) for each in owned))
    assert look(rules.quota, deployment(RULES, conformance_packs=packs)) == [(*told, None)]


@pytest.mark.parametrize(
    ("there", "level", "more"),
    [
        (996, "ok", ""),
        (
            997,
            "could_not_look",
            "; whether 2 more of conformance packs are among those that are there is not known",
        ),
        (999, "error", ""),
    ],
)
def test_with_unknown_state_rules_of_packs_may_be_there(
    look: Look,
    deployment: Deploy,
    stub: Callable[..., None],
    packs: dict[str, object],
    there: int,
    level: str,
    more: str,
) -> None:
    found = [{"ConfigRuleName": f"rule-{number}"} for number in range(there)]
    stub("config.DescribeConfigRules", {"ConfigRules": found})
    assert look(rules.quota, deployment(RULES, backend=CLOUD, conformance_packs=packs)) == [
        (level, f"{there} rules are there, 2 will be new, and 1000 are allowed{more}", None)
    ]


def test_a_rule_of_somebody_else_is_told(
    look: Look, deployment: Deploy, session: boto3.Session, write_state: Callable[..., None]
) -> None:
    put_rules(session, "mine-dev", "theirs-dev", "unrelated")
    write_state(("aws_config_config_rule", {"name": "mine-dev"}))
    assert look(rules.names, deployment(RULES)) == [
        (
            "error",
            (
                "rule theirs-dev (AWS S3_BUCKET_SSL_REQUESTS_ONLY) is there already, but not this "
                "environment's by Terraform's state (terraform.assay-dev.tfstate): it would be "
                "taken over, and later destroyed"
            ),
            None,
        )
    ]


def test_whose_a_rule_is_may_not_be_known(
    look: Look, deployment: Deploy, stub: Callable[..., None]
) -> None:
    guard = {"ConfigRuleName": "mine-dev", "Source": {"Owner": "CUSTOM_POLICY"}}
    stub("config.DescribeConfigRules", {"ConfigRules": [guard]})
    assert look(rules.names, deployment(RULES, backend=CLOUD)) == [
        (
            "could_not_look",
            (
                "rule mine-dev (CUSTOM_POLICY) is there already, and whether it is this "
                "environment's cannot be told (the stack's folder is not initialized here, as "
                "`cdktf diff` does)"
            ),
            None,
        )
    ]


def test_free_names_are_well(look: Look, deployment: Deploy) -> None:
    assert look(rules.names, deployment(RULES)) == [
        ("ok", "names are this environment's own, or free", None)
    ]
