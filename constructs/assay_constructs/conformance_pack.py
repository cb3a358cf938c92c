"""Conformance packs: many AWS Config rules from one template."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdktf import Token

from assay_constructs.conformance_template import (
    ConformanceTemplate,
    TemplateError,
    parameter_problems,
    read_template,
)
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.limits import PACK_NAME, PACK_TEMPLATE_URI
from assay_constructs.validation import check_length, check_pattern


@dataclass(frozen=True, kw_only=True)
class ConformancePack:
    """A conformance pack, from a template in the stack itself or in a bucket.

    Args:
        name: Name of the pack: letters, digits and hyphens, a letter first, at most 256.
        template_body: The template, at most 51,200 bytes.
        template_s3_uri: Where it lies instead, as ``s3://bucket/key``: in the pack's region, and
            readable for whoever deploys. A template there may be larger.
        input_parameters: The template's parameters, at most 60.

    Raises:
        ConstructArgumentError: AWS Config would refuse it.

    Source: https://docs.aws.amazon.com/config/latest/APIReference/API_PutConformancePack.html
    """

    name: str
    template_body: str | None = None
    template_s3_uri: str | None = None
    input_parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_length("name", self.name, PACK_NAME)
        check_pattern(
            "name", self.name, "[A-Za-z][-A-Za-z0-9]*", "letters, digits and hyphens, letter first"
        )
        if (self.template_body is None) == (self.template_s3_uri is None):
            came = "neither" if self.template_body is None else "both"
            raise ConstructArgumentError(
                "template_body", "given, or template_s3_uri instead of it", came
            )
        if self.template_s3_uri is not None:
            check_length("template_s3_uri", self.template_s3_uri, PACK_TEMPLATE_URI)
            check_pattern("template_s3_uri", self.template_s3_uri, "s3://.+", "s3://bucket/key")
        try:
            template = self.template
        except TemplateError as error:
            raise ConstructArgumentError("template_body", *error.args) from None
        for found in parameter_problems(self.input_parameters, template):
            argument = f"input_parameters[{found.name!r}]" if found.name else "input_parameters"
            raise ConstructArgumentError(argument, found.allowed, found.received)

    @property
    def rule_count(self) -> int:
        """How many rules it makes, as far as that is known here."""
        return self.template.rule_count if self.template else 0

    @property
    def template(self) -> ConformanceTemplate | None:
        """What the template holds; None where it lies in a bucket, or Terraform makes it."""
        if self.template_body is None or Token.is_unresolved(self.template_body):
            return None
        return read_template(self.template_body)
