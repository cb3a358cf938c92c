from __future__ import annotations

import gc
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp
from moto.core.botocore_stubber import MockRawResponse

from assay.aws import Aws, error_code, starting_at

if TYPE_CHECKING:
    from collections.abc import Callable

CUT: dict[str, tuple[str, dict[str, Any], bytes]] = {
    "dynamodb": ("get_item", {"TableName": "t", "Key": {"k": {"S": "v"}}}, b'{"Item":{"k":{"S'),
    "config": ("put_evaluations", {"ResultToken": "t"}, b'{"FailedEvaluations":['),
    "sqs": ("send_message", {"QueueUrl": "https://sqs", "MessageBody": "b"}, b"{"),
}


def answered(body: bytes, status: int = 200) -> AWSResponse:
    raw: Any = MockRawResponse(body)
    return AWSResponse("https://aws", status, HTTPHeaders(), raw)


@pytest.fixture
def fresh() -> Aws:
    """An account and region whose clients no other test has used."""
    return Aws(partition="aws", region="us-east-1", account_id="123456789012", concurrency=3)


class Slow(Counter[str]):
    """Lets other threads run between reading a number and writing it."""

    def __getitem__(self, name: str) -> int:
        number = super().__getitem__(name)
        time.sleep(0.0001)
        return number


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_partition_region_and_account_come_from_the_function_arn(partition: str) -> None:
    arn = f"arn:{partition}:lambda:eu-west-1:123456789012:function:example:live"
    aws = Aws.from_function_arn(arn, concurrency=7)
    assert (aws.partition, aws.region, aws.account_id) == (partition, "eu-west-1", "123456789012")
    assert aws.concurrency == 7


@pytest.mark.parametrize("arn", ["", "arn:aws:iam::123456789012:role/example"])
def test_what_is_no_function_arn_is_refused_by_name(arn: str) -> None:
    with pytest.raises(ValueError, match=f"^function ARN: must be .*, got '{arn}'$"):
        Aws.from_function_arn(arn)


def test_a_client_is_made_once_and_for_the_region() -> None:
    aws = Aws(partition="aws", region="eu-west-1", account_id="123456789012")
    assert aws.client("s3") is aws.client("s3")
    assert aws.client("s3").meta.region_name == "eu-west-1"
    assert aws.client("sns") is not aws.client("s3")


def test_threads_share_one_client(fresh: Aws) -> None:
    with ThreadPoolExecutor(4) as pool:
        clients = set(pool.map(fresh.client, ["sns"] * 8))
    assert len(clients) == 1


