from collections.abc import Callable
from typing import Any

Find = Callable[[str, str, str], Any]
Statements = Callable[[str, str], dict[str, Any]]


def test_the_key_rotates_and_has_an_alias(find: Find) -> None:
    key = find("key", "aws_kms_key", "Key/Resource")
    assert key["enable_key_rotation"] is True
    assert key["deletion_window_in_days"] == 30
    assert key["lifecycle"] == {"prevent_destroy": True}
    assert find("key", "aws_kms_alias", "Key/Alias")["name"] == "alias/compliance-test"


def test_the_account_governs_the_key_by_iam(statements: Statements) -> None:
    account = statements("key", "Key/PolicyDocument")["AccountUsesIam"]
    assert account["principals"] == [
        {"type": "AWS", "identifiers": ["arn:aws-cn:iam::123456789012:root"]}
    ]


def test_log_groups_may_use_it_in_the_regions_own_name(statements: Statements) -> None:
    logs = statements("key", "Key/PolicyDocument")["LogGroups"]
    assert logs["principals"][0]["identifiers"] == ["logs.cn-north-1.amazonaws.com.cn"]
    assert logs["condition"] == [
        {
            "test": "ArnLike",
            "variable": "kms:EncryptionContext:aws:logs:arn",
            "values": ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:*-test"],
        }
    ]


def test_delivering_services_may_use_it_for_this_account_only(statements: Statements) -> None:
    policy = statements("key", "Key/PolicyDocument")
    for service in ("cloudwatch", "config", "events"):
        statement = policy[f"{service.title()}Delivers"]
        assert statement["principals"][0]["identifiers"] == [f"{service}.amazonaws.com"]
        assert statement["actions"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
        assert statement["condition"] == [
            {
                "test": "StringEquals",
                "variable": "aws:SourceAccount",
                "values": ["123456789012"],
            }
        ]


def test_snapshot(construct_snapshot: Callable[[str, str], None]) -> None:
    construct_snapshot("key", "Key")
