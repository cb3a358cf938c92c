"""How the files of all environments are read together, and what a user is told about them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay_constructs.environments import read_environments
from assay_constructs.errors import ConstructArgumentError, SettingsError
from assay_constructs.settings import Settings

PROJECT = Path(__file__).parents[2]
DEV = """\
environment_suffix: dev
region: us-east-1
recorder: {mode: create}
rules: {ec2-tag-compliance: {}}
"""
SUFFIX = "lower-case letters, digits and, between them, hyphens, 20 characters at most"
EXPRESSION = "allowed: text without ${ and %{, which Terraform would take for an expression"

Mistakes = Callable[..., list[str]]


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)


@pytest.fixture
def mistakes(tmp_path: Path) -> Mistakes:
    """Writes files, reads the folder, and returns the messages from the files' names on."""

    def mistakes(files: dict[str, str | bytes], suffix: str | None = None) -> list[str]:
        write(tmp_path, files)
        with pytest.raises(SettingsError) as caught:
            read_environments(tmp_path, environment_suffix=suffix)
        assert str(caught.value) == "\n".join(caught.value.mistakes)
        return [message.replace(f"{tmp_path}/", "") for message in caught.value.mistakes]

    return mistakes


# Files


def test_environments_are_read_by_file_name_and_sorted(tmp_path: Path) -> None:
    write(tmp_path, {f"{name}.yaml": DEV.replace("dev", name) for name in ("b", "a-1", "c")})
    (tmp_path / "README.md").write_text("not settings", encoding="utf-8")
    environments = read_environments(tmp_path)
    assert list(environments) == ["a-1", "b", "c"]
    assert [each.environment_suffix for each in environments.values()] == ["a-1", "b", "c"]


def test_the_shipped_environments_are_valid_and_dev_and_staging_share_one_recorder() -> None:
    environments = read_environments(PROJECT / "environments")
    assert list(environments) == ["dev", "production", "staging"]
    three = {"ec2-tag-compliance", "rds-backup-compliance", "s3-encryption-compliance"}
    more = {"ec2-imds-compliance", "s3-tls-compliance", "security-group-compliance"}
    for name, environment in environments.items():
        assert environment.environment_suffix == name
        expected = three | more if name == "dev" else three
        assert set(environment.enabled_rules()) == expected
    assert environments["dev"].recorder.mode == "create"
    assert environments["staging"].recorder.model_dump() == {
        "mode": "existing",
        "name": "assay-dev",
    }
    assert environments["production"].retain_data


def test_the_shipped_environments_can_be_copied() -> None:
    copies = read_environments(PROJECT / "environments", environment_suffix="pr-12")
    assert {each.environment_suffix for each in copies.values()} == {"pr-12"}


@pytest.mark.parametrize("folder", ["empty", "missing", "file"])
def test_a_folder_without_settings_is_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError) as caught:
        read_environments(tmp_path / folder)
    assert caught.value.mistakes == [
        f"{tmp_path / folder}: allowed: a folder with files named <environment>.yaml; got none"
    ]


def test_file_names_that_cannot_name_a_stack_are_refused(mistakes: Mistakes) -> None:
    allowed = "lower-case letters, digits and, between them, hyphens, 32 characters at most"
    long = "x" * 33
    assert mistakes({f"{n}.yaml": DEV for n in ("Dev", "d_v", "dev-", long)} | {"ok.yml": DEV}) == [
        f"Dev.yaml: file name: allowed: {allowed}; got 'Dev'",
        f"d_v.yaml: file name: allowed: {allowed}; got 'd_v'",
        f"dev-.yaml: file name: allowed: {allowed}; got 'dev-'",
        "ok.yml: file name: allowed: <environment>.yaml; got 'ok.yml'",
        f"{long}.yaml: file name: allowed: {allowed}; got '{long}'",
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, mistakes: Mistakes) -> None:
    (tmp_path / "dev.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    assert mistakes({}) == [
        "dev.yaml: allowed: a file that can be read; got: Is a directory",
        "gone.yaml: allowed: a file that can be read; got: No such file or directory",
    ]


# YAML


DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": allowed: keys and values; got nothing"),
        ("# only a comment\n", ": allowed: keys and values; got nothing"),
        ("- dev\n- us-east-1\n", ": allowed: keys and values; got ['dev', 'us-east-1']"),
        ("dev\n", ": allowed: keys and values; got 'dev'"),
        ("a: \xe9\n".encode("latin-1"), ":1: allowed: UTF-8 text; got the byte 0xe9"),
        (b"a: b\n\xff\xfe", ":2: allowed: UTF-8 text; got the byte 0xff"),
        ("a: b\nc: \a\n", ":2: allowed: characters that YAML allows; got U+0007"),
        ("a: b: c\n", ":1: not valid YAML: mapping values are not allowed here"),
        (
            "a: b\nc: [d\n",
            (
                ":3: not valid YAML: while parsing a flow sequence expected ',' or ']', "
                "but got '<stream end>'"
            ),
        ),
        (
            "a: 'b\n",
            ":2: not valid YAML: while scanning a quoted scalar found unexpected end of stream",
        ),
        (
            "a:\n\tb: c\n",
            (
                ":2: not valid YAML: while scanning for the next token found character '\\t' that "
                "cannot start any token"
            ),
        ),
        (
            "a: b\n---\na: c\n",
            (
                ":2: not valid YAML: expected a single document in the stream but found another "
                "document"
            ),
        ),
        ("a: *b\n", ":1: not valid YAML: found undefined alias 'b'"),
        (
            'a: "\\UFFFFFFFF"\n',
            ": not valid YAML: an escape or a version number is too large",
        ),
        ('a: "\\U00110000"\n', ": not valid YAML: an escape or a version number is too large"),
        (f"a: {DEEP}\n", ": allowed: YAML that nests less deeply"),
        (
            "a: b\nc: &c\n  d: [*c]\n",
            ":2: c.d.0: allowed: aliases of other values; got one of what it is in",
        ),
        ("a: !foo b\n", ":1: a: allowed: plain values; got the tag !foo"),
        (
            "a:\n- !!python/object/apply:os.getcwd []\n",
            ":2: a.0: allowed: plain values; got the tag !!python/object/apply:os.getcwd",
        ),
        ("a: !!binary aGk=\n", ":1: a: allowed: plain values; got the tag !!binary"),
        ("a: !!set {b}\n", ":1: a: allowed: plain values; got the tag !!set"),
        ("a: !!map b\n", ":1: a: allowed: plain values; got the tag !!map"),
        ("? !!str {a: b}\n: c\n", ":1: allowed: strings as keys; got a list or mapping"),
        ("a: !!int b\n", ":1: a: allowed: a number; got 'b'"),
        ("a: !!float b\n", ":1: a: allowed: a number; got 'b'"),
        ("a: !!bool b\n", ":1: a: allowed: true or false; got 'b'"),
        (
            f"a: {'1' * 5000}\n",
            f":1: a: allowed: a number; got '{'1' * 47}...{'1' * 48}'",
        ),
    ],
)
def test_a_file_that_is_not_plain_yaml_is_named_with_the_line(
    mistakes: Mistakes, content: str | bytes, message: str
) -> None:
    assert mistakes({"dev.yaml": content}) == [f"dev.yaml{message}"]


def test_what_yaml_itself_makes_impossible_is_told_all_at_once(mistakes: Mistakes) -> None:
    content = DEV + "1: x\nregion: y\ntags:\n  a: ${b}\n  c: !d e\n  f: !!bool g\n"
    assert mistakes({"dev.yaml": content}) == [
        "dev.yaml:5: allowed: strings as keys; got 1: put it in quotes",
        "dev.yaml:6: region: allowed: each key once; got it twice",
        f"dev.yaml:8: tags.a: {EXPRESSION}; got '${{b}}'",
        "dev.yaml:9: tags.c: allowed: plain values; got the tag !d",
        "dev.yaml:10: tags.f: allowed: true or false; got 'g'",
    ]


def test_anchors_line_ends_of_windows_and_a_byte_order_mark_are_understood(tmp_path: Path) -> None:
    content = DEV.replace("region: us-east-1", "region: &region us-east-1")
    content += "tags: {Region: *region}\n"
    (tmp_path / "dev.yaml").write_bytes(b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode())
    assert read_environments(tmp_path)["dev"].tags == {"Region": "us-east-1"}


# Several files


def test_mistakes_of_all_files_are_told_at_once(mistakes: Mistakes) -> None:
    files: dict[str, str | bytes] = {
        "a.yaml": DEV + "retain_data: maybe\nlog_retention_days: 2\n",
        "b.yaml": "",
        "c.yaml": DEV.replace("dev", "c"),
        "d.yaml": DEV.replace("us-east-1", "moon"),
    }
    found = mistakes(files, suffix="Pull Request")
    assert len(found) == 5
    assert found[0] == f"ENVIRONMENT_SUFFIX: allowed: {SUFFIX}; got 'Pull Request'"
    assert found[1].startswith("a.yaml:6: log_retention_days: allowed: ")
    assert found[2:] == [
        "a.yaml:5: retain_data: allowed: true or false; got 'maybe'",
        "b.yaml: allowed: keys and values; got nothing",
        "d.yaml:2: region: allowed: an AWS region, such as us-east-1; got 'moon'",
    ]


