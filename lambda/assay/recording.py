"""Records what a run found: history, state, AWS Config."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from assay.batches import batches
from assay.concurrency import concurrently
from assay.config_service import BATCH_SIZE as EVALUATIONS_SIZE
from assay.history import BATCH_SIZE
from assay.run import Unreadable
from assay.state import TRANSACTION_SIZE, Change, successor
from assay.summaries import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from assay.history import History
    from assay.run import Findings, Judgement, Outcome, Run
    from assay.state import State, Verdict

logger = Logger(child=True)

# Batches of history under way at once: enough to hide that each waits for the table, few enough
# that little is lost when the invocation ends.
_HISTORY_WRITES = 8


@dataclass
class Recorder:
    """Records the outcomes of one invocation as they come.

    What cannot be recorded is noted among the findings, and the rest recorded all the same.

    Attributes:
        run: The run.
        history: The history table.
        state: The state table's verdicts.
        findings: Where the run notes what it found.
        known: Verdicts before the run, by ARN; those that the run has come to are taken out.
        seen_before: Digests of the ARNs of all resources that earlier segments of the run have come
            to.
        answer: Reports at most a hundred judgements to AWS Config; None where it asked for nothing.
        concurrency: Calls that may be under way at once.
        seen: Digests of the ARNs of all resources that this invocation has come to.
    """

    run: Run
    history: History
    state: State
    findings: Findings
    known: dict[str, Verdict]
    seen_before: set[int]
    answer: Callable[[Sequence[Judgement]], None] | None
    concurrency: int
    seen: set[int] = field(default_factory=set, init=False)
    _changes: list[Change] = field(default_factory=list, init=False)
    _answers: list[Judgement] = field(default_factory=list, init=False)

    def has_seen(self, number: int) -> bool:
        """Tells whether the run has come to the resource whose ARN has this digest."""
        return number in self.seen or number in self.seen_before

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Records outcomes; a resource that comes twice, as pages shift, is taken once."""
        written = concurrently(
            partial(self.history.record, self.run),
            batches(self._new(outcomes), BATCH_SIZE),
            min(self.concurrency, _HISTORY_WRITES),
        )
        for judgements, error in written:
            if error is not None:
                self.findings.fail("history", error)
            for judgement in judgements:
                self._take(judgement)
        self._change()
        self._report()

    def _new(self, outcomes: Iterable[Outcome]) -> Iterator[Judgement]:
        for outcome in outcomes:
            number = digest(outcome.resource_id)
            if self.has_seen(number):
                continue
            self.seen.add(number)
            if isinstance(outcome, Unreadable):
                logger.warning(
                    "resource cannot be read",
                    extra={
                        "resource_id": outcome.resource_id,
                        "error_code": outcome.error_code,
                    },
                )
                self.findings.unreadable[outcome.resource_id] = outcome.error_code
                self.known.pop(outcome.resource_id, None)
            else:
                yield outcome

    def _take(self, judgement: Judgement) -> None:
        self.findings.counts[judgement.compliance_type.value] += 1
        previous = self.known.pop(judgement.resource_id, None)
        if successor(self.run, judgement, previous) is not None:
            self._changes.append(Change(judgement, previous))
            if len(self._changes) == TRANSACTION_SIZE:
                self._change()
        if self.answer is not None:
            self._answers.append(judgement)
            if len(self._answers) == EVALUATIONS_SIZE:
                self._report()

    def _change(self) -> None:
        changes, self._changes = self._changes, []
        if not changes:
            return
        written, error = self.state.change(self.run, changes)
        if error is not None:
            self.findings.fail("state", error)
        for change in changes:
            # Where a newer event has been faster, the alert is that run's.
            self.findings.pending.pop(change.judgement.resource_id, None)
        self.findings.written += len(written)
        for outcome in written:
            self.findings.transitions += outcome.transition
            if outcome.verdict.alert_pending:
                self.findings.pending[outcome.verdict.resource_id] = outcome.verdict

    def _report(self) -> None:
        answers, self._answers = self._answers, []
        if self.answer is not None and answers:
            with self.findings.attempt("PutEvaluations"):
                self.answer(answers)
