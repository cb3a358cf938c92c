"""An AWS in this process, answers that it lacks, and environments to look at it with."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.loaders import Loader, create_loader
from botocore.model import OperationModel
from moto import mock_aws

from assay_cli.doctor.aws import Aws, iam_action
from assay_cli.doctor.check import Check
from assay_cli.doctor.state import Project
from assay_cli.doctor.subjects import Deployment, Environment, Place
from assay_constructs.settings import Settings

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
PRINCIPAL = f"arn:aws:iam::{ACCOUNT_ID}:user/moto"

# JSON of any shape.
Json = Any


@pytest.fixture(scope="session")
def loader() -> Loader:
    """Reads the descriptions of AWS's APIs once for all tests."""
    return create_loader()


@pytest.fixture
def session(loader: Loader) -> Iterator[boto3.Session]:
    """A session in an empty AWS."""
    core = botocore.session.get_session()
    core.register_component("data_loader", loader)
    with mock_aws():
        yield boto3.Session(
            aws_access_key_id="any",
            aws_secret_access_key="any",
            region_name=REGION,
            botocore_session=core,
        )


@pytest.fixture
def aws(session: boto3.Session) -> Aws:
    return Aws(session, REGION)


@pytest.fixture
def stub(session: boto3.Session) -> Callable[..., None]:
    """Answers an operation in place of moto: `config.DescribeHub`, a code and message, or both."""

    def answer_with(
        operation: str, answer: Json = None, *, code: str | None = None, message: str = ""
    ) -> None:
        parsed = {"Error": {"Code": code, "Message": message}} if code else answer
        http = SimpleNamespace(status_code=400 if code else 200)

        def answered(**_: object) -> Any:
            return http, parsed

        session.events.register_first(f"before-call.{operation}", answered)

    return answer_with


@pytest.fixture
def deny(stub: Callable[..., None]) -> Callable[..., None]:
    """Denies an operation."""

    def denied(operation: str, message: str = "no") -> None:
        stub(operation, code="AccessDeniedException", message=message)

    return denied


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with nothing but its cdktf.json."""
    (tmp_path / "cdktf.json").write_text("{}", encoding="utf-8")
    return Project(tmp_path, tmp_path / "cdktf.out")


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    """Settings of an environment, dev's where nothing else is given."""

    def make(**given: Json) -> Settings:
        return Settings.model_validate(
            {
                "environment_suffix": "dev",
                "region": REGION,
                "recorder": {"mode": "create"},
                "rules": {"s3-encryption-compliance": {}},
                **given,
            }
        )

    return make


@dataclass(frozen=True)
class Written(Environment):
    """An environment whose stack is written by a test instead of synthesized."""

    stack: dict[str, Json] = field(default_factory=dict)


def _recorder(name: str) -> dict[str, Json]:
    return {
        "Config_Recorder": {
            "name": name,
            "recording_group": {
                "all_supported": False,
                "include_global_resource_types": False,
                "recording_strategy": [{"use_only": "INCLUSION_BY_RESOURCE_TYPES"}],
                "resource_types": ["AWS::S3::Bucket"],
            },
        }
    }


@pytest.fixture
def deployment(
    aws: Aws, project: Project, make_settings: Callable[..., Settings]
) -> Callable[..., Deployment]:
    """Makes an environment in the account, by its stack's resources and its settings."""

    def deploy(
        resources: Mapping[str, Mapping[str, Json]] | None = None,
        *,
        others: Mapping[str, Settings] | None = None,
        asked_for: bool = True,
        principal: str = PRINCIPAL,
        at: Project = project,
        **given: Json,
    ) -> Deployment:
        settings = make_settings(**given)
        stack: dict[str, Json] = {"resource": dict(resources or {})}
        if settings.recorder.mode == "create":
            name = settings.recorder.name or f"assay-{settings.environment_suffix}"
            stack["resource"].setdefault("aws_config_configuration_recorder", _recorder(name))
        environment = Written("dev", settings, at, others or {}, asked_for, stack)
        return Deployment(aws, ACCOUNT_ID, principal, environment)

    return deploy


@pytest.fixture
def place(aws: Aws) -> Place:
    """The account, without an environment."""
    return Place(aws, ACCOUNT_ID, PRINCIPAL)


@pytest.fixture
def write_state(project: Project) -> Callable[..., None]:
    """Writes dev's local state: resources by Terraform type and attributes."""

    def write(*found: tuple[str, Json]) -> None:
        resources = [
            {
                "mode": "managed",
                "type": kind,
                "name": f"Number_{number}",
                "instances": [{"attributes": attributes}],
            }
            for number, (kind, attributes) in enumerate(found)
        ]
        assert project.folder is not None
        text = json.dumps({"version": 4, "resources": resources})
        (project.folder / "terraform.assay-dev.tfstate").write_text(text, encoding="utf-8")

    return write


@pytest.fixture
def put_recorder(session: boto3.Session) -> Callable[..., None]:
    """Makes a recorder, with its role, bucket and delivery channel."""

    def put(
        name: str = "default",
        *,
        group: Json = None,
        role: str = "platform-config",
        tags: Mapping[str, str] | None = None,
        region: str = REGION,
        channel: bool = True,
    ) -> None:
        iam = session.client("iam")
        listed = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}", Tags=listed)  # type: ignore[arg-type]
        config = session.client("config", region_name=region)
        config.put_configuration_recorder(
            ConfigurationRecorder={
                "name": name,
                "roleARN": f"arn:aws:iam::{ACCOUNT_ID}:role/{role}",
                "recordingGroup": group or {"allSupported": True},
            }
        )
        if channel:
            session.client("s3").create_bucket(Bucket="org-config")
            config.put_delivery_channel(
                DeliveryChannel={"name": name, "s3BucketName": "org-config"}
            )

    return put


@pytest.fixture
def called(session: boto3.Session) -> set[str]:
    """IAM actions of all that was called."""
    actions: set[str] = set()

    def note(model: OperationModel, **_: object) -> None:
        actions.add(iam_action(model.service_model.signing_name, model.name))

    session.events.register("before-parameter-build", note)
    return actions


@pytest.fixture
def look(called: set[str]) -> Callable[..., list[tuple[str, str, str | None]]]:
    """Runs a check: levels, messages and remedies of what it finds.

    It may not call what it does not declare.
    """

    def run(check: Check[Any], subject: object) -> list[tuple[str, str, str | None]]:
        called.clear()
        found = [(str(each.level), each.message, each.remedy) for each in check.run(subject)]
        assert called <= set(check.actions)
        return found

    return run


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a terraform on the PATH that answers with a shell script."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    def put(script: str) -> None:
        (programs / "terraform").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (programs / "terraform").chmod(0o755)

    return put