ACCOUNT = "account_id: '123456789012'\n"


def test_two_environments_of_one_account_cannot_have_one_suffix_or_create_two_recorders(
    mistakes: Mistakes,
) -> None:
    assert mistakes({"one.yaml": DEV + ACCOUNT, "two.yaml": DEV + ACCOUNT}) == [
        (
            "two.yaml:1: environment_suffix: allowed: one of its own, for names of IAM roles end "
            "with it in the whole account; got 'dev', as in one.yaml"
        ),
        (
            "two.yaml:3: recorder.mode: allowed: one environment with 'create' for each account "
            "and region; got 'create', as in one.yaml"
        ),
    ]


IAM = DEV.replace("ec2-tag-compliance", "iam-mfa-compliance") + ACCOUNT
GLOBAL = (
    "allowed: no global types, which us-east-1 records and AWS bills in each region; got "
    "AWS::IAM::User, as in one.yaml"
)


@pytest.mark.parametrize(
    ("recorder", "place"),
    [
        ("create", "3: recorder"),
        ("create, resource_types: [AWS::IAM::User]", "3: recorder.resource_types"),
        (
            (
                "create, record_costly_types: true, exclude_resource_types: "
                "[AWS::IAM::Group, AWS::IAM::Policy, AWS::IAM::Role]"
            ),
            "3: recorder.exclude_resource_types",
        ),
        (
            (
                "create, record_costly_types: true, all_supported: true, "
                "include_global_resource_types: true"
            ),
            "3: recorder.include_global_resource_types",
        ),
    ],
)
def test_global_types_are_recorded_in_one_region_of_an_account(
    mistakes: Mistakes, recorder: str, place: str
) -> None:
    two = IAM.replace("dev", "two").replace("us-east-1", "us-west-2").replace("create", recorder)
    assert mistakes({"one.yaml": IAM, "two.yaml": two}) == [f"two.yaml:{place}: {GLOBAL}"]


@pytest.mark.parametrize(
    "other",
    [
        IAM.replace("create", "existing, name: theirs"),
        IAM.replace("us-east-1", "us-west-2").replace("iam-mfa", "ec2-tag"),
        IAM.replace("us-east-1", "us-west-2").replace(ACCOUNT, ACCOUNT.replace("1", "2")),
    ],
)
def test_other_environments_may_do_without_the_global_types(tmp_path: Path, other: str) -> None:
    write(tmp_path, {"one.yaml": IAM, "two.yaml": other.replace("dev", "two")})
    assert len(read_environments(tmp_path)) == 2


@pytest.mark.parametrize(
    "other",
    [
        DEV,
        DEV + ACCOUNT.replace("1", "2"),
        DEV.replace("dev", "two").replace("us-east-1", "us-west-2") + ACCOUNT,
        DEV.replace("dev", "two").replace("create", "none") + ACCOUNT,
    ],
)
def test_environments_of_other_accounts_or_regions_do_not_get_in_each_others_way(
    tmp_path: Path, other: str
) -> None:
    write(tmp_path, {"one.yaml": DEV + ACCOUNT, "two.yaml": other})
    assert len(read_environments(tmp_path)) == 2


def cloud(name: str, organization: str = "us") -> str:
    return f"backend: {{type: cloud, organization: {organization}, workspace: {name}}}\n"


def test_two_environments_cannot_keep_their_state_in_one_workspace(mistakes: Mistakes) -> None:
    files: dict[str, str | bytes] = {
        "one.yaml": DEV + cloud("{name: assay-dev}"),
        "two.yaml": DEV + cloud("{name: 'assay-{suffix}'}"),
    }
    assert mistakes(files) == [
        (
            "two.yaml:5: backend.workspace.name: allowed: a workspace of its own, for it holds the "
            "state; got 'assay-dev', as in one.yaml"
        )
    ]


@pytest.mark.parametrize(
    "other", [cloud("{name: assay-two}"), cloud("{name: assay}", "them"), cloud("{tags: [a]}")]
)
def test_environments_with_workspaces_of_their_own_stand_side_by_side(
    tmp_path: Path, other: str
) -> None:
    write(tmp_path, {"one.yaml": DEV + cloud("{name: assay}"), "two.yaml": DEV + other})
    assert len(read_environments(tmp_path)) == 2


