"""Reading conformance packs' templates, and resolving what a deployment would resolve."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_cli.pack_template import PackError, Resolver, UnresolvedError, load, mapping

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Age": {"Type": "String", "Default": "90"},
        "Empty": {"Type": "String", "Default": ""},
        "Expression": {"Type": "String", "Default": "%{x}"},
        "Unset": {"Type": "String"},
        "Odd": {"Type": "String", "Default": ["90"]},
        "Broken": "String",
    },
    "Conditions": {
        "hasAge": {"Fn::Not": [{"Fn::Equals": ["", {"Ref": "Age"}]}]},
        "hasEmpty": {"Fn::Not": [{"Fn::Equals": ["", {"Ref": "Empty"}]}]},
        "any": {"Fn::Or": [{"Condition": "hasEmpty"}, {"Condition": "hasAge"}]},
        "all": {"Fn::And": [{"Condition": "hasEmpty"}, {"Condition": "hasAge"}]},
        "unknowable": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
        "broken": {"Fn::Not": "hasAge"},
    },
    "Resources": {"Tls": {}, "Later": {}},
}


@pytest.fixture
def resolver() -> Resolver:
    """Resolves in that template, where one rule has its name already."""
    made = Resolver(TEMPLATE)
    made.names["Tls"] = "tls-only"
    return made


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads a text as a file's."""

    def _read(content: str | bytes) -> Any:
        file = tmp_path / "pack.yaml"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load(str(file))

    return _read


def test_short_tags_stand_for_functions(read: Any) -> None:
    text = """
    a: !Ref Age
    b: !If [any, !Sub "${Age}", !Ref AWS::NoValue]
    c: !Condition any
    d: !Equals {x: y}
    """
    assert read(text) == {
        "a": {"Ref": "Age"},
        "b": {"Fn::If": ["any", {"Fn::Sub": "${Age}"}, {"Ref": "AWS::NoValue"}]},
        "c": {"Condition": "any"},
        "d": {"Fn::Equals": {"x": "y"}},
    }


def test_scalars_stay_the_strings_that_they_are(read: Any) -> None:
    text = "[1.10, 012, yes, ~, 2010-09-09, !!int 7, '']"
    assert read(text) == ["1.10", "012", "yes", "~", "2010-09-09", "7", ""]


def test_json_is_read_too_with_all_that_yaml_does_not_take(read: Any) -> None:
    text = '{\n\t"a": [1, true, null],\n\t"b": "\\ud83d\\ude00\\/"\n}'
    assert read(text) == {"a": ["1", "true", "null"], "b": "\U0001f600/"}


def test_an_empty_file_holds_nothing(read: Any) -> None:
    assert read("") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "allowed: UTF-8 text; got another encoding"),
        ("a: [", "allowed: YAML or JSON; got: while parsing a flow node expected the node content"),
        ("a: 1\nb: *a\n", "allowed: YAML or JSON; got: an alias in line 2"),
        ("a: &a [1]\nb: *a\n", "allowed: YAML or JSON; got: an alias in line 2"),
        ("a: 1\na: 2\n", "allowed: YAML or JSON; got: the key a twice in line 2"),
        ("[a]: 1", "allowed: YAML or JSON; got: a key that is no string in line 1"),
        ("a: !!binary AA==", "got: the tag tag:yaml.org,2002:binary in line 1"),
        ("!<x> a", "got: the tag x in line 1"),
        ("a: \a", "allowed: characters that YAML allows; got: others"),
        ('a: "\\U00110000"', "allowed: characters that YAML allows; got: others"),
        (
            "a\n--- b",
            "got: expected a single document in the stream but found another document in line 2",
        ),
        ("[" * 5000, "allowed: a template that nests less deeply"),
        ('{"a":' * 100_000, "allowed: a template that nests less deeply"),
    ],
)
def test_what_is_no_template_is_refused(read: Any, content: str | bytes, message: str) -> None:
    with pytest.raises(PackError) as refused:
        read(content)
    assert "pack.yaml: allowed: " in str(refused.value)
    assert message in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        PackError, match=r"nothing\.yaml: cannot be read: No such file or directory"
    ):
        load(str(tmp_path / "nothing.yaml"))


def test_tags_never_run_code(read: Any, tmp_path: Path) -> None:
    made = tmp_path / "made"
    for text in (
        f"!!python/object/apply:os.mkdir ['{made}']",
        f"!!python/object/apply:os.mkdir {{args: ['{made}']}}",
        f"!python/object/apply:os.mkdir ['{made}']",
        "!!python/name:os.mkdir ''",
    ):
        with pytest.raises(PackError, match=r"got: the tag .*python"):
            read(text)
    assert not made.exists()


