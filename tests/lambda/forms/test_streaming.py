from __future__ import annotations

import json

import pytest

from assay.forms.streaming import write_array, write_object


@pytest.mark.parametrize("values", [[], [{"a": 1}], [{"a": 1}, {"b": ["ü", None]}, {}]])
def test_an_array_holds_its_values(values: list[dict[str, object]]) -> None:
    assert json.loads("".join(write_array(values))) == values


def test_each_value_of_an_array_has_a_line_of_its_own_and_is_yielded_by_itself() -> None:
    assert list(write_array([{"a": 1}, {"b": 2}])) == ['[\n{"a": 1}', ',\n{"b": 2}', "\n]"]


def test_arrays_stand_where_the_object_has_them() -> None:
    around = {"outer": {"first": [], "other": 1}, "second": [], "none": []}
    text = "".join(write_object(around, {"first": iter([{"a": 1}]), "second": iter([])}))
    assert json.loads(text) == {
        "outer": {"first": [{"a": 1}], "other": 1},
        "second": [],
        "none": [],
    }


def test_an_object_without_arrays_is_written_as_it_is() -> None:
    assert json.loads("".join(write_object({"first": []}, {}))) == {"first": []}


def test_the_names_around_arrays_are_sorted_if_wanted() -> None:
    around: dict[str, object] = {"b": {"d": 1, "c": []}, "a": 2}
    text = "".join(write_object(around, {"c": [{"z": 1, "y": 2}]}, sort_keys=True))
    assert text == '{\n "a": 2,\n "b": {\n  "c": [\n{"z": 1, "y": 2}\n],\n  "d": 1\n }\n}\n'


def test_no_text_can_take_the_place_of_an_array() -> None:
    around = {"before": '"first": []', "first": []}
    text = "".join(write_object(around, {"first": iter([{"a": '"first": []'}])}))
    assert json.loads(text) == {"before": '"first": []', "first": [{"a": '"first": []'}]}
