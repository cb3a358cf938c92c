from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from assay import security_hub
from assay.report import (
    Counts,
    HealthProblem,
    Report,
    ResourceReport,
    RuleReport,
    WaiverReport,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws

RULE = "s3-encryption-compliance"

# Findings of the account in each report: that of the rule, and that of the recorder.
GAPS = 2
COUNTS: dict[str, Any] = {
    "resources": 0,
    "compliant": 0,
    "non_compliant": 0,
    "not_applicable": 0,
    "score": None,
}


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Notes how long is waited, instead of waiting."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


def bucket(name: str, compliance_type: str = "NON_COMPLIANT", **other: Any) -> ResourceReport:
    return ResourceReport(
        resource_id=f"arn:aws:s3:::{name}",
        rule_name=RULE,
        resource_type="AWS::S3::Bucket",
        config_resource_id=name,
        compliance_type=compliance_type,
        annotation="Why.",
        severity="high",
        since="2026-11-20T06:00:00.000000Z",
        evaluated_at="2026-11-23T06:00:00.000000Z",
        **other,
    )


def waived(name: str, **other: Any) -> ResourceReport:
    return bucket(name, waived=True, waiver_id="5ca1ab1e", **other)


def report(*resources: ResourceReport) -> Report:
    return Report(
        schema_version="1.2",
        generated_at="2026-11-23T06:20:00.000000Z",
        account_id="123456789012",
        region="us-east-1",
        environment_suffix="dev",
        history_table="compliance-history-dev",
        summary=Counts(**COUNTS),
        rules=[
            RuleReport(
                rule_name=RULE,
                requirement="Buckets are encrypted.",
                severity="high",
                status="reporting",
                last_run=None,
                **COUNTS,
            )
        ],
        resources=list(resources),
        waivers=[
            WaiverReport(
                waiver_id="5ca1ab1e",
                rule_name=RULE,
                resource="*",
                owner="archive@example.com",
                reason="It goes.",
                expires="2026-11-30",
                status="active",
                resources=1,
                violations=1,
            )
        ],
    )


@pytest.fixture
def hub(aws: Aws) -> Callable[[], dict[str, dict[str, Any]]]:
    """Reads the findings of resources that Security Hub has, by name and workflow status."""

    def hub() -> dict[str, dict[str, Any]]:
        pages = aws.client("securityhub").get_paginator("get_findings").paginate()
        findings = [finding for page in pages for finding in page["Findings"]]
        return {
            f"{finding['Resources'][0]['Id'].rpartition(':')[2]} {finding['Workflow']['Status']}": (
                finding
            )
            for finding in findings
            if finding["Resources"][0]["Type"] != "AwsAccount"
        }

    return hub


@pytest.fixture
def gaps(aws: Aws) -> Callable[[], dict[str, dict[str, Any]]]:
    """Reads the findings of the account that Security Hub has, by the rule."""

    def gaps() -> dict[str, dict[str, Any]]:
        pages = aws.client("securityhub").get_paginator("get_findings").paginate()
        findings = [finding for page in pages for finding in page["Findings"]]
        return {
            finding["GeneratorId"].removeprefix("assay/"): finding
            for finding in findings
            if finding["Resources"][0]["Type"] == "AwsAccount"
        }

    return gaps


def refused(code: str, *findings: dict[str, Any], taken: int = 0) -> dict[str, Any]:
    """Makes Security Hub's answer that it has not taken these."""
    return {
        "FailedCount": len(findings),
        "SuccessCount": taken,
        "FailedFindings": [
            {"Id": finding["Id"], "ErrorCode": code, "ErrorMessage": "refused"}
            for finding in findings
        ],
    }


def imports(calls: list[tuple[str, dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    return [
        params["Findings"]
        for operation, params in calls
        if operation == "securityhub:BatchImportFindings"
    ]


@pytest.fixture
def findings_of(
    aws: Aws, calls: list[tuple[str, dict[str, Any]]]
) -> Callable[[Report], list[dict[str, Any]]]:
    """Finds out what is sent of a report, and forgets that it was."""

    def findings_of(given: Report) -> list[dict[str, Any]]:
        security_hub.send(aws, given)
        found = [finding for batch in imports(calls) for finding in batch]
        calls.clear()
        return found

    return findings_of


def test_violations_arrive_and_what_is_none_does_not(
    aws: Aws, hub: Callable[[], dict[str, dict[str, Any]]]
) -> None:
    result = security_hub.send(
        aws,
        report(
            bucket("open"),
            waived("legacy"),
            bucket("vault", "COMPLIANT"),
            bucket("gone", "NOT_APPLICABLE"),
        ),
    )
    assert result == security_hub.SecurityHubResult(sent=2 + GAPS)
    found = hub()
    assert set(found) == {"open NEW", "legacy SUPPRESSED"}
    assert {each["Compliance"]["Status"] for each in found.values()} == {"FAILED"}
    assert {each["RecordState"] for each in found.values()} == {"ACTIVE"}


def test_what_is_resolved_is_archived_in_the_finding_that_it_was(
    aws: Aws, hub: Callable[[], dict[str, dict[str, Any]]]
) -> None:
    security_hub.send(aws, report(bucket("mended"), bucket("deleted")))
    opened = {each["Id"] for each in hub().values()}
    security_hub.send(
        aws,
        report(
            bucket("mended", "COMPLIANT", change="resolved"),
            bucket("deleted", "NOT_APPLICABLE", change="resolved"),
        ),
    )
    closed = hub()
    assert {each["Id"] for each in closed.values()} == opened
    assert {
        name: (each["Compliance"]["Status"], each["RecordState"]) for name, each in closed.items()
    } == {
        "mended RESOLVED": ("PASSED", "ARCHIVED"),
        "deleted RESOLVED": ("NOT_AVAILABLE", "ARCHIVED"),
    }


def test_a_waiver_s_beginning_archives_the_open_finding_and_makes_a_suppressed_one(
    aws: Aws, hub: Callable[[], dict[str, dict[str, Any]]]
) -> None:
    security_hub.send(aws, report(bucket("legacy")))
    assert set(hub()) == {"legacy NEW"}
    result = security_hub.send(aws, report(waived("legacy", change="resolved")))
    assert result.sent == 2 + GAPS
    assert {name: each["RecordState"] for name, each in hub().items()} == {
        "legacy NEW": "ARCHIVED",
        "legacy SUPPRESSED": "ACTIVE",
    }


@pytest.mark.parametrize("waiver_id", ["5ca1ab1e", None])
def test_a_waiver_s_end_opens_the_finding_that_nothing_suppresses_and_archives_the_other(
    aws: Aws, hub: Callable[[], dict[str, dict[str, Any]]], waiver_id: str | None
) -> None:
    security_hub.send(aws, report(waived("legacy")))
    assert {name: each["RecordState"] for name, each in hub().items()} == {
        "legacy SUPPRESSED": "ACTIVE"
    }
    # Without an id the waiver was not left to expire, but taken away.
    security_hub.send(aws, report(bucket("legacy", waiver_id=waiver_id, change="new")))
    assert {name: each["RecordState"] for name, each in hub().items()} == {
        "legacy NEW": "ACTIVE",
        "legacy SUPPRESSED": "ARCHIVED",
    }


def test_what_a_rule_or_the_recorder_leaves_out_is_active_until_it_leaves_out_nothing(
    aws: Aws, gaps: Callable[[], dict[str, dict[str, Any]]]
) -> None:
    silent = HealthProblem(kind="silent", rule_name=RULE, message="No sweep since yesterday.")
    off = HealthProblem(kind="recorder", message="The recorder does not record.")
    well = report(bucket("vault", "COMPLIANT"))
    seen = []
    for hour, problems in enumerate(([], [silent], [off], [])):
        generated_at = f"2026-11-23T{hour:02}:20:00.000000Z"
        given = replace(well, generated_at=generated_at, problems=problems)
        assert security_hub.send(aws, given).sent == GAPS
        seen.append({name: each["RecordState"] for name, each in gaps().items()})
        for name, problem in ((RULE, silent), ("recorder", off)):
            said = problem.message if problem in problems else "Nothing is known to be left out."
            assert gaps()[name]["Description"] == said
    assert seen == [
        {RULE: "ARCHIVED", "recorder": "ARCHIVED"},
        {RULE: "ACTIVE", "recorder": "ARCHIVED"},
        {RULE: "ARCHIVED", "recorder": "ACTIVE"},
        {RULE: "ARCHIVED", "recorder": "ARCHIVED"},
    ]


def test_at_most_a_hundred_findings_go_at_once(
    aws: Aws,
    calls: list[tuple[str, dict[str, Any]]],
    hub: Callable[[], dict[str, dict[str, Any]]],
) -> None:
    given = report(*(bucket(f"b-{number}") for number in range(201 - GAPS)))
    assert security_hub.send(aws, given) == security_hub.SecurityHubResult(sent=201)
    assert sorted(len(batch) for batch in imports(calls)) == [1, 100, 100]
    assert len(hub()) == 201 - GAPS


def test_only_what_was_refused_is_sent_again(
    aws: Aws,
    waits: list[float],
    calls: list[tuple[str, dict[str, Any]]],
    answer: Callable[..., None],
    findings_of: Callable[[Report], list[dict[str, Any]]],
) -> None:
    given = report(bucket("a"))
    first, second, third = findings_of(given)
    answer(
        "BatchImportFindings",
        refused("Throttling", second, third, taken=1),
        refused("InternalError", third, taken=1),
        refused("", taken=1),
    )
    assert security_hub.send(aws, given) == security_hub.SecurityHubResult(sent=3)
    assert imports(calls) == [[first, second, third], [second, third], [third]]
    assert waits == [0.1, 0.2]


def test_what_stays_refused_is_counted_by_its_last_code(
    aws: Aws,
    waits: list[float],
    answer: Callable[..., None],
    findings_of: Callable[[Report], list[dict[str, Any]]],
) -> None:
    given = replace(report(bucket("a")), rules=[])
    first, second = findings_of(given)
    answer(
        "BatchImportFindings",
        refused("Throttling", first, second),
        refused("InternalError", second, taken=1),
        *[refused("InternalError", second)] * 4,
    )
    assert security_hub.send(aws, given) == security_hub.SecurityHubResult(
        sent=1, failed=Counter({"InternalError": 1})
    )
    assert len(waits) == 5


@pytest.mark.parametrize("code", ["InvalidAccess", "InvalidInput"])
def test_what_can_never_be_taken_is_not_sent_again(
    aws: Aws,
    code: str,
    waits: list[float],
    answer: Callable[..., None],
    findings_of: Callable[[Report], list[dict[str, Any]]],
) -> None:
    given = replace(report(bucket("a")), rules=[])
    first, _ = findings_of(given)
    answer("BatchImportFindings", refused(code, first, taken=1))
    assert security_hub.send(aws, given) == security_hub.SecurityHubResult(
        sent=1, failed=Counter({code: 1})
    )
    assert waits == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("InvalidAccessException", "InvalidAccessException"),
        (EndpointConnectionError(endpoint_url="https://example.com"), "EndpointConnectionError"),
    ],
)
def test_a_call_that_fails_counts_its_findings_and_harms_no_other(
    aws: Aws, error: str | Exception, code: str, fail: Callable[..., None]
) -> None:
    fail("BatchImportFindings", error, lambda params: len(params["Findings"]) == 100)
    given = report(*(bucket(f"b-{number}") for number in range(101 - GAPS)))
    result = security_hub.send(aws, given)
    assert result == security_hub.SecurityHubResult(sent=1, failed=Counter({code: 100}))


def test_codes_of_all_calls_are_added_up(aws: Aws, fail: Callable[..., None]) -> None:
    fail("BatchImportFindings", "LimitExceededException")
    given = report(*(bucket(f"b-{number}") for number in range(250 - GAPS)))
    result = security_hub.send(aws, given)
    assert result == security_hub.SecurityHubResult(failed=Counter({"LimitExceededException": 250}))
