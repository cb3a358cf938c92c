"""What the recorder records, against what rules judge."""

from collections.abc import Callable

import boto3
import botocore
import pytest

from assay_cli.doctor.checks import recording
from assay_cli.doctor.subjects import Deployment

Look = Callable[..., list[tuple[str, str, str | None]]]
Deploy = Callable[..., Deployment]

EXISTING = {"mode": "existing", "name": "default"}


RULES = {
    "rules": {"s3-encryption-compliance": {}, "ec2-imds-compliance": {}},
    "managed_rules": {
        "s3-bucket-ssl-requests-only": {},
        "access-keys-rotated": {"input_parameters": {"maxAccessKeyAge": 90}},
    },
}


def test_types_that_are_not_recorded_are_told_with_their_rules(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder(group={"resourceTypes": ["AWS::S3::Bucket"]})
    assert look(recording.types, deployment(recorder=EXISTING, **RULES)) == [
        (
            "warning",
            (
                "recorder default does not record AWS::EC2::Instance, which rule "
                "ec2-imds-compliance judges"
            ),
            None,
        )
    ]


def test_recorded_types_are_counted(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    assert look(recording.types, deployment(recorder=EXISTING, **RULES)) == [
        ("ok", "what 4 rules judge is recorded", None)
    ]


def test_each_named_type_that_is_not_recorded_is_told(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder(group={"resourceTypes": ["AWS::S3::Bucket"]})
    types = ["AWS::S3::Bucket", "AWS::EC2::Instance", "AWS::EC2::Volume"]
    tags = {"input_parameters": {"tag1Key": "Owner"}, "resource_types": types}
    found = deployment(recorder=EXISTING, managed_rules={"required-tags": tags})
    assert look(recording.types, found) == [
        (
            "warning",
            (
                "recorder default does not record AWS::EC2::Instance and AWS::EC2::Volume, which "
                "rule required-tags judges"
            ),
            None,
        )
    ]


def test_of_an_own_recorder_the_settings_have_seen_to_it(
    look: Look,
    deployment: Deploy,
    put_recorder: Callable[..., None],
    write_state: Callable[..., None],
) -> None:
    put_recorder("assay-dev")
    write_state(("aws_config_configuration_recorder", {"name": "assay-dev"}))
    assert look(recording.types, deployment(**RULES)) == []
    assert look(recording.frequency, deployment(**RULES)) == []


def recorder(frequency: str, *overrides: tuple[str, str]) -> dict[str, object]:
    """The account's recorder, which records all types."""
    found = {
        "name": "default",
        "roleARN": "arn:aws:iam::123456789012:role/platform-config",
        "recordingGroup": {"allSupported": True},
        "recordingMode": {
            "recordingFrequency": frequency,
            "recordingModeOverrides": [
                {"resourceTypes": [each], "recordingFrequency": other} for each, other in overrides
            ],
        },
    }
    return {"ConfigurationRecorders": [found]}


def once_a_day(resource_type: str, rule: str) -> str:
    return f"recorder default records {resource_type} once a day, which rule {rule} judges"


INSTANCES = once_a_day("AWS::EC2::Instance", "ec2-imds-compliance")
BUCKETS = [
    once_a_day("AWS::S3::Bucket", "s3-encryption-compliance"),
    once_a_day("AWS::S3::Bucket", "s3-bucket-ssl-requests-only"),
]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (recorder("CONTINUOUS"), []),
        (recorder("DAILY"), [INSTANCES, *BUCKETS]),
        (recorder("DAILY", ("AWS::EC2::Instance", "CONTINUOUS")), BUCKETS),
        (recorder("CONTINUOUS", ("AWS::EC2::Instance", "DAILY")), [INSTANCES]),
    ],
)
def test_types_that_are_recorded_once_a_day_are_told(
    look: Look,
    deployment: Deploy,
    stub: Callable[..., None],
    answer: dict[str, object],
    told: list[str],
) -> None:
    stub("config.DescribeConfigurationRecorders", answer)
    found = look(recording.frequency, deployment(recorder=EXISTING, **RULES))
    assert found == [("warning", each, None) for each in told]


def test_frequency_of_what_is_not_recorded_is_no_matter(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder(group={"resourceTypes": ["AWS::RDS::DBInstance"]})
    assert look(recording.frequency, deployment(recorder=EXISTING, **RULES)) == []


def test_without_a_recorder_nothing_is_compared(look: Look, deployment: Deploy) -> None:
    assert look(recording.types, deployment(recorder=EXISTING, **RULES)) == []
    assert look(recording.frequency, deployment(recorder=EXISTING, **RULES)) == []
    assert look(recording.global_types, deployment(recorder=EXISTING, **RULES)) == []


WITH_IAM: dict[str, object] = {"allSupported": True, "includeGlobalResourceTypes": True}


@pytest.mark.parametrize(
    "given",
    [
        {"resource_types": ["AWS::S3::Bucket", "AWS::IAM::User"]},
        {"all_supported": True, "record_costly_types": True, "include_global_resource_types": True},
        {"exclude_resource_types": ["AWS::EC2::Instance"], "record_costly_types": True},
    ],
)
def test_types_of_iam_in_a_second_region_are_told(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None], given: dict[str, object]
) -> None:
    put_recorder(region="eu-west-1", group=WITH_IAM, channel=False)
    assert look(recording.global_types, deployment(recorder={"mode": "create", **given})) == [
        ("warning", "recorders here and in eu-west-1 (default) record types of IAM", None)
    ]


def test_types_of_iam_in_one_region_only_are_well(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder(region="eu-west-1", channel=False)
    recorder = {
        "mode": "create",
        "all_supported": True,
        "record_costly_types": True,
        "include_global_resource_types": True,
    }
    assert look(recording.global_types, deployment(recorder=recorder)) == [
        ("ok", "of 24 regions only this one records types of IAM", None)
    ]


def test_types_of_iam_of_an_existing_recorder_count_too(
    look: Look, deployment: Deploy, session: boto3.Session, put_recorder: Callable[..., None]
) -> None:
    put_recorder(group=WITH_IAM)
    session.client("config", region_name="eu-west-1").put_configuration_recorder(
        ConfigurationRecorder={
            "name": "global",
            "roleARN": "arn:aws:iam::123456789012:role/platform-config",
            "recordingGroup": {"resourceTypes": ["AWS::IAM::Role"]},
        }
    )
    assert look(recording.global_types, deployment(recorder=EXISTING)) == [
        ("warning", "recorders here and in eu-west-1 (global) record types of IAM", None)
    ]


def test_a_recorder_without_types_of_iam_needs_no_look_at_other_regions(
    look: Look, deployment: Deploy, called: set[str]
) -> None:
    assert look(recording.global_types, deployment()) == []
    assert look(recording.global_types, deployment(recorder={"mode": "none"})) == []
    assert called == set()


UNKNOWN = f"botocore {botocore.__version__} does not know the type"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, [("ok", "named types: 1", None)]),
        (
            {
                "resource_types": [
                    "AWS::S3::Bucket",
                    "AWS::S3::Bukcet",
                    "AWS::X::Qqqqqqqqqqqqqqqqqqqqq",
                ]
            },
            [
                ("warning", f"{UNKNOWN} AWS::S3::Bukcet; did you mean AWS::S3::Bucket?", None),
                ("warning", f"{UNKNOWN} AWS::X::Qqqqqqqqqqqqqqqqqqqqq", None),
            ],
        ),
        (
            {"exclude_resource_types": ["AWS::EC2::Instanze"], "record_costly_types": True},
            [
                (
                    "warning",
                    f"{UNKNOWN} AWS::EC2::Instanze; did you mean AWS::EC2::Instance?",
                    None,
                ),
            ],
        ),
    ],
)
def test_types_that_aws_config_does_not_know_are_told(
    look: Look, deployment: Deploy, given: dict[str, object], told: list[tuple[str, str, None]]
) -> None:
    found = deployment(recorder={"mode": "create", **given})
    assert look(recording.known_types, found.environment) == told


def test_the_types_of_somebody_elses_recorder_are_not_named(look: Look, deployment: Deploy) -> None:
    assert look(recording.known_types, deployment(recorder=EXISTING).environment) == []
