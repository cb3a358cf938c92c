"""The recorder: whose it is, whether it records, and what it may read."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from assay_cli.doctor.checks import recorder
from assay_cli.doctor.subjects import Deployment, Place
from assay_constructs.settings import Settings

Look = Callable[..., list[tuple[str, str, str | None]]]
Deploy = Callable[..., Deployment]

ROLE = {"role": "assay-recorder-dev"}
USE_DEFAULT = "recorder: {mode: existing, name: default}"


@pytest.fixture
def use_or_import(tmp_path: Path) -> str:
    """What mends a recorder that would be taken over."""
    terraform = f"terraform -chdir={os.path.relpath(tmp_path / 'cdktf.out/stacks/assay-dev')}"
    return (
        "recorder: {mode: existing, name: assay-dev}; or, if it is this environment's: cdktf "
        f"synth, then {terraform} init, then {terraform} import "
        "aws_config_configuration_recorder.Config_Recorder assay-dev"
    )


OWNER = (
    "Its role platform-config is tagged Stack=landing-zone, Team=platform. Its bucket org-config "
    "has no tags."
)
TAGS = {"Team": "platform", "Stack": "landing-zone"}


def test_a_first_recorder_is_made(look: Look, deployment: Deploy) -> None:
    assert look(recorder.recorder, deployment()) == [
        ("ok", "there is none yet, and assay-dev will be made", None)
    ]


def test_an_environment_recognizes_its_own_recorder(
    look: Look,
    deployment: Deploy,
    put_recorder: Callable[..., None],
    write_state: Callable[..., None],
) -> None:
    put_recorder("assay-dev")
    write_state(("aws_config_configuration_recorder", {"name": "assay-dev"}))
    assert look(recorder.recorder, deployment()) == [
        ("ok", "assay-dev is this environment's own", None)
    ]


def test_a_new_name_replaces_the_own_recorder(
    look: Look,
    deployment: Deploy,
    put_recorder: Callable[..., None],
    write_state: Callable[..., None],
) -> None:
    put_recorder("assay-dev")
    write_state(("aws_config_configuration_recorder", {"name": "assay-dev"}))
    assert look(recorder.recorder, deployment(recorder={"mode": "create", "name": "new"})) == [
        (
            "warning",
            "this environment's own recorder assay-dev is replaced by new",
            "nothing, if that is meant; else recorder: {mode: create, name: assay-dev}",
        )
    ]


def test_a_recorder_of_another_name_leaves_no_place(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder(tags=TAGS)
    assert look(recorder.recorder, deployment()) == [
        (
            "error",
            "recorder default is there, and AWS allows one, so assay-dev cannot be made. " + OWNER,
            USE_DEFAULT,
        )
    ]


def test_a_recorder_that_would_be_taken_over_is_told_with_its_owner(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None], use_or_import: str
) -> None:
    put_recorder("assay-dev", tags=TAGS)
    assert look(recorder.recorder, deployment()) == [
        (
            "error",
            "recorder assay-dev is there, and it is not in this environment's Terraform state "
            "(terraform.assay-dev.tfstate): deploying would take it over, and a later destroy "
            "would delete it. " + OWNER,
            use_or_import,
        )
    ]


@pytest.mark.parametrize(
    ("own", "other", "where"),
    [
        ({"region": "eu-west-1"}, [], "account 123456789012, eu-west-1"),
        (
            {},
            [("aws_iam_role", {"name": "r", "arn": "arn:aws:iam::210987654321:role/r"})],
            "account 210987654321, us-east-1",
        ),
    ],
)
def test_an_own_recorder_elsewhere_does_not_make_this_one_own(
    look: Look,
    deployment: Deploy,
    put_recorder: Callable[..., None],
    write_state: Callable[..., None],
    own: dict[str, str],
    other: list[tuple[str, dict[str, str]]],
    where: str,
) -> None:
    put_recorder("assay-dev", tags=TAGS)
    write_state(("aws_config_configuration_recorder", {"name": "assay-dev", **own}), *other)
    assert look(recorder.recorder, deployment()) == [
        (
            "error",
            "recorder assay-dev is there, and the one in this environment's Terraform state "
            f"(terraform.assay-dev.tfstate) is in {where}: deploying would take it over, and a "
            "later destroy would delete it. " + OWNER,
            "recorder: {mode: existing, name: assay-dev}",
        )
    ]
    # Nor is it looked at as if it were.
    assert look(recorder.status, deployment()) == []


@pytest.mark.parametrize("mode", [{"mode": "existing", "name": "default"}, {"mode": "none"}])
def test_a_recorder_in_the_state_is_deleted_by_another_mode(
    look: Look,
    deployment: Deploy,
    tmp_path: Path,
    mode: dict[str, str],
) -> None:
    kinds = {
        "aws_config_configuration_recorder": "Config_Recorder_06CC5DC8",
        "aws_config_configuration_recorder_status": "Config_Recorder_Status_7393D4E8",
        "aws_iam_role": "Config_Recorder_Role_379B0753",
        "aws_config_config_rule": "Config_Rule-any_08492C2E",
    }
    resources = [
        {
            "mode": "managed",
            "type": kind,
            "name": name,
            "instances": [{"attributes": {"name": "assay-dev"}}],
        }
        for kind, name in kinds.items()
    ]
    text = json.dumps({"version": 4, "resources": resources})
    (tmp_path / "terraform.assay-dev.tfstate").write_text(text, encoding="utf-8")
    terraform = f"terraform -chdir={os.path.relpath(tmp_path / 'cdktf.out/stacks/assay-dev')}"
    assert look(recorder.kept, deployment(recorder=mode)) == [
        (
            "error",
            (
                "recorder assay-dev is in this environment's Terraform state "
                "(terraform.assay-dev.tfstate) as "
                "aws_config_configuration_recorder.Config_Recorder_06CC5DC8, and recorder.mode is "
                f"{mode['mode']}: deploying deletes it"
            ),
            (
                "recorder: {mode: create}; or, to leave it where it is: cdktf synth, then "
                f"{terraform} init, then {terraform} state rm "
                "aws_config_configuration_recorder.Config_Recorder_06CC5DC8 "
                "aws_config_configuration_recorder_status.Config_Recorder_Status_7393D4E8 "
                "aws_iam_role.Config_Recorder_Role_379B0753"
            ),
        )
    ]
    assert look(recorder.kept, deployment()) == []


def test_without_a_recorder_in_the_state_none_is_deleted(
    look: Look, deployment: Deploy, write_state: Callable[..., None]
) -> None:
    write_state(("aws_iam_role", {"name": "any"}))
    assert look(recorder.kept, deployment(recorder={"mode": "none"})) == []


def test_with_unknown_state_a_recorder_may_be_deleted(look: Look, deployment: Deploy) -> None:
    cloud = {"type": "cloud", "organization": "example", "workspace": {"name": "dev"}}
    assert look(recorder.kept, deployment(recorder={"mode": "none"}, backend=cloud)) == [
        (
            "could_not_look",
            (
                "whether this environment has made a recorder, which deploying would delete, is "
                "not known: the stack's folder is not initialized here, as `cdktf diff` does"
            ),
            None,
        )
    ]


def test_with_unknown_state_a_role_of_another_name_gives_the_owner_away(
    look: Look,
    deployment: Deploy,
    put_recorder: Callable[..., None],
    use_or_import: str,
) -> None:
    put_recorder("assay-dev", tags=TAGS)
    cloud = {"type": "cloud", "organization": "example", "workspace": {"name": "dev"}}
    assert look(recorder.recorder, deployment(backend=cloud)) == [
        (
            "error",
            "recorder assay-dev is there, and this environment's state is not known (the stack's "
            "folder is not initialized here, as `cdktf diff` does), and its role would be "
            "assay-recorder-dev: deploying would take it over, and a later destroy would delete "
            "it. " + OWNER,
            use_or_import,
        )
    ]


def test_with_unknown_state_the_own_role_proves_nothing(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder("assay-dev", **ROLE)
    cloud = {"type": "cloud", "organization": "example", "workspace": {"name": "dev"}}
    assert look(recorder.recorder, deployment(backend=cloud)) == [
        (
            "could_not_look",
            (
                "cannot tell whether this environment owns recorder assay-dev: the stack's folder "
                "is not initialized here, as `cdktf diff` does. By its role, assay-recorder-dev, "
                "it may"
            ),
            None,
        )
    ]


def test_with_unknown_state_a_recorder_of_another_name_may_be_the_own_one(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder("old", **ROLE)
    cloud = {"type": "cloud", "organization": "example", "workspace": {"name": "dev"}}
    ((level, message, _),) = look(recorder.recorder, deployment(backend=cloud))
    assert level == "could_not_look"
    assert message.startswith("cannot tell whether this environment owns recorder old: ")


def test_without_config_no_recorder_is_of_interest(look: Look, deployment: Deploy) -> None:
    found = deployment(recorder={"mode": "none"})
    assert look(recorder.recorder, found) == [("ok", "AWS Config is not used", None)]
    assert found.recorder is None


def test_an_existing_recorder_is_found(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    found = deployment(recorder={"mode": "existing", "name": "default"})
    assert look(recorder.recorder, found) == [("ok", "default is there", None)]


def test_a_wrong_name_is_told_with_the_right_one(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    found = deployment(recorder={"mode": "existing", "name": "defaut"})
    assert look(recorder.recorder, found) == [
        (
            "error",
            (
                "there is no recorder defaut; the one that is there is default. Its role "
                "platform-config has no tags. Its bucket org-config has no tags."
            ),
            USE_DEFAULT,
        )
    ]


def test_without_any_recorder_rules_cannot_be_made(look: Look, deployment: Deploy) -> None:
    found = deployment(recorder={"mode": "existing", "name": "default"})
    assert look(recorder.recorder, found) == [
        ("error", "there is no recorder default, nor any other", "recorder: {mode: create}")
    ]


@pytest.mark.parametrize("given", [{"mode": "create"}, {"mode": "create", "name": "assay-dev"}])
def test_a_recorder_that_another_environment_makes_only_has_to_come_first(
    look: Look,
    deployment: Deploy,
    make_settings: Callable[..., Settings],
    given: dict[str, str],
) -> None:
    found = deployment(
        recorder={"mode": "existing", "name": "assay-dev"},
        others={
            "elsewhere": make_settings(region="eu-west-1"),
            "without": make_settings(recorder={"mode": "none"}),
            "dev": make_settings(recorder=given),
        },
    )
    assert look(recorder.recorder, found) == [
        (
            "warning",
            "there is no recorder assay-dev yet; environment dev makes it",
            "deploy dev first",
        )
    ]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            (
                "is not authorized to perform: config:DescribeConfigurationRecorders with an "
                "explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/p-1"
            ),
            "a service control policy forbids config:DescribeConfigurationRecorders",
        ),
        (
            (
                "is not authorized to perform: config:DescribeConfigurationRecorders because no "
                "identity-based policy allows the config:DescribeConfigurationRecorders action"
            ),
            "no identity-based policy allows config:DescribeConfigurationRecorders",
        ),
        ("no", "the credentials lack config:DescribeConfigurationRecorders"),
    ],
)
def test_what_may_not_be_looked_at_is_told_with_the_action(
    deployment: Deploy, deny: Callable[..., None], message: str, told: str
) -> None:
    deny("config.DescribeConfigurationRecorders", message)
    (found,) = recorder.recorder.run(deployment())
    assert (found.level, found.message) == ("could_not_look", told)
    assert found.remedy == "allow config:DescribeConfigurationRecorders"
    assert found.missing_actions == ("config:DescribeConfigurationRecorders",)


def test_a_recorder_that_records_is_well(
    look: Look, place: Place, session: boto3.Session, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    session.client("config").start_configuration_recorder(ConfigurationRecorderName="default")
    assert look(recorder.status, place) == [("ok", "default records; last status PENDING", None)]


def test_a_recorder_that_is_off_is_told(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    found = deployment(recorder={"mode": "existing", "name": "default"})
    assert look(recorder.status, found) == [
        (
            "error",
            "recorder default is off",
            "aws configservice start-configuration-recorder --configuration-recorder-name default",
        )
    ]


def test_a_recorder_that_fails_is_told_with_its_error(
    look: Look, place: Place, put_recorder: Callable[..., None], stub: Callable[..., None]
) -> None:
    put_recorder()
    failing = {
        "name": "default",
        "recording": True,
        "lastStatus": "Failure",
        "lastErrorCode": "AccessDenied",
        "lastErrorMessage": "the role may not",
    }
    other = {"name": "AWSConfigurationRecorderForX", "recording": False}
    stub(
        "config.DescribeConfigurationRecorderStatus",
        {"ConfigurationRecordersStatus": [failing, other]},
    )
    assert look(recorder.status, place) == [
        (
            "error",
            "recorder default fails: AccessDenied: the role may not",
            "mend the cause, mostly the recorder's role",
        )
    ]


def test_of_somebody_elses_recorder_that_is_in_the_way_only_its_presence_is_told(
    look: Look, deployment: Deploy, put_recorder: Callable[..., None]
) -> None:
    put_recorder("assay-dev")
    assert look(recorder.status, deployment()) == []
    assert look(recorder.role, deployment()) == []


def test_without_a_recorder_there_is_no_status_and_no_role(look: Look, place: Place) -> None:
    assert look(recorder.status, place) == []
    assert look(recorder.role, place) == []


def attach(session: boto3.Session, policy: str) -> None:
    iam = session.client("iam")
    arn = iam.create_policy(
        PolicyName=policy,
        PolicyDocument='{"Version": "2012-10-17", "Statement": '
        '[{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}',
    )["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="platform-config", PolicyArn=arn)


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("AWS_ConfigRole", ("ok", "platform-config with AWS_ConfigRole", None)),
        (
            "AWSConfigRole",
            (
                "warning",
                "role platform-config has the policy AWSConfigRole, which AWS has replaced",
                None,
            ),
        ),
        (
            "something-else",
            (
                "warning",
                (
                    "role platform-config has not the policy AWS_ConfigRole: new types may not be "
                    "recorded"
                ),
                None,
            ),
        ),
    ],
)
def test_the_role_is_known_by_its_policies(
    look: Look,
    place: Place,
    session: boto3.Session,
    put_recorder: Callable[..., None],
    policy: str,
    told: tuple[str, str, None],
) -> None:
    put_recorder()
    attach(session, policy)
    assert look(recorder.role, place) == [told]


def test_a_role_that_is_gone_is_told(
    look: Look, place: Place, session: boto3.Session, put_recorder: Callable[..., None]
) -> None:
    put_recorder()
    session.client("iam").delete_role(RoleName="platform-config")
    assert look(recorder.role, place) == [
        ("error", "role platform-config of recorder default is gone", "make it again")
    ]


def test_the_service_linked_role_needs_no_policies(
    look: Look, place: Place, put_recorder: Callable[..., None]
) -> None:
    put_recorder(role="AWSServiceRoleForConfig")
    assert look(recorder.role, place) == [
        ("ok", "AWSServiceRoleForConfig, which AWS keeps up to date", None)
    ]
    assert look(recorder.service_linked_role, place) == [
        ("ok", "AWSServiceRoleForConfig is there", None)
    ]


def test_a_service_linked_role_that_nothing_uses_may_be_missing(
    look: Look, place: Place, put_recorder: Callable[..., None]
) -> None:
    missing = ("ok", "AWSServiceRoleForConfig is not there, and nothing uses it", None)
    assert look(recorder.service_linked_role, place) == [missing]
    put_recorder()
    assert look(recorder.service_linked_role, place) == [missing]


def test_a_missing_service_linked_role_that_is_used_is_the_recorders_matter(
    look: Look, place: Place, session: boto3.Session, put_recorder: Callable[..., None]
) -> None:
    put_recorder(role="AWSServiceRoleForConfig")
    session.client("iam").delete_role(RoleName="AWSServiceRoleForConfig")
    assert look(recorder.service_linked_role, place) == []
    assert look(recorder.role, place) == [
        ("error", "role AWSServiceRoleForConfig of recorder default is gone", "make it again")
    ]


def test_the_role_of_conformance_packs_has_to_be_allowed(look: Look, deployment: Deploy) -> None:
    packs = {"aws_config_conformance_pack": {"Pack": {"name": "pack"}}}
    unused = ("ok", "AWSServiceRoleForConfig is not there, and nothing uses it", None)
    assert look(recorder.service_linked_role, deployment(packs)) == [
        unused,
        (
            "warning",
            (
                "AWSServiceRoleForConfigConforms is not there: the first conformance pack makes "
                "it, for which the deployment needs iam:CreateServiceLinkedRole"
            ),
            "aws iam create-service-linked-role --aws-service-name config-conforms.amazonaws.com",
        ),
    ]


def test_the_role_of_conformance_packs_is_found(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    session.client("iam").create_role(
        RoleName="AWSServiceRoleForConfigConforms", AssumeRolePolicyDocument="{}"
    )
    packs = {"aws_config_conformance_pack": {"Pack": {"name": "pack"}}}
    assert look(recorder.service_linked_role, deployment(packs)) == [
        ("ok", "AWSServiceRoleForConfig is not there, and nothing uses it", None)
    ]
