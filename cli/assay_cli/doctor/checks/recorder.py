"""The one recorder that AWS allows for each account and region."""

import os
from collections.abc import Iterator

from assay_cli.doctor.check import Finding, check, could_not_look, error, ok, warning
from assay_cli.doctor.recorders import Recorder, owner
from assay_cli.doctor.subjects import RECORDER, Deployment, Place

_SERVICE_LINKED = "AWSServiceRoleForConfig"
_CONFORMANCE = "AWSServiceRoleForConfigConforms"
_POLICY = "AWS_ConfigRole"
_OLD_POLICY = "AWSConfigRole"


@check(
    name="recorder",
    what="the recorder is the one that the settings speak of, and whose they say it is",
    why="AWS allows one recorder for each account and region. Creating one under a name that is "
    "taken silently takes it over, and a later destroy deletes it; another name is refused in the "
    "middle of the deployment. Without a recorder, AWS Config refuses rules.",
    remedy="recorder: {mode: create | existing | none, name: ...}",
    actions=(
        "config:DescribeConfigurationRecorders",
        "config:DescribeDeliveryChannels",
        "config:ListTagsForResource",
        "iam:ListRoleTags",
        "s3:GetBucketTagging",
    ),
)
def recorder(deployment: Deployment) -> Iterator[Finding]:
    """Compare the recorder that is there with the settings."""
    match deployment.mode:
        case "create":
            yield _create(deployment)
        case "existing":
            yield _existing(deployment)
        case _:
            yield ok("AWS Config is not used")


def _create(deployment: Deployment) -> Finding:
    name = deployment.environment.recorder_name
    there = next(iter(deployment.recorders), None)
    if there is None:
        return ok(f"there is none yet, and {name} will be made")
    if deployment.owns(RECORDER, there.name):
        if there.name == name:
            return ok(f"{name} is this environment's own")
        return warning(
            f"this environment's own recorder {there.name} is replaced by {name}",
            f"nothing, if that is meant; else recorder: {{mode: create, name: {there.name}}}",
        )
    state = deployment.state
    own_role = f"assay-recorder-{deployment.environment.settings.environment_suffix}"
    if state.unknown and there.role_name == own_role:
        return could_not_look(
            f"cannot tell whether this environment owns recorder {there.name}: {state.unknown}. "
            f"By its role, {own_role}, it may",
        )
    use = f"recorder: {{mode: existing, name: {there.name}}}"
    if there.name != name:
        return error(
            f"recorder {there.name} is there, and AWS allows one, so {name} cannot be made. "
            f"{owner(there, deployment.aws)}",
            use,
        )
    return error(
        f"recorder {name} is there, and {_not_own(deployment, own_role)}: deploying would take it "
        f"over, and a later destroy would delete it. {owner(there, deployment.aws)}",
        use if state.named(RECORDER, name) else f"{use}; or, {_import(deployment)}",
    )


def _not_own(deployment: Deployment, own_role: str) -> str:
    """Why the recorder is not the environment's own."""
    state, name = deployment.state, deployment.environment.recorder_name
    if state.unknown:
        return (
            f"this environment's state is not known ({state.unknown}), and its role would be "
            f"{own_role}"
        )
    if other := state.named(RECORDER, name):
        account_id, region = state.place(other)
        where = f"account {account_id or deployment.account_id}, {region or deployment.aws.region}"
        return f"the one in this environment's Terraform state ({state.where}) is in {where}"
    return f"it is not in this environment's Terraform state ({state.where})"


def _import(deployment: Deployment) -> str:
    environment = deployment.environment
    (address,) = environment.resources(RECORDER)
    terraform = _terraform(deployment)
    return (
        f"if it is this environment's: cdktf synth, then {terraform} init, then {terraform} import "
        f"{RECORDER}.{address} {environment.recorder_name}"
    )


def _terraform(deployment: Deployment) -> str:
    environment = deployment.environment
    return f"terraform -chdir={os.path.relpath(environment.project.stack_folder(environment.name))}"


@check(
    name="recorder-kept",
    what="a recorder that this environment has made is not deleted by its settings",
    why="With mode existing or none, Terraform deletes the recorder that it made before, and what "
    "belongs to it. Every rule then stands without a recorder, those of others among them.",
    remedy="recorder: {mode: create}",
    actions=("s3:GetObject", "s3:ListBucket"),
)
def kept(deployment: Deployment) -> Iterator[Finding]:
    """Look for recorders in the state of an environment that makes none."""
    if deployment.mode == "create":
        return
    state = deployment.state
    if state.unknown:
        yield could_not_look(
            "whether this environment has made a recorder, which deploying would delete, is not "
            f"known: {state.unknown}"
        )
    for each in state.resources:
        if each.type == RECORDER:
            # What belongs to it, such as its role, is called as it is.
            prefix = each.address.partition(".")[2].rpartition("_")[0]
            addresses = sorted(
                other.address
                for other in state.resources
                if other.address.partition(".")[2].startswith(prefix)
            )
            terraform = _terraform(deployment)
            yield error(
                f"recorder {each.name} is in this environment's Terraform state ({state.where}) as "
                f"{each.address}, and recorder.mode is {deployment.mode}: deploying deletes it",
                f"recorder: {{mode: create}}; or, to leave it where it is: cdktf synth, then "
                f"{terraform} init, then {terraform} state rm {' '.join(addresses)}",
            )


