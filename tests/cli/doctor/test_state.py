"""Terraform's state, wherever it lies, tells what is an environment's own."""

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import IncompleteReadError

from assay_cli.doctor.aws import Aws
from assay_cli.doctor.state import Project, Resource, State, name_argument, read_state
from assay_constructs.settings import Settings

NAME = "terraform.assay-dev.tfstate"
S3 = {"type": "s3", "bucket": "terraform-state", "region": "eu-west-1"}
CLOUD = {"type": "cloud", "organization": "example", "workspace": {"name": "dev"}}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:judge"
RESOURCES = [
    {
        "mode": "managed",
        "type": "aws_lambda_function",
        "name": "Judge",
        "instances": [{"attributes": {"function_name": "judge", "arn": ARN}}],
    },
    {
        "mode": "managed",
        "type": "aws_sns_topic_policy",
        "name": "Policy",
        "instances": [{"attributes": {}}],
    },
    {"mode": "data", "type": "aws_iam_role", "instances": [{"attributes": {"name": "seen"}}]},
]
TEXT = json.dumps({"version": 4, "resources": RESOURCES})
KNOWN = (
    Resource(
        "aws_lambda_function", "judge", "aws_lambda_function.Judge", "123456789012", "us-east-1"
    ),
    Resource("aws_sns_topic_policy", None, "aws_sns_topic_policy.Policy"),
)
HERE = {"account_id": "123456789012", "region": "us-east-1"}

Read = Callable[..., State]


@pytest.fixture
def read(project: Project, aws: Aws, make_settings: Callable[..., Settings]) -> Read:
    """Reads dev's state with a backend."""

    def run(*, at: Project = project, **given: object) -> State:
        return read_state("dev", make_settings(**given), at, aws)

    return run


def test_names_are_where_terraform_has_them() -> None:
    kinds = ("aws_s3_bucket", "aws_lambda_function", "aws_dynamodb_table")
    assert [name_argument(kind) for kind in kinds] == ["bucket", "function_name", "name"]


def test_state_owns_what_is_in_it() -> None:
    known = State("here", KNOWN)
    assert known.owns("aws_lambda_function", "judge", **HERE) is True
    assert known.owns("aws_lambda_function", "other", **HERE) is False
    assert known.owns("aws_iam_role", "judge", **HERE) is False
    assert State("here", unknown="why").owns("aws_lambda_function", "judge", **HERE) is None


RECORDER = ("aws_config_configuration_recorder", "assay-dev")
ROLE = Resource("aws_iam_role", "any", "aws_iam_role.Any", "123456789012", "")


def recorder(account_id: str | None = None, region: str | None = None) -> Resource:
    return Resource(*RECORDER, ".".join(RECORDER), account_id, region)


@pytest.mark.parametrize(
    ("resources", "owned"),
    [
        ([recorder()], True),
        ([recorder("123456789012", "us-east-1")], True),
        ([recorder("210987654321")], False),
        ([recorder(region="eu-west-1")], False),
        # What it does not tell, the others do, where they agree.
        ([recorder(), Resource("t", "n", "t.n", "123456789012", "us-east-1")], True),
        ([recorder(), Resource("t", "n", "t.n", "210987654321")], False),
        ([recorder(), Resource("t", "n", "t.n", region="eu-west-1")], False),
        ([recorder(), *(Resource("t", "n", "t.n", None, f"eu-west-{n}") for n in (1, 2))], True),
        ([recorder(region="us-east-1"), Resource("t", "n", "t.n", region="eu-west-1")], True),
        ([recorder(), ROLE], True),
    ],
)
def test_what_is_elsewhere_is_not_owned_here(resources: list[Resource], owned: bool) -> None:
    assert State("here", tuple(resources)).owns(*RECORDER, **HERE) is owned


def test_global_resources_have_no_region() -> None:
    state = State("here", (ROLE, Resource("t", "n", "t.n", "123456789012", "eu-west-1")))
    assert state.place(ROLE) == ("123456789012", None)
    assert state.owns("aws_iam_role", "any", **HERE) is True


