"""What a rule is: metadata, parameters, how to describe resources and how to judge one.

The words are those of AWS Config:
https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config.html.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from assay.parameters import ParameterError, Parameters

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from assay.aws import Aws

__all__ = [
    "ANNOTATION_LENGTH",
    "AnyRule",
    "ComplianceType",
    "Evaluation",
    "ParameterError",
    "Parameters",
    "Permission",
    "Resource",
    "Rule",
    "Severity",
    "Unreadable",
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


@dataclass(frozen=True)
class Unreadable(Resource):
    """A resource that exists but could not be read, which is no verdict on it.

    Attributes:
        error_code: What AWS answered, such as `AccessDenied`.
    """

    error_code: str


P = TypeVar("P", bound=Parameters)
R = TypeVar("R", bound=Resource)
# Within Rule, the plain name means the class variable.
_Parameters = Parameters


class Rule(ABC, Generic[P, R]):
    """Base of all rules: generic over its parameters and its resource record.

    A rule is a class of its own in `assay/rules/`, in the module that its name says.

    Attributes:
        name: Such as `s3-encryption-compliance`; the module's name with hyphens.
        requirement: What is required, in one sentence of at most 256 characters; also the AWS
            Config rule's description.
        rationale: Why it is required.
        severity: The severity of a violation unless settings name another.
        resource_type: AWS Config's resource type, such as `AWS::S3::Bucket`.
        identified_by: The field of a configuration item that holds the id that describing takes.
        id_pattern: A regular expression that such an id matches from end to end.
        arn_format: The template of a resource's ARN, with `{id}` beside the placeholders of a
            permission's resources. A deleted resource can be asked for no more, so its ARN must
            follow from its id.
        permissions: What describing needs.
        Parameters: The class of its parameters.
    """

    name: ClassVar[str]
    requirement: ClassVar[str]
    rationale: ClassVar[str]
    severity: ClassVar[Severity]
    resource_type: ClassVar[str]
    identified_by: ClassVar[Literal["resourceId", "resourceName"]] = "resourceId"
    id_pattern: ClassVar[str]
    arn_format: ClassVar[str]
    permissions: ClassVar[tuple[Permission, ...]]
    Parameters: ClassVar[type[_Parameters]] = _Parameters

    @classmethod
    def arn(cls, aws: Aws, resource_id: str) -> str:
        """Returns the ARN of the resource with this id."""
        return aws.fill(cls.arn_format, id=resource_id)

    @abstractmethod
    def describe(self, aws: Aws, ids: Collection[str] | None = None) -> Iterator[R | Unreadable]:
        """Yields what AWS says now of all resources in the region, or of those with the given ids.

        Pages are read as they are needed. A resource that does not exist is left out.

        Args:
            aws: The account and region.
            ids: Ids as `identified_by` says; None means all resources.

        Raises:
            botocore.exceptions.ClientError: Resources could not be listed.
        """

    @abstractmethod
    def evaluate(self, resource: R, parameters: P, now: datetime) -> Evaluation:
        """Judges a resource by nothing but the arguments.

        Args:
            resource: What describing yielded.
            parameters: The rule's parameters.
            now: When the evaluation counts; the event's own time, so that a retry judges alike.
        """


AnyRule = Rule[Any, Any]
