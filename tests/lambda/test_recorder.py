from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.parsers import ResponseParserError

from assay.recorder import recorder
from assay.report import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.aws import Aws

NAME = "assay-dev"


@pytest.fixture
def deployed() -> Any:
    """A recorder with its delivery channel, not yet started."""
    config: Any = boto3.client("config")
    role = "arn:aws:iam::123456789012:role/recorder"
    config.put_configuration_recorder(ConfigurationRecorder={"name": NAME, "roleARN": role})
    boto3.client("s3").create_bucket(Bucket="deliveries")
    config.put_delivery_channel(DeliveryChannel={"name": NAME, "s3BucketName": "deliveries"})
    return config


def test_a_recorder_that_was_never_started_does_not_record(aws: Aws, deployed: Any) -> None:
    assert deployed
    assert recorder(aws.client("config"), NAME) == Recorder(name=NAME, recording=False)


def test_a_recorder_that_was_started_records(aws: Aws, deployed: Any) -> None:
    deployed.start_configuration_recorder(ConfigurationRecorderName=NAME)
    found = recorder(aws.client("config"), NAME)
    assert (found.name, found.recording, found.error) == (NAME, True, None)


def test_what_aws_says_of_the_last_delivery_is_told(
    aws: Aws, answer: Callable[..., None], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    status = {
        "name": NAME,
        "recording": True,
        "lastStatus": "Failure",
        "lastErrorCode": "AccessDenied",
        "lastErrorMessage": "Access Denied",
    }
    answer("DescribeConfigurationRecorderStatus", {"ConfigurationRecordersStatus": [status]})
    assert recorder(aws.client("config"), NAME) == Recorder(
        name=NAME, recording=True, last_status="Failure", error="AccessDenied"
    )
    # Its permission is limited to the one recorder.
    assert calls[-1] == (
        "config:DescribeConfigurationRecorderStatus",
        {"ConfigurationRecorderNames": [NAME]},
    )


def test_a_recorder_that_is_gone_is_no_reason_to_fail(aws: Aws) -> None:
    assert recorder(aws.client("config"), NAME) == Recorder(
        name=NAME, recording=None, error="NoSuchConfigurationRecorderException"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("AccessDeniedException", "AccessDeniedException"),
        (ConnectTimeoutError(endpoint_url="https://config"), "ConnectTimeoutError"),
        (ResponseParserError("an answer of 3 bytes is no JSON"), "ResponseParserError"),
    ],
)
def test_a_call_that_fails_is_told_by_its_code(
    aws: Aws, fail: Callable[..., None], error: str | Exception, code: str
) -> None:
    fail("DescribeConfigurationRecorderStatus", error)
    assert recorder(aws.client("config"), NAME) == Recorder(name=NAME, recording=None, error=code)


@pytest.mark.parametrize("said", [{}, {"ConfigurationRecordersStatus": []}])
def test_an_empty_answer_says_nothing(
    aws: Aws, answer: Callable[..., None], said: dict[str, Any]
) -> None:
    answer("DescribeConfigurationRecorderStatus", said)
    assert recorder(aws.client("config"), NAME) == Recorder(name=NAME, recording=None)
