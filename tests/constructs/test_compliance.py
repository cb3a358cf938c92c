import base64
import hashlib
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cdktf import App, TerraformStack
from cdktf_cdktf_provider_aws.provider import AwsProvider

from assay import permissions, rules
from assay.environment import AggregatorEnvironment
from assay.forms import NAMES
from assay.rule import AnyRule, ParameterError, Rule
from assay.waivers import Waivers
from assay_constructs.compliance import (
    Compliance,
    EvaluatorRule,
    evaluation_schedule_names,
    reminder_schedule_names,
)
from assay_constructs.errors import ConstructArgumentError

Find = Callable[[str, str, str], Any]
Statements = Callable[[str, str], dict[str, Any]]

RULES = ("ec2-tag-compliance", "rds-backup-compliance", "s3-encryption-compliance")
SEVERITIES = dict(zip(RULES, ("critical", "high", "high"), strict=True))
AGGREGATOR_VARIABLES = {
    *("CONFIG_RECORDER_NAME", "DASHBOARD_NAME", "DYNAMODB_TABLE", "ENVIRONMENT_SUFFIX"),
    *("HISTORY_RETENTION_DAYS", "POWERTOOLS_LOG_LEVEL", "POWERTOOLS_SERVICE_NAME"),
    *("REPORTS_BUCKET", "REPORT_FORMS", "RULES_FILE", "SECURITY_HUB", "SILENCE_HOURS"),
    *("STATE_TABLE", "WAIVERS_FILE"),
}
STATE_TABLE = "${aws_dynamodb_table.Monitoring_StateTable_"
HISTORY_TABLE = "${aws_dynamodb_table.Monitoring_HistoryTable_"


@pytest.mark.parametrize("rule", RULES)
def test_evaluators_know_their_rule_tables_and_topic(find: Find, rule: str) -> None:
    function = find("create", "aws_lambda_function", f"Compliance/Evaluator-{rule}/Resource")
    assert function["function_name"] == f"{rule}-test"
    assert function["handler"] == "assay.evaluator.handler"
    variables = function["environment"]["variables"]
    assert variables["RULE_NAME"] == rule
    assert rules.load_reference(variables["RULE_CLASS"]) is rules.load(rule)
    assert variables["ENVIRONMENT_SUFFIX"] == "test"
    assert variables["RULE_SEVERITY"] == SEVERITIES[rule]
    assert variables["DYNAMODB_TABLE"].startswith(HISTORY_TABLE)
    assert variables["STATE_TABLE"].startswith(STATE_TABLE)
    assert variables["SNS_TOPIC_ARN"].startswith("${aws_sns_topic.Monitoring_AlertTopic_")
    assert variables["HISTORY_RETENTION_DAYS"] == "45"
    assert "CONFIG_TEST_MODE" not in variables
    config_rule = find("create", "aws_config_config_rule", f"Config/Rule-{rule}-test")
    assert variables["RULE_PARAMETERS"] == config_rule["input_parameters"]
    parameters = rules.load(rule).Parameters
    read = parameters.from_input_parameters(json.loads(variables["RULE_PARAMETERS"]))
    assert read.to_input_parameters() == json.loads(variables["RULE_PARAMETERS"])


def test_the_aggregator_knows_rules_table_and_bucket(find: Find) -> None:
    function = find("create", "aws_lambda_function", "Compliance/ReportAggregator/Resource")
    assert set(function["environment"]["variables"]) == AGGREGATOR_VARIABLES
    assert function["function_name"] == "report-aggregator-test"
    assert function["handler"] == "assay.report_aggregator.handler"
    variables = function["environment"]["variables"]
    assert variables["DYNAMODB_TABLE"].startswith(HISTORY_TABLE)
    assert variables["STATE_TABLE"].startswith(STATE_TABLE)
    assert variables["REPORTS_BUCKET"].startswith("${aws_s3_bucket.Monitoring_ReportsBucket_")
    assert variables["ENVIRONMENT_SUFFIX"] == "test"
    assert variables["HISTORY_RETENTION_DAYS"] == "45"
    assert variables["SILENCE_HOURS"] == "13"
    assert variables["DASHBOARD_NAME"] == "compliance-test"
    assert "SNS_TOPIC_ARN" not in variables


