"""The account's recorder: what it records, and whose it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from botocore.exceptions import ClientError

from assay_cli.doctor.aws import Aws, CouldNotLookError
from assay_constructs.recording import Recording

_CONTROL_TOWER = "aws-controltower"
_SHOWN_TAGS = 8


@dataclass(frozen=True)
class Recorder:
    """A customer-managed recorder.

    Attributes:
        name: Its name.
        arn: Its ARN; empty where AWS does not tell.
        role_arn: The role that it records with.
        recording: What it records.
        daily: Types that it records once a day.
        continuous: Types that it records at once, although others are recorded once a day.
        daily_by_default: Whether all other types are recorded once a day.
    """

    name: str
    arn: str
    role_arn: str
    recording: Recording
    daily: frozenset[str]
    continuous: frozenset[str]
    daily_by_default: bool

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> Self:
        """Read one of those that DescribeConfigurationRecorders answers with."""
        group, mode = answer.get("recordingGroup", {}), answer.get("recordingMode", {})
        overrides = mode.get("recordingModeOverrides", [])
        return cls(
            name=answer["name"],
            arn=answer.get("arn", ""),
            role_arn=answer.get("roleARN", ""),
            recording=Recording(
                resource_types=group.get("resourceTypes", []),
                exclude_resource_types=group.get("exclusionByResourceTypes", {}).get(
                    "resourceTypes", []
                ),
                all_supported=group.get("allSupported", False),
                include_global_resource_types=group.get("includeGlobalResourceTypes", False),
            ),
            daily=_overridden(overrides, "DAILY"),
            continuous=_overridden(overrides, "CONTINUOUS"),
            daily_by_default=mode.get("recordingFrequency") == "DAILY",
        )

    @property
    def role_name(self) -> str:
        """Name of the role that it records with."""
        return self.role_arn.rpartition("/")[2]

    def records_daily(self, resource_type: str) -> bool:
        """Whether changes of a type are recorded once a day only."""
        if self.daily_by_default:
            return resource_type not in self.continuous
        return resource_type in self.daily


def _overridden(overrides: list[dict[str, Any]], frequency: str) -> frozenset[str]:
    return frozenset(
        each
        for override in overrides
        if override["recordingFrequency"] == frequency
        for each in override["resourceTypes"]
    )


def recorders(aws: Aws) -> tuple[Recorder, ...]:
    """The customer-managed recorders of a region; services' own do not count.

    Raises:
        CouldNotLookError: The credentials may not.
    """
    found = aws.call("config", "describe_configuration_recorders")["ConfigurationRecorders"]
    return tuple(
        Recorder.from_api(each)
        for each in found
        if not each.get("servicePrincipal") and not each.get("connectorArn")
    )


def owner(recorder: Recorder, aws: Aws) -> str:
    """Say whose a recorder is, by all that gives it away.

    Its own tags tell best; its role and bucket are mostly made together with it.
    """
    told = []
    if recorder.name.startswith(_CONTROL_TOWER):
        told.append("It is AWS Control Tower's, whose controls forbid to change it.")
    if recorder.arn:
        tags = _tags(aws, "config", "list_tags_for_resource", "Tags", ResourceArn=recorder.arn)
        told.append(f"It {tags}.")
    if role := recorder.role_name:
        tags = _tags(aws, "iam", "list_role_tags", "Tags", RoleName=role)
        told.append(f"Its role {role} {tags}.")
    for bucket in _buckets(aws):
        tags = _tags(aws, "s3", "get_bucket_tagging", "TagSet", Bucket=bucket)
        told.append(f"Its bucket {bucket} {tags}.")
    return " ".join(told)


def _tags(aws: Aws, service: str, method: str, key: str, **parameters: str) -> str:
    try:
        found = aws.call(service, method, **parameters)[key]
    except ClientError:
        # Such as a bucket without tags.
        return "has no tags"
    except CouldNotLookError as error:
        return f"may have tags that cannot be read ({error})"
    tags = sorted(f"{each['Key']}={each['Value']}" for each in found)
    more = ["..."] if len(tags) > _SHOWN_TAGS else []
    listed = ", ".join(tags[:_SHOWN_TAGS] + more)
    return f"is tagged {listed}" if listed else "has no tags"


def _buckets(aws: Aws) -> Iterator[str]:
    try:
        channels = aws.call("config", "describe_delivery_channels")["DeliveryChannels"]
    except (ClientError, CouldNotLookError):
        return
    for channel in channels:
        yield channel["s3BucketName"]
