"""Where Terraform keeps its state, by each kind of backend."""

import json
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import boto3
import pytest

from assay_cli.doctor.checks import backend
from assay_cli.doctor.state import Project
from assay_cli.doctor.subjects import Deployment

Look = Callable[..., list[tuple[str, str, str | None]]]
Deploy = Callable[..., Deployment]

NAME = "terraform.assay-dev.tfstate"
S3 = {"type": "s3", "bucket": "terraform-state", "region": "eu-west-1"}
CLOUD = {
    "type": "cloud",
    "organization": "example",
    "hostname": "my-host.example.com",
    "workspace": {"name": "dev"},
}
VARIABLE = "TF_TOKEN_my__host_example_com"


def test_local_state_needs_a_folder_that_can_be_written(look: Look, deployment: Deploy) -> None:
    assert look(backend.backend, deployment().environment) == [("ok", f"state in {NAME}", None)]


def test_local_state_lies_beside_cdktf_json(look: Look, deployment: Deploy, tmp_path: Path) -> None:
    nowhere = deployment(at=Project(None, tmp_path))
    assert look(backend.backend, nowhere.environment) == [
        (
            "could_not_look",
            "there is no cdktf.json here, beside which Terraform keeps its state",
            "run this in the project's folder",
        )
    ]


def test_locked_local_state_is_told(look: Look, deployment: Deploy, tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.lock.info").touch()
    assert look(backend.backend, deployment().environment) == [
        (
            "warning",
            f"{NAME} is locked: Terraform is running, or was killed",
            f"wait, or `terraform force-unlock`, or rm .{NAME}.lock.info",
        )
    ]


def test_local_state_that_cannot_be_written_is_told(
    look: Look,
    deployment: Deploy,
    tmp_path: Path,
    write_state: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_state()
    asked: list[object] = []
    # Root may write everything, so the system's answer stands in for a file's mode.
    monkeypatch.setattr(os, "access", lambda path, _: asked.append(path))
    assert look(backend.backend, deployment().environment) == [
        (
            "error",
            f"{tmp_path / NAME} cannot be written",
            f"chmod u+w {tmp_path / NAME}, or another backend",
        )
    ]
    assert asked == [tmp_path / NAME]


def test_local_state_lies_beside_the_output_folder(
    look: Look, deployment: Deploy, tmp_path: Path
) -> None:
    at = Project(tmp_path, tmp_path / "build" / "cdktf.out")
    # Neither of the folders is there yet.
    assert look(backend.backend, deployment(at=at).environment) == [
        ("ok", f"state in build/{NAME}", None)
    ]
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / f".{NAME}.lock.info").touch()
    assert look(backend.backend, deployment(at=at).environment) == [
        (
            "warning",
            f"build/{NAME} is locked: Terraform is running, or was killed",
            f"wait, or `terraform force-unlock`, or rm build/.{NAME}.lock.info",
        )
    ]


Asked = list[tuple[str, str | None]]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[int], Asked]]:
    """Answers for Terraform Cloud, with the codes that a test names, and notes what was asked."""
    codes: list[int] = [200]
    asked: Asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(codes[min(len(asked), len(codes)) - 1])
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        at = f"http://127.0.0.1:{server.server_port}/{{hostname}}"
        monkeypatch.setattr(backend, "API", at)
        monkeypatch.setenv("no_proxy", "*")
        yield codes, asked
        server.shutdown()


WORKSPACE = "workspace dev of organization example on my-host.example.com"
ASKED = ("/my-host.example.com/organizations/example/workspaces/dev", "Bearer secret")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    return tmp_path


@pytest.mark.usefixtures("home")
def test_the_token_of_terraform_cloud_may_be_in_a_variable(
    look: Look,
    deployment: Deploy,
    answer: tuple[list[int], Asked],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "secret")
    assert look(backend.backend, deployment(backend=CLOUD).environment) == [
        ("ok", f"{WORKSPACE}, by {VARIABLE}", None)
    ]
    assert answer[1] == [ASKED]


def test_the_https_api_of_the_host_is_asked() -> None:
    assert backend.API.format(hostname="my-host.example.com") == (
        "https://my-host.example.com/api/v2"
    )