def aggregator_variables(find: Find, stack: str) -> Any:
    function = find(stack, "aws_lambda_function", "Compliance/ReportAggregator/Resource")
    return function["environment"]["variables"]


def test_the_aggregator_is_told_what_reports_to_make(find: Find) -> None:
    chosen = aggregator_variables(find, "create")
    assert (chosen["REPORT_FORMS"], chosen["SECURITY_HUB"]) == ("json,html,asff", "true")
    left_out = aggregator_variables(find, "daily")
    assert (left_out["REPORT_FORMS"], left_out["SECURITY_HUB"]) == ("json,html", "false")
    assert left_out["SILENCE_HOURS"] == "30"


def test_the_aggregator_knows_the_recorder_where_there_is_one(find: Find) -> None:
    names = {
        stack: aggregator_variables(find, stack).get("CONFIG_RECORDER_NAME")
        for stack in ("create", "daily", "existing", "none")
    }
    assert names == {"create": "assay-test", "daily": "mine", "existing": "theirs", "none": None}


def test_every_function_gets_the_waivers_where_there_are_any(
    synthesized: Path, stacks: dict[str, Any]
) -> None:
    functions = {
        stack: stacks[stack]["resource"]["aws_lambda_function"].values()
        for stack in ("create", "existing")
    }
    for function in functions["create"]:
        assert function["environment"]["variables"]["WAIVERS_FILE"] == "waivers.json"
    for filename in {function["filename"] for function in functions["create"]}:
        with zipfile.ZipFile(synthesized / "assay-create" / filename) as code:
            (waiver,) = Waivers.read(code.read("waivers.json").decode()).all
        assert waiver.rule_name == "s3-encryption-compliance"
        assert waiver.owner == "storage@example.com"
    for function in functions["existing"]:
        assert "WAIVERS_FILE" not in function["environment"]["variables"]


def test_only_the_aggregators_zip_has_the_rules_with_their_severities(
    find: Find, synthesized: Path, stacks: dict[str, Any]
) -> None:
    """So that no evaluator changes when a rule of its package comes, or gets another severity."""
    functions = stacks["create"]["resource"]["aws_lambda_function"].values()
    names = {}
    for function in functions:
        zipped = (synthesized / "assay-create" / function["filename"]).read_bytes()
        digest = base64.b64encode(hashlib.sha256(zipped).digest()).decode()
        assert function["source_code_hash"] == digest
        with zipfile.ZipFile(synthesized / "assay-create" / function["filename"]) as code:
            names[function["function_name"]] = set(code.namelist())
            if function["handler"] == "assay.report_aggregator.handler":
                listed = json.loads(code.read("rules.json"))
    assert listed == {
        rule: {"class": rules.load(rule).reference(), "severity": SEVERITIES[rule]}
        for rule in RULES
    }
    assert aggregator_variables(find, "create")["RULES_FILE"] == "rules.json"
    with_rules = [name for name, inside in names.items() if "rules.json" in inside]
    assert with_rules == ["report-aggregator-test"]
    everywhere = set.intersection(*names.values())
    assert names["report-aggregator-test"] - everywhere == {"rules.json"}


