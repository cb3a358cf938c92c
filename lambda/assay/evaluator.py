"""The evaluator function: judges resources by one rule and records what it found.

All that it writes is keyed on the event's own time, so running a failed run again repairs it.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from assay import alerts, config_service
from assay.aws import Aws
from assay.environment import EvaluatorEnvironment
from assay.events import read_event
from assay.history import History
from assay.invocation import logged
from assay.judging import Judge
from assay.rule import ComplianceType, Unreadable
from assay.run import Judgement, Run, RunSummary
from assay.state import State, is_transition, successor
from assay.timestamps import SECONDS_A_DAY, write_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from assay.events import Event
    from assay.state import Verdict

logger = Logger()

# Once for the process, because making clients takes longer than a small run.
_aws = cache(Aws.from_function_arn)


@dataclass
class _Findings:
    """What a run has found and recorded so far."""

    counts: Counter[ComplianceType] = field(default_factory=Counter)
    transitions: int = 0
    pending: dict[str, Verdict] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    judgements: list[Judgement] = field(default_factory=list)


def handler(event: object, context: LambdaContext) -> RunSummary:
    """Judges the event's resource, or all resources, and returns the run's summary.

    Raises:
        UnsupportedEventError: The event cannot be understood, or is not about the rule's resources.
        ParameterError: The event's rule parameters are not the rule's.
        EnvironmentVariableError: An environment variable is missing or impossible.
        NotAcceptedError: DynamoDB or AWS Config kept refusing a part of the results.
        botocore.exceptions.ClientError: Resources could not be listed, or results not recorded.
    """
    rule_name = os.environ.get("RULE_NAME")
    with logged(logger, rule_name=rule_name, run_id=context.aws_request_id, trigger=None):
        return _evaluate(event, context)


def _evaluate(event: object, context: LambdaContext) -> RunSummary:
    started_at = datetime.now(UTC)
    environment = EvaluatorEnvironment.read(os.environ)
    incoming = read_event(event)
    logger.append_keys(trigger=incoming.trigger.value)
    run = _run(environment, incoming, context.aws_request_id)
    aws = _aws(context.invoked_function_arn)
    state = State(aws.client("dynamodb"), environment.state_table)

    findings = _judge(environment, aws, incoming, run, state)
    violations = [findings.pending[resource_id] for resource_id in sorted(findings.pending)]
    if violations:
        alerts.publish(aws.client("sns"), environment.topic_arn, aws, run, violations)
        for violation in violations:
            state.clear_alert(violation)
    if incoming.result_token is not None:
        config_service.put_evaluations(
            aws.client("config"),
            run,
            incoming.result_token,
            findings.judgements,
            test_mode=environment.config_test_mode,
        )
    summary = _summary(run, findings, started_at)
    if run.trigger.is_sweep:
        state.put_summary(run, summary)
    logger.info("run finished", extra={"summary": summary})
    return summary


def _run(environment: EvaluatorEnvironment, incoming: Event, run_id: str) -> Run:
    kept = environment.history_retention_days * SECONDS_A_DAY
    return Run(
        rule_name=environment.rule.name,
        resource_type=environment.rule.resource_type,
        severity=environment.severity,
        run_id=run_id,
        trigger=incoming.trigger,
        ordering_timestamp=write_timestamp(incoming.ordering_timestamp),
        expires_at=int(incoming.ordering_timestamp.timestamp()) + kept,
    )


def _judge(
    environment: EvaluatorEnvironment, aws: Aws, incoming: Event, run: Run, state: State
) -> _Findings:
    parameters = environment.parameters
    if incoming.rule_parameters:
        parameters = environment.rule.Parameters.from_input_parameters(incoming.rule_parameters)
    judge = Judge(environment.rule, parameters, aws, incoming.ordering_timestamp)
    if incoming.changed is None:
        previous = {verdict.resource_id: verdict for verdict in state.verdicts(run.rule_name)}
        found = judge.sweep(previous.values())
    else:
        verdict = state.verdict(run.rule_name, judge.arn(incoming.changed))
        previous = {} if verdict is None else {verdict.resource_id: verdict}
        found = judge.changed(incoming.changed)

    findings = _Findings(
        pending={arn: verdict for arn, verdict in previous.items() if verdict.alert_pending}
    )
    history = History(aws.client("dynamodb"), environment.history_table)
    for judgement in history.record(run, _readable(found, findings)):
        findings.counts[judgement.compliance_type] += 1
        if incoming.result_token is not None:
            findings.judgements.append(judgement)
        _write_state(state, run, judgement, previous, findings)
    return findings


def _readable(found: Iterable[Judgement | Unreadable], findings: _Findings) -> Iterator[Judgement]:
    for result in found:
        if isinstance(result, Unreadable):
            logger.warning("resource cannot be read", extra=vars(result))
            findings.unreadable[result.resource_id] = result.error_code
        else:
            yield result


def _write_state(
    state: State,
    run: Run,
    judgement: Judgement,
    previous: Mapping[str, Verdict],
    findings: _Findings,
) -> None:
    old = previous.get(judgement.resource_id)
    new = successor(run, judgement, old)
    if new is None:
        return
    findings.pending.pop(new.resource_id, None)
    # A write is refused when a newer event has been faster; the alert is then that run's.
    if state.put(new):
        findings.transitions += is_transition(judgement, old)
        if new.alert_pending:
            findings.pending[new.resource_id] = new


def _summary(run: Run, findings: _Findings, started_at: datetime) -> RunSummary:
    counts = findings.counts
    return {
        "rule_name": run.rule_name,
        "run_id": run.run_id,
        "trigger": run.trigger.value,
        "ordering_timestamp": run.ordering_timestamp,
        "started_at": write_timestamp(started_at),
        "finished_at": write_timestamp(datetime.now(UTC)),
        "resources": counts.total() + len(findings.unreadable),
        "compliant": counts[ComplianceType.COMPLIANT],
        "non_compliant": counts[ComplianceType.NON_COMPLIANT],
        "not_applicable": counts[ComplianceType.NOT_APPLICABLE],
        "transitions": findings.transitions,
        "unreadable": [
            {"resource_id": resource_id, "error_code": findings.unreadable[resource_id]}
            for resource_id in sorted(findings.unreadable)
        ],
        "alerted": len(findings.pending),
    }