def test_the_process_gets_a_session_of_its_own_where_there_is_none(
    fresh: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    sqs = fresh.client("sqs")
    assert boto3.DEFAULT_SESSION is not None
    assert sqs.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    "date",
    [
        "2026-11-23T06:00:00.000Z",
        "2026-11-23T06:00:00Z",
        "2026-11-23T08:00:00+02:00",
        "2026-11-23T06:00:00",
        "Mon, 23 Nov 2026 06:00:00 GMT",
        "1795413600",
    ],
)
def test_a_time_in_xml_is_read_as_botocore_does(
    fresh: Aws, monkeypatch: pytest.MonkeyPatch, date: str
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    s3 = fresh.client("s3")
    body = (
        "<ListAllMyBucketsResult><Buckets><Bucket><Name>x</Name>"
        f"<CreationDate>{date}</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>"
    )
    s3.meta.events.register_first("before-send", lambda **_: answered(body.encode()))
    assert s3.list_buckets()["Buckets"][0]["CreationDate"] == parse_timestamp(date)


def test_a_time_in_json_is_read_as_botocore_does(
    fresh: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    dynamodb = fresh.client("dynamodb")
    body = b'{"Table":{"CreationDateTime":1795413600.5}}'
    dynamodb.meta.events.register_first("before-send", lambda **_: answered(body))
    created = dynamodb.describe_table(TableName="example")["Table"]["CreationDateTime"]
    assert created == datetime(2026, 11, 23, 6, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_is_collected_after_a_client_was_made_as_it_was_before(
    fresh: Aws, collecting: bool
) -> None:
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        fresh.client("sts")
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()


def test_clients_slow_down_when_they_are_throttled(aws: Aws) -> None:
    assert aws.client("s3").meta.config.retries["mode"] == "adaptive"


def test_a_client_has_a_connection_for_each_call_under_way(fresh: Aws) -> None:
    assert fresh.client("s3").meta.config.max_pool_connections == 3


def test_all_attempts_at_a_call_end_before_a_function_would(aws: Aws) -> None:
    config = aws.client("s3").meta.config
    attempts = config.retries["total_max_attempts"]
    assert attempts == 7
    assert attempts * (config.connect_timeout + config.read_timeout) < 300


def test_calls_are_counted_by_operation_even_when_they_fail(fresh: Aws) -> None:
    fresh.client("sns").list_topics()
    fresh.client("sns").list_topics()
    with pytest.raises(ClientError, match="NotFound"):
        fresh.client("sns").publish(TopicArn="arn:aws:sns:us-east-1:1:x", Message="x")
    fresh.client("s3").list_buckets()
    assert fresh.calls == {"sns:ListTopics": 2, "sns:Publish": 1, "s3:ListBuckets": 1}


def test_a_call_that_botocore_repeats_counts_once(
    fresh: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    failures = [answered(b"", 500), answered(b"", 500)]
    sns = fresh.client("sns")
    sns.meta.events.register_first("before-send", lambda **_: failures.pop() if failures else None)
    sns.list_topics()
    assert failures == []
    assert fresh.calls == {"sns:ListTopics": 1}


def test_no_call_of_any_thread_is_left_uncounted(fresh: Aws) -> None:
    fresh.calls = Slow()
    sns = fresh.client("sns")
    sns.meta.events.register("before-call", lambda **_: (answered(b""), {}))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: sns.list_topics(), range(100)))
    assert fresh.calls == {"sns:ListTopics": 100}


@pytest.mark.parametrize("service", CUT)
def test_an_answer_that_was_cut_is_an_error_and_not_an_empty_one(fresh: Aws, service: str) -> None:
    operation, parameters, body = CUT[service]
    client = fresh.client(service)
    client.meta.events.register_first("before-send", lambda **_: answered(body))
    message = f"^an answer of {len(body)} bytes is no JSON$"
    with pytest.raises(ResponseParserError, match=message):
        getattr(client, operation)(**parameters)


@pytest.mark.parametrize("body", [b"{}", b'{"FailedEvaluations":[]}', b'{"Later":"more"}', b""])
def test_an_answer_that_holds_nothing_is_taken_as_it_is(fresh: Aws, body: bytes) -> None:
    config = fresh.client("config")
    config.meta.events.register_first("before-send", lambda **_: answered(body))
    assert config.put_evaluations(ResultToken="t").get("FailedEvaluations", []) == []


def test_an_answer_that_is_no_json_is_none_of_a_json_services(
    fresh: Aws, answer: Callable[..., None]
) -> None:
    answer("ListTopics", {})
    assert fresh.client("sns").list_topics() == {}


def test_arn_templates_are_filled(aws: Aws) -> None:
    template = "arn:{partition}:rds:{region}:{account}:db:{id}"
    assert aws.fill(template, id="orders") == "arn:aws:rds:us-east-1:123456789012:db:orders"


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_a_page_of_the_console_is_the_partitions_own(
    partition: str, region: str, host: str
) -> None:
    aws = Aws(partition=partition, region=region, account_id="123456789012")
    path = "rds/home?region={region}#database:id={id};account={account}"
    assert aws.console_url(path, "a/b") == (
        f"https://{host}/rds/home?region={region}#database:id=a%2Fb;account=123456789012"
    )


def test_a_listing_begins_without_a_token_and_goes_on_with_it() -> None:
    assert starting_at("NextToken", None) == {}
    assert starting_at("NextToken", "x") == {"NextToken": "x"}


def test_a_failure_has_awss_error_code_or_its_own_name() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetItem")
    assert error_code(refused) == "AccessDenied"
    assert error_code(ConnectTimeoutError(endpoint_url="x")) == "ConnectTimeoutError"
