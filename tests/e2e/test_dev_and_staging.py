"""``dev``, which owns the recorder, and ``staging`` beside it in the same account.

The tests follow one deployment through its life, so they run in the order they stand in.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from assay import forms
from assay.report import Report
from assay.rule import ComplianceType
from assay_cli import report, report_file, samples
from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.terraform import Provider, Terraform

AUDIT = Path(__file__).resolve().parents[2] / "tools" / "audit" / ".venv"
ACCOUNT = "123456789012"
REGION = "us-east-1"
RULES = {
    "ec2-tag-compliance": {
        "parameters": {"required_tags": {"Environment": list(samples.ENVIRONMENTS), "Owner": []}}
    },
    "s3-encryption-compliance": {},
    "rds-backup-compliance": {},
}
WAIVED = "arn:aws:s3:::sample-archive"
EXPIRED = "arn:aws:s3:::sample-scratch"
WAIVERS = [
    {
        "rule": "s3-encryption-compliance",
        "resource": resource,
        "owner": "storage@example.com",
        "reason": "It is being emptied.",
        "expires": expires,
    }
    for resource, expires in (
        ("arn:*:s3:::sample-arch*", "2099-12-31"),
        (EXPIRED, "2020-01-31"),
        ("arn:aws:s3:::nobodys-*", "2099-12-31"),
    )
]
DEV: dict[str, Any] = {
    "environment_suffix": "dev",
    "region": REGION,
    "account_id": ACCOUNT,
    "tags": {"Project": "assay"},
    "recorder": {"mode": "create"},
    "retain_data": False,
    "object_retention_days": 30,
    "customer_managed_key": True,
    "schedules": {"config_maximum_execution_frequency": "TwentyFour_Hours"},
    "alerts": {
        "emails": ["team@example.com"],
        "subscriptions": [
            {
                "protocol": "sqs",
                "endpoint": f"arn:aws:sqs:{REGION}:{ACCOUNT}:everything",
            },
            {
                "protocol": "sqs",
                "endpoint": f"arn:aws:sqs:{REGION}:{ACCOUNT}:high-only",
                "filter_policy": {"severity": ["high", "critical"]},
                "raw_message_delivery": True,
            },
        ],
    },
    "reports": {"forms": list(forms.NAMES), "security_hub": True},
    "rules": RULES,
    "waivers": WAIVERS,
}
STAGING: dict[str, Any] = {
    "environment_suffix": "staging",
    "region": REGION,
    "recorder": {"mode": "existing", "name": "assay-dev"},
    "retain_data": False,
    "object_retention_days": None,
    "rules": RULES,
}


@pytest.fixture(scope="module")
def verdicts(session: boto3.Session) -> samples.Verdicts:
    return samples.seed(session)


@pytest.fixture(scope="module")
def queues(session: boto3.Session) -> dict[str, str]:
    client = session.client("sqs")
    return {
        name: client.create_queue(QueueName=name)["QueueUrl"]
        for name in ("everything", "high-only")
    }


@pytest.fixture(scope="module")
def before(
    verdicts: samples.Verdicts,  # noqa: ARG001 - the samples come first
    queues: dict[str, str],  # noqa: ARG001 - and so do the subscribers
    inventory: Callable[[], dict[str, set[str]]],
) -> dict[str, set[str]]:
    return inventory()


@pytest.fixture(scope="module")
def stacks(synthesize: Callable[..., Path]) -> Path:
    return synthesize({"dev": DEV, "staging": STAGING})


@pytest.fixture(scope="module")
def dev(
    stacks: Path,
    deploy: Callable[[Path], dict[str, str]],
    before: dict[str, set[str]],  # noqa: ARG001 - looked at before anything is deployed
) -> dict[str, str]:
    return deploy(stacks / "assay-dev")


def receive(session: boto3.Session, queue_url: str) -> list[Any]:
    """Take all messages out of a queue."""
    client = session.client("sqs")
    bodies = []
    while messages := client.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            client.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def test_a_second_plan_changes_nothing(aws: EmbeddedAws, stacks: Path, dev: dict[str, str]) -> None:
    assert dev["config_recorder_name"] == "assay-dev"
    assert not Terraform(stacks / "assay-dev", aws.environment()).plan()


def test_the_live_checks_pass(
    stacks: Path,
    dev: dict[str, str],  # noqa: ARG001 - deployed
    run_live_checks: Callable[[Path], None],
) -> None:
    run_live_checks(stacks / "assay-dev")


@pytest.fixture(scope="module")
def written(stacks: Path, dev: dict[str, str], run_assay: Callable[..., Any]) -> Any:
    """What the aggregator says after one sweep of every rule, all by the deployed zips."""
    for key in ("ec2_tag_lambda_name", "s3_encryption_lambda_name", "rds_backup_lambda_name"):
        summary = run_assay("invoke", key, cwd=stacks / "assay-dev")
        assert summary["trigger"] == "Scheduled Event", summary
        assert summary["unreadable"] == []
    written = run_assay("invoke", "report-aggregator", cwd=stacks / "assay-dev")
    assert written["report_bucket"] == dev["reports_bucket_name"]
    assert written["report_key"].startswith(f"reports/{datetime.now(UTC):%Y}/")
    return written


@pytest.fixture(scope="module")
def result(session: boto3.Session, written: Any) -> Report:
    """The report."""
    answer = session.client("s3").get_object(
        Bucket=written["report_bucket"], Key=written["report_key"]
    )
    return report_file.read(answer["Body"].read(), written["report_key"])


@pytest.fixture(scope="module")
def expected(verdicts: samples.Verdicts, dev: dict[str, str]) -> samples.Verdicts:
    own = {
        f"arn:aws:s3:::{dev[key]}": {"s3-encryption-compliance": ComplianceType.COMPLIANT}
        for key in ("config_bucket_name", "reports_bucket_name")
    }
    return verdicts | own


def test_the_report_says_what_the_sample_data_demands(
    result: Report, expected: samples.Verdicts
) -> None:
    assert report.differences(result, expected) == []
    demanded = [verdict for each in expected.values() for verdict in each.values()]
    counts = {kind: demanded.count(kind) for kind in ComplianceType}
    summary = result.summary
    assert summary.resources == len(demanded)
    assert summary.compliant == counts[ComplianceType.COMPLIANT]
    assert summary.non_compliant == counts[ComplianceType.NON_COMPLIANT] - 1
    assert summary.waived == 1
    assert summary.not_applicable == counts[ComplianceType.NOT_APPLICABLE]
    assert summary.judged == summary.compliant + summary.non_compliant
    assert summary.score == round(100 * summary.compliant / summary.judged, 2)
    assert {rule.rule_name for rule in result.rules} == set(RULES)
    assert all(rule.last_run is not None for rule in result.rules)
    assert {rule.status for rule in result.rules} == {"reporting"}


def test_a_waived_violation_is_reported_with_its_waiver(result: Report) -> None:
    resources = {each.resource_id: each for each in result.resources}
    waivers = {each.waiver_id: each for each in result.waivers}
    waived, expired = resources[WAIVED], resources[EXPIRED]
    assert [each for each in result.resources if each.waived] == [waived]
    assert waived.waiver_id is not None
    assert expired.waiver_id is not None
    holds, past = waivers.pop(waived.waiver_id), waivers.pop(expired.waiver_id)
    assert (holds.status, holds.owner, holds.expires, holds.violations) == (
        *("active", "storage@example.com", "2099-12-31", 1),
    )
    assert (past.status, past.violations) == ("expired", 1)
    (unused,) = waivers.values()
    assert (unused.resources, unused.violations) == (0, 0)
    kinds = {problem.kind for problem in result.problems}
    assert kinds == {"waiver_expired", "waiver_unused"}


def test_the_report_knows_the_recorder_and_the_dashboard(
    session: boto3.Session, dev: dict[str, str], result: Report
) -> None:
    assert result.recorder is not None
    assert (result.recorder.name, result.recorder.recording) == ("assay-dev", True)
    assert result.dashboard_url == dev["dashboard_url"]
    found = session.client("cloudwatch").list_dashboards()["DashboardEntries"]
    assert [each["DashboardName"] for each in found] == ["compliance-dev"]
    assert dev["dashboard_url"].endswith("/compliance-dev")


def test_every_form_lies_under_its_date_and_as_the_latest_with_its_type(
    session: boto3.Session, written: Any
) -> None:
    client = session.client("s3")
    listed = client.list_objects_v2(Bucket=written["report_bucket"])["Contents"]
    wanted = {name: forms.load(name) for name in forms.NAMES}
    stem = written["report_key"].removesuffix(".json")
    assert {each["Key"] for each in listed} == {
        f"{start}{form.suffix}"
        for form in wanted.values()
        for start in (stem, "latest/compliance-report")
    }
    for form in wanted.values():
        dated, latest = (
            client.get_object(Bucket=written["report_bucket"], Key=f"{start}{form.suffix}")
            for start in (stem, "latest/compliance-report")
        )
        assert dated["ContentType"] == latest["ContentType"] == form.content_type
        assert dated["ContentLength"] > 100
        assert dated["Body"].read() == latest["Body"].read()


def test_every_form_is_made_in_the_function_as_it_is_on_a_workstation(
    session: boto3.Session, written: Any, result: Report
) -> None:
    """It has only what is in its zip, so that must be all that any form is made from."""
    for name in forms.NAMES:
        form = forms.load(name)
        key = written["report_key"].removesuffix(".json") + form.suffix
        made = session.client("s3").get_object(Bucket=written["report_bucket"], Key=key)
        assert made["Body"].read().decode() == "".join(form.write(result))


def test_security_hub_has_every_violation(
    session: boto3.Session, written: Any, result: Report
) -> None:
    violations = {
        each.resource_id for each in result.resources if each.compliance_type == "NON_COMPLIANT"
    }
    # With one of the account for each rule, and one for the recorder.
    gaps = len(result.rules) + 1
    assert written["security_hub"] == {"sent": len(violations) + gaps, "failed": 0}
    findings = session.client("securityhub").get_findings(MaxResults=100)["Findings"]
    of_account = [each for each in findings if each["Resources"][0]["Type"] == "AwsAccount"]
    by_resource = {each["Resources"][0]["Id"]: each for each in findings if each not in of_account}
    assert by_resource.keys() == violations
    assert by_resource[WAIVED]["Workflow"]["Status"] == "SUPPRESSED"
    # Nothing is left out here.
    assert len(of_account) == gaps
    assert {each["RecordState"] for each in of_account} == {"ARCHIVED"}


def test_history_holds_every_evaluation_under_the_resources_arn(
    session: boto3.Session,
    dev: dict[str, str],
    result: Report,  # noqa: ARG001 - after the sweeps
    expected: samples.Verdicts,
) -> None:
    table = session.resource("dynamodb").Table(dev["dynamodb_table_name"])
    items: list[Any] = table.scan()["Items"]
    found = {(item["resource_id"], item["rule_name"]): item["compliance_type"] for item in items}
    assert len(found) == len(items)
    assert found == {
        (arn, rule): verdict for arn, each in expected.items() for rule, verdict in each.items()
    }
    for item in items:
        time, _, rule = str(item["evaluation_timestamp"]).partition("#")
        assert rule == item["rule_name"]
        assert datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        assert item["expires_at"] > datetime.now(UTC).timestamp()


def test_new_violations_are_told_to_those_who_want_to_know(
    session: boto3.Session,
    queues: dict[str, str],
    result: Report,
) -> None:
    alerts = [json.loads(each["Message"]) for each in receive(session, queues["everything"])]
    # Not the waived one; but that of which the waiver has expired.
    assert {
        (each["rule_name"], violation["resource_id"])
        for each in alerts
        for violation in each["new_violations"]
    } == {(each.rule_name, each.resource_id) for each in result.resources if each.is_open}
    violations = {rule.rule_name: rule.non_compliant for rule in result.rules}
    assert {each["rule_name"]: each["new_violations_count"] for each in alerts} == violations
    high = receive(session, queues["high-only"])
    assert {each["rule_name"] for each in high} == set(violations) - {"ec2-tag-compliance"}


def change_event(rule_arn: str, parameters: dict[str, str], item: dict[str, Any]) -> Any:
    """What AWS Config sends when one resource has changed."""
    return {
        "version": "1.0",
        "invokingEvent": json.dumps(
            {
                "messageType": "ConfigurationItemChangeNotification",
                "notificationCreationTime": item["configurationItemCaptureTime"],
                "recordVersion": "1.3",
                "configurationItem": {
                    "configurationItemVersion": "1.3",
                    "awsAccountId": ACCOUNT,
                    "awsRegion": REGION,
                    "configurationItemStatus": "OK",
                    **item,
                },
            }
        ),
        "ruleParameters": json.dumps(parameters),
        "resultToken": "token",
        "eventLeftScope": False,
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/config",
        "configRuleArn": rule_arn,
        "configRuleName": "s3-encryption-compliance-dev",
        "configRuleId": "config-rule-1",
        "accountId": ACCOUNT,
    }


@pytest.fixture
def send_change(
    session: boto3.Session,
    stacks: Path,
    run_assay: Callable[..., Any],
    tmp_path: Path,
    result: Report,  # noqa: ARG001 - after the sweeps
) -> Callable[[str], Any]:
    """Tell the deployed S3 evaluator, as AWS Config would, that a bucket has changed."""
    rule = session.client("config").describe_config_rules(
        ConfigRuleNames=["s3-encryption-compliance-dev"]
    )["ConfigRules"][0]

    def _send(bucket: str) -> Any:
        event = change_event(
            rule["ConfigRuleArn"],
            json.loads(rule["InputParameters"]),
            {
                "configurationItemCaptureTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3]
                + "Z",
                "resourceType": "AWS::S3::Bucket",
                "resourceId": bucket,
                "resourceName": bucket,
                "ARN": f"arn:aws:s3:::{bucket}",
                "configuration": {"name": bucket},
            },
        )
        file = tmp_path / "event.json"
        file.write_text(json.dumps(event), encoding="utf-8")
        return run_assay(
            "invoke", "s3_encryption_lambda_name", "--event", str(file), cwd=stacks / "assay-dev"
        )

    return _send


def test_a_repaired_bucket_is_compliant_after_its_change_and_told_as_resolved(
    session: boto3.Session, queues: dict[str, str], send_change: Callable[[str], Any]
) -> None:
    session.client("s3").put_bucket_encryption(
        Bucket="sample-uploads",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    summary = send_change("sample-uploads")
    assert (summary["compliant"], summary["non_compliant"], summary["transitions"]) == (1, 0, 1)
    assert (summary["alerted"], summary["resolved"]) == (0, 1)
    (alert,) = (json.loads(each["Message"]) for each in receive(session, queues["everything"]))
    assert alert["new_violations"] == []
    assert [each["resource_id"] for each in alert["resolved"]] == ["arn:aws:s3:::sample-uploads"]


def test_a_bucket_that_got_worse_is_alerted_once(
    session: boto3.Session, queues: dict[str, str], send_change: Callable[[str], Any]
) -> None:
    session.client("s3").delete_bucket_encryption(Bucket="sample-invoices")
    summary = send_change("sample-invoices")
    assert (summary["compliant"], summary["non_compliant"], summary["alerted"]) == (0, 1, 1)
    assert send_change("sample-invoices")["alerted"] == 0
    (alert,) = (json.loads(each["Message"]) for each in receive(session, queues["everything"]))
    assert [each["resource_id"] for each in alert["new_violations"]] == [
        "arn:aws:s3:::sample-invoices"
    ]


def parliament_finds(folder: Path) -> str:
    """What parliament with its community auditors says of the policies in a folder."""
    (overrides,) = AUDIT.glob("lib/python*/site-packages/parliament/*/config_override.yaml")
    ran = subprocess.run(
        [
            str(AUDIT / "bin" / "parliament"),
            "--include-community-auditors",
            f"--config={overrides}",
            f"--directory={folder}",
            "--include_policy_extension=json",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.stdout


def test_no_identity_policy_has_a_finding(
    session: boto3.Session,
    dev: dict[str, str],  # noqa: ARG001 - deployed
    tmp_path: Path,
) -> None:
    client = session.client("iam")
    policies = {
        f"{role['RoleName']}.{name}": client.get_role_policy(
            RoleName=role["RoleName"], PolicyName=name
        )["PolicyDocument"]
        for role in client.list_roles()["Roles"]
        for name in client.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    }
    assert len(policies) == 5
    clean, dirty = tmp_path / "clean", tmp_path / "dirty"
    clean.mkdir()
    dirty.mkdir()
    for name, document in policies.items():
        (clean / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
        wide = json.loads(json.dumps(document))
        wide["Statement"][0]["Resource"] = "arn:aws:sqs:us-east-1:123456789012:wrong-service"
        (dirty / f"{name}.json").write_text(json.dumps(wide), encoding="utf-8")
    assert parliament_finds(clean) == ""
    assert parliament_finds(dirty).count("No resources match") >= len(policies)


def test_a_copy_of_the_synthesized_folder_plans_elsewhere(
    aws: EmbeddedAws,
    provider: Provider,
    stacks: Path,
    dev: dict[str, str],  # noqa: ARG001 - deployed
    tmp_path: Path,
) -> None:
    """With the state beside it, as a remote workspace has it, nothing is to be changed."""
    copy = tmp_path / "elsewhere" / "cdktf.out" / "stacks" / "assay-dev"
    shutil.copytree(stacks / "assay-dev", copy, ignore=shutil.ignore_patterns(".terraform*"))
    state = "terraform.assay-dev.tfstate"
    shutil.copy(stacks.parents[1] / state, tmp_path / "elsewhere" / state)
    terraform = Terraform(copy, aws.environment())
    terraform.init(provider.plugin_dir)
    assert not terraform.plan()


@pytest.fixture(scope="module")
def staging(
    aws: EmbeddedAws,
    stacks: Path,
    dev: dict[str, str],  # noqa: ARG001 - its recorder is used
    deploy: Callable[[Path], dict[str, str]],
) -> Iterator[dict[str, str]]:
    yield deploy(stacks / "assay-staging")
    Terraform(stacks / "assay-staging", aws.environment()).destroy()


def test_staging_lives_beside_dev_and_uses_its_recorder(
    aws: EmbeddedAws,
    session: boto3.Session,
    stacks: Path,
    staging: dict[str, str],
    run_live_checks: Callable[[Path], None],
) -> None:
    assert staging["config_recorder_name"] == "assay-dev"
    recorders = session.client("config").describe_configuration_recorders()
    assert [each["name"] for each in recorders["ConfigurationRecorders"]] == ["assay-dev"]
    assert not Terraform(stacks / "assay-staging", aws.environment()).plan()
    run_live_checks(stacks / "assay-staging")


def test_destroying_staging_leaves_dev_as_it_was(
    aws: EmbeddedAws,
    stacks: Path,
    staging: dict[str, str],  # noqa: ARG001 - deployed
    run_live_checks: Callable[[Path], None],
) -> None:
    Terraform(stacks / "assay-staging", aws.environment()).destroy()
    run_live_checks(stacks / "assay-dev")


def test_destroying_dev_leaves_nothing(
    aws: EmbeddedAws,
    stacks: Path,
    dev: dict[str, str],
    before: dict[str, set[str]],
    inventory: Callable[[], dict[str, set[str]]],
) -> None:
    assert dev["dynamodb_table_name"] in inventory()["tables"]
    Terraform(stacks / "assay-dev", aws.environment()).destroy()
    assert inventory() == before
