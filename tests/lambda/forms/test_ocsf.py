from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import (  # type: ignore[import-untyped]
    OcsfJsonSchemaEmbedded,
    get_ocsf_schema,
)

from assay import forms

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.report import Report


@cache
def schema() -> dict[str, Any]:
    """The official schema, as its package ships it."""
    loaded: dict[str, Any] = get_ocsf_schema("1.8.0")
    return loaded


@cache
def validator() -> Draft202012Validator:
    embedded = OcsfJsonSchemaEmbedded(schema())
    return Draft202012Validator(embedded.get_class_schema("compliance_finding", ["cloud"]))


def written(report: Report) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = json.loads("".join(forms.load("ocsf").write(report)))
    return findings


def of(report: Report, name: str) -> dict[str, Any]:
    """Finds a finding by its resource's name."""
    return next(each for each in written(report) if each["resources"][0]["name"] == name)


def captions(values: dict[str, Any], attributes: dict[str, Any], seen: list[str]) -> None:
    """Compares each number with the word beside it, with what the schema calls that number."""
    for name, attribute in attributes.items():
        value = values.get(name)
        if isinstance(value, dict) and attribute.get("object_type") in schema()["objects"]:
            captions(value, schema()["objects"][attribute["object_type"]]["attributes"], seen)
        sibling = attribute.get("sibling")
        if value is not None and value != 99 and sibling in values:
            assert values[sibling] == attribute["enum"][str(value)]["caption"]
            seen.append(name)


def test_every_finding_is_valid_by_the_official_schema(full: Report) -> None:
    findings = written(full)
    assert len(findings) == len(full.resources) + 4
    for finding in findings:
        validator().validate(finding)


def test_the_official_schema_refuses_what_it_does_not_know(full: Report) -> None:
    assert not validator().is_valid({**written(full)[0], "invented": 1})


def test_the_words_are_those_of_the_official_schema(full: Report) -> None:
    attributes = schema()["classes"]["compliance_finding"]["attributes"]
    for finding in written(full):
        seen: list[str] = []
        captions(finding, attributes, seen)
        assert {"activity_id", "severity_id", "category_uid", "class_uid", "type_uid"} <= {*seen}


def test_the_version_in_the_findings_is_the_one_that_validates_them(full: Report) -> None:
    assert {finding["metadata"]["version"] for finding in written(full)} == {schema()["version"]}


def test_a_report_without_verdicts_is_an_empty_list(empty: Report) -> None:
    assert written(empty) == []


def test_the_same_report_gives_the_same_bytes_piece_by_piece(full: Report) -> None:
    first, second = (list(forms.load("ocsf").write(full)) for _ in range(2))
    assert first == second
    assert len(first) >= len(full.resources)


@pytest.mark.parametrize(
    ("name", "compliance", "severity", "status", "activity"),
    [
        ("vault", (1, "Pass"), "Informational", (99, "No Issue"), "Update"),
        ("closed", (3, "Fail"), "High", (1, "New"), "Update"),
        ("new-uploads", (3, "Fail"), "High", (1, "New"), "Create"),
        ("legacy", (3, "Fail"), "High", (3, "Suppressed"), "Update"),
        ("gone", (99, "Not Applicable"), "Informational", (99, "No Issue"), "Update"),
        (f"i-{1:017x}", (3, "Fail"), "Medium", (1, "New"), "Update"),
        (f"i-{2:017x}", (2, "Warning"), "Informational", (99, "No Issue"), "Update"),
        (f"i-{3:017x}", (2, "Warning"), "Informational", (4, "Resolved"), "Close"),
        ("123456789012", (0, "Unknown"), "Medium", (1, "New"), "Update"),
    ],
)
def test_a_verdict_is_told_in_the_schema_s_words(
    full: Report,
    name: str,
    compliance: tuple[int, str],
    severity: str,
    status: tuple[int, str],
    activity: str,
) -> None:
    finding = of(full, name)
    assert (finding["compliance"]["status_id"], finding["compliance"]["status"]) == compliance
    assert finding["severity"] == severity
    assert (finding["status_id"], finding["status"]) == status
    assert finding["activity_name"] == activity
    assert finding["type_uid"] == 200300 + finding["activity_id"]


@pytest.mark.parametrize(
    ("given", "severity"), [("low", 2), ("medium", 3), ("high", 4), ("critical", 5)]
)
def test_each_severity_has_its_number(
    full: Report, with_resources: Callable[..., Report], given: str, severity: int
) -> None:
    violation = replace(full.resources[0], severity=given)
    assert written(with_resources(violation))[0]["severity_id"] == severity


