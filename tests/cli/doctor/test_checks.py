"""All checks together, and the page that lists them."""

import re
from pathlib import Path
from typing import Any

import pytest

from assay_cli.doctor.check import Check
from assay_cli.doctor.checks import (
    DEPLOYMENT_CHECKS,
    ENVIRONMENT_CHECKS,
    MACHINE_CHECKS,
    PLACE_CHECKS,
    access,
)
from assay_cli.doctor.examination import place_check, settings_check
from assay_cli.doctor.identity import credentials

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"
ALL: tuple[Check[Any], ...] = (
    *MACHINE_CHECKS,
    credentials,
    place_check,
    settings_check,
    *ENVIRONMENT_CHECKS,
    access.account,
    access.region,
    *DEPLOYMENT_CHECKS,
)


def test_each_check_has_a_name_of_its_own_and_says_all_about_itself() -> None:
    names = [each.name for each in ALL]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)
    assert all(each.what and each.why.endswith(".") and each.remedy for each in ALL)
    assert all(each.look.__doc__ for each in ALL)
    assert set(PLACE_CHECKS) < set(DEPLOYMENT_CHECKS)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_page_lists_every_check_in_order(page: str) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(each.name, each.what) for each in ALL]


def test_the_page_lists_every_action_that_looking_takes(page: str) -> None:
    listed = re.findall(r'^ +"([a-z0-9]+:[A-Za-z]+)",?$', page, re.MULTILINE)
    assert listed == sorted({action for each in ALL for action in each.actions})


def test_nothing_but_reading_is_ever_asked_for() -> None:
    operations = {action.partition(":")[2] for each in ALL for action in each.actions}
    assert all(re.match("Describe|Get|List|SimulatePrincipalPolicy$", each) for each in operations)
