"""AWS Config's rules: how many, and whose."""

from collections.abc import Iterator, Mapping
from typing import Any

from assay_cli.doctor.check import Finding, check, could_not_look, error, ok
from assay_cli.doctor.subjects import Deployment, Place
from assay_constructs import limits

_TYPE = "aws_config_config_rule"
_PACK = "aws_config_conformance_pack"


def _there(place: Place) -> dict[str, dict[str, Any]]:
    found = place.aws.pages("config", "describe_config_rules", "ConfigRules")
    return {each["ConfigRuleName"]: each for each in found}


@check(
    name="rule-quota",
    what="AWS Config has room for the rules",
    why=f"AWS allows {limits.RULES} rules for each account and region, those of conformance packs "
    "and of other services among them; what goes beyond is refused in the middle of the "
    "deployment.",
    remedy="enabled: false for rules that are not needed; or delete rules that nobody uses",
    actions=("config:DescribeConfigRules",),
)
def quota(place: Place) -> Iterator[Finding]:
    """Count the rules that are there and that will be."""
    there = _there(place)
    new, possible = _new(place, there) if isinstance(place, Deployment) else (0, 0)
    message = f"{len(there)} rules are there, {new} will be new, and {limits.RULES} are allowed"
    if len(there) + new > limits.RULES:
        yield error(message)
    elif len(there) + new + possible > limits.RULES:
        yield could_not_look(
            f"{message}; whether {possible} more of conformance packs are among those that are "
            "there is not known"
        )
    else:
        yield ok(message)


def _new(deployment: Deployment, there: Mapping[str, object]) -> tuple[int, int]:
    """How many rules a deployment adds; and how many more if its packs are not there yet."""
    settings = deployment.environment.settings
    of_packs = {False: 0, None: 0, True: 0}
    for name, pack in settings.conformance_packs.items():
        template = pack.template()
        owned = deployment.owns(_PACK, f"{name}-{settings.environment_suffix}")
        of_packs[owned] += template.rule_count if template else 0
    rules = len(set(deployment.names(_TYPE)) - there.keys())
    return rules + of_packs[False], of_packs[None]


@check(
    name="rule-names",
    what="the names of the rules are free, or this environment's",
    why="Creating a rule under a name that is taken silently takes it over, and a later destroy "
    "deletes it.",
    remedy="environment_suffix: another one; or `terraform import` what is this environment's",
    actions=("config:DescribeConfigRules",),
)
def names(deployment: Deployment) -> Iterator[Finding]:
    """Compare the rules that are there with Terraform's state."""
    there, state = _there(deployment), deployment.state
    taken = [each for each in deployment.taken(_TYPE) if each in there]
    for each in taken:
        source = there[each]["Source"]
        by = f"{source['Owner']} {source.get('SourceIdentifier', '')}".strip()
        if state.unknown:
            yield could_not_look(
                f"rule {each} ({by}) is there already, and whether it is this environment's cannot "
                f"be told ({state.unknown})"
            )
        else:
            yield error(
                f"rule {each} ({by}) is there already, but not this environment's by Terraform's "
                f"state ({state.where}): it would be taken over, and later destroyed"
            )
    if not taken:
        yield ok("names are this environment's own, or free")
