from collections.abc import Callable
from typing import Any

import boto3
import pytest

from assay.aws import Aws
from assay.resources.security_group import Ingress, SecurityGroup
from assay.rules.security_group_compliance import SecurityGroupCompliance

RULE = SecurityGroupCompliance()
TCP, UDP = ("tcp", "6"), ("udp", "17")


@pytest.mark.parametrize(
    ("protocol", "first", "last", "protocols", "port", "admitted"),
    [
        ("tcp", 22, 22, TCP, 22, True),
        ("6", 22, 22, TCP, 22, True),
        ("tcp", 20, 22, TCP, 22, True),
        ("tcp", 22, 25, TCP, 22, True),
        ("tcp", 23, 25, TCP, 22, False),
        ("tcp", 20, 21, TCP, 22, False),
        ("udp", 22, 22, UDP, 22, True),
        ("17", 22, 22, UDP, 22, True),
        ("udp", 22, 22, TCP, 22, False),
        ("17", 22, 22, TCP, 22, False),
        ("tcp", 22, 22, UDP, 22, False),
        ("6", 22, 22, UDP, 22, False),
        ("-1", 0, 65535, TCP, 22, True),
        ("-1", 0, 65535, UDP, 22, True),
        # Whatever range stands in a rule for all protocols.
        ("-1", 80, 80, TCP, 22, True),
        # For ICMP these are a type and a code.
        ("icmp", 8, 22, TCP, 22, False),
        ("icmp", -1, -1, TCP, 22, False),
        ("icmpv6", 0, 65535, UDP, 22, False),
        ("1", 0, 65535, TCP, 22, False),
        ("58", 0, 65535, UDP, 22, False),
        ("50", 0, 65535, TCP, 22, False),
    ],
)
def test_ingress_admits_the_ports_of_its_protocol(
    protocol: str, first: int, last: int, protocols: tuple[str, ...], port: int, admitted: bool
) -> None:
    assert Ingress(protocol, first, last, ()).admits(protocols, port) is admitted


def test_a_group_is_read_with_all_that_it_lets_in_from_addresses(aws: Aws) -> None:
    ec2: Any = boto3.client("ec2")
    name = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=name,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 20,
                "ToPort": 22,
                "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "0.0.0.0/0"}],
                "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            },
            {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]},
            {
                "IpProtocol": "udp",
                "FromPort": 53,
                "ToPort": 53,
                "UserIdGroupPairs": [{"GroupId": name}],
            },
        ],
    )
    assert list(RULE.named(aws, [name])) == [
        SecurityGroup(
            f"arn:aws:ec2:us-east-1:123456789012:security-group/{name}",
            name,
            (
                Ingress("tcp", 20, 22, ("10.0.0.0/8", "0.0.0.0/0", "::/0")),
                Ingress("-1", 0, 65535, ("2001:db8::/32",)),
                Ingress("udp", 53, 53, ()),
            ),
        )
    ]


def test_egress_is_not_ingress(aws: Aws) -> None:
    ec2: Any = boto3.client("ec2")
    name = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    (group,) = ec2.describe_security_groups(GroupIds=[name])["SecurityGroups"]
    assert group["IpPermissionsEgress"]
    (found,) = RULE.named(aws, [name])
    assert found.ingress == ()


def test_all_groups_are_listed(aws: Aws) -> None:
    ec2: Any = boto3.client("ec2")
    made = {
        ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
        for name in ("web", "database")
    }
    told = {group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]}
    assert made < told
    assert {found.config_resource_id for found in RULE.page(aws, None).resources} == told


def test_a_group_that_does_not_exist_is_left_out(aws: Aws) -> None:
    ec2: Any = boto3.client("ec2")
    there = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    found = RULE.named(aws, ["sg-0123456789abcdef0", there])
    assert [one.config_resource_id for one in found] == [there]


def test_a_group_that_another_account_shares_is_left_out(
    aws: Aws, answer: Callable[..., None]
) -> None:
    shared = {"GroupId": "sg-1", "OwnerId": "210987654321", "IpPermissions": []}
    owned = {"GroupId": "sg-2", "OwnerId": "123456789012", "IpPermissions": []}
    told = {"SecurityGroups": [shared, owned]}
    answer("DescribeSecurityGroups", told, told)
    assert [found.config_resource_id for found in RULE.page(aws, None).resources] == ["sg-2"]
    assert [found.config_resource_id for found in RULE.named(aws, ["sg-1", "sg-2"])] == ["sg-2"]