def test_the_aggregator_can_read_what_it_is_told(
    find: Find, synthesized: Path, tmp_path: Path
) -> None:
    function = find("create", "aws_lambda_function", "Compliance/ReportAggregator/Resource")
    given = {**function["environment"]["variables"]}
    with zipfile.ZipFile(synthesized / "assay-create" / function["filename"]) as code:
        for name in ("RULES_FILE", "WAIVERS_FILE"):
            given[name] = code.extract(given[name], tmp_path)
    environment = AggregatorEnvironment.read(given)
    assert {rule.name: severity for rule, severity in environment.rules.items()} == SEVERITIES
    assert len(environment.waivers.all) == 1
    assert list(environment.report_forms) == ["json", "html", "asff"]
    assert environment.silence == timedelta(hours=13)
    assert environment.recorder_name == "assay-test"
    assert environment.dashboard_name == "compliance-test"
    assert environment.security_hub


def test_only_an_embedded_aws_gets_put_evaluations_in_test_mode(stacks: dict[str, Any]) -> None:
    evaluators = [
        function["environment"]["variables"]
        for function in stacks["embedded"]["resource"]["aws_lambda_function"].values()
        if function["handler"] == "assay.evaluator.handler"
    ]
    assert [variables["CONFIG_TEST_MODE"] for variables in evaluators] == ["true"] * 3


EVALUATOR_ACTIONS = {
    "WriteOwnLog": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "ReportFailures": {"sqs:SendMessage"},
    "WriteHistory": set(permissions.HISTORY_ACTIONS),
    "KeepState": set(permissions.EVALUATOR_STATE_ACTIONS),
    "Alert": set(permissions.ALERT_ACTIONS),
    "AnswerConfig": set(permissions.CONFIG_ACTIONS),
    "Continue": set(permissions.CONTINUATION_ACTIONS),
    "ReceiveContinuations": {
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    },
}


@pytest.mark.parametrize("rule", RULES)
def test_evaluators_may_do_exactly_what_they_do(statements: Statements, rule: str) -> None:
    allowed = statements("create", f"Compliance/Evaluator-{rule}/PermissionsDocument")
    assert {sid: set(statement["actions"]) for sid, statement in allowed.items()} == {
        **EVALUATOR_ACTIONS,
        **{
            f"Describe{number}": set(permission.actions)
            for number, permission in enumerate(rules.load(rule).permissions, start=1)
        },
    }


AGGREGATOR_ACTIONS = {
    "WriteOwnLog": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "ReportFailures": {"sqs:SendMessage"},
    "KeepState": set(permissions.AGGREGATOR_STATE_ACTIONS),
    "WriteReports": set(permissions.REPORT_ACTIONS),
    "CopyReports": set(permissions.REPORT_COPY_ACTIONS),
}
AGGREGATOR = "Compliance/ReportAggregator/PermissionsDocument"


def test_the_aggregator_may_keep_state_and_write_reports(statements: Statements) -> None:
    allowed = statements("none", AGGREGATOR)
    actions = {sid: set(statement["actions"]) for sid, statement in allowed.items()}
    assert actions == AGGREGATOR_ACTIONS
    for sid, folders in (("WriteReports", ("reports", "latest")), ("CopyReports", ("reports",))):
        resources = allowed[sid]["resources"]
        assert [resource.split(".arn}/")[1] for resource in resources] == [
            f"{folder}/*" for folder in folders
        ]
        for resource in resources:
            assert resource.startswith("${aws_s3_bucket.Monitoring_ReportsBucket_")
    assert all(each.startswith(STATE_TABLE) for each in allowed["KeepState"]["resources"])


def test_the_aggregator_may_also_do_what_is_switched_on_and_no_more(
    statements: Statements,
) -> None:
    allowed = statements("create", AGGREGATOR)
    recorder, hub = allowed["ReadRecorder"], allowed["ImportFindings"]
    assert set(allowed) == {*AGGREGATOR_ACTIONS, "ReadRecorder", "ImportFindings"}
    assert set(recorder["actions"]) == set(permissions.RECORDER_ACTIONS)
    assert set(hub["actions"]) == set(permissions.SECURITY_HUB_ACTIONS)
    partition = "arn:${data.aws_partition.Partition.partition}"
    account = "${data.aws_caller_identity.Account.account_id}"
    assert recorder["resources"] == [
        f"{partition}:config:eu-west-1:{account}:configuration-recorder/assay-test/*"
    ]
    assert hub["resources"] == [
        f"{partition}:securityhub:eu-west-1:{account}:product/{account}/default"
    ]
    theirs = statements("existing", AGGREGATOR)
    assert set(theirs) == {*AGGREGATOR_ACTIONS, "ReadRecorder"}
    assert theirs["ReadRecorder"]["resources"][0].endswith(":configuration-recorder/theirs/*")


