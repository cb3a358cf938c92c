"""What each setting may be, and what a user is told when it is something else."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from assay import rules as rule_catalogue
from assay.forms import NAMES
from assay.rule import Severity
from assay.waivers import Waiver
from assay_constructs import managed_rules
from assay_constructs.config_settings import RecorderExisting
from assay_constructs.environments import read_environments
from assay_constructs.errors import SettingsError, shortened
from assay_constructs.schedule_expression import longest_gap_minutes
from assay_constructs.settings import (
    LOG_RETENTION_DAYS,
    CloudBackend,
    LocalBackend,
    S3Backend,
    Schedules,
    Settings,
    WaiverSettings,
)
from assay_constructs.settings_types import Allowed

Reader = Callable[[str], Settings]

# Seven lines: what a test adds begins on line 8.
MINIMUM = """\
environment_suffix: dev
region: us-east-1
recorder: {mode: create}
rules:
  ec2-tag-compliance: {}
  s3-encryption-compliance: {}
  rds-backup-compliance: {}
"""
NONE = "environment_suffix: dev\nregion: us-east-1\nrecorder: {mode: none}\n"
ALL_KEYS = ", ".join(sorted(Settings.model_fields))
ALL_RULES = ", ".join(rule_catalogue.names())
SUFFIX = "lower-case letters, digits and, between them, hyphens, 20 characters at most"
DAYS = "a whole number of days, 1 to 36500"
LOG_DAYS = (
    "a number of days that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, "
    "400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653"
)
SCHEDULE = (
    "cron(minutes hours day-of-month month day-of-week year) with ? as exactly one of the two "
    "days, rate(1 minute|hour|day), or rate(N minutes|hours|days) with N above 1"
)
RESOURCE_TYPE = "a resource type of AWS Config, such as AWS::S3::Bucket"
PROTOCOLS = "email, email-json, https, sqs, lambda, sms"
OPERATORS = "anything-but, equals-ignore-case, exists, prefix, suffix, wildcard"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:alerts"
NUMBER = ", which YAML takes for a number: put it in quotes"


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Reads a text as the settings of the environment dev."""

    def read(text: str) -> Settings:
        (tmp_path / "dev.yaml").write_text(text, encoding="utf-8")
        return read_environments(tmp_path)["dev"]

    return read


@pytest.fixture
def mistakes(read: Reader, tmp_path: Path) -> Callable[[str], list[str]]:
    """Reads a text with mistakes, and returns the messages from the file's name on."""

    def mistakes(text: str) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            read(text)
        return [message.removeprefix(f"{tmp_path}/") for message in caught.value.mistakes]

    return mistakes


def subscription(text: str) -> str:
    return f"alerts:\n  subscriptions:\n  - {{{text}}}\n"


def waiver(**changes: str | None) -> str:
    """One waiver, a line for each key; the rule's is line 9. ``None`` leaves a key out."""
    values = {
        "rule": "s3-encryption-compliance",
        "resource": "arn:aws:s3:::old-*",
        "owner": "storage@example.com",
        "reason": "Emptied in May.",
        "expires": "2026-05-31",
        **changes,
    }
    lines = (f"{name}: {value}" for name, value in values.items() if value is not None)
    return "waivers:\n- " + "\n  ".join(lines)


def cloud(text: str) -> str:
    return f"backend: {{type: cloud, organization: us, {text}}}\n"


WAIVER_FIELDS = {
    "rule": "the name of an enabled rule",
    "resource": (
        "an ARN, arn:partition:service:region:account:resource, with * for any characters and ? "
        "for any one"
    ),
    "owner": "1 to 128 characters, not just spaces",
    "reason": "1 to 512 characters, not just spaces",
    "expires": "a date, as YYYY-MM-DD",
}

