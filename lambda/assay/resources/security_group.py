"""Security groups and their ingress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from assay.resources.ec2 import Ec2Rule
from assay.rule import Parameters, Permission, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2.type_defs import IpPermissionOutputTypeDef

    from assay.aws import Aws

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
_ALL_PROTOCOLS = "-1"
_LAST_PORT = 65535


@dataclass(frozen=True)
class Ingress:
    """What a security group lets in.

    Attributes:
        protocol: A name such as `tcp`, a protocol number, or `-1` for all protocols.
        first_port: The first port; for ICMP a type.
        last_port: The last port; for ICMP a code.
        ranges: The sources' IPv4 and IPv6 ranges.
    """

    protocol: str
    first_port: int
    last_port: int
    ranges: tuple[str, ...]

    def admits(self, protocols: tuple[str, ...], port: int) -> bool:
        """Tells whether a port of a protocol, given by all its names, can be reached."""
        return self.protocol == _ALL_PROTOCOLS or (
            self.protocol in protocols and self.first_port <= port <= self.last_port
        )


@dataclass(frozen=True)
class SecurityGroup(Resource):
    """A security group and all that it lets in from addresses."""

    ingress: tuple[Ingress, ...]


P = TypeVar("P", bound=Parameters)


class SecurityGroupRule(Ec2Rule[P, SecurityGroup]):
    """Base of the rules on the security groups that the account owns.

    See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html.
    """

    resource_type = "AWS::EC2::SecurityGroup"
    id_pattern = r"sg-[0-9a-f]{8,17}"
    arn_format = "arn:{partition}:ec2:{region}:{account}:security-group/{id}"
    console_path = "ec2/home?region={region}#SecurityGroup:groupId={id}"
    permissions = (Permission(("ec2:DescribeSecurityGroups",)),)
    operation = "describe_security_groups"
    id_filter = "group-id"

    def records(self, aws: Aws, answer: Any) -> Iterator[SecurityGroup]:
        """Yields the groups that are the account's own.

        Other accounts of the organization may share theirs, and judge them themselves: see
        https://docs.aws.amazon.com/vpc/latest/userguide/security-group-sharing.html.
        """
        for group in answer["SecurityGroups"]:
            if group["OwnerId"] == aws.account_id:
                ingress = tuple(_ingress(entry) for entry in group["IpPermissions"])
                yield SecurityGroup(self.arn(aws, group["GroupId"]), group["GroupId"], ingress)


def _ingress(permission: IpPermissionOutputTypeDef) -> Ingress:
    ipv4 = [found["CidrIp"] for found in permission.get("IpRanges", [])]
    ipv6 = [found["CidrIpv6"] for found in permission.get("Ipv6Ranges", [])]
    return Ingress(
        permission["IpProtocol"],
        # Absent where a rule is for all ports.
        permission.get("FromPort", 0),
        permission.get("ToPort", _LAST_PORT),
        (*ipv4, *ipv6),
    )
