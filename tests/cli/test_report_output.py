"""A report goes where it is wanted."""

from pathlib import Path

import pytest

from assay import forms
from assay_cli.report_file import ReportError
from assay_cli.report_output import form_of, one, two, write


@pytest.mark.parametrize("name", forms.NAMES)
def test_every_form_is_known_by_its_suffix(name: str) -> None:
    assert form_of(f"some/report{forms.load(name).suffix}") == name


def test_a_suffix_of_no_form_tells_none() -> None:
    assert form_of("report.pdf") is None
    assert form_of("-") is None


def test_json_stays_as_it_came(tmp_path: Path, report_file: Path) -> None:
    newer = report_file.read_text().replace('"1.2"', '"1.3", "further": [1]', 1)
    file = tmp_path / "newer.json"
    file.write_text(newer)
    assert b"".join(one(str(file), tmp_path).pieces("json")) == newer.encode()


def test_of_two_reports_only_what_is_newly_open_counts(tmp_path: Path, report_file: Path) -> None:
    old = str(report_file.with_name("report-1.1.json"))
    subject = two((old, str(report_file)), tmp_path)
    assert [each.resource_id for each in subject.violations] == ["arn:aws:s3:::new-uploads"]
    assert [each.rule_name for each in subject.silent] == [
        "ec2-tag-compliance",
        "rds-backup-compliance",
    ]
    assert two((str(report_file), str(report_file)), tmp_path).silent == []


def test_a_file_is_written_as_it_is_with_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "new" / "report.csv"
    write([b"a\r\n", "Ü".encode()], str(file))
    assert file.read_bytes() == b"a\r\n\xc3\x9c"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=f"^{tmp_path}: cannot be written: Is a directory$"):
        write([b""], str(tmp_path))
