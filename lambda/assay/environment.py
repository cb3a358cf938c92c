"""The functions' environment variables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from assay import forms, rules
from assay.rule import Severity
from assay.waivers import Waivers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from assay.rule import AnyRule, Parameters

T = TypeVar("T")

_DEFAULTS = {
    "CONFIG_RECORDER_NAME": "",
    "CONFIG_TEST_MODE": "false",
    "DASHBOARD_NAME": "",
    "MAXIMUM_CONCURRENCY": "16",
    "SECURITY_HUB": "false",
    "SILENCE_HOURS": "13",
    "TIME_RESERVE_SECONDS": "60",
    "WAIVERS_FILE": "",
}


class EnvironmentVariableError(ValueError):
    """An environment variable is missing, or its value is impossible."""


@dataclass(frozen=True)
class EvaluatorEnvironment:
    """What an evaluator is told by its environment.

    Attributes:
        rule: The rule (`RULE_CLASS`, as `module:Class`).
        parameters: The rule's parameters (`RULE_PARAMETERS`, AWS Config input parameters as a
            JSON object).
        severity: The severity of a violation (`RULE_SEVERITY`).
        history_table: The history table's name (`DYNAMODB_TABLE`).
        state_table: The state table's name (`STATE_TABLE`).
        topic_arn: The alert topic's ARN (`SNS_TOPIC_ARN`).
        history_retention_days: Days that records are kept (`HISTORY_RETENTION_DAYS`).
        environment_suffix: The deployment's suffix (`ENVIRONMENT_SUFFIX`).
        continuation_queue_url: The queue for the rest of a sweep (`CONTINUATION_QUEUE_URL`).
        config_test_mode: Whether PutEvaluations only tests (`CONFIG_TEST_MODE`, unset is false).
        maximum_concurrency: Calls that may be under way at once (`MAXIMUM_CONCURRENCY`, unset is
            16).
        time_reserve_seconds: A sweep with less time left than this goes on in a fresh invocation
            (`TIME_RESERVE_SECONDS`, unset is 60). What is under way then should end in it. A call
            that AWS leaves waiting to its last repetition takes longer; then Lambda ends the
            invocation and repeats it.
        waivers: The waivers (`WAIVERS_FILE`, the name of a file beside the package; unset is none).
    """

    rule: AnyRule
    parameters: Parameters
    severity: Severity
    history_table: str
    state_table: str
    topic_arn: str
    history_retention_days: int
    environment_suffix: str
    continuation_queue_url: str
    config_test_mode: bool
    maximum_concurrency: int
    time_reserve_seconds: int
    waivers: Waivers

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Reads the variables.

        Raises:
            EnvironmentVariableError: One is missing or impossible; the message names it.
        """
        variables = {**_DEFAULTS, **variables}
        rule = _variable(variables, "RULE_CLASS", rules.load_reference)()
        return cls(
            rule=rule,
            parameters=_variable(
                variables,
                "RULE_PARAMETERS",
                lambda text: rule.Parameters.from_input_parameters(_json_object(text)),
            ),
            severity=_variable(variables, "RULE_SEVERITY", _severity),
            history_table=_variable(variables, "DYNAMODB_TABLE", _text),
            state_table=_variable(variables, "STATE_TABLE", _text),
            topic_arn=_variable(variables, "SNS_TOPIC_ARN", _text),
            history_retention_days=_variable(variables, "HISTORY_RETENTION_DAYS", _number),
            environment_suffix=_variable(variables, "ENVIRONMENT_SUFFIX", _text),
            continuation_queue_url=_variable(variables, "CONTINUATION_QUEUE_URL", _text),
            config_test_mode=_variable(variables, "CONFIG_TEST_MODE", _flag),
            maximum_concurrency=_variable(variables, "MAXIMUM_CONCURRENCY", _number),
            time_reserve_seconds=_variable(variables, "TIME_RESERVE_SECONDS", _number),
            waivers=_variable(variables, "WAIVERS_FILE", _waivers),
        )


