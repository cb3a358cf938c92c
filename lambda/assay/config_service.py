"""AWS Config's side of an evaluation: PutEvaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.resend import NotAcceptedError, send_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_config.type_defs import EvaluationUnionTypeDef

    from assay.run import Judgement, Run

# https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html
BATCH_SIZE = 100


def put_evaluations(
    config: ConfigServiceClient,
    run: Run,
    result_token: str,
    judgements: Sequence[Judgement],
    *,
    test_mode: bool,
) -> None:
    """Reports at most a hundred judgements to AWS Config.

    Args:
        config: The client.
        run: The run that made them.
        result_token: The token of the event that asked for them.
        judgements: What to report.
        test_mode: Whether AWS Config shall check the call and store nothing.

    Raises:
        NotAcceptedError: AWS Config kept failing evaluations.
        botocore.exceptions.ClientError: AWS Config refused the call.
    """

    def send(batch: Sequence[EvaluationUnionTypeDef]) -> Sequence[EvaluationUnionTypeDef]:
        answer = config.put_evaluations(
            Evaluations=batch, ResultToken=result_token, TestMode=test_mode
        )
        return answer.get("FailedEvaluations", [])

    evaluations: list[EvaluationUnionTypeDef] = [
        {
            "ComplianceResourceType": run.resource_type,
            "ComplianceResourceId": judgement.config_resource_id,
            "ComplianceType": judgement.compliance_type.value,
            "Annotation": judgement.annotation,
            "OrderingTimestamp": run.ordering_timestamp,
        }
        for judgement in judgements
    ]
    if left := send_all(send, evaluations):
        raise NotAcceptedError("PutEvaluations", left, len(evaluations))
