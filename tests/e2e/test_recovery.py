"""What failed for good is put back to work, and a sweep without time goes on until it is complete.

The tests follow one deployment, so they run in the order they stand in.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.invoke import scheduled_event

RULE = "rds-backup-compliance"
SETTINGS: dict[str, Any] = {
    "environment_suffix": "recovery",
    "region": "us-east-1",
    "recorder": {"mode": "none"},
    "retain_data": False,
    "object_retention_days": None,
    "rules": {RULE: {}},
}
# RDS lists at most 100 at once, so these are three pages.
DATABASES = 230
MALFORMED = {"detail-type": "Scheduled Event", "source": "aws.events", "time": "tomorrow"}


@dataclass(frozen=True)
class Recovery:
    """The deployment.

    Attributes:
        run_assay: runs ``assay`` as a user does who has just deployed.
        function: the evaluator's name.
        dead_letters: URL of the dead-letter queue.
        history: name of the history table.
    """

    run_assay: Callable[..., "subprocess.CompletedProcess[str]"]
    function: str
    dead_letters: str
    history: str


@pytest.fixture(scope="module")
def databases(session: boto3.Session) -> set[str]:
    """The ARNs of databases, none of which are compliant."""
    rds = session.client("rds")
    return {
        rds.create_db_instance(
            DBInstanceIdentifier=f"database-{number}",
            Engine="postgres",
            DBInstanceClass="db.t3.micro",
            AllocatedStorage=20,
            BackupRetentionPeriod=0,
            MasterUsername="administrator",
            MasterUserPassword="not-a-secret",
        )["DBInstance"]["DBInstanceArn"]
        for number in range(DATABASES)
    }


@pytest.fixture(scope="module")
def recovery(
    aws: EmbeddedAws,
    synthesize: Callable[..., Path],
    deploy: Callable[[Path], dict[str, str]],
    databases: set[str],  # noqa: ARG001 - there is something to judge
) -> Recovery:
    stack = synthesize({"recovery": SETTINGS}) / "assay-recovery"
    flat = deploy(stack)

    def run(*arguments: str, event: object = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(Path(sys.executable).with_name("assay")), *arguments, "--json"],
            cwd=stack,
            env=aws.environment(),
            input=json.dumps(event),
            capture_output=True,
            text=True,
            check=False,
        )

    return Recovery(
        run,
        function=flat["rds_backup_lambda_name"],
        dead_letters=flat["dead_letter_queue_url"],
        history=flat["dynamodb_table_name"],
    )


def give_up(session: boto3.Session, recovery: Recovery, event: object, error: object) -> str:
    """Do what Lambda does with an event on which the function has failed three times.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html

    Returns:
        The message's id.
    """
    record = {
        "version": "1.0",
        "timestamp": "2026-11-23T06:05:00.568Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-4880-8880-a18cdf61200e",
            "functionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{recovery.function}"
            ":$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": error,
    }
    return session.client("sqs").send_message(
        QueueUrl=recovery.dead_letters, MessageBody=json.dumps(record)
    )["MessageId"]


def evaluations(session: boto3.Session, recovery: Recovery, time: str) -> list[str]:
    """The ARNs that the history has for an event's time, one for each evaluation."""
    paginator = session.client("dynamodb").get_paginator("scan")
    items = [
        item for page in paginator.paginate(TableName=recovery.history) for item in page["Items"]
    ]
    second = time.removesuffix("Z")
    return [
        item["resource_id"]["S"]
        for item in items
        if item["evaluation_timestamp"]["S"].startswith(second)
    ]


@pytest.fixture(scope="module")
def malformed(session: boto3.Session, recovery: Recovery) -> str:
    """The id of the message that a malformed event ends as."""
    failed = recovery.run_assay("invoke", RULE, "--event", "-", event=MALFORMED)
    assert failed.returncode == 1
    return give_up(session, recovery, MALFORMED, json.loads(failed.stdout))


def test_a_malformed_event_is_listed_with_its_error(recovery: Recovery, malformed: str) -> None:
    ran = recovery.run_assay("redrive", "--dry-run")
    assert ran.returncode == 0, ran.stderr
    (message,) = json.loads(ran.stdout)["messages"]
    assert message["message_id"] == malformed
    assert message["kind"] == "failed invocation"
    assert message["function"] == recovery.function
    assert message["event"] == "Scheduled Event"
    assert message["error_type"] == "UnsupportedEventError"
    assert "tomorrow" in message["error_message"]


def test_a_malformed_event_stays_and_a_good_one_is_done(
    session: boto3.Session, recovery: Recovery, malformed: str, databases: set[str]
) -> None:
    event = scheduled_event(session, recovery.function)
    good = give_up(
        session, recovery, event, {"errorMessage": "throttled", "errorType": "Throttled"}
    )
    ran = recovery.run_assay("redrive")
    assert ran.returncode == 1, ran.stderr
    outcomes = {each["message_id"]: each for each in json.loads(ran.stdout)["messages"]}
    assert outcomes.keys() == {malformed, good}
    assert outcomes[malformed]["put_back"] is False
    assert "UnsupportedEventError" in outcomes[malformed]["reason"]
    assert outcomes[good]["put_back"] is True
    assert sorted(evaluations(session, recovery, event["time"])) == sorted(databases)
    left = recovery.run_assay("redrive", "--dry-run")
    assert [each["message_id"] for each in json.loads(left.stdout)["messages"]] == [malformed]


def test_a_sweep_without_time_goes_on_through_its_queue_until_it_is_complete(
    session: boto3.Session, recovery: Recovery, databases: set[str]
) -> None:
    client = session.client("lambda")
    function = client.get_function_configuration(FunctionName=recovery.function)
    variables = function["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=recovery.function,
        Environment={"Variables": variables | {"TIME_RESERVE_SECONDS": str(function["Timeout"])}},
    )
    event = scheduled_event(session, recovery.function)
    ran = recovery.run_assay("invoke", RULE, "--event", "-", event=event)
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert (summary["continued"], summary["complete"]) == (False, True), summary
    assert summary["segments"] >= 3
    assert summary["resources"] == summary["non_compliant"] == DATABASES
    assert sorted(evaluations(session, recovery, event["time"])) == sorted(databases)
    queue = session.client("sqs").get_queue_attributes(
        QueueUrl=variables["CONTINUATION_QUEUE_URL"], AttributeNames=["All"]
    )["Attributes"]
    assert queue["ApproximateNumberOfMessages"] == "0"
    assert queue["ApproximateNumberOfMessagesNotVisible"] == "0"
