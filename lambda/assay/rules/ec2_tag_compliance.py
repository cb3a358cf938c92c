"""EC2 instances carry the required tags."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the parameters' types are read at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.rule import Evaluation, Parameters, Permission, Resource, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from mypy_boto3_ec2 import EC2Client

    from assay.aws import Aws
    from assay.parameters import Problem

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
_KEY_LENGTH, _VALUE_LENGTH = 128, 256


@dataclass(frozen=True)
class TagParameters(Parameters):
    """Which tags are required.

    Attributes:
        required_tags: Tag keys, each with its allowed values; no values mean that any will do but
            the empty one. Default: `{"Environment": (), "Owner": ()}`.
    """

    required_tags: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"Environment": (), "Owner": ()}
    )

    def problems(self) -> Iterator[Problem]:
        """Yields tag keys and values that EC2 does not have."""
        if not self.required_tags:
            yield "required_tags", "must name at least one tag key, got {}"
        for key, values in self.required_tags.items():
            if not 1 <= len(key) <= _KEY_LENGTH:
                yield "required_tags", f"keys must have 1 to {_KEY_LENGTH} characters, got {key!r}"
            for value in values:
                if not 1 <= len(value) <= _VALUE_LENGTH:
                    allowed = f"values must have 1 to {_VALUE_LENGTH} characters"
                    yield "required_tags", f"{allowed}, got {value!r} for {key!r}"


@dataclass(frozen=True)
class Instance(Resource):
    """An EC2 instance's state and tags."""

    state: str
    tags: Mapping[str, str]


class Ec2TagCompliance(Rule[TagParameters, Instance]):
    """Judges EC2 instances by their tags."""

    name = "ec2-tag-compliance"
    requirement = "EC2 instances carry every required tag, with a value that is allowed for it."
    rationale = (
        "Tags say who answers for an instance and what it is for. Without them costs cannot be "
        "allocated, and nobody can be asked before something is stopped."
    )
    severity = Severity.MEDIUM
    resource_type = "AWS::EC2::Instance"
    id_pattern = r"i-[0-9a-f]{8,17}"
    arn_format = "arn:{partition}:ec2:{region}:{account}:instance/{id}"
    permissions = (Permission(("ec2:DescribeInstances",)),)
    Parameters = TagParameters

    def describe(self, aws: Aws, ids: Collection[str] | None = None) -> Iterator[Instance]:
        """Yields instances in every state.

        See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html.
        """
        ec2: EC2Client = aws.client("ec2")
        # A filter, because naming an instance that does not exist outright is an error.
        pages = ec2.get_paginator("describe_instances").paginate(
            Filters=[] if ids is None else [{"Name": "instance-id", "Values": list(ids)}],
            PaginationConfig={"PageSize": 1000},
        )
        for page in pages:
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    yield Instance(
                        resource_id=self.arn(aws, instance["InstanceId"]),
                        config_resource_id=instance["InstanceId"],
                        state=instance["State"]["Name"],
                        tags={tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])},
                    )

    def evaluate(self, resource: Instance, parameters: TagParameters, now: datetime) -> Evaluation:  # noqa: ARG002 - tags do not age
        """Judges an instance; one that is terminated, or on its way there, is not applicable."""
        if resource.state in {"shutting-down", "terminated"}:
            return Evaluation.not_applicable(f"The instance is {resource.state}.")
        faults = []
        for key, allowed in sorted(parameters.required_tags.items()):
            value = resource.tags.get(key, "")
            if not value:
                faults.append(f"{key} is missing or empty")
            elif allowed and value not in allowed:
                faults.append(f"{key} is {value!r}, not one of {', '.join(allowed)}")
        if faults:
            return Evaluation.non_compliant(f"Tags: {'; '.join(faults)}.")
        return Evaluation.compliant("All required tags are present.")
