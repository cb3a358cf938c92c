from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.aws import Aws
from assay.rule import (
    ComplianceType,
    Evaluation,
    Page,
    Parameters,
    Permission,
    Resource,
    ResourceGoneError,
    Rule,
)

AWS = Aws(partition="aws-cn", region="cn-north-1", account_id="123456789012")


class QueueRule(Rule[Parameters, Resource]):
    """What a rule needs at least."""

    name = "queue-compliance"
    id_pattern = r"[a-z-]{1,80}"
    arn_format = "arn:{partition}:sqs:{region}:{account}:{id}.fifo"
    console_path = "sqs/home?region={region}#/queues/{id}?account={account}&partition={partition}"

    def page(self, aws: Aws, token: str | None) -> Page[Resource]:
        """Lists nothing."""
        del aws, token
        return Page([], None)

    def named(self, aws: Aws, ids: object) -> list[Resource]:
        """Knows nothing."""
        del aws, ids
        return []

    def evaluate(self, resource: Resource, parameters: Parameters, now: datetime) -> Evaluation:
        """Finds everything right."""
        del resource, parameters, now
        return Evaluation.compliant("")


@given(st.text())
def test_annotations_are_cut_to_what_aws_config_takes(text: str) -> None:
    annotation = Evaluation.compliant(text).annotation
    assert annotation == text if len(text) <= 256 else annotation == f"{text[:255]}…"
    assert len(annotation) <= 256


@pytest.mark.parametrize(("length", "kept"), [(256, 256), (257, 255)])
def test_a_cut_is_visible(length: int, kept: int) -> None:
    annotation = Evaluation.non_compliant("x" * length).annotation
    assert annotation == "x" * kept + "…" * (256 - kept)


def test_verdicts_are_awss_own_strings() -> None:
    assert [
        Evaluation.compliant("").compliance_type,
        Evaluation.non_compliant("").compliance_type,
        Evaluation.not_applicable("").compliance_type,
    ] == ["COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE"]
    assert len(ComplianceType) == 3


def test_a_permission_is_for_every_resource_unless_it_says_otherwise() -> None:
    assert Permission(("ec2:DescribeInstances",)).resources == ("*",)


def test_a_reference_names_module_and_class() -> None:
    assert QueueRule.reference() == f"{__name__}:QueueRule"


def test_an_arn_follows_from_an_id_and_the_id_from_the_arn() -> None:
    arn = QueueRule.arn(AWS, "orders")
    assert arn == "arn:aws-cn:sqs:cn-north-1:123456789012:orders.fifo"
    assert QueueRule.id_in(AWS, arn) == "orders"


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws-cn:sqs:cn-north-1:123456789012:Orders.fifo",
        "arn:aws-cn:sqs:cn-north-1:123456789012:.fifo",
        "arn:aws-cn:sqs:cn-north-1:123456789012:ordersxfifo",
        "arn:aws-cn:sqs:cn-north-1:123456789012:orders.fifo:x",
        "x:arn:aws-cn:sqs:cn-north-1:123456789012:orders.fifo",
        "arn:aws-cn:sqs:cn-north-1:210987654321:orders.fifo",
        "arn:aws-cn:sqs:cn-northwest-1:123456789012:orders.fifo",
        "arn:aws:sqs:cn-north-1:123456789012:orders.fifo",
        "arn:aws-cn:sns:cn-north-1:123456789012:orders.fifo",
    ],
)
def test_an_arn_of_anything_else_holds_no_id(arn: str) -> None:
    assert QueueRule.id_in(AWS, arn) is None


def test_a_console_address_follows_from_an_arn() -> None:
    assert QueueRule.console_url(AWS, QueueRule.arn(AWS, "orders")) == (
        "https://cn-north-1.console.amazonaws.cn/sqs/home?region=cn-north-1"
        "#/queues/orders?account=123456789012&partition=aws-cn"
    )


def test_an_arn_without_an_id_stands_for_it_in_the_console_address() -> None:
    assert "#/queues/arn%3Aaws%3Asqs%3A%3A%2Fx?" in QueueRule.console_url(AWS, "arn:aws:sqs::/x")


def test_a_listing_tells_all_unless_a_rule_reads_further() -> None:
    resource = Resource("arn:aws-cn:sqs:cn-north-1:123456789012:orders.fifo", "orders")
    assert QueueRule().complete(AWS, resource) is resource


def test_a_resource_that_is_gone_is_no_error_of_awss() -> None:
    assert issubclass(ResourceGoneError, LookupError)