def test_without_config_no_evaluator_may_answer_it(statements: Statements) -> None:
    for rule in RULES:
        allowed = statements("none", f"Compliance/Evaluator-{rule}/PermissionsDocument")
        assert "AnswerConfig" not in allowed


# AWS offers no narrower resource for these: DescribeInstances, ListAllMyBuckets, PutEvaluations.
WILDCARDS = {"ec2:DescribeInstances", "s3:ListAllMyBuckets", "config:PutEvaluations"}


@pytest.mark.parametrize("stack", ["create", "existing", "none", "protected"])
def test_no_identity_policy_has_a_wildcard_that_is_not_needed(
    stacks: dict[str, Any], stack: str
) -> None:
    documents = stacks[stack]["data"]["aws_iam_policy_document"]
    policies = [
        statement
        for name, document in documents.items()
        if "PermissionsDocument" in name or "DeliveryDocument" in name
        for statement in document["statement"]
    ]
    assert len(policies) > 10
    wide = {
        action
        for statement in policies
        if "*" in statement["resources"]
        for action in statement["actions"]
    }
    assert wide <= WILDCARDS
    assert not [s for s in policies if any("*" in action for action in s["actions"])]


def test_the_schedules_start_evaluators_then_the_report(find: Find) -> None:
    evaluation = find(
        "create", "aws_cloudwatch_event_rule", "Compliance/EvaluationSchedule1/Resource"
    )
    assert evaluation["name"] == "compliance-schedule-test"
    assert evaluation["schedule_expression"] == "cron(0 */6 * * ? *)"
    report = find("create", "aws_cloudwatch_event_rule", "Compliance/ReportSchedule/Resource")
    assert report["name"] == "compliance-report-test"
    assert report["schedule_expression"] == "cron(20 */6 * * ? *)"
    for rule in RULES:
        target = find(
            "create",
            "aws_cloudwatch_event_target",
            f"Compliance/EvaluationSchedule1/Target-{rule}",
        )
        assert target["arn"].startswith(f"${{aws_lambda_function.Compliance_Evaluator-{rule}_")


def test_schedules_are_those_of_the_settings(find: Find) -> None:
    path = "Compliance/EvaluationSchedule1/Resource"
    assert find("daily", "aws_cloudwatch_event_rule", path)["schedule_expression"] == "rate(1 hour)"


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (1, ("compliance-schedule-x",)),
        (5, ("compliance-schedule-x",)),
        (6, ("compliance-schedule-x", "compliance-schedule-x-2")),
        (11, ("compliance-schedule-x", "compliance-schedule-x-2", "compliance-schedule-x-3")),
    ],
)
def test_five_evaluators_share_a_schedule(count: int, names: tuple[str, ...]) -> None:
    assert evaluation_schedule_names(count, "x") == names
    assert reminder_schedule_names(count, "x") == tuple(
        name.replace("schedule", "reminder") for name in names
    )


def test_reminders_are_off_unless_scheduled(find: Find, stacks: dict[str, Any]) -> None:
    reminder = find("daily", "aws_cloudwatch_event_rule", "Compliance/ReminderSchedule1/Resource")
    assert reminder["name"] == "compliance-reminder-test"
    assert reminder["schedule_expression"] == "cron(0 8 ? * MON *)"
    for rule in RULES:
        path = f"Compliance/ReminderSchedule1/Target-{rule}"
        target = find("daily", "aws_cloudwatch_event_target", path)
        assert target["arn"].startswith(f"${{aws_lambda_function.Compliance_Evaluator-{rule}_")
    assert "Reminder" not in json.dumps(stacks["create"])