@dataclass(frozen=True)
class AggregatorEnvironment:
    """What the report aggregator is told by its environment.

    Attributes:
        history_table: The history table's name (`DYNAMODB_TABLE`).
        state_table: The state table's name (`STATE_TABLE`).
        reports_bucket: The reports bucket's name (`REPORTS_BUCKET`).
        rules: The enabled rules with their severities (`RULES_FILE`, the name of a file beside the
            package: a JSON object with `class` and `severity` for each rule's name).
        environment_suffix: The deployment's suffix (`ENVIRONMENT_SUFFIX`).
        report_forms: The forms of the report, `json` first (`REPORT_FORMS`, separated by commas).
        silence: How old a rule's latest complete sweep may be (`SILENCE_HOURS`, unset is 13).
        history_retention_days: Days that records are kept (`HISTORY_RETENTION_DAYS`).
        recorder_name: AWS Config's recorder (`CONFIG_RECORDER_NAME`, unset or empty is none).
        dashboard_name: The dashboard in CloudWatch (`DASHBOARD_NAME`, unset or empty is none).
        security_hub: Whether findings go to Security Hub (`SECURITY_HUB`, unset is false).
        waivers: The waivers (`WAIVERS_FILE`, the name of a file beside the package; unset is none).
    """

    history_table: str
    state_table: str
    reports_bucket: str
    rules: Mapping[type[AnyRule], Severity]
    environment_suffix: str
    report_forms: Sequence[str]
    silence: timedelta
    history_retention_days: int
    recorder_name: str | None
    dashboard_name: str | None
    security_hub: bool
    waivers: Waivers

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Reads the variables.

        Raises:
            EnvironmentVariableError: One is missing or impossible; the message names it.
        """
        variables = {**_DEFAULTS, **variables}
        return cls(
            history_table=_variable(variables, "DYNAMODB_TABLE", _text),
            state_table=_variable(variables, "STATE_TABLE", _text),
            reports_bucket=_variable(variables, "REPORTS_BUCKET", _text),
            rules=_variable(variables, "RULES_FILE", _rules),
            environment_suffix=_variable(variables, "ENVIRONMENT_SUFFIX", _text),
            report_forms=_variable(variables, "REPORT_FORMS", _forms),
            silence=timedelta(hours=_variable(variables, "SILENCE_HOURS", _number)),
            history_retention_days=_variable(variables, "HISTORY_RETENTION_DAYS", _number),
            recorder_name=variables["CONFIG_RECORDER_NAME"] or None,
            dashboard_name=variables["DASHBOARD_NAME"] or None,
            security_hub=_variable(variables, "SECURITY_HUB", _flag),
            waivers=_variable(variables, "WAIVERS_FILE", _waivers),
        )


def _variable(variables: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T:
    if name not in variables:
        raise EnvironmentVariableError(f"{name}: required environment variable, is not set")
    try:
        return parse(variables[name])
    except (ValueError, LookupError) as error:
        raise EnvironmentVariableError(f"{name}: {error}") from error


def _file(text: str) -> str:
    try:
        # What is deployed with the package lies beside it.
        return (Path(__file__).parents[1] / text).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"must name a file, got {text!r}: {error.strerror}") from error


def _waivers(text: str) -> Waivers:
    if not text:
        return Waivers()
    content = _file(text)
    try:
        return Waivers.read(content)
    except ValueError as error:
        raise ValueError(f"must name a JSON list of waivers, got {text!r}: {error}") from error


def _text(text: str) -> str:
    if not text:
        raise ValueError("must not be empty, got ''")
    return text


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"must be true or false, got {text!r}")
    return text == "true"


def _severity(given: object) -> Severity:
    for severity in Severity:
        if severity == given:
            return severity
    raise ValueError(f"must be one of {', '.join(Severity)}, got {given!r}")


def _json_object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"must be a JSON object, got {text!r}")  # noqa: TRY004 - it is the text that is wrong
    return value


def _rules(text: str) -> dict[type[AnyRule], Severity]:
    found = {}
    for name, given in sorted(_json_object(_file(text)).items()):
        if not isinstance(given, dict) or not isinstance(given.get("class"), str):
            raise ValueError(f"{name}: must be an object with class and severity, got {given!r}")  # noqa: TRY004 - it is the text that is wrong
        found[rules.load_reference(given["class"])] = _severity(given.get("severity"))
    return found


def _forms(text: str) -> Sequence[str]:
    given = text.split(",")
    if "json" not in given or not set(given) <= set(forms.NAMES):
        allowed = ", ".join(forms.NAMES)
        raise ValueError(f"must be json and any others of {allowed}, by commas, got {text!r}")
    return [name for name in forms.NAMES if name in given]
