"""Where Terraform keeps its state."""

import json
import os
import re
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from assay_cli.doctor.check import Finding, check, could_not_look, error, ok, warning
from assay_cli.doctor.subjects import Deployment, Environment
from assay_constructs import settings as s

# Tests put a server of their own here.
API = "https://{hostname}/api/v2"
_SECONDS = 10


@check(
    name="backend",
    what="Terraform can keep its state where the settings say",
    why="Without its state, Terraform takes over or refuses what is there already.",
    remedy="backend: {type: local | s3 | cloud, ...}",
)
def backend(environment: Environment) -> Iterator[Finding]:
    """Look at the folder, or ask Terraform Cloud; S3 takes credentials of AWS."""
    match environment.settings.backend:
        case s.LocalBackend():
            yield _local(environment)
        case s.CloudBackend() as cloud:
            yield _cloud(cloud, environment.settings.environment_suffix)


def _local(environment: Environment) -> Finding:
    project = environment.project
    if project.folder is None:
        return could_not_look(
            "there is no cdktf.json here, beside which Terraform keeps its state",
            "run this in the project's folder",
        )
    file = project.state_file(environment.name, environment.settings.environment_suffix)
    lock = file.with_name(f".{file.name}.lock.info")
    where = os.path.relpath(file, project.folder.resolve())
    if lock.exists():
        return warning(
            f"{where} is locked: Terraform is running, or was killed",
            f"wait, or `terraform force-unlock`, or rm {os.path.relpath(lock, project.folder)}",
        )
    # Folders that are not there yet are made.
    there = next(each for each in (file, *file.parents) if each.exists())
    if not os.access(there, os.W_OK):
        return error(f"{there} cannot be written", f"chmod u+w {there}, or another backend")
    return ok(f"state in {where}")


def _cloud(cloud: s.CloudBackend, suffix: str) -> Finding:
    """Look for a token where Terraform does, and ask for the workspace with it.

    https://developer.hashicorp.com/terraform/cli/config/config-file#credentials
    """
    hostname = cloud.hostname
    variable = "TF_TOKEN_" + hostname.replace(".", "_").replace("-", "__")
    if variable in os.environ:
        return _workspace(cloud, suffix, os.environ[variable], variable)
    home = Path.home()
    named = os.environ.get("TF_CLI_CONFIG_FILE")
    configuration = Path(named) if named else home / ".terraformrc"
    files = (home / ".terraform.d" / "credentials.tfrc.json", configuration)
    for file in files:
        if token := _token(file, hostname):
            return _workspace(cloud, suffix, token, str(file))
    return error(
        f"there is no token for {hostname}: neither in {variable} nor in "
        f"{' or '.join(map(str, files))}",
        f"terraform login {hostname}, or export {variable}=...",
    )


def _token(file: Path, hostname: str) -> str | None:
    """The token of a host in a file; nothing where there is none, or the file cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    try:
        token = json.loads(text)["credentials"][hostname]["token"]
    except ValueError:
        block = rf'credentials\s+"{re.escape(hostname)}"\s*\{{[^}}]*?\btoken\s*=\s*"([^"]*)"'
        found = re.search(block, text)
        token = found[1] if found else None
    except (KeyError, TypeError):
        return None
    return token if isinstance(token, str) else None


def _workspace(cloud: s.CloudBackend, suffix: str, token: str, by: str) -> Finding:
    """Ask for the workspace, or, where tags select it, for any of the organization's.

    https://developer.hashicorp.com/terraform/cloud-docs/api-docs/workspaces#show-workspace
    """
    name = cloud.workspace.name and cloud.workspace.name.format(suffix=suffix)
    what = f"workspace {name}" if name else "workspaces"
    where = f"{what} of organization {cloud.organization} on {cloud.hostname}, by {by}"
    path = (
        f"organizations/{quote(cloud.organization, safe='')}/workspaces{f'/{name}' if name else ''}"
    )
    request = Request(f"{API.format(hostname=cloud.hostname)}/{path}")  # noqa: S310 - by HTTPS
    # A redirection to elsewhere must not take the token along.
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=_SECONDS):  # noqa: S310 - as above
            return ok(where)
    except HTTPError as refused:
        refused.close()
        match refused.code:
            case 401:
                return error(
                    f"{cloud.hostname} refuses the token in {by}",
                    f"terraform login {cloud.hostname}",
                )
            case 404:
                return warning(
                    f"there are no {where}" if name is None else f"there is no {where}",
                    "nothing, if Terraform is to make the workspace; else organization, workspace "
                    "or token",
                )
            case code:
                return could_not_look(f"{cloud.hostname} answers {code} to a question for {where}")
    except (OSError, HTTPException, ValueError) as failure:
        return could_not_look(f"{cloud.hostname} is out of reach: {failure}")


@check(
    name="state-bucket",
    what="the bucket for Terraform's state is there, in its region, and versioned",
    why="Without it nothing can be deployed; without versions, damaged state cannot be undone.",
    remedy="backend: {type: s3, bucket: ..., region: ...}",
    actions=("s3:ListBucket", "s3:GetBucketVersioning"),
)
def state_bucket(deployment: Deployment) -> Iterator[Finding]:
    """Ask S3."""
    place = deployment.environment.settings.backend
    if not isinstance(place, s.S3Backend):
        return
    aws = deployment.aws.in_region(place.region)
    found = aws.find("s3", "head_bucket", ("404",), Bucket=place.bucket)
    if found is None:
        yield error(f"there is no bucket {place.bucket}", f"aws s3 mb s3://{place.bucket}")
        return
    region = found.get("BucketRegion", place.region)
    if region != place.region:
        yield error(
            f"the bucket {place.bucket} is in {region}, not in {place.region}",
            f"backend: {{type: s3, region: {region}}}",
        )
        return
    versioning = aws.call("s3", "get_bucket_versioning", Bucket=place.bucket).get("Status")
    if versioning == "Enabled":
        yield ok(f"s3://{place.bucket} in {region}")
    else:
        yield warning(
            f"the bucket {place.bucket} keeps no versions",
            f"aws s3api put-bucket-versioning --bucket {place.bucket} "
            "--versioning-configuration Status=Enabled",
        )


@check(
    name="state",
    what="Terraform's state can be read, and is of this account",
    why="It tells what is the environment's own. With state of another account, Terraform takes "
    "for its own what only has the same names here.",
    remedy="account_id: the account that the state is of; or credentials of that account",
    actions=("s3:GetObject", "s3:ListBucket"),
)
def state(deployment: Deployment) -> Iterator[Finding]:
    """Compare the account of what is in the state."""
    known = deployment.state
    if known.unknown:
        yield could_not_look(f"the state in {known.where} is not known: {known.unknown}")
    elif known.account_id not in (None, deployment.account_id):
        yield error(
            f"the state in {known.where} is of account {known.account_id}, and the credentials "
            f"are of {deployment.account_id}"
        )
    elif known.resources:
        yield ok(f"resources in {known.where}: {len(known.resources)}")
    else:
        yield ok(f"nothing is deployed yet, by {known.where}")
