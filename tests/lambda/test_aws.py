import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from assay.aws import Aws, error_code


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_partition_region_and_account_come_from_the_function_arn(partition: str) -> None:
    arn = f"arn:{partition}:lambda:eu-west-1:123456789012:function:example:live"
    aws = Aws.from_function_arn(arn)
    assert (aws.partition, aws.region, aws.account_id) == (partition, "eu-west-1", "123456789012")


@pytest.mark.parametrize("arn", ["", "arn:aws:iam::123456789012:role/example"])
def test_what_is_no_function_arn_is_refused_by_name(arn: str) -> None:
    with pytest.raises(ValueError, match=f"^function ARN: must be .*, got '{arn}'$"):
        Aws.from_function_arn(arn)


def test_a_client_is_made_once_and_for_the_region() -> None:
    aws = Aws(partition="aws", region="eu-west-1", account_id="123456789012")
    assert aws.client("s3") is aws.client("s3")
    assert aws.client("s3").meta.region_name == "eu-west-1"
    assert aws.client("sns") is not aws.client("s3")


def test_clients_slow_down_when_they_are_throttled(aws: Aws) -> None:
    assert aws.client("s3").meta.config.retries["mode"] == "adaptive"


def test_arn_templates_are_filled(aws: Aws) -> None:
    template = "arn:{partition}:rds:{region}:{account}:db:{id}"
    assert aws.fill(template, id="orders") == "arn:aws:rds:us-east-1:123456789012:db:orders"


def test_a_failure_has_awss_error_code_or_its_own_name() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetItem")
    assert error_code(refused) == "AccessDenied"
    assert error_code(ConnectTimeoutError(endpoint_url="x")) == "ConnectTimeoutError"
