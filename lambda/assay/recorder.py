"""AWS Config's recorder: whether it records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from assay.aws import error_code
from assay.report import Recorder

if TYPE_CHECKING:
    from mypy_boto3_config import ConfigServiceClient
    from mypy_boto3_config.type_defs import ConfigurationRecorderStatusTypeDef


def recorder(config: ConfigServiceClient, name: str) -> Recorder:
    """Asks for the recorder's status; a call that fails is what there is to say of it.

    See https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeConfigurationRecorderStatus.html.

    Args:
        config: The client.
        name: The recorder's name.
    """
    try:
        answer = config.describe_configuration_recorder_status(ConfigurationRecorderNames=[name])
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        return Recorder(name=name, recording=None, error=error_code(error))
    statuses = answer.get("ConfigurationRecordersStatus", [])
    status: ConfigurationRecorderStatusTypeDef = statuses[0] if statuses else {}
    return Recorder(
        name=name,
        recording=status.get("recording"),
        last_status=status.get("lastStatus"),
        error=status.get("lastErrorCode"),
    )
