import pytest
from botocore.exceptions import ClientError

from assay.run import Findings

DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutItem")


def test_a_failure_is_named_by_its_step_and_error_code() -> None:
    findings = Findings()
    findings.fail("state", DENIED)
    assert findings.errors == [
        {"step": "state", "error_code": "AccessDenied", "message": str(DENIED)}
    ]


def test_a_failure_that_is_not_awss_is_named_by_its_class() -> None:
    findings = Findings()
    findings.fail("alerts", KeyError("x"))
    assert findings.errors == [{"step": "alerts", "error_code": "KeyError", "message": "'x'"}]


def test_a_long_message_is_cut() -> None:
    findings = Findings()
    findings.fail("state", ValueError("x" * 501))
    assert findings.errors[0]["message"] == "x" * 500


def test_the_first_few_failures_are_named_and_the_first_of_all_is_kept() -> None:
    findings = Findings()
    first = ValueError(0)
    findings.fail("state", first)
    for number in range(1, 30):
        findings.fail("state", ValueError(number))
    assert [error["message"] for error in findings.errors] == [str(n) for n in range(25)]
    assert findings.failure is first


def test_an_exception_ends_an_attempt_and_is_noted() -> None:
    findings, done = Findings(), []
    with findings.attempt("history"):
        done.append("before")
        raise DENIED
    with findings.attempt("alerts"):
        done.append("after")
    assert done == ["before", "after"]
    assert [error["step"] for error in findings.errors] == ["history"]
    assert findings.failure is DENIED


def test_the_end_of_the_process_is_no_failure_of_an_attempt() -> None:
    findings = Findings()
    with pytest.raises(SystemExit), findings.attempt("history"):
        raise SystemExit
    assert findings.failure is None
