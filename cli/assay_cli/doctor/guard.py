"""Stops a deployment that would harm a recorder, before Terraform runs.

It would take over somebody else's, or delete the one that it made when it was to make one.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError

from assay_cli.doctor.aws import Aws
from assay_cli.doctor.cdktf_cli import CdktfCommand
from assay_cli.doctor.check import Finding, Level
from assay_cli.doctor.checks.recorder import kept, recorder
from assay_cli.doctor.identity import identify
from assay_cli.doctor.state import Project, output_folder
from assay_cli.doctor.subjects import Deployment, Environment
from assay_constructs.settings import CloudBackend, Settings

SWITCH = "ASSAY_RECORDER_GUARD"
_OFF = f"{SWITCH}=off deploys all the same"


def recorder_guard(
    command: CdktfCommand,
    environments: Mapping[str, Settings],
    folder: Path,
    *,
    make_session: Callable[[], boto3.Session] = boto3.Session,
) -> str | None:
    """Return why a deployment that is about to begin must not; nothing where it may.

    AWS is not asked unless the CDKTF CLI deploys. What cannot be found out is said on standard
    error.

    Args:
        command: What the CDKTF CLI does.
        environments: Settings by name.
        folder: Holds `cdktf.json`.
        make_session: Makes a session with the user's credentials.
    """
    if not command.deploys or os.environ.get(SWITCH) == "off":
        return None
    project = Project(folder, output_folder(folder))
    named = [name for name in environments if command.selects(f"assay-{name}")]
    reasons = []
    for name in named or environments:
        others = {other: environments[other] for other in environments if other != name}
        environment = Environment(name, environments[name], project, others)
        for finding in _findings(environment, make_session):
            told = f"{name}: {finding.message}"
            if _stops(finding, environment):
                reasons.append(f"{told}\n{name}: mend by {finding.remedy}")
            elif finding.level is not Level.OK:
                sys.stderr.write(f"recorder guard: {told}\n")
    return "\n".join([*reasons, _OFF]) if reasons else None


def _findings(
    environment: Environment, make_session: Callable[[], boto3.Session]
) -> Iterator[Finding]:
    settings = environment.settings
    try:
        session = make_session()
    except BotoCoreError as failure:
        yield _unknown(str(failure))
        return
    identity = identify(session, settings.region)
    if identity.problem:
        # Terraform cannot reach the account either, unless it runs elsewhere.
        yield _unknown(identity.problem)
    elif settings.account_id in (None, identity.account_id):
        # Of any other account Terraform says itself that it is the wrong one.
        aws = Aws(session, settings.region)
        deployment = Deployment(aws, identity.account_id, identity.principal, environment)
        # Whether an existing recorder is there, Terraform finds out without harm.
        yield from (recorder if deployment.mode == "create" else kept).run(deployment)


def _unknown(why: str) -> Finding:
    return Finding(Level.COULD_NOT_LOOK, f"whose the recorder is, is not known: {why}")


def _stops(finding: Finding, environment: Environment) -> bool:
    """Whether a deployment must not begin.

    One that may not look at recorders may still be able to take one over, and only fails then.
    Terraform Cloud has credentials of its own, so that nothing follows from what these may not do;
    nor, without an account in the settings, from what they see.
    """
    settings = environment.settings
    cloud = isinstance(settings.backend, CloudBackend)
    if finding.missing_actions:
        return not cloud
    seen = settings.recorder.mode != "create" or settings.account_id is not None
    return finding.level is Level.ERROR and (seen or not cloud)
