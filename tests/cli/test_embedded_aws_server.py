"""What the embedded AWS does otherwise than moto, so that it does as AWS does."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from assay_cli.embedded_aws import EmbeddedAws

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType


def test_importing_the_module_starts_nothing() -> None:
    script = "import assay_cli.embedded_aws_server"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def fetch(aws: EmbeddedAws, location: str) -> urllib3.BaseHTTPResponse:
    address = urlsplit(location)
    return urllib3.request("GET", aws.endpoint + address.path, headers={"Host": address.netloc})


def test_code_is_served_at_its_location(
    aws: EmbeddedAws, session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    deploy_function("first = True")
    name = deploy_function("second = True")
    function = session.client("lambda").get_function(FunctionName=name)
    code = fetch(aws, function["Code"]["Location"]).data
    assert len(code) == function["Configuration"]["CodeSize"]
    assert b"second" in code


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_code_that_is_nowhere_is_not_found(
    aws: EmbeddedAws, deploy_function: Callable[..., str], region: str
) -> None:
    deploy_function("")
    location = f"https://awslambda-{region}-tasks.s3.{region}.amazonaws.com/nothing"
    assert fetch(aws, location).status == 404


def deny(session: boto3.Session, bucket: str, condition: dict[str, object]) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement | condition]}
    s3 = session.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def test_policy_that_demands_tls_lets_requests_over_loopback_through(
    session: boto3.Session,
) -> None:
    deny(session, "tls-only", {"Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    s3 = session.client("s3")
    s3.put_object(Bucket="tls-only", Key="key", Body=b"body")
    assert s3.get_object(Bucket="tls-only", Key="key")["Body"].read() == b"body"


def test_policy_that_denies_denies(session: boto3.Session) -> None:
    deny(session, "denied", {})
    with pytest.raises(ClientError, match="403"):
        session.client("s3").put_object(Bucket="denied", Key="key", Body=b"body")


def make_queue(
    session: boto3.Session, name: str, attributes: "Mapping[QueueAttributeNameType, str]"
) -> tuple[str, str]:
    sqs = session.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, answer["Attributes"]["QueueArn"]


def test_redrive_policy_is_answered_as_compact_json(session: boto3.Session) -> None:
    _, dead_letter_queue = make_queue(session, "dead-letters", {})
    policy = f'{{"deadLetterTargetArn":"{dead_letter_queue}","maxReceiveCount":3}}'
    url, _ = make_queue(session, "redriven", {"RedrivePolicy": policy})
    answer = session.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert answer["Attributes"]["RedrivePolicy"] == policy


def test_queue_without_a_redrive_policy_answers_none(session: boto3.Session) -> None:
    url, _ = make_queue(session, "not-redriven", {})
    answer = session.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert "RedrivePolicy" not in answer["Attributes"]


def test_message_stays_in_a_queue_that_is_mapped_to_a_function(
    session: boto3.Session, deploy_function: Callable[..., str]
) -> None:
    sqs = session.client("sqs")
    url, arn = make_queue(session, "mapped", {})
    mapping = session.client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=deploy_function("")
    )
    assert mapping["State"] == "Enabled"
    sqs.send_message(QueueUrl=url, MessageBody="body")
    answer = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])
    (message,) = answer["Messages"]
    assert message["Body"] == "body"
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_other_addresses_are_moto_s_own(session: boto3.Session) -> None:
    s3 = session.client("s3")
    s3.create_bucket(Bucket="awslambda-us-east-1-tasks")
    s3.put_object(Bucket="awslambda-us-east-1-tasks", Key="key", Body=b"body")
    assert s3.get_object(Bucket="awslambda-us-east-1-tasks", Key="key")["Body"].read() == b"body"
