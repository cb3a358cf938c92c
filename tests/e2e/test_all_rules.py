"""Every rule there is, deployed with its defaults and run once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from assay import rules
from assay.rule import Severity
from assay_cli import samples
from assay_cli.embedded_aws import EmbeddedAws
from assay_cli.terraform import Terraform

SETTINGS: dict[str, Any] = {
    "environment_suffix": "all",
    "region": "us-east-1",
    "recorder": {"mode": "none"},
    "retain_data": False,
    "object_retention_days": None,
    "schedules": {"reminder": "rate(7 days)"},
    "rules": {name: {} for name in rules.names()},
}


def seed(session: boto3.Session) -> str:
    """Makes something for the rules that find nothing among the samples.

    Returns:
        The id of an encrypted volume.
    """
    samples.seed(session)
    iam = session.client("iam")
    iam.create_user(UserName="ann", Path="/staff/")
    iam.create_login_profile(UserName="ann", Password="correct-horse-battery")
    iam.create_access_key(UserName="ann")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.create_policy(
        PolicyName="everything",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    ec2 = session.client("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True)
    return volume["VolumeId"]


def test_every_rule_is_deployed_and_judges(
    session: boto3.Session,
    aws: EmbeddedAws,
    synthesize: Callable[..., Path],
    deploy: Callable[[Path], dict[str, str]],
    run_assay: Callable[..., Any],
) -> None:
    volume_id = seed(session)
    stack = synthesize({"all": SETTINGS}) / "assay-all"
    deploy(stack)
    terraform = Terraform(stack, aws.environment())
    assert not terraform.plan()

    for name in rules.names():
        function_name = f"{name}-all"
        summary = run_assay("invoke", function_name, cwd=stack)
        assert summary["rule_name"] == name
        assert summary["complete"], summary
        assert summary["errors"] == []
        assert summary["unreadable"] == []
        assert summary["resources"] > 0, name
    written = run_assay("invoke", "report-aggregator", cwd=stack)
    found = session.client("s3").get_object(
        Bucket=written["report_bucket"], Key=written["report_key"]
    )
    report = json.loads(found["Body"].read())
    assert [rule["rule_name"] for rule in report["rules"]] == sorted(rules.names())
    assert {rule["severity"] for rule in report["rules"]} <= set(Severity)
    violations = {
        (each["rule_name"], each["resource_id"])
        for each in report["resources"]
        if each["compliance_type"] == "NON_COMPLIANT"
    }
    account = "arn:aws:iam::123456789012:"
    assert {
        ("iam-mfa-compliance", f"{account}user/staff/ann"),
        ("iam-policy-compliance", f"{account}policy/everything"),
        ("s3-public-access-compliance", "arn:aws:s3:::sample-vault"),
    } <= violations
    volume_arn = f"arn:aws:ec2:us-east-1:123456789012:volume/{volume_id}"
    assert ("ebs-encryption-compliance", volume_arn) not in violations

    terraform.destroy()
