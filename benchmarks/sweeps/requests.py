"""Which operation of AWS's an HTTP request asks for."""

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

_JSON_SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "AmazonSQS": "sqs",
    "StarlingDoveService": "config",
}
# Services of the query protocol, by the version of their API.
_QUERY_SERVICES = {"2016-11-15": "ec2", "2014-10-31": "rds", "2010-03-31": "sns"}

# What Lambda calls, not the function that it invokes with a queue's message.
LAMBDAS_OWN = ("sqs:ReceiveMessage", "sqs:DeleteMessage")


class Request(NamedTuple):
    """An HTTP request.

    Attributes:
        method: Such as `POST`.
        target: The path and the query.
        amz_target: What the header of that name says; empty in other protocols than JSON.
        body: The body.
        copy_source: What S3 is to copy, as the header of that name says; else empty.
    """

    method: str
    target: str
    amz_target: str
    body: bytes
    copy_source: str = ""

    @property
    def bucket(self) -> str:
        """The bucket in the path, with an object's key behind it where there is one."""
        return unquote(urlsplit(self.target).path[1:])

    def parameters(self) -> dict[str, str]:
        """Read what the query protocol has in the body, and S3 in the address."""
        text = self.body.decode() if self.method == "POST" else urlsplit(self.target).query
        return {name: values[0] for name, values in parse_qs(text).items()}

    def operation(self) -> str:
        """Return the operation as `service:Operation`."""
        if self.amz_target:
            service, _, operation = self.amz_target.rpartition(".")
            return f"{_JSON_SERVICES[service]}:{operation}"
        if self.method == "PUT":
            return "s3:CopyObject" if self.copy_source else "s3:PutObject"
        if self.method == "GET":
            return "s3:GetBucketEncryption" if self.bucket else "s3:ListBuckets"
        parameters = self.parameters()
        return f"{_QUERY_SERVICES[parameters['Version']]}:{parameters['Action']}"
