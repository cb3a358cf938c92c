"""What settings of AWS Config mean; `test_wrong_settings.py` has what they may not be."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from assay.rule import Permission
from assay_constructs.config_settings import (
    ConformancePackSettings,
    GuardRuleSettings,
    RecorderCreate,
    RemediationSettings,
)
from assay_constructs.environments import read_environments
from assay_constructs.errors import SettingsError
from assay_constructs.recording import Recording
from assay_constructs.settings import Settings

Reader = Callable[[str], Settings]

HEAD = "environment_suffix: dev\nregion: us-east-1\nrules: {s3-encryption-compliance: {}}\n"
POLICY = "rule named { resourceName exists }"
TEMPLATE = (
    "Resources:\n  A: {Type: AWS::Config::ConfigRule}\n  B: {Type: AWS::Config::ConfigRule}\n"
)


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Reads a text as the settings of the environment dev, which stands beside two files."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "names.guard").write_text(POLICY, encoding="utf-8")
    (tmp_path / "policies" / "pack.yaml").write_text(TEMPLATE, encoding="utf-8")

    def read(text: str) -> Settings:
        (tmp_path / "dev.yaml").write_text(HEAD + text, encoding="utf-8")
        return read_environments(tmp_path)["dev"]

    return read


def test_a_recorder_records_what_rules_of_every_kind_judge_on_changes(read: Reader) -> None:
    settings = read(
        "recorder: {mode: create}\n"
        "managed_rules:\n"
        "  access-keys-rotated: {input_parameters: {maxAccessKeyAge: 90}}\n"
        "  s3-bucket-versioning-enabled: {}\n"
        "  required-tags:\n"
        "    input_parameters: {tag1Key: Team}\n"
        "    resource_types: [AWS::DynamoDB::Table]\n"
        "  ec2-imdsv2-check: {enabled: false}\n"
        "  news: {identifier: SOMETHING_NEW, allow_unknown: true}\n"
        "guard_rules:\n"
        "  names: {file: policies/names.guard, resource_types: [AWS::SNS::Topic]}\n"
        "  mute: {file: policies/names.guard, resource_types: [AWS::SQS::Queue], enabled: false}\n"
    )
    assert {each.rule: each.resource_types for each in settings.judged()} == {
        "s3-encryption-compliance": ("AWS::S3::Bucket",),
        "access-keys-rotated": (),
        "s3-bucket-versioning-enabled": ("AWS::S3::Bucket",),
        "required-tags": ("AWS::DynamoDB::Table",),
        "news": (),
        "names": ("AWS::SNS::Topic",),
    }
    types = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SNS::Topic")
    assert settings.recording() == Recording(resource_types=types)


def test_a_recorder_records_what_the_rules_of_packs_judge_but_nothing_for_periodic_ones(
    read: Reader, tmp_path: Path
) -> None:
    (tmp_path / "policies" / "rds.yaml").write_text(
        "Resources:\n  Rds:\n    Type: AWS::Config::ConfigRule\n    Properties:\n"
        "      Source: {Owner: AWS, SourceIdentifier: RDS_STORAGE_ENCRYPTED}\n",
        encoding="utf-8",
    )
    settings = read(
        "recorder: {mode: create}\n"
        "conformance_packs:\n"
        "  storage: {template_file: policies/rds.yaml}\n"
        "  large: {template_s3_uri: s3://bucket/key}\n"
    )
    types = ("AWS::RDS::DBInstance", "AWS::S3::Bucket")
    assert settings.recording() == Recording(resource_types=types)
    rules = {"s3-encryption-compliance": {"config_triggers": ["periodic"]}}
    periodic = Settings.model_validate({**settings.model_dump(), "rules": rules})
    assert periodic.recording() == Recording(resource_types=types[:1])


def test_one_of_the_types_that_a_rule_judges_is_enough(read: Reader) -> None:
    settings = read(
        "recorder: {mode: create, resource_types: [AWS::S3::Bucket, AWS::EC2::Volume]}\n"
        "managed_rules: {required-tags: {input_parameters: {tag1Key: Team}}}\n"
    )
    assert settings.recording() == Recording(resource_types=["AWS::S3::Bucket", "AWS::EC2::Volume"])


def test_an_override_of_types_that_rules_judge_is_checked_against_those(read: Reader) -> None:
    override = "recording_frequency_overrides:\n  - recording_frequency: DAILY\n    resource_types:"
    recorder = f"recorder:\n  mode: create\n  {override}"
    recording = read(f"{recorder} [AWS::S3::Bucket]\n").recording()
    assert recording is not None
    assert recording.override_recording_frequency == "DAILY"
    assert recording.override_resource_types == ["AWS::S3::Bucket"]
    with pytest.raises(SettingsError, match="types that are recorded; got 'AWS::EC2::Volume'"):
        read(f"{recorder} [AWS::EC2::Volume]\n")


def test_excluding_global_types_is_no_mistake_where_there_are_none(read: Reader) -> None:
    """In a region without them AWS Config leaves them out anyway."""
    recorder = (
        "recorder: {mode: create, record_costly_types: true, "
        "exclude_resource_types: [AWS::EC2::NetworkInterface]}\n"
    )
    settings = read(recorder)
    place, types = settings.global_resource_types()
    assert place == ("recorder", "exclude_resource_types")
    assert types == ("AWS::IAM::Group", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::IAM::User")
    late = Settings.model_validate({**settings.model_dump(), "region": "eu-south-2"})
    assert late.global_resource_types() == ((), ())


@pytest.mark.parametrize(
    ("recorder", "place"),
    [
        ("mode: create", ("recorder",)),
        ("mode: create, resource_types: [AWS::S3::Bucket]", ("recorder", "resource_types")),
        (
            "mode: create, all_supported: true, record_costly_types: true",
            ("recorder", "include_global_resource_types"),
        ),
    ],
)
def test_the_setting_that_says_which_global_types_are_recorded_is_known(
    read: Reader, recorder: str, place: tuple[str, ...]
) -> None:
    assert read(f"recorder: {{{recorder}}}\n").global_resource_types() == (place, ())


@pytest.mark.parametrize(
    "recorder",
    [
        "all_supported: true, record_costly_types: true",
        "exclude_resource_types: [AWS::EC2::NetworkInterface, AWS::Config::ResourceCompliance]",
        "resource_types: [AWS::EC2::NetworkInterface, AWS::S3::Bucket]",
    ],
)
def test_costly_types_are_recorded_when_that_is_meant(read: Reader, recorder: str) -> None:
    assert read(f"recorder: {{mode: create, {recorder}}}\n").recording() is not None


def test_files_are_named_from_the_folder_of_the_settings_on(read: Reader, tmp_path: Path) -> None:
    policy = tmp_path / "policies" / "names.guard"
    settings = read(
        "recorder: {mode: create}\n"
        "guard_rules:\n"
        f"  names: {{file: policies/names.guard, tests: {{pass: ['{policy}'], fail: []}}}}\n"
        "conformance_packs:\n"
        "  storage: {template_file: policies/pack.yaml}\n"
        "  large: {template_s3_uri: 's3://bucket/large.yaml', input_parameters: {Days: [1, 2]}}\n"
    )
    names = settings.guard_rules["names"]
    assert names.policy_text() == POLICY
    assert names.tests == {"pass": [str(policy)], "fail": []}
    storage, large = settings.conformance_packs.values()
    assert storage.template_body() == TEMPLATE
    assert large.template_body() is None
    assert large.template() is None
    assert large.input_strings() == {"Days": "1,2"}


def test_settings_made_in_code_name_files_from_the_working_folder_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "names.guard").write_text(POLICY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert GuardRuleSettings(file="names.guard").policy_text() == POLICY
    with pytest.raises(ValidationError, match=r"got 'gone.guard': No such file"):
        GuardRuleSettings(file="gone.guard")


def test_remediations_are_those_of_enabled_rules(read: Reader) -> None:
    remediation = (
        "{document: Mend, permissions: [{actions: [s3:PutBucketPolicy], resources: ['*']}]}"
    )
    settings = read(
        "recorder: {mode: create}\n"
        "managed_rules:\n"
        f"  s3-bucket-versioning-enabled: {{remediation: {remediation}}}\n"
        f"  s3-bucket-ssl-requests-only: {{remediation: {remediation}, enabled: false}}\n"
    )
    assert list(settings.remediations()) == ["s3-bucket-versioning-enabled"]
    assert settings.managed_rule_identifier("s3-bucket-versioning-enabled") == (
        "S3_BUCKET_VERSIONING_ENABLED"
    )


def test_a_remediations_values_and_permissions_are_in_awss_terms() -> None:
    resource = "arn:{partition}:s3:::*"
    settings = RemediationSettings.model_validate(
        {
            "document": "AWS-EnableS3BucketEncryption",
            "document_version": "$LATEST",
            "parameters": {
                "BucketName": {"resource_value": "RESOURCE_ID"},
                "SSEAlgorithm": {"static_value": "AES256"},
                "Regions": {"static_values": ["a", "b"]},
            },
            "permissions": [{"actions": ["s3:PutBucketAcl"], "resources": [resource]}],
        }
    )
    assert settings.static_values() == {"SSEAlgorithm": ["AES256"], "Regions": ["a", "b"]}
    assert settings.resource_values() == {"BucketName": "RESOURCE_ID"}
    assert settings.role_permissions() == (Permission(("s3:PutBucketAcl",), (resource,)),)
    assert settings.role_parameter == "AutomationAssumeRole"


def test_automatic_remediation_may_say_how_often_it_tries() -> None:
    settings = RemediationSettings.model_validate(
        {
            "document": "Mend",
            "automatic": True,
            "maximum_automatic_attempts": 25,
            "retry_attempt_seconds": 2_678_000,
            "permissions": [{"actions": ["s3:PutBucketAcl"], "resources": ["*"]}],
        }
    )
    assert settings.maximum_automatic_attempts == 25


def test_a_recorder_that_leaves_it_to_the_rules_names_nothing() -> None:
    assert not RecorderCreate(mode="create").names_what_it_records
    every = RecorderCreate(mode="create", all_supported=True, record_costly_types=True)
    assert every.names_what_it_records


def test_a_pack_in_a_bucket_takes_any_parameters() -> None:
    pack = ConformancePackSettings(
        template_s3_uri="s3://bucket/key", input_parameters={"Anything": True}
    )
    assert pack.input_strings() == {"Anything": "true"}
