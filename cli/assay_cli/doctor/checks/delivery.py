"""Where the recorder delivers to."""

from collections.abc import Iterator, Mapping
from typing import Any

from assay_cli.doctor.check import Finding, check, could_not_look, error, ok, warning
from assay_cli.doctor.checks.names import bucket_is_there
from assay_cli.doctor.subjects import Deployment, Place

_TYPE = "aws_config_delivery_channel"
_INFORMATION = {
    "configHistoryDeliveryInfo": "configuration history",
    "configSnapshotDeliveryInfo": "snapshots",
    "configStreamDeliveryInfo": "notifications",
}


def _channels(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.aws.call("config", "describe_delivery_channels")[
        "DeliveryChannels"
    ]
    return found


def _bad(place: Place, message: str, remedy: str | None = None) -> Finding:
    """Whether a failure is the environment's own, or somebody else's that it can live with."""
    existing = isinstance(place, Deployment) and place.mode == "existing"
    return (warning if existing else error)(message, remedy)


@check(
    name="delivery-channel",
    what="the recorder has a delivery channel, and nothing is in the way of one",
    why="AWS allows one for each account and region. Without one the recorder cannot be started, "
    "and one that is left over from a recorder that is gone is taken over, or in the way.",
    remedy="aws configservice delete-delivery-channel --delivery-channel-name <name>",
    actions=("config:DescribeConfigurationRecorders", "config:DescribeDeliveryChannels"),
)
def channel(place: Place) -> Iterator[Finding]:
    """Compare channels and recorders."""
    channels, there = _channels(place), place.recorder
    if there is not None:
        if channels:
            yield ok(f"{there.name} delivers to {channels[0]['s3BucketName']}")
        else:
            yield _bad(
                place,
                f"recorder {there.name} has no delivery channel",
                "aws configservice put-delivery-channel, or deploy again",
            )
    elif channels and not place.recorders:
        yield from _left_over(place, channels[0])


def _left_over(place: Place, found: Mapping[str, Any]) -> Iterator[Finding]:
    name, bucket = found["name"], found["s3BucketName"]
    remedy = f"aws configservice delete-delivery-channel --delivery-channel-name {name}"
    message = f"delivery channel {name}, to bucket {bucket}, is there without a recorder"
    if not isinstance(place, Deployment):
        yield warning(message, remedy)
    elif place.mode == "create":
        wanted = place.environment.recorder_name
        harm = "it would be taken over" if name == wanted else f"{wanted} could not be made"
        match place.owns(_TYPE, name):
            case False:
                yield error(f"{message}: {harm}", remedy)
            case None:
                yield could_not_look(
                    f"{message}, and whether it is this environment's cannot be told "
                    f"({place.state.unknown}): if it is not, {harm}"
                )


@check(
    name="delivery-status",
    what="what is recorded is delivered",
    why="What is not delivered is missing from the record for good.",
    remedy="mend the bucket's policy, its key's policy, or the recorder's role",
    actions=(
        "config:DescribeConfigurationRecorders",
        "config:DescribeDeliveryChannels",
        "config:DescribeDeliveryChannelStatus",
    ),
)
def status(place: Place) -> Iterator[Finding]:
    """Ask AWS Config."""
    if place.recorder is None or not _channels(place):
        return
    found = place.aws.call("config", "describe_delivery_channel_status")
    for each in found["DeliveryChannelsStatus"]:
        failures = list(_failures(place, each))
        yield from failures
        if not failures:
            yield ok(f"channel {each['name']} delivers")


def _failures(place: Place, channel_status: Mapping[str, Any]) -> Iterator[Finding]:
    for key, what in _INFORMATION.items():
        last = channel_status.get(key, {})
        if last.get("lastStatus", "").upper() == "FAILURE":
            why = f"{last.get('lastErrorCode')}: {last.get('lastErrorMessage')}"
            yield _bad(place, f"delivery of {what} by {channel_status['name']} fails: {why}")


@check(
    name="delivery-bucket",
    what="the bucket of the delivery channel is there",
    why="What is recorded has nowhere to go.",
    remedy="make the bucket again, or deliver to another one",
    actions=(
        "config:DescribeConfigurationRecorders",
        "config:DescribeDeliveryChannels",
        "s3:ListBucket",
    ),
)
def bucket(place: Place) -> Iterator[Finding]:
    """Ask S3."""
    if place.recorder is None:
        return
    for each in _channels(place):
        name = each["s3BucketName"]
        match bucket_is_there(place.aws, name):
            case True:
                yield ok(f"{name} is there")
            case False:
                yield _bad(place, f"bucket {name} is gone", "make the bucket again")
            case _:
                yield could_not_look(
                    f"bucket {name} is another account's, or s3:ListBucket is missing"
                )
