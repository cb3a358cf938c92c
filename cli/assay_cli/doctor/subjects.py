"""What checks look at: this machine, an environment's settings, an account and region."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from tempfile import TemporaryDirectory
from typing import Any

from assay_cli.doctor.aws import Aws
from assay_cli.doctor.recorders import Recorder, recorders
from assay_cli.doctor.state import Project, State, name_argument, read_state
from assay_constructs.settings import Settings

# Its type in Terraform.
RECORDER = "aws_config_configuration_recorder"

_ACCOUNT_ID = re.compile(r"\$\{data\.aws_caller_identity\.[\w-]+\.account_id\}")


@dataclass(frozen=True)
class Environment:
    """An environment as its settings have it.

    Attributes:
        name: Its name.
        settings: Its settings.
        project: Where it is deployed from.
        others: All other environments of the settings, by name.
        asked_for: Whether it is this one that the user asks about, and not just all of them.
    """

    name: str
    settings: Settings
    project: Project
    others: Mapping[str, Settings]
    asked_for: bool = True

    @cached_property
    def stack(self) -> dict[str, Any]:
        """What Terraform would get: the synthesized stack.

        Raises:
            ConstructArgumentError: It cannot be synthesized.
        """
        # Node.js starts with these, which takes a second.
        from cdktf import App, Testing  # noqa: PLC0415

        from assay_constructs.stack import ComplianceStack  # noqa: PLC0415

        with TemporaryDirectory() as folder:
            stack = ComplianceStack(App(outdir=folder), self.name, settings=self.settings)
            synthesized: dict[str, Any] = json.loads(Testing.synth(stack))
        return synthesized

    def resources(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """The resources of a Terraform type, by their names in Terraform."""
        found: dict[str, dict[str, Any]] = self.stack["resource"].get(resource_type, {})
        return found

    @property
    def recorder_name(self) -> str:
        """The name of the recorder that is made or used; empty without AWS Config."""
        recorder = self.settings.recorder
        if recorder.mode == "none":
            return ""
        return recorder.name or f"assay-{self.settings.environment_suffix}"


@dataclass(frozen=True)
class Place:
    """An account and region that credentials reach.

    Attributes:
        aws: The region.
        account_id: The account.
        principal: ARN of whom the credentials are.
    """

    aws: Aws
    account_id: str
    principal: str

    @property
    def partition(self) -> str:
        """The partition, such as `aws`."""
        return self.principal.split(":")[1]

    @property
    def recorders(self) -> tuple[Recorder, ...]:
        """The customer-managed recorders: none or one, as AWS allows no more."""
        return recorders(self.aws)

    @property
    def recorder(self) -> Recorder | None:
        """The recorder that matters here."""
        return next(iter(self.recorders), None)


@dataclass(frozen=True)
class Deployment(Place):
    """An environment in the account and region that it is deployed to.

    Attributes:
        environment: The environment.
    """

    environment: Environment

    @cached_property
    def state(self) -> State:
        """The environment's Terraform state."""
        each = self.environment
        return read_state(each.name, each.settings, each.project, self.aws)

    def owns(self, resource_type: str, name: str) -> bool | None:
        """Whether a resource here is the environment's own; `None` where that is not known."""
        return self.state.owns(
            resource_type, name, account_id=self.account_id, region=self.aws.region
        )

    @property
    def mode(self) -> str:
        """Who owns the recorder, by the settings."""
        return self.environment.settings.recorder.mode

    @property
    def recorder(self) -> Recorder | None:
        """The recorder that the environment owns or uses, if it is there."""
        wanted = self.environment.recorder_name
        if self.mode == "create" and self.owns(RECORDER, wanted) is False:
            # One of that name is somebody else's.
            return None
        return next((each for each in self.recorders if each.name == wanted), None)

    def names(self, resource_type: str) -> tuple[str, ...]:
        """Names in AWS of the environment's resources of a Terraform type, as far as known."""
        argument = name_argument(resource_type)
        bodies = self.environment.resources(resource_type).values()
        names = (_ACCOUNT_ID.sub(self.account_id, body[argument]) for body in bodies)
        return tuple(sorted(name for name in names if "${" not in name))

    def taken(self, resource_type: str) -> tuple[str, ...]:
        """The same, without those that are the environment's own already."""
        return tuple(
            each for each in self.names(resource_type) if not self.owns(resource_type, each)
        )
