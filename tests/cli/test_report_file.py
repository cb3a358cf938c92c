"""Reports are fetched from where they lie, and read whatever minor version they have."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError

from assay import forms
from assay_cli.outputs import OutputsError
from assay_cli.report_file import LATEST_KEY, ReportError, fetch, read

REPORTS = Path(__file__).parents[1] / "reports"
VERSIONS = ("1.0", "1.1", "1.2")
FIRST_FIELDS = ("generated_at", "account_id", "region", "environment_suffix", "history_table")


def text_of(version: str) -> bytes:
    return (REPORTS / f"report-{version}.json").read_bytes()


@pytest.fixture
def latest() -> dict[str, Any]:
    """A report of the latest version, as JSON has it."""
    loaded: dict[str, Any] = json.loads(text_of("1.2"))
    return loaded


@pytest.fixture
def bucket(session: boto3.Session) -> Iterator[str]:
    """A bucket."""
    s3 = session.client("s3")
    s3.create_bucket(Bucket="reports")
    yield "reports"
    for item in s3.list_objects_v2(Bucket="reports").get("Contents", []):
        s3.delete_object(Bucket="reports", Key=item["Key"])
    s3.delete_bucket(Bucket="reports")


@pytest.fixture
def outputs_file(tmp_path: Path) -> Path:
    """The flat outputs of a deployment with that bucket."""
    file = tmp_path / "flat.json"
    file.write_text('{"reports_bucket_name": "reports"}')
    return file


def test_the_latest_report_is_in_the_deployment_s_bucket(
    session: boto3.Session, bucket: str, outputs_file: Path
) -> None:
    session.client("s3").put_object(Bucket=bucket, Key=LATEST_KEY, Body=b"written")
    assert fetch("latest", outputs_file) == b"written"


def test_an_object_is_fetched_by_its_address_whatever_its_key_is(
    session: boto3.Session, bucket: str, tmp_path: Path
) -> None:
    key = "reports/2026/11/23/a b#c?d.json"
    session.client("s3").put_object(Bucket=bucket, Key=key, Body=b"written")
    assert fetch(f"s3://{bucket}/{key}", tmp_path / "no-outputs.json") == b"written"


def test_a_file_and_standard_input_need_no_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(b"in the file")
    assert fetch(str(file), tmp_path / "no-outputs.json") == b"in the file"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert fetch("-", tmp_path / "no-outputs.json") == b"piped"


@pytest.mark.parametrize("flat", [None, "{}", '{"reports_bucket_name": ""}'])
def test_latest_without_a_bucket_says_which_file_should_name_it(
    tmp_path: Path, flat: str | None
) -> None:
    file = tmp_path / "flat.json"
    if flat is not None:
        file.write_text(flat)
    with pytest.raises(ReportError, match=f"{file}: there is no reports_bucket_name; `assay outp"):
        fetch("latest", file)


def test_outputs_that_are_none_are_an_error_only_where_they_are_wanted(tmp_path: Path) -> None:
    file = tmp_path / "flat.json"
    file.write_text("[]")
    with pytest.raises(OutputsError, match="expected flat outputs"):
        fetch("latest", file)
    assert fetch(str(file), file) == b"[]"


def test_no_report_yet_says_what_writes_the_first(bucket: str, outputs_file: Path) -> None:
    with pytest.raises(
        ReportError,
        match=rf"^s3://{bucket}/{LATEST_KEY}: NoSuchKey: .*; `assay invoke report-aggregator`",
    ):
        fetch("latest", outputs_file)


def test_an_object_or_a_bucket_that_is_missing_is_named(bucket: str, outputs_file: Path) -> None:
    with pytest.raises(ReportError, match=r"^s3://reports/other: NoSuchKey: [^;]*$"):
        fetch(f"s3://{bucket}/other", outputs_file)
    with pytest.raises(ReportError, match=r"^s3://nobody-s/other: NoSuchBucket: [^;]*$"):
        fetch("s3://nobody-s/other", outputs_file)


def test_aws_that_refuses_is_named_with_what_it_said(
    session: boto3.Session, bucket: str, outputs_file: Path
) -> None:
    s3 = session.client("s3")
    denied = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
            }
        ],
    }
    s3.put_object(Bucket=bucket, Key=LATEST_KEY, Body=b"written")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(denied))
    # As moto has it; AWS says AccessDenied.
    with pytest.raises(ReportError, match=rf"^s3://reports/{LATEST_KEY}: 403: Forbidden$"):
        fetch("latest", outputs_file)
    s3.delete_bucket_policy(Bucket=bucket)


def test_missing_credentials_are_boto_s_own_error(
    outputs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NoCredentialsError):
        fetch("latest", outputs_file)


@pytest.mark.parametrize("address", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key"])
def test_an_address_without_bucket_or_key_is_an_error(address: str, outputs_file: Path) -> None:
    with pytest.raises(ReportError, match=f"^{address}: must be s3://BUCKET/KEY$"):
        fetch(address, outputs_file)


def test_a_file_that_cannot_be_read_is_named_with_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=f"^{tmp_path}: Is a directory; a report is latest, s3:"):
        fetch(str(tmp_path), tmp_path / "flat.json")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", forms.NAMES)
def test_every_version_can_be_had_in_every_form(version: str, form: str) -> None:
    report = read(text_of(version), version)
    assert report.schema_version == version
    text = "".join(forms.load(form).write(report))
    violation = next(each for each in report.resources if each.is_open)
    assert violation.resource_id in text


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_has_a_score_with_its_denominator(version: str) -> None:
    report = read(text_of(version), version)
    for counts in (report.summary, *report.rules):
        assert counts.judged == counts.compliant + counts.non_compliant
    judged = sum(each.compliance_type != "NOT_APPLICABLE" for each in report.resources)
    assert report.summary.judged == judged - report.summary.waived > 0


def test_old_reports_know_nothing_of_what_came_later() -> None:
    report = read(text_of("1.0"), "1.0")
    assert (report.waivers, report.trend, report.problems, report.recorder) == ([], [], [], None)
    assert {rule.status for rule in report.rules} == {None}
    runs = [rule.last_run for rule in report.rules if rule.last_run]
    assert [run.complete for run in runs] == [True, True]


def test_what_a_newer_minor_version_has_more_is_left_out(latest: dict[str, Any]) -> None:
    newer = latest | {"schema_version": "1.12", "further": {"a": 1}}
    newer["resources"][0]["further"] = True
    report = read(json.dumps(newer).encode(), "newer")
    assert report.schema_version == "1.12"
    assert len(report.resources) == len(latest["resources"])


@pytest.mark.parametrize("version", ["2.0", "0.9", "", "x"])
def test_another_major_version_is_an_error_whatever_else_it_has(version: str) -> None:
    text = json.dumps({"schema_version": version, "all": "different"}).encode()
    with pytest.raises(
        ReportError, match=rf"^new\.json: schema_version: must be 1\.x, got '{version}'; another "
    ):
        read(text, "new.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b'{"a"', "Invalid JSON: EOF while parsing an object at line 1 column 4"),
        (b"\xff\xfe\x00", "Invalid JSON: expected value at line 1 column 1"),
        (b"[1]", r"the whole: Input should be an object, got \[1\]"),
        (b"{}", "schema_version: missing"),
        (b'{"schema_version": 1}', "schema_version: Input should be a valid string, got 1"),
        (
            b'{"schema_version": "1.2"}',
            "; ".join(f"{name}: missing" for name in FIRST_FIELDS) + "; and 3 more",
        ),
    ],
)
def test_what_is_no_report_says_why(text: bytes, message: str) -> None:
    with pytest.raises(ReportError, match=f"^a.json: no compliance report: {message}$"):
        read(text, "a.json")


def test_a_mistake_is_named_by_its_place_with_what_is_allowed_and_what_came(
    latest: dict[str, Any],
) -> None:
    latest["resources"][1]["change"] = "x" * 100
    latest["summary"]["resources"] = "8"
    with pytest.raises(ReportError) as caught:
        read(json.dumps(latest).encode(), "a.json")
    assert str(caught.value) == (
        "a.json: no compliance report: summary.resources: Input should be a valid integer, "
        "got \"8\"; resources.1.change: Input should be 'new' or 'resolved', "
        f'got "{"x" * 59}...'
    )
