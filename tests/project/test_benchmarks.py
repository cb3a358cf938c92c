"""The benchmarks run, print what they measured and write it as JSON.

They are small here, so that nothing is said about time; but calls can be counted at any size.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

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
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        for call in [pool.submit(sns.publish, TopicArn="t", Message="m") for _ in range(8)]:
            call.result()
    assert 0.05 <= time.perf_counter() - started < 8 * 0.05
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
