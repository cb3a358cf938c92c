import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cdktf import App, TerraformStack
from cdktf_cdktf_provider_aws.provider import AwsProvider

from assay import metrics
from assay.report import Counts, Report, RuleReport
from assay_constructs.dashboard import METRICS_NAMESPACE, Dashboard

if TYPE_CHECKING:
    from assay.run import RunSummary

Find = Callable[[str, str, str], Any]

RULES = ("ec2-tag-compliance", "rds-backup-compliance", "s3-encryption-compliance")
ACCOUNT = "${data.aws_caller_identity.Account.account_id}"


@pytest.fixture
def body(find: Find) -> Any:
    found = find("create", "aws_cloudwatch_dashboard", "Monitoring/Dashboard/Resource")
    return json.loads(found["dashboard_body"])


def drawn(body: Any) -> Iterator[tuple[str, str, str, frozenset[str]]]:
    """Title, namespace, name and dimensions' values of every metric on a dashboard."""
    for widget in body["widgets"]:
        properties = widget["properties"]
        for namespace, name, *dimensions, shown in properties.get("metrics", ()):
            assert shown["label"]
            yield properties["title"], namespace, name, frozenset(dimensions[1::2])


def test_it_is_named_after_the_environment(find: Find) -> None:
    found = find("create", "aws_cloudwatch_dashboard", "Monitoring/Dashboard/Resource")
    assert found["dashboard_name"] == "compliance-test"


def test_every_rule_is_in_every_graph_of_rules(body: Any) -> None:
    all_rules = {
        title: {name for _, _, name, values in each if values == {"test"}}
        for title, each in _by_title(body).items()
    }
    assert all_rules["Latest report"] == {"Score", "Violations", "Waived", "SilentRules"}
    assert {title for title, names in all_rules.items() if names} == {
        *("Latest report", "Score (%)", "Open violations", "Waived violations"),
    }
    titles = {
        *("Score (%)", "Open violations", "Waived violations", "Age of the last good run (s)"),
        *("Duration of runs (ms)", "Resources that could not be read", "Errors in runs"),
    }
    for title in titles:
        of_rules = [values - {"test"} for _, _, _, values in _by_title(body)[title]]
        assert sorted(rule for values in of_rules for rule in values) == sorted(RULES)


def _by_title(body: Any) -> dict[str, list[tuple[str, str, str, frozenset[str]]]]:
    found: dict[str, list[tuple[str, str, str, frozenset[str]]]] = {}
    for each in drawn(body):
        found.setdefault(each[0], []).append(each)
    return found


@pytest.fixture
def emitted(capsys: pytest.CaptureFixture[str]) -> set[tuple[str, frozenset[str]]]:
    """Names and dimensions of all metrics that the functions write."""
    summary: RunSummary = {
        "rule_name": "rule",
        "run_id": "run",
        "trigger": "Scheduled Event",
        "ordering_timestamp": "2026-05-01T00:00:00.000000Z",
        "started_at": "2026-05-01T00:00:00.000000Z",
        "finished_at": "2026-05-01T00:00:01.000000Z",
        "segments": 1,
        "continued": False,
        "complete": True,
        "resources": 1,
        "compliant": 1,
        "non_compliant": 0,
        "not_applicable": 0,
        "transitions": 0,
        "unreadable_count": 0,
        "unreadable": [],
        "errors": [],
        "alerted": 0,
        "resolved": 0,
        "api_calls": {},
    }
    counts: dict[str, Any] = {
        "resources": 1,
        "compliant": 1,
        "non_compliant": 0,
        "not_applicable": 0,
        "score": 100.0,
    }
    rule = RuleReport(
        rule_name="rule",
        requirement="",
        severity="low",
        last_run=None,
        status="reporting",
        **counts,
    )
    report = Report(
        schema_version="1.2",
        generated_at="2026-05-01T00:00:00.000000Z",
        account_id="123456789012",
        region="eu-west-1",
        environment_suffix="test",
        history_table="history",
        summary=Counts(**counts),
        rules=[rule],
        resources=[],
    )
    metrics.put_run("test", summary, is_sweep=True)
    metrics.put_error("test", "rule")
    metrics.put_age("test", "rule", None)
    metrics.put_report(report, silent_rules=0)
    found = set()
    for line in capsys.readouterr().out.splitlines():
        (block,) = json.loads(line)["_aws"]["CloudWatchMetrics"]
        assert block["Namespace"] == METRICS_NAMESPACE
        (dimensions,) = block["Dimensions"]
        found |= {(each["Name"], frozenset(dimensions)) for each in block["Metrics"]}
    return found


def test_every_metric_of_the_functions_is_one_that_they_write(
    body: Any, emitted: set[tuple[str, frozenset[str]]]
) -> None:
    shown = {
        (metric[1], frozenset(metric[2:-1:2]))
        for widget in body["widgets"]
        for metric in widget["properties"].get("metrics", ())
        if metric[0] == METRICS_NAMESPACE
    }
    assert shown <= emitted
    assert {name for name, _ in emitted} - {name for name, _ in shown} == {
        # Superseded by the reports' own, which know of waivers.
        *("Compliant", "NonCompliant", "NotApplicable", "ComplianceScore"),
    }


