"""What a recorder records, and which combinations AWS Config refuses or quietly ignores."""

from typing import Any

import pytest

from assay_constructs.conformance_template import ConformanceTemplate, TemplateRule
from assay_constructs.recording import (
    GLOBAL_RESOURCE_TYPES,
    Judged,
    Recording,
    judged,
    records_global_resource_types,
    types_to_record,
)

BUCKET, USER = "AWS::S3::Bucket", "AWS::IAM::User"
COMPLIANCE, INTERFACE = "AWS::Config::ResourceCompliance", "AWS::EC2::NetworkInterface"


@pytest.mark.parametrize(
    ("arguments", "recorded"),
    [
        ({"resource_types": [BUCKET]}, {BUCKET}),
        ({"resource_types": [USER]}, {USER}),
        ({"exclude_resource_types": [BUCKET]}, {USER, COMPLIANCE, INTERFACE}),
        ({"exclude_resource_types": [USER, COMPLIANCE]}, {BUCKET, INTERFACE}),
        ({"all_supported": True}, {BUCKET, COMPLIANCE, INTERFACE}),
        (
            {"all_supported": True, "include_global_resource_types": True},
            {BUCKET, USER, COMPLIANCE, INTERFACE},
        ),
    ],
)
def test_types_are_named_or_left_out_or_all(arguments: dict[str, Any], recorded: set[str]) -> None:
    recording = Recording(**arguments)
    assert list(recording.problems()) == []
    types = (BUCKET, USER, COMPLIANCE, INTERFACE)
    assert {each for each in types if recording.records(each)} == recorded


def test_global_types_come_by_name_by_the_flag_and_by_not_being_excluded() -> None:
    assert Recording(resource_types=[BUCKET, USER]).global_resource_types() == (USER,)
    assert Recording(all_supported=True).global_resource_types() == ()
    every = Recording(all_supported=True, include_global_resource_types=True)
    assert every.global_resource_types() == GLOBAL_RESOURCE_TYPES
    excluding = Recording(exclude_resource_types=[USER, BUCKET])
    assert excluding.global_resource_types() == tuple(
        each for each in GLOBAL_RESOURCE_TYPES if each != USER
    )


def test_types_that_make_most_of_the_bill_are_told_unless_they_are_named() -> None:
    assert Recording(resource_types=[INTERFACE]).costly_resource_types() == ()
    assert Recording(all_supported=True).costly_resource_types() == (COMPLIANCE, INTERFACE)
    excluding = Recording(exclude_resource_types=[INTERFACE])
    assert excluding.costly_resource_types() == (COMPLIANCE,)
    overriding = Recording(all_supported=True, override_resource_types=[INTERFACE])
    assert overriding.costly_resource_types() == (COMPLIANCE,)
    neither = Recording(exclude_resource_types=[INTERFACE, COMPLIANCE])
    assert neither.costly_resource_types() == ()


def test_regions_since_february_2022_record_no_global_types() -> None:
    assert records_global_resource_types("eu-west-1")
    assert not records_global_resource_types("eu-central-2")


@pytest.mark.parametrize(
    ("identifier", "in_scope", "types", "named"),
    [
        # On changes
        ("S3_BUCKET_SSL_REQUESTS_ONLY", [], (BUCKET,), False),
        ("REQUIRED_TAGS", [BUCKET, USER], (BUCKET, USER), True),
        # Periodic
        ("ACCESS_KEYS_ROTATED", [], (), True),
        # Newer than the facts
        ("SOMETHING_NEW", [BUCKET], (BUCKET,), True),
        ("", [], (), True),
    ],
)
def test_a_managed_rule_that_runs_on_changes_needs_its_types_recorded(
    identifier: str, in_scope: list[str], types: tuple[str, ...], named: bool
) -> None:
    rules = judged(functions=[], managed=[("a", identifier, in_scope)], guard=[], packs=[])
    assert rules == (Judged("a", types, named),)


def test_the_rules_of_packs_need_their_types_recorded_like_managed_rules() -> None:
    template = ConformanceTemplate(
        {},
        (
            TemplateRule("Rds", "RDS_STORAGE_ENCRYPTED", ()),
            TemplateRule("Keys", "ACCESS_KEYS_ROTATED", ()),
            TemplateRule("Own", "", (BUCKET,)),
        ),
    )
    packs = [("storage", template), ("large", None)]
    assert judged(functions=[], managed=[], guard=[], packs=packs) == (
        Judged("Rds of pack storage", ("AWS::RDS::DBInstance",), named=False),
        Judged("Keys of pack storage", ()),
        Judged("Own of pack storage", (BUCKET,)),
    )


