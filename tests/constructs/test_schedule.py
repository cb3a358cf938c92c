from collections.abc import Callable
from typing import Any

import pytest
from cdktf import App, TerraformStack

from assay_constructs.errors import ConstructArgumentError
from assay_constructs.schedule import Schedule

Find = Callable[[str, str, str], Any]


def test_the_rule_may_invoke_its_target_before_it_does(find: Find) -> None:
    rule = find("function", "aws_cloudwatch_event_rule", "Schedule/Resource")
    assert rule["schedule_expression"] == "rate(1 hour)"
    permission = find("function", "aws_lambda_permission", "Schedule/Permission-judge")
    assert permission["principal"] == "events.amazonaws.com"
    assert permission["source_arn"].startswith("${aws_cloudwatch_event_rule.Schedule_")
    target = find("function", "aws_cloudwatch_event_target", "Schedule/Target-judge")
    assert target["depends_on"][0].startswith("aws_lambda_permission.Schedule_Permission-judge")
    assert target["arn"].startswith("${aws_lambda_function.Function_")


def test_what_cannot_be_delivered_is_retried_then_kept(find: Find) -> None:
    target = find("function", "aws_cloudwatch_event_target", "Schedule/Target-judge")
    assert target["retry_policy"] == {
        "maximum_event_age_in_seconds": 3600,
        "maximum_retry_attempts": 2,
    }
    assert target["dead_letter_config"] == {"arn": "arn:aws:sqs:eu-west-1:123456789012:alerts"}


def test_functions_get_eventbridges_own_event_or_one_made_from_a_template(find: Find) -> None:
    own = find("function", "aws_cloudwatch_event_target", "Schedule/Target-judge")
    assert "input_transformer" not in own
    path = "Compliance/ReminderSchedule1/Target-ec2-tag-compliance"
    assert find("daily", "aws_cloudwatch_event_target", path)["input_transformer"] == {
        "input_paths": {"time": "$.time"},
        "input_template": '{"detail-type":"Assay Reminder","source":"assay","time":<time>}',
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "n" * 65}, "name must be 1 to 64 characters long"),
        ({"functions": {}}, r"functions must be 1 to 5 functions; received \[\]"),
        (
            {"functions": dict.fromkeys("abcdef")},
            r"functions must be 1 to 5 functions; received \['a', 'b', 'c', 'd', 'e', 'f'\]",
        ),
    ],
)
def test_impossible_arguments_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "name": "hourly",
        "description": "Every hour.",
        "schedule_expression": "rate(1 hour)",
        "functions": {},
        "dead_letter_queue_arn": "arn",
    }
    stack = TerraformStack(App(), "refused")
    with pytest.raises(ConstructArgumentError, match=message):
        Schedule(stack, "Schedule", **{**arguments, **changes})


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("function", "Schedule")