def test_a_finding_says_what_where_why_and_what_to_do(full: Report) -> None:
    finding = of(full, "closed")
    assert finding["message"] == "There is no default encryption."
    assert finding["finding_info"]["title"] == (
        "S3 buckets have default encryption with an allowed algorithm & KMS key."
    )
    assert finding["compliance"]["control"] == "s3-encryption-compliance"
    assert finding["compliance"]["desc"] == "Default encryption protects every object."
    assert finding["remediation"] == {"desc": "Set the bucket's default encryption."}
    assert finding["resources"] == [
        {
            "uid": "arn:aws:s3:::closed",
            "name": "closed",
            "type": "AWS::S3::Bucket",
            "region": "us-east-1",
            "cloud_partition": "aws",
        }
    ]
    assert finding["cloud"] == {
        "provider": "AWS",
        "cloud_partition": "aws",
        "region": "us-east-1",
        "account": {"uid": "123456789012", "type_id": 10, "type": "AWS Account"},
    }
    assert finding["finding_info"]["src_url"].startswith("https://us-east-1.console.aws.amazon")
    assert finding["status_detail"] == finding["compliance"]["status_details"][0]
    assert finding["status_detail"].startswith("It could not be read again: AccessDenied.")


def test_times_are_milliseconds_since_1970(full: Report) -> None:
    finding = of(full, "closed")
    # date --utc --date=2026-11-23T06:20:00Z +%s
    assert finding["time"] == 1_795_414_800_000
    assert finding["finding_info"]["last_seen_time"] == 1_795_413_600_000
    assert finding["finding_info"]["created_time"] == 1_795_154_400_000
    assert finding["finding_info"]["first_seen_time"] == 1_795_154_400_000


def test_a_waived_violation_names_owner_reason_and_end(full: Report) -> None:
    finding = of(full, "legacy")
    assert finding["unmapped"] == {
        "environment_suffix": "dev",
        "waiver": {
            "waiver_id": "5ca1ab1e",
            "owner": "archive@example.com",
            "reason": "It is deleted with the <old> system.",
            "expires": "2026-11-30",
            "status": "expiring",
        },
    }
    assert "archive@example.com" in finding["status_detail"]


def test_an_expired_waiver_is_named_and_suppresses_nothing(full: Report) -> None:
    finding = of(full, "new-uploads")
    assert finding["unmapped"]["waiver"]["status"] == "expired"
    assert finding["status"] == "New"


def test_a_violation_whose_waiver_begins_is_suppressed_and_not_closed(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    legacy = next(each for each in full.resources if each.waived)
    finding = written(with_resources(replace(legacy, change="resolved")))[0]
    assert (finding["status"], finding["activity_name"]) == ("Suppressed", "Update")


def test_a_rule_and_a_waiver_that_the_report_does_not_list_are_named_as_far_as_known(
    full: Report,
) -> None:
    legacy = next(each for each in full.resources if each.waived)
    report = replace(
        full, resources=[replace(legacy, rule_name="gone-rule")], waivers=[], problems=[]
    )
    finding = written(report)[0]
    validator().validate(finding)
    assert finding["compliance"]["control"] == "gone-rule"
    assert finding["finding_info"]["title"] == "What gone-rule requires is not in the report."
    assert finding["unmapped"] == {"environment_suffix": "dev"}
    assert finding["status_detail"].startswith("Waived; the report does not say by whom.")


def test_what_the_report_does_not_know_is_left_out(full: Report) -> None:
    old = replace(
        full,
        rules=[replace(rule, remedy="", rationale="", status="reporting") for rule in full.rules],
        resources=[replace(each, console_url="") for each in full.resources],
    )
    for finding in written(old):
        validator().validate(finding)
        assert "remediation" not in finding
        assert "src_url" not in finding["finding_info"]
    assert "status_detail" not in of(old, "vault")


def test_a_finding_keeps_its_uid_and_every_event_has_its_own(full: Report) -> None:
    later = replace(full, generated_at="2026-11-23T12:20:00.000000Z")
    first, second = written(full), written(later)
    assert [each["finding_info"]["uid"] for each in first] == [
        each["finding_info"]["uid"] for each in second
    ]
    events = {each["metadata"]["uid"] for each in [*first, *second]}
    assert len(events) == len(first) + len(second)