def test_rules_that_run_on_changes_alone_decide_what_is_recorded() -> None:
    rules = judged(
        functions=[
            ("usual", USER, None),
            ("both", INTERFACE, ["periodic", "change"]),
            ("periodic", COMPLIANCE, ["periodic"]),
        ],
        managed=[],
        guard=[("names", [BUCKET]), ("all", [])],
        packs=[],
    )
    assert [each.resource_types for each in rules] == [(USER,), (INTERFACE,), (), (BUCKET,), ()]
    assert types_to_record(rules) == (INTERFACE, USER, BUCKET)


def test_of_named_types_each_must_be_recorded_and_of_documented_ones_one() -> None:
    some, none = Recording(resource_types=[BUCKET]), Recording(resource_types=[INTERFACE])
    named, documented = Judged("a", (BUCKET, USER, COMPLIANCE)), Judged("a", (BUCKET, USER), False)
    assert named.missing(some) == (USER, COMPLIANCE)
    assert named.needed(some) == f"{USER} and {COMPLIANCE}"
    assert documented.missing(some) == ()
    assert documented.needed(some) == ""
    assert documented.missing(none) == (BUCKET, USER)
    assert documented.needed(none) == f"{BUCKET} or {USER}"
    assert Judged("a", (), named=False).missing(none) == ()


OVERRIDE = {
    "override_resource_types": [BUCKET],
    "override_recording_frequency": "DAILY",
    "override_description": "Cheaper.",
}


@pytest.mark.parametrize(
    "arguments",
    [
        {"resource_types": [BUCKET, USER], **OVERRIDE},
        {"exclude_resource_types": [USER], **OVERRIDE},
        {"all_supported": True, **OVERRIDE},
        {
            "resource_types": [BUCKET, COMPLIANCE],
            "recording_frequency": "DAILY",
            "override_resource_types": [COMPLIANCE],
            "override_recording_frequency": "CONTINUOUS",
        },
        # AWS Config itself keeps what cannot be recorded daily continuous.
        {"all_supported": True, "recording_frequency": "DAILY"},
    ],
)
def test_an_override_records_some_types_at_another_frequency(arguments: dict[str, Any]) -> None:
    assert list(Recording(**arguments).problems()) == []


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        ({}, [("resource_types", "at least one type", (), None)]),
        (
            {
                "resource_types": [BUCKET],
                "exclude_resource_types": [USER],
                "all_supported": True,
            },
            [
                ("exclude_resource_types", "left out beside resource_types", [USER], None),
                ("all_supported", "left out beside resource_types", True, None),
            ],
        ),
        (
            {"exclude_resource_types": [BUCKET], "include_global_resource_types": True},
            [
                (
                    "include_global_resource_types",
                    (
                        "false without all_supported, the only thing that it extends: types of "
                        "IAM are recorded when resource_types names them, or "
                        "exclude_resource_types does not"
                    ),
                    True,
                    None,
                )
            ],
        ),
        (
            {"resource_types": [BUCKET, COMPLIANCE], "recording_frequency": "DAILY"},
            [
                (
                    "resource_types",
                    "types that can be recorded DAILY, or an override as CONTINUOUS",
                    COMPLIANCE,
                    1,
                )
            ],
        ),
        (
            {"resource_types": [BUCKET], "override_resource_types": [BUCKET]},
            [
                (
                    "override_resource_types",
                    "given together with override_recording_frequency, or left out like it",
                    [BUCKET],
                    None,
                )
            ],
        ),
        (
            {
                "resource_types": [BUCKET],
                "override_resource_types": [BUCKET],
                "override_recording_frequency": "CONTINUOUS",
            },
            [
                (
                    "override_recording_frequency",
                    "another frequency than CONTINUOUS, which holds anyway",
                    "CONTINUOUS",
                    None,
                )
            ],
        ),
        (
            {
                "exclude_resource_types": [USER],
                "override_resource_types": [BUCKET, BUCKET, USER, COMPLIANCE],
                "override_recording_frequency": "DAILY",
            },
            [
                ("override_resource_types", "each type once", BUCKET, 1),
                ("override_resource_types", "types that are recorded", USER, 2),
                ("override_resource_types", "types that can be recorded DAILY", COMPLIANCE, 3),
            ],
        ),
    ],
)
def test_what_aws_config_refuses_or_ignores_is_told(
    arguments: dict[str, Any], problems: list[tuple[object, ...]]
) -> None:
    found = Recording(**arguments).problems()
    assert [(each.argument, each.allowed, each.received, each.index) for each in found] == problems
