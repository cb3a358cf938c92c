import contextlib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given as any_of
from hypothesis import strategies as st

from assay_constructs.conformance_template import (
    TemplateError,
    TemplateParameter,
    TemplateRule,
    load_template,
    parameter_problems,
    parameter_text,
    read_template,
)

RULE = "  Rule: {Type: AWS::Config::ConfigRule}\n"
PARAMETERS = """\
Parameters:
  Text: {Type: String}
  Number: {Type: Number, Default: 1}
  Numbers: {Type: List<Number>, Default: "1"}
  List: {Type: CommaDelimitedList, Default: a}
  Choice: {Type: String, Default: x, AllowedValues: [x, 2, true]}
"""
TEMPLATE = f"{PARAMETERS}Resources:\n{RULE}"


def test_parameters_and_the_number_of_rules_are_read() -> None:
    template = read_template(
        TEMPLATE + "  Mend:\n    Type: AWS::Config::RemediationConfiguration\n"
        "    Properties: {ConfigRuleName: !Ref Rule, Fn: !If [a, !GetAtt b.c, {d: e}]}\n"
    )
    assert template.rule_count == 1
    assert template.rules == (TemplateRule("Rule", "", ()),)
    assert template.parameters["Text"] == TemplateParameter("String", True, ())
    assert template.parameters["Choice"] == TemplateParameter("String", False, ("x", "2", "true"))


def test_a_template_may_be_json_and_need_no_parameters() -> None:
    template = read_template('{"Resources": {"Rule": {"Type": "AWS::Config::ConfigRule"}}}')
    assert (template.parameters, template.rule_count) == ({}, 1)


RULES = """\
Resources:
  Managed:
    Type: AWS::Config::ConfigRule
    Properties:
      Source: {Owner: AWS, SourceIdentifier: RDS_STORAGE_ENCRYPTED}
      Scope: {ComplianceResourceTypes: [AWS::RDS::DBInstance, !Ref Other]}
  Custom:
    Type: AWS::Config::ConfigRule
    Properties:
      Source: {Owner: CUSTOM_LAMBDA, SourceIdentifier: !GetAtt Function.Arn}
      Scope: {ComplianceResourceTypes: [AWS::S3::Bucket]}
  Later:
    Type: AWS::Config::ConfigRule
    Properties:
      Source: {Owner: AWS, SourceIdentifier: !Ref Identifier}
      Scope: {ComplianceResourceTypes: !Ref Types}
"""


def test_each_rules_identifier_and_scope_are_read_as_far_as_they_are_known() -> None:
    assert read_template(RULES).rules == (
        TemplateRule("Managed", "RDS_STORAGE_ENCRYPTED", ("AWS::RDS::DBInstance",)),
        TemplateRule("Custom", "", ("AWS::S3::Bucket",)),
        TemplateRule("Later", "", ()),
    )


def test_json_may_be_indented_with_tabs_and_keeps_its_numbers() -> None:
    text = '{\n\t"Resources": {"R": {"Type": "AWS::Config::ConfigRule"}},\n\t"Parameters": 0\n}'
    assert read_template(text.replace("0", "{}")).rule_count == 1
    assert load_template('{\n\t"a": 1.10,\n\t"b": 1e400}') == {"a": "1.10", "b": "1e400"}


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["String", "AWS", "AWS::Config::ConfigRule"])
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
WHOLE: dict[str, Any] = {
    "Parameters": {"Text": {"Type": "String", "Default": "a", "AllowedValues": ["a"]}},
    "Resources": {
        "Rule": {
            "Type": "AWS::Config::ConfigRule",
            "Properties": {
                "Source": {"Owner": "AWS", "SourceIdentifier": "RDS_STORAGE_ENCRYPTED"},
                "Scope": {"ComplianceResourceTypes": ["AWS::RDS::DBInstance"]},
            },
        }
    },
}
PLACES = (
    (),
    ("Parameters",),
    ("Parameters", "Text"),
    ("Parameters", "Text", "Type"),
    ("Parameters", "Text", "AllowedValues"),
    ("Resources",),
    ("Resources", "Rule"),
    ("Resources", "Rule", "Type"),
    ("Resources", "Rule", "Properties"),
    ("Resources", "Rule", "Properties", "Source"),
    ("Resources", "Rule", "Properties", "Source", "SourceIdentifier"),
    ("Resources", "Rule", "Properties", "Scope"),
    ("Resources", "Rule", "Properties", "Scope", "ComplianceResourceTypes"),
)


def put(whole: Any, place: tuple[str, ...], value: Any) -> Any:
    if not place:
        return value
    return {**whole, place[0]: put(whole[place[0]], place[1:], value)}


@any_of(place=st.sampled_from(PLACES), value=ANYTHING, form=st.sampled_from(["yaml", "json"]))
def test_anything_anywhere_gives_a_template_or_is_told(
    place: tuple[str, ...], value: Any, form: str
) -> None:
    data = put(WHOLE, place, value)
    text = json.dumps(data, indent="\t") if form == "json" else yaml.safe_dump(data)
    with contextlib.suppress(TemplateError):
        template = read_template(text)
        assert template.rule_count == 1
        values = {"Text": "a", "Number": 1}
        assert all(each.allowed for each in parameter_problems(values, template))


@any_of(st.text() | st.text(alphabet="{}[]:,-&*!|>'\"#%@\t\n ab${}~<=?", max_size=20))
def test_any_text_is_a_template_or_is_told(text: str) -> None:
    for each in (text, f"Resources:\n{RULE}Parameters:\n  A: {text}", f"a: !!int {text}"):
        with contextlib.suppress(TemplateError):
            assert read_template(each).rule_count > 0


