"""One app for all tests of this folder: synthesizing is what takes time."""

import copy
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import assay_constructs  # noqa: F401 - before the bindings, which it makes lazy

# isort: split

import pytest
from cdktf import App, TerraformStack
from cdktf_cdktf_provider_aws.provider import AwsProvider
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from assay.rule import AnyRule
from assay.rules.iam_mfa_compliance import IamMfaCompliance
from assay.rules.s3_encryption_compliance import S3EncryptionCompliance
from assay_constructs import bindings
from assay_constructs.bucket import PrivateBucket
from assay_constructs.compliance import EvaluatorRule
from assay_constructs.conformance_pack import ConformancePack
from assay_constructs.continuation import ContinuationQueue
from assay_constructs.encryption_key import EncryptionKey
from assay_constructs.environments import read_environments
from assay_constructs.function import ComplianceFunction, trust_policy
from assay_constructs.guard_rule import GuardRule
from assay_constructs.managed_rules import ManagedRule
from assay_constructs.recorder import Recorder
from assay_constructs.recording import Recording
from assay_constructs.schedule import Schedule
from assay_constructs.stack import ComplianceStack
from assay_constructs.system import ComplianceSystem

# JSON of any shape: what Terraform reads.
Json = Any

BASE: dict[str, Json] = {
    "environment_suffix": "test",
    "region": "eu-west-1",
    "recorder": {"mode": "create"},
    "retain_data": False,
    "rules": {
        "ec2-tag-compliance": {
            "severity": "critical",
            "parameters": {"required_tags": {"Environment": ["dev", "test"], "Owner": []}},
        },
        "s3-encryption-compliance": {"parameters": {"allowed_algorithms": ["aws:kms"]}},
        "rds-backup-compliance": {"parameters": {"minimum_retention_days": 14}},
    },
}
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:alerts"
VARIANTS: dict[str, dict[str, Json]] = {
    "create": {
        "alerts": {
            "emails": ["team@example.com"],
            "subscriptions": [
                {
                    "protocol": "sqs",
                    "endpoint": QUEUE,
                    "filter_policy": {"severity": ["high", "critical"]},
                    "raw_message_delivery": True,
                }
            ],
        },
        "reports": {"forms": ["json", "html", "asff"], "security_hub": True},
        "waivers": [
            {
                "rule": "s3-encryption-compliance",
                "resource": "arn:aws:s3:::old-*",
                "owner": "storage@example.com",
                "reason": "Emptied in May.",
                "expires": "2026-05-31",
            }
        ],
        "tags": {"Team": "platform"},
        "account_id": "123456789012",
        "log_retention_days": 30,
        "history_retention_days": 45,
        "object_retention_days": 60,
    },
    "existing": {"recorder": {"mode": "existing", "name": "theirs"}},
    "none": {"recorder": {"mode": "none"}},
    "protected": {"retain_data": True, "customer_managed_key": True},
    "embedded": {
        "embedded_aws": True,
        "object_retention_days": None,
        "provider_version": "5.100.0",
    },
    "daily": {
        "recorder": {
            "mode": "create",
            "name": "mine",
            "recording_frequency": "DAILY",
            "resource_types": [
                "AWS::S3::Bucket",
                "AWS::RDS::DBInstance",
                "AWS::EC2::Instance",
                "AWS::EC2::Volume",
            ],
        },
        "schedules": {
            "evaluation": "rate(1 hour)",
            "report": "cron(0 7 * * ? *)",
            "reminder": "cron(0 8 ? * MON *)",
            "silence_hours": 30,
            "config_maximum_execution_frequency": "Six_Hours",
        },
    },
    "config-rules": {
        "recorder": {
            "mode": "create",
            "exclude_resource_types": [
                "AWS::IAM::User",
                "AWS::IAM::Role",
                "AWS::IAM::Policy",
                "AWS::IAM::Group",
            ],
            "record_costly_types": True,
            "recording_frequency_overrides": [
                {
                    "resource_types": ["AWS::EC2::NetworkInterface", "AWS::EC2::Instance"],
                    "recording_frequency": "DAILY",
                    "description": "They change all the time.",
                }
            ],
        },
        "schedules": {"config_maximum_execution_frequency": "Twelve_Hours"},
        "rules": {
            "ec2-tag-compliance": {
                "parameters": {"required_tags": {"Owner": []}},
                "config_triggers": ["periodic"],
                "maximum_execution_frequency": "One_Hour",
            },
            "rds-backup-compliance": {"config_triggers": ["change"]},
            "s3-encryption-compliance": {
                "remediation": {
                    "document": "AWS-EnableS3BucketEncryption",
                    "document_version": "1",
                    "automatic": True,
                    "retry_attempt_seconds": 120,
                    "concurrent_percentage": 25,
                    "resource_type": "AWS::S3::Bucket",
                    "parameters": {
                        "SSEAlgorithm": {"static_value": "AES256"},
                        "BucketName": {"resource_value": "RESOURCE_ID"},
                    },
                    "permissions": [
                        {
                            "actions": ["s3:PutEncryptionConfiguration"],
                            "resources": ["arn:{partition}:s3:::*"],
                        },
                        {
                            "actions": ["sqs:SendMessage"],
                            "resources": ["arn:{partition}:sqs:{region}:{account}:mended"],
                        },
                    ],
                }
            },
        },
        "managed_rules": {
            "s3-bucket-ssl-requests-only": {"evaluation_modes": ["DETECTIVE"]},
            "keys-are-rotated": {
                "identifier": "ACCESS_KEYS_ROTATED",
                "description": "Access keys are at most 60 days old.",
                "input_parameters": {"maxAccessKeyAge": 60},
                "maximum_execution_frequency": "Six_Hours",
            },
            "desired-instance-type": {
                "input_parameters": {"instanceType": ["t3.micro", "t3.small"]},
                "resource_types": ["AWS::EC2::Instance"],
                "resource_id": "i-0123456789abcdef0",
            },
            "ec2-ebs-encryption-by-default": {"enabled": False},
        },
        "guard_rules": {
            "bucket-names": {
                "file": "policies/bucket-names.guard",
                "description": "Buckets are named after their team.",
                "input_parameters": {"prefix": "team-", "limits": [1, 2]},
                "resource_types": ["AWS::S3::Bucket"],
                "debug_logging": True,
                "evaluation_modes": ["DETECTIVE", "PROACTIVE"],
                "remediation": {
                    "document": "arn:aws:ssm:eu-west-1:123456789012:document/Rename",
                    "role_parameter": "Role",
                    "parameters": {
                        "Names": {"static_values": ["a", "b"]},
                        "Once": {"static_values": ["c"]},
                    },
                    "permissions": [{"actions": ["s3:ListAllMyBuckets"], "resources": ["*"]}],
                },
            },
            "tagged": {
                "file": "policies/bucket-names.guard",
                "tag_key": "Team",
                "tag_value": "platform",
            },
            "off": {"file": "policies/bucket-names.guard", "enabled": False},
        },
        "conformance_packs": {
            "storage": {
                "template_file": "packs/storage.yaml",
                "input_parameters": {"MaximumAge": 30, "Ports": [22, 3389]},
            },
            "large": {"template_s3_uri": "s3://templates/large.yaml"},
        },
    },
    "all-types": {
        "recorder": {
            "mode": "create",
            "all_supported": True,
            "include_global_resource_types": True,
            "record_costly_types": True,
            "recording_frequency": "DAILY",
            "recording_frequency_overrides": [
                {"resource_types": ["AWS::S3::Bucket"], "recording_frequency": "CONTINUOUS"}
            ],
        }
    },
    "existing-rules": {
        "recorder": {"mode": "existing", "name": "theirs"},
        "managed_rules": {"s3-bucket-ssl-requests-only": {}},
        "guard_rules": {"bucket-names": {"file": "policies/bucket-names.guard"}},
        "conformance_packs": {"large": {"template_s3_uri": "s3://templates/large.yaml"}},
    },
    "one-rule": {
        "rules": {"s3-encryption-compliance": {}, "rds-backup-compliance": {"enabled": False}}
    },
    "s3": {
        "backend": {
            "type": "s3",
            "bucket": "states",
            "region": "eu-central-1",
            "key_prefix": "assay/team",
            "kms_key_id": "alias/states",
        }
    },
    "cloud": {
        "backend": {
            "type": "cloud",
            "organization": "example",
            "workspace": {"name": "assay-{suffix}"},
        }
    },
    "cloud-tags": {
        "backend": {
            "type": "cloud",
            "hostname": "tfe.example.com",
            "organization": "example",
            "workspace": {"tags": ["assay", "test"]},
        }
    },
}
# What Terraform would take for an expression is in both files.
FILES = {
    "policies/bucket-names.guard": """\
rule bucket_names when resourceType == "AWS::S3::Bucket" {
    resourceName == /^${prefix}%{digits}/
}
""",
    "packs/storage.yaml": """\
Parameters:
  MaximumAge: {Type: Number}
  Ports: {Type: CommaDelimitedList, Default: "22"}
Resources:
  Keys:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: keys
      InputParameters: {maxAccessKeyAge: !Ref MaximumAge, name: !Sub "${AWS::Region}-keys"}
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
""",
}