@pytest.fixture(scope="module")
def outside(
    rules_outside: dict[str, type[AnyRule]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    """A stack of somebody else's, with six rules of their own package and one of Assay's."""
    app = App(outdir=str(tmp_path_factory.mktemp("outside-synth")))
    stack = TerraformStack(app, "theirs")
    AwsProvider(stack, "Aws")
    named = [*(rules_outside[f"queue-{number}"] for number in range(1, 7)), rules.load(RULES[0])]
    Compliance(
        stack,
        "Compliance",
        suffix="theirs",
        account_id="123456789012",
        partition="aws",
        region="eu-west-1",
        rules=[EvaluatorRule(rule=rule) for rule in named],
        history_table_name="history",
        history_table_arn="arn:history",
        state_table_name="state",
        state_table_arn="arn:state",
        topic_arn="arn:topic",
        reports_bucket_name="reports",
        reports_bucket_arn="arn:reports",
        dead_letter_queue_arn="arn:dead-letters",
        reminder_schedule="rate(7 days)",
    )
    app.synth()
    folder = Path(app.outdir) / "stacks" / "theirs"
    return folder, json.loads((folder / "cdk.tf.json").read_text(encoding="utf-8"))


def test_a_rule_from_outside_is_deployed_like_any_other(outside: tuple[Path, Any]) -> None:
    folder, stack = outside
    functions = {
        function["function_name"]: function
        for function in stack["resource"]["aws_lambda_function"].values()
    }
    function = functions["queue-1-theirs"]
    assert function["description"] == "Queues are small."
    variables = function["environment"]["variables"]
    assert variables["RULE_CLASS"] == "outside_rules.queues.rules:Queue1"
    assert variables["RULE_NAME"] == "queue-1"
    assert variables["RULE_SEVERITY"] == "low"
    with zipfile.ZipFile(folder / functions["report-aggregator-theirs"]["filename"]) as code:
        given = json.loads(code.read("rules.json"))
    assert given["queue-1"] == {"class": "outside_rules.queues.rules:Queue1", "severity": "low"}
    assert given["ec2-tag-compliance"]["class"] == rules.load("ec2-tag-compliance").reference()
    for filename in {function["filename"] for function in functions.values()}:
        with zipfile.ZipFile(folder / filename) as code:
            assert {"outside_rules/queues/rules.py", "assay/rule.py"} <= set(code.namelist())


ARGUMENTS: dict[str, Any] = {
    "suffix": "dev",
    "account_id": "123456789012",
    "partition": "aws",
    "region": "us-east-1",
    "rules": [EvaluatorRule(rule=rules.load("s3-encryption-compliance"))],
    "history_table_name": "history",
    "history_table_arn": "arn:aws:dynamodb:us-east-1:123456789012:table/history",
    "state_table_name": "state",
    "state_table_arn": "arn:aws:dynamodb:us-east-1:123456789012:table/state",
    "topic_arn": "arn:aws:sns:us-east-1:123456789012:alerts",
    "reports_bucket_name": "reports",
    "reports_bucket_arn": "arn:aws:s3:::reports",
    "dead_letter_queue_arn": "arn:aws:sqs:us-east-1:123456789012:dead-letters",
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"silence_hours": 0}, "silence_hours must be from 1 to 168; received 0"),
        (
            {"report_forms": ["html"]},
            r"report_forms must be a list with json and any of json, html, .* received \['html'\]",
        ),
        ({"report_forms": ["json", "pdf"]}, "report_forms must be a list with json"),
    ],
)
def test_impossible_arguments_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    stack = TerraformStack(App(), "refused")
    with pytest.raises(ConstructArgumentError, match=f"^{message}"):
        Compliance(stack, "Compliance", **{**ARGUMENTS, **changes})


