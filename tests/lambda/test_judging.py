from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from assay.events import ChangedResource, UnsupportedEventError
from assay.judging import Judge
from assay.rule import (
    ComplianceType,
    Evaluation,
    Page,
    Parameters,
    Resource,
    ResourceGoneError,
    Rule,
)
from assay.rules.ec2_tag_compliance import Ec2TagCompliance, Instance, TagParameters
from assay.rules.rds_backup_compliance import BackupParameters, RdsBackupCompliance
from assay.rules.s3_encryption_compliance import EncryptionParameters, S3EncryptionCompliance
from assay.run import GONE, Judgement, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.aws import Aws
    from assay.run import Outcome

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
ARN = "arn:aws:ec2:us-east-1:123456789012:instance/"
DATABASE_ARN = "arn:aws:rds:us-east-1:123456789012:db:"
VANISHED = "i-0123456789abcdef0"


def changed(
    resource_id: str, departure: str | None = None, resource_type: str = "AWS::EC2::Instance"
) -> ChangedResource:
    return ChangedResource(resource_type, resource_id, None, None, departure)


def database(name: str | None, arn: str | None, departure: str | None = GONE) -> ChangedResource:
    return ChangedResource("AWS::RDS::DBInstance", "db-ABC", name, arn, departure)


@pytest.fixture
def judge(aws: Aws) -> Judge:
    return Judge(Ec2TagCompliance(), TagParameters({"Owner": ()}), aws, NOW)


@dataclass(frozen=True)
class Numbered(Resource):
    """A resource with nothing but a number."""

    number: int


class NumberRule(Rule[Parameters, Numbered]):
    """Judges numbers: 7 is a violation; reading one further does what `fates` says."""

    name = "number-compliance"
    resource_type = "AWS::EC2::Instance"

    def __init__(self, fates: dict[int, Callable[[], object]]) -> None:
        self.fates = fates

    def page(self, aws: Aws, token: str | None) -> Page[Numbered]:
        """Lists nothing."""
        del aws, token
        return Page([], None)

    def named(self, aws: Aws, ids: object) -> list[Numbered]:
        """Knows nothing."""
        del aws, ids
        return []

    def complete(self, aws: Aws, resource: Numbered) -> Numbered:
        """Lets a number meet its fate."""
        del aws
        self.fates.get(resource.number, lambda: None)()
        return resource

    def evaluate(self, resource: Numbered, parameters: Parameters, now: datetime) -> Evaluation:
        """Finds 7 wrong."""
        del parameters
        assert now == NOW
        if resource.number == 7:
            return Evaluation.non_compliant("Seven.")
        if resource.number == 13:
            raise KeyError("thirteen")
        return Evaluation.compliant("Fine.")


def numbers(aws: Aws, *, count: int = 20, **fates: Callable[[], object]) -> Iterator[Outcome]:
    rule = NumberRule({int(name.removeprefix("n")): fate for name, fate in fates.items()})
    resources = (Numbered(f"arn:{number}", f"{number}", number) for number in range(count))
    return Judge(rule, Parameters(), aws, NOW).judge(resources)


def raising(error: Exception) -> Callable[[], NoReturn]:
    def fate() -> NoReturn:
        raise error

    return fate


def test_resources_are_judged_in_their_order(aws: Aws) -> None:
    found = list(numbers(aws, count=13))
    assert [outcome.resource_id for outcome in found] == [f"arn:{n}" for n in range(13)]
    assert found[7] == Judgement("arn:7", "7", ComplianceType.NON_COMPLIANT, "Seven.")
    assert found[8] == Judgement("arn:8", "8", ComplianceType.COMPLIANT, "Fine.")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ClientError({"Error": {"Code": "AccessDenied"}}, "GetBucketEncryption"), "AccessDenied"),
        (ReadTimeoutError(endpoint_url="https://s3"), "ReadTimeoutError"),
        (ResponseParserError("cut"), "ResponseParserError"),
    ],
)
def test_a_resource_that_cannot_be_read_is_named_with_the_reason_and_the_others_are_judged(
    aws: Aws, error: Exception, code: str
) -> None:
    found = list(numbers(aws, count=9, n7=raising(error)))
    assert found[7] == Unreadable("arn:7", code)
    assert len([outcome for outcome in found if isinstance(outcome, Judgement)]) == 8