ALIASES = "a: &a [x, x]\nb: *a\n"


@pytest.mark.parametrize(
    ("text", "allowed", "received"),
    [
        ("a: [", "YAML or JSON", "while parsing a flow node expected the node content, but found"),
        ("a: b: c", "YAML or JSON", "mapping values are not allowed here in line 1"),
        (ALIASES, "YAML or JSON", "an alias in line 2"),
        ("a: 1\na: 2\n", "YAML or JSON", "the key a twice in line 2"),
        ("[a]: 1", "YAML or JSON", "a key that is no string in line 1"),
        ("a: !!binary AA==", "YAML or JSON", "the tag tag:yaml.org,2002:binary in line 1"),
        ("a: \x00", "characters that YAML allows", "others"),
        ("[" * 5000, "a template that nests less deeply", "one too deep"),
        ("", "a template with Resources", None),
        ("[Resources]", "a template with Resources", ["Resources"]),
        ("Resources: []", "a template with Resources", {"Resources": []}),
        (
            "Resources: {Bucket: {Type: AWS::S3::Bucket}}",
            "a template of AWS::Config::ConfigRule and AWS::Config::RemediationConfiguration alone",
            {"Bucket": "AWS::S3::Bucket"},
        ),
        (
            "Resources: {Bucket: nothing}",
            "a template of AWS::Config::ConfigRule and AWS::Config::RemediationConfiguration alone",
            {"Bucket": "nothing"},
        ),
        (
            "Resources:\n" + "".join(RULE.replace("Rule:", f"R{n}:") for n in range(131)),
            "a template of at most 130 rules",
            131,
        ),
        (f"Parameters: [a]\nResources:\n{RULE}", "Parameters that are a mapping", ["a"]),
        (
            f"Parameters: {{Days: 3}}\nResources:\n{RULE}",
            "Parameters that are mappings with a Type",
            {"Days": "3"},
        ),
        (
            f"Parameters: {{Days: {{Default: 3}}}}\nResources:\n{RULE}",
            "Parameters that are mappings with a Type",
            {"Days": {"Default": "3"}},
        ),
        (
            f"Parameters: {{Days: {{Type: Number, AllowedValues: 5}}}}\nResources:\n{RULE}",
            "AllowedValues that are a list of plain values",
            {"Days": {"Type": "Number", "AllowedValues": "5"}},
        ),
        (
            f"Parameters: {{Days: {{Type: Number, AllowedValues: [[5]]}}}}\nResources:\n{RULE}",
            "AllowedValues that are a list of plain values",
            {"Days": {"Type": "Number", "AllowedValues": [["5"]]}},
        ),
        (
            f"Resources:\n{RULE}#{'ä' * 26_000}",
            "at most 51200 bytes; put it in a bucket",
            len(f"Resources:\n{RULE}#".encode()) + 52_000,
        ),
    ],
)
def test_what_config_would_refuse_is_told(text: str, allowed: str, received: object) -> None:
    with pytest.raises(TemplateError) as caught:
        read_template(text)
    assert caught.value.allowed == allowed
    if isinstance(received, str):
        assert str(caught.value.received).startswith(received)
    else:
        assert caught.value.received == received


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (7, "7"), ("a", "a"), (["a", 1, False], "a,1,false"), ((), "")],
)
def test_values_are_written_as_cloudformation_takes_them(value: object, text: str) -> None:
    assert parameter_text(value) == text


@pytest.mark.parametrize(
    "given",
    [
        {"Text": "a"},
        {"Text": 1, "Number": "-1.5", "Numbers": [1, "2"], "List": ["a", 1], "Choice": True},
        {"Text": False, "Number": 2, "Numbers": "1,2", "List": "a,b", "Choice": 2},
    ],
)
def test_values_fit_the_parameters_types(given: dict[str, Any]) -> None:
    assert list(parameter_problems(given, read_template(TEMPLATE))) == []


def test_parameters_of_a_template_that_is_not_known_are_not_judged_by_it() -> None:
    assert list(parameter_problems({"anything": "x"}, None)) == []


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({}, [("Text", "a value of type String, for it has no default", None)]),
        ({"Text": ""}, [("Text", "1 to 4096 characters", "")]),
        ({"Text": "x" * 4097}, [("Text", "1 to 4096 characters", "x" * 4097)]),
        ({"Text": ["a"]}, [("Text", "a value of type String", ["a"])]),
        (
            {"Text": "a", "Number": True, "Numbers": [1, "x"], "Choice": "y"},
            [
                ("Number", "a value of type Number", True),
                ("Numbers", "a value of type List<Number>", [1, "x"]),
                ("Choice", "x, 2, true", "y"),
            ],
        ),
        (
            {"Text": "a", "Listt": "b", "zzz": "c"},
            [
                (
                    "Listt",
                    "a parameter of the template: Text, Number, Numbers, List, Choice",
                    "Listt",
                    "List",
                ),
                (
                    "zzz",
                    "a parameter of the template: Text, Number, Numbers, List, Choice",
                    "zzz",
                ),
            ],
        ),
    ],
)
def test_values_that_do_not_fit_are_told(
    given: dict[str, Any], problems: list[tuple[object, ...]]
) -> None:
    found = parameter_problems(given, read_template(TEMPLATE))
    assert [tuple(each) for each in found] == [
        (*each, *[""] * (4 - len(each))) for each in problems
    ]


def test_a_template_without_parameters_takes_none() -> None:
    template = read_template(f"Resources:\n{RULE}")
    assert list(parameter_problems({"a": "b"}, template)) == [
        ("a", "a parameter of the template: none", "a", "")
    ]