def test_the_region_of_a_resource_is_its_attribute_or_in_its_arn(
    read: Read, write_state: Callable[..., None]
) -> None:
    arn = "arn:aws:iam::210987654321:role/r"
    write_state(
        ("aws_config_delivery_channel", {"name": "c", "region": "eu-west-1"}),
        ("aws_iam_role", {"name": "r", "arn": arn}),
        ("aws_s3_bucket", {"bucket": "b", "arn": "arn:aws:s3:::b"}),
    )
    assert [(each.name, each.account_id, each.region) for each in read().resources] == [
        ("c", None, "eu-west-1"),
        ("r", "210987654321", ""),
        ("b", None, None),
    ]


def test_local_state_is_read(read: Read, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(TEXT, encoding="utf-8")
    assert read() == State(NAME, KNOWN)


def test_a_copy_has_local_state_of_its_own(read: Read) -> None:
    assert read(environment_suffix="pr42") == State("terraform.assay-dev.pr42.tfstate")


def test_without_local_state_nothing_is_deployed(read: Read) -> None:
    assert read() == State(NAME)


def test_local_state_lies_three_folders_above_the_stacks(read: Read, tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / NAME).write_text(TEXT, encoding="utf-8")
    at = Project(tmp_path, tmp_path / "build" / "cdktf.out")
    assert read(at=at) == State(f"build/{NAME}", KNOWN)
    stack = at.stack_folder("dev")
    assert (stack / "../../..").resolve() == at.state_file("dev", "dev").parent


def test_without_a_project_local_state_is_not_known(read: Read, tmp_path: Path) -> None:
    assert read(at=Project(None, tmp_path)) == State(
        NAME, unknown="there is no cdktf.json here, beside which it would lie"
    )


def test_local_state_that_cannot_be_opened_is_not_known(read: Read, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    assert read() == State(NAME, unknown="Is a directory")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\N{LATIN SMALL LETTER A WITH DIAERESIS}",
        "[]",
        "{}",
        '{"resources": [{}]}',
        '{"resources": [{"mode": "managed", "type": "t"}]}',
        json.dumps({"resources": [{**RESOURCES[0], "instances": [{"attributes": None}]}]}),
    ],
)
def test_what_is_no_state_is_not_known(read: Read, tmp_path: Path, text: str) -> None:
    # Of one of them, the bytes are no UTF-8 either.
    (tmp_path / NAME).write_text(text, encoding="latin-1")
    assert read() == State(NAME, unknown="it is not a Terraform state of version 4")


@pytest.fixture
def bucket(session: boto3.Session) -> None:
    session.client("s3", region_name="eu-west-1").create_bucket(
        Bucket="terraform-state", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )


WHERE = "s3://terraform-state/assay/assay-dev.tfstate"


@pytest.mark.usefixtures("bucket")
def test_state_in_s3_is_read(read: Read, session: boto3.Session) -> None:
    session.client("s3").put_object(
        Bucket="terraform-state", Key="assay/assay-dev.tfstate", Body=TEXT.encode()
    )
    assert read(backend=S3) == State(WHERE, KNOWN)


@pytest.mark.usefixtures("bucket")
def test_without_state_in_s3_nothing_is_deployed(read: Read) -> None:
    assert read(backend=S3) == State(WHERE)


def test_without_a_bucket_nothing_is_deployed(read: Read) -> None:
    assert read(backend=S3) == State(WHERE)


def test_state_in_s3_that_may_not_be_read_is_not_known(
    read: Read, stub: Callable[..., None]
) -> None:
    stub("s3.GetObject", code="AccessDenied")
    assert read(backend=S3) == State(WHERE, unknown="the credentials lack s3:GetObject")


def test_state_in_s3_that_s3_keeps_for_itself_is_not_known(
    read: Read, stub: Callable[..., None]
) -> None:
    stub("s3.GetObject", code="InvalidObjectState", message="archived")
    found = read(backend=S3)
    assert "InvalidObjectState" in (found.unknown or "")


@pytest.mark.usefixtures("bucket")
def test_state_in_s3_that_breaks_off_is_not_known(read: Read, stub: Callable[..., None]) -> None:
    class Broken:
        def read(self) -> bytes:
            raise IncompleteReadError(actual_bytes=1, expected_bytes=2)

    stub("s3.GetObject", {"Body": Broken()})
    assert "1 read, but total bytes expected is 2" in (read(backend=S3).unknown or "")


