"""EC2 instances."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from assay.resources.ec2 import Ec2Rule
from assay.rule import Evaluation, Parameters, Permission, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2.type_defs import InstanceTypeDef

    from assay.aws import Aws


@dataclass(frozen=True)
class Instance(Resource):
    """An instance and its state; each rule adds what it judges."""

    state: str


P = TypeVar("P", bound=Parameters)
I = TypeVar("I", bound=Instance)  # noqa: E741 - as P and R in its base


class InstanceRule(Ec2Rule[P, I]):
    """Base of the rules on EC2 instances in every state.

    See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html.
    """

    resource_type = "AWS::EC2::Instance"
    id_pattern = r"i-[0-9a-f]{8,17}"
    arn_format = "arn:{partition}:ec2:{region}:{account}:instance/{id}"
    console_path = "ec2/home?region={region}#InstanceDetails:instanceId={id}"
    permissions = (Permission(("ec2:DescribeInstances",)),)
    operation = "describe_instances"
    id_filter = "instance-id"

    @abstractmethod
    def record(self, arn: str, instance: InstanceTypeDef) -> I:
        """Makes the rule's record of an instance out of what AWS says of it."""

    def records(self, aws: Aws, answer: Any) -> Iterator[I]:
        """Yields the instances of all reservations."""
        for reservation in answer["Reservations"]:
            for instance in reservation["Instances"]:
                yield self.record(self.arn(aws, instance["InstanceId"]), instance)


def ended(instance: Instance) -> Evaluation | None:
    """Returns the verdict on an instance that is terminated or on its way there, else None."""
    if instance.state in {"shutting-down", "terminated"}:
        return Evaluation.not_applicable(f"The instance is {instance.state}.")
    return None