@pytest.mark.parametrize(
    ("codes", "level", "message", "remedy"),
    [
        (
            [401],
            "error",
            f"my-host.example.com refuses the token in {VARIABLE}",
            "terraform login my-host.example.com",
        ),
        (
            [404],
            "warning",
            f"there is no {WORKSPACE}, by {VARIABLE}",
            "nothing, if Terraform is to make the workspace; else organization, workspace or token",
        ),
        (
            [503],
            "could_not_look",
            f"my-host.example.com answers 503 to a question for {WORKSPACE}, by {VARIABLE}",
            None,
        ),
    ],
)
def test_what_terraform_cloud_does_not_give_is_told(
    look: Look,
    deployment: Deploy,
    answer: tuple[list[int], Asked],
    monkeypatch: pytest.MonkeyPatch,
    codes: list[int],
    level: str,
    message: str,
    remedy: str | None,
) -> None:
    answer[0][:] = codes
    monkeypatch.setenv(VARIABLE, "secret")
    assert look(backend.backend, deployment(backend=CLOUD).environment) == [
        (level, message, remedy)
    ]


def test_a_redirection_does_not_get_the_token(
    look: Look,
    deployment: Deploy,
    answer: tuple[list[int], Asked],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer[0][:] = [302, 404]
    monkeypatch.setenv(VARIABLE, "secret")
    ((level, _, _),) = look(backend.backend, deployment(backend=CLOUD).environment)
    assert level == "warning"
    assert answer[1] == [ASKED, ("/elsewhere", None)]


@pytest.mark.parametrize(("code", "told"), [(200, "ok"), (404, "warning")])
def test_of_workspaces_by_tags_the_organization_is_asked_for(
    look: Look,
    deployment: Deploy,
    answer: tuple[list[int], Asked],
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    told: str,
) -> None:
    answer[0][:] = [code]
    monkeypatch.setenv(VARIABLE, "secret")
    by_tags = {**CLOUD, "organization": "my own", "workspace": {"tags": ["assay"]}}
    ((level, message, _),) = look(backend.backend, deployment(backend=by_tags).environment)
    where = f"workspaces of organization my own on my-host.example.com, by {VARIABLE}"
    assert (level, message.removeprefix("there are no ")) == (told, where)
    assert answer[1][0][0] == "/my-host.example.com/organizations/my%20own/workspaces"


@pytest.mark.parametrize("token", ["secret", "two\nlines"])
def test_terraform_cloud_may_be_out_of_reach(
    look: Look, deployment: Deploy, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr(backend, "API", "http://127.0.0.1:1/{hostname}")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv(VARIABLE, token)
    ((level, message, _),) = look(backend.backend, deployment(backend=CLOUD).environment)
    assert level == "could_not_look"
    assert message.startswith("my-host.example.com is out of reach: ")


def test_the_token_of_terraform_cloud_may_be_where_login_puts_it(
    look: Look, deployment: Deploy, answer: tuple[list[int], Asked], home: Path
) -> None:
    file = home / ".terraform.d" / "credentials.tfrc.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"credentials": {"my-host.example.com": {"token": "secret"}}}))
    assert look(backend.backend, deployment(backend=CLOUD).environment) == [
        ("ok", f"{WORKSPACE}, by {file}", None)
    ]
    assert answer[1] == [ASKED]


def test_the_token_of_terraform_cloud_may_be_in_a_named_file(
    look: Look,
    deployment: Deploy,
    answer: tuple[list[int], Asked],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = home / "own.tfrc"
    file.write_text('credentials "my-host.example.com" {\n  token = "secret"\n}\n')
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(file))
    assert look(backend.backend, deployment(backend=CLOUD).environment) == [
        ("ok", f"{WORKSPACE}, by {file}", None)
    ]
    assert answer[1] == [ASKED]


@pytest.mark.parametrize(
    "text",
    [
        'credentials "my-hostXexample.com" { token = "secret" }',
        'credentials "my-host.example.com" {}',
        'credentials "my-host.example.com" {}\ncredentials "other" { token = "secret" }',
        "\N{LATIN SMALL LETTER A WITH DIAERESIS}",
        "[]",
        '{"credentials": []}',
        '{"credentials": {"other": {"token": "secret"}}}',
        '{"credentials": {"my-host.example.com": {"token": 1}}}',
    ],
)
def test_a_missing_token_of_terraform_cloud_is_told(
    look: Look, deployment: Deploy, home: Path, text: str
) -> None:
    (home / ".terraformrc").write_text(text, encoding="latin-1")
    assert look(backend.backend, deployment(backend=CLOUD).environment) == [
        (
            "error",
            (
                f"there is no token for my-host.example.com: neither in {VARIABLE} nor in "
                f"{home}/.terraform.d/credentials.tfrc.json or {home}/.terraformrc"
            ),
            f"terraform login my-host.example.com, or export {VARIABLE}=...",
        )
    ]


def test_a_bucket_for_state_needs_credentials_and_is_looked_at_with_them(
    look: Look, deployment: Deploy
) -> None:
    assert look(backend.backend, deployment(backend=S3).environment) == []
    assert look(backend.state_bucket, deployment()) == []


def make_bucket(session: boto3.Session, region: str, *, versioned: bool) -> None:
    s3 = session.client("s3", region_name=region)
    s3.create_bucket(
        Bucket="terraform-state",
        CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item]
    )
    if versioned:
        s3.put_bucket_versioning(
            Bucket="terraform-state", VersioningConfiguration={"Status": "Enabled"}
        )


def test_a_versioned_bucket_for_state_is_well(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    make_bucket(session, "eu-west-1", versioned=True)
    assert look(backend.state_bucket, deployment(backend=S3)) == [
        ("ok", "s3://terraform-state in eu-west-1", None)
    ]


def test_a_bucket_for_state_without_versions_is_told(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    make_bucket(session, "eu-west-1", versioned=False)
    assert look(backend.state_bucket, deployment(backend=S3)) == [
        (
            "warning",
            "the bucket terraform-state keeps no versions",
            (
                "aws s3api put-bucket-versioning --bucket terraform-state "
                "--versioning-configuration Status=Enabled"
            ),
        )
    ]


def test_a_bucket_for_state_in_another_region_is_told(
    look: Look, deployment: Deploy, session: boto3.Session
) -> None:
    make_bucket(session, "eu-central-1", versioned=True)
    assert look(backend.state_bucket, deployment(backend=S3)) == [
        (
            "error",
            "the bucket terraform-state is in eu-central-1, not in eu-west-1",
            "backend: {type: s3, region: eu-central-1}",
        )
    ]


def test_a_missing_bucket_for_state_is_told(look: Look, deployment: Deploy) -> None:
    assert look(backend.state_bucket, deployment(backend=S3)) == [
        ("error", "there is no bucket terraform-state", "aws s3 mb s3://terraform-state")
    ]


def test_a_bucket_for_state_that_may_not_be_looked_at_is_told(
    look: Look, deployment: Deploy, stub: Callable[..., None]
) -> None:
    stub("s3.HeadBucket", code="403", message="Forbidden")
    assert look(backend.state_bucket, deployment(backend=S3)) == [
        ("could_not_look", "AWS answered 403 to HeadBucket: Forbidden", None)
    ]


def test_nothing_is_deployed_without_state(look: Look, deployment: Deploy) -> None:
    assert look(backend.state, deployment()) == [
        ("ok", f"nothing is deployed yet, by {NAME}", None)
    ]


def test_state_of_this_account_is_well(
    look: Look, deployment: Deploy, write_state: Callable[..., None]
) -> None:
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/any"
    write_state(("aws_dynamodb_table", {"name": "any", "arn": arn}))
    assert look(backend.state, deployment()) == [("ok", f"resources in {NAME}: 1", None)]


def test_state_of_another_account_is_told(
    look: Look, deployment: Deploy, write_state: Callable[..., None]
) -> None:
    arn = "arn:aws:dynamodb:us-east-1:210987654321:table/any"
    write_state(("aws_dynamodb_table", {"name": "any", "arn": arn}))
    assert look(backend.state, deployment()) == [
        (
            "error",
            (
                f"the state in {NAME} is of account 210987654321, and the credentials are of "
                "123456789012"
            ),
            None,
        )
    ]


def test_state_that_cannot_be_read_is_told(look: Look, deployment: Deploy, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("[]", encoding="utf-8")
    assert look(backend.state, deployment()) == [
        (
            "could_not_look",
            f"the state in {NAME} is not known: it is not a Terraform state of version 4",
            None,
        )
    ]