# ENVIRONMENT_SUFFIX


def test_another_suffix_makes_copies_of_all_environments(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.yaml": DEV + ACCOUNT + cloud("{name: 'assay-{suffix}'}"),
        "b.yaml": DEV.replace("dev", "b").replace("{mode: create}", "{mode: existing, name: x}"),
        "c.yaml": DEV + cloud("{tags: [assay]}"),
    }
    write(tmp_path, files)
    originals = read_environments(tmp_path)
    copies = read_environments(tmp_path, environment_suffix="pr-12")
    for name, original in originals.items():
        assert original.environment_suffix in ("dev", "b")
        expected = original.model_copy(update={"environment_suffix": "pr-12"})
        assert copies[name] == expected


@pytest.mark.parametrize("suffix", ["", "PR-1", "-a", "a-", "a_b", "x" * 21, "${x}", "a\n", "é"])
def test_a_suffix_that_cannot_end_a_name_is_refused_by_the_variables_name(
    mistakes: Mistakes, suffix: str
) -> None:
    assert mistakes({"dev.yaml": DEV}, suffix=suffix) == [
        f"ENVIRONMENT_SUFFIX: allowed: {SUFFIX}; got {suffix!r}"
    ]


def test_the_suffix_in_the_file_is_judged_even_if_it_is_overridden(mistakes: Mistakes) -> None:
    assert mistakes({"dev.yaml": DEV.replace("dev", "Dev")}, suffix="pr-1") == [
        f"dev.yaml:1: environment_suffix: allowed: {SUFFIX}; got 'Dev'"
    ]


def test_a_suffix_that_makes_a_copys_names_too_long_is_told_where_they_are(
    mistakes: Mistakes,
) -> None:
    rule = f"{'x' * 50}: {{identifier: S3_BUCKET_SSL_REQUESTS_ONLY}}"
    assert mistakes({"dev.yaml": f"{DEV}managed_rules: {{{rule}}}\n"}, suffix="x" * 20) == [
        (
            f"dev.yaml:5: managed_rules.{'x' * 50}: allowed: at most 64 characters together with "
            f"-{'x' * 20}; got 71"
        )
    ]


def test_a_copy_does_not_share_its_originals_recorder_or_workspace(mistakes: Mistakes) -> None:
    content = DEV.replace("create", "create, name: ours") + cloud("{name: assay}")
    copy = "allowed where ENVIRONMENT_SUFFIX makes a copy"
    assert mistakes({"dev.yaml": content}, suffix="pr-1") == [
        (
            f"dev.yaml:3: recorder.name: {copy}: left out, or mode 'existing', for the copy would "
            "adopt the original's recorder and delete it when destroyed; got 'ours'"
        ),
        (
            f"dev.yaml:5: backend.workspace.name: {copy}: a name with {{suffix}}, for the copy "
            "would replace the original in its workspace; got 'assay'"
        ),
    ]


def test_the_environments_own_suffix_makes_no_copy(tmp_path: Path) -> None:
    content = DEV.replace("create", "create, name: ours") + cloud("{name: assay}")
    write(tmp_path, {"dev.yaml": content})
    copies = read_environments(tmp_path, environment_suffix="dev")
    assert copies == read_environments(tmp_path)


def test_a_suffix_that_another_environment_has_is_refused(mistakes: Mistakes) -> None:
    files: dict[str, str | bytes] = {
        "dev.yaml": DEV,
        "production.yaml": DEV.replace("dev", "production"),
        "staging.yaml": DEV.replace("dev", "staging"),
    }
    assert mistakes(files, suffix="dev") == [
        (
            "ENVIRONMENT_SUFFIX: allowed: a suffix of no environment in the folder, for copies of "
            "production and staging would take the resource names of dev; got 'dev'"
        )
    ]


def test_a_suffix_that_all_environments_have_already_makes_no_copy(tmp_path: Path) -> None:
    write(tmp_path, {"one.yaml": DEV, "two.yaml": DEV})
    assert read_environments(tmp_path, environment_suffix="dev") == read_environments(tmp_path)


# Errors


def test_an_argument_error_names_argument_allowed_and_received() -> None:
    error = ConstructArgumentError("name", "at most 3 characters", "four")
    assert str(error) == "name must be at most 3 characters; received 'four'"
    assert isinstance(error, ValueError)