def _stack(app: App, name: str) -> TerraformStack:
    stack = TerraformStack(app, name)
    AwsProvider(stack, "Aws")
    return stack


def _construct_stacks(app: App) -> None:
    bucket_stack = _stack(app, "bucket")
    PrivateBucket(
        bucket_stack, "Bucket", bucket_name="plain", object_retention_days=30, retain_data=False
    )
    PrivateBucket(bucket_stack, "Kept", bucket_name="kept", kms_key_arn="arn:aws:kms:key")
    EncryptionKey(
        _stack(app, "key"),
        "Key",
        suffix="test",
        account_id="123456789012",
        partition="aws-cn",
        dns_suffix="amazonaws.com.cn",
        region="cn-north-1",
    )
    recorder_stack = _stack(app, "recorder")
    bucket = PrivateBucket(recorder_stack, "Bucket", bucket_name="deliveries")
    Recorder(
        recorder_stack,
        "Recorder",
        name="mine",
        role_name="assay-recorder-test",
        account_id="123456789012",
        partition="aws-us-gov",
        recording=Recording(resource_types=["AWS::IAM::User", "AWS::S3::Bucket"]),
        bucket_name="deliveries",
        bucket_arn="arn:aws-us-gov:s3:::deliveries",
        bucket_policy=bucket.policy,
        kms_key_arn="arn:aws-us-gov:kms:key",
    )
    ComplianceSystem(
        _stack(app, "system"),
        "Assay",
        suffix="test",
        region="eu-west-1",
        rules=[EvaluatorRule(rule=IamMfaCompliance), EvaluatorRule(rule=S3EncryptionCompliance)],
    )
    ComplianceSystem(
        _stack(app, "system-rules"),
        "Assay",
        suffix="test",
        region="eu-west-1",
        rules=[EvaluatorRule(rule=IamMfaCompliance, config_triggers=["periodic"])],
        managed_rules=[
            ManagedRule(name="tls-test", identifier="S3_BUCKET_SSL_REQUESTS_ONLY"),
            ManagedRule(name="volumes-test", identifier="EC2_EBS_ENCRYPTION_BY_DEFAULT"),
        ],
        guard_rules=[
            GuardRule(
                name="instances-test",
                policy_text="rule x { resourceName exists }",
                resource_types=["AWS::EC2::Instance"],
            )
        ],
        conformance_packs=[
            ConformancePack(
                name="storage-test",
                template_body="Resources:\n  Rds:\n    Type: AWS::Config::ConfigRule\n"
                "    Properties:\n"
                "      Source: {Owner: AWS, SourceIdentifier: RDS_STORAGE_ENCRYPTED}\n",
            ),
            ConformancePack(name="large-test", template_s3_uri="s3://templates/large.yaml"),
        ],
    )
    function_stack = _stack(app, "function")
    function = ComplianceFunction(
        function_stack,
        "Function",
        function_name="judge-test",
        description="Judges.",
        assume_role_policy=trust_policy(function_stack),
        handler="assay.evaluator.handler",
        filename="assets/code.zip",
        source_code_hash="hash",
        environment={"RULE_NAME": "judge"},
        statements=[],
        dead_letter_queue_arn=QUEUE,
    )
    ContinuationQueue(
        function_stack,
        "Continuations",
        function_name="judge-test",
        account_id="123456789012",
        partition="aws-cn",
        region="cn-north-1",
        dead_letter_queue_arn=QUEUE,
    ).invoke(function)
    Schedule(
        function_stack,
        "Schedule",
        name="hourly-test",
        description="Every hour.",
        schedule_expression="rate(1 hour)",
        functions={"judge": function},
        dead_letter_queue_arn=QUEUE,
    )