def test_all_that_the_aggregator_is_told_fits_into_its_environment() -> None:
    """All variables of a function together may have 4 KB, whatever rules there are."""
    longest = {
        "DYNAMODB_TABLE": f"compliance-history-{'s' * 20}",
        "STATE_TABLE": f"compliance-state-{'s' * 20}",
        "ENVIRONMENT_SUFFIX": "s" * 20,
        "HISTORY_RETENTION_DAYS": "36500",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "WAIVERS_FILE": "waivers.json",
        # The longest name that a bucket can have.
        "REPORTS_BUCKET": "b" * 63,
        "RULES_FILE": "rules.json",
        "REPORT_FORMS": ",".join(NAMES),
        "SILENCE_HOURS": "168",
        "SECURITY_HUB": "false",
        "CONFIG_RECORDER_NAME": "r" * 256,
        "DASHBOARD_NAME": f"compliance-{'s' * 20}",
        "POWERTOOLS_SERVICE_NAME": "report-aggregator",
    }
    assert set(longest) == AGGREGATOR_VARIABLES
    assert len(json.dumps(longest)) <= 4096


def test_the_list_of_rules_may_be_as_long_as_it_is(tmp_path: Path) -> None:
    s3 = rules.load("s3-encryption-compliance")
    many: list[type[AnyRule]] = [
        type(f"Rule{number}", (s3,), {"__module__": s3.__module__, "name": f"rule-{number}"})
        for number in range(100)
    ]
    app = App(outdir=str(tmp_path))
    stack = TerraformStack(app, "many")
    AwsProvider(stack, "Aws", region="us-east-1")
    Compliance(stack, "Compliance", **{**ARGUMENTS, "rules": [EvaluatorRule(rule=r) for r in many]})
    app.synth()
    (zipped,) = tmp_path.glob("stacks/many/assets/Compliance_AggregatorCode_*/*/assay.zip")
    with zipfile.ZipFile(zipped) as code:
        assert set(json.loads(code.read("rules.json"))) == {rule.name for rule in many}


def test_a_class_that_is_not_yet_a_rule_is_refused_with_all_that_it_lacks() -> None:
    unfinished = type("Unfinished", (Rule,), {"name": "unfinished", "__module__": "theirs"})
    with pytest.raises(ConstructArgumentError) as caught:
        EvaluatorRule(rule=unfinished)
    assert str(caught.value) == (
        "rule must be a class that also defines requirement, rationale, remedy, severity, "
        "resource_type, id_pattern, arn_format, console_path, permissions, evaluate, named, page; "
        "received 'theirs:Unfinished'"
    )


def test_parameters_that_a_rule_cannot_work_with_are_refused_at_synth() -> None:
    backup = rules.load("rds-backup-compliance")
    with pytest.raises(ParameterError, match="minimumDays: unknown parameter, allowed: minimumRet"):
        EvaluatorRule(rule=backup, input_parameters={"minimumDays": "30"})


def test_the_sixth_evaluator_and_those_after_it_have_schedules_of_their_own(
    outside: tuple[Path, Any],
) -> None:
    _, stack = outside
    targets: dict[str, set[str]] = {}
    for target in stack["resource"]["aws_cloudwatch_event_target"].values():
        schedule = target["//"]["metadata"]["path"].split("/")[-2]
        targets.setdefault(schedule, set()).add(target["target_id"])
    first = {"ec2-tag-compliance", "queue-1", "queue-2", "queue-3", "queue-4"}
    assert targets == {
        "EvaluationSchedule1": first,
        "EvaluationSchedule2": {"queue-5", "queue-6"},
        "ReminderSchedule1": first,
        "ReminderSchedule2": {"queue-5", "queue-6"},
        "ReportSchedule": {"report-aggregator"},
    }


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("one-rule", "Compliance")
