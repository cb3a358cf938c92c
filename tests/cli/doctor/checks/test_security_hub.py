"""Security Hub: enabled where findings go to it, and what its presence asks of the recorder."""

from collections.abc import Callable

import boto3

from assay_cli.doctor.checks import security_hub
from assay_cli.doctor.subjects import Deployment

Look = Callable[..., list[tuple[str, str, str | None]]]
Deploy = Callable[..., Deployment]

TO_THE_HUB = {"security_hub": True}


def test_a_hub_that_gets_findings_has_to_be_enabled(look: Look, deployment: Deploy) -> None:
    assert look(security_hub.enabled, deployment(reports=TO_THE_HUB)) == [
        (
            "error",
            "Security Hub is not enabled here, and reports.security_hub is true",
            None,
        )
    ]


def test_an_enabled_hub_is_well(look: Look, deployment: Deploy, session: boto3.Session) -> None:
    session.client("securityhub").enable_security_hub()
    assert look(security_hub.enabled, deployment(reports=TO_THE_HUB)) == [
        ("ok", "Security Hub is enabled", None)
    ]


def test_a_hub_that_gets_no_findings_is_not_asked_for(look: Look, deployment: Deploy) -> None:
    assert look(security_hub.enabled, deployment()) == []


def test_an_own_recorder_of_few_types_is_too_little_for_a_hub(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    session.client("securityhub").enable_security_hub()
    assert look(security_hub.sufficient, deployment()) == [
        (
            "warning",
            (
                "Security Hub is enabled here, and the recorder is to record only types that are "
                "named (1)"
            ),
            None,
        )
    ]


def test_an_own_recorder_of_all_types_will_do(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    session.client("securityhub").enable_security_hub()
    found = deployment(
        recorder={"mode": "create", "all_supported": True, "record_costly_types": True}
    )
    assert look(security_hub.sufficient, found) == [
        (
            "ok",
            "Security Hub is enabled here, and the recorder is to record nearly all types",
            None,
        )
    ]


def test_without_a_hub_or_a_recorder_of_ones_own_nothing_is_asked_of_it(
    look: Look, deployment: Deploy
) -> None:
    assert look(security_hub.sufficient, deployment()) == []
    assert look(security_hub.sufficient, deployment(recorder={"mode": "none"})) == []