@pytest.fixture
def initialize(project: Project) -> Callable[..., Path]:
    """Leaves the stack's folder as `terraform init` does."""

    def run(text: str | None = None, **workspaces: object) -> Path:
        folder = project.stack_folder("dev")
        (folder / ".terraform").mkdir(parents=True)
        config = {"hostname": "app.terraform.io", "organization": "example"}
        backend = {"type": "cloud", "config": {**config, "workspaces": workspaces}}
        told = json.dumps({"version": 3, "backend": backend}) if text is None else text
        (folder / ".terraform" / "terraform.tfstate").write_text(told, encoding="utf-8")
        return folder

    return run


@pytest.fixture
def initialized(initialize: Callable[..., Path]) -> Path:
    """The stack's folder, initialized for the settings' workspace."""
    return initialize(name="dev", tags=None)


def test_state_in_terraform_cloud_is_not_known_before_the_folder_is_initialized(
    read: Read,
) -> None:
    assert read(backend=CLOUD) == State(
        "app.terraform.io",
        unknown="the stack's folder is not initialized here, as `cdktf diff` does",
    )


NOT_INITIALIZED = "the stack's folder is not initialized here, as `cdktf diff` does"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"backend": null}', '{"backend": {}}'])
def test_a_folder_that_cannot_be_read_counts_as_not_initialized(
    read: Read, initialize: Callable[..., Path], text: str
) -> None:
    initialize(text)
    assert read(backend=CLOUD).unknown == NOT_INITIALIZED


# As Terraform writes what may be of several types.
TYPED = {"value": ["a"], "type": ["tuple", ["string"]]}


def cloud(**given: object) -> dict[str, object]:
    return {**CLOUD, "workspace": {"name": "assay-{suffix}"}, **given}


@pytest.mark.parametrize(
    ("workspaces", "given", "known"),
    [
        ({"name": "assay-dev"}, {}, True),
        ({"name": "assay-pr42"}, {}, False),
        ({"name": "assay-dev"}, {"organization": "other"}, False),
        ({"name": "assay-dev"}, {"hostname": "terraform.example.com"}, False),
        ({"name": None, "tags": ["b", "a"]}, {"workspace": {"tags": ["a", "b"]}}, True),
        ({"name": None, "tags": ["a"]}, {"workspace": {"tags": ["a", "b"]}}, False),
        ({"name": None, "tags": TYPED}, {"workspace": {"tags": ["a"]}}, True),
        ({"name": None, "tags": TYPED}, {"workspace": {"tags": ["b"]}}, False),
    ],
)
def test_state_of_another_workspace_is_not_this_environments(
    read: Read,
    initialize: Callable[..., Path],
    terraform: Callable[[str], None],
    workspaces: dict[str, object],
    given: dict[str, object],
    known: bool,
) -> None:
    initialize(**workspaces)
    terraform("exit 0")
    told = None if known else "the stack's folder was last initialized for another workspace"
    assert read(backend=cloud(**given)).unknown == told


@pytest.mark.usefixtures("initialized")
def test_state_is_not_known_where_terraform_cannot_be_started(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").write_bytes(b"\0")
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", str(tmp_path / "broken"))
    assert read(backend=CLOUD).unknown == (
        f"{tmp_path / 'broken'} cannot be started: Exec format error"
    )


def test_state_in_terraform_cloud_is_asked_of_terraform(
    read: Read, terraform: Callable[[str], None], initialized: Path
) -> None:
    (initialized / "answer.json").write_text(TEXT, encoding="utf-8")
    terraform('[ "$*" = "state pull" ] && cat answer.json')
    assert read(backend=CLOUD) == State("app.terraform.io", KNOWN)


@pytest.mark.usefixtures("initialized")
def test_an_empty_workspace_has_nothing_deployed(
    read: Read, terraform: Callable[[str], None]
) -> None:
    terraform("exit 0")
    assert read(backend=CLOUD) == State("app.terraform.io")


@pytest.mark.usefixtures("initialized")
def test_without_terraform_state_in_its_cloud_is_not_known(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", "tofu")
    monkeypatch.setenv("PATH", "")
    assert read(backend=CLOUD) == State(
        "app.terraform.io", unknown="there is no tofu on the PATH to ask"
    )


@pytest.mark.usefixtures("initialized")
def test_state_that_terraform_does_not_get_is_not_known(
    read: Read, terraform: Callable[[str], None]
) -> None:
    terraform("echo 'no token' >&2; exit 1")
    assert read(backend=CLOUD) == State(
        "app.terraform.io", unknown="`terraform state pull` failed: no token"
    )
