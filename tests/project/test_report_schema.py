"""The published schema of reports fits what is written, and what was written before."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from assay import forms, report
from assay.report import SCHEMA_VERSION, Counts, Report

PROJECT = Path(__file__).parents[2]
REPORTS = sorted((PROJECT / "tests" / "reports").glob("*.json"))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema."""
    text = (PROJECT / "docs" / "schemas" / "report-1.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    Draft202012Validator.check_schema(loaded)
    return loaded


def mistakes(schema: dict[str, Any], document: object) -> list[str]:
    return [error.json_path for error in Draft202012Validator(schema).iter_errors(document)]


def test_there_is_a_report_of_every_version() -> None:
    minor = int(SCHEMA_VERSION.partition(".")[2])
    versions = [json.loads(file.read_text())["schema_version"] for file in REPORTS]
    assert versions == [f"1.{number}" for number in range(minor + 1)]


@pytest.mark.parametrize("file", REPORTS, ids=lambda file: file.stem)
def test_reports_of_every_version_are_valid(schema: dict[str, Any], file: Path) -> None:
    assert mistakes(schema, json.loads(file.read_text(encoding="utf-8"))) == []


def test_the_smallest_report_is_valid(schema: dict[str, Any]) -> None:
    empty = Report(
        schema_version=SCHEMA_VERSION,
        generated_at="2026-11-23T06:20:00.000000Z",
        account_id="123456789012",
        region="us-east-1",
        environment_suffix="dev",
        history_table="compliance-history-dev",
        summary=Counts(resources=0, compliant=0, non_compliant=0, not_applicable=0, score=None),
        rules=[],
        resources=[],
    )
    assert mistakes(schema, json.loads("".join(forms.load("json").write(empty)))) == []


def test_a_later_minor_version_may_say_more(schema: dict[str, Any]) -> None:
    later = json.loads(REPORTS[-1].read_text(encoding="utf-8"))
    later |= {"schema_version": "1.99", "further": 1}
    later["resources"][0]["further"] = 1
    assert mistakes(schema, later) == []


def test_what_is_missing_or_of_another_kind_is_found(schema: dict[str, Any]) -> None:
    wrong = json.loads(REPORTS[-1].read_text(encoding="utf-8"))
    wrong["schema_version"] = "2.0"
    wrong["summary"]["score"] = "50 %"
    wrong["resources"][2]["change"] = "odd"
    del wrong["rules"][1]["severity"]
    assert sorted(mistakes(schema, wrong)) == [
        *("$.resources[2].change", "$.rules[1]", "$.schema_version", "$.summary.score"),
    ]


def test_every_class_and_field_of_the_model_is_there_and_explained(schema: dict[str, Any]) -> None:
    models = {
        name: model
        for name, model in vars(report).items()
        if isinstance(model, type) and dataclasses.is_dataclass(model)
    }
    described = schema["$defs"] | {"Report": schema}
    assert set(described) == set(models)
    for name, model in models.items():
        assert described[name]["description"]
        assert "Attributes:" not in described[name]["description"]
        properties = described[name]["properties"]
        assert list(properties) == [field.name for field in dataclasses.fields(model)]
        assert all(each["description"] for each in properties.values())
