from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from oscal_bindings import AssessmentResultsDocument
from pydantic import ValidationError

from assay import forms
from assay.forms.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.report import Report, RuleReport

S3, EC2, RDS = "s3-encryption-compliance", "ec2-tag-compliance", "rds-backup-compliance"


def written(report: Report) -> dict[str, Any]:
    """Writes a report, and holds it against the models made from the official schema."""
    document: dict[str, Any] = json.loads("".join(forms.load("oscal").write(report)))
    AssessmentResultsDocument.model_validate(document)
    results: dict[str, Any] = document["assessment-results"]
    return results


def result(report: Report) -> dict[str, Any]:
    (only,) = written(report)["results"]
    found: dict[str, Any] = only
    return found


def judged(report: Report) -> list[dict[str, Any]]:
    """Returns the observations that have a verdict."""
    return [
        each
        for each in result(report)["observations"]
        if props(each)["verdict"] != "INSUFFICIENT_DATA"
    ]


def props(holder: dict[str, Any]) -> dict[str, str]:
    return {prop["name"]: prop["value"] for prop in holder["props"]}


def of(holders: list[dict[str, Any]], **wanted: str) -> dict[str, Any]:
    """Finds the only one that has these properties."""
    (found,) = [each for each in holders if wanted.items() <= props(each).items()]
    return found


def with_rule(report: Report, rule_name: str, **other: Any) -> Report:
    """Changes a rule."""
    return replace(
        report,
        rules=[
            replace(rule, **other) if rule.rule_name == rule_name else rule for rule in report.rules
        ],
    )


def satisfied(report: Report) -> Report:
    """Makes a report in which nothing speaks against the S3 rule."""
    counts = {"non_compliant": 0, "waived": 0, "compliant": 1, "judged": 1}
    rule = next(rule for rule in report.rules if rule.rule_name == S3)
    assert rule.last_run is not None
    last_run = replace(rule.last_run, unreadable_count=0, unreadable=[])
    return with_rule(report, S3, status="reporting", last_run=last_run, **counts)


def target(report: Report, rule_name: str) -> dict[str, Any]:
    found: dict[str, Any] = of(result(report)["findings"], rule=rule_name)["target"]
    return found


def uuids(value: Any) -> Iterator[str]:
    """Yields the ids that things are given."""
    if isinstance(value, dict):
        if "uuid" in value:
            yield value["uuid"]
        for each in value.values():
            yield from uuids(each)
    elif isinstance(value, list):
        for each in value:
            yield from uuids(each)


