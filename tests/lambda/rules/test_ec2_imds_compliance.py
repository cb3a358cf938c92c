from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, ParameterError
from assay.rules.ec2_imds_compliance import Ec2ImdsCompliance, Instance, MetadataParameters

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = Ec2ImdsCompliance()
DEFAULT = MetadataParameters()


def instance(
    *, enabled: bool = True, required: bool = True, hops: int = 1, state: str = "running"
) -> Instance:
    arn = "arn:aws:ec2:us-east-1:123456789012:instance/i-1"
    return Instance(arn, "i-1", state, enabled, required, hops)


def run_instance(**options: Any) -> str:
    ec2: Any = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    started = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, MetadataOptions=options)
    name: str = started["Instances"][0]["InstanceId"]
    return name


def test_an_instance_that_requires_session_tokens_is_compliant() -> None:
    assert RULE.evaluate(instance(), DEFAULT, NOW) == Evaluation(
        ComplianceType.COMPLIANT, "Session tokens are required (IMDSv2)."
    )


def test_an_instance_where_session_tokens_are_optional_is_non_compliant() -> None:
    assert RULE.evaluate(instance(required=False), DEFAULT, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT,
        "Metadata service: session tokens are optional (IMDSv1).",
    )


def test_an_instance_without_the_service_is_compliant_whatever_its_other_options() -> None:
    off = instance(enabled=False, required=False, hops=64)
    assert RULE.evaluate(off, MetadataParameters(maximum_hop_limit=1), NOW) == Evaluation(
        ComplianceType.COMPLIANT, "The metadata service is turned off."
    )


def test_any_hop_limit_will_do_by_default() -> None:
    evaluation = RULE.evaluate(instance(hops=64), DEFAULT, NOW)
    assert evaluation.compliance_type is ComplianceType.COMPLIANT


@pytest.mark.parametrize("hops", [1, 2])
def test_a_hop_limit_up_to_the_greatest_allowed_will_do(hops: int) -> None:
    evaluation = RULE.evaluate(instance(hops=hops), MetadataParameters(2), NOW)
    assert evaluation.compliance_type is ComplianceType.COMPLIANT


def test_a_greater_hop_limit_is_non_compliant() -> None:
    assert RULE.evaluate(instance(hops=3), MetadataParameters(2), NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT,
        "Metadata service: the hop limit is 3, at most 2 is allowed.",
    )


def test_both_faults_are_named() -> None:
    resource = instance(required=False, hops=3)
    assert RULE.evaluate(resource, MetadataParameters(2), NOW).annotation == (
        "Metadata service: session tokens are optional (IMDSv1); "
        "the hop limit is 3, at most 2 is allowed."
    )


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_an_instance_that_is_going_or_gone_is_not_applicable(state: str) -> None:
    assert RULE.evaluate(instance(required=False, state=state), DEFAULT, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, f"The instance is {state}."
    )


@pytest.mark.parametrize("state", ["pending", "running", "stopping", "stopped"])
def test_an_instance_in_any_other_state_is_judged(state: str) -> None:
    evaluation = RULE.evaluate(instance(required=False, state=state), DEFAULT, NOW)
    assert evaluation.compliance_type is ComplianceType.NON_COMPLIANT


@pytest.mark.parametrize("hops", [0, 65])
def test_a_hop_limit_that_ec2_does_not_have_is_refused(hops: int) -> None:
    with pytest.raises(ParameterError) as caught:
        MetadataParameters(hops)
    assert caught.value.problems == [("maximum_hop_limit", f"must be 1 to 64, got {hops}")]


@pytest.mark.parametrize("hops", [1, 64])
def test_the_ends_of_the_range_are_taken(hops: int) -> None:
    assert MetadataParameters(hops).maximum_hop_limit == hops


def test_all_instances_are_listed_with_their_metadata_options(aws: Aws) -> None:
    ids = (
        run_instance(HttpTokens="required", HttpPutResponseHopLimit=2),
        run_instance(HttpTokens="optional"),
        run_instance(HttpEndpoint="disabled"),
    )
    arns = [f"arn:aws:ec2:us-east-1:123456789012:instance/{name}" for name in ids]
    assert set(RULE.page(aws, None).resources) == {
        Instance(arns[0], ids[0], "running", True, True, 2),
        Instance(arns[1], ids[1], "running", True, False, 1),
        Instance(arns[2], ids[2], "running", False, False, 1),
    }


def test_options_that_are_left_out_count_as_at_their_defaults(
    aws: Aws, answer: Callable[..., None]
) -> None:
    told = [{"InstanceId": "i-1", "State": {"Name": "running"}}]
    answer("DescribeInstances", {"Reservations": [{"Instances": told}]})
    assert RULE.page(aws, None).resources == [instance(required=False)]


def test_an_instance_that_does_not_exist_is_left_out(aws: Aws) -> None:
    there = run_instance(HttpTokens="required")
    found = RULE.named(aws, ["i-0123456789abcdef0", there])
    assert [one.config_resource_id for one in found] == [there]


def test_a_call_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("DescribeInstances", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        RULE.page(aws, None)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        list(RULE.named(aws, ["i-0123456789abcdef0"]))
