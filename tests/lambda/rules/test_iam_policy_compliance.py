import json
from datetime import UTC, datetime

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.aws import Aws
from assay.resources.iam_policy import Policy
from assay.rule import ComplianceType, Evaluation, ParameterError
from assay.rules.iam_policy_compliance import IamPolicyCompliance, PolicyParameters

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
RULE = IamPolicyCompliance()
DEFAULT = PolicyParameters()
ARN = "arn:aws:iam::123456789012:policy/team/everything"
ADMIN = {"Effect": "Allow", "Action": "*", "Resource": "*"}
READ = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.just("Statement") | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
# Each element is as in a statement that allows everything, of some other shape, or missing.
ELEMENTS = {**ADMIN, "NotAction": "s3:*", "NotResource": "arn:aws:s3:::*", "Sid": "All"}
STATEMENTS = st.fixed_dictionaries(
    {}, optional={element: st.just(value) | JSON for element, value in ELEMENTS.items()}
)
DOCUMENTS = JSON | st.fixed_dictionaries({"Statement": st.lists(STATEMENTS | JSON, max_size=3)})


def policy(*statements: object, attachments: int = 1) -> Policy:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return Policy(ARN, "ANPA", attachments, "v1", document)


def verdict(resource: Policy, parameters: PolicyParameters = DEFAULT) -> ComplianceType:
    return RULE.evaluate(resource, parameters, NOW).compliance_type


def test_a_policy_that_does_not_allow_everything_is_compliant() -> None:
    assert RULE.evaluate(policy(READ), DEFAULT, NOW) == Evaluation(
        ComplianceType.COMPLIANT, "No statement allows everything."
    )


def test_each_statement_that_allows_everything_is_named() -> None:
    resource = policy(READ, ADMIN, {**ADMIN, "Sid": "Admin"})
    assert RULE.evaluate(resource, DEFAULT, NOW) == Evaluation(
        ComplianceType.NON_COMPLIANT, "Everything is allowed by statement 2, Admin."
    )


@pytest.mark.parametrize(
    "form",
    [
        {"Action": ["*"]},
        {"Action": ["s3:GetObject", "*"]},
        {"Action": "*:*"},
        {"Action": "**"},
        {"Resource": ["*"]},
        {"Resource": ["arn:aws:s3:::reports", "*"]},
        {"Resource": "arn:aws:*"},
        {"Resource": "arn:aws-us-gov:*:*:*:*"},
        {"Resource": "arn:*:*:*:*:*"},
        {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
    ],
)
def test_each_form_of_everything_counts(form: dict[str, object]) -> None:
    assert verdict(policy({**ADMIN, **form})) is ComplianceType.NON_COMPLIANT


def test_a_statement_needs_no_list_around_it() -> None:
    resource = Policy(ARN, "ANPA", 0, "v1", {"Statement": ADMIN})
    assert verdict(resource) is ComplianceType.NON_COMPLIANT


@pytest.mark.parametrize(
    "form",
    [
        {"Effect": "Deny"},
        {"Action": "s3:*"},
        {"Action": ["s3:*", "iam:*", "ec2:*"]},
        {"Action": "*:Get*"},
        {"Action": []},
        {"Resource": "arn:aws:s3:::*"},
        {"Resource": "arn:aws:iam::123456789012:*"},
        {"Resource": []},
    ],
)
def test_anything_less_does_not_count(form: dict[str, object]) -> None:
    assert verdict(policy({**ADMIN, **form})) is ComplianceType.COMPLIANT


@pytest.mark.parametrize(
    ("left_out", "compliance_type"),
    [
        ("ec2:*", ComplianceType.NON_COMPLIANT),
        (["iam:CreateUser", "iam:Delete*"], ComplianceType.NON_COMPLIANT),
        ([], ComplianceType.NON_COMPLIANT),
        ("iam:*", ComplianceType.COMPLIANT),
        (["organizations:*", "IAM:*"], ComplianceType.COMPLIANT),
        ("i*", ComplianceType.COMPLIANT),
        ("*", ComplianceType.COMPLIANT),
    ],
)
def test_not_action_counts_unless_it_leaves_out_all_of_iam(
    left_out: object, compliance_type: ComplianceType
) -> None:
    statement = {"Effect": "Allow", "NotAction": left_out, "Resource": "*"}
    assert verdict(policy(statement)) is compliance_type


@pytest.mark.parametrize(
    ("left_out", "compliance_type"),
    [
        ("arn:aws:s3:::secret/*", ComplianceType.NON_COMPLIANT),
        (["arn:aws:iam::123456789012:role/*"], ComplianceType.NON_COMPLIANT),
        ([], ComplianceType.NON_COMPLIANT),
        ("arn:aws:iam::*", ComplianceType.COMPLIANT),
        (["arn:aws:s3:::*", "arn:aws:iam::123456789012:*"], ComplianceType.COMPLIANT),
        ("*", ComplianceType.COMPLIANT),
    ],
)
def test_not_resource_counts_unless_it_leaves_out_all_of_iam(
    left_out: object, compliance_type: ComplianceType
) -> None:
    statement = {"Effect": "Allow", "Action": "*", "NotResource": left_out}
    assert verdict(policy(statement)) is compliance_type


def test_no_statement_that_denies_makes_up_for_it() -> None:
    resource = policy(ADMIN, {"Effect": "Deny", "Action": "iam:*", "Resource": "*"})
    assert verdict(resource) is ComplianceType.NON_COMPLIANT


@pytest.mark.parametrize("statement", [ADMIN, READ])
def test_a_policy_that_nobody_has_is_judged_unless_a_parameter_says_otherwise(
    statement: dict[str, str],
) -> None:
    only_attached = PolicyParameters(only_attached=True)
    resource = policy(statement, attachments=0)
    assert RULE.evaluate(resource, only_attached, NOW) == Evaluation(
        ComplianceType.NOT_APPLICABLE, "The policy is attached to no user, group or role."
    )
    attached = policy(statement, attachments=1)
    assert verdict(attached, only_attached) is verdict(resource) is verdict(attached)


def test_a_parameter_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        PolicyParameters.from_settings({"only_attached": 1})
    assert caught.value.problems == [("only_attached", "must be true or false, got 1")]


@given(DOCUMENTS)
def test_a_document_of_any_shape_is_judged(document: object) -> None:
    resource = Policy(ARN, "ANPA", 0, "v1", document)
    assert verdict(resource) is not ComplianceType.NOT_APPLICABLE


@given(st.lists(STATEMENTS | JSON, max_size=3), st.integers(0, 3))
def test_no_other_statement_hides_one_that_allows_everything(
    others: list[object], place: int
) -> None:
    others.insert(place, ADMIN)
    assert verdict(policy(*others)) is ComplianceType.NON_COMPLIANT


def test_all_policies_are_listed_and_read(aws: Aws) -> None:
    iam = boto3.client("iam")
    for name, statement in (("everything", ADMIN), ("reading", READ)):
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))
    read = [RULE.complete(aws, found) for found in RULE.page(aws, None).resources]
    assert {found.resource_id.rpartition("/")[2]: verdict(found) for found in read} == {
        "everything": ComplianceType.NON_COMPLIANT,
        "reading": ComplianceType.COMPLIANT,
    }
