"""Environments and where they are deployed, as checks see them."""

from collections.abc import Callable

import pytest

from assay_cli.doctor.aws import Aws
from assay_cli.doctor.state import Project
from assay_cli.doctor.subjects import Deployment, Environment, Place
from assay_constructs.settings import Settings

PRINCIPAL = "arn:aws-cn:iam::123456789012:user/you"


@pytest.fixture(scope="module")
def synthesized() -> dict[str, Environment]:
    """An environment whose stack is synthesized once for all tests."""
    return {}


@pytest.fixture
def real(
    synthesized: dict[str, Environment],
    project: Project,
    aws: Aws,
    make_settings: Callable[..., Settings],
) -> Deployment:
    """A deployment of a stack that is really synthesized."""
    if not synthesized:
        synthesized["dev"] = Environment("dev", make_settings(), project, {})
    environment = synthesized["dev"]
    assert environment.stack
    moved = Environment("dev", environment.settings, project, {})
    moved.__dict__["stack"] = environment.stack
    return Deployment(aws, "123456789012", PRINCIPAL, moved)


def test_names_are_those_of_the_synthesized_stack(real: Deployment) -> None:
    assert real.names("aws_s3_bucket") == (
        "assay-config-dev-123456789012-us-east-1",
        "assay-reports-dev-123456789012-us-east-1",
    )
    assert real.names("aws_config_config_rule") == ("s3-encryption-compliance-dev",)
    assert real.names("aws_config_conformance_pack") == ()
    (address,) = real.environment.resources("aws_config_configuration_recorder")
    assert address.startswith("Config_Recorder_")


def test_what_is_in_the_state_is_not_taken(
    real: Deployment, write_state: Callable[..., None]
) -> None:
    write_state(("aws_s3_bucket", {"bucket": "assay-config-dev-123456789012-us-east-1"}))
    assert real.taken("aws_s3_bucket") == ("assay-reports-dev-123456789012-us-east-1",)


@pytest.mark.parametrize(
    ("recorder", "name"),
    [
        ({"mode": "create"}, "assay-dev"),
        ({"mode": "create", "name": "own"}, "own"),
        ({"mode": "existing", "name": "default"}, "default"),
        ({"mode": "none"}, ""),
    ],
)
def test_the_recorders_name_is_that_of_the_settings(
    project: Project,
    make_settings: Callable[..., Settings],
    recorder: dict[str, str],
    name: str,
) -> None:
    environment = Environment("dev", make_settings(recorder=recorder), project, {})
    assert environment.recorder_name == name


def test_a_place_is_in_the_partition_of_whom_the_credentials_are(aws: Aws) -> None:
    place = Place(aws, "123456789012", PRINCIPAL)
    assert place.partition == "aws-cn"
    assert place.recorder is None
