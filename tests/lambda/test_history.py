from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from assay.history import BATCH_SIZE, History
from assay.resend import NotAcceptedError
from assay.rule import ComplianceType
from assay.run import Judgement

if TYPE_CHECKING:
    from collections.abc import Callable

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


def left(*numbers: int) -> dict[str, Any]:
    """Makes DynamoDB's answer that it has not written these."""
    requests = [
        {"PutRequest": {"Item": {"resource_id": {"S": f"arn:aws:s3:::{number}"}}}}
        for number in numbers
    ]
    return {"UnprocessedItems": {"compliance-history": requests} if requests else {}}


def test_an_item_holds_the_whole_evaluation(
    history: History, run: Run, items: Callable[[str], list[dict[str, Any]]]
) -> None:
    assert history.record(run, judgements(1)) == (judgements(1), None)
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


def test_a_batch_as_large_as_dynamodb_takes_is_one_call(
    history: History,
    run: Run,
    items: Callable[[str], list[dict[str, Any]]],
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    assert history.record(run, judgements(BATCH_SIZE)) == (judgements(25), None)
    batches = [params["RequestItems"] for name, params in calls if "BatchWriteItem" in name]
    assert [len(batch["compliance-history"]) for batch in batches] == [25]
    assert len(items("compliance-history")) == 25


def test_a_retry_writes_the_same_items_again(
    history: History, run: Run, items: Callable[[str], list[dict[str, Any]]]
) -> None:
    history.record(run, judgements(3))
    first = items("compliance-history")
    history.record(run, judgements(3))
    assert items("compliance-history") == first


def test_unprocessed_items_alone_are_sent_again(
    history: History,
    run: Run,
    answer: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    answer("BatchWriteItem", left(1), left())
    assert history.record(run, judgements(2)) == (judgements(2), None)
    assert [params["RequestItems"] for _, params in calls][1:] == [left(1)["UnprocessedItems"]]


def test_items_that_stay_unprocessed_are_the_only_ones_that_are_not_written(
    history: History,
    run: Run,
    answer: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    answer("BatchWriteItem", *[left(1)] * 6)
    zero, _, two = judgements(3)
    written, error = history.record(run, judgements(3))
    assert written == [zero, two]
    assert isinstance(error, NotAcceptedError)
    assert str(error).startswith("history: 1 of 3 not accepted after 6 attempts")


def test_a_refused_batch_is_an_error_and_not_written(
    history: History, run: Run, fail: Callable[..., None]
) -> None:
    fail("BatchWriteItem", "AccessDeniedException")
    written, error = history.record(run, judgements(2))
    assert written == []
    assert isinstance(error, ClientError)
    assert error.response["Error"]["Code"] == "AccessDeniedException"


def test_a_batch_is_not_written_when_there_is_no_answer(
    history: History, run: Run, fail: Callable[..., None]
) -> None:
    lost = ReadTimeoutError(endpoint_url="https://dynamodb")
    fail("BatchWriteItem", lost)
    assert history.record(run, judgements(2)) == ([], lost)