def test_a_resource_that_is_gone_by_now_is_left_out(aws: Aws) -> None:
    found = list(numbers(aws, count=9, n7=raising(ResourceGoneError("arn:7"))))
    assert [outcome.resource_id for outcome in found] == [f"arn:{n}" for n in range(9) if n != 7]


def test_a_rules_own_fault_is_no_verdict_and_the_others_are_judged(
    aws: Aws, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    found = list(numbers(aws, n9=raising(ZeroDivisionError("nine"))))
    # Whether it was in reading or in judging.
    assert found[9] == Unreadable("arn:9", "ZeroDivisionError")
    assert found[13] == Unreadable("arn:13", "KeyError")
    assert len([outcome for outcome in found if isinstance(outcome, Judgement)]) == 18
    lines = {line["resource_id"]: line for line in logged()}
    assert {line["message"] for line in lines.values()} == {"rule failed"}
    assert lines["arn:9"]["exception_name"] == "ZeroDivisionError"
    assert "thirteen" in lines["arn:13"]["exception"]


def test_as_many_resources_are_read_at_once_as_a_client_has_connections(aws: Aws) -> None:
    # None goes on before all of them are here.
    meeting = threading.Barrier(aws.concurrency)
    fates = {f"n{number}": partial(meeting.wait, 10) for number in range(aws.concurrency)}
    assert len(list(numbers(aws, count=aws.concurrency, **fates))) == aws.concurrency


def test_a_rule_that_reads_nothing_further_needs_no_threads(judge: Judge) -> None:
    threads: set[threading.Thread] = set()

    def resources() -> Iterator[Instance]:
        for number in range(40):
            yield Instance(f"{ARN}{number}", f"{number}", "running", {"Owner": "web"})
            threads.update(threading.enumerate())

    before = set(threading.enumerate())
    assert len(list(judge.judge(resources()))) == 40
    assert threads == before


def test_a_changed_resource_is_judged_alone(judge: Judge, run_instance: Callable[..., str]) -> None:
    run_instance()
    instance_id = run_instance()
    (judgement,) = judge.changed(changed(instance_id))
    assert judgement == Judgement(
        f"{ARN}{instance_id}",
        instance_id,
        ComplianceType.NON_COMPLIANT,
        "Tags: Owner is missing or empty.",
    )


def test_a_changed_resource_that_has_vanished_since_is_gone(judge: Judge) -> None:
    assert list(judge.changed(changed(VANISHED))) == [
        Judgement(f"{ARN}{VANISHED}", VANISHED, ComplianceType.NOT_APPLICABLE, GONE)
    ]


def test_a_changed_resource_that_is_deleted_while_it_is_read_is_gone(
    aws: Aws, answer: Callable[..., None], calls: list[tuple[str, object]]
) -> None:
    judge = Judge(S3EncryptionCompliance(), EncryptionParameters(), aws, NOW)
    answer("ListBuckets", {"Buckets": [{"Name": "closed"}]})
    bucket = changed("closed", resource_type="AWS::S3::Bucket")
    assert list(judge.changed(bucket)) == [
        Judgement("arn:aws:s3:::closed", "closed", ComplianceType.NOT_APPLICABLE, GONE)
    ]
    assert [name for name, _ in calls] == ["s3:ListBuckets", "s3:GetBucketEncryption"]


def test_a_changed_resource_that_cannot_be_read_is_not_gone(
    aws: Aws, answer: Callable[..., None], fail: Callable[..., None]
) -> None:
    judge = Judge(S3EncryptionCompliance(), EncryptionParameters(), aws, NOW)
    answer("ListBuckets", {"Buckets": [{"Name": "closed"}]})
    fail("GetBucketEncryption", "AccessDenied")
    bucket = changed("closed", resource_type="AWS::S3::Bucket")
    assert list(judge.changed(bucket)) == [Unreadable("arn:aws:s3:::closed", "AccessDenied")]


def test_a_changed_resource_that_cannot_be_listed_is_an_error(
    judge: Judge, fail: Callable[..., None]
) -> None:
    fail("DescribeInstances", "InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        list(judge.changed(changed(VANISHED)))


def test_a_departed_resource_is_not_applicable_without_a_call(
    judge: Judge, calls: list[object]
) -> None:
    assert list(judge.changed(changed(VANISHED, "Left."))) == [
        Judgement(f"{ARN}{VANISHED}", VANISHED, ComplianceType.NOT_APPLICABLE, "Left.")
    ]
    assert calls == []


def test_an_rds_instance_is_known_by_its_name(aws: Aws) -> None:
    judge = Judge(RdsBackupCompliance(), BackupParameters(), aws, NOW)
    (judgement,) = judge.changed(database("orders", None))
    assert judgement == Judgement(
        f"{DATABASE_ARN}orders", "db-ABC", ComplianceType.NOT_APPLICABLE, GONE
    )
    with pytest.raises(UnsupportedEventError, match=r"^resourceName: must match .*, got '0'$"):
        list(judge.changed(database("0", f"{DATABASE_ARN}orders")))


def test_a_departed_resource_without_a_name_is_known_by_its_arn(aws: Aws) -> None:
    judge = Judge(RdsBackupCompliance(), BackupParameters(), aws, NOW)
    (judgement,) = judge.changed(database(None, f"{DATABASE_ARN}orders", "Left."))
    assert judgement == Judgement(
        f"{DATABASE_ARN}orders", "db-ABC", ComplianceType.NOT_APPLICABLE, "Left."
    )


@pytest.mark.parametrize(
    "arn",
    [
        None,
        DATABASE_ARN,
        f"{DATABASE_ARN}0",
        f"{DATABASE_ARN}orders\n",
        f"x{DATABASE_ARN}orders",
        "arn:aws:rds:us-east-1:123456789012:cluster:orders",
        "arn:aws:rds:us-east-1:210987654321:db:orders",
        "arn:aws:rds:eu-west-1:123456789012:db:orders",
        "arn:aws-cn:rds:us-east-1:123456789012:db:orders",
    ],
)
def test_an_arn_that_is_not_one_of_the_rules_here_names_nothing(aws: Aws, arn: str | None) -> None:
    judge = Judge(RdsBackupCompliance(), BackupParameters(), aws, NOW)
    message = (
        f"ARN: must be {DATABASE_ARN}{{id}} with an id that matches "
        f"{RdsBackupCompliance.id_pattern} where resourceName is missing, got {arn!r}"
    )
    with pytest.raises(UnsupportedEventError, match=f"^{re.escape(message)}$"):
        list(judge.changed(database(None, arn)))


def test_a_resource_of_another_type_is_refused(judge: Judge) -> None:
    message = (
        "^resourceType: must be AWS::EC2::Instance for the rule ec2-tag-compliance, "
        "got 'AWS::S3::Bucket'$"
    )
    with pytest.raises(UnsupportedEventError, match=message):
        list(judge.changed(changed(VANISHED, resource_type="AWS::S3::Bucket")))


@pytest.mark.parametrize("resource_id", ["i-x", "i-0123456789abcdef0\n", "../i-01234567"])
def test_what_cannot_be_an_id_is_refused(judge: Judge, resource_id: str) -> None:
    with pytest.raises(UnsupportedEventError, match=r"^resourceId: must match "):
        judge.arn(changed(resource_id))
