"""Looks at everything, and keeps what was found."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, UnknownRegionError

from assay_cli.doctor.aws import Aws
from assay_cli.doctor.check import Check, Finding, Level, check, could_not_look, error, ok
from assay_cli.doctor.checks import (
    DEPLOYMENT_CHECKS,
    ENVIRONMENT_CHECKS,
    MACHINE_CHECKS,
    PLACE_CHECKS,
    access,
)
from assay_cli.doctor.identity import Identity, credentials, identify
from assay_cli.doctor.state import Project
from assay_cli.doctor.subjects import Deployment, Environment, Place
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.settings import Settings

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Result:
    """A finding, and the check that has found it."""

    check: Check[Any]
    finding: Finding


@dataclass(frozen=True)
class Section:
    """What was found in one place.

    Attributes:
        title: The place, for people.
        environment: The environment, if it is about one.
        region: The region, if it is about one.
        results: What was found.
    """

    title: str
    environment: str | None = None
    region: str | None = None
    results: list[Result] = field(default_factory=list)

    def run(self, checks: Iterable[Check[Subject]], subject: Subject) -> bool:
        """Run checks, keep what they find, and return whether there is no error in it."""
        found = [Result(each, finding) for each in checks for finding in each.run(subject)]
        self.results.extend(found)
        return all(each.finding.level is not Level.ERROR for each in found)


@dataclass(frozen=True)
class Examination:
    """All that was found.

    Attributes:
        identity: Whose the credentials are.
        sections: What was found where.
    """

    identity: Identity
    sections: Sequence[Section]

    def counts(self) -> dict[Level, int]:
        """How many findings there are of each level."""
        found = Counter(
            result.finding.level for section in self.sections for result in section.results
        )
        return {level: found[level] for level in Level}

    def exit_code(self, *, strict: bool) -> int:
        """1 where something would fail or do harm; with `strict`, for anything but well."""
        counts = self.counts()
        bad = sum(counts.values()) - counts[Level.OK] if strict else counts[Level.ERROR]
        return int(bad > 0)


@check(
    name="settings",
    what="the settings are right, and can be synthesized",
    why="Nothing is deployed until they are.",
    remedy="as docs/settings.md says",
)
def settings_check(mistakes: Sequence[str]) -> Iterator[Finding]:
    """Tell every mistake."""
    for each in mistakes:
        yield error(each)
    if not mistakes:
        yield ok("the settings are right")


@check(
    name="place",
    what="there is a region to look at",
    why="Without settings, the shell's region is looked at.",
    remedy="export AWS_DEFAULT_REGION=<region>, or --environments <folder>",
)
def place_check(region: str | None) -> Iterator[Finding]:
    """Tell where there is none."""
    if region is None:
        yield could_not_look("there are neither settings nor a region in the shell")


def examine(
    project: Project,
    environments: Mapping[str, Settings],
    *,
    wanted: str | None = None,
    mistakes: Sequence[str] = (),
    make_session: Callable[[], boto3.Session] = boto3.Session,
) -> Examination:
    """Look at everything.

    Args:
        project: Where environments are deployed from.
        environments: Settings by name; none where there are none, or where they are wrong.
        wanted: The one environment to look at; all without it.
        mistakes: What is wrong about the settings.
        make_session: Makes a session with the user's credentials.
    """
    looked_at = {wanted: environments[wanted]} if wanted else environments
    regions = [settings.region for settings in looked_at.values()]
    session, identity = _log_in(make_session, regions)
    machine = Section("this machine")
    machine.run(MACHINE_CHECKS, project)
    reached = Section("credentials")
    reached.run([credentials], identity)
    sections = [machine, reached]
    if mistakes:
        wrong = Section("settings")
        wrong.run([settings_check], mistakes)
        sections.append(wrong)
    for name, settings in looked_at.items():
        environment = Environment(
            name,
            settings,
            project,
            {other: environments[other] for other in environments if other != name},
            asked_for=len(looked_at) == 1,
        )
        sections.append(_of_environment(environment, session, identity))
    if not looked_at and session is not None:
        sections.append(_of_account(session, identity))
    return Examination(identity, sections)


def _log_in(
    make_session: Callable[[], boto3.Session], regions: Sequence[str]
) -> tuple[boto3.Session | None, Identity]:
    """Make a session and find out whose it is; without its credentials there is none."""
    try:
        session = make_session()
    except BotoCoreError as failure:
        # Such as a profile that does not exist.
        return None, Identity(problem=str(failure))
    region = regions[0] if regions else session.region_name or "us-east-1"
    try:
        partition = session.get_partition_for_region(region)
    except UnknownRegionError:
        partition = "aws"
    # Not where the settings say: that region may have to be enabled first.
    identity = identify(session, access.main_region(partition))
    return (None if identity.problem else session), identity


def _of_environment(
    environment: Environment, session: boto3.Session | None, identity: Identity
) -> Section:
    settings = environment.settings
    section = Section(f"{environment.name}, {settings.region}", environment.name, settings.region)
    right = section.run([settings_check], list(_refusals(environment)))
    section.run(ENVIRONMENT_CHECKS, environment)
    if session is None or not right:
        return section
    aws = Aws(session, settings.region)
    deployment = Deployment(aws, identity.account_id, identity.principal, environment)
    section.run([access.account], deployment)
    elsewhere = settings.account_id not in (None, identity.account_id)
    # In the wrong place everything else would be told of the wrong things.
    if not elsewhere and section.run([access.region], deployment):
        section.run(DEPLOYMENT_CHECKS, deployment)
    return section


def _refusals(environment: Environment) -> Iterator[str]:
    """Why the settings cannot be synthesized, although each of them is right."""
    try:
        _ = environment.stack
    except ConstructArgumentError as refused:
        yield str(refused)
    except Exception as failure:  # noqa: BLE001 - Node.js may fail in any way
        yield f"synthesis fails unexpectedly: {type(failure).__name__}: {failure}"


def _of_account(session: boto3.Session, identity: Identity) -> Section:
    region = session.region_name
    section = Section(f"account {identity.account_id}, {region or 'no region'}", region=region)
    section.run([place_check], region)
    if region is not None:
        aws = Aws(session, region)
        section.run(PLACE_CHECKS, Place(aws, identity.account_id, identity.principal))
    return section
