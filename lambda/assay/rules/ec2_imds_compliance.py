"""EC2 instances answer metadata requests only with session tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.resources import ec2_instance
from assay.resources.ec2_instance import InstanceRule
from assay.rule import Evaluation, Parameters, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mypy_boto3_ec2.type_defs import InstanceTypeDef

    from assay.parameters import Problem

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsResponse.html
_MAXIMUM_HOPS = 64


@dataclass(frozen=True)
class MetadataParameters(Parameters):
    """How far the metadata service may answer.

    Attributes:
        maximum_hop_limit: The greatest allowed hop limit of a session token, 1 to 64; with 1 no
            container behind a bridge of its own gets one. Null means any. Default: None.
    """

    maximum_hop_limit: int | None = None

    def problems(self) -> Iterator[Problem]:
        """Yields a hop limit that EC2 does not have."""
        hops = self.maximum_hop_limit
        if hops is not None and not 1 <= hops <= _MAXIMUM_HOPS:
            yield "maximum_hop_limit", f"must be 1 to {_MAXIMUM_HOPS}, got {hops}"


@dataclass(frozen=True)
class Instance(ec2_instance.Instance):
    """An EC2 instance's metadata options."""

    is_endpoint_enabled: bool
    are_tokens_required: bool
    hop_limit: int


class Ec2ImdsCompliance(InstanceRule[MetadataParameters, Instance]):
    """Judges EC2 instances by their metadata options."""

    name = "ec2-imds-compliance"
    requirement = "EC2 instances give metadata only to requests with a session token (IMDSv2)."
    rationale = (
        "The metadata service hands out the credentials of the instance's role. Without session "
        "tokens, anyone who makes software on the instance fetch an address can take them."
    )
    remedy = (
        "Set the instance's metadata option HttpTokens to required, once its software uses IMDSv2, "
        "and lower the hop limit where it is too great."
    )
    severity = Severity.HIGH
    Parameters = MetadataParameters

    def record(self, arn: str, instance: InstanceTypeDef) -> Instance:
        """Notes the metadata options."""
        # An option that EC2 leaves out counts as at the API's default.
        options = instance.get("MetadataOptions", {})
        return Instance(
            arn,
            instance["InstanceId"],
            instance["State"]["Name"],
            is_endpoint_enabled=options.get("HttpEndpoint") != "disabled",
            are_tokens_required=options.get("HttpTokens") == "required",
            hop_limit=options.get("HttpPutResponseHopLimit", 1),
        )

    def evaluate(
        self,
        resource: Instance,
        parameters: MetadataParameters,
        now: datetime,  # noqa: ARG002 - options do not age
    ) -> Evaluation:
        """Judges an instance; one that is terminated, or on its way there, is not applicable."""
        if over := ec2_instance.ended(resource):
            return over
        if not resource.is_endpoint_enabled:
            return Evaluation.compliant("The metadata service is turned off.")
        faults = []
        if not resource.are_tokens_required:
            faults.append("session tokens are optional (IMDSv1)")
        hops, maximum = resource.hop_limit, parameters.maximum_hop_limit
        if maximum is not None and hops > maximum:
            faults.append(f"the hop limit is {hops}, at most {maximum} is allowed")
        if faults:
            return Evaluation.non_compliant(f"Metadata service: {'; '.join(faults)}.")
        return Evaluation.compliant("Session tokens are required (IMDSv2).")