# What is added to the minimum, and what is said of its first line that is wrong.
WRONG = [
    # Keys
    ("colour: red", f"8: colour: unknown key; allowed: {ALL_KEYS}"),
    (
        "retain_dat: true",
        f"8: retain_dat: unknown key; allowed: {ALL_KEYS}; did you mean retain_data?",
    ),
    ("a.b: 1", f"8: a.b: unknown key; allowed: {ALL_KEYS}"),
    ("2026-01-01: 1", f"8: 2026-01-01: unknown key; allowed: {ALL_KEYS}"),
    ("<<: {region: eu-west-1}", f"8: <<: unknown key; allowed: {ALL_KEYS}"),
    ("1: x", "8: allowed: strings as keys; got 1: put it in quotes"),
    ("null: x", "8: allowed: strings as keys; got null: put it in quotes"),
    ("tags: {on: x}", "8: tags: allowed: strings as keys; got on: put it in quotes"),
    ("? [a]\n: x", "8: allowed: strings as keys; got a list or mapping"),
    ("? {a: 1}\n: x", "8: allowed: strings as keys; got a list or mapping"),
    ("region: eu-west-1", "8: region: allowed: each key once; got it twice"),
    ("tags:\n  Team: a\n  Team: b", "10: tags.Team: allowed: each key once; got it twice"),
    # Account id
    (
        "account_id: 123456789012",
        f"8: account_id: allowed: an account id, 12 digits in quotes; got 123456789012{NUMBER}",
    ),
    # To YAML it is an octal number: what came is shown as it was written.
    (
        "account_id: 012345670123",
        f"8: account_id: allowed: an account id, 12 digits in quotes; got 012345670123{NUMBER}",
    ),
    (
        "account_id: '1234'",
        "8: account_id: allowed: an account id, 12 digits in quotes; got '1234'",
    ),
    (
        "account_id: '١٢٣٤٥٦٧٨٩٠١٢'",
        "8: account_id: allowed: an account id, 12 digits in quotes; got '١٢٣٤٥٦٧٨٩٠١٢'",
    ),
    # Tags
    ("tags: [a]", "8: tags: allowed: a mapping of at most 50 tag keys to values; got ['a']"),
    (
        "tags: {Aws:team: x}",
        (
            "8: tags.Aws:team: allowed: a tag key of 1 to 128 characters that does not begin with "
            "aws:; got 'Aws:team'"
        ),
    ),
    (
        "tags: {'': x}",
        "8: tags.: allowed: a tag key of 1 to 128 characters that does not begin with aws:; got ''",
    ),
    (
        "tags:\n  CostCenter: 4711",
        f"9: tags.CostCenter: allowed: a string of at most 256 characters; got 4711{NUMBER}",
    ),
    (
        "tags: {Public: no}",
        (
            "8: tags.Public: allowed: a string of at most 256 characters; got no, which YAML takes "
            "for true or false: put it in quotes"
        ),
    ),
    ("tags: {Team: }", "8: tags.Team: allowed: a string of at most 256 characters; got nothing"),
    (
        f"tags: {{Team: {'x' * 257}}}",
        f"8: tags.Team: allowed: a string of at most 256 characters; got '{'x' * 47}...{'x' * 48}'",
    ),
    (
        r'tags: {Team: "\uD800"}',
        r"8: tags.Team: allowed: a string of at most 256 characters; got '\ud800'",
    ),
    (
        "tags: {" + ", ".join(f"k{n}: x" for n in range(51)) + "}",
        (
            "8: tags: allowed: a mapping of at most 50 tag keys to values; got "
            "{'k0': 'x', 'k1': 'x', 'k10': 'x', 'k11': 'x', ...}"
        ),
    ),
    # Numbers and switches
    ("history_retention_days: 0", f"8: history_retention_days: allowed: {DAYS}; got 0"),
    ("history_retention_days: 1.5", f"8: history_retention_days: allowed: {DAYS}; got 1.5"),
    ("object_retention_days: ever", f"8: object_retention_days: allowed: {DAYS}; got 'ever'"),
    ("log_retention_days: 31", f"8: log_retention_days: allowed: {LOG_DAYS}; got 31"),
    ("log_retention_days: '30'", f"8: log_retention_days: allowed: {LOG_DAYS}; got '30'"),
    ("log_retention_days: yes", f"8: log_retention_days: allowed: {LOG_DAYS}; got yes"),
    ("retain_data: 'yes'", "8: retain_data: allowed: true or false; got 'yes'"),
    ("customer_managed_key: 1", "8: customer_managed_key: allowed: true or false; got 1"),
    ("embedded_aws:", "8: embedded_aws: allowed: true or false; got nothing"),
    (
        "provider_version: 6.25",
        f"8: provider_version: allowed: one exact release, such as 6.25.0; got 6.25{NUMBER}",
    ),
    (
        "provider_version: ~> 6.0",
        "8: provider_version: allowed: one exact release, such as 6.25.0; got '~> 6.0'",
    ),
    # Schedules
    ("schedules:", "8: schedules: allowed: a mapping of schedules; got nothing"),
    ("schedules: {report: 5}", f"8: schedules.report: allowed: {SCHEDULE}; got 5{NUMBER}"),
    (
        "schedules: {reminder: weekly}",
        f"8: schedules.reminder: allowed: {SCHEDULE}; got 'weekly'",
    ),
    (
        "schedules: {silence_hours: 169}",
        "8: schedules.silence_hours: allowed: a whole number of hours, 1 to 168; got 169",
    ),
    (
        "schedules: {sweep: rate(1 hour)}",
        (
            "8: schedules.sweep: unknown key; allowed: config_maximum_execution_frequency, "
            "evaluation, reminder, report, silence_hours"
        ),
    ),
    (
        "schedules: {config_maximum_execution_frequency: Hourly}",
        (
            "8: schedules.config_maximum_execution_frequency: allowed: One_Hour, Three_Hours, "
            "Six_Hours, Twelve_Hours, TwentyFour_Hours; got 'Hourly'"
        ),
    ),
    # Alerts
    ("alerts: []", "8: alerts: allowed: a mapping with emails and subscriptions; got []"),
    (
        "alerts: {emails: a@b.example}",
        "8: alerts.emails: allowed: a list of e-mail addresses; got 'a@b.example'",
    ),
    (
        "alerts:\n  emails:\n  - a@b.example\n  - bob",
        "11: alerts.emails.1: allowed: an e-mail address; got 'bob'",
    ),
    (
        "alerts:\n  emails:\n  - a@b.example\n  - a@b.example",
        "11: alerts.emails.1: allowed: each subscriber once; got email a@b.example twice",
    ),
    (
        (
            "alerts:\n  emails: [a@b.example]\n  subscriptions:\n"
            "  - {protocol: email, endpoint: a@b.example}"
        ),
        "11: alerts.subscriptions.0: allowed: each subscriber once; got email a@b.example twice",
    ),
    (
        "alerts: {subscriptions: none}",
        (
            "8: alerts.subscriptions: allowed: a list of mappings with protocol and endpoint; "
            "got 'none'"
        ),
    ),
    (
        "alerts: {subscriptions: [a@b.example]}",
        (
            "8: alerts.subscriptions.0: allowed: a mapping with protocol and endpoint; "
            "got 'a@b.example'"
        ),
    ),
    (
        subscription("protocol: http, endpoint: 'http://example.com'"),
        f"10: alerts.subscriptions.0.protocol: allowed: {PROTOCOLS}; got 'http'",
    ),
    (
        subscription("endpoint: a@b.example"),
        f"10: alerts.subscriptions.0.protocol: required, but left out; allowed: {PROTOCOLS}",
    ),
    (
        subscription("protocol: sms"),
        (
            "10: alerts.subscriptions.0.endpoint: required, but left out; "
            "allowed: a string that fits the protocol"
        ),
    ),
    (
        subscription("protocol: sms, endpoint: +4912345678"),
        (
            "10: alerts.subscriptions.0.endpoint: allowed: a string that fits the protocol; "
            f"got +4912345678{NUMBER}"
        ),
    ),
    (
        subscription("protocol: sms, endpoint: '0123'"),
        (
            "10: alerts.subscriptions.0.endpoint: allowed for sms: a telephone number in E.164 "
            "form, such as '+4912345678'; got '0123'"
        ),
    ),
    (
        subscription("protocol: https, endpoint: 'http://example.com'"),
        (
            "10: alerts.subscriptions.0.endpoint: allowed for https: a URL that begins with "
            "https://; got 'http://example.com'"
        ),
    ),
    (
        subscription("protocol: sqs, endpoint: alerts"),
        "10: alerts.subscriptions.0.endpoint: allowed for sqs: the ARN of a queue; got 'alerts'",
    ),
    (
        subscription(f"protocol: lambda, endpoint: '{QUEUE}'"),
        (
            "10: alerts.subscriptions.0.endpoint: allowed for lambda: the ARN of a function; "
            f"got '{QUEUE}'"
        ),
    ),
    (
        subscription("protocol: email-json, endpoint: bob"),
        "10: alerts.subscriptions.0.endpoint: allowed for email-json: an e-mail address; got 'bob'",
    ),
    (
        subscription("protocol: email, endpoint: a@b.example, raw_message_delivery: true"),
        "10: alerts.subscriptions.0.raw_message_delivery: allowed for email: false; got true",
    ),
    # Filter policies
    (
        subscription("protocol: email, endpoint: a@b.example, filter_policy: {severty: [high]}"),
        (
            "10: alerts.subscriptions.0.filter_policy.severty: allowed: rule_name, severity, "
            "account_id or region; got 'severty'"
        ),
    ),
    (
        subscription("protocol: email, endpoint: a@b.example, filter_policy: {severity: high}"),
        (
            "10: alerts.subscriptions.0.filter_policy.severity: allowed: a list of at least one "
            "string or operator; got 'high'"
        ),
    ),
    (
        subscription("protocol: email, endpoint: a@b.example, filter_policy: {severity: []}"),
        (
            "10: alerts.subscriptions.0.filter_policy.severity: allowed: a list of at least one "
            "string or operator; got []"
        ),
    ),
    (
        subscription("protocol: email, endpoint: a@b.example, filter_policy: {}"),
        (
            "10: alerts.subscriptions.0.filter_policy: allowed: a mapping of message attributes to "
            "lists, with at least one attribute; got {}"
        ),
    ),
    (
        subscription("protocol: email, endpoint: a@b.example, filter_policy: {severity: [urgent]}"),
        (
            "10: alerts.subscriptions.0.filter_policy.severity.0: allowed: low, medium, high, "
            "critical; got 'urgent'"
        ),
    ),
    (
        subscription("protocol: email, endpoint: a@b.example, filter_policy: {rule_name: [tags]}"),
        f"10: alerts.subscriptions.0.filter_policy.rule_name.0: allowed: {ALL_RULES}; got 'tags'",
    ),
    (
        subscription("protocol: email, endpoint: a@b.example, filter_policy: {region: [{is: x}]}"),
        (
            "10: alerts.subscriptions.0.filter_policy.region.0: allowed: a string, or a mapping "
            f"with one operator of SNS: {OPERATORS}; got {{'is': 'x'}}"
        ),
    ),
    (
        subscription(
            "protocol: email, endpoint: a@b.example, "
            "filter_policy: {region: [{prefix: eu, suffix: 1}]}"
        ),
        (
            "10: alerts.subscriptions.0.filter_policy.region.0: allowed: a string, or a mapping "
            f"with one operator of SNS: {OPERATORS}; got {{'prefix': 'eu', 'suffix': 1}}"
        ),
    ),
    (
        subscription("protocol: email, endpoint: a@b.example, filter_policy: {account_id: [123]}"),
        (
            "10: alerts.subscriptions.0.filter_policy.account_id.0: allowed: a string, or a "
            f"mapping with one operator of SNS: {OPERATORS}; got 123"
        ),
    ),
    # Backends
    ("backend: s3", "8: backend: allowed: a mapping with type: local, s3 or cloud; got 's3'"),
    (
        "backend: {bucket: states}",
        "8: backend.type: required, but left out; allowed: 'local', 's3', 'cloud'",
    ),
    ("backend: {type: gcs}", "8: backend.type: allowed: 'local', 's3', 'cloud'; got 'gcs'"),
    ("backend: {type: local, path: x}", "8: backend.path: unknown key; allowed: type"),
    (
        "backend: {type: s3, region: us-east-1}",
        (
            "8: backend.bucket: required, but left out; allowed: a bucket's name, 3 to 63 "
            "lower-case letters, digits, dots and hyphens"
        ),
    ),
    (
        "backend: {type: s3, bucket: My_Bucket, region: us-east-1}",
        (
            "8: backend.bucket: allowed: a bucket's name, 3 to 63 lower-case letters, digits, dots "
            "and hyphens; got 'My_Bucket'"
        ),
    ),
    (
        "backend: {type: s3, bucket: states, region: us-east-1, dynamodb_table: locks}",
        (
            "8: backend.dynamodb_table: unknown key; allowed: bucket, key_prefix, kms_key_id, "
            "region, type"
        ),
    ),
    (
        "backend: {type: s3, bucket: states, region: us-east-1, key_prefix: /assay/}",
        (
            "8: backend.key_prefix: allowed: the beginning of an object key, with no slash at "
            "either end; got '/assay/'"
        ),
    ),
    (
        "backend: {type: s3, bucket: states, region: us-east-1, kms_key_id: ''}",
        "8: backend.kms_key_id: allowed: the id, alias or ARN of a KMS key; got ''",
    ),
    (
        cloud("workspace: assay"),
        "8: backend.workspace: allowed: a mapping with name or tags; got 'assay'",
    ),
    (
        cloud("workspace: {}"),
        "8: backend.workspace: allowed: exactly one of name and tags; got neither",
    ),
    (
        cloud("workspace: {name: assay, tags: [assay]}"),
        "8: backend.workspace: allowed: exactly one of name and tags; got both",
    ),
    (
        cloud("workspace: {nam: assay}"),
        "8: backend.workspace.nam: unknown key; allowed: name, tags; did you mean name?",
    ),
    (
        cloud("workspace: {name: a b}"),
        (
            "8: backend.workspace.name: allowed: 1 to 90 letters, digits, hyphens and underscores, "
            "and {suffix}; got 'a b'"
        ),
    ),
    (
        cloud("workspace: {tags: []}"),
        "8: backend.workspace.tags: allowed: a list of at least one tag; got []",
    ),
    (
        cloud("workspace: {tags: ['']}"),
        "8: backend.workspace.tags.0: allowed: a workspace's tag; got ''",
    ),
    (
        cloud("workspace: {name: a}, hostname: 'https://x'"),
        (
            "8: backend.hostname: allowed: the name of a host, such as app.terraform.io; "
            "got 'https://x'"
        ),
    ),
    # Text that Terraform would evaluate
    (
        "tags: {Team: '${data.x}'}",
        (
            "8: tags.Team: allowed: text without ${ and %{, which Terraform would take for an "
            "expression; got '${data.x}'"
        ),
    ),
    (
        "tags: {'%{if x}': a}",
        (
            "8: tags.%{if x}: allowed: text without ${ and %{, which Terraform would take for an "
            "expression; got '%{if x}'"
        ),
    ),
    (
        "alerts:\n  emails:\n  - $${x}@b.example",
        (
            "10: alerts.emails.0: allowed: text without ${ and %{, which Terraform would take for "
            "an expression; got '$${x}@b.example'"
        ),
    ),
    # Reports
    (
        "reports: [json]",
        "8: reports: allowed: a mapping with forms and security_hub; got ['json']",
    ),
    ("reports: {forms: json}", "8: reports.forms: allowed: a list of forms of reports; got 'json'"),
    (
        "reports:\n  forms:\n  - json\n  - pdf",
        f"11: reports.forms.1: allowed: a form of reports: {', '.join(NAMES)}; got 'pdf'",
    ),
    (
        "reports:\n  forms: [json, csv,\n    csv]",
        "10: reports.forms.2: allowed: each form once; got 'csv' twice",
    ),
    (
        "reports: {forms: [html]}",
        (
            "8: reports.forms: allowed: a list with json, which is the record and what changes are "
            "read from; got ['html']"
        ),
    ),
    (
        "reports: {security_hub: 'no'}",
        "8: reports.security_hub: allowed: true or false; got 'no'",
    ),
    # Waivers
    (
        "waivers: {}",
        (
            "8: waivers: allowed: a list of mappings with rule, resource, owner, reason and "
            "expires; got {}"
        ),
    ),
    (
        "waivers: [forever]",
        (
            "8: waivers.0: allowed: a mapping with rule, resource, owner, reason and expires; got "
            "'forever'"
        ),
    ),
    *(
        (
            waiver(**{name: None}),
            f"9: waivers.0.{name}: required, but left out; allowed: {allowed}",
        )
        for name, allowed in WAIVER_FIELDS.items()
    ),
    (
        waiver(rule="s3-encription-compliance"),
        (
            "9: waivers.0.rule: allowed: a rule that is enabled: ec2-tag-compliance, "
            "rds-backup-compliance, s3-encryption-compliance; got 's3-encription-compliance'; did "
            "you mean s3-encryption-compliance?"
        ),
    ),
    (
        waiver(rule="everything"),
        (
            "9: waivers.0.rule: allowed: a rule that is enabled: ec2-tag-compliance, "
            "rds-backup-compliance, s3-encryption-compliance; got 'everything'"
        ),
    ),
    *(
        (
            waiver(resource=f"'{pattern}'"),
            f"10: waivers.0.resource: allowed: {WAIVER_FIELDS['resource']}; got {pattern!r}",
        )
        for pattern in (
            *("old-logs", "arn:*", "arn:aws:s3::old-logs", "s3:::::old-logs", "arn:aws:s3:::"),
            "arn:aws:[s]3:::old-logs",
        )
    ),
    (
        waiver(owner="' '"),
        f"11: waivers.0.owner: allowed: {WAIVER_FIELDS['owner']}; got ' '",
    ),
    (
        waiver(owner="x" * 129),
        f"11: waivers.0.owner: allowed: {WAIVER_FIELDS['owner']}; got {shortened('x' * 129)}",
    ),
    (
        waiver(reason="x" * 513),
        f"12: waivers.0.reason: allowed: {WAIVER_FIELDS['reason']}; got {shortened('x' * 513)}",
    ),
    *(
        (
            waiver(expires=expires),
            f"13: waivers.0.expires: allowed: a date, as YYYY-MM-DD; got {came}",
        )
        for expires, came in (
            ("2026-02-30", "'2026-02-30'"),
            ("2026-05-31T00:00:00Z", "'2026-05-31T00:00:00Z'"),
            ("2026-05-31 12:00:00", "'2026-05-31 12:00:00'"),
            ("20260531", "20260531"),
            ("31.5.2026", "'31.5.2026'"),
            ("never", "'never'"),
        )
    ),
    (
        waiver() + waiver(owner="else", expires="2027-05-31").removeprefix("waivers:"),
        "14: waivers.1: allowed: one waiver for each rule and resource; got a second",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_a_wrong_setting_is_named_with_what_is_allowed_and_what_came(
    mistakes: Callable[[str], list[str]], text: str, message: str
) -> None:
    assert mistakes(f"{MINIMUM}{text}\n") == [f"dev.yaml:{message}"]


# What takes the place of the minimum.
WRONG_FROM_THE_START = [
    (
        "",
        [
            f" environment_suffix: required, but left out; allowed: {SUFFIX}",
            " region: required, but left out; allowed: an AWS region, such as us-east-1",
            (
                " recorder: required, but left out; allowed: a mapping with mode: create, existing "
                "or none"
            ),
            " rules: required, but left out; allowed: a mapping of rule names to their settings",
        ],
    ),
    (
        NONE.replace("dev", "Dev_1").replace("us-east-1", "Frankfurt") + "rules:\n",
        [
            f"1: environment_suffix: allowed: {SUFFIX}; got 'Dev_1'",
            "2: region: allowed: an AWS region, such as us-east-1; got 'Frankfurt'",
            "4: rules: allowed: a mapping of rule names to their settings; got nothing",
        ],
    ),
    (
        NONE.replace("dev", "007") + "rules: {ec2-tag-compliance: {}}\n",
        [f"1: environment_suffix: allowed: {SUFFIX}; got 007{NUMBER}"],
    ),
    (
        NONE.replace("{mode: none}", "create") + "rules: {ec2-tag-compliance: {}}\n",
        ["3: recorder: allowed: a mapping with mode: create, existing or none; got 'create'"],
    ),
    (
        NONE.replace("mode: none", "") + "rules: {ec2-tag-compliance: {}}\n",
        ["3: recorder.mode: required, but left out; allowed: 'create', 'existing', 'none'"],
    ),
    (
        NONE.replace("none", "off") + "rules: {ec2-tag-compliance: {}}\n",
        [
            (
                "3: recorder.mode: allowed: 'create', 'existing', 'none'; got off, which YAML "
                "takes for true or false: put it in quotes"
            )
        ],
    ),
    (
        NONE.replace("none", "[none]") + "rules: {ec2-tag-compliance: {}}\n",
        ["3: recorder.mode: allowed: 'create', 'existing', 'none'; got ['none']"],
    ),
    (
        NONE.replace("none", "none, name: x") + "rules: {ec2-tag-compliance: {}}\n",
        ["3: recorder.name: unknown key; allowed: mode"],
    ),
    (
        NONE.replace("none", "existing") + "rules: {ec2-tag-compliance: {}}\n",
        ["3: recorder.name: required, but left out; allowed: 1 to 256 characters"],
    ),
    (
        NONE.replace("none", "existing, existing: x, name: ''") + "rules: {ec2-tag-compliance: }\n",
        [
            "3: recorder.name: allowed: 1 to 256 characters; got ''",
            "3: recorder.existing: unknown key; allowed: mode, name",
            (
                "4: rules.ec2-tag-compliance: allowed: a mapping with enabled, severity and "
                "parameters, or {} for the defaults; got nothing"
            ),
        ],
    ),
    (
        NONE.replace("none", "create, resource_types: [], recording_frequency: HOURLY")
        + "rules: {ec2-tag-compliance: {}}\n",
        [
            "3: recorder.resource_types: allowed: a list of at least one resource type; got []",
            "3: recorder.recording_frequency: allowed: CONTINUOUS or DAILY; got 'HOURLY'",
        ],
    ),
    (
        NONE.replace("none", "create, resource_types: [EC2, 3]")
        + "rules: {ec2-tag-compliance: {}}\n",
        [
            f"3: recorder.resource_types.0: allowed: {RESOURCE_TYPE}; got 'EC2'",
            f"3: recorder.resource_types.1: allowed: {RESOURCE_TYPE}; got 3{NUMBER}",
        ],
    ),
    (
        NONE.replace("none", "create, resource_types: [AWS::S3::Bucket]")
        + "rules: {ec2-tag-compliance: {}, s3-encryption-compliance: {}, "
        "rds-backup-compliance: {enabled: false}}\n",
        [
            (
                "3: recorder.resource_types: allowed: a list with AWS::EC2::Instance, which rule "
                "ec2-tag-compliance judges; got ['AWS::S3::Bucket']"
            )
        ],
    ),
    (NONE + "rules: {}\n", ["4: rules: allowed: at least one enabled rule; got none"]),
    (
        NONE + "rules: {ec2-tag-compliance: {enabled: false}}\n",
        ["4: rules: allowed: at least one enabled rule; got none"],
    ),
    (
        NONE + "rules: [ec2-tag-compliance]\n",
        [
            (
                "4: rules: allowed: a mapping of rule names to their settings; "
                "got ['ec2-tag-compliance']"
            )
        ],
    ),
    (
        NONE + "rules:\n  ec2-tags: {}\n",
        [
            (
                f"5: rules.ec2-tags: must be one of {ALL_RULES}, got 'ec2-tags'; "
                "did you mean ec2-tag-compliance?"
            )
        ],
    ),
    (
        NONE + "rules:\n"
        "  ec2-tag-compliance:\n"
        "    enabled: 'no'\n"
        "    severity: severe\n"
        "    parameters:\n"
        "      requiredTags: {}\n"
        "      required_tags: [Owner]\n"
        "      a.b: 1\n"
        "  rds-backup-compliance:\n"
        "    severty: low\n"
        "    parameters:\n"
        "      minimum_retention_days: 50\n"
        "      include_read_replicas: 'no'\n"
        "  s3-encryption-compliance: {parameters: [AES256]}\n"
        "  s3-encryption: {}\n",
        [
            "6: rules.ec2-tag-compliance.enabled: allowed: true or false; got 'no'",
            (
                "7: rules.ec2-tag-compliance.severity: allowed: low, medium, high or critical; "
                "got 'severe'"
            ),
            (
                "13: rules.rds-backup-compliance.severty: unknown key; allowed: config_triggers, "
                "enabled, maximum_execution_frequency, parameters, remediation, severity; did you "
                "mean severity?"
            ),
            (
                "17: rules.s3-encryption-compliance.parameters: allowed: a mapping of parameters; "
                "got ['AES256']"
            ),
            (
                "9: rules.ec2-tag-compliance.parameters.requiredTags: unknown parameter, allowed: "
                "required_tags"
            ),
            (
                "11: rules.ec2-tag-compliance.parameters.a.b: unknown parameter, allowed: "
                "required_tags"
            ),
            (
                "10: rules.ec2-tag-compliance.parameters.required_tags: must be a mapping of "
                "strings to lists of strings, got ['Owner']"
            ),
            (
                "16: rules.rds-backup-compliance.parameters.include_read_replicas: must be true or "
                "false, got 'no'"
            ),
            (
                "15: rules.rds-backup-compliance.parameters.minimum_retention_days: must be 1 to "
                "35, got 50"
            ),
            (
                f"18: rules.s3-encryption: must be one of {ALL_RULES}, got 's3-encryption'; "
                "did you mean s3-encryption-compliance?"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("text", "messages"), WRONG_FROM_THE_START)
def test_all_mistakes_of_a_file_are_told_at_once(
    mistakes: Callable[[str], list[str]], text: str, messages: list[str]
) -> None:
    # An empty mapping, where nothing is set: an empty file is another mistake.
    expected = [f"dev.yaml:{message}" for message in messages]
    assert mistakes(text or "{}") == expected


@pytest.mark.parametrize(
    "expression",
    [
        *("every day", "", "cron()", "cron(0 6 * * ?)", "cron(0 6 * * * *)", "cron(0 6 ? * ? *)"),
        *("cron(60 6 * * ? *)", "cron(0 24 * * ? *)", "cron(0 6 32 * ? *)", "cron(0 6 * 13 ? *)"),
        *("cron(0 6 ? * 8 *)", "cron(0 6 ? * MO *)", "cron(0 6 * * ? 1969)", "cron(a b c d ? e)"),
        *("cron(0 6 0 * ? *)", "cron(0 */0 * * ? *)", "cron(0,, 6 * * ? *)", "cron(? 6 * * ? *)"),
        *("rate(0 hours)", "rate(1 hours)", "rate(2 hour)", "rate(1.5 hours)", "rate(1 week)"),
        *("rate(1 hour) ", "at(2026-01-01T00:00:00)", "cron(0  6 * * ? *)", "rate(٢ hours)"),
    ],
)
def test_a_schedule_that_eventbridge_does_not_know_is_refused(
    mistakes: Callable[[str], list[str]], expression: str
) -> None:
    for schedule in ("evaluation", "report", "reminder"):
        assert mistakes(f"{MINIMUM}schedules: {{{schedule}: '{expression}'}}") == [
            f"dev.yaml:8: schedules.{schedule}: allowed: {SCHEDULE}; got {expression!r}"
        ]


@pytest.mark.parametrize(
    "expression",
    [
        *("cron(0 */6 * * ? *)", "cron(0 18 ? * MON-FRI *)", "cron(0/10 * ? * MON-FRI *)"),
        *("cron(15 10 ? * 6L 2026-2030)", "cron(0 8 1 * ? *)", "cron(0 9 ? * 2#1 *)"),
        *("cron(0,30 8-17 L * ? *)", "cron(0 9 3W JAN,JUL ? *)", "cron(05 06 ? 1/3 sun *)"),
        *("rate(1 minute)", "rate(1 hour)", "rate(1 day)", "rate(2 hours)", "rate(10 minutes)"),
        *("rate(6 days)", "cron(0 22-4 * * ? *)"),
    ],
)
def test_a_schedule_that_eventbridge_knows_is_kept_as_it_is(read: Reader, expression: str) -> None:
    given = f"{{evaluation: '{expression}', silence_hours: 168}}"
    assert read(f"{MINIMUM}schedules: {given}").schedules.evaluation == expression


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "evaluation: rate(1 day)",
            "25 to 168, for evaluation 'rate(1 day)' can leave 24 hours between two runs; got 13",
        ),
        (
            "report: rate(90 minutes), evaluation: rate(1 hour), silence_hours: 1",
            (
                "2 to 168, for evaluation 'rate(1 hour)' can leave 1 hours between two runs; got 1",
                (
                    "2 to 168, for report 'rate(90 minutes)' can leave 1 hours 30 minutes between "
                    "two runs; got 1"
                ),
            ),
        ),
        (
            "report: 'cron(30 8-18/2 * * ? *)'",
            (
                "15 to 168, for report 'cron(30 8-18/2 * * ? *)' can leave 14 hours between two "
                "runs; got 13"
            ),
        ),
    ],
)
def test_an_alarm_on_silence_waits_longer_than_the_time_between_two_runs(
    mistakes: Callable[[str], list[str]], given: str, message: str | tuple[str, ...]
) -> None:
    messages = (message,) if isinstance(message, str) else message
    assert mistakes(f"{MINIMUM}schedules: {{{given}}}") == [
        f"dev.yaml:8: schedules.silence_hours: allowed: {each}" for each in messages
    ]


@pytest.mark.parametrize("expression", ["rate(7 days)", "rate(100 days)"])
def test_a_schedule_too_slow_for_any_alarm_on_silence_is_refused(
    mistakes: Callable[[str], list[str]], expression: str
) -> None:
    assert mistakes(f"{MINIMUM}schedules: {{report: {expression}, silence_hours: 168}}") == [
        (
            "dev.yaml:8: schedules.report: allowed: less than 168 hours between two runs, or no "
            f"alarm could tell silence; got {expression!r}"
        )
    ]


def _stepped(count: int, first: int, last: int, step: int) -> set[int]:
    return {n for n in range(count) if first <= n <= last and (n - first) % step == 0}


def _field(count: int) -> st.SearchStrategy[tuple[str, set[int]]]:
    """A cron field's text, and the numbers below a count that it stands for."""
    end = count - 1
    number, step = st.integers(0, end), st.integers(1, 99)
    span = st.tuples(number, number).map(lambda ends: (min(ends), max(ends)))
    part = st.one_of(
        st.just(("*", _stepped(count, 0, end, 1))),
        st.builds(lambda n: (f"{n:02}", {n}), number),
        st.builds(lambda s: (f"*/{s}", _stepped(count, 0, end, s)), step),
        st.builds(lambda n, s: (f"{n}/{s}", _stepped(count, n, end, s)), number, step),
        st.builds(lambda r: (f"{r[0]}-{r[1]}", _stepped(count, r[0], r[1], 1)), span),
        st.builds(lambda r, s: (f"{r[0]}-{r[1]}/{s}", _stepped(count, r[0], r[1], s)), span, step),
    )
    return st.lists(part, min_size=1, max_size=3).map(
        lambda parts: (
            ",".join(text for text, _ in parts),
            {number for _, numbers in parts for number in numbers},
        )
    )


@given(minutes=_field(60), hours=_field(24))
@example(minutes=("0", {0}), hours=("0", {0}))
@example(minutes=("*", set(range(60))), hours=("*", set(range(24))))
def test_the_time_between_two_runs_of_any_daily_cron_is_known_to_the_minute(
    minutes: tuple[str, set[int]], hours: tuple[str, set[int]]
) -> None:
    """Compared with the runs of two days, found minute by minute."""
    times = [t for t in range(2 * 1440) if t % 60 in minutes[1] and t // 60 % 24 in hours[1]]
    gap = max(later - earlier for earlier, later in pairwise(times))
    assert longest_gap_minutes(f"cron({minutes[0]} {hours[0]} * * ? *)") == gap


@given(number=st.integers(2, 10**9 - 1))
@pytest.mark.parametrize(("unit", "minutes"), [("minutes", 1), ("hours", 60), ("days", 1440)])
def test_the_time_between_two_runs_of_any_rate_is_that_rate(
    number: int, unit: str, minutes: int
) -> None:
    assert longest_gap_minutes(f"rate({number} {unit})") == number * minutes


@pytest.mark.parametrize(
    "expression",
    [
        *("cron(0 6 1 * ? *)", "cron(0 6 ? * MON-FRI *)", "cron(0 6 * JAN ? *)"),
        *("cron(0 6 * * ? 2030)", "cron(0 22-4 * * ? *)", "cron(50-10,5 * * * ? *)"),
    ],
)
def test_the_time_between_runs_that_differ_from_day_to_day_is_not_judged(expression: str) -> None:
    schedules = Schedules(evaluation=expression, report=expression, silence_hours=1)
    assert schedules.silence_hours == 1


STRING = "a string"
ANYTHING_BUT = (
    "a string, a list of at least one string, or a mapping of prefix or suffix to a string"
)


@pytest.mark.parametrize(
    ("operator", "value", "allowed", "came"),
    [
        ("exists", "'yes'", "true or false", "'yes'"),
        ("exists", "1", "true or false", "1"),
        *((each, "5", STRING, "5") for each in ("prefix", "suffix", "wildcard")),
        ("prefix", "[eu]", STRING, "['eu']"),
        ("suffix", "{prefix: eu}", STRING, "{'prefix': 'eu'}"),
        ("equals-ignore-case", "[EU]", STRING, "['EU']"),
        ("equals-ignore-case", "null", STRING, "None"),
        ("anything-but", "5", ANYTHING_BUT, "5"),
        ("anything-but", "[]", ANYTHING_BUT, "[]"),
        ("anything-but", "[eu, 5]", ANYTHING_BUT, "['eu', 5]"),
        ("anything-but", "{}", ANYTHING_BUT, "{}"),
        ("anything-but", "{prefix: [eu]}", ANYTHING_BUT, "{'prefix': ['eu']}"),
        ("anything-but", "{exists: true}", ANYTHING_BUT, "{'exists': True}"),
        (
            *("anything-but", "{suffix: a, prefix: b}", ANYTHING_BUT),
            "{'suffix': 'a', 'prefix': 'b'}",
        ),
    ],
)
def test_an_operator_with_a_value_that_it_cannot_take_is_named(
    mistakes: Callable[[str], list[str]], operator: str, value: str, allowed: str, came: str
) -> None:
    policy = f"{{region: [{{{operator}: {value}}}]}}"
    added = subscription(f"protocol: email, endpoint: a@b.example, filter_policy: {policy}")
    assert mistakes(MINIMUM + added) == [
        (
            f"dev.yaml:10: alerts.subscriptions.0.filter_policy.region.0.{operator}: "
            f"allowed: {allowed}; got {came}"
        )
    ]


@pytest.mark.parametrize("operator", ["numeric", "cidr", "is"])
def test_an_operator_that_could_never_match_an_attribute_is_refused(
    mistakes: Callable[[str], list[str]], operator: str
) -> None:
    policy = f"{{account_id: [{{{operator}: x}}]}}"
    added = subscription(f"protocol: email, endpoint: a@b.example, filter_policy: {policy}")
    assert mistakes(MINIMUM + added) == [
        (
            "dev.yaml:10: alerts.subscriptions.0.filter_policy.account_id.0: allowed: a string, or "
            f"a mapping with one operator of SNS: {OPERATORS}; got {{{operator!r}: 'x'}}"
        )
    ]


@pytest.mark.parametrize(
    "policy",
    [
        {"severity": ["high", "critical"]},
        {"rule_name": ["ec2-tag-compliance", {"anything-but": ["x"]}], "account_id": ["1"]},
        {"region": [{"prefix": "eu-"}, {"exists": True}]},
        {"region": [{"suffix": "-1"}, {"wildcard": "us-*-1"}, {"equals-ignore-case": "EU"}]},
        {"region": [{"anything-but": {"prefix": "us-gov-"}}, {"exists": False}]},
        {"region": [{"anything-but": "us-east-1"}, {"anything-but": {"suffix": "-2"}}]},
    ],
)
def test_a_filter_policy_is_kept_as_it_is(read: Reader, policy: dict[str, list[object]]) -> None:
    settings = read(
        f"{MINIMUM}alerts: {{subscriptions: [{{protocol: sqs, endpoint: '{QUEUE}', "
        f"filter_policy: {policy}, raw_message_delivery: true}}]}}"
    )
    (subscriber,) = settings.alerts.subscribers()
    assert subscriber.filter_policy == policy
    assert subscriber.raw_message_delivery is True


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("email", "a@b.example"),
        ("email-json", "a@b.example"),
        ("https", "https://example.com/alerts"),
        ("sqs", "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:alerts"),
        ("lambda", "arn:aws-cn:lambda:cn-north-1:123456789012:function:alerts"),
        ("sms", "+4912345678"),
    ],
)
def test_each_protocol_takes_its_own_kind_of_endpoint(
    read: Reader, protocol: str, endpoint: str
) -> None:
    added = subscription(f"protocol: {protocol}, endpoint: '{endpoint}'")
    (subscriber,) = read(MINIMUM + added).alerts.subscribers()
    assert (subscriber.protocol, subscriber.endpoint) == (protocol, endpoint)


def test_email_addresses_come_before_the_other_subscribers(read: Reader) -> None:
    alerts = f"{{emails: [a@b.example], subscriptions: [{{protocol: sqs, endpoint: '{QUEUE}'}}]}}"
    subscribers = read(f"{MINIMUM}alerts: {alerts}").alerts.subscribers()
    assert [each.endpoint for each in subscribers] == ["a@b.example", QUEUE]


def test_what_is_left_out_has_a_default(read: Reader) -> None:
    settings = read(MINIMUM)
    assert settings.model_dump() == {
        "environment_suffix": "dev",
        "region": "us-east-1",
        "account_id": None,
        "tags": {},
        "recorder": {
            "mode": "create",
            "name": None,
            "resource_types": None,
            "exclude_resource_types": None,
            "all_supported": False,
            "include_global_resource_types": False,
            "record_costly_types": False,
            "recording_frequency": "CONTINUOUS",
            "recording_frequency_overrides": [],
        },
        "schedules": {
            "evaluation": "cron(0 */6 * * ? *)",
            "report": "cron(20 */6 * * ? *)",
            "reminder": None,
            "silence_hours": 13,
            "config_maximum_execution_frequency": None,
        },
        "alerts": {"emails": [], "subscriptions": []},
        "reports": {"forms": ["json", "html"], "security_hub": False},
        "waivers": [],
        "managed_rules": {},
        "guard_rules": {},
        "conformance_packs": {},
        "rules": {
            name: {
                "enabled": True,
                "severity": None,
                "parameters": {},
                "config_triggers": None,
                "maximum_execution_frequency": None,
                "remediation": None,
            }
            for name in ("ec2-tag-compliance", "s3-encryption-compliance", "rds-backup-compliance")
        },
        "history_retention_days": 365,
        "log_retention_days": 365,
        "object_retention_days": 730,
        "retain_data": True,
        "customer_managed_key": False,
        "provider_version": None,
        "embedded_aws": False,
        "backend": {"type": "local"},
    }
    assert settings.backend == LocalBackend(type="local")


def test_everything_can_be_set(read: Reader) -> None:
    settings = read(
        NONE.replace("none", "existing, name: theirs").replace("us-east-1", "eusc-de-east-1")
        + "account_id: '012345670123'\n"
        "tags: {Since: 2026-01-01, Team: platform}\n"
        "log_retention_days: 3653\n"
        "object_retention_days: null\n"
        "retain_data: off\n"
        "provider_version: 6.25.0\n"
        "schedules: {config_maximum_execution_frequency: Six_Hours, reminder: rate(30 days)}\n"
        "rules: {ec2-tag-compliance: {severity: critical}}\n"
        "backend: {type: s3, bucket: states, region: eu-west-1, key_prefix: a/b, kms_key_id: k}\n"
    )
    assert settings.recorder == RecorderExisting(mode="existing", name="theirs")
    assert settings.region == "eusc-de-east-1"
    assert settings.account_id == "012345670123"
    assert settings.tags == {"Since": "2026-01-01", "Team": "platform"}
    assert settings.log_retention_days == LOG_RETENTION_DAYS[-1]
    assert settings.object_retention_days is None
    assert settings.retain_data is False
    assert settings.provider_version == "6.25.0"
    assert settings.schedules.config_maximum_execution_frequency == "Six_Hours"
    assert settings.schedules.reminder == "rate(30 days)"
    assert settings.backend == S3Backend(
        type="s3", bucket="states", region="eu-west-1", key_prefix="a/b", kms_key_id="k"
    )


def test_a_terraform_cloud_workspace_goes_by_name_or_by_tags(read: Reader) -> None:
    by_name = read(MINIMUM + cloud("workspace: {name: 'assay-{suffix}'}")).backend
    by_tags = read(MINIMUM + cloud("workspace: {tags: [a]}, hostname: 'tfe.example:8443'")).backend
    assert isinstance(by_name, CloudBackend)
    assert (by_name.hostname, by_name.workspace.name) == ("app.terraform.io", "assay-{suffix}")
    assert isinstance(by_tags, CloudBackend)
    assert (by_tags.hostname, by_tags.workspace.tags) == ("tfe.example:8443", ["a"])


def test_enabled_rules_are_sorted_and_severity_is_the_rules_own_unless_set(read: Reader) -> None:
    settings = read(
        NONE + "rules: {s3-encryption-compliance: {severity: low}, ec2-tag-compliance: {}, "
        "rds-backup-compliance: {enabled: false}}"
    )
    assert settings.enabled_rules() == ("ec2-tag-compliance", "s3-encryption-compliance")
    assert settings.severity("s3-encryption-compliance") is Severity.LOW
    own = rule_catalogue.load("ec2-tag-compliance").severity
    assert settings.severity("ec2-tag-compliance") is own


def test_parameters_come_in_the_form_of_aws_config(read: Reader) -> None:
    settings = read(
        NONE + "rules: {rds-backup-compliance: {parameters: {minimum_retention_days: 14}}}"
    )
    assert settings.input_parameters("rds-backup-compliance") == {
        "minimumRetentionDays": "14",
        "includeReadReplicas": "false",
    }


def _tags(characters: int) -> str:
    """Settings of tags whose input parameters have that many characters as JSON."""
    values = ["v" * 200] * 4
    rest = characters - len(
        managed_rules.input_parameters_json({"requiredTags": _compact([*values, ""])})
    )
    return f"{{required_tags: {{Owner: {[*values, 'w' * rest]}}}}}"


def _compact(values: list[str]) -> str:
    return json.dumps({"Owner": values}, separators=(",", ":"))


@pytest.mark.parametrize("recorder", ["create", "existing, name: theirs", "none"])
def test_parameters_longer_than_aws_config_takes_are_refused_in_every_recorder_mode(
    mistakes: Callable[[str], list[str]], read: Reader, recorder: str
) -> None:
    head = NONE.replace("none", recorder) + "rules:\n  ec2-tag-compliance:\n"
    read(f"{head}    parameters: {_tags(1024)}\n")
    assert mistakes(f"{head}    parameters: {_tags(1025)}\n") == [
        (
            "dev.yaml:6: rules.ec2-tag-compliance.parameters: allowed: at most 1024 characters as "
            "AWS Config input parameters; got 1025"
        )
    ]


def test_parameters_of_a_rule_that_is_off_may_be_long(read: Reader) -> None:
    off = f"{{enabled: false, parameters: {_tags(1025)}}}"
    text = f"{NONE}rules: {{s3-encryption-compliance: {{}}, ec2-tag-compliance: {off}}}"
    assert read(text).enabled_rules() == ("s3-encryption-compliance",)


@pytest.mark.parametrize("name", rule_catalogue.names())
def test_every_rules_name_and_requirement_fit_wherever_settings_put_them(name: str) -> None:
    """AWS Config and Lambda take names of 64 characters, of which a suffix may have 20."""
    assert len(f"{name}-{'x' * 20}") <= 64
    assert 1 <= len(rule_catalogue.load(name).requirement) <= 256


def test_types_are_recorded_as_the_enabled_rules_need_them_unless_named(read: Reader) -> None:
    rule = "rules: {ec2-tag-compliance: {}}"
    named = "create, resource_types: [AWS::RDS::DBInstance, AWS::EC2::Instance]"
    assert recorded(read(MINIMUM)) == [
        *("AWS::EC2::Instance", "AWS::RDS::DBInstance", "AWS::S3::Bucket")
    ]
    assert recorded(read(NONE.replace("none", named) + rule)) == [
        *("AWS::RDS::DBInstance", "AWS::EC2::Instance")
    ]


def recorded(settings: Settings) -> list[str]:
    recording = settings.recording()
    assert recording is not None
    return list(recording.resource_types)


def test_nothing_is_recorded_without_a_recorder_of_its_own(read: Reader) -> None:
    settings = read(NONE + "rules: {iam-mfa-compliance: {}}")
    assert settings.recording() is None
    assert settings.global_resource_types() == ((), ())


def test_settings_made_in_code_are_judged_by_the_same_rules() -> None:
    with pytest.raises(ValidationError, match="must be 1 to 35, got 0"):
        Settings.model_validate(
            {
                "environment_suffix": "dev",
                "region": "us-east-1",
                "recorder": {"mode": "none"},
                "rules": {"rds-backup-compliance": {"parameters": {"minimum_retention_days": 0}}},
            }
        )


def _all_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    annotations = [field.annotation for field in model.model_fields.values()]
    while annotations:
        annotation = annotations.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _all_models(annotation)
        annotations += get_args(annotation)


def test_every_required_setting_says_what_is_allowed_and_every_setting_what_it_means() -> None:
    for model in _all_models(Settings):
        for name, field in model.model_fields.items():
            if name in ("mode", "type"):
                continue
            assert field.description, f"{model.__name__}.{name}"
            stated = any(isinstance(each, Allowed) for each in field.metadata)
            assert stated or not field.is_required(), f"{model.__name__}.{name}"


def test_a_waiver_is_given_to_the_functions_as_it_was_read(read: Reader) -> None:
    text = waiver(owner="' storage@example.com '", expires="'2020-02-29'")
    (given,) = read(MINIMUM + text).waivers
    assert given.waiver() == Waiver(
        rule_name="s3-encryption-compliance",
        resource="arn:aws:s3:::old-*",
        owner="storage@example.com",
        reason="Emptied in May.",
        # That it is long past is said by the report.
        expires=date(2020, 2, 29),
    )


def test_a_date_may_be_a_date_but_no_point_in_time() -> None:
    values = {"rule": "x", "resource": "arn:aws:s3:::x", "owner": "me", "reason": "so"}
    day = date(2026, 5, 31)
    assert WaiverSettings.model_validate({**values, "expires": day}).expires == day
    with pytest.raises(ValidationError, match="allowed: a date, as YYYY-MM-DD"):
        WaiverSettings.model_validate({**values, "expires": datetime(2026, 5, 31)})  # noqa: DTZ001 - what YAML makes of it


IN_ACCOUNT = MINIMUM + "account_id: '123456789012'\n"


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        ("s3-encryption-compliance", "arn:*:s3:::*"),
        ("s3-encryption-compliance", "arn:aws:s?:::old-logs"),
        ("rds-backup-compliance", "arn:aws:rds:us-*-1:123456789012:db:test-*"),
        ("rds-backup-compliance", "arn:aws:rds:*:1234567890??:*"),
        ("ec2-tag-compliance", "arn:aws:ec2:us-east-1:*:inst*-1"),
    ],
)
def test_a_pattern_of_arns_that_the_rule_judges_is_taken(
    read: Reader, rule: str, pattern: str
) -> None:
    (given,) = read(IN_ACCOUNT + waiver(rule=rule, resource=pattern)).waivers
    assert (given.rule, given.resource) == (rule, pattern)


