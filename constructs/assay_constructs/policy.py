"""Short forms of IAM policy statements that several constructs write."""

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.data_aws_iam_policy_document import (
    DataAwsIamPolicyDocumentStatement,
    DataAwsIamPolicyDocumentStatementCondition,
    DataAwsIamPolicyDocumentStatementPrincipals,
)


def allow(
    sid: str, actions: Sequence[str], resources: Sequence[str]
) -> DataAwsIamPolicyDocumentStatement:
    """A statement of an identity policy: the role may do this."""
    return DataAwsIamPolicyDocumentStatement(
        sid=sid, effect="Allow", actions=list(actions), resources=list(resources)
    )


def allow_service(
    sid: str,
    service: str,
    actions: Sequence[str],
    *,
    resources: Sequence[str] | None = None,
    conditions: Sequence[DataAwsIamPolicyDocumentStatementCondition] = (),
) -> DataAwsIamPolicyDocumentStatement:
    """A statement of a resource or trust policy: an AWS service may do this.

    Args:
        sid: Statement id.
        service: Service principal, such as ``config.amazonaws.com``.
        actions: IAM actions.
        resources: ARNs; ``None`` in a trust policy, which has no resources.
        conditions: Every condition must hold.
    """
    return DataAwsIamPolicyDocumentStatement(
        sid=sid,
        effect="Allow",
        actions=list(actions),
        resources=None if resources is None else list(resources),
        principals=[
            DataAwsIamPolicyDocumentStatementPrincipals(type="Service", identifiers=[service])
        ],
        condition=list(conditions) or None,
    )


def deny_insecure_transport(
    actions: Sequence[str], resources: Sequence[str]
) -> DataAwsIamPolicyDocumentStatement:
    """A statement of a resource policy: nobody gets in without TLS.

    Source:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    return DataAwsIamPolicyDocumentStatement(
        sid="DenyInsecureTransport",
        effect="Deny",
        actions=list(actions),
        resources=list(resources),
        principals=[DataAwsIamPolicyDocumentStatementPrincipals(type="*", identifiers=["*"])],
        condition=[equals("aws:SecureTransport", "false", test="Bool")],
    )


def equals(
    variable: str, *values: str, test: str = "StringEquals"
) -> DataAwsIamPolicyDocumentStatementCondition:
    """A condition on one variable."""
    return DataAwsIamPolicyDocumentStatementCondition(
        test=test, variable=variable, values=list(values)
    )
