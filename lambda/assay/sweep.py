"""A sweep's way through all resources, which may end before its time does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.batches import batches
from assay.rule import ComplianceType
from assay.run import GONE, Judgement
from assay.summaries import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.judging import Judge
    from assay.recording import Recorder
    from assay.rule import Resource
    from assay.run import Findings, Outcome
    from assay.state import Verdict

# Resources between two looks at the time; a sweep gets at least so far in each invocation.
_STRIDE = 25
_CANDIDATES = 100


@dataclass
class Position:
    """How far a sweep has come.

    Attributes:
        token: The page of the listing; None for the first one.
        offset: Resources of that page that are done.
        listed: Whether the listing is done, and only vanished resources remain.
    """

    token: str | None = None
    offset: int = 0
    listed: bool = False


class Sweep:
    """One invocation's part of a sweep.

    Attributes:
        position: How far it has come.
        finished: Whether nothing remains.
    """

    def __init__(
        self,
        judge: Judge,
        recorder: Recorder,
        findings: Findings,
        position: Position,
        is_late: Callable[[], bool],
    ) -> None:
        """Begins.

        Args:
            judge: The rule with all that it needs.
            recorder: Records what is judged.
            findings: Where the run notes what it found.
            position: Where to begin.
            is_late: Tells whether the invocation should come to an end.
        """
        self.position = position
        self.finished = False
        self._judge = judge
        self._recorder = recorder
        self._findings = findings
        self._is_late = is_late

    def go(self) -> None:
        """Judges and records until all is done, the time is up, or resources cannot be listed."""
        if not self.position.listed:
            self._recorder.record(self._judge.judge(self._listed()))
        # Not after an error: what could not be listed or recorded has not vanished.
        if self.position.listed and not self._findings.errors:
            self._recorder.record(self._vanished())

    def _listed(self) -> Iterator[Resource]:
        """Yields resources page by page; an error ends it, so that what came before is recorded."""
        position, done, pages = self.position, 0, 0
        with self._findings.attempt("listing"):
            while not position.listed:
                if pages and self._is_late():
                    return
                pages += 1
                page = self._judge.rule.page(self._judge.aws, position.token)
                for resource in page.resources[position.offset :]:
                    if done and done % _STRIDE == 0 and self._is_late():
                        return
                    yield resource
                    position.offset += 1
                    done += 1
                position.token, position.offset = page.next_token, 0
                position.listed = page.next_token is None

    def _vanished(self) -> Iterator[Outcome]:
        """Yields retirements of known resources that have not been listed, and are no more.

        Each is asked for by its id first, because a listing may skip a resource when others are
        deleted between two of its pages.
        """
        ordering_timestamp = self._recorder.run.ordering_timestamp
        candidates = [
            verdict
            for verdict in self._recorder.known.values()
            if not self._recorder.has_seen(digest(verdict.resource_id))
            # What this very sweep has retired, before it was repeated, AWS Config may not know yet.
            and (verdict.annotation != GONE or verdict.ordering_timestamp == ordering_timestamp)
        ]
        with self._findings.attempt("listing"):
            for number, batch in enumerate(batches(candidates, _CANDIDATES)):
                if number and self._is_late():
                    return
                found = set()
                for outcome in self._named(batch):
                    found.add(outcome.resource_id)
                    yield outcome
                for verdict in batch:
                    if verdict.resource_id not in found:
                        yield Judgement(
                            verdict.resource_id,
                            verdict.config_resource_id,
                            ComplianceType.NOT_APPLICABLE,
                            GONE,
                        )
            self.finished = True

    def _named(self, verdicts: list[Verdict]) -> Iterator[Outcome]:
        rule, aws = self._judge.rule, self._judge.aws
        ids = [
            found
            for verdict in verdicts
            if (found := rule.id_in(aws, verdict.resource_id)) is not None
        ]
        yield from self._judge.judge(rule.named(aws, ids))
