"""From resources to judgements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from assay.aws import error_code
from assay.concurrency import concurrently
from assay.events import UnsupportedEventError
from assay.messages import shown
from assay.rule import ComplianceType, ResourceGoneError, Rule
from assay.run import GONE, Judgement, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from assay.aws import Aws
    from assay.events import ChangedResource
    from assay.rule import AnyRule, Parameters, Resource
    from assay.run import Outcome


logger = Logger(child=True)

# What boto3 raises: AWS refused, AWS could not be reached, what AWS answered makes no sense.
_UNREADABLE = (ClientError, BotoCoreError, ResponseParserError)


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

    def judge(self, resources: Iterable[Resource]) -> Iterator[Outcome]:
        """Reads and judges resources, in their order; one that is gone by now is left out."""
        # A thread costs more than a rule that reads nothing further.
        reads = type(self.rule).complete is not Rule.complete
        concurrency = self.aws.concurrency if reads else 1
        for outcome in concurrently(self._judge_one, resources, concurrency):
            if outcome is not None:
                yield outcome

    def changed(self, changed: ChangedResource) -> Iterator[Outcome]:
        """Judges the one resource of a configuration item.

        Raises:
            UnsupportedEventError: It is not of the rule's resource type, or neither id nor ARN is
                one of that type in this account and region.
            botocore.exceptions.ClientError: The resource could not be listed.
        """
        resource_id = self.arn(changed)
        if changed.departure is None:
            found = False
            for outcome in self.judge(self.rule.named(self.aws, [self._id(changed)])):
                found = True
                yield outcome
            if found:
                return
        yield Judgement(
            resource_id,
            changed.resource_id,
            ComplianceType.NOT_APPLICABLE,
            changed.departure or GONE,
        )

    def arn(self, changed: ChangedResource) -> str:
        """Returns the ARN of a configuration item's resource.

        Raises:
            UnsupportedEventError: It is not of the rule's resource type, or neither id nor ARN is
                one of that type in this account and region.
        """
        return self.rule.arn(self.aws, self._id(changed))

    def _judge_one(self, resource: Resource) -> Outcome | None:
        try:
            read = self.rule.complete(self.aws, resource)
            evaluation = self.rule.evaluate(read, self.parameters, self.now)
        except ResourceGoneError:
            return None
        except _UNREADABLE as error:
            return Unreadable(resource.resource_id, error_code(error))
        except Exception as error:  # a rule's own fault on one resource shall not hide the others
            logger.exception("rule failed", extra={"resource_id": resource.resource_id})
            return Unreadable(resource.resource_id, error_code(error))
        return Judgement(
            read.resource_id,
            read.config_resource_id,
            evaluation.compliance_type,
            evaluation.annotation,
        )

    def _id(self, changed: ChangedResource) -> str:
        rule = self.rule
        if changed.resource_type != rule.resource_type:
            raise UnsupportedEventError(
                f"resourceType: must be {rule.resource_type} for the rule {rule.name}, "
                f"got {changed.resource_type!r}"
            )
        ids = {
            "resourceId": changed.resource_id,
            "resourceName": changed.resource_name,
            "ARN": None,
        }
        found = ids[rule.identified_by]
        if found is None:
            return self._id_in_arn(changed.arn)
        if not re.fullmatch(rule.id_pattern, found):
            raise UnsupportedEventError(
                f"{rule.identified_by}: must match {rule.id_pattern}, got {found!r}"
            )
        return found

    def _id_in_arn(self, arn: str | None) -> str:
        rule = self.rule
        found = rule.id_in(self.aws, arn or "")
        if found is None:
            raise UnsupportedEventError(
                f"ARN: must be {rule.arn(self.aws, '{id}')} with an id that matches "
                f"{rule.id_pattern} where {rule.identified_by} is missing, got {shown(arn)}"
            )
        return found
