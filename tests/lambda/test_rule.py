import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.rule import ComplianceType, Evaluation, Permission


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