def test_functions_and_queues_are_those_that_are_made(body: Any, stacks: dict[str, Any]) -> None:
    resources = stacks["create"]["resource"]
    made = {
        "AWS/Lambda": {each["function_name"] for each in resources["aws_lambda_function"].values()},
        "AWS/SQS": {each["name"] for each in resources["aws_sqs_queue"].values()},
    }
    for namespace, names in made.items():
        shown = {tuple(values) for _, space, _, values in drawn(body) if space == namespace}
        assert shown == {(name,) for name in names}


def test_every_alarm_is_shown(body: Any, stacks: dict[str, Any]) -> None:
    names = {
        each["alarm_name"]
        for each in stacks["create"]["resource"]["aws_cloudwatch_metric_alarm"].values()
    }
    (alarms,) = (each["properties"] for each in body["widgets"] if each["type"] == "alarm")
    partition = "${data.aws_partition.Partition.partition}"
    assert set(alarms["alarms"]) == {
        f"arn:{partition}:cloudwatch:eu-west-1:{ACCOUNT}:alarm:{name}" for name in names
    }


def test_nothing_but_account_and_partition_is_left_to_terraform(find: Find) -> None:
    """Neither of them can have a character that would have to be escaped in JSON."""
    found = find("create", "aws_cloudwatch_dashboard", "Monitoring/Dashboard/Resource")
    assert set(re.findall(r"\$\{[^}]*\}", found["dashboard_body"])) == {
        ACCOUNT,
        "${data.aws_partition.Partition.partition}",
    }


def test_silence_is_drawn_where_its_alarm_goes_off(find: Find) -> None:
    for stack, hours in (("create", 13), ("daily", 30)):
        found = find(stack, "aws_cloudwatch_dashboard", "Monitoring/Dashboard/Resource")
        (age,) = (
            each["properties"]
            for each in json.loads(found["dashboard_body"])["widgets"]
            if each["properties"].get("title") == "Age of the last good run (s)"
        )
        assert age["annotations"] == {
            "horizontal": [{"label": f"silent: {hours} hours", "value": hours * 3600}]
        }


def _is_a_page(body: Any, region: str) -> None:
    """The widgets stand beside one another in 24 columns, and each is what CloudWatch takes."""
    assert set(body) == {"start", "periodOverride", "widgets"}
    cells = {}
    for widget in body["widgets"]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        rows = range(widget["y"], widget["y"] + widget["height"])
        assert columns
        assert rows
        assert columns.stop <= 24
        cells[id(widget)] = {(column, row) for column in columns for row in rows}
        properties = widget["properties"]
        if widget["type"] == "metric":
            assert properties["region"] == region
            assert 1 <= len(properties["metrics"]) <= 500
            assert properties["period"] % 60 == 0
            # A retried report writes its metrics again.
            names = {metric[1] for metric in properties["metrics"]}
            assert properties["stat"] != "Sum" or names == {"Errors"}
        elif widget["type"] == "alarm":
            assert 1 <= len(properties["alarms"]) <= 100
        else:
            assert set(properties) == {"markdown"}
    for one, other in combinations(cells.values(), 2):
        assert not one & other
    shown = [metric for each in body["widgets"] for metric in each["properties"].get("metrics", ())]
    assert len(shown) <= 2500
    assert len(body["widgets"]) <= 500


def test_widgets_stand_beside_one_another(body: Any) -> None:
    _is_a_page(body, "eu-west-1")


def dashboard(folder: Path, rules: int, alarms: int, region: str = "cn-north-1") -> Any:
    app = App(outdir=str(folder))
    stack = TerraformStack(app, "stack")
    AwsProvider(stack, "Aws")
    made = Dashboard(
        stack,
        "Dashboard",
        suffix="x",
        region=region,
        rule_names=[f"rule-{number}" for number in range(rules)],
        function_names=[f"function-{number}" for number in range(rules)],
        queue_names=[f"queue-{number}" for number in range(rules)],
        alarm_arns=[f"arn:aws-cn:cloudwatch:::alarm:{number}" for number in range(alarms)],
        silence_hours=13,
    )
    app.synth()
    text = (folder / "stacks/stack/cdk.tf.json").read_text(encoding="utf-8")
    (found,) = json.loads(text)["resource"]["aws_cloudwatch_dashboard"].values()
    return made, json.loads(found["dashboard_body"])


def test_many_rules_stay_within_what_a_dashboard_may_hold(tmp_path: Path) -> None:
    _, body = dashboard(tmp_path, rules=80, alarms=250)
    _is_a_page(body, "cn-north-1")
    alarms = [each["properties"]["alarms"] for each in body["widgets"] if each["type"] == "alarm"]
    assert [len(arns) for arns in alarms] == [100, 100, 50]


def test_without_rules_there_is_no_empty_graph(tmp_path: Path) -> None:
    _, body = dashboard(tmp_path, rules=0, alarms=0)
    _is_a_page(body, "cn-north-1")
    titles = {each["properties"].get("title") for each in body["widgets"]}
    assert titles == {
        *(None, "Latest report", "Score (%)", "Open violations", "Waived violations"),
    }


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("us-west-2", "us-west-2.console.aws.amazon.com"),
    ],
)
def test_its_address_is_that_of_the_regions_console(tmp_path: Path, region: str, host: str) -> None:
    made, _ = dashboard(tmp_path, rules=1, alarms=1, region=region)
    assert made.name == "compliance-x"
    assert made.url == (
        f"https://{host}/cloudwatch/home?region={region}#dashboards/dashboard/compliance-x"
    )
