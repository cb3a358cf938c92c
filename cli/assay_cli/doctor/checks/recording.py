"""What the recorder records, against what rules judge."""

import difflib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import botocore
import botocore.session

from assay_cli.doctor.aws import Aws
from assay_cli.doctor.check import Finding, check, ok, warning
from assay_cli.doctor.checks.access import region_statuses
from assay_cli.doctor.recorders import recorders
from assay_cli.doctor.subjects import Deployment, Environment

_AT_ONCE = 8


@check(
    name="recorded-types",
    what="the recorder records the types that each rule judges",
    why="Nothing triggers a rule on changes of a type that is not recorded: managed and Guard "
    "rules never judge it, and Assay's own only in their sweeps.",
    remedy="let the recorder's owner add the types; or enabled: false for the rules",
    actions=("config:DescribeConfigurationRecorders",),
)
def types(deployment: Deployment) -> Iterator[Finding]:
    """Compare an existing recorder with the rules; settings see to it for an own one."""
    there = deployment.recorder
    if there is None or deployment.mode != "existing":
        return
    needed = deployment.environment.settings.judged()
    lacking = [each for each in needed if each.missing(there.recording)]
    for each in lacking:
        yield warning(
            f"recorder {there.name} does not record {each.needed(there.recording)}, which rule "
            f"{each.rule} judges"
        )
    if not lacking:
        yield ok(f"what {len(needed)} rules judge is recorded")


@check(
    name="recorder-types",
    what="the types that the recorder is to record are known to AWS Config",
    why="AWS Config refuses a recorder with types that it does not know, in the middle of the "
    "deployment.",
    remedy="recorder: {resource_types: [...]}; or the rule's resource_types",
)
def known_types(environment: Environment) -> Iterator[Finding]:
    """Compare an own recorder's types with those that botocore knows."""
    recording = environment.settings.recording()
    if recording is None:
        return
    model = botocore.session.get_session().get_service_model("config")
    known: list[str] = model.shape_for("ResourceType").metadata["enum"]
    wanted = {
        *recording.resource_types,
        *recording.exclude_resource_types,
        *recording.override_resource_types,
    }
    unknown = sorted(wanted.difference(known))
    for each in unknown:
        near = difflib.get_close_matches(each, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        yield warning(f"botocore {botocore.__version__} does not know the type {each}{hint}")
    if not unknown:
        yield ok(f"named types: {len(wanted)}")


@check(
    name="recording-frequency",
    what="types that rules judge are recorded at once",
    why="Of types that are recorded once a day, rules on changes hear up to a day late.",
    remedy="let the recorder's owner record the types CONTINUOUS",
    actions=("config:DescribeConfigurationRecorders",),
)
def frequency(deployment: Deployment) -> Iterator[Finding]:
    """Compare an existing recorder with the rules; of an own one the settings say how often."""
    there = deployment.recorder
    if there is None or deployment.mode != "existing":
        return
    for judged in deployment.environment.settings.judged():
        recorded = filter(there.recording.records, judged.resource_types)
        daily = [each for each in recorded if there.records_daily(each)]
        if daily:
            yield warning(
                f"recorder {there.name} records {', '.join(daily)} once a day, which rule "
                f"{judged.rule} judges"
            )


@check(
    name="global-types",
    what="the types of IAM are recorded in one region only",
    why="Every region that records them makes the same configuration items again, each of them "
    "billed, and judges the same resources again.",
    remedy="in all regions but one: recorder: {include_global_resource_types: false}, or the types "
    "among exclude_resource_types",
    actions=("config:DescribeConfigurationRecorders", "ec2:DescribeRegions"),
)
def global_types(deployment: Deployment) -> Iterator[Finding]:
    """Where this environment's recorder records them, ask the other regions."""
    if not _recorded_here(deployment):
        return
    statuses = region_statuses(deployment)
    regions = sorted(each for each, status in statuses.items() if status != "not-opted-in")
    others = [deployment.aws.in_region(each) for each in regions if each != deployment.aws.region]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = [each for each in threads.map(_recorded_in, others) if each]
    for each in found:
        yield warning(f"recorders here and {each} record types of IAM")
    if not found:
        yield ok(f"of {len(regions)} regions only this one records types of IAM")


def _recorded_here(deployment: Deployment) -> bool:
    if deployment.mode != "existing":
        _, recorded = deployment.environment.settings.global_resource_types()
        return bool(recorded)
    there = deployment.recorder
    return there is not None and bool(there.recording.global_resource_types())


def _recorded_in(aws: Aws) -> str | None:
    for each in recorders(aws):
        if each.recording.global_resource_types():
            return f"in {aws.region} ({each.name})"
    return None
