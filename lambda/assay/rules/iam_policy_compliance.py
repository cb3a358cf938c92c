"""IAM's customer managed policies do not allow everything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.policy_documents import matches, statements, texts
from assay.resources.iam_policy import Policy, PolicyRule
from assay.rule import Evaluation, Parameters, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_EVERY_ACTION = re.compile(r"\*+(:\*+)?")
_EVERY_RESOURCE = re.compile(r"\*+|arn:(\*|aws[a-z-]*)(:\*+)+")


@dataclass(frozen=True)
class PolicyParameters(Parameters):
    """Which policies are judged.

    Attributes:
        only_attached: Whether policies that are attached to no user, group or role do not count.
            Default: False.
    """

    only_attached: bool = False


class IamPolicyCompliance(PolicyRule[PolicyParameters]):
    """Judges customer managed policies by the statements of the version in force.

    A statement counts that allows (`Effect`) every action (`Action` has `*` or `*:*`) on every
    resource (`Resource` has `*`, or an ARN of nothing but wildcards).

    `NotAction` counts as every action and `NotResource` as every resource, unless they leave out
    all of IAM: whoever has IAM can have the rest. Conditions do not matter, because they say when
    a statement holds, not what it allows; nor do other statements that deny.
    """

    name = "iam-policy-compliance"
    requirement = "Customer managed policies have no statement that allows everything."
    rationale = (
        "Whoever holds such a policy is an administrator, however the policy is called. One stolen "
        "credential is then the whole account."
    )
    remedy = (
        "Allow only the actions and resources that are used; IAM Access Analyzer makes such a "
        "policy out of what CloudTrail has recorded."
    )
    severity = Severity.HIGH
    Parameters = PolicyParameters

    def evaluate(
        self,
        resource: Policy,
        parameters: PolicyParameters,
        now: datetime,  # noqa: ARG002 - policies do not age
    ) -> Evaluation:
        """Judges a policy; one that is only a permissions boundary is attached to nothing."""
        if parameters.only_attached and not resource.attachments:
            return Evaluation.not_applicable("The policy is attached to no user, group or role.")
        all_of_iam = f"{resource.resource_id.partition(':policy/')[0]}:*"
        found = [
            str(statement.get("Sid") or number)
            for number, statement in enumerate(statements(resource.document), 1)
            if statement.get("Effect") == "Allow"
            and _every_action(statement)
            and _every_resource(statement, all_of_iam)
        ]
        if found:
            return Evaluation.non_compliant(
                f"Everything is allowed by statement {', '.join(found)}."
            )
        return Evaluation.compliant("No statement allows everything.")


def _every_action(statement: Mapping[str, object]) -> bool:
    if "NotAction" in statement:
        left_out = texts(statement["NotAction"])
        return not any(matches(pattern.lower(), "iam:*") for pattern in left_out)
    return any(_EVERY_ACTION.fullmatch(pattern) for pattern in texts(statement.get("Action")))


def _every_resource(statement: Mapping[str, object], all_of_iam: str) -> bool:
    if "NotResource" in statement:
        left_out = texts(statement["NotResource"])
        return not any(matches(pattern, all_of_iam) for pattern in left_out)
    return any(_EVERY_RESOURCE.fullmatch(pattern) for pattern in texts(statement.get("Resource")))
