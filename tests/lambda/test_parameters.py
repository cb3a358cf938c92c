from __future__ import annotations

from collections.abc import Iterator, Mapping  # noqa: TC003 - read at run time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.parameters import ParameterError, Parameters


@dataclass(frozen=True)
class Example(Parameters):
    """One field of each type that parameters may have."""

    name: str
    maximum_age_days: int = 90
    is_strict: bool = False
    ports: tuple[int, ...] = (22,)
    values_by_key: Mapping[str, tuple[str, ...]] | None = None
    owner: str | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yields an age that nothing can have."""
        if self.maximum_age_days < 1:
            yield "maximum_age_days", f"must be at least 1, got {self.maximum_age_days}"


examples = st.builds(
    Example,
    name=st.text(),
    maximum_age_days=st.integers(min_value=1),
    is_strict=st.booleans(),
    ports=st.lists(st.integers()).map(tuple),
    values_by_key=st.none() | st.dictionaries(st.text(), st.lists(st.text()).map(tuple)),
    owner=st.none() | st.text(),
)


def problems_of(settings: Mapping[str, object]) -> list[tuple[str, str]]:
    with pytest.raises(ParameterError) as caught:
        Example.from_settings(settings)
    return caught.value.problems


@given(examples)
def test_input_parameters_read_as_they_were_written(example: Example) -> None:
    written = example.to_input_parameters()
    assert all(isinstance(value, str) for value in written.values())
    assert Example.from_input_parameters(written) == example


def test_input_parameters_have_awss_names_and_strings_for_values() -> None:
    example = Example(name="x y", values_by_key={"b": (), "a": ("1", "2")})
    assert example.to_input_parameters() == {
        "name": "x y",
        "maximumAgeDays": "90",
        "isStrict": "false",
        "ports": "[22]",
        "valuesByKey": '{"a":["1","2"],"b":[]}',
    }


def test_settings_are_plain_yaml_values_under_snake_case_names() -> None:
    settings = {
        "name": "x",
        "maximum_age_days": 7,
        "is_strict": True,
        "ports": [22, 3389],
        "values_by_key": {"Owner": ["web"]},
        "owner": None,
    }
    assert Example.from_settings(settings) == Example("x", 7, True, (22, 3389), {"Owner": ("web",)})


def test_all_mistakes_are_reported_at_once() -> None:
    settings = {"nane": "x", "maximum_age_days": 0, "is_strict": 1, "ports": [True]}
    allowed = "name, maximum_age_days, is_strict, ports, values_by_key, owner"
    assert problems_of(settings) == [
        ("nane", f"unknown parameter, allowed: {allowed}"),
        ("name", "required, must be a string"),
        ("is_strict", "must be true or false, got 1"),
        ("ports", "must be a list of integers, got [True]"),
    ]
    assert problems_of({**settings, "name": "x"})[-1] == (
        "maximum_age_days",
        "must be at least 1, got 0",
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", 1, "must be a string, got 1"),
        ("name", None, "must be a string, got None"),
        ("maximum_age_days", True, "must be an integer, got True"),
        ("maximum_age_days", "7", "must be an integer, got '7'"),
        ("maximum_age_days", 7.0, "must be an integer, got 7.0"),
        ("ports", "22", "must be a list of integers, got '22'"),
        (
            "values_by_key",
            {"a": "b"},
            "must be a mapping of strings to lists of strings or null, got {'a': 'b'}",
        ),
        (
            "values_by_key",
            {1: []},
            "must be a mapping of strings to lists of strings or null, got {1: []}",
        ),
        ("owner", [], "must be a string or null, got []"),
    ],
)
def test_a_wrong_type_says_what_is_allowed_and_what_came(
    field: str, value: object, message: str
) -> None:
    assert problems_of({"name": "x", field: value}) == [(field, message)]


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"maximumAgeDays": "soon"}, "maximumAgeDays", "must be an integer as JSON, got 'soon'"),
        ({"maximumAgeDays": "0"}, "maximumAgeDays", "must be at least 1, got 0"),
        ({"ports": '"22"'}, "ports", "must be a list of integers, got '22'"),
        ({"ports": [22]}, "ports", "must be a string, got [22]"),
    ],
)
def test_a_wrong_input_parameter_is_named_as_it_came(
    given: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        Example.from_input_parameters({"name": "x", **given})
    assert caught.value.problems == [(field, message)]
    assert str(caught.value) == f"{field}: {message}"


@given(st.dictionaries(st.sampled_from(["name", "ports", "valuesByKey", "x"]), st.text()))
def test_any_input_parameters_are_taken_or_refused_by_name(given: dict[str, str]) -> None:
    with suppress(ParameterError):
        assert Example.from_input_parameters(given).name == given["name"]


def test_nesting_without_end_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="ports: must be a list of integers as JSON"):
        Example.from_input_parameters({"name": "x", "ports": "[" * 100_000})


def test_impossible_values_are_refused_by_the_constructor_too() -> None:
    with pytest.raises(ParameterError, match="maximum_age_days: must be at least 1, got -1"):
        Example(name="x", maximum_age_days=-1)


def test_a_rule_may_have_no_parameters() -> None:
    assert Parameters.from_settings({}).to_input_parameters() == {}
    with pytest.raises(ParameterError, match="x: unknown parameter, allowed: none"):
        Parameters.from_settings({"x": 1})
