from collections.abc import Callable
from typing import Any

import pytest

from assay.rule import Permission
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.remediation import Remediation

Find = Callable[[str, str, str], Any]
Statements = Callable[[str, str], dict[str, Any]]

KIND = "aws_config_remediation_configuration"
AUTOMATIC = "Config/Remediation-s3-encryption-compliance-test"
MANUAL = "Config/Remediation-bucket-names-test"


def test_a_remediation_is_that_of_its_rule_and_waits_for_the_roles_permissions(find: Find) -> None:
    found = find("config-rules", KIND, f"{AUTOMATIC}/Resource")
    assert found["config_rule_name"].startswith(
        "${aws_config_config_rule.Config_Rule-s3-encryption-compliance-test_"
    )
    assert found["config_rule_name"].endswith(".name}")
    assert [each.split(".")[0] for each in found["depends_on"]] == ["aws_iam_role_policy"]
    assert found["target_type"] == "SSM_DOCUMENT"
    assert found["target_id"] == "AWS-EnableS3BucketEncryption"
    assert found["target_version"] == "1"
    assert found["resource_type"] == "AWS::S3::Bucket"


def test_an_automatic_one_says_what_aws_would_otherwise_choose(find: Find) -> None:
    found = find("config-rules", KIND, f"{AUTOMATIC}/Resource")
    assert found["automatic"] is True
    assert found["maximum_automatic_attempts"] == 5
    assert found["retry_attempt_seconds"] == 120
    assert found["execution_controls"]["ssm_controls"] == {
        "concurrent_execution_rate_percentage": 25,
        "error_percentage": 50,
    }


def test_a_manual_one_has_no_attempts(find: Find) -> None:
    found = find("config-rules", KIND, f"{MANUAL}/Resource")
    assert found["automatic"] is False
    assert "maximum_automatic_attempts" not in found
    assert "retry_attempt_seconds" not in found
    assert "target_version" not in found


def test_parameters_are_in_the_order_and_form_in_which_terraform_reads_them(find: Find) -> None:
    """It sorts them by name, and has one static value as ``static_value``."""
    automatic = find("config-rules", KIND, f"{AUTOMATIC}/Resource")["parameter"]
    role = automatic[0].pop("static_value")
    assert role.startswith("${aws_iam_role.Config_Remediation-s3-encryption-compliance-test_Role_")
    assert role.endswith(".arn}")
    assert automatic == [
        {"name": "AutomationAssumeRole"},
        {"name": "BucketName", "resource_value": "RESOURCE_ID"},
        {"name": "SSEAlgorithm", "static_value": "AES256"},
    ]
    manual = find("config-rules", KIND, f"{MANUAL}/Resource")["parameter"]
    assert manual[:2] == [
        {"name": "Names", "static_values": ["a", "b"]},
        {"name": "Once", "static_value": "c"},
    ]
    assert [each["name"] for each in manual[2:]] == ["Role"]


def test_the_role_may_do_what_is_given_and_nothing_else(find: Find, statements: Statements) -> None:
    role = find("config-rules", "aws_iam_role", f"{AUTOMATIC}/Role")
    assert role["name"] == "remediate-s3-encryption-compliance-test"
    allowed = statements("config-rules", f"{AUTOMATIC}/PermissionsDocument")
    account = "${data.aws_caller_identity.Account.account_id}"
    partition = "${data.aws_partition.Partition.partition}"
    assert {sid: (each["actions"], each["resources"]) for sid, each in allowed.items()} == {
        "Mend1": (["s3:PutEncryptionConfiguration"], [f"arn:{partition}:s3:::*"]),
        "Mend2": (["sqs:SendMessage"], [f"arn:{partition}:sqs:eu-west-1:{account}:mended"]),
    }


def test_only_automation_for_this_account_may_assume_the_role(statements: Statements) -> None:
    trust = statements("config-rules", f"{AUTOMATIC}/TrustDocument")["AutomationAssumes"]
    assert trust["actions"] == ["sts:AssumeRole"]
    assert trust["principals"] == [{"type": "Service", "identifiers": ["ssm.amazonaws.com"]}]
    assert trust["condition"][0]["variable"] == "aws:SourceAccount"
    assert trust["condition"][0]["values"] == ["${data.aws_caller_identity.Account.account_id}"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config_rule_name": "r" * 55}, "config_rule_name must be 1 to 54 characters long"),
        ({"target_id": ""}, "target_id must be 1 to 256 characters long; received ''"),
        ({"role_parameter": ""}, "role_parameter must be 1 to 256 characters long"),
        ({"permissions": []}, r"permissions must be at least one; received \[\]"),
        (
            {"static_values": {f"p{number}": ["v"] for number in range(24)}},
            "static_values must be at most 25 parameters, that of the role among them; received 26",
        ),
        ({"static_values": {"": ["v"]}}, "a parameter's name must be 1 to 256 characters long"),
        (
            {"static_values": {"Id": ["v"]}},
            "static_values must be each parameter once; received 'Id'",
        ),
        (
            {"static_values": {"AutomationAssumeRole": ["v"]}},
            "static_values must be each parameter once; received 'AutomationAssumeRole'",
        ),
        (
            {"static_values": {"p": []}},
            r"the number of static_values\['p'\] must be from 1 to 25; received 0",
        ),
        (
            {"static_values": {"p": [""]}},
            r"static_values\['p'\] must be 1 to 256 characters long",
        ),
        (
            {"resource_values": {"Id": "RESOURCE_ARN"}},
            r"resource_values\['Id'\] must be RESOURCE_ID; received 'RESOURCE_ARN'",
        ),
        (
            {"maximum_automatic_attempts": 26},
            "maximum_automatic_attempts must be from 1 to 25; received 26",
        ),
        ({"retry_attempt_seconds": 0}, "retry_attempt_seconds must be from 1 to 2678000"),
        (
            {"concurrent_execution_rate_percentage": 101},
            "concurrent_execution_rate_percentage must be from 1 to 100; received 101",
        ),
        ({"error_percentage": 0}, "error_percentage must be from 1 to 100; received 0"),
        (
            {"role_parameter": "Role"},
            "role_parameter must be AutomationAssumeRole when automatic; received 'Role'",
        ),
        (
            {"automatic": False, "retry_attempt_seconds": None},
            "maximum_automatic_attempts must be left out unless automatic; received 25",
        ),
        (
            {"automatic": False, "maximum_automatic_attempts": None},
            "retry_attempt_seconds must be left out unless automatic; received 2678000",
        ),
    ],
)
def test_impossible_arguments_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "config_rule_name": "r" * 54,
        "target_id": "t" * 256,
        "permissions": [Permission(("s3:PutBucketAcl",))],
        "static_values": {f"p{number}": ["v" * 256] * 25 for number in range(23)},
        "resource_values": {"Id": "RESOURCE_ID"},
        "automatic": True,
        "maximum_automatic_attempts": 25,
        "retry_attempt_seconds": 2_678_000,
        "concurrent_execution_rate_percentage": 100,
        "error_percentage": 1,
    }
    Remediation(**arguments)
    with pytest.raises(ConstructArgumentError, match=message):
        Remediation(**{**arguments, **changes})


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("config-rules", AUTOMATIC)
