"""Outputs of CDKTF and of Terraform become one flat file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_cli import outputs

NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)
TEXTS = st.dictionaries(NAMES, st.text(), min_size=1)

FLAT = {
    "ec2_tag_lambda_name": "ec2-tag-compliance-dev",
    "report_aggregator_lambda_name": "report-aggregator-dev",
    "sns_topic_arn": "arn:aws:sns:us-east-1:123456789012:compliance-alerts-dev",
}


@given(TEXTS)
def test_both_forms_of_the_same_outputs_flatten_alike(texts: dict[str, str]) -> None:
    terraform = {
        name: {"value": value, "type": "string", "sensitive": False}
        for name, value in texts.items()
    }
    assert outputs.flatten({"assay-dev": texts}) == texts
    assert outputs.flatten(terraform) == texts


@given(TEXTS, TEXTS)
def test_a_named_stack_is_picked_out_of_several(
    first: dict[str, str], second: dict[str, str]
) -> None:
    assert outputs.flatten({"a": first, "b": second}, "b") == second


def test_values_that_are_no_texts_become_json() -> None:
    assert outputs.flatten({"assay-dev": {"list": [1, "a"], "flag": True}}) == {
        "list": '[1,"a"]',
        "flag": "true",
    }


def test_several_stacks_need_a_name() -> None:
    with pytest.raises(outputs.StackError, match=r"name one by --stack \(a, b\)"):
        outputs.flatten({"b": {}, "a": {}})


def test_a_stack_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(outputs.StackError, match=r"--stack c: no such stack .* have: a, b"):
        outputs.flatten({"b": {}, "a": {}}, "c")


def test_terraform_s_own_outputs_name_no_stack() -> None:
    with pytest.raises(outputs.StackError, match="leave --stack out"):
        outputs.flatten({"name": {"value": "x", "sensitive": False}}, "assay-dev")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], r"expected a JSON object, .* got \[\]"),
        ({}, r"expected a JSON object, .* got {}"),
        (["x" * 100], r'got \["x{58}\.\.\.$'),
        ({"name": "value"}, "'name' must be an object, .* got \"value\""),
    ],
)
def test_anything_else_is_refused_with_what_came(data: Any, message: str) -> None:
    with pytest.raises(outputs.OutputsError, match=message):
        outputs.flatten(data)


def test_text_that_is_no_json_is_refused_with_its_place() -> None:
    with pytest.raises(
        outputs.OutputsError, match=r"^o\.json: not valid JSON: .* at line 2, column 1$"
    ):
        outputs.parse("{\n", "o.json")


@given(outputs_written=TEXTS)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, outputs_written: dict[str, str]
) -> None:
    file = tmp_path_factory.mktemp("outputs") / "new" / "flat.json"
    outputs.write(outputs_written, file)
    assert outputs.read(file) == outputs_written


@pytest.mark.parametrize("data", [["a"], {"assay-dev": {"a": "b"}}])
def test_a_file_that_is_not_flat_is_refused(tmp_path: Path, data: object) -> None:
    file = tmp_path / "flat.json"
    file.write_text(json.dumps(data))
    with pytest.raises(outputs.OutputsError, match=r"expected flat outputs, .* `assay outputs`"):
        outputs.read(file)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("ec2_tag_lambda_name", "ec2-tag-compliance-dev"),
        ("ec2-tag-compliance", "ec2-tag-compliance-dev"),
        ("report-aggregator", "report-aggregator-dev"),
        ("s3-encryption-compliance-dev", "s3-encryption-compliance-dev"),
    ],
)
def test_a_function_is_meant_by_output_rule_or_its_own_name(name: str, function: str) -> None:
    assert outputs.function_name(name, FLAT) == function


def test_an_output_that_is_no_function_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        outputs.OutputsError,
        match="sns_topic_arn: not a function's output; those are: ec2_tag_lambda_name, report_agg",
    ):
        outputs.function_name("sns_topic_arn", FLAT)
