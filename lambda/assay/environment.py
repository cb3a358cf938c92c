"""The functions' environment variables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from assay import rules
from assay.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.rule import AnyRule, Parameters

T = TypeVar("T")


class EnvironmentVariableError(ValueError):
    """An environment variable is missing, or its value is impossible."""


@dataclass(frozen=True)
class EvaluatorEnvironment:
    """What an evaluator is told by its environment.

    Attributes:
        rule: The rule (`RULE_NAME`).
        parameters: The rule's parameters (`RULE_PARAMETERS`, AWS Config input parameters as a
            JSON object).
        severity: The severity of a violation (`RULE_SEVERITY`).
        history_table: The history table's name (`DYNAMODB_TABLE`).
        state_table: The state table's name (`STATE_TABLE`).
        topic_arn: The alert topic's ARN (`SNS_TOPIC_ARN`).
        history_retention_days: Days that records are kept (`HISTORY_RETENTION_DAYS`).
        config_test_mode: Whether PutEvaluations only tests (`CONFIG_TEST_MODE`, unset is false).
    """

    rule: AnyRule
    parameters: Parameters
    severity: Severity
    history_table: str
    state_table: str
    topic_arn: str
    history_retention_days: int
    config_test_mode: bool

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Reads the variables.

        Raises:
            EnvironmentVariableError: One is missing or impossible; the message names it.
        """
        rule = _variable(variables, "RULE_NAME", rules.load)()
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
            history_retention_days=_variable(variables, "HISTORY_RETENTION_DAYS", _days),
            config_test_mode=_variable(
                {"CONFIG_TEST_MODE": "false", **variables}, "CONFIG_TEST_MODE", _flag
            ),
        )


@dataclass(frozen=True)
class AggregatorEnvironment:
    """What the report aggregator is told by its environment.

    Attributes:
        history_table: The history table's name (`DYNAMODB_TABLE`).
        state_table: The state table's name (`STATE_TABLE`).
        reports_bucket: The reports bucket's name (`REPORTS_BUCKET`).
        rules: The enabled rules with their severities (`RULES`, a JSON object).
        environment_suffix: The deployment's suffix (`ENVIRONMENT_SUFFIX`).
    """

    history_table: str
    state_table: str
    reports_bucket: str
    rules: Mapping[type[AnyRule], Severity]
    environment_suffix: str

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self:
        """Reads the variables.

        Raises:
            EnvironmentVariableError: One is missing or impossible; the message names it.
        """
        return cls(
            history_table=_variable(variables, "DYNAMODB_TABLE", _text),
            state_table=_variable(variables, "STATE_TABLE", _text),
            reports_bucket=_variable(variables, "REPORTS_BUCKET", _text),
            rules=_variable(variables, "RULES", _rules),
            environment_suffix=_variable(variables, "ENVIRONMENT_SUFFIX", _text),
        )


def _variable(variables: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T:
    if name not in variables:
        raise EnvironmentVariableError(f"{name}: required environment variable, is not set")
    try:
        return parse(variables[name])
    except (ValueError, LookupError) as error:
        raise EnvironmentVariableError(f"{name}: {error}") from error


def _text(text: str) -> str:
    if not text:
        raise ValueError("must not be empty, got ''")
    return text


def _days(text: str) -> int:
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
    given = _json_object(text)
    return {rules.load(name): _severity(given[name]) for name in sorted(given)}
