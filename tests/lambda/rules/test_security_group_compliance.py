from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given
from hypothesis import strategies as st

from assay.aws import Aws
from assay.resources.security_group import Ingress, SecurityGroup
from assay.rule import ComplianceType, Evaluation, ParameterError
from assay.rules.security_group_compliance import PortParameters, SecurityGroupCompliance

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = SecurityGroupCompliance()
DEFAULT = PortParameters()
WORLD = "0.0.0.0/0"


def group(*ingress: Ingress) -> SecurityGroup:
    arn = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-1"
    return SecurityGroup(arn, "sg-1", ingress)


def tcp(port: int, *ranges: str) -> Ingress:
    return Ingress("tcp", port, port, ranges)


def faults(*ingress: Ingress, parameters: PortParameters = DEFAULT) -> str | None:
    """Returns what is open to the world, None when the group is compliant."""
    evaluation = RULE.evaluate(group(*ingress), parameters, NOW)
    if evaluation.compliance_type is ComplianceType.COMPLIANT:
        return None
    return evaluation.annotation.removeprefix("Open to the world: ").removesuffix(".")


def test_a_group_that_opens_a_port_to_the_world_is_non_compliant() -> None:
    assert RULE.evaluate(group(tcp(22, WORLD)), DEFAULT, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "Open to the world: TCP 22 by IPv4."
    )


def test_a_group_that_opens_none_of_the_ports_is_compliant() -> None:
    assert RULE.evaluate(group(tcp(443, WORLD, "::/0")), DEFAULT, NOW) == Evaluation(
        ComplianceType.COMPLIANT, "None of the ports is open to the world."
    )


@pytest.mark.parametrize(
    ("ingress", "fault"),
    [
        ((), None),
        ((tcp(22),), None),
        ((tcp(22, "10.0.0.0/8"),), None),
        ((tcp(22, "203.0.113.7/32", "2001:db8::/32"),), None),
        ((tcp(3389, WORLD),), "TCP 3389 by IPv4"),
        ((tcp(22, "::/0"),), "TCP 22 by IPv6"),
        ((tcp(22, "10.0.0.0/8", "::/0", WORLD),), "TCP 22 by IPv4, TCP 22 by IPv6"),
        ((tcp(22, WORLD), tcp(22, "10.0.0.0/8")), "TCP 22 by IPv4"),
        ((tcp(22, WORLD), tcp(22, "::/0")), "TCP 22 by IPv4, TCP 22 by IPv6"),
        ((Ingress("6", 22, 22, (WORLD,)),), "TCP 22 by IPv4"),
        ((Ingress("udp", 3389, 3389, (WORLD,)),), "UDP 3389 by IPv4"),
        ((Ingress("17", 3389, 3389, ("::/0",)),), "UDP 3389 by IPv6"),
        ((Ingress("tcp", 0, 65535, (WORLD,)),), "TCP 22 by IPv4, TCP 3389 by IPv4"),
        ((Ingress("tcp", 23, 3388, (WORLD,)),), None),
        (
            (Ingress("-1", 0, 65535, (WORLD,)),),
            "TCP 22 by IPv4, TCP 3389 by IPv4, UDP 22 by IPv4, UDP 3389 by IPv4",
        ),
        ((Ingress("icmp", 8, 22, (WORLD,)), Ingress("icmpv6", 0, 65535, ("::/0",))), None),
        ((Ingress("50", 0, 65535, (WORLD,)),), None),
    ],
)
def test_each_open_port_is_named(ingress: tuple[Ingress, ...], fault: str | None) -> None:
    assert faults(*ingress) == fault


@pytest.mark.parametrize(
    ("ranges", "fault"),
    [
        (("0.0.0.0/1", "128.0.0.0/1"), "TCP 22 by IPv4"),
        (("128.0.0.0/1", "0.0.0.0/2", "64.0.0.0/2"), "TCP 22 by IPv4"),
        (("0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2", "10.0.0.0/8"), "TCP 22 by IPv4"),
        (("0.0.0.0/1",), None),
        (("0.0.0.0/1", "128.0.0.0/2"), None),
        (("::/1", "8000::/1"), "TCP 22 by IPv6"),
        (("2000::/3",), "TCP 22 by IPv6"),
        (("2000::/4", "3000::/4"), "TCP 22 by IPv6"),
        (("::/1",), "TCP 22 by IPv6"),
        (("2000::/4",), None),
        (("8000::/1",), None),
        (("0.0.0.0/1", "::/3"), None),
        # EC2 tells ranges in canonical form, which others that stand in for it may not.
        (("0.0.0.1/0",), "TCP 22 by IPv4"),
        (("2000::1/3",), "TCP 22 by IPv6"),
    ],
)
def test_ranges_that_are_the_world_together_count_as_the_world(
    ranges: tuple[str, ...], fault: str | None
) -> None:
    assert faults(tcp(22, *ranges)) == fault
    assert faults(*(tcp(22, one) for one in ranges)) == fault


def test_ranges_of_several_rules_count_together_where_the_port_is_the_same() -> None:
    half, other_half = "0.0.0.0/1", "128.0.0.0/1"
    assert faults(Ingress("tcp", 1, 100, (half,)), Ingress("-1", 0, 65535, (other_half,))) == (
        "TCP 22 by IPv4"
    )
    assert faults(tcp(22, half), tcp(3389, other_half)) is None
    assert faults(tcp(22, half), Ingress("udp", 22, 22, (other_half,))) is None


