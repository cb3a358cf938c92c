"""EBS volumes are encrypted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay import kms_keys
from assay.kms_keys import KeyParameters
from assay.resources.ec2 import Ec2Rule
from assay.rule import Evaluation, Permission, Resource, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from assay.aws import Aws


@dataclass(frozen=True)
class Volume(Resource):
    """A volume's state and encryption; the key is an ARN."""

    state: str
    is_encrypted: bool
    kms_key: str | None


class EbsEncryptionCompliance(Ec2Rule[KeyParameters, Volume]):
    """Judges EBS volumes, attached or not, by their encryption.

    See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html.
    """

    name = "ebs-encryption-compliance"
    requirement = "EBS volumes are encrypted, by an allowed KMS key."
    rationale = (
        "A snapshot of a volume that is not encrypted can be made public by one call. With "
        "encryption, the choice of the key decides who else has to agree before data can be read."
    )
    remedy = (
        "Make a new volume out of an encrypted copy of a snapshot, and use it instead. Turn on the "
        "region's encryption by default, so that new volumes are encrypted."
    )
    severity = Severity.HIGH
    resource_type = "AWS::EC2::Volume"
    id_pattern = r"vol-[0-9a-f]{8,17}"
    arn_format = "arn:{partition}:ec2:{region}:{account}:volume/{id}"
    console_path = "ec2/home?region={region}#VolumeDetails:volumeId={id}"
    permissions = (Permission(("ec2:DescribeVolumes",)),)
    operation = "describe_volumes"
    id_filter = "volume-id"
    Parameters = KeyParameters

    def records(self, aws: Aws, answer: Any) -> Iterator[Volume]:
        """Yields volumes in every state."""
        for volume in answer["Volumes"]:
            yield Volume(
                self.arn(aws, volume["VolumeId"]),
                volume["VolumeId"],
                volume["State"],
                is_encrypted=volume["Encrypted"],
                kms_key=volume.get("KmsKeyId"),
            )

    def evaluate(
        self,
        resource: Volume,
        parameters: KeyParameters,
        now: datetime,  # noqa: ARG002 - encryption does not age
    ) -> Evaluation:
        """Judges a volume; one that is deleted, or on its way there, is not applicable."""
        if resource.state in {"deleting", "deleted"}:
            return Evaluation.not_applicable(f"The volume is {resource.state}.")
        if not resource.is_encrypted:
            return Evaluation.non_compliant("The volume is not encrypted.")
        return kms_keys.judge(resource.kms_key, parameters)
