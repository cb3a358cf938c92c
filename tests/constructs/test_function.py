from collections.abc import Callable
from typing import Any

import pytest
from cdktf import App, TerraformStack

from assay_constructs.errors import ConstructArgumentError
from assay_constructs.function import ComplianceFunction

Find = Callable[[str, str, str], Any]
Statements = Callable[[str, str], dict[str, Any]]


def test_functions_run_python_on_arm_for_at_most_five_minutes(stacks: dict[str, Any]) -> None:
    functions = stacks["create"]["resource"]["aws_lambda_function"].values()
    assert len(functions) == 4
    for function in functions:
        assert function["runtime"] == "python3.13"
        assert function["architectures"] == ["arm64"]
        assert function["timeout"] == 300


def test_the_log_group_is_there_first_and_expires(find: Find) -> None:
    for stack, rule, days in (
        ("create", "ec2-tag-compliance", 30),
        ("existing", "ec2-tag-compliance", 365),
    ):
        path = f"Compliance/Evaluator-{rule}"
        log_group = find(stack, "aws_cloudwatch_log_group", f"{path}/LogGroup")
        assert log_group["name"] == f"/aws/lambda/{rule}-test"
        assert log_group["retention_in_days"] == days
        function = find(stack, "aws_lambda_function", f"{path}/Resource")
        assert [each.split(".")[0] for each in function["depends_on"]] == [
            "aws_cloudwatch_log_group",
            "aws_iam_role_policy",
        ]


def test_the_role_may_write_its_own_log_and_report_failures(statements: Statements) -> None:
    allowed = statements("function", "Function/PermissionsDocument")
    assert set(allowed) == {"WriteOwnLog", "ReportFailures"}
    assert allowed["WriteOwnLog"]["actions"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    (log,) = allowed["WriteOwnLog"]["resources"]
    assert log.startswith("${aws_cloudwatch_log_group.Function_LogGroup_")
    assert log.endswith(".arn}:*")
    assert allowed["ReportFailures"]["actions"] == ["sqs:SendMessage"]


def test_only_lambda_takes_on_the_roles_by_one_document_for_all(
    stacks: dict[str, Any], find: Find, statements: Statements
) -> None:
    (trust,) = statements("create", "Compliance/TrustDocument").values()
    assert trust["actions"] == ["sts:AssumeRole"]
    assert trust["principals"] == [{"type": "Service", "identifiers": ["lambda.amazonaws.com"]}]
    for function in stacks["create"]["resource"]["aws_lambda_function"].values():
        path = function["//"]["metadata"]["path"].split("/", 2)[2].removesuffix("Resource")
        role = find("create", "aws_iam_role", f"{path}Role")
        assert role["assume_role_policy"].startswith(
            "${data.aws_iam_policy_document.Compliance_TrustDocument_"
        )


def test_the_role_may_use_a_customer_managed_key(statements: Statements) -> None:
    path = "Compliance/ReportAggregator/PermissionsDocument"
    use_key = statements("protected", path)["UseKey"]
    assert use_key["actions"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert use_key["resources"][0].startswith("${aws_kms_key.Monitoring_Key_")


def test_what_fails_for_good_goes_to_the_dead_letter_queue(stacks: dict[str, Any]) -> None:
    resources = stacks["create"]["resource"]
    configs = resources["aws_lambda_function_event_invoke_config"].values()
    assert len(configs) == 4
    for config in configs:
        assert config["maximum_retry_attempts"] == 2
        destination = config["destination_config"]["on_failure"]["destination"]
        assert destination.startswith("${aws_sqs_queue.Monitoring_DeadLetterQueue_")
        assert config["depends_on"][0].startswith("aws_iam_role_policy.")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"function_name": "f" * 65}, "function_name must be 1 to 64 characters long"),
        ({"description": "d" * 257}, "description must be 1 to 256 characters long"),
    ],
)
def test_impossible_arguments_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "function_name": "judge",
        "description": "Judges.",
        "assume_role_policy": "{}",
        "handler": "assay.evaluator.handler",
        "filename": "code.zip",
        "source_code_hash": "hash",
        "environment": {},
        "statements": [],
        "dead_letter_queue_arn": "arn",
    }
    stack = TerraformStack(App(), "refused")
    with pytest.raises(ConstructArgumentError, match=message):
        ComplianceFunction(stack, "Function", **{**arguments, **changes})


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("function", "Function")
