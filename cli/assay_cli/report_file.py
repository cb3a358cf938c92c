"""Reports as they lie in a bucket or in a file: fetched, checked and read."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError
from pydantic import TypeAdapter, ValidationError

from assay.report import SCHEMA_VERSION, Counts, Report
from assay_cli import outputs
from assay_cli.errors import AssayError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

LATEST = "latest"
LATEST_KEY = "latest/compliance-report.json"

_BUCKET_OUTPUT = "reports_bucket_name"
_MAJOR_VERSION = SCHEMA_VERSION.partition(".")[0]
_NAMED_MISTAKES = 5
_SHOWN_OF_A_VALUE = 60

Model = TypeVar("Model")
AnyCounts = TypeVar("AnyCounts", bound=Counts)


class ReportError(AssayError):
    """A report that cannot be had, or that is none."""


@dataclass(frozen=True)
class _Version:
    schema_version: str


def fetch(source: str, outputs_file: Path) -> bytes:
    """Return a report as it was written.

    Args:
        source: `latest`, `s3://bucket/key`, a file, or `-` for standard input.
        outputs_file: the deployment's flat outputs, which name the bucket of `latest`.

    Raises:
        ReportError: there is no such file or object, or it may not be read.
        OutputsError: the outputs are wanted and are none.
        BotoCoreError: AWS cannot be reached.
    """
    if source == "-":
        return sys.stdin.buffer.read()
    if source == LATEST:
        known = outputs.read(outputs_file) if outputs_file.exists() else {}
        bucket = known.get(_BUCKET_OUTPUT)
        if not bucket:
            raise ReportError(
                f"{LATEST}: {outputs_file}: there is no {_BUCKET_OUTPUT}; `assay outputs` writes "
                "the file, and s3://BUCKET/KEY names a report without it"
            )
        return _fetch_object(bucket, LATEST_KEY)
    if source.startswith("s3://"):
        address = urlsplit(source, allow_fragments=False)
        key = source.removeprefix(f"s3://{address.netloc}").removeprefix("/")
        if not address.netloc or not key:
            raise ReportError(f"{source}: must be s3://BUCKET/KEY")
        return _fetch_object(address.netloc, key)
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise ReportError(
            f"{source}: {error.strerror}; a report is {LATEST}, s3://BUCKET/KEY, a file or -"
        ) from error


def _fetch_object(bucket: str, key: str) -> bytes:
    try:
        return boto3.Session().client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        details = error.response["Error"]
        hint = ""
        if details["Code"] == "NoSuchKey" and key == LATEST_KEY:
            hint = "; `assay invoke report-aggregator` writes the first report now"
        raise ReportError(
            f"s3://{bucket}/{key}: {details['Code']}: {details.get('Message')}{hint}"
        ) from error


def read(text: bytes, source: str) -> Report:
    """Read a report of any minor version of the model's major version.

    What a newer minor version has more is left out.

    Args:
        text: what `fetch` returned.
        source: where it came from, for the message.

    Raises:
        ReportError: it is no such report.
    """
    version = _validate(_Version, text, source).schema_version
    if version.partition(".")[0] != _MAJOR_VERSION:
        raise ReportError(
            f"{source}: schema_version: must be {_MAJOR_VERSION}.x, got {version!r}; another "
            "release of assay reads it"
        )
    report = _validate(Report, text, source)
    return replace(
        report,
        summary=_with_judged(report.summary),
        rules=[_with_judged(rule) for rule in report.rules],
    )


def _validate(model: type[Model], text: bytes, source: str) -> Model:
    try:
        return TypeAdapter(model).validate_json(text, strict=True)
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
        told = [_describe(mistake) for mistake in mistakes[:_NAMED_MISTAKES]]
        if len(mistakes) > len(told):
            told.append(f"and {len(mistakes) - len(told)} more")
        raise ReportError(f"{source}: no compliance report: {'; '.join(told)}") from error


def _describe(mistake: "ErrorDetails") -> str:
    place = ".".join(map(str, mistake["loc"])) or "the whole"
    match mistake["type"]:
        case "json_invalid":
            return mistake["msg"]
        case "missing":
            return f"{place}: missing"
    got = json.dumps(mistake["input"])
    if len(got) > _SHOWN_OF_A_VALUE:
        got = f"{got[:_SHOWN_OF_A_VALUE]}..."
    return f"{place}: {mistake['msg']}, got {got}"


def _with_judged(counts: AnyCounts) -> AnyCounts:
    # Versions 1.0 and 1.1 have no denominator.
    return replace(counts, judged=counts.compliant + counts.non_compliant)
