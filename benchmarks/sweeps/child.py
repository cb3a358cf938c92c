"""One sweep or report in a process of its own, as a Lambda function makes it, and what it costs.

``python child.py engine|naive|report TIME TIMEOUT_SECONDS RESULT_FILE``: the time is the event's.
Settings come by environment variables. Time and CPU are those of the handler alone, without its
imports.
"""

import json
import os
import resource
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

PROC_STATUS = Path("/proc/self/status")
A_WEEK = 7


class Context:
    """What Lambda tells a handler about its invocation.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    function_name = "compliance-evaluator"
    function_version = "$LATEST"
    memory_limit_in_mb = "512"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:compliance-evaluator"
    log_group_name = "/aws/lambda/compliance-evaluator"
    log_stream_name = "2026/11/23/[$LATEST]0"

    def __init__(self, timeout_seconds: float) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self._deadline = time.monotonic() + timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before the time-out."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def engine(event_time: str, timeout_seconds: float) -> Callable[[], dict[str, Any]]:
    """Return a sweep by Assay's handler, invoked as often as it asks for."""
    from assay.evaluator import handler  # noqa: PLC0415 - a naive sweep is measured without it

    def sweep() -> dict[str, Any]:
        event = scheduled_event(event_time)
        while True:
            summary = handler(event, cast("LambdaContext", Context(timeout_seconds)))
            if not summary["continued"]:
                return dict(summary)
            event = continuation()

    return sweep


def report(event_time: str, timeout_seconds: float) -> Callable[[], dict[str, Any]]:
    """Return a report by Assay's handler."""
    from assay.report_aggregator import handler  # noqa: PLC0415 - sweeps are measured without it

    return lambda: handler(
        scheduled_event(event_time), cast("LambdaContext", Context(timeout_seconds))
    )


def scheduled_event(event_time: str) -> dict[str, Any]:
    """Return EventBridge's event for a schedule's time."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": event_time,
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/compliance-schedule"],
        "detail": {},
    }


def continuation() -> dict[str, Any]:
    """Return Lambda's event for the message that the handler has sent to its queue.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    queue_url = os.environ["CONTINUATION_QUEUE_URL"]
    sqs = boto3.client("sqs")
    message = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=20)["Messages"][0]
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:continuations",
                "awsRegion": "us-east-1",
            }
        ]
    }


def naive(event_time: str, _timeout_seconds: float) -> Callable[[], dict[str, Any]]:
    """Return a sweep by one call after another, with one write for each item."""
    rule_name = os.environ["RULE_NAME"]
    dynamodb = boto3.resource("dynamodb")
    history = dynamodb.Table(os.environ["DYNAMODB_TABLE"])
    state = dynamodb.Table(os.environ["STATE_TABLE"])

    def sweep() -> dict[str, Any]:
        resources = 0
        for resource_id, compliant in NAIVE_LISTINGS[rule_name]():
            verdict = {
                "rule_name": rule_name,
                "resource_id": resource_id,
                "compliance_type": "COMPLIANT" if compliant else "NON_COMPLIANT",
            }
            state.put_item(Item=verdict)
            history.put_item(Item={**verdict, "evaluation_timestamp": f"{event_time}#{rule_name}"})
            resources += 1
        return {"resources": resources}

    return sweep


def naive_instances() -> Iterator[tuple[str, bool]]:
    """Yield EC2 instances' ids, each with whether it has the tags that are required by default."""
    for page in boto3.client("ec2").get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                keys = {tag["Key"] for tag in instance["Tags"]}
                yield instance["InstanceId"], keys >= {"Environment", "Owner"}


def naive_buckets() -> Iterator[tuple[str, bool]]:
    """Yield buckets' names, each with whether it has default encryption."""
    s3 = boto3.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        try:
            s3.get_bucket_encryption(Bucket=bucket["Name"])
        except ClientError:
            yield bucket["Name"], False
        else:
            yield bucket["Name"], True


def naive_databases() -> Iterator[tuple[str, bool]]:
    """Yield RDS instances' names, each with whether it keeps its backups for a week."""
    for page in boto3.client("rds").get_paginator("describe_db_instances").paginate():
        for database in page["DBInstances"]:
            yield database["DBInstanceIdentifier"], database["BackupRetentionPeriod"] >= A_WEEK


NAIVE_LISTINGS = {
    "ec2-tag-compliance": naive_instances,
    "s3-encryption-compliance": naive_buckets,
    "rds-backup-compliance": naive_databases,
}


def peak_mebibytes() -> float:
    """Return this process's greatest resident set.

    What `getrusage` gives on Linux includes the process that this one was started from.
    """
    if PROC_STATUS.exists():
        lines = PROC_STATUS.read_text(encoding="ascii").splitlines()
        kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
        return kibibytes / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024


def main(kind: str, event_time: str, timeout_seconds: str, result_file: str) -> None:
    """Sweep or report, and write what it cost and what it returned."""
    kinds = {"engine": engine, "naive": naive, "report": report}
    invoke = kinds[kind](event_time, float(timeout_seconds))
    started, started_cpu = time.perf_counter(), time.process_time()
    summary = invoke()
    result = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - started_cpu,
        "peak_mib": peak_mebibytes(),
        "summary": summary,
    }
    Path(result_file).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
