"""What the engine's modules pass to one another: a run, a judgement, a run's summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from assay.events import Trigger
    from assay.rule import ComplianceType, Severity

# The annotation of a resource that was deleted or has vanished. Sweeps know it by this.
GONE = "The resource no longer exists."


@dataclass(frozen=True)
class Run:
    """One run of one rule.

    Attributes:
        rule_name: The rule.
        resource_type: AWS Config's type of the rule's resources.
        severity: The severity of the rule's violations here.
        run_id: The invocation's request id, which Lambda keeps when it retries.
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


class UnreadableResource(TypedDict):
    """A resource that a run could not read, with AWS's error code."""

    resource_id: str
    error_code: str


class RunSummary(TypedDict):
    """What a run did, as the function returns it and, after a sweep, the state table holds it.

    Attributes:
        rule_name: The rule.
        run_id: The invocation's request id.
        trigger: What invoked the evaluator.
        ordering_timestamp: The event's own time.
        started_at: When the run started, by the clock.
        finished_at: When it had recorded everything, by the clock.
        resources: All resources that it looked at: those judged and those unreadable.
        compliant: Resources found compliant.
        non_compliant: Resources found non-compliant.
        not_applicable: Resources found not applicable, vanished ones among them.
        transitions: Verdicts that changed, first ones among them.
        unreadable: Resources that could not be read and keep their last verdict.
        alerted: Violations in the alert that was sent; 0 when none was.
    """

    rule_name: str
    run_id: str
    trigger: str
    ordering_timestamp: str
    started_at: str
    finished_at: str
    resources: int
    compliant: int
    non_compliant: int
    not_applicable: int
    transitions: int
    unreadable: list[UnreadableResource]
    alerted: int
