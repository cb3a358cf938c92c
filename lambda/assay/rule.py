"""What a rule is: metadata, parameters, how to describe resources and how to judge one.

The words are those of AWS Config:
https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config.html.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from assay.parameters import ParameterError, Parameters

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from assay.aws import Aws

__all__ = [
    "ANNOTATION_LENGTH",
    "AnyRule",
    "ComplianceType",
    "Evaluation",
    "Page",
    "ParameterError",
    "Parameters",
    "Permission",
    "Resource",
    "ResourceGoneError",
    "Rule",
    "Severity",
]

# https://docs.aws.amazon.com/config/latest/APIReference/API_Evaluation.html
ANNOTATION_LENGTH = 256


class ComplianceType(StrEnum):
    """A verdict, in the strings that AWS Config takes."""

    COMPLIANT = "COMPLIANT"
    NON_COMPLIANT = "NON_COMPLIANT"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class Severity(StrEnum):
    """How much a violation matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Evaluation:
    """A verdict on one resource.

    Attributes:
        compliance_type: The verdict.
        annotation: The reason, for people; cut to the 256 characters that AWS Config takes.
    """

    compliance_type: ComplianceType
    annotation: str

    def __post_init__(self) -> None:
        if len(self.annotation) > ANNOTATION_LENGTH:
            cut = self.annotation[: ANNOTATION_LENGTH - 1] + "…"
            object.__setattr__(self, "annotation", cut)

    @classmethod
    def compliant(cls, annotation: str) -> Self:
        """Makes the verdict that a resource does what is required."""
        return cls(ComplianceType.COMPLIANT, annotation)

    @classmethod
    def non_compliant(cls, annotation: str) -> Self:
        """Makes the verdict that a resource violates the rule."""
        return cls(ComplianceType.NON_COMPLIANT, annotation)

    @classmethod
    def not_applicable(cls, annotation: str) -> Self:
        """Makes the verdict that the rule says nothing about a resource."""
        return cls(ComplianceType.NOT_APPLICABLE, annotation)


@dataclass(frozen=True)
class Permission:
    """IAM actions, and what they can be limited to.

    Attributes:
        actions: IAM actions, such as `s3:GetEncryptionConfiguration`.
        resources: ARN templates with the placeholders `{partition}`, `{region}` and `{account}`;
            `*` where the actions cannot be limited.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Resource:
    """What a rule knows of one resource; each rule adds the fields that it judges.

    Attributes:
        resource_id: The ARN.
        config_resource_id: AWS Config's own resource id, which PutEvaluations wants.
    """

    resource_id: str
    config_resource_id: str


class ResourceGoneError(LookupError):
    """A resource was deleted between being listed and being read."""


P = TypeVar("P", bound=Parameters)
R = TypeVar("R", bound=Resource)
# Within Rule, the plain name means the class variable.
_Parameters = Parameters


@dataclass(frozen=True)
class Page(Generic[R]):
    """What one call of a listing API gave.

    Attributes:
        resources: The page's resources.
        next_token: Where the listing goes on; None at its end.
    """

    resources: Sequence[R]
    next_token: str | None


class Rule(ABC, Generic[P, R]):
    """Base of all rules: generic over its parameters and its resource record.

    Assay's own rules are classes in `assay/rules/`, each in the module that its name says; a rule
    of another package may lie anywhere in it.

    The engine lists with `page`, once for each page, or with `named`, reads further with `complete`
    where a rule overrides that, and judges with `evaluate`.

    Attributes:
        name: Such as `s3-encryption-compliance`; the module's name with hyphens.
        requirement: What is required, in one sentence of at most 256 characters; also the AWS
            Config rule's description.
        rationale: Why it is required.
        remedy: How a violation is mended.
        severity: The severity of a violation unless settings name another.
        resource_type: AWS Config's resource type, such as `AWS::S3::Bucket`.
        identified_by: The field of a configuration item that holds the id that `named` takes;
            with `ARN` the id is what stands in the ARN where its template has `{id}`.
        id_pattern: A regular expression that such an id matches from end to end.
        arn_format: The template of a resource's ARN, with `{id}` beside the placeholders of a
            permission's resources. A deleted resource can be asked for no more, so its ARN must
            follow from its id.
        console_path: The path and query of a resource's page in the AWS console, a template with
            the same placeholders.
        permissions: What listing and reading need.
        Parameters: The class of its parameters.
    """

    name: ClassVar[str]
    requirement: ClassVar[str]
    rationale: ClassVar[str]
    remedy: ClassVar[str]
    severity: ClassVar[Severity]
    resource_type: ClassVar[str]
    identified_by: ClassVar[Literal["resourceId", "resourceName", "ARN"]] = "resourceId"
    id_pattern: ClassVar[str]
    arn_format: ClassVar[str]
    console_path: ClassVar[str]
    permissions: ClassVar[tuple[Permission, ...]]
    Parameters: ClassVar[type[_Parameters]] = _Parameters

    @classmethod
    def reference(cls) -> str:
        """Returns `module:Class`, by which the class can be imported."""
        return f"{cls.__module__}:{cls.__qualname__}"

    @classmethod
    def arn(cls, aws: Aws, resource_id: str) -> str:
        """Returns the ARN of the resource with this id."""
        return aws.fill(cls.arn_format, id=resource_id)

    @classmethod
    def id_in(cls, aws: Aws, arn: str) -> str | None:
        """Returns the id in an ARN, None when it is not that of such a resource here."""
        before, after = (re.escape(aws.fill(part)) for part in cls.arn_format.split("{id}"))
        match = re.fullmatch(f"{before}({cls.id_pattern}){after}", arn)
        return match[1] if match else None

    @classmethod
    def console_url(cls, aws: Aws, arn: str) -> str:
        """Returns the address of a resource's page in the AWS console."""
        return aws.console_url(cls.console_path, cls.id_in(aws, arn) or arn)

    @abstractmethod
    def page(self, aws: Aws, token: str | None) -> Page[R]:
        """Lists resources of the region by one call, with the greatest page that the API has.

        Args:
            aws: The account and region.
            token: Where the listing goes on, as the page before said; None for the first page.

        Raises:
            botocore.exceptions.ClientError: Resources could not be listed.
        """

    @abstractmethod
    def named(self, aws: Aws, ids: Collection[str]) -> Iterable[R]:
        """Returns the resources with these ids; one that does not exist may be left out.

        Args:
            aws: The account and region.
            ids: Ids as `identified_by` says.

        Raises:
            botocore.exceptions.ClientError: Resources could not be listed.
        """

    def complete(self, aws: Aws, resource: R) -> R:  # noqa: ARG002 - for rules that override it
        """Reads what the listing does not tell; a rule overrides it where that is so.

        The engine calls it for many resources at once, in threads. An error of AWS's makes the
        resource one that cannot be read, never a verdict.

        Args:
            aws: The account and region.
            resource: What listing gave.

        Raises:
            ResourceGoneError: The resource is no more.
            botocore.exceptions.ClientError: The resource cannot be read.
        """
        return resource

    @abstractmethod
    def evaluate(self, resource: R, parameters: P, now: datetime) -> Evaluation:
        """Judges a resource by nothing but the arguments.

        Args:
            resource: What listing and reading gave.
            parameters: The rule's parameters.
            now: When the evaluation counts; the event's own time, so that a retry judges alike.
        """


AnyRule = Rule[Any, Any]