def synthesize(folder: Path, variants: dict[str, dict[str, Json]], outdir: Path) -> None:
    """Synthesize a stack for each variant of the settings, as ``main.py`` does."""
    folder.mkdir()
    for file, text in FILES.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    for name, changes in variants.items():
        settings = {**copy.deepcopy(BASE), **changes}
        # JSON is YAML too.
        (folder / f"{name}.yaml").write_text(json.dumps(settings), encoding="utf-8")
    app = App(outdir=str(outdir))
    for name, environment in read_environments(folder).items():
        ComplianceStack(app, name, settings=environment)
    _construct_stacks(app)
    app.synth()


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all synthesized stacks."""
    root = tmp_path_factory.mktemp("synth")
    synthesize(root / "environments", VARIANTS, root / "out")
    return root / "out" / "stacks"


@pytest.fixture(scope="session")
def stacks(synthesized: Path) -> dict[str, Json]:
    """The JSON of all synthesized stacks, by the name of variant or construct."""
    return {
        folder.name.removeprefix("assay-"): json.loads((folder / "cdk.tf.json").read_text())
        for folder in synthesized.iterdir()
    }


def _path(block: Json) -> str:
    """A construct's path in its stack, or in the system that is all of the stack."""
    _, _, path = block["//"]["metadata"]["path"].partition("/")
    return str(path).removeprefix("Default/")