def test_a_port_that_is_given_twice_is_named_once_and_ports_are_in_order() -> None:
    every = Ingress("tcp", 0, 65535, (WORLD,))
    assert faults(every, parameters=PortParameters((80, 22, 80))) == (
        "TCP 22 by IPv4, TCP 80 by IPv4"
    )


@pytest.mark.parametrize(
    ("ports", "problems"),
    [
        ((), ["must name at least one port, got []"]),
        ((-1,), ["must be 0 to 65535, got -1"]),
        ((22, 65536), ["must be 0 to 65535, got 65536"]),
        ((-5, 70000), ["must be 0 to 65535, got -5", "must be 0 to 65535, got 70000"]),
    ],
)
def test_ports_that_do_not_exist_are_refused(ports: tuple[int, ...], problems: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        PortParameters(ports)
    assert caught.value.problems == [("ports", problem) for problem in problems]


def test_the_ends_of_the_range_are_taken() -> None:
    assert PortParameters((0, 65535)).ports == (0, 65535)


PORTS = st.one_of(st.sampled_from([0, 21, 22, 23, 3389, 65535]), st.integers(0, 65535))
RANGES = st.sampled_from(
    [
        *(WORLD, "0.0.0.0/1", "128.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2", "10.0.0.0/8"),
        *("::/0", "::/1", "8000::/1", "2000::/3", "2000::/4", "3000::/4", "fc00::/7"),
    ]
)
INGRESS = st.builds(
    lambda protocol, ports, ranges: Ingress(protocol, min(ports), max(ports), tuple(ranges)),
    st.sampled_from(["tcp", "6", "udp", "17", "-1", "icmp", "1", "icmpv6", "58", "47"]),
    st.tuples(PORTS, PORTS),
    st.lists(RANGES, max_size=4),
)
# One address in each piece that the ranges above cut the world into.
PROBES = {
    "IPv4": ["1.1.1.1", "10.1.1.1", "129.1.1.1", "193.1.1.1"],
    "IPv6": ["2001::1", "3001::1"],
}
NUMBERS = {"TCP": {"tcp", "6"}, "UDP": {"udp", "17"}}


@given(st.lists(INGRESS, max_size=6), st.lists(PORTS, min_size=1, max_size=4))
@example(
    [Ingress("tcp", 20, 22, ("0.0.0.0/1", "::/0")), Ingress("-1", 0, 0, ("128.0.0.0/1",))], [22]
)
def test_open_means_exactly_that_every_address_reaches_the_port(
    ingress: list[Ingress], ports: list[int]
) -> None:
    def reaches(address: str, protocol: str, port: int) -> bool:
        return any(
            ip_network(address).overlaps(ip_network(source))
            for entry in ingress
            if entry.protocol == "-1"
            or (
                entry.protocol in NUMBERS[protocol]
                and port in range(entry.first_port, entry.last_port + 1)
            )
            for source in entry.ranges
            if (":" in source) == (":" in address)
        )

    expected = [
        f"{protocol} {port} by {version}"
        for protocol in ("TCP", "UDP")
        for port in sorted(set(ports))
        for version, addresses in PROBES.items()
        if all(reaches(address, protocol, port) for address in addresses)
    ]
    evaluation = RULE.evaluate(group(*ingress), PortParameters(tuple(ports)), NOW)
    if expected:
        assert evaluation == Evaluation.non_compliant(f"Open to the world: {', '.join(expected)}.")
    else:
        assert evaluation.compliance_type is ComplianceType.COMPLIANT


def test_groups_are_judged_by_what_ec2_tells_of_them(aws: Aws) -> None:
    ec2: Any = boto3.client("ec2")
    ids = {
        name: ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
        for name in ("open", "narrow", "referring")
    }
    both = {"IpRanges": [{"CidrIp": WORLD}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    one = {"IpRanges": [{"CidrIp": "203.0.113.7/32"}]}
    other = {"UserIdGroupPairs": [{"GroupId": ids["open"]}]}
    for name, source in (("open", both), ("narrow", one), ("referring", other)):
        ec2.authorize_security_group_ingress(
            GroupId=ids[name],
            IpPermissions=[{"IpProtocol": "6", "FromPort": 20, "ToPort": 25, **source}],
        )
    verdicts = {
        found.config_resource_id: RULE.evaluate(found, DEFAULT, NOW)
        for found in RULE.page(aws, None).resources
    }
    assert verdicts[ids["open"]].annotation == (
        "Open to the world: TCP 22 by IPv4, TCP 22 by IPv6."
    )
    assert verdicts[ids["narrow"]].compliance_type is ComplianceType.COMPLIANT
    assert verdicts[ids["referring"]].compliance_type is ComplianceType.COMPLIANT


def test_a_prefix_list_is_not_the_world(aws: Aws, answer: Callable[..., None]) -> None:
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "PrefixListIds": [{"PrefixListId": "pl-1"}],
    }
    told = {"GroupId": "sg-1", "OwnerId": "123456789012", "IpPermissions": [permission]}
    answer("DescribeSecurityGroups", {"SecurityGroups": [told]})
    (found,) = RULE.page(aws, None).resources
    assert found == group(tcp(22))
    assert RULE.evaluate(found, DEFAULT, NOW).compliance_type is ComplianceType.COMPLIANT


def test_a_group_that_does_not_exist_is_left_out(aws: Aws) -> None:
    assert list(RULE.named(aws, ["sg-0123456789abcdef0"])) == []


def test_a_call_that_fails_is_an_error(aws: Aws, fail: Callable[..., None]) -> None:
    fail("DescribeSecurityGroups", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        RULE.page(aws, None)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        list(RULE.named(aws, ["sg-0123456789abcdef0"]))
