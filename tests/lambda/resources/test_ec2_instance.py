from collections.abc import Callable
from typing import Any

import boto3
import pytest

from assay.aws import Aws
from assay.resources.ec2_instance import Instance, ended
from assay.rule import ComplianceType, Evaluation
from assay.rules.ec2_tag_compliance import Ec2TagCompliance

RULE = Ec2TagCompliance()


def instance(state: str) -> Instance:
    return Instance("arn:aws:ec2:us-east-1:123456789012:instance/i-1", "i-1", state)


def test_all_instances_are_listed_page_by_page(
    aws: Aws,
    run_instance: Callable[..., str],
    change_parameters: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    ids = {run_instance(), run_instance(), run_instance()}
    change_parameters("DescribeInstances", MaxResults=2)
    calls.clear()
    first = RULE.page(aws, None)
    last = RULE.page(aws, first.next_token)
    assert (len(first.resources), len(last.resources), last.next_token) == (2, 1, None)
    assert {found.config_resource_id for found in (*first.resources, *last.resources)} == ids
    assert [name for name, _ in calls] == ["ec2:DescribeInstances"] * 2


def test_all_instances_of_a_reservation_are_listed(aws: Aws) -> None:
    ec2: Any = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    started = ec2.run_instances(ImageId=image, MinCount=3, MaxCount=3)["Instances"]
    assert {found.config_resource_id for found in RULE.page(aws, None).resources} == {
        found["InstanceId"] for found in started
    }


def test_named_instances_are_found_in_every_state_and_by_their_arns(
    aws: Aws, run_instance: Callable[..., str]
) -> None:
    running, stopped, gone = run_instance(), run_instance(), run_instance()
    run_instance()
    ec2 = boto3.client("ec2")
    ec2.stop_instances(InstanceIds=[stopped])
    ec2.terminate_instances(InstanceIds=[gone])
    found = {one.resource_id: one.state for one in RULE.named(aws, [running, stopped, gone])}
    prefix = "arn:aws:ec2:us-east-1:123456789012:instance/"
    assert found == {
        f"{prefix}{running}": "running",
        f"{prefix}{stopped}": "stopped",
        f"{prefix}{gone}": "terminated",
    }


def test_an_instance_that_does_not_exist_is_left_out(
    aws: Aws, run_instance: Callable[..., str]
) -> None:
    there = run_instance()
    found = RULE.named(aws, ["i-0123456789abcdef0", there])
    assert [one.config_resource_id for one in found] == [there]


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_an_instance_that_is_going_or_gone_has_ended(state: str) -> None:
    assert ended(instance(state)) == Evaluation(
        ComplianceType.NOT_APPLICABLE, f"The instance is {state}."
    )


@pytest.mark.parametrize("state", ["pending", "running", "stopping", "stopped"])
def test_an_instance_in_any_other_state_has_not_ended(state: str) -> None:
    assert ended(instance(state)) is None
