"""What the engine's modules pass to one another: a run, its judgements, findings and summary."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from assay.aws import error_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.events import Trigger
    from assay.rule import ComplianceType, Severity
    from assay.state import Verdict

# The annotation of a resource that was deleted or has vanished. Sweeps know it by this.
GONE = "The resource no longer exists."

# What a summary names of the resources that could not be read, so that it fits into a log line;
# the state table has them all.
NAMED_UNREADABLE = 100
_NAMED_ERRORS = 25


@dataclass(frozen=True)
class Run:
    """One run of one rule.

    Attributes:
        rule_name: The rule.
        resource_type: AWS Config's type of the rule's resources.
        severity: The severity of the rule's violations here.
        run_id: The request id of the invocation that began it, which Lambda keeps when it retries.
        trigger: What invoked the evaluator.
        ordering_timestamp: The event's own time, never the clock's.
        expires_at: Epoch seconds after which its history and its summary may go.
    """

    rule_name: str
    resource_type: str
    severity: Severity
    run_id: str
    trigger: Trigger
    ordering_timestamp: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """A run's verdict on a resource.

    Attributes:
        resource_id: The ARN.
        config_resource_id: AWS Config's own resource id.
        compliance_type: The verdict.
        annotation: The reason.
    """

    resource_id: str
    config_resource_id: str
    compliance_type: ComplianceType
    annotation: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A resource that exists but could not be read, which is no verdict on it.

    Attributes:
        resource_id: The ARN.
        error_code: What AWS answered, such as `AccessDenied`, or the name of what the rule raised.
    """

    resource_id: str
    error_code: str


Outcome = Judgement | Unreadable


class UnreadableResource(TypedDict):
    """A resource that a run could not read, with AWS's error code."""

    resource_id: str
    error_code: str


class RunError(TypedDict):
    """What a run could not do.

    Attributes:
        step: Which part of the run: `listing`, `reading`, `history`, `state`, `PutEvaluations`,
            `alerts`, `continuation` or `summary`.
        error_code: AWS's error code, or the exception's name.
        message: What was said.
    """

    step: str
    error_code: str
    message: str


class RunSummary(TypedDict):
    """What a run did, as the function returns it and the state table keeps it.

    Attributes:
        rule_name: The rule.
        run_id: The request id of the invocation that began it.
        trigger: What invoked the evaluator.
        ordering_timestamp: The event's own time.
        started_at: When the run started, by the clock.
        finished_at: When it had recorded everything, by the clock.
        segments: Invocations that it took so far.
        continued: Whether a further invocation does the rest.
        complete: Whether all was listed, recorded and told.
        resources: All resources that it looked at: those judged and those unreadable.
        compliant: Resources found compliant.
        non_compliant: Resources found non-compliant.
        not_applicable: Resources found not applicable, vanished ones among them.
        transitions: Verdicts that changed, first ones among them.
        unreadable_count: Resources that could not be read and keep their last verdict.
        unreadable: Those resources; the function's answer names the first hundred.
        errors: What failed, the first 25 of it.
        alerted: Violations in the alert that was sent; 0 when none was.
        resolved: Violations that are no more, in the same alert.
        api_calls: How often each operation was called until the summary was made, as
            `service:Operation`.
    """

    rule_name: str
    run_id: str
    trigger: str
    ordering_timestamp: str
    started_at: str
    finished_at: str
    segments: int
    continued: bool
    complete: bool
    resources: int
    compliant: int
    non_compliant: int
    not_applicable: int
    transitions: int
    unreadable_count: int
    unreadable: list[UnreadableResource]
    errors: list[RunError]
    alerted: int
    resolved: int
    api_calls: dict[str, int]


@dataclass
class Findings:
    """What an invocation has found and recorded so far.

    Attributes:
        counts: Judgements by verdict.
        written: Verdicts that were written.
        transitions: Those of them that changed.
        unreadable: Error codes by the ARNs of what could not be read.
        pending: Verdicts whose alert has yet to be sent, by ARN.
        errors: What failed, the first few of it.
        failure: The first exception of the same.
    """

    counts: Counter[str] = field(default_factory=Counter)
    written: int = 0
    transitions: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    pending: dict[str, Verdict] = field(default_factory=dict)
    errors: list[RunError] = field(default_factory=list)
    failure: Exception | None = None

    def fail(self, step: str, error: Exception) -> None:
        """Notes what failed; the run goes on with what it still can do, and fails in the end."""
        self.failure = self.failure or error
        if len(self.errors) < _NAMED_ERRORS:
            self.errors.append(
                {"step": step, "error_code": error_code(error), "message": str(error)[:500]}
            )

    @contextmanager
    def attempt(self, step: str) -> Iterator[None]:
        """Notes the exception that ends the block."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, the run raises it in the end
            self.fail(step, error)