@pytest.mark.parametrize(
    ("rule", "pattern", "like"),
    [
        ("s3-encryption-compliance", "arn:aws:rds:::*", "arn:*:s3:::*"),
        ("s3-encryption-compliance", "arn:aws:s3:us-east-1::old-logs", "arn:*:s3:::*"),
        (
            "rds-backup-compliance",
            "arn:aws:rds:eu-west-1:123456789012:db:test",
            "arn:*:rds:us-east-1:123456789012:db:*",
        ),
        (
            "rds-backup-compliance",
            "arn:aws:rds:us-east-1:210987654321:db:test",
            "arn:*:rds:us-east-1:123456789012:db:*",
        ),
        (
            "ec2-tag-compliance",
            "arn:aws:ec2:us-east-1:123456789012:volume/*",
            "arn:*:ec2:us-east-1:123456789012:instance/*",
        ),
    ],
)
def test_a_pattern_that_no_arn_of_the_rule_can_match_is_refused(
    mistakes: Callable[[str], list[str]], rule: str, pattern: str, like: str
) -> None:
    assert mistakes(IN_ACCOUNT + waiver(rule=rule, resource=pattern)) == [
        (
            f"dev.yaml:11: waivers.0.resource: allowed: a pattern of ARNs that rule {rule} judges, "
            f"which are like {like}; got {pattern!r}"
        )
    ]


def test_any_account_may_be_waived_in_where_none_is_named(read: Reader) -> None:
    pattern = "arn:aws:rds:us-east-1:210987654321:db:test"
    (given,) = read(MINIMUM + waiver(rule="rds-backup-compliance", resource=pattern)).waivers
    assert given.resource == pattern
