"""The evaluator function: judges resources by one rule and records what it found.

All that it writes is keyed on the event's own time, so running a failed run again repairs it.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from assay import config_service, continuation, metrics
from assay.alerts import Alerts
from assay.aws import Aws
from assay.continuation import Continuation
from assay.environment import EvaluatorEnvironment
from assay.events import Trigger, UnsupportedEventError, read_event
from assay.history import History
from assay.invocation import logged
from assay.judging import Judge
from assay.messages import shown
from assay.recording import Recorder
from assay.rule import ComplianceType
from assay.run import NAMED_UNREADABLE, Findings, Run, RunSummary
from assay.state import State
from assay.summaries import Summaries
from assay.sweep import Position, Sweep
from assay.timestamps import SECONDS_A_DAY, write_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from assay.events import ChangedResource, Event
    from assay.run import Judgement
    from assay.state import Verdict

logger = Logger()

# Once for the process, because making clients takes longer than a small run.
_aws = cache(Aws.from_function_arn)

_COUNTS = (
    *("resources", "compliant", "non_compliant", "not_applicable"),
    *("transitions", "unreadable_count"),
)


# That an answer is refused stays so until somebody grants it.
_REFUSALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled"}


class NotReadError(RuntimeError):
    """AWS did not tell what a changed resource is like now."""


class OvertakenError(RuntimeError):
    """A newer sweep began while this one wrote, so that one more look is needed."""

    def __init__(self, run: Run) -> None:
        super().__init__(
            f"a newer sweep of {run.rule_name} began during that of {run.ordering_timestamp}"
        )


def handler(event: object, context: LambdaContext) -> RunSummary:
    """Judges the event's resource, or all resources, and returns the run's summary.

    Raises:
        UnsupportedEventError: The event cannot be understood, or is not about the rule's resources.
        ParameterError: The event's rule parameters are not the rule's.
        EnvironmentVariableError: An environment variable is missing or impossible.
        NotReadError: AWS did not tell what a changed resource is like, and may when asked again.
        OvertakenError: A newer sweep began meanwhile; the repeated run is right.
        NotAcceptedError: DynamoDB or AWS Config kept refusing a part of the results.
        botocore.exceptions.ClientError: Resources could not be listed, or results not recorded.
    """
    rule_name = os.environ.get("RULE_NAME", "unknown")
    suffix = os.environ.get("ENVIRONMENT_SUFFIX", "unknown")
    with logged(logger, rule_name=rule_name, run_id=context.aws_request_id, trigger=None):
        try:
            invocation = _begin(event, context)
            summary = invocation.go()
        except Exception:
            metrics.put_error(suffix, rule_name)
            raise
        metrics.put_run(suffix, summary, is_sweep=invocation.run.trigger.is_sweep)
        logger.info("run finished", extra={"summary": summary})
        # Only now, when all that could be done is done: the invocation fails, and is repeated.
        if invocation.findings.failure is not None:
            raise invocation.findings.failure
        return summary


def _begin(event: object, context: LambdaContext) -> _Invocation:
    started_at = datetime.now(UTC)
    environment = EvaluatorEnvironment.read(os.environ)
    incoming = read_event(event)
    logger.append_keys(trigger=incoming.trigger.value)
    expected = f"{environment.rule.name}-{environment.environment_suffix}"
    if incoming.config_rule_name not in {None, expected}:
        raise UnsupportedEventError(
            f"configRuleName: must be {expected}, got {shown(incoming.config_rule_name)}"
        )
    rest = incoming.continuation
    if rest is not None:
        if rest.rule_name != environment.rule.name:
            raise UnsupportedEventError(
                f"rule_name: must be {environment.rule.name}, got {rest.rule_name!r}"
            )
        logger.append_keys(run_id=rest.run_id)
    kept = environment.history_retention_days * SECONDS_A_DAY
    reserve_milliseconds = environment.time_reserve_seconds * 1000
    return _Invocation(
        environment=environment,
        aws=_aws(context.invoked_function_arn, concurrency=environment.maximum_concurrency),
        incoming=incoming,
        run=Run(
            rule_name=environment.rule.name,
            resource_type=environment.rule.resource_type,
            severity=environment.severity,
            run_id=rest.run_id if rest else context.aws_request_id,
            trigger=incoming.trigger,
            ordering_timestamp=write_timestamp(incoming.ordering_timestamp),
            expires_at=int(incoming.ordering_timestamp.timestamp()) + kept,
        ),
        started_at=rest.started_at if rest else write_timestamp(started_at),
        is_late=lambda: context.get_remaining_time_in_millis() < reserve_milliseconds,
    )


@dataclass
class _Invocation:
    """What one invocation works with."""

    environment: EvaluatorEnvironment
    aws: Aws
    incoming: Event
    run: Run
    started_at: str
    is_late: Callable[[], bool]
    findings: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        # The process may have served others.
        self._calls_before = Counter(self.aws.calls)
        dynamodb = self.aws.client("dynamodb")
        self._state = State(dynamodb, self.environment.state_table)
        self._summaries = Summaries(dynamodb, self.environment.state_table)
        self._history = History(dynamodb, self.environment.history_table)
        self._alerts = partial(
            Alerts,
            topic_arn=self.environment.topic_arn,
            aws=self.aws,
            rule=self.environment.rule,
            run=self.run,
            waivers=self.environment.waivers,
        )

    def go(self) -> RunSummary:
        """Does what the event asks for."""
        if self.incoming.trigger is Trigger.REMINDER:
            return self._remind()
        parameters = self.environment.parameters
        if self.incoming.rule_parameters:
            parameters = self.environment.rule.Parameters.from_input_parameters(
                self.incoming.rule_parameters
            )
        judge = Judge(self.environment.rule, parameters, self.aws, self.incoming.ordering_timestamp)
        if self.incoming.changed is None:
            return self._sweep(judge)
        return self._change(judge, self.incoming.changed)

    def _remind(self) -> RunSummary:
        verdicts = [
            verdict
            for verdict in self._state.verdicts(self.run.rule_name)
            if verdict.is_violation and not self._is_waived(verdict)
        ]
        if verdicts:
            self._alerts(self.aws.client("sns")).remind(verdicts)
        summary = self._summary(told=verdicts)
        self._summaries.put(self.run, summary)
        return summary

    def _change(self, judge: Judge, changed: ChangedResource) -> RunSummary:
        resource_id = judge.arn(changed)
        self._judge_change(judge, changed)
        looked_after = self.run.ordering_timestamp
        while (newest := self._summaries.newest_sweep(self.run.rule_name)) > looked_after:
            looked_after = newest
            self.findings.counts.clear()
            self.findings.unreadable.clear()
            self._judge_change(judge, changed)
        for code in self.findings.unreadable.values():
            # Unlike a sweep's, this resource may be all right when the event comes again.
            if code not in _REFUSALS:
                self.findings.fail("reading", NotReadError(f"{resource_id}: {code}"))
        summary = self._summary(told=self._tell())
        with self.findings.attempt("summary"):
            self._summaries.put(self.run, summary, subject=resource_id)
        return summary

    def _judge_change(self, judge: Judge, changed: ChangedResource) -> None:
        resource_id = judge.arn(changed)
        verdict = self._state.verdict(self.run.rule_name, resource_id)
        known = {} if verdict is None else {resource_id: verdict}
        recorder = self._recorder(known, set(), concurrency=1)
        recorder.record(judge.changed(changed))

    def _sweep(self, judge: Judge) -> RunSummary:
        rest = self.incoming.continuation
        position, segment, seen_before = Position(), 1, set[int]()
        if rest is None:
            self._summaries.begin_sweep(self.run)
        elif self._summaries.is_handed_on(self.run, rest.segment):
            return self._summary(continued=True)
        else:
            position = Position(rest.token or None, rest.offset, rest.listed)
            segment, seen_before = rest.segment, self._summaries.seen(self.run, rest.segment)
        known = {
            verdict.resource_id: verdict for verdict in self._state.verdicts(self.run.rule_name)
        }
        told_before = [
            verdict
            for verdict in known.values()
            if verdict.is_violation and not verdict.alert_pending and self._is_waived(verdict)
        ]
        rest_is_listed = position.listed
        recorder = self._recorder(known, seen_before, concurrency=self.aws.concurrency)
        sweep = Sweep(judge, recorder, self.findings, position, self.is_late)
        sweep.go()
        if self.findings.written and self._summaries.is_overtaken(self.run):
            self.findings.fail("state", OvertakenError(self.run))
        # A long alert, too, wants an invocation with all its time; but one that began for nothing
        # else tells it.
        is_over = sweep.finished and (rest_is_listed or not self.is_late())
        if not (is_over or self.findings.errors):
            with self.findings.attempt("continuation"):
                self._summaries.put_segment(
                    self.run, segment, recorder.seen, self.findings.unreadable
                )
                self._continue(sweep.position, segment + 1)
                self._summaries.hand_on(self.run, segment)
                return self._summary(continued=True)
        if self.findings.unreadable:
            with self.findings.attempt("summary"):
                self._summaries.put_segment(self.run, segment, (), self.findings.unreadable)
        # So that they are told once more when their waivers end.
        with self.findings.attempt("alerts"):
            self._state.set_alerts(told_before, self.aws.concurrency)
        summary = self._summary(told=self._tell())
        with self.findings.attempt("summary"):
            self._summaries.put(self.run, summary)
        return summary

    def _recorder(
        self, known: dict[str, Verdict], seen_before: set[int], *, concurrency: int
    ) -> Recorder:
        self.findings.pending = {
            resource_id: verdict for resource_id, verdict in known.items() if verdict.alert_pending
        }
        answer: Callable[[Sequence[Judgement]], None] | None = None
        if self.incoming.result_token is not None:
            answer = partial(
                config_service.put_evaluations,
                self.aws.client("config"),
                self.run,
                self.incoming.result_token,
                test_mode=self.environment.config_test_mode,
            )
        return Recorder(
            self.run,
            self._history,
            self._state,
            self.findings,
            known=known,
            seen_before=seen_before,
            answer=answer,
            concurrency=concurrency,
        )

    def _tell(self) -> list[Verdict]:
        """Publishes what is pending and marks it as told; returns what was published.

        A waived violation stays pending, so that it is told when its waiver has ended. One that is
        no more while it is waived is not told at all.
        """
        pending = [self.findings.pending[arn] for arn in sorted(self.findings.pending)]
        told: list[Verdict] = []
        due = [verdict for verdict in pending if not self._is_waived(verdict)]
        over = [
            verdict for verdict in pending if not verdict.is_violation and self._is_waived(verdict)
        ]
        with self.findings.attempt("alerts"):
            if due:
                self._alerts(self.aws.client("sns")).tell_transitions(due)
                told = due
            self._state.clear_alerts([*due, *over], self.aws.concurrency)
        return told

    def _is_waived(self, verdict: Verdict) -> bool:
        return self.environment.waivers.cover(
            verdict.rule_name, verdict.resource_id, self.incoming.ordering_timestamp
        )

    def _continue(self, position: Position, segment: int) -> None:
        so_far = self._summary(continued=True)
        continuation.send(
            self.aws.client("sqs"),
            self.environment.continuation_queue_url,
            Continuation(
                rule_name=self.run.rule_name,
                run_id=self.run.run_id,
                trigger=self.run.trigger.value,
                ordering_timestamp=self.run.ordering_timestamp,
                started_at=self.started_at,
                segment=segment,
                token=position.token or "",
                offset=position.offset,
                listed=position.listed,
                result_token=self.incoming.result_token or "",
                rule_parameters=dict(self.incoming.rule_parameters),
                totals={name: so_far[name] for name in _COUNTS},  # type: ignore[literal-required]
                api_calls=so_far["api_calls"],
            ),
        )

    def _summary(self, *, told: Sequence[Verdict] = (), continued: bool = False) -> RunSummary:
        rest, counts, unreadable = (
            self.incoming.continuation,
            self.findings.counts,
            self.findings.unreadable,
        )
        before = Counter(rest.totals if rest else {})
        calls = self.aws.calls - self._calls_before + Counter(rest.api_calls if rest else {})
        violations = sum(verdict.is_violation for verdict in told)
        return {
            "rule_name": self.run.rule_name,
            "run_id": self.run.run_id,
            "trigger": self.run.trigger.value,
            "ordering_timestamp": self.run.ordering_timestamp,
            "started_at": self.started_at,
            "finished_at": write_timestamp(datetime.now(UTC)),
            "segments": rest.segment if rest else 1,
            "continued": continued,
            "complete": not (continued or self.findings.errors),
            "resources": before["resources"] + counts.total() + len(unreadable),
            "compliant": before["compliant"] + counts[ComplianceType.COMPLIANT],
            "non_compliant": before["non_compliant"] + counts[ComplianceType.NON_COMPLIANT],
            "not_applicable": before["not_applicable"] + counts[ComplianceType.NOT_APPLICABLE],
            "transitions": before["transitions"] + self.findings.transitions,
            "unreadable_count": before["unreadable_count"] + len(unreadable),
            "unreadable": [
                {"resource_id": resource_id, "error_code": unreadable[resource_id]}
                for resource_id in sorted(unreadable)[:NAMED_UNREADABLE]
            ],
            "errors": self.findings.errors,
            "alerted": violations,
            "resolved": len(told) - violations,
            "api_calls": dict(sorted(calls.items())),
        }
