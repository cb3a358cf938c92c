from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.concurrency import concurrently

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_SECONDS = 10


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=4))
def test_results_follow_the_values(values: list[int], concurrency: int) -> None:
    assert list(concurrently(lambda value: value * 2, values, concurrency)) == [
        value * 2 for value in values
    ]


def test_a_slow_call_keeps_its_place() -> None:
    second_is_done = threading.Event()

    def call(value: int) -> int:
        if value == 1:
            assert second_is_done.wait(TIMEOUT_SECONDS)
        else:
            second_is_done.set()
        return value

    assert list(concurrently(call, [1, 2], 2)) == [1, 2]


def test_as_many_calls_as_allowed_are_under_way_at_once_and_no_more() -> None:
    lock, meeting = threading.Lock(), threading.Barrier(3)
    under_way = highest = 0

    def call(_: int) -> None:
        nonlocal under_way, highest
        with lock:
            under_way += 1
            highest = max(highest, under_way)
        # None of the three goes on before all of them are here.
        meeting.wait(TIMEOUT_SECONDS)
        with lock:
            under_way -= 1

    assert len(list(concurrently(call, range(12), 3))) == 12
    assert highest == 3


def test_values_are_taken_by_the_caller_and_only_a_few_ahead() -> None:
    taken: list[int] = []

    def values() -> Iterator[int]:
        for value in range(100):
            assert threading.current_thread() is threading.main_thread()
            taken.append(value)
            yield value

    results = concurrently(lambda value: value, values(), 4)
    assert taken == []
    assert next(results) == 0
    assert len(taken) == 5
    assert next(results) == 1
    assert len(taken) == 6


def test_one_call_at_a_time_needs_no_thread() -> None:
    threads = set(concurrently(lambda _: threading.current_thread(), range(3), 1))
    assert threads == {threading.main_thread()}


def test_more_calls_at_a_time_need_threads() -> None:
    threads = set(concurrently(lambda _: threading.current_thread(), range(3), 2))
    assert threading.main_thread() not in threads


def test_one_call_at_a_time_takes_values_only_as_they_are_wanted() -> None:
    values = iter(range(10))
    assert next(concurrently(lambda value: value, values, 1)) == 0
    assert next(values) == 1


@pytest.mark.parametrize("concurrency", [1, 2])
def test_an_error_ends_the_results_after_those_before_it(concurrency: int) -> None:
    def call(value: int) -> int:
        if value == 2:
            raise LookupError("two")
        return value

    results = concurrently(call, range(50), concurrency)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(LookupError, match="two"):
        next(results)
    assert list(results) == []


def test_nothing_is_begun_after_an_error() -> None:
    begun: list[int] = []

    def call(value: int) -> None:
        begun.append(value)
        raise LookupError

    with pytest.raises(LookupError):
        list(concurrently(call, range(1000), 2))
    assert len(begun) <= 4


@pytest.mark.parametrize("concurrency", [1, 2])
def test_an_error_of_the_values_ends_the_results(concurrency: int) -> None:
    def values() -> Iterator[int]:
        yield 1
        raise LookupError("values")

    with pytest.raises(LookupError, match="values"):
        list(concurrently(lambda value: value, values(), concurrency))


def test_no_thread_stays_when_nobody_wants_the_rest() -> None:
    before = threading.active_count()
    results = concurrently(lambda value: value, range(100), 4)
    next(results)
    assert threading.active_count() > before
    del results
    assert threading.active_count() == before