def references(value: Any) -> Iterator[str]:
    """Yields the ids by which things are named."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name.endswith("-uuid"):
                yield each
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_a_report_is_valid_by_the_models_of_the_official_schema(full: Report) -> None:
    assert written(full)["metadata"]["oscal-version"] == "1.2.3"


def test_those_models_refuse_what_they_do_not_know(full: Report) -> None:
    document = {"assessment-results": {**written(full), "invented": 1}}
    with pytest.raises(ValidationError, match="invented"):
        AssessmentResultsDocument.model_validate(document)


def test_a_report_without_rules_is_valid_and_claims_nothing(empty: Report) -> None:
    document = written(empty)
    assert "local-definitions" not in document
    found = document["results"][0]
    assert {"observations", "findings", "risks", "assessment-log", "remarks"}.isdisjoint(found)
    assert "inventory-items" not in found["local-definitions"]
    assert found["start"] == found["end"] == empty.generated_at
    assert found["reviewed-controls"]["control-selections"][0]["description"] == (
        "No rule is enabled."
    )
    assert "score" not in props(found)


def test_the_same_report_gives_the_same_bytes_piece_by_piece(full: Report) -> None:
    first, second = (list(forms.load("oscal").write(full)) for _ in range(2))
    assert first == second
    assert len(first) >= len(full.resources)


def test_every_id_is_given_once_and_every_reference_leads_somewhere(full: Report) -> None:
    document = written(full)
    given = list(uuids(document))
    assert len(given) == len(set(given))
    assert set(references(document)) <= set(given)
    assert document["import-ap"]["href"].removeprefix("#") in given
    objectives = {
        part["id"]
        for objective in document["local-definitions"]["objectives-and-methods"]
        for part in objective["parts"]
    }
    found = document["results"][0]
    assert {each["target"]["target-id"] for each in found["findings"]} == objectives
    selection = found["reviewed-controls"]["control-objective-selections"][0]
    assert {each["objective-id"] for each in selection["include-objectives"]} == objectives


def test_what_lasts_keeps_its_id_and_what_is_of_one_report_does_not(full: Report) -> None:
    first, second = result(full), result(replace(full, generated_at="2026-11-23T12:20:00.000000Z"))
    for name in ("findings", "risks"):
        assert [each["uuid"] for each in first[name]] == [each["uuid"] for each in second[name]]
    # What is left out is observed in each report anew.
    observed = [{each["uuid"] for each in found["observations"]} for found in (first, second)]
    assert len(observed[0] & observed[1]) == len(judged(full)) == len(observed[0]) - 4
    assert first["uuid"] != second["uuid"]


def test_every_verdict_is_in_an_observation(full: Report) -> None:
    found = result(full)
    items = {
        item["uuid"]: props(item)["asset-id"]
        for item in found["local-definitions"]["inventory-items"]
    }
    verdicts = sorted(
        (
            items[subject["subject-uuid"]],
            props(observation)["rule"],
            props(observation)["verdict"],
            observation["description"],
            observation["collected"],
            props(subject)["since"],
        )
        for observation in found["observations"]
        for subject in observation["subjects"]
    )
    assert verdicts == sorted(
        (
            each.resource_id,
            each.rule_name,
            each.compliance_type,
            each.annotation,
            each.evaluated_at,
            each.since,
        )
        for each in Context.of(full).verdicts()
    )


def test_a_resource_of_two_rules_is_one_item(full: Report) -> None:
    first = full.resources[0]
    rules = [replace(rule, last_run=None) for rule in full.rules]
    both = replace(full, resources=[first, replace(first, rule_name=S3)], problems=[], rules=rules)
    found = result(both)
    (item,) = found["local-definitions"]["inventory-items"]
    assert item["description"] == "AWS::EC2::Instance i-00000000000000001"
    assert len(found["observations"]) == 2


def test_what_is_said_of_many_resources_at_the_same_time_is_one_observation(
    full: Report, with_resources: Callable[..., Report]
) -> None:
    vault = next(each for each in full.resources if each.config_resource_id == "vault")
    alike = [replace(vault, resource_id=f"{vault.resource_id}-{number}") for number in range(5)]
    other = replace(vault, annotation="Default encryption is aws:kms.")
    found = judged(with_resources(*alike, other))
    assert sorted(len(each["subjects"]) for each in found) == [1, 5]


@pytest.mark.parametrize(
    "other",
    [
        {"annotation": "Something else."},
        {"evaluated_at": "2026-11-22T06:00:00.000000Z"},
        {"severity": "low"},
        {"unreadable": "AccessDenied"},
        {"change": "new"},
        {"waiver_id": "0badcafe"},
        {"waiver_id": "5ca1ab1e", "waived": True},
        {"compliance_type": "COMPLIANT"},
        {"rule_name": EC2},
    ],
)
def test_what_is_not_the_same_is_another_observation(
    full: Report, with_resources: Callable[..., Report], other: dict[str, Any]
) -> None:
    plain = next(each for each in full.resources if each.config_resource_id == "closed")
    plain = replace(plain, unreadable=None)
    found = judged(with_resources(plain, replace(plain, **other)))
    assert len({each["uuid"] for each in found}) == 2


def test_an_observation_says_what_is_to_be_known_of_its_verdict(full: Report) -> None:
    observations = result(full)["observations"]
    unreadable = of(observations, unreadable="AccessDenied", verdict="NON_COMPLIANT")
    assert unreadable["remarks"].startswith("It could not be read again: AccessDenied.")
    assert unreadable["types"] == ["finding"]
    assert props(unreadable)["severity"] == "high"
    waived = of(observations, waived="true")
    assert "archive@example.com until 2026-11-30" in waived["remarks"]
    new = of(observations, change="new")
    assert new["remarks"] == "The waiver of uploads@example.com ended on 2026-11-01."
    assert props(new)["waiver-id"] == "0badcafe"
    plain = of(observations, rule=S3, verdict="COMPLIANT")
    assert "remarks" not in plain
    assert plain["types"] == ["control-objective"]
    assert props(plain) == {"rule": S3, "verdict": "COMPLIANT", "status": "compliant"}
    assert plain["title"] == f"{S3}: compliant"
    assert {each["title"] for each in observations if props(each)["rule"] == EC2} == {
        f"{EC2}: violation",
        f"{EC2}: compliant (not confirmed)",
        f"{EC2}: not known",
    }


def test_open_violations_are_a_risk_of_their_rule(full: Report) -> None:
    risks = result(full)["risks"]
    risk = of(risks, rule=S3, violations="2")
    assert risk["status"] == "open"
    assert risk["statement"] == "Open violations: 2."
    assert risk["description"] == "Default encryption protects every object."
    assert risk["title"] == (
        "Violated: S3 buckets have default encryption with an allowed algorithm & KMS key."
    )
    assert props(risk)["severity"] == "high"
    assert len(risk["related-observations"]) == 2
    assert risk["remediations"][0]["description"] == "Set the bucket's default encryption."
    assert "deadline" not in risk
    assert [props(each)["rule"] for each in risks] == [EC2, S3, S3]


def test_what_a_waiver_covers_is_an_approved_risk_until_it_expires(full: Report) -> None:
    found = result(full)
    risk = of(found["risks"], **{"waiver-id": "5ca1ab1e"})
    assert risk["status"] == "deviation-approved"
    assert risk["deadline"] == "2026-11-30T23:59:59Z"
    assert risk["statement"] == (
        "Waived violations: 1. archive@example.com answers for them until 2026-11-30: "
        "It is deleted with the <old> system."
    )
    assert props(risk) == {
        "rule": S3,
        "severity": "high",
        "violations": "1",
        "waiver-id": "5ca1ab1e",
        "owner": "archive@example.com",
        "expires": "2026-11-30",
        "resource": "arn:aws:s3:::legacy",
    }
    waived = of(found["observations"], waived="true")
    assert risk["related-observations"] == [{"observation-uuid": waived["uuid"]}]


def test_a_rule_and_a_waiver_that_the_report_does_not_list_are_no_error(full: Report) -> None:
    legacy = next(each for each in full.resources if each.waived)
    stray = replace(legacy, rule_name="gone-rule")
    report = replace(full, resources=[legacy, stray], waivers=[])
    of(judged(report), rule="gone-rule")
    (risk,) = result(report)["risks"]
    assert (risk["status"], risk["statement"]) == ("deviation-approved", "Waived violations: 1.")
    assert "deadline" not in risk
    (nameless,) = result(replace(report, resources=[replace(legacy, waiver_id=None)]))["risks"]
    assert nameless["status"] == "deviation-approved"


def test_a_finding_leads_to_its_observations_and_risks(full: Report) -> None:
    found = result(full)
    finding = of(found["findings"], rule=S3)
    assert {each["observation-uuid"] for each in finding["related-observations"]} == {
        each["uuid"] for each in found["observations"] if props(each)["rule"] == S3
    }
    assert {each["risk-uuid"] for each in finding["related-risks"]} == {
        each["uuid"] for each in found["risks"] if props(each)["rule"] == S3
    }
    assert finding["description"] == (
        "1 of 3 judged resources are compliant; waived violations: 1, not applicable: 1."
    )
    assert props(finding)["score"] == "33.33"
    silent = of(found["findings"], rule=RDS)
    gap = of(found["observations"], rule=RDS)
    assert gap["description"] == "No sweep has ever been completed."
    assert silent["related-observations"] == [{"observation-uuid": gap["uuid"]}]
    assert "related-risks" not in silent
    assert "score" not in props(silent)


def test_a_rule_without_violation_that_has_read_everything_is_satisfied(full: Report) -> None:
    assert target(satisfied(full), S3) == {
        "type": "objective-id",
        "target-id": f"{S3}_obj",
        "status": {
            "state": "satisfied",
            "reason": "pass",
            "remarks": "There is no violation.",
        },
    }


@pytest.mark.parametrize(
    ("other", "reason", "remarks"),
    [
        ({"non_compliant": 2}, "fail", "Open violations: 2, waived ones: 0."),
        ({"waived": 1}, "fail", "Open violations: 0, waived ones: 1."),
        ({"judged": 0}, "other", "No verdict counts."),
        ({"status": "silent"}, "other", "The rule is not known to have reported in its time."),
        (
            {"status": "never_reported", "last_run": None},
            "other",
            "The rule is not known to have reported in its time.",
        ),
        ({"status": None}, "other", "The rule is not known to have reported in its time."),
        (
            {"status": "silent", "non_compliant": 1},
            "fail",
            (
                "Open violations: 1, waived ones: 0. "
                "The rule is not known to have reported in its time."
            ),
        ),
    ],
)
def test_a_rule_that_is_not_known_to_be_satisfied_is_not(
    full: Report, other: dict[str, Any], reason: str, remarks: str
) -> None:
    status = target(with_rule(satisfied(full), S3, **other), S3)["status"]
    assert status == {"state": "not-satisfied", "reason": reason, "remarks": remarks}


def test_a_rule_that_could_not_read_everything_is_not_satisfied(full: Report) -> None:
    rule: RuleReport = next(rule for rule in satisfied(full).rules if rule.rule_name == S3)
    assert rule.last_run is not None
    last_run = replace(rule.last_run, unreadable_count=1)
    status = target(with_rule(satisfied(full), S3, last_run=last_run), S3)["status"]
    assert status == {
        "state": "not-satisfied",
        "reason": "other",
        "remarks": "Resources that could not be read: 1.",
    }


def test_sweeps_are_in_the_log_with_what_they_could_not_do(full: Report) -> None:
    entries = result(full)["assessment-log"]["entries"]
    assert [(each["title"], each["description"]) for each in entries] == [
        (f"Sweep of {EC2}", "It was completed."),
        (f"Sweep of {EC2}", "It failed."),
        (f"Sweep of {S3}", "It was completed."),
    ]
    assert [each.get("remarks") for each in entries] == [
        None,
        "listing: UnauthorizedOperation: You are not authorized to perform <this> operation.",
        "arn:aws:s3:::closed could not be read: AccessDenied",
    ]
    assert entries[0]["start"] == "2026-11-23T06:00:01.000000Z"
    assert entries[0]["end"] == "2026-11-23T06:00:05.500000Z"


def test_the_result_has_counts_times_and_all_problems(full: Report) -> None:
    found = result(full)
    assert props(found) == {
        "score": "50.0",
        "judged": "6",
        "compliant": "3",
        "non-compliant": "3",
        "waived": "1",
        "not-applicable": "1",
    }
    assert found["start"] == "2026-11-21T06:00:00.000000Z"
    assert found["end"] == full.generated_at
    assert found["remarks"].split("\n\n") == [problem.message for problem in full.problems]


def test_texts_of_several_lines_fit_where_one_line_is_allowed(full: Report) -> None:
    report = with_rule(full, S3, requirement="First line.\n  Second line.", rationale="", remedy="")
    risk = of(result(report)["risks"], rule=S3, violations="2")
    assert risk["title"] == "Violated: First line. Second line."
    assert risk["description"] == "First line.\n  Second line."
    assert "remediations" not in risk
    assert of(result(report)["findings"], rule=S3)["title"] == "First line. Second line."