def _existing(deployment: Deployment) -> Finding:
    name = deployment.environment.recorder_name
    if deployment.recorder is not None:
        return ok(f"{name} is there")
    there = next(iter(deployment.recorders), None)
    if there is not None:
        return error(
            f"there is no recorder {name}; the one that is there is {there.name}. "
            f"{owner(there, deployment.aws)}",
            f"recorder: {{mode: existing, name: {there.name}}}",
        )
    makers = [each for each in deployment.environment.others if _makes(deployment, each)]
    if makers:
        return warning(
            f"there is no recorder {name} yet; environment {makers[0]} makes it",
            f"deploy {makers[0]} first",
        )
    return error(f"there is no recorder {name}, nor any other", "recorder: {mode: create}")


def _makes(deployment: Deployment, other: str) -> bool:
    """Whether another environment makes the recorder that this one uses."""
    settings = deployment.environment.others[other]
    made = getattr(settings.recorder, "name", None) or f"assay-{settings.environment_suffix}"
    return (
        settings.recorder.mode == "create"
        and settings.region == deployment.aws.region
        and made == deployment.environment.recorder_name
    )


@check(
    name="recorder-status",
    what="the recorder records, and without failures",
    why="While it is off, AWS Config judges nothing and sends no changes; Assay's own rules are "
    "left with their sweeps.",
    remedy="aws configservice start-configuration-recorder --configuration-recorder-name <name>",
    actions=(
        "config:DescribeConfigurationRecorders",
        "config:DescribeConfigurationRecorderStatus",
    ),
)
def status(place: Place) -> Iterator[Finding]:
    """Ask AWS Config."""
    there = place.recorder
    if there is None:
        return
    found = place.aws.call("config", "describe_configuration_recorder_status")
    for each in found["ConfigurationRecordersStatus"]:
        if each["name"] == there.name:
            yield _status(each)


def _status(answer: dict[str, str]) -> Finding:
    name, last = answer["name"], answer.get("lastStatus", "unknown").upper()
    start = f"aws configservice start-configuration-recorder --configuration-recorder-name {name}"
    if not answer["recording"]:
        return error(f"recorder {name} is off", start)
    if last == "FAILURE":
        why = f"{answer.get('lastErrorCode')}: {answer.get('lastErrorMessage')}"
        return error(f"recorder {name} fails: {why}", "mend the cause, mostly the recorder's role")
    return ok(f"{name} records; last status {last}")


@check(
    name="recorder-role",
    what="the recorder's role is there, and may read what AWS Config records",
    why="What the role may not read is not recorded, and nothing else says so.",
    remedy="give the role the managed policy service-role/AWS_ConfigRole",
    actions=(
        "config:DescribeConfigurationRecorders",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
    ),
)
def role(place: Place) -> Iterator[Finding]:
    """Ask IAM."""
    there = place.recorder
    if there is None:
        return
    name = there.role_name
    if place.aws.find("iam", "get_role", ("NoSuchEntity",), RoleName=name) is None:
        yield error(f"role {name} of recorder {there.name} is gone", "make it again")
    elif _is_service_linked(there):
        yield ok(f"{name}, which AWS keeps up to date")
    else:
        attached = place.aws.pages(
            "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name
        )
        yield _policies(name, {each["PolicyName"] for each in attached})


def _policies(name: str, policies: set[str]) -> Finding:
    if _POLICY in policies:
        return ok(f"{name} with {_POLICY}")
    if _OLD_POLICY in policies:
        return warning(f"role {name} has the policy {_OLD_POLICY}, which AWS has replaced")
    return warning(f"role {name} has not the policy {_POLICY}: new types may not be recorded")


def _is_service_linked(recorder_there: Recorder) -> bool:
    return recorder_there.role_name == _SERVICE_LINKED


@check(
    name="service-linked-role",
    what="the service-linked roles of AWS Config are there where something uses them",
    why="A recorder may record with one, and conformance packs are made with another, which AWS "
    "makes only if it may.",
    remedy="aws iam create-service-linked-role --aws-service-name <service>",
    actions=("config:DescribeConfigurationRecorders", "iam:GetRole"),
)
def service_linked_role(place: Place) -> Iterator[Finding]:
    """Ask IAM."""
    there = place.recorder
    used = there is not None and _is_service_linked(there)
    if _is_there(place, _SERVICE_LINKED):
        yield ok(f"{_SERVICE_LINKED} is there")
    elif not used:
        yield ok(f"{_SERVICE_LINKED} is not there, and nothing uses it")
    if (
        isinstance(place, Deployment)
        and place.environment.resources("aws_config_conformance_pack")
        and not _is_there(place, _CONFORMANCE)
    ):
        yield warning(
            f"{_CONFORMANCE} is not there: the first conformance pack makes it, for which the "
            "deployment needs iam:CreateServiceLinkedRole",
            "aws iam create-service-linked-role --aws-service-name config-conforms.amazonaws.com",
        )


def _is_there(place: Place, role_name: str) -> bool:
    found = place.aws.find("iam", "get_role", ("NoSuchEntity",), RoleName=role_name)
    return found is not None
