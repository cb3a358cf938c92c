"""Security groups keep the world away from given ports."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import TYPE_CHECKING

from assay.resources.security_group import SecurityGroup, SecurityGroupRule
from assay.rule import Evaluation, Parameters, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from assay.parameters import Problem

_LAST_PORT = 65535
# EC2 takes protocols by name and by number.
_PROTOCOLS = {"TCP": ("tcp", "6"), "UDP": ("udp", "17")}
_IPV4_WORLD = IPv4Network("0.0.0.0/0")
# https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml
_IPV6_WORLD = IPv6Network("2000::/3")


@dataclass(frozen=True)
class PortParameters(Parameters):
    """Which ports are kept from the world.

    Attributes:
        ports: TCP and UDP ports, 0 to 65535. Default: `(22, 3389)`.
    """

    ports: tuple[int, ...] = (22, 3389)

    def problems(self) -> Iterator[Problem]:
        """Yields ports that do not exist."""
        if not self.ports:
            yield "ports", "must name at least one port, got []"
        for port in self.ports:
            if not 0 <= port <= _LAST_PORT:
                yield "ports", f"must be 0 to {_LAST_PORT}, got {port}"


class SecurityGroupCompliance(SecurityGroupRule[PortParameters]):
    """Judges security groups by what they let in from the world.

    The world is every IPv4 address (0.0.0.0/0) or every global unicast IPv6 address (2000::/3, and
    so ::/0 too), whether one range holds them or several do together, even in several rules of the
    group. Anything less is not the world, nor is a prefix list or another security group as source.
    """

    name = "security-group-compliance"
    requirement = "Security groups do not open the given TCP and UDP ports to the whole internet."
    rationale = (
        "Ports for administration that the whole internet reaches are found within minutes, and "
        "tried with guessed passwords and new exploits from then on."
    )
    remedy = (
        "Remove the ingress rules that open these ports, or narrow their sources; to administer "
        "instances, Session Manager needs no open port."
    )
    severity = Severity.HIGH
    Parameters = PortParameters

    def evaluate(
        self,
        resource: SecurityGroup,
        parameters: PortParameters,
        now: datetime,  # noqa: ARG002 - ingress does not age
    ) -> Evaluation:
        """Judges a group, whether anything uses it or not."""
        faults = []
        for protocol, names in _PROTOCOLS.items():
            for port in sorted(set(parameters.ports)):
                admitting = [entry for entry in resource.ingress if entry.admits(names, port)]
                ranges = [source for entry in admitting for source in entry.ranges]
                faults += [f"{protocol} {port} by {version}" for version in _worlds(ranges)]
        if faults:
            return Evaluation.non_compliant(f"Open to the world: {', '.join(faults)}.")
        return Evaluation.compliant("None of the ports is open to the world.")


def _worlds(ranges: list[str]) -> Iterator[str]:
    ipv4 = collapse_addresses(IPv4Network(text, strict=False) for text in ranges if ":" not in text)
    if any(_IPV4_WORLD.subnet_of(network) for network in ipv4):
        yield "IPv4"
    ipv6 = collapse_addresses(IPv6Network(text, strict=False) for text in ranges if ":" in text)
    if any(_IPV6_WORLD.subnet_of(network) for network in ipv6):
        yield "IPv6"
