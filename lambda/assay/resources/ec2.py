"""What EC2 describes: one call for a page, and a filter for the ids."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from assay.aws import starting_at
from assay.batches import batches
from assay.rule import Page, Parameters, Resource, Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from assay.aws import Aws

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination
_PAGE_SIZE = 1000
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
_FILTER_VALUES = 200

P = TypeVar("P", bound=Parameters)
R = TypeVar("R", bound=Resource)


class Ec2Rule(Rule[P, R]):
    """Base of the rules on resources of EC2, whose ids are AWS Config's resource ids too.

    See https://docs.aws.amazon.com/config/latest/APIReference/API_ResourceKey.html.

    Attributes:
        operation: The client's method that describes such resources.
        id_filter: The filter in which that method takes ids.
    """

    operation: ClassVar[str]
    id_filter: ClassVar[str]

    @abstractmethod
    def records(self, aws: Aws, answer: Any) -> Iterator[R]:
        """Yields the rule's records of all resources in an answer of the method."""

    def page(self, aws: Aws, token: str | None) -> Page[R]:
        """Lists resources; a page may hold fewer than were asked for."""
        answer = self._describe(aws, MaxResults=_PAGE_SIZE, **starting_at("NextToken", token))
        # An empty token ends a listing too: sent back, it would begin the listing again.
        return Page(list(self.records(aws, answer)), answer.get("NextToken") or None)

    def named(self, aws: Aws, ids: Collection[str]) -> Iterator[R]:
        """Yields the resources with these ids, many by one call."""
        # A filter, because naming a resource that does not exist outright is an error.
        for values in batches(ids, _FILTER_VALUES):
            answer = self._describe(aws, Filters=[{"Name": self.id_filter, "Values": values}])
            yield from self.records(aws, answer)

    def _describe(self, aws: Aws, **request: Any) -> Any:
        return getattr(aws.client("ec2"), self.operation)(**request)
