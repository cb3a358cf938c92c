"""EC2 instances carry the required tags."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the parameters' types are read at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.resources import ec2_instance
from assay.resources.ec2_instance import InstanceRule
from assay.rule import Evaluation, Parameters, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mypy_boto3_ec2.type_defs import InstanceTypeDef

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
class Instance(ec2_instance.Instance):
    """An EC2 instance's tags."""

    tags: Mapping[str, str]


class Ec2TagCompliance(InstanceRule[TagParameters, Instance]):
    """Judges EC2 instances by their tags."""

    name = "ec2-tag-compliance"
    requirement = "EC2 instances carry every required tag, with a value that is allowed for it."
    rationale = (
        "Tags say who answers for an instance and what it is for. Without them costs cannot be "
        "allocated, and nobody can be asked before something is stopped."
    )
    remedy = "Give the instance the missing tags, with allowed values."
    severity = Severity.MEDIUM
    Parameters = TagParameters

    def record(self, arn: str, instance: InstanceTypeDef) -> Instance:
        """Notes the tags."""
        return Instance(
            arn,
            instance["InstanceId"],
            instance["State"]["Name"],
            tags={tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])},
        )

    def evaluate(self, resource: Instance, parameters: TagParameters, now: datetime) -> Evaluation:  # noqa: ARG002 - tags do not age
        """Judges an instance; one that is terminated, or on its way there, is not applicable."""
        if over := ec2_instance.ended(resource):
            return over
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
