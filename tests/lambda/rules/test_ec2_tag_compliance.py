from collections.abc import Callable
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from assay.aws import Aws
from assay.rule import ComplianceType, Evaluation, ParameterError
from assay.rules.ec2_tag_compliance import Ec2TagCompliance, Instance, TagParameters

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = Ec2TagCompliance()
REQUIRED = TagParameters({"Environment": ("dev", "production"), "Owner": ()})


def instance(state: str = "running", **tags: str) -> Instance:
    return Instance("arn:aws:ec2:us-east-1:123456789012:instance/i-1", "i-1", state, tags)


def test_an_instance_with_all_required_tags_is_compliant() -> None:
    resource = instance(Environment="dev", Owner="web", Other="x")
    assert RULE.evaluate(resource, REQUIRED, NOW) == Evaluation(
        ComplianceType.COMPLIANT, "All required tags are present."
    )


def test_each_missing_empty_or_wrong_tag_is_named() -> None:
    parameters = TagParameters({**REQUIRED.required_tags, "Cost": ()})
    resource = instance(Environment="prod", Owner="")
    assert RULE.evaluate(resource, parameters, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT,
        "Tags: Cost is missing or empty; Environment is 'prod', not one of dev, production; "
        "Owner is missing or empty.",
    )


def test_tag_keys_and_values_are_case_sensitive() -> None:
    evaluation = RULE.evaluate(instance(environment="dev", Owner="web"), REQUIRED, NOW)
    assert evaluation.compliance_type is ComplianceType.NON_COMPLIANT
    evaluation = RULE.evaluate(instance(Environment="Dev", Owner="web"), REQUIRED, NOW)
    assert evaluation.compliance_type is ComplianceType.NON_COMPLIANT


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_an_instance_that_is_going_or_gone_is_not_applicable(state: str) -> None:
    assert RULE.evaluate(instance(state), REQUIRED, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, f"The instance is {state}."
    )


@pytest.mark.parametrize("state", ["pending", "running", "stopping", "stopped"])
def test_an_instance_in_any_other_state_is_judged(state: str) -> None:
    evaluation = RULE.evaluate(instance(state), REQUIRED, NOW)
    assert evaluation.compliance_type is ComplianceType.NON_COMPLIANT


@given(st.dictionaries(st.sampled_from(["Environment", "Owner", "x"]), st.text()))
def test_compliant_means_exactly_that_each_required_tag_has_a_value(tags: dict[str, str]) -> None:
    evaluation = RULE.evaluate(instance(**tags), TagParameters(), NOW)
    assert (evaluation.compliance_type is ComplianceType.COMPLIANT) == all(
        tags.get(key) for key in ("Environment", "Owner")
    )


@pytest.mark.parametrize(
    ("required_tags", "message"),
    [
        ({}, "must name at least one tag key, got {}"),
        ({"": ()}, "keys must have 1 to 128 characters, got ''"),
        ({"k" * 129: ()}, f"keys must have 1 to 128 characters, got '{'k' * 129}'"),
        ({"k": ("",)}, "values must have 1 to 256 characters, got '' for 'k'"),
        (
            {"k": ("v" * 257,)},
            f"values must have 1 to 256 characters, got '{'v' * 257}' for 'k'",
        ),
    ],
)
def test_tags_that_ec2_does_not_have_are_refused(
    required_tags: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        TagParameters(required_tags)
    assert caught.value.problems == [("required_tags", message)]


def test_keys_and_values_at_their_limits_are_taken() -> None:
    assert TagParameters({"k" * 128: ("v" * 256, "v")}).required_tags


def test_all_instances_are_listed_with_their_tags(
    aws: Aws, run_instance: Callable[..., str]
) -> None:
    tagged, bare = run_instance(Owner="web", Other="x"), run_instance()
    listed = {found.config_resource_id: found.tags for found in RULE.page(aws, None).resources}
    assert listed == {tagged: {"Owner": "web", "Other": "x"}, bare: {}}


def test_an_instance_is_known_by_arn_state_and_tags(
    aws: Aws, run_instance: Callable[..., str]
) -> None:
    run_instance()
    wanted = run_instance(Owner="web")
    boto3.client("ec2").stop_instances(InstanceIds=[wanted])
    (found,) = RULE.named(aws, [wanted])
    assert found == Instance(
        resource_id=f"arn:aws:ec2:us-east-1:123456789012:instance/{wanted}",
        config_resource_id=wanted,
        state="stopped",
        tags={"Owner": "web"},
    )
    assert RULE.complete(aws, found) is found


def test_an_instance_that_does_not_exist_is_left_out(aws: Aws) -> None:
    assert list(RULE.named(aws, ["i-0123456789abcdef0"])) == []


def test_a_call_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("DescribeInstances", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        RULE.page(aws, None)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        list(RULE.named(aws, ["i-0123456789abcdef0"]))