# Its own file for each example would be slow, and a fixture is shared by them anyway.
@given(content=st.binary() | st.text(alphabet="{}[]:,-&*!|>'\"#%@\t\n ab${}~<=?").map(str.encode))
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(content)
    try:
        found = load(str(file))
    except PackError:
        return
    assert found is None or isinstance(found, str | list | dict)


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("text", "text"),
        ({"Ref": "Age"}, "90"),
        ({"Ref": "Tls"}, "tls-only"),
        ({"Fn::If": ["hasAge", {"Ref": "Age"}, "none"]}, "90"),
        ({"Fn::If": ["hasEmpty", {"Ref": "Unset"}, "none"]}, "none"),
        ({"Fn::If": ["any", "yes", "no"]}, "yes"),
        ({"Fn::If": ["all", "yes", "no"]}, "no"),
        ({"Fn::Join": [",", ["a", {"Ref": "Age"}]]}, "a,90"),
        ({"Fn::Sub": "age ${Age} of ${ Tls }"}, "age 90 of tls-only"),
        ({"Fn::Sub": ["${x} ${Age}", {"x": {"Ref": "Empty"}}]}, " 90"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": "c"}, {"b": "c"}),
        (["a", {"Ref": "AWS::NoValue"}, {"Ref": "Age"}], ["a", "90"]),
        ({"Condition": "kept"}, {"Condition": "kept"}),
    ],
)
def test_functions_are_resolved_by_defaults(
    resolver: Resolver, given_value: Any, expected: Any
) -> None:
    assert resolver.value(given_value) == expected


FUNCTIONS = "allowed: Ref, Fn::If, Fn::Join and Fn::Sub; got "
EXPRESSION = "allowed: text without ${ and %{, which Terraform would take for an expression; got "
CONDITIONS = "allowed as a condition: Condition, Fn::Equals, Fn::Not, Fn::And and Fn::Or; got "


@pytest.mark.parametrize(
    ("given_value", "message"),
    [
        ({"Ref": "Unset"}, "parameter Unset has no default"),
        ({"Ref": "Odd"}, "parameter Odd has no default"),
        ({"Ref": "Broken"}, "parameter Broken: allowed: a mapping; got 'String'"),
        ({"Ref": "Nothing"}, "parameter Nothing: allowed: a mapping; got nothing"),
        ({"Ref": "Later"}, "Later, which it refers to, is not turned"),
        ({"Ref": "AWS::Region"}, "AWS::Region is known only when a pack is deployed"),
        ({"Ref": ["Age"]}, f"{FUNCTIONS}Ref"),
        ({"Ref": "Age", "Fn::Sub": "x"}, f"{FUNCTIONS}Ref, Fn::Sub"),
        ({"Fn::GetAtt": "Function.Arn"}, f"{FUNCTIONS}Fn::GetAtt"),
        ({"Fn::Join": ",a"}, f"{FUNCTIONS}Fn::Join"),
        ({"Fn::Join": [",", "a"]}, "allowed: strings to join; got 'a'"),
        ({"Fn::Join": [",", [["a"]]]}, "allowed: strings to join; got [['a']]"),
        ({"Fn::Sub": "${AWS::Region}"}, "AWS::Region is known only when a pack is deployed"),
        ({"Fn::Sub": "${!kept}"}, f"{EXPRESSION}'${{!kept}}'"),
        ({"Fn::Sub": ["${x}", {"x": ["a"]}]}, "allowed: a string for ${x}; got another value"),
        ({"Fn::Sub": "${AWS::NoValue}"}, "allowed: a string for ${AWS::NoValue}; got another"),
        ("${x}", f"{EXPRESSION}'${{x}}'"),
        ({"%{x}": "a"}, f"{EXPRESSION}'%{{x}}'"),
        ({"Ref": "Expression"}, f"{EXPRESSION}'%{{x}}'"),
        ({"Fn::If": ["none", "a", "b"]}, "allowed: the name of a condition; got 'none'"),
        ({"Fn::If": [{"a": "b"}, "a", "b"]}, "allowed: the name of a condition; got {'a': 'b'}"),
        ({"Fn::If": ["unknowable", "a", "b"]}, "AWS::Region is known only when a pack is"),
        ({"Fn::If": ["broken", "a", "b"]}, f"{CONDITIONS}{{'Fn::Not': 'hasAge'}}"),
    ],
)
def test_what_cannot_be_resolved_is_said(
    resolver: Resolver, given_value: Any, message: str
) -> None:
    with pytest.raises(UnresolvedError) as refused:
        resolver.value(given_value)
    assert str(refused.value).startswith(message)


def test_each_condition_is_resolved_once() -> None:
    # 2 to the power of 60 steps otherwise.
    conditions: dict[str, Any] = {"c0": {"Fn::Equals": ["a", "a"]}}
    for number in range(1, 60):
        below = {"Condition": f"c{number - 1}"}
        conditions[f"c{number}"] = {"Fn::And": [below, below]}
    assert Resolver({"Resources": {}, "Conditions": conditions}).condition("c59")


def test_a_template_s_parts_are_mappings() -> None:
    with pytest.raises(UnresolvedError, match=r"^Resources: allowed: a mapping; got nothing$"):
        Resolver({})
    with pytest.raises(UnresolvedError, match=r"^Parameters: allowed: a mapping; got 'a'$"):
        Resolver({"Resources": {}, "Parameters": "a"})
    with pytest.raises(UnresolvedError, match=r"^Conditions: allowed: a mapping; got \['a'\]$"):
        Resolver({"Resources": {}, "Conditions": ["a"]})
    assert mapping({"a": "b"}, "place") == {"a": "b"}
