import time
from collections.abc import Sequence

import pytest

from assay.resend import NotAcceptedError, send_all


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def test_a_batch_that_is_accepted_is_sent_once_without_waiting(waits: list[float]) -> None:
    sent: list[list[int]] = []

    def send(batch: Sequence[int]) -> list[int]:
        sent.append(list(batch))
        return []

    assert send_all(send, [1, 2]) == []
    assert (sent, waits) == ([[1, 2]], [])


def test_only_what_was_refused_is_sent_again_after_growing_waits(waits: list[float]) -> None:
    sent: list[list[int]] = []

    def send(batch: Sequence[int]) -> list[int]:
        sent.append(list(batch))
        return list(batch[1:])

    assert send_all(send, [1, 2, 3]) == []
    assert sent == [[1, 2, 3], [2, 3], [3]]
    assert waits == [0.1, 0.2]


def test_the_last_attempt_may_succeed(waits: list[float]) -> None:
    assert send_all(lambda batch: batch if len(waits) < 5 else [], [1]) == []
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6]


def test_what_stays_refused_is_returned(waits: list[float]) -> None:
    assert send_all(lambda _batch: [2, 3], [1, 2, 3]) == [2, 3]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6]


def test_the_error_about_it_names_call_and_counts() -> None:
    message = "Put: 2 of 3 not accepted after 6 attempts, the first: 2"
    assert str(NotAcceptedError("Put", [2, 3], 3)) == message
