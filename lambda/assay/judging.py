"""From an event to judgements: which resources a run looks at, and what becomes of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.events import UnsupportedEventError
from assay.messages import shown
from assay.rule import ComplianceType, Unreadable
from assay.run import GONE, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from assay.aws import Aws
    from assay.events import ChangedResource
    from assay.rule import AnyRule, Parameters
    from assay.state import Verdict


@dataclass(frozen=True)
class Judge:
    """One rule with its parameters, in one account and region, at one time.

    Attributes:
        rule: The rule.
        parameters: Its parameters.
        aws: The account and region.
        now: When the evaluations count.
    """

    rule: AnyRule
    parameters: Parameters
    aws: Aws
    now: datetime

    def sweep(self, known: Iterable[Verdict]) -> Iterator[Judgement | Unreadable]:
        """Judges all resources, and retires the known ones that are no longer among them."""
        expected = {
            verdict.resource_id: verdict.config_resource_id
            for verdict in known
            if verdict.annotation != GONE
        }
        return self._judge(None, expected)

    def changed(self, changed: ChangedResource) -> Iterator[Judgement | Unreadable]:
        """Judges the one resource of a configuration item.

        Raises:
            UnsupportedEventError: It is not of the rule's resource type, or neither id nor ARN is
                one of that type in this account and region.
        """
        resource_id = self.arn(changed)
        if changed.departure is not None:
            judgement = Judgement(
                resource_id,
                changed.resource_id,
                ComplianceType.NOT_APPLICABLE,
                changed.departure,
            )
            return iter([judgement])
        return self._judge([self._id(changed)], {resource_id: changed.resource_id})

    def arn(self, changed: ChangedResource) -> str:
        """Returns the ARN of a configuration item's resource.

        Raises:
            UnsupportedEventError: It is not of the rule's resource type, or neither id nor ARN is
                one of that type in this account and region.
        """
        return self.rule.arn(self.aws, self._id(changed))

    def _id(self, changed: ChangedResource) -> str:
        rule = self.rule
        if changed.resource_type != rule.resource_type:
            raise UnsupportedEventError(
                f"resourceType: must be {rule.resource_type} for the rule {rule.name}, "
                f"got {changed.resource_type!r}"
            )
        by_id = rule.identified_by == "resourceId"
        found = changed.resource_id if by_id else changed.resource_name
        if found is None:
            return self._id_in_arn(changed.arn)
        if not re.fullmatch(rule.id_pattern, found):
            raise UnsupportedEventError(
                f"{rule.identified_by}: must match {rule.id_pattern}, got {found!r}"
            )
        return found

    def _id_in_arn(self, arn: str | None) -> str:
        rule = self.rule
        before, after = (re.escape(self.aws.fill(part)) for part in rule.arn_format.split("{id}"))
        match = re.fullmatch(f"{before}({rule.id_pattern}){after}", arn or "")
        if match is None:
            raise UnsupportedEventError(
                f"ARN: must be {rule.arn(self.aws, '{id}')} with an id that matches "
                f"{rule.id_pattern} where {rule.identified_by} is missing, got {shown(arn)}"
            )
        return match[1]

    def _judge(
        self, ids: list[str] | None, expected: Mapping[str, str]
    ) -> Iterator[Judgement | Unreadable]:
        missing = dict(expected)
        for resource in self.rule.describe(self.aws, ids):
            missing.pop(resource.resource_id, None)
            if isinstance(resource, Unreadable):
                yield resource
                continue
            evaluation = self.rule.evaluate(resource, self.parameters, self.now)
            yield Judgement(
                resource.resource_id,
                resource.config_resource_id,
                evaluation.compliance_type,
                evaluation.annotation,
            )
        # Reached only when the listing did not fail: a page that is missing retires nothing.
        for resource_id, config_resource_id in missing.items():
            yield Judgement(resource_id, config_resource_id, ComplianceType.NOT_APPLICABLE, GONE)
