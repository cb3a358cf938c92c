import pytest

from assay.kms_keys import KeyParameters, judge
from assay.rule import ComplianceType, Evaluation, ParameterError

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_any_key_will_do_when_none_is_named(key: str) -> None:
    assert judge(key, KeyParameters()) == Evaluation(
        ComplianceType.COMPLIANT, f"Encrypted by {key}."
    )


def test_a_key_of_awss_own_will_do_when_none_is_named() -> None:
    assert judge(None, KeyParameters()) == Evaluation(
        ComplianceType.COMPLIANT, "Encrypted by a key that AWS owns."
    )


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_each_allowed_key_will_do(key: str) -> None:
    evaluation = judge(key, KeyParameters((KEY, OTHER)))
    assert evaluation.compliance_type is ComplianceType.COMPLIANT


@pytest.mark.parametrize(("key", "named"), [(OTHER, OTHER), (None, "a key that AWS owns")])
def test_another_key_than_allowed_is_non_compliant(key: str | None, named: str) -> None:
    assert judge(key, KeyParameters((KEY,))) == Evaluation(
        ComplianceType.NON_COMPLIANT, f"Encrypted by {named}, which is not an allowed key."
    )


@pytest.mark.parametrize(
    "key",
    [
        "",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "alias/reports",
        "arn:aws:kms:us-east-1:123456789012:alias/reports",
        f"{KEY}:x",
        f"x{KEY}",
    ],
)
def test_a_key_that_could_never_count_is_refused(key: str) -> None:
    with pytest.raises(ParameterError) as caught:
        KeyParameters((KEY, key))
    assert caught.value.problems == [
        ("allowed_kms_keys", f"must be ARNs of KMS keys, not of aliases, got {key!r}")
    ]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_keys_of_each_partition_are_taken(partition: str) -> None:
    key = KEY.replace("aws", partition, 1)
    assert KeyParameters((key,)).allowed_kms_keys == (key,)