@pytest.fixture(scope="session")
def find(stacks: dict[str, Json]) -> Callable[[str, str, str], Json]:
    """Find one resource or data source by stack, type and its construct's path in the stack."""

    def _find(stack: str, kind: str, path: str) -> Json:
        blocks = {**stacks[stack].get("resource", {}), **stacks[stack].get("data", {})}
        (found,) = (block for block in blocks[kind].values() if _path(block) == path)
        return found

    return _find


@pytest.fixture(scope="session")
def statements(
    find: Callable[[str, str, str], Json],
) -> Callable[[str, str], dict[str, Json]]:
    """The statements of one policy document, by their ``sid``."""

    def _statements(stack: str, path: str) -> dict[str, Json]:
        document = find(stack, "aws_iam_policy_document", path)
        return {statement["sid"]: statement for statement in document["statement"]}

    return _statements


@pytest.fixture
def construct_snapshot(
    stacks: dict[str, Json], snapshot: SnapshotAssertion
) -> Callable[[str, str], None]:
    """Compare all that one construct makes with its snapshot; the code's hash is left out."""

    def _compare(stack: str, path: str) -> None:
        made: dict[str, Json] = {}
        blocks = {**stacks[stack].get("resource", {}), **stacks[stack].get("data", {})}
        for kind, resources in blocks.items():
            for name, block in resources.items():
                where = _path(block)
                if where == path or where.startswith(f"{path}/"):
                    made[f"{kind}.{name}"] = {k: v for k, v in block.items() if k != "//"}
        assert made, f"nothing at {path}"
        text = re.sub(
            r'(assets/[A-Za-z0-9_]+/)[0-9A-F]{32}|("source_code_hash": ")[^"]+',
            r"\1\2<hash>",
            json.dumps(made),
        )
        assert json.loads(text) == snapshot.use_extension(JSONSnapshotExtension)

    return _compare


RULE_OUTSIDE = """\
from assay.rule import Permission, Rule, Severity


class {name}(Rule):
    name = "{rule_name}"
    requirement = "Queues are small."
    rationale = "Large ones are late."
    remedy = "Make it small."
    severity = Severity.LOW
    resource_type = "AWS::SQS::Queue"
    id_pattern = ".+"
    arn_format = "arn:{{partition}}:sqs:{{region}}:{{account}}:{{id}}"
    console_path = "sqs"
    permissions = (Permission(("sqs:ListQueues",)),)

    # It is deployed only, never run.
    page = named = evaluate = None
"""


@pytest.fixture(scope="session")
def rules_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, type[AnyRule]]]:
    """Six rules of a package outside, with caches and data in it, and one of a single module."""
    folder = tmp_path_factory.mktemp("outside")
    package = folder / "outside_rules" / "queues"
    for cache in (package / "__pycache__", package / ".cache"):
        cache.mkdir(parents=True)
        (cache / "rules.pyc").write_bytes(b"compiled")
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "limits.json").write_text("{}", encoding="utf-8")
    names = [(f"Queue{number}", f"queue-{number}") for number in range(1, 7)]
    code = "\n".join(RULE_OUTSIDE.format(name=name, rule_name=rule) for name, rule in names)
    (package / "rules.py").write_text(code, encoding="utf-8")
    alone = RULE_OUTSIDE.format(name="Alone", rule_name="alone")
    (folder / "outside_rule.py").write_text(alone, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        module = import_module("outside_rules.queues.rules")
        rules = {rule: getattr(module, name) for name, rule in names}
        yield {**rules, "alone": import_module("outside_rule").Alone}
    for name in [name for name in sys.modules if name.startswith("outside_rule")]:
        del sys.modules[name]


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """This process's environment without what would change what is synthesized."""
    changing = ("ASSAY_ENVIRONMENTS", "ASSAY_RESTARTED", "CDKTF_OUTDIR", "ENVIRONMENT_SUFFIX")
    return {name: value for name, value in os.environ.items() if name not in changing}


@pytest.fixture
def run(clean_environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program in a fresh Python, with variables changed or (``None``) taken away."""
    # Those that importing the constructs has set here.
    environment = {
        name: value
        for name, value in clean_environment.items()
        if name not in ("NODE_OPTIONS", bindings.SWITCH)
    }

    def _run(
        program: str, *, timeout: float | None = None, **changes: str | Path | None
    ) -> subprocess.CompletedProcess[str]:
        given = {name: str(value) for name, value in changes.items() if value is not None}
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            env={**environment, **given},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    return _run
