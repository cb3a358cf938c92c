"""A dashboard: what the latest reports counted, and how the functions do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cdktf_cdktf_provider_aws.cloudwatch_dashboard import CloudwatchDashboard
from constructs import Construct

from assay.aws import DASHBOARD_PATH, Aws
from assay.batches import batches

# Of the functions' own metrics.
METRICS_NAMESPACE = "Assay"
HOUR_SECONDS = 3600
# Reports come every six hours by default, and a line needs a value in each period.
_REPORT_PERIOD_SECONDS = 6 * HOUR_SECONDS
_MAXIMUM_ALARMS = 100
_COLUMNS = 24
_GRAPHS_IN_A_ROW = 3

# Namespace, name, dimensions, and how it is drawn.
_Metric: TypeAlias = list[str | dict[str, str]]


class Dashboard(Construct):
    """The dashboard of one environment.

    Args:
        scope: Parent construct.
        construct_id: Name in the tree.
        suffix: Environment suffix; the dashboard is ``compliance-<suffix>``.
        region: Region of the deployment.
        rule_names: Rules whose metrics are shown.
        function_names: Functions whose errors are shown.
        queue_names: Queues whose depth is shown.
        alarm_arns: Alarms whose states are shown. Nothing in them may be a character that JSON
            escapes, also where Terraform fills it in.
        silence_hours: Age of a rule's last good run that counts as silence.

    Attributes:
        name: Its name.
        url: Its page in the AWS console.

    Source:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        region: str,
        rule_names: Sequence[str],
        function_names: Sequence[str],
        queue_names: Sequence[str],
        alarm_arns: Sequence[str],
        silence_hours: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = f"compliance-{suffix}"
        self.url = _url(self.name, region)
        widgets = [
            _text(suffix),
            _numbers(suffix, region),
            *(_alarms(arns) for arns in batches(alarm_arns, _MAXIMUM_ALARMS)),
            *(
                graph.widget(region)
                for graph in _graphs(suffix, rule_names, function_names, queue_names, silence_hours)
                # One without metrics is refused.
                if graph.metrics
            ),
        ]
        CloudwatchDashboard(
            self,
            "Resource",
            dashboard_name=self.name,
            dashboard_body=json.dumps(
                {"start": "-P14D", "periodOverride": "inherit", "widgets": _placed(widgets)},
                sort_keys=True,
            ),
        )


def _url(name: str, region: str) -> str:
    # The partition as the provider tells it is not known before Terraform runs.
    partitions = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    partition = next((partitions[each] for each in partitions if region.startswith(each)), "aws")
    return Aws(partition=partition, region=region, account_id="").console_url(DASHBOARD_PATH, name)


@dataclass(frozen=True)
class _Graph:
    title: str
    metrics: Sequence[_Metric]
    stat: str = "Maximum"
    period_seconds: int = HOUR_SECONDS
    axis: Mapping[str, Any] = field(default_factory=dict)
    limit: tuple[str, int] | None = None

    def widget(self, region: str) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "title": self.title,
            "view": "timeSeries",
            "region": region,
            "metrics": self.metrics,
            "stat": self.stat,
            "period": self.period_seconds,
            "yAxis": {"left": {"min": 0, **self.axis}},
        }
        if self.limit:
            label, value = self.limit
            properties["annotations"] = {"horizontal": [{"label": label, "value": value}]}
        return _widget("metric", properties, width=_COLUMNS // _GRAPHS_IN_A_ROW, height=6)


def _graphs(
    suffix: str,
    rule_names: Sequence[str],
    function_names: Sequence[str],
    queue_names: Sequence[str],
    silence_hours: int,
) -> list[_Graph]:
    def by_rule(name: str) -> list[_Metric]:
        return [_own(name, suffix, rule_name=rule, label=rule) for rule in rule_names]

    def reported(title: str, name: str, **drawn: Any) -> _Graph:
        metrics = [_own(name, suffix, label="all rules"), *by_rule(name)]
        return _Graph(title, metrics, period_seconds=_REPORT_PERIOD_SECONDS, **drawn)

    return [
        reported("Score (%)", "Score", stat="Average", axis={"max": 100}),
        reported("Open violations", "Violations"),
        reported("Waived violations", "Waived"),
        _Graph(
            "Age of the last good run (s)",
            by_rule("LastGoodRunAge"),
            period_seconds=_REPORT_PERIOD_SECONDS,
            limit=(f"silent: {silence_hours} hours", silence_hours * HOUR_SECONDS),
        ),
        _Graph("Duration of runs (ms)", by_rule("RunDuration")),
        _Graph("Resources that could not be read", by_rule("Unreadable")),
        _Graph("Errors in runs", by_rule("Errors"), stat="Sum"),
        _Graph(
            "Errors of functions",
            [
                ["AWS/Lambda", "Errors", "FunctionName", name, {"label": name}]
                for name in function_names
            ],
            stat="Sum",
        ),
        _Graph(
            "Messages in queues",
            [
                [
                    *("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name),
                    {"label": name},
                ]
                for name in queue_names
            ],
        ),
    ]


def _own(name: str, suffix: str, *, label: str, rule_name: str | None = None) -> _Metric:
    """One of the functions' own metrics, of one rule or of all together."""
    of_rule = [] if rule_name is None else ["rule_name", rule_name]
    return [METRICS_NAMESPACE, name, "environment_suffix", suffix, *of_rule, {"label": label}]


def _text(suffix: str) -> dict[str, Any]:
    markdown = (
        f"## Compliance of {suffix}\n"
        "Counts are those of the latest report, which names every resource. Score = compliant / "
        "(compliant + open violations); a waived violation is not open."
    )
    return _widget("text", {"markdown": markdown}, height=3)


def _numbers(suffix: str, region: str) -> dict[str, Any]:
    labels = {
        "Score": "Score (%)",
        "Violations": "Open violations",
        "Waived": "Waived violations",
        "SilentRules": "Silent rules",
    }
    properties = {
        "title": "Latest report",
        "view": "singleValue",
        "sparkline": True,
        "region": region,
        "metrics": [_own(name, suffix, label=label) for name, label in labels.items()],
        "stat": "Average",
        "period": HOUR_SECONDS,
    }
    return _widget("metric", properties, height=4)


def _alarms(arns: Sequence[str]) -> dict[str, Any]:
    # Those that are on come first.
    properties = {"title": "Alarms", "alarms": arns, "sortBy": "stateUpdatedTimestamp"}
    return _widget("alarm", properties, height=4)


def _widget(
    kind: str, properties: dict[str, Any], *, height: int, width: int = _COLUMNS
) -> dict[str, Any]:
    return {"type": kind, "width": width, "height": height, "properties": properties}


def _placed(widgets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The widgets from left to right, then from the top down."""
    placed: list[dict[str, Any]] = []
    x = y = 0
    for widget in widgets:
        placed.append({**widget, "x": x, "y": y})
        x += widget["width"]
        if x == _COLUMNS:
            x, y = 0, y + widget["height"]
    return placed
