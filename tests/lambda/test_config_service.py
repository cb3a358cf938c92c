from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from assay.config_service import BATCH_SIZE, put_evaluations
from assay.resend import NotAcceptedError
from assay.rule import ComplianceType
from assay.run import Judgement

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws
    from assay.run import Run


def judgements(number: int) -> list[Judgement]:
    return [
        Judgement(f"arn:{index}", f"i-{index}", ComplianceType.NOT_APPLICABLE, "Gone.")
        for index in range(number)
    ]


def test_an_evaluation_has_configs_own_id_and_the_events_time(
    aws: Aws, run: Run, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    put_evaluations(aws.client("config"), run, "token", judgements(1), test_mode=True)
    assert calls == [
        (
            "config:PutEvaluations",
            {
                "Evaluations": [
                    {
                        "ComplianceResourceType": "AWS::EC2::Instance",
                        "ComplianceResourceId": "i-0",
                        "ComplianceType": "NOT_APPLICABLE",
                        "Annotation": "Gone.",
                        "OrderingTimestamp": "2026-11-23T06:00:00.000000Z",
                    }
                ],
                "ResultToken": "token",
                "TestMode": True,
            },
        )
    ]


def test_a_hundred_evaluations_are_one_call(
    aws: Aws, run: Run, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    put_evaluations(aws.client("config"), run, "token", judgements(BATCH_SIZE), test_mode=True)
    assert [len(params["Evaluations"]) for _, params in calls] == [100]


def test_failed_evaluations_alone_are_sent_again(
    aws: Aws,
    run: Run,
    answer: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    failed = {
        "ComplianceResourceType": "AWS::EC2::Instance",
        "ComplianceResourceId": "i-1",
        "ComplianceType": "NOT_APPLICABLE",
        "OrderingTimestamp": "2026-11-23T06:00:00Z",
    }
    answer("PutEvaluations", {"FailedEvaluations": [failed]}, {"FailedEvaluations": []})
    put_evaluations(aws.client("config"), run, "token", judgements(2), test_mode=False)
    assert [params["Evaluations"] for _, params in calls][1:] == [[failed]]
    assert [params["TestMode"] for _, params in calls] == [False, False]


def test_evaluations_that_keep_failing_are_an_error(
    aws: Aws, run: Run, answer: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    failed = {
        "ComplianceResourceType": "AWS::EC2::Instance",
        "ComplianceResourceId": "i-1",
        "ComplianceType": "NOT_APPLICABLE",
        "OrderingTimestamp": "2026-11-23T06:00:00Z",
    }
    answer("PutEvaluations", *[{"FailedEvaluations": [failed]}] * 6)
    with pytest.raises(NotAcceptedError, match="PutEvaluations: 1 of 2 not accepted"):
        put_evaluations(aws.client("config"), run, "token", judgements(2), test_mode=False)


def test_a_refused_call_is_an_error(aws: Aws, run: Run, fail: Callable[..., None]) -> None:
    fail("PutEvaluations", "InvalidResultTokenException")
    with pytest.raises(ClientError, match="InvalidResultTokenException"):
        put_evaluations(aws.client("config"), run, "token", judgements(1), test_mode=False)