def test_an_argument_error_shortens_what_is_long() -> None:
    error = ConstructArgumentError("name", "at most 3 characters", "x" * 5000)
    assert str(error) == (f"name must be at most 3 characters; received '{'x' * 47}...{'x' * 48}'")


# Properties

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(max_size=20)
    | st.sampled_from(["create", "s3", "cloud", "dev", "us-east-1", "rate(1 hour)", "high"]),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["mode", "type", "name", "[key]", "emails"]),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)
COMPLETE: dict[str, Any] = {
    "environment_suffix": "dev",
    "region": "us-east-1",
    "account_id": "123456789012",
    "tags": {"Team": "platform"},
    "recorder": {
        "mode": "create",
        "resource_types": ["AWS::EC2::Instance"],
        "recording_frequency_overrides": [
            {"resource_types": ["AWS::EC2::Instance"], "recording_frequency": "DAILY"}
        ],
    },
    "schedules": {"evaluation": "rate(1 hour)", "silence_hours": 7},
    "alerts": {
        "emails": ["a@b.example"],
        "subscriptions": [
            {
                "protocol": "https",
                "endpoint": "https://example.com",
                "filter_policy": {"severity": ["high"], "region": [{"prefix": "eu"}]},
            }
        ],
    },
    "rules": {
        "ec2-tag-compliance": {
            "severity": "high",
            "parameters": {"required_tags": {"Owner": []}},
            "config_triggers": ["periodic"],
            "maximum_execution_frequency": "One_Hour",
            "remediation": {
                "document": "Mend",
                "automatic": True,
                "maximum_automatic_attempts": 3,
                "parameters": {
                    "Id": {"resource_value": "RESOURCE_ID"},
                    "Tags": {"static_values": ["a", "b"]},
                },
                "permissions": [{"actions": ["ec2:CreateTags"], "resources": ["*"]}],
            },
        }
    },
    "managed_rules": {
        "desired-instance-type": {
            "input_parameters": {"instanceType": ["t3.micro"]},
            "evaluation_modes": ["DETECTIVE"],
        }
    },
    "guard_rules": {
        "names": {
            "file": "names.guard",
            "input_parameters": {"prefix": "a"},
            "tests": {"pass": ["names.guard"]},
        }
    },
    "conformance_packs": {
        "storage": {"template_s3_uri": "s3://bucket/key", "input_parameters": {"Days": 1}}
    },
    "history_retention_days": 30,
    "backend": {"type": "cloud", "organization": "us", "workspace": {"name": "assay"}},
}


Place = tuple[str | int, ...]


def _places(value: Any, place: Place = ()) -> list[Place]:
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    else:
        steps = []
    return [place, *(below for step, each in steps for below in _places(each, (*place, step)))]


def _changed(value: Any, place: Place, new: Any) -> Any:
    if not place:
        return new
    step, *rest = place
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[step] = _changed(copy[step], tuple(rest), new)
    return copy


def _mistakes(folder: Path, content: bytes) -> list[str]:
    """The mistakes in a file's content; none when it is valid."""
    (folder / "names.guard").write_text("rule named { resourceName exists }", encoding="utf-8")
    file = folder / "dev.yaml"
    file.write_bytes(content)
    mistakes: list[str] = []
    try:
        environments = read_environments(folder)
    except SettingsError as error:
        mistakes = error.mistakes
    else:
        assert isinstance(environments["dev"], Settings)
    assert all(mistake.startswith(f"{file}:") for mistake in mistakes)
    return mistakes


PROPERTY = settings(max_examples=200)


@PROPERTY
@given(place=st.sampled_from(_places(COMPLETE)), new=VALUES)
def test_any_value_anywhere_is_a_setting_or_a_mistake_that_names_its_place(
    tmp_path: Path, place: Place, new: Any
) -> None:
    content = yaml.safe_dump(_changed(COMPLETE, place, new), allow_unicode=True).encode()
    mistakes = _mistakes(tmp_path, content)
    setting = str(place[0]) if place else ""
    assert not mistakes or any(setting in mistake for mistake in mistakes)


@PROPERTY
@given(content=st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
@example(content=b"%YAML 99999999999999999999.1\n---\na: b")
@example(content=b"a: 0b_")
@example(content=b'? "\\uD800"\n: "\\uDFFF"')
def test_any_bytes_are_a_mistake_and_never_a_traceback(tmp_path: Path, content: bytes) -> None:
    assert _mistakes(tmp_path, content)
