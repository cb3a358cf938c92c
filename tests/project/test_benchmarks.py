"""The benchmarks run, print what they measured and write it as JSON.

They are small here, so that nothing is said about time; but calls can be counted at any size.
"""

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RULES = ["ec2-tag-compliance", "s3-encryption-compliance", "rds-backup-compliance"]
SWEEPS = ["first", "steady", "1 % changed", "history of 10", "no history"]
PUT = {"TableName": "compliance-state", "ConditionExpression": "attribute_not_exists(rule_name)"}


def run(name: str, *arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, BENCHMARKS / name, *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def swept(file: Path, *arguments: str) -> tuple[str, list[dict[str, Any]]]:
    printed = run("sweep.py", "--latency", "1", "--json", str(file), *arguments)
    result = json.loads(file.read_text(encoding="utf-8"))
    for shown in result["shown"]:
        assert f"    {'yes' if shown['holds'] else 'NO '}  {shown['claim']}\n" in printed
        # What a sweep has to do anyway is much beside so few resources.
        assert shown["holds"] or shown["claim"].startswith("calls: ")
    for each in result["measurements"]:
        if each["sweep"] != "naive":
            calls, minimum = Counter(each["calls"]), Counter(each["minimum"])
            # Once for a sweep, so that sweeps at the same time cannot harm one another.
            assert calls - minimum <= Counter({"dynamodb:PutItem": 1, "dynamodb:GetItem": 1})
            assert minimum - calls == Counter()
    return printed, result["measurements"]


def test_sweeps_of_moto_make_the_fewest_calls(tmp_path: Path) -> None:
    printed, measurements = swept(tmp_path / "f.json", "--sizes", "--moto-sizes", "30")
    assert [(each["rule_name"], each["sweep"]) for each in measurements] == [
        (rule_name, sweep) for rule_name in RULES for sweep in SWEEPS
    ]
    assert "moto, rds-backup-compliance, 30 resources, no history: BatchWriteItem 2/2," in printed


def test_sweeps_of_the_stand_in_are_measured_beside_naive_ones(tmp_path: Path) -> None:
    options = ("--sizes", "20", "10", "--moto-sizes", "--rules", "s3-encryption-compliance")
    printed, measurements = swept(tmp_path / "f.json", *options)
    assert [(each["resources"], each["sweep"]) for each in measurements] == [
        *((10, sweep) for sweep in SWEEPS),
        *((20, sweep) for sweep in SWEEPS),
        (10, "naive"),
        (20, "naive"),
    ]
    small, large = measurements[-2:]
    assert small["calls"] == {
        "s3:ListBuckets": 1,
        "s3:GetBucketEncryption": 10,
        "dynamodb:PutItem": 20,
    }
    assert (small["scaled"], large["scaled"]) == (False, True)
    assert large["seconds"] == 2 * small["seconds"]
    assert large["calls"]["dynamodb:PutItem"] == 40
    assert "naive, scaled" in printed


FORMS = ["json", "html", "csv", "markdown", "ocsf", "asff", "sarif", "oscal"]


def reported(file: Path, *arguments: str) -> tuple[str, list[dict[str, Any]]]:
    printed = run("report.py", "--latency", "1", "--json", str(file), *arguments)
    result = json.loads(file.read_text(encoding="utf-8"))
    for shown in result["shown"]:
        assert f"    yes  {shown['claim']}\n" in printed
        assert shown["holds"]
    for each in result["measurements"]:
        # Whether there is a newer report is asked by one more.
        assert Counter(each["calls"]) - Counter(each["minimum"]) == {"dynamodb:Query": 1}
        assert Counter(each["minimum"]) - Counter(each["calls"]) == Counter()
    return printed, result["measurements"]


def test_reports_are_measured_with_default_forms_and_all_and_a_longer_history(
    tmp_path: Path,
) -> None:
    printed, measurements = reported(tmp_path / "f.json", "--sizes", "300")
    assert [(each["forms"].split(","), each["reports_before"]) for each in measurements] == [
        (["json", "html"], 90),
        (FORMS, 90),
        (["json", "html"], 900),
    ]
    default, everything, later = measurements
    assert [*everything["bytes"]] == FORMS
    assert min(everything["bytes"].values()) > 0
    assert everything["calls"] == {
        "config:DescribeConfigurationRecorderStatus": 1,
        # A page of state and two summaries for each of ten rules, the trend, what was open then,
        # and whether there is a newer report.
        "dynamodb:Query": 10 + 20 + 3,
        "dynamodb:PutItem": 2,
        "s3:PutObject": 8,
        "s3:CopyObject": 8,
    }
    assert (later["calls"], later["bytes"]) == (default["calls"], default["bytes"])
    assert "300 resources: the same calls and sizes after 10 times the history" in printed
    assert "\nall, 300 resources, 90 reports before: " in printed


def test_reports_of_any_forms_are_measured(tmp_path: Path) -> None:
    options = ("--sizes", "310", "20", "--forms", "json", "json,csv")
    printed, measurements = reported(tmp_path / "f.json", *options)
    assert [(each["resources"], [*each["bytes"]]) for each in measurements] == [
        (310, ["json"]),
        (310, ["json", "csv"]),
        (310, ["json"]),
        (20, ["json"]),
        (20, ["json", "csv"]),
        (20, ["json"]),
    ]
    # So few that none was open, in this report and in the one before.
    assert measurements[-1]["calls"]["dynamodb:Query"] == 10 + 20 + 2
    assert measurements[-1]["calls"]["dynamodb:PutItem"] == 1
    assert "\nMiB    310    20\n" in printed


def test_cold_starts_are_compared_with_bare_boto3(tmp_path: Path) -> None:
    file = tmp_path / "cold.json"
    printed = run("cold_start.py", "--rounds", "1", "--imports", "--json", str(file))
    result = json.loads(file.read_text(encoding="utf-8"))
    functions = [*(f"evaluator, {rule_name}" for rule_name in RULES), "report aggregator"]
    assert list(result["functions"]) == functions
    for name, figures in result["functions"].items():
        assert figures["ratio"] == figures["seconds"] / figures["bare_seconds"]
        assert f"\n{name}: " in printed
    assert "assay, all of it" in printed
    assert "boto3.session" not in printed
    assert result["zip_bytes"] <= 3_000_000


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stand-in for AWS with 2,500 resources, each of whose answers waits for 50 ms."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    resources = import_module("sweeps.resources").Resources(2500)
    server = import_module("sweeps.stand_in").StandIn(resources, 0.05)
    with server.serving():
        yield server


def client(stand_in: Any, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=stand_in.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="benchmark",
        aws_secret_access_key="benchmark",
    )


def test_answers_wait_side_by_side(stand_in: Any) -> None:
    sns = client(stand_in, "sns")
    stand_in.latency_seconds = 0.5
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        for call in [pool.submit(sns.publish, TopicArn="t", Message="m") for _ in range(8)]:
            call.result()
    assert 0.5 <= time.perf_counter() - started < 8 * 0.5
    assert stand_in.calls == {"sns:Publish": 8}


def test_listings_have_as_many_pages_as_in_aws(stand_in: Any) -> None:
    instances = client(stand_in, "ec2").get_paginator("describe_instances").paginate()
    databases = client(stand_in, "rds").get_paginator("describe_db_instances").paginate()
    assert [len(page["Reservations"]) for page in instances] == [1000, 1000, 500]
    assert [len(page["DBInstances"]) for page in databases] == [100] * 25


def test_one_resource_in_a_hundred_changes(stand_in: Any) -> None:
    resources = stand_in.resources
    before = [resources.violates(number) for number in range(resources.count)]
    stand_in.change()
    after = [resources.violates(number) for number in range(resources.count)]
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 25
    assert resources.changes() == 25


def test_a_query_has_pages_of_a_megabyte(stand_in: Any) -> None:
    dynamodb = client(stand_in, "dynamodb")
    for number in range(5):
        dynamodb.put_item(
            TableName="compliance-state",
            Item={
                "rule_name": {"S": "rule"},
                "resource_id": {"S": str(number)},
                "annotation": {"S": 400_000 * "x"},
            },
        )
    pages = dynamodb.get_paginator("query").paginate(
        TableName="compliance-state",
        KeyConditionExpression="rule_name = :rule_name",
        ExpressionAttributeValues={":rule_name": {"S": "rule"}},
    )
    found = [[item["resource_id"]["S"] for item in page["Items"]] for page in pages]
    assert found == [["0", "1"], ["2", "3"], ["4"]]
    assert stand_in.state_pages("rule") == 3


def test_a_query_goes_either_way_from_a_key_and_stops_at_its_limit(stand_in: Any) -> None:
    for number in range(5):
        item = {"rule_name": {"S": "rule"}, "resource_id": {"S": str(number)}}
        stand_in.state.put(item)

    def found(condition: str, **options: Any) -> list[str]:
        answer = client(stand_in, "dynamodb").query(
            TableName="compliance-state",
            KeyConditionExpression=f"rule_name = :rule_name AND resource_id {condition} :key",
            ExpressionAttributeValues={":rule_name": {"S": "rule"}, ":key": {"S": "2"}},
            **options,
        )
        return [item["resource_id"]["S"] for item in answer["Items"]]

    assert found("<") == ["0", "1"]
    assert found("<", ScanIndexForward=False) == ["1", "0"]
    assert found("<", ScanIndexForward=False, Limit=1) == ["1"]
    assert found(">") == ["3", "4"]
    assert found(">", Limit=1) == ["3"]


def test_objects_are_put_and_copied_with_their_sizes(stand_in: Any) -> None:
    s3 = client(stand_in, "s3")
    with TemporaryFile() as file:
        file.write(3_000_000 * b"x")
        file.seek(0)
        s3.put_object(Bucket="reports", Key="2026/a b", Body=file)
    s3.copy_object(Bucket="reports", Key="latest", CopySource="reports/2026/a b")
    assert stand_in.objects == {"reports/2026/a b": 3_000_000, "reports/latest": 3_000_000}
    assert stand_in.calls == {"s3:PutObject": 1, "s3:CopyObject": 1}


def test_content_that_is_held_back_is_asked_for(stand_in: Any) -> None:
    """Without a word from the server boto3 holds a file's content back for a second."""
    address = urlsplit(stand_in.endpoint_url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        head = b"PUT /reports/key HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert stand_in.objects == {"reports/key": 3}


def test_the_recorder_records(stand_in: Any) -> None:
    answer = client(stand_in, "config").describe_configuration_recorder_status()
    assert [status["recording"] for status in answer["ConfigurationRecordersStatus"]] == [True]


def test_a_transaction_writes_all_or_nothing(stand_in: Any) -> None:
    dynamodb = client(stand_in, "dynamodb")
    old, new = (
        {"Put": {**PUT, "Item": {"rule_name": {"S": "rule"}, "resource_id": {"S": name}}}}
        for name in ("old", "new")
    )
    dynamodb.transact_write_items(TransactItems=[old])
    with pytest.raises(ClientError) as caught:
        dynamodb.transact_write_items(TransactItems=[old, new])
    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["ConditionalCheckFailed", "None"]
    assert list(stand_in.state.partitions["rule"]) == ["old"]


def test_a_batch_of_the_same_key_twice_is_refused(stand_in: Any) -> None:
    request = {"PutRequest": {"Item": {"rule_name": {"S": "r"}, "resource_id": {"S": "i"}}}}
    with pytest.raises(ClientError, match="ValidationException"):
        client(stand_in, "dynamodb").batch_write_item(
            RequestItems={"compliance-state": [request, request]}
        )


def test_a_condition_that_cannot_be_read_is_refused(stand_in: Any) -> None:
    item = {"rule_name": {"S": "rule"}, "resource_id": {"S": "i"}}
    with pytest.raises(ClientError, match="cannot be read here: size"):
        client(stand_in, "dynamodb").put_item(
            **{**PUT, "ConditionExpression": "size(rule_name) = :one"}, Item=item
        )


def test_an_operation_that_no_sweep_needs_is_refused(stand_in: Any) -> None:
    with pytest.raises(ClientError, match="no Scan here"):
        client(stand_in, "dynamodb").scan(TableName="compliance-state")
