"""What belongs to an environment: what is in its Terraform state."""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from assay_cli import processes
from assay_cli.doctor.aws import Aws, CouldNotLookError
from assay_constructs import settings as s
from assay_constructs.stack import state_name

_ARN = re.compile(r"arn:[^:]*:[^:]*:(?P<region>[^:]*):(?P<account>\d{12}):")

# The argument that holds the name in AWS, where it is not `name`.
_NAME_ARGUMENTS = {
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_lambda_function": "function_name",
    "aws_s3_bucket": "bucket",
}


def terraform_name() -> str:
    """The program that CDKTF takes for Terraform.

    https://developer.hashicorp.com/terraform/cdktf/create-and-deploy/environment-variables
    """
    return os.environ.get("TERRAFORM_BINARY_NAME") or "terraform"


def output_folder(folder: Path) -> Path:
    """Where CDKTF, run in a folder, synthesizes stacks to.

    https://developer.hashicorp.com/terraform/cdktf/create-and-deploy/environment-variables
    """
    return folder / (os.environ.get("CDKTF_OUTDIR") or "cdktf.out")


def name_argument(resource_type: str) -> str:
    """The argument of a Terraform resource that holds its name in AWS."""
    return _NAME_ARGUMENTS.get(resource_type, "name")


@dataclass(frozen=True)
class Resource:
    """Something that Terraform manages.

    Attributes:
        type: Its type in Terraform.
        name: Its name in AWS; `None` where it has none of its own.
        address: Its address in Terraform.
        account_id: Its account, where that is told.
        region: Its region, where that is told; empty for what is global.
    """

    type: str
    name: str | None
    address: str
    account_id: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class State:
    """What an environment's Terraform state holds, where it is known.

    Attributes:
        where: Where it lies.
        resources: All that is in it.
        unknown: Why it is not known; `None` where it is.
    """

    where: str
    resources: tuple[Resource, ...] = ()
    unknown: str | None = None

    def named(self, resource_type: str, name: str) -> Resource | None:
        """What is in it under a name in AWS, wherever that is."""
        found = (each for each in self.resources if (each.type, each.name) == (resource_type, name))
        return next(found, None)

    @property
    def account_id(self) -> str | None:
        """The account of what is in it, where that is one and told."""
        return _only(each.account_id for each in self.resources)

    def place(self, resource: Resource) -> tuple[str | None, str | None]:
        """Account and region of a resource, which may be told by the others; none if global."""
        region = resource.region
        if region is None:
            region = _only(each.region for each in self.resources)
        return resource.account_id or self.account_id, region or None

    def owns(self, resource_type: str, name: str, *, account_id: str, region: str) -> bool | None:
        """Whether a resource of an account and region is in it; `None` where that is not known."""
        if self.unknown:
            return None
        found = self.named(resource_type, name)
        if found is None:
            return False
        in_account, in_region = self.place(found)
        return in_account in (None, account_id) and in_region in (None, region)


def _only(told: Iterable[str | None]) -> str | None:
    found = set(filter(None, told))
    return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Project:
    """Where a project is deployed from.

    Attributes:
        folder: Holds `cdktf.json`; `None` where there is none.
        output: Where stacks are synthesized to.
    """

    folder: Path | None
    output: Path

    def stack_folder(self, environment: str) -> Path:
        """Where Terraform runs for an environment."""
        return self.output / "stacks" / f"assay-{environment}"

    def state_file(self, environment: str, suffix: str) -> Path:
        """Where Terraform keeps an environment's local state, by its path in the stack."""
        name = f"terraform.{state_name(environment, suffix)}.tfstate"
        return (self.output / "..").resolve() / name


