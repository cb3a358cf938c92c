"""Delivery channels: there, without obstacles, and delivering."""

from collections.abc import Callable

import boto3
import pytest

from assay_cli.doctor.checks import delivery
from assay_cli.doctor.subjects import Deployment, Place

Look = Callable[..., list[tuple[str, str, str | None]]]
Deploy = Callable[..., Deployment]

EXISTING = {"mode": "existing", "name": "default"}
REMOVE = "aws configservice delete-delivery-channel --delivery-channel-name default"


def leave_channel(session: boto3.Session) -> None:
    session.client("config").delete_configuration_recorder(ConfigurationRecorderName="default")


def test_a_recorder_with_a_channel_is_well(
    look: Look, place: Place, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    assert look(delivery.channel, place) == [("ok", "default delivers to org-config", None)]
    assert look(delivery.bucket, place) == [("ok", "org-config is there", None)]


def test_an_empty_account_has_nothing_to_deliver(look: Look, place: Place) -> None:
    assert look(delivery.channel, place) == []
    assert look(delivery.status, place) == []
    assert look(delivery.bucket, place) == []


def test_somebody_elses_recorder_without_a_channel_is_a_warning(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder(channel=False)
    told = ("recorder default has no delivery channel", "aws configservice put-delivery-channel")
    assert look(delivery.channel, deployment(recorder=EXISTING)) == [
        ("warning", told[0], f"{told[1]}, or deploy again")
    ]
    assert look(delivery.status, deployment(recorder=EXISTING)) == []


def test_an_own_recorder_without_a_channel_is_an_error(
    look: Look,
    deployment: Deploy,
    put_recorder: Callable[..., None],
    write_state: Callable[..., None],
) -> None:
    put_recorder("assay-dev", channel=False)
    write_state(("aws_config_configuration_recorder", {"name": "assay-dev"}))
    assert look(delivery.channel, deployment()) == [
        (
            "error",
            "recorder assay-dev has no delivery channel",
            "aws configservice put-delivery-channel, or deploy again",
        )
    ]


def test_a_channel_without_a_recorder_is_in_the_way(
    look: Look, deployment: Deploy, session: boto3.Session, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    leave_channel(session)
    assert look(delivery.channel, deployment()) == [
        (
            "error",
            (
                "delivery channel default, to bucket org-config, is there without a recorder: "
                "assay-dev could not be made"
            ),
            REMOVE,
        )
    ]


def test_a_channel_without_a_recorder_may_be_taken_over(
    look: Look, deployment: Deploy, session: boto3.Session, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    leave_channel(session)
    found = deployment(recorder={"mode": "create", "name": "default"})
    assert look(delivery.channel, found) == [
        (
            "error",
            (
                "delivery channel default, to bucket org-config, is there without a recorder: it "
                "would be taken over"
            ),
            REMOVE,
        )
    ]


def test_whose_a_channel_without_a_recorder_is_may_not_be_known(
    look: Look, deployment: Deploy, session: boto3.Session, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    leave_channel(session)
    cloud = {"type": "cloud", "organization": "example", "workspace": {"name": "dev"}}
    assert look(delivery.channel, deployment(backend=cloud)) == [
        (
            "could_not_look",
            (
                "delivery channel default, to bucket org-config, is there without a recorder, and "
                "whether it is this environment's cannot be told (the stack's folder is not "
                "initialized here, as `cdktf diff` does): if it is not, assay-dev could not be made"
            ),
            None,
        )
    ]


@pytest.mark.parametrize("recorder", [EXISTING, {"mode": "none"}])
def test_who_makes_no_recorder_has_nothing_against_a_channel(
    look: Look,
    deployment: Deploy,
    session: boto3.Session,
    put_recorder: Callable[..., None],
    recorder: dict[str, str],
) -> None:
    put_recorder()
    leave_channel(session)
    assert look(delivery.channel, deployment(recorder=recorder)) == []


def test_an_own_channel_is_no_obstacle(
    look: Look,
    deployment: Deploy,
    session: boto3.Session,
    put_recorder: Callable[..., None],
    write_state: Callable[..., None],
) -> None:
    put_recorder()
    leave_channel(session)
    write_state(("aws_config_delivery_channel", {"name": "default"}))
    assert look(delivery.channel, deployment()) == []


def test_a_channel_without_a_recorder_is_told_without_settings_too(
    look: Look, place: Place, session: boto3.Session, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    leave_channel(session)
    assert look(delivery.channel, place) == [
        (
            "warning",
            "delivery channel default, to bucket org-config, is there without a recorder",
            REMOVE,
        )
    ]


def test_of_a_recorder_that_is_in_the_way_the_channel_needs_no_words(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    assert look(delivery.channel, deployment()) == []


def status(**information: object) -> dict[str, object]:
    return {"DeliveryChannelsStatus": [{"name": "default", **information}]}


def test_a_channel_that_delivers_is_well(
    look: Look, place: Place, put_recorder: Callable[..., None], stub: Callable[..., None]
) -> None:
    put_recorder()
    stub(
        "config.DescribeDeliveryChannelStatus",
        status(configHistoryDeliveryInfo={"lastStatus": "SUCCESS"}, configStreamDeliveryInfo={}),
    )
    assert look(delivery.status, place) == [("ok", "channel default delivers", None)]


def test_failed_deliveries_are_told_with_their_errors(
    look: Look, place: Place, put_recorder: Callable[..., None], stub: Callable[..., None]
) -> None:
    put_recorder()
    failure = {"lastStatus": "FAILURE", "lastErrorCode": "AccessDenied"}
    stub(
        "config.DescribeDeliveryChannelStatus",
        status(
            configHistoryDeliveryInfo={**failure, "lastErrorMessage": "no bucket"},
            configSnapshotDeliveryInfo={**failure, "lastErrorMessage": "no key"},
            configStreamDeliveryInfo={**failure, "lastErrorMessage": "no topic"},
        ),
    )
    by = "by default fails: AccessDenied:"
    assert look(delivery.status, place) == [
        ("error", f"delivery of configuration history {by} no bucket", None),
        ("error", f"delivery of snapshots {by} no key", None),
        ("error", f"delivery of notifications {by} no topic", None),
    ]


def test_failed_deliveries_of_somebody_else_are_warnings(
    look: Look,
    deployment: Deploy,
    put_recorder: Callable[..., None],
    stub: Callable[..., None],
) -> None:
    put_recorder()
    failure = {"lastStatus": "Failure", "lastErrorCode": "E", "lastErrorMessage": "m"}
    stub("config.DescribeDeliveryChannelStatus", status(configStreamDeliveryInfo=failure))
    assert look(delivery.status, deployment(recorder=EXISTING)) == [
        ("warning", "delivery of notifications by default fails: E: m", None)
    ]


def test_a_status_that_may_not_be_looked_at_is_told(
    place: Place, put_recorder: Callable[..., None], deny: Callable[..., None]
) -> None:
    put_recorder()
    deny("config.DescribeDeliveryChannelStatus")
    (found,) = delivery.status.run(place)
    assert found.message == "the credentials lack config:DescribeDeliveryChannelStatus"


def test_a_bucket_that_is_gone_is_told(
    look: Look, place: Place, session: boto3.Session, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    session.client("s3").delete_bucket(Bucket="org-config")
    assert look(delivery.bucket, place) == [
        ("error", "bucket org-config is gone", "make the bucket again")
    ]


def test_a_bucket_of_another_account_cannot_be_looked_at(
    look: Look, place: Place, put_recorder: Callable[..., None], stub: Callable[..., None]
) -> None:
    put_recorder()
    stub("s3.HeadBucket", code="403")
    assert look(delivery.bucket, place) == [
        (
            "could_not_look",
            "bucket org-config is another account's, or s3:ListBucket is missing",
            None,
        )
    ]
