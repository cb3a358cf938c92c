from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from assay.aws import Aws
from assay.resources.ec2 import Ec2Rule
from assay.rules.ebs_encryption_compliance import EbsEncryptionCompliance
from assay.rules.ec2_tag_compliance import Ec2TagCompliance
from assay.rules.security_group_compliance import SecurityGroupCompliance

Answer = Callable[[list[str]], dict[str, Any]]


def instances(ids: list[str]) -> dict[str, Any]:
    found = [{"InstanceId": name, "State": {"Name": "running"}} for name in ids]
    return {"Reservations": [{"Instances": found}]}


def volumes(ids: list[str]) -> dict[str, Any]:
    return {
        "Volumes": [{"VolumeId": name, "State": "available", "Encrypted": True} for name in ids]
    }


def groups(ids: list[str]) -> dict[str, Any]:
    found = [{"GroupId": name, "OwnerId": "123456789012", "IpPermissions": []} for name in ids]
    return {"SecurityGroups": found}


KINDS = pytest.mark.parametrize(
    ("rule", "operation", "id_filter", "told"),
    [
        pytest.param(
            Ec2TagCompliance(), "DescribeInstances", "instance-id", instances, id="instances"
        ),
        pytest.param(
            EbsEncryptionCompliance(), "DescribeVolumes", "volume-id", volumes, id="volumes"
        ),
        pytest.param(
            SecurityGroupCompliance(), "DescribeSecurityGroups", "group-id", groups, id="groups"
        ),
    ],
)


@KINDS
def test_a_listing_is_read_to_its_last_page_with_the_greatest_pages(
    aws: Aws,
    answer: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
    rule: Ec2Rule[Any, Any],
    operation: str,
    id_filter: str,
    told: Answer,
) -> None:
    del id_filter
    answer(operation, {**told(["a", "b"]), "NextToken": "further"}, told(["c"]))
    first = rule.page(aws, None)
    assert [found.config_resource_id for found in first.resources] == ["a", "b"]
    assert first.next_token == "further"
    last = rule.page(aws, first.next_token)
    assert [found.config_resource_id for found in last.resources] == ["c"]
    assert last.next_token is None
    assert calls == [
        (f"ec2:{operation}", {"MaxResults": 1000}),
        (f"ec2:{operation}", {"MaxResults": 1000, "NextToken": "further"}),
    ]


@KINDS
def test_an_empty_token_ends_a_listing(
    aws: Aws,
    answer: Callable[..., None],
    rule: Ec2Rule[Any, Any],
    operation: str,
    id_filter: str,
    told: Answer,
) -> None:
    del id_filter
    answer(operation, {**told(["a"]), "NextToken": ""})
    assert rule.page(aws, None).next_token is None


@KINDS
def test_named_resources_are_asked_for_in_as_few_calls_as_filters_allow(
    aws: Aws,
    answer: Callable[..., None],
    calls: list[tuple[str, dict[str, Any]]],
    rule: Ec2Rule[Any, Any],
    operation: str,
    id_filter: str,
    told: Answer,
) -> None:
    ids = [str(number) for number in range(201)]
    answer(operation, told(ids[:200]), told(ids[200:]))
    assert [found.config_resource_id for found in rule.named(aws, ids)] == ids
    assert calls == [
        (f"ec2:{operation}", {"Filters": [{"Name": id_filter, "Values": ids[:200]}]}),
        (f"ec2:{operation}", {"Filters": [{"Name": id_filter, "Values": ids[200:]}]}),
    ]


@KINDS
def test_no_ids_are_nothing_to_ask_for(
    aws: Aws,
    calls: list[tuple[str, dict[str, Any]]],
    rule: Ec2Rule[Any, Any],
    operation: str,
    id_filter: str,
    told: Answer,
) -> None:
    del operation, id_filter, told
    assert list(rule.named(aws, [])) == []
    assert calls == []


@KINDS
def test_a_call_that_fails_is_an_error(
    aws: Aws,
    fail: Callable[..., None],
    rule: Ec2Rule[Any, Any],
    operation: str,
    id_filter: str,
    told: Answer,
) -> None:
    del id_filter, told
    fail(operation, "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        rule.page(aws, None)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        list(rule.named(aws, ["a"]))
