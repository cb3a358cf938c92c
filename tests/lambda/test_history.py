from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from assay.history import History
from assay.resend import NotAcceptedError
from assay.rule import ComplianceType
from assay.run import Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.aws import Aws
    from assay.run import Run


@pytest.fixture
def history(aws: Aws) -> History:
    return History(aws.client("dynamodb"), "compliance-history")


def judgements(number: int) -> list[Judgement]:
    return [
        Judgement(f"arn:aws:s3:::{index}", f"{index}", ComplianceType.COMPLIANT, "Fine.")
        for index in range(number)
    ]


def test_an_item_holds_the_whole_evaluation(
    history: History, run: Run, items: Callable[[str], list[dict[str, Any]]]
) -> None:
    list(history.record(run, judgements(1)))
    assert items("compliance-history") == [
        {
            "resource_id": "arn:aws:s3:::0",
            "evaluation_timestamp": "2026-11-23T06:00:00.000000Z#ec2-tag-compliance",
            "rule_name": "ec2-tag-compliance",
            "resource_type": "AWS::EC2::Instance",
            "config_resource_id": "0",
            "compliance_type": "COMPLIANT",
            "annotation": "Fine.",
            "severity": "medium",
            "trigger": "Scheduled Event",
            "expires_at": 1_800_000_000,
        }
    ]


@pytest.mark.parametrize(
    ("number", "sizes"), [(0, []), (1, [1]), (25, [25]), (26, [25, 1]), (51, [25, 25, 1])]
)
def test_batches_are_as_large_as_dynamodb_takes(
    history: History,
    run: Run,
    items: Callable[[str], list[dict[str, Any]]],
    calls: list[tuple[str, dict[str, Any]]],
    number: int,
    sizes: list[int],
) -> None:
    assert list(history.record(run, judgements(number))) == judgements(number)
    batches = [params["RequestItems"] for name, params in calls if "BatchWriteItem" in name]
    assert [len(batch["compliance-history"]) for batch in batches] == sizes
    assert len(items("compliance-history")) == number


def test_no_more_is_read_than_a_batch_ahead(history: History, run: Run, tables: None) -> None:
    assert tables is None
    read = []

    def reading() -> Iterator[Judgement]:
        for judgement in judgements(60):
            read.append(judgement)
            yield judgement

    next(history.record(run, reading()))
    assert len(read) == 25


def test_a_resource_that_comes_twice_is_recorded_once(
    history: History, run: Run, items: Callable[[str], list[dict[str, Any]]]
) -> None:
    twice = [*judgements(30), *judgements(30)]
    assert list(history.record(run, twice)) == judgements(30)
    assert len(items("compliance-history")) == 30


def test_a_retry_writes_the_same_items_again(
    history: History, run: Run, items: Callable[[str], list[dict[str, Any]]]
) -> None:
    list(history.record(run, judgements(3)))
    first = items("compliance-history")
    list(history.record(run, judgements(3)))
    assert items("compliance-history") == first


def test_unprocessed_items_alone_are_sent_again(
    history: History,
    run: Run,
    tables: None,
    answer: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tables is None
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    left = {"PutRequest": {"Item": {"resource_id": {"S": "arn:aws:s3:::1"}}}}
    answer(
        "BatchWriteItem",
        {"UnprocessedItems": {"compliance-history": [left]}},
        {"UnprocessedItems": {}},
    )
    assert len(list(history.record(run, judgements(2)))) == 2
    assert calls[-1][1]["RequestItems"] == {"compliance-history": [left]}


def test_items_that_stay_unprocessed_are_an_error_and_not_yielded(
    history: History,
    run: Run,
    answer: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    left: dict[str, Any] = {
        "UnprocessedItems": {"compliance-history": [{"PutRequest": {"Item": {}}}]}
    }
    answer("BatchWriteItem", *[left] * 6)
    with pytest.raises(NotAcceptedError, match="history: 1 of 2 not accepted after 6 attempts"):
        next(history.record(run, judgements(2)))


def test_a_refused_batch_is_an_error(history: History, run: Run, fail: Callable[..., None]) -> None:
    fail("BatchWriteItem", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        list(history.record(run, judgements(1)))