def read_state(environment: str, settings: s.Settings, project: Project, aws: Aws) -> State:
    """Read an environment's Terraform state, wherever its backend keeps it.

    Args:
        environment: The environment's name.
        settings: Its settings.
        project: Where it is deployed from.
        aws: Reads it where it is in S3.
    """
    suffix = settings.environment_suffix
    match settings.backend:
        case s.LocalBackend():
            return _local(project, project.state_file(environment, suffix))
        case s.S3Backend() as backend:
            name = state_name(environment, suffix)
            return _s3(backend, f"{backend.key_prefix}/{name}.tfstate", aws)
        case backend:
            return _cloud(project.stack_folder(environment), backend, suffix)


def _local(project: Project, file: Path) -> State:
    if project.folder is None:
        return State(file.name, unknown="there is no cdktf.json here, beside which it would lie")
    where = os.path.relpath(file, project.folder.resolve())
    try:
        return _parsed(where, file.read_bytes())
    except FileNotFoundError:
        return State(where)
    except OSError as error:
        return State(where, unknown=f"{error.strerror}")


def _s3(backend: s.S3Backend, key: str, aws: Aws) -> State:
    where = f"s3://{backend.bucket}/{key}"
    try:
        found = aws.in_region(backend.region).find(
            "s3", "get_object", ("NoSuchKey", "NoSuchBucket"), Bucket=backend.bucket, Key=key
        )
        return State(where) if found is None else _parsed(where, found["Body"].read())
    except (CouldNotLookError, ClientError, BotoCoreError) as error:
        return State(where, unknown=str(error))


def _cloud(folder: Path, backend: s.CloudBackend, suffix: str) -> State:
    """Ask Terraform, which has what it takes to reach its cloud once it was initialized."""
    hostname = backend.hostname
    if (other := _initialized_otherwise(folder, backend, suffix)) is not None:
        return State(hostname, unknown=other)
    name = terraform_name()
    try:
        with processes.child(
            [name, "state", "pull"],
            cwd=folder,
            env={**os.environ, "CHECKPOINT_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            stdout, stderr = process.communicate()
    except FileNotFoundError:
        return State(hostname, unknown=f"there is no {name} on the PATH to ask")
    except OSError as error:
        return State(hostname, unknown=f"{name} cannot be started: {error.strerror}")
    if process.returncode:
        return State(hostname, unknown=f"`terraform state pull` failed: {stderr.strip()}")
    return _parsed(hostname, stdout) if stdout.strip() else State(hostname)


def _initialized_otherwise(folder: Path, backend: s.CloudBackend, suffix: str) -> str | None:
    """Why the folder would give another state than this environment's; nothing where it would not.

    Copies of an environment share its folder, and only initializing it again turns it to another
    workspace.
    """
    try:
        text = (folder / ".terraform" / "terraform.tfstate").read_bytes()
        config = json.loads(text)["backend"]["config"]
        workspaces = config["workspaces"]
        found = (config["hostname"], config["organization"], workspaces.get("name"))
        tags = workspaces.get("tags") or []
        # Terraform 1.10 and newer write their type, too.
        tags = sorted(tags["value"] if isinstance(tags, dict) else tags)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "the stack's folder is not initialized here, as `cdktf diff` does"
    wanted = backend.workspace
    name = wanted.name and wanted.name.format(suffix=suffix)
    if found == (backend.hostname, backend.organization, name) and tags == sorted(
        wanted.tags or []
    ):
        return None
    return "the stack's folder was last initialized for another workspace"


def _parsed(where: str, text: str | bytes) -> State:
    try:
        return State(
            where,
            tuple(
                _resource(each, instance["attributes"])
                for each in json.loads(text)["resources"]
                if each["mode"] == "managed"
                for instance in each["instances"]
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return State(where, unknown="it is not a Terraform state of version 4")


def _resource(resource: Mapping[str, Any], attributes: Mapping[str, Any]) -> Resource:
    name = attributes.get(name_argument(resource["type"]))
    arn = _ARN.match(str(attributes.get("arn")))
    return Resource(
        resource["type"],
        name if isinstance(name, str) else None,
        f"{resource['type']}.{resource['name']}",
        account_id=arn["account"] if arn else None,
        region=attributes.get("region") or (arn["region"] if arn else None),
    )
