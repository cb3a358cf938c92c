"""Wrong settings, each with the exact message that its author gets.

Most of them are about AWS Config: what it would refuse only when Terraform runs, or take and then
not do.
"""

from pathlib import Path

import pytest

from assay_constructs.environments import read_environments
from assay_constructs.errors import SettingsError

# What settings name, in a folder beside them.
FILES = {
    "good.guard": b"rule named { resourceName exists }",
    "empty.guard": b" \n",
    "long.guard": b"#" * 10_001,
    "latin.guard": b"# \xe4",
    "pack.yaml": (
        b"Parameters:\n  Days: {Type: Number}\n"
        b"Resources:\n  Rule: {Type: AWS::Config::ConfigRule}\n"
    ),
    "choice.yaml": (
        b"Parameters:\n  Days: {Type: Number, AllowedValues: 5}\n"
        b"Resources:\n  Rule: {Type: AWS::Config::ConfigRule}\n"
    ),
    "rds.yaml": (
        b"Resources:\n  Rds:\n    Type: AWS::Config::ConfigRule\n    Properties:\n"
        b"      Source: {Owner: AWS, SourceIdentifier: RDS_STORAGE_ENCRYPTED}\n"
    ),
    "bucket.yaml": b"Resources:\n  Bucket: {Type: AWS::S3::Bucket}\n",
    "many.yaml": b"Resources:\n"
    + b"".join(b"  R%d: {Type: AWS::Config::ConfigRule}\n" % number for number in range(130)),
    "long.yaml": b"Resources: {}\n#" + b"x" * 51_200,
}
HEAD = "environment_suffix: dev\nregion: us-east-1\n"
RULES = "rules: {s3-encryption-compliance: {}}\n"


def added(*lines: str) -> str:
    """Settings that are right, and then these lines, from line 5 on."""
    return HEAD + RULES + "recorder: {mode: create}\n" + "\n".join(lines)


def recorder(*lines: str, region: str = "us-east-1", rules: str = RULES) -> str:
    """Settings of an own recorder, from line 6 on."""
    head = HEAD.replace("us-east-1", region)
    return head + rules + "recorder:\n  mode: create\n  " + "\n  ".join(lines)


def rule(settings: str, mode: str = "create") -> str:
    """Settings of a rule, on line 4."""
    return f"{HEAD}recorder: {{mode: {mode}}}\nrules: {{s3-encryption-compliance: {settings}}}"


def remediation(
    *lines: str,
    document: str = "AWS-EnableS3BucketEncryption",
    permissions: str = "[{actions: [s3:PutEncryptionConfiguration], resources: ['*']}]",
) -> str:
    """Settings of a rule's remediation; the lines are from line 9 on."""
    given = (f"document: {document}", f"permissions: {permissions}", *lines)
    head = "recorder: {mode: create}\nrules:\n  s3-encryption-compliance:\n    remediation:\n      "
    return HEAD + head + "\n      ".join(given)


def subscription(settings: str) -> str:
    """Settings of a subscriber, on line 5."""
    return added(f"alerts: {{subscriptions: [{{{settings}}}]}}")


IAM = "rules: {s3-encryption-compliance: {}, iam-mfa-compliance: {}}\n"

# What is wrong, and what is said of it: line, setting, what is allowed, what came.
WRONG = [
    # Keys and plain values
    (
        added("colour: red"),
        (
            "5: colour: unknown key; allowed: account_id, alerts, backend, conformance_packs, "
            "customer_managed_key, embedded_aws, environment_suffix, guard_rules, "
            "history_retention_days, log_retention_days, managed_rules, object_retention_days, "
            "provider_version, recorder, region, reports, retain_data, rules, schedules, tags, "
            "waivers"
        ),
    ),
    (
        added("retain_dat: true"),
        (
            "5: retain_dat: unknown key; allowed: account_id, alerts, backend, conformance_packs, "
            "customer_managed_key, embedded_aws, environment_suffix, guard_rules, "
            "history_retention_days, log_retention_days, managed_rules, object_retention_days, "
            "provider_version, recorder, region, reports, retain_data, rules, schedules, tags, "
            "waivers; did you mean retain_data?"
        ),
    ),
    (
        added("account_id: 123456789012"),
        (
            "5: account_id: allowed: an account id, 12 digits in quotes; got 123456789012, which "
            "YAML takes for a number: put it in quotes"
        ),
    ),
    (
        added("tags: {aws:team: platform}"),
        (
            "5: tags.aws:team: allowed: a tag key of 1 to 128 characters that does not begin with "
            "aws:; got 'aws:team'"
        ),
    ),
    (
        added("tags: {CostCenter: 4711}"),
        (
            "5: tags.CostCenter: allowed: a string of at most 256 characters; got 4711, which YAML "
            "takes for a number: put it in quotes"
        ),
    ),
    (
        added("history_retention_days: 0"),
        "5: history_retention_days: allowed: a whole number of days, 1 to 36500; got 0",
    ),
    (
        added("log_retention_days: 31"),
        (
            "5: log_retention_days: allowed: a number of days that CloudWatch Logs offers: 1, 3, "
            "5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, "
            "2922, 3288, 3653; got 31"
        ),
    ),
    (
        added("customer_managed_key: 'yes'"),
        "5: customer_managed_key: allowed: true or false; got 'yes'",
    ),
    (
        added("provider_version: '~> 6.0'"),
        "5: provider_version: allowed: one exact release, such as 6.25.0; got '~> 6.0'",
    ),
    (
        added("region: eu-west-1"),
        "5: region: allowed: each key once; got it twice",
    ),
    # Schedules, alerts, reports, waivers, backends
    (
        added("schedules: {evaluation: hourly}"),
        (
            "5: schedules.evaluation: allowed: cron(minutes hours day-of-month month day-of-week "
            "year) with ? as exactly one of the two days, rate(1 minute|hour|day), or rate(N "
            "minutes|hours|days) with N above 1; got 'hourly'"
        ),
    ),
    (
        added("schedules: {silence_hours: 200}"),
        "5: schedules.silence_hours: allowed: a whole number of hours, 1 to 168; got 200",
    ),
    (
        added("alerts: {emails: [somebody]}"),
        "5: alerts.emails.0: allowed: an e-mail address; got 'somebody'",
    ),
    (
        subscription("protocol: https, endpoint: http://example.com"),
        (
            "5: alerts.subscriptions.0.endpoint: allowed for https: a URL that begins with "
            "https://; got 'http://example.com'"
        ),
    ),
    (
        subscription("protocol: email, endpoint: a@b.example, raw_message_delivery: true"),
        "5: alerts.subscriptions.0.raw_message_delivery: allowed for email: false; got true",
    ),
    (
        subscription("protocol: sms, endpoint: '+491234', filter_policy: {severity: [urgent]}"),
        (
            "5: alerts.subscriptions.0.filter_policy.severity.0: allowed: low, medium, high, "
            "critical; got 'urgent'"
        ),
    ),
    (
        added("reports: {forms: [html]}"),
        (
            "5: reports.forms: allowed: a list with json, which is the record and what changes are "
            "read from; got ['html']"
        ),
    ),
    (
        added("reports: {forms: [json, json]}"),
        "5: reports.forms.1: allowed: each form once; got 'json' twice",
    ),
    (
        added(
            "waivers:",
            "- {rule: s3-encryption-compliance, owner: us, reason: old, expires: 2027-01-01}",
        ),
        (
            "6: waivers.0.resource: required, but left out; allowed: an ARN, "
            "arn:partition:service:region:account:resource, with * for any characters and ? for "
            "any one"
        ),
    ),
    (
        added(
            "waivers:",
            "- rule: s3-tls-compliance",
            "  resource: 'arn:aws:s3:::old-*'",
            "  owner: us",
            "  reason: old",
            "  expires: 2027-01-01",
        ),
        (
            "6: waivers.0.rule: allowed: a rule that is enabled: s3-encryption-compliance; got "
            "'s3-tls-compliance'; did you mean s3-encryption-compliance?"
        ),
    ),
    (
        added("backend: {type: gcs}"),
        "5: backend.type: allowed: 'local', 's3', 'cloud'; got 'gcs'",
    ),
    (
        added("backend: {type: cloud, organization: us, workspace: {}}"),
        "5: backend.workspace: allowed: exactly one of name and tags; got neither",
    ),
    # Functions' rules
    (
        rule("{enabled: false}"),
        "4: rules: allowed: at least one enabled rule; got none",
    ),
    (
        rule("{severity: severe}"),
        (
            "4: rules.s3-encryption-compliance.severity: allowed: low, medium, high or critical; "
            "got 'severe'"
        ),
    ),
    (
        rule("{parameters: {allowed_algorithm: [AES256]}}"),
        (
            "4: rules.s3-encryption-compliance.parameters.allowed_algorithm: unknown parameter, "
            "allowed: allowed_algorithms, allowed_kms_keys"
        ),
    ),
    (
        rule("{config_triggers: []}"),
        (
            "4: rules.s3-encryption-compliance.config_triggers: allowed: a list of change, "
            "periodic or both; got []"
        ),
    ),
    (
        rule("{config_triggers: [hourly]}"),
        (
            "4: rules.s3-encryption-compliance.config_triggers.0: allowed: change or periodic; got "
            "'hourly'"
        ),
    ),
    (
        rule("{config_triggers: [change, change]}"),
        (
            "4: rules.s3-encryption-compliance.config_triggers.1: allowed: each trigger once; got "
            "'change' twice"
        ),
    ),
    (
        rule("{config_triggers: [change], maximum_execution_frequency: One_Hour}"),
        (
            "4: rules.s3-encryption-compliance.maximum_execution_frequency: allowed: nothing, "
            "where config_triggers is without periodic; got 'One_Hour'"
        ),
    ),
    (
        rule("{maximum_execution_frequency: Hourly}"),
        (
            "4: rules.s3-encryption-compliance.maximum_execution_frequency: allowed: One_Hour, "
            "Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours; got 'Hourly'"
        ),
    ),
    (
        rule("{config_triggers: [periodic]}", mode="none"),
        (
            "4: rules.s3-encryption-compliance.config_triggers: allowed: nothing, for "
            "recorder.mode none is without AWS Config; got periodic"
        ),
    ),
    (
        rule("{maximum_execution_frequency: One_Hour}", mode="none"),
        (
            "4: rules.s3-encryption-compliance.maximum_execution_frequency: allowed: nothing, for "
            "recorder.mode none is without AWS Config; got One_Hour"
        ),
    ),
    # The recorder
    (
        HEAD + RULES + "recorder: {mode: mine}",
        "4: recorder.mode: allowed: 'create', 'existing', 'none'; got 'mine'",
    ),
    (
        HEAD + RULES + "recorder: {mode: existing}",
        "4: recorder.name: required, but left out; allowed: 1 to 256 characters",
    ),
    (
        recorder("resource_types: [AWS::S3::Bucket]", "all_supported: true"),
        "7: recorder.all_supported: allowed: left out beside resource_types; got true",
    ),
    (
        recorder("exclude_resource_types: [AWS::EC2::Volume]", "all_supported: true"),
        "7: recorder.all_supported: allowed: left out beside exclude_resource_types; got true",
    ),
    (
        recorder("include_global_resource_types: true"),
        (
            "6: recorder.include_global_resource_types: allowed: false without all_supported, the "
            "only thing that it extends: types of IAM are recorded when resource_types names them, "
            "or exclude_resource_types does not; got true"
        ),
    ),
    (
        recorder(
            "exclude_resource_types: [AWS::EC2::Volume]", "include_global_resource_types: true"
        ),
        (
            "7: recorder.include_global_resource_types: allowed: false without all_supported, the "
            "only thing that it extends: types of IAM are recorded when resource_types names them, "
            "or exclude_resource_types does not; got true"
        ),
    ),
    (
        recorder("resource_types: []"),
        "6: recorder.resource_types: allowed: a list of at least one resource type; got []",
    ),
    (
        recorder("exclude_resource_types: [S3]"),
        (
            "6: recorder.exclude_resource_types.0: allowed: a resource type of AWS Config, such as "
            "AWS::S3::Bucket; got 'S3'"
        ),
    ),
    (
        recorder("exclude_resource_types: [AWS::S3::Bucket]", "record_costly_types: true"),
        (
            "6: recorder.exclude_resource_types: allowed: a list without AWS::S3::Bucket, which "
            "rule s3-encryption-compliance judges; got ['AWS::S3::Bucket']"
        ),
    ),
    (
        recorder("all_supported: true"),
        (
            "6: recorder.all_supported: allowed: exclude_resource_types with "
            "AWS::Config::ResourceCompliance and AWS::EC2::NetworkInterface, usually most of what "
            "AWS Config costs, or record_costly_types: true; got neither"
        ),
    ),
    (
        recorder("exclude_resource_types: [AWS::EC2::NetworkInterface]"),
        (
            "6: recorder.exclude_resource_types: allowed: exclude_resource_types with "
            "AWS::Config::ResourceCompliance, usually most of what AWS Config costs, or "
            "record_costly_types: true; got neither"
        ),
    ),
    (
        recorder("resource_types: [AWS::EC2::Instance]"),
        (
            "6: recorder.resource_types: allowed: a list with AWS::S3::Bucket, which rule "
            "s3-encryption-compliance judges; got ['AWS::EC2::Instance']"
        ),
    ),
    (
        recorder(
            "resource_types: [AWS::S3::Bucket]",
            rules=RULES + "conformance_packs: {storage: {template_file: files/rds.yaml}}\n",
        ),
        (
            "7: recorder.resource_types: allowed: a list with AWS::RDS::DBInstance, which rule Rds "
            "of pack storage judges; got ['AWS::S3::Bucket']"
        ),
    ),
    (
        recorder(
            "resource_types: [AWS::S3::Bucket, AWS::EC2::Volume]",
            rules=RULES + "managed_rules: {required-tags: {input_parameters: {tag1Key: Team}, "
            "resource_types: [AWS::S3::Bucket, AWS::EC2::Instance, AWS::RDS::DBInstance]}}\n",
        ),
        (
            "7: recorder.resource_types: allowed: a list with AWS::EC2::Instance and "
            "AWS::RDS::DBInstance, which rule required-tags judges; got ['AWS::S3::Bucket', "
            "'AWS::EC2::Volume']"
        ),
    ),
    (
        recorder(
            "name: ours", rules="rules: {iam-mfa-compliance: {config_triggers: [periodic]}}\n"
        ),
        (
            "4: recorder.resource_types: allowed: at least one type, for no rule judges any on "
            "changes; got none"
        ),
    ),
    (
        recorder("all_supported: true", "record_costly_types: true", rules=IAM),
        (
            "4: recorder.include_global_resource_types: allowed: true, for AWS::IAM::User, which "
            "rule iam-mfa-compliance judges; got false"
        ),
    ),
    (
        recorder("name: mine", region="eu-central-2", rules=IAM),
        (
            "4: recorder: allowed in eu-central-2: no global types, for there AWS Config records "
            "none; got AWS::IAM::User for iam-mfa-compliance"
        ),
    ),
    (
        recorder("resource_types: [AWS::S3::Bucket, AWS::IAM::Role]", region="il-central-1"),
        (
            "6: recorder.resource_types: allowed in il-central-1: no global types, for there AWS "
            "Config records none; got AWS::IAM::Role"
        ),
    ),
    (
        recorder(
            "all_supported: true",
            "include_global_resource_types: true",
            "record_costly_types: true",
            region="ca-west-1",
        ),
        (
            "7: recorder.include_global_resource_types: allowed in ca-west-1: no global types, for "
            "there AWS Config records none; got AWS::IAM::Group, AWS::IAM::Policy, AWS::IAM::Role, "
            "AWS::IAM::User"
        ),
    ),
    (
        recorder("recording_frequency: HOURLY"),
        "6: recorder.recording_frequency: allowed: CONTINUOUS or DAILY; got 'HOURLY'",
    ),
    (
        recorder(
            "resource_types: [AWS::S3::Bucket, AWS::Config::ResourceCompliance]",
            "recording_frequency: DAILY",
        ),
        (
            "6: recorder.resource_types.1: allowed: types that can be recorded DAILY, or an "
            "override as CONTINUOUS; got 'AWS::Config::ResourceCompliance'"
        ),
    ),
    (
        recorder("recording_frequency_overrides: {resource_types: [AWS::S3::Bucket]}"),
        (
            "6: recorder.recording_frequency_overrides: allowed: a list of one override at most, "
            "for AWS Config takes no more; got {'resource_types': ['AWS::S3::Bucket']}"
        ),
    ),
    (
        recorder("recording_frequency_overrides:", "- resource_types: [AWS::S3::Bucket]"),
        (
            "7: recorder.recording_frequency_overrides.0.recording_frequency: required, but left "
            "out; allowed: CONTINUOUS or DAILY"
        ),
    ),
    (
        recorder(
            "recording_frequency_overrides:",
            "- {resource_types: [AWS::S3::Bucket], recording_frequency: DAILY}",
            "- {resource_types: [AWS::S3::Bucket], recording_frequency: DAILY}",
        ),
        (
            "6: recorder.recording_frequency_overrides: allowed: a list of one override at most, "
            "for AWS Config takes no more; got [{'recording_frequency': 'DAILY', 'resource_types': "
            "['AWS::S3::Bucket']}, {'recording_frequency': 'DAILY', 'resource_types': "
            "['AWS::S3::Bucket']}]"
        ),
    ),
    (
        recorder(
            "recording_frequency_overrides:",
            "- resource_types: [AWS::S3::Bucket]",
            "  recording_frequency: CONTINUOUS",
        ),
        (
            "8: recorder.recording_frequency_overrides.0.recording_frequency: allowed: another "
            "frequency than CONTINUOUS, which holds anyway; got 'CONTINUOUS'"
        ),
    ),
    (
        recorder(
            "recording_frequency_overrides:",
            "- recording_frequency: DAILY",
            "  resource_types:",
            "  - AWS::S3::Bucket",
            "  - AWS::S3::Bucket",
        ),
        (
            "10: recorder.recording_frequency_overrides.0.resource_types.1: allowed: each type "
            "once; got 'AWS::S3::Bucket'"
        ),
    ),
    (
        recorder(
            "recording_frequency_overrides:",
            "- recording_frequency: DAILY",
            "  resource_types: [AWS::EC2::Instance]",
        ),
        (
            "8: recorder.recording_frequency_overrides.0.resource_types.0: allowed: types that are "
            "recorded; got 'AWS::EC2::Instance'"
        ),
    ),
    (
        recorder(
            "all_supported: true",
            "recording_frequency_overrides:",
            "- recording_frequency: DAILY",
            "  resource_types: [AWS::Config::ResourceCompliance]",
        ),
        (
            "9: recorder.recording_frequency_overrides.0.resource_types.0: allowed: types that can "
            "be recorded DAILY; got 'AWS::Config::ResourceCompliance'"
        ),
    ),
    # Managed rules
    (
        added("managed_rules: [S3_BUCKET_SSL_REQUESTS_ONLY]"),
        (
            "5: managed_rules: allowed: a mapping of names to managed rules; got "
            "['S3_BUCKET_SSL_REQUESTS_ONLY']"
        ),
    ),
    (
        added("managed_rules:", "  s3-bucket-ssl-requests-only:"),
        (
            "6: managed_rules.s3-bucket-ssl-requests-only: allowed: a mapping with identifier and "
            "input_parameters, or {} for the defaults; got nothing"
        ),
    ),
    (
        added("managed_rules:", "  s3-bucket-ssl-request-only: {}"),
        (
            "6: managed_rules.s3-bucket-ssl-request-only.identifier: allowed: the identifier of a "
            "managed rule, where the rule's own name is none of AWS's; got nothing; did you mean "
            "S3_BUCKET_SSL_REQUESTS_ONLY?"
        ),
    ),
    (
        added("managed_rules:", "  keys: {identifier: ACCESS_KEY_ROTATED}"),
        (
            "6: managed_rules.keys.identifier: allowed: the identifier of a managed rule; with "
            "allow_unknown: true, one newer than 2026-10; got 'ACCESS_KEY_ROTATED'; did you mean "
            "ACCESS_KEYS_ROTATED or KMS_KEY_TAGGED?"
        ),
    ),
    (
        added("managed_rules:", "  access-keys-rotated: {}"),
        (
            "6: managed_rules.access-keys-rotated.input_parameters.maxAccessKeyAge: allowed: a "
            "whole number, such as 90, which AWS documents as the default but only its console "
            "fills in; got nothing"
        ),
    ),
    (
        added(
            "managed_rules:", "  acm-certificate-expiration-check: {input_parameters: {days: 30}}"
        ),
        (
            "6: managed_rules.acm-certificate-expiration-check.input_parameters.days: allowed: a "
            "parameter of ACM_CERTIFICATE_EXPIRATION_CHECK: daysToExpiration; got 'days'"
        ),
    ),
    (
        added(
            "managed_rules:", "  access-keys-rotated: {input_parameters: {maxAccessKeyAge: often}}"
        ),
        (
            "6: managed_rules.access-keys-rotated.input_parameters.maxAccessKeyAge: allowed: a "
            "whole number; got 'often'"
        ),
    ),
    (
        added(
            "managed_rules:",
            "  s3-bucket-ssl-requests-only: {maximum_execution_frequency: Six_Hours}",
        ),
        (
            "6: managed_rules.s3-bucket-ssl-requests-only.maximum_execution_frequency: allowed: "
            "nothing, for S3_BUCKET_SSL_REQUESTS_ONLY runs on changes only; got 'Six_Hours'"
        ),
    ),
    (
        added(
            "managed_rules:", "  s3-bucket-ssl-requests-only: {maximum_execution_frequency: Daily}"
        ),
        (
            "6: managed_rules.s3-bucket-ssl-requests-only.maximum_execution_frequency: allowed: "
            "One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours; got 'Daily'"
        ),
    ),
    (
        added(
            "managed_rules:",
            "  s3-bucket-ssl-requests-only: {resource_types: [AWS::EC2::Instance]}",
        ),
        (
            "6: managed_rules.s3-bucket-ssl-requests-only.resource_types.0: allowed: "
            "AWS::S3::Bucket, which S3_BUCKET_SSL_REQUESTS_ONLY judges; got 'AWS::EC2::Instance'"
        ),
    ),
    (
        added("managed_rules:", "  s3-bucket-ssl-requests-only: {resource_id: my-bucket}"),
        (
            "6: managed_rules.s3-bucket-ssl-requests-only.resource_id: allowed: nothing, where "
            "resource_types is not exactly one type; got 'my-bucket'"
        ),
    ),
    (
        added("managed_rules:", "  s3-bucket-ssl-requests-only: {tag_value: platform}"),
        (
            "6: managed_rules.s3-bucket-ssl-requests-only.tag_value: allowed: nothing without "
            "tag_key; got 'platform'"
        ),
    ),
    (
        added("managed_rules:", "  s3-bucket-ssl-requests-only: {evaluation_modes: [PROACTIVELY]}"),
        (
            "6: managed_rules.s3-bucket-ssl-requests-only.evaluation_modes.0: allowed: DETECTIVE "
            "or PROACTIVE; got 'PROACTIVELY'"
        ),
    ),
    (
        added("managed_rules:", "  s3-bucket-ssl-requests-only: {description: ''}"),
        (
            "6: managed_rules.s3-bucket-ssl-requests-only.description: allowed: 1 to 256 "
            "characters; got ''"
        ),
    ),
    (
        added("managed_rules:", "  s3 buckets: {identifier: S3_BUCKET_SSL_REQUESTS_ONLY}"),
        (
            "6: managed_rules.s3 buckets: allowed: a name of letters, digits, hyphens and "
            "underscores; got 's3 buckets'"
        ),
    ),
    (
        added(
            "managed_rules:",
            "  s3-encryption-compliance: {identifier: S3_BUCKET_SSL_REQUESTS_ONLY}",
        ),
        (
            "6: managed_rules.s3-encryption-compliance: allowed: a name of its own; got that of "
            "rules.s3-encryption-compliance"
        ),
    ),
    (
        added("managed_rules:", f"  {'x' * 61}: {{identifier: S3_BUCKET_SSL_REQUESTS_ONLY}}"),
        (
            "6: managed_rules.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: "
            "allowed: at most 64 characters together with -dev; got 65"
        ),
    ),
    # Custom policy rules
    (
        added("guard_rules:", "  names: {}"),
        (
            "6: guard_rules.names.file: required, but left out; allowed: a file that can be read, "
            "by its path from the folder of these settings on"
        ),
    ),
    (
        added("guard_rules:", "  names: {file: files/gone.guard}"),
        (
            "6: guard_rules.names.file: allowed: a file that can be read, by its path from the "
            "folder of these settings on; got 'files/gone.guard': No such file or directory"
        ),
    ),
    (
        added("guard_rules:", "  names: {file: files/latin.guard}"),
        (
            "6: guard_rules.names.file: allowed: a file that can be read, by its path from the "
            "folder of these settings on; got 'files/latin.guard', which is not UTF-8"
        ),
    ),
    (
        added("guard_rules:", "  names: {file: files/empty.guard}"),
        "6: guard_rules.names.file: allowed: a policy of 1 to 10000 characters; got 0",
    ),
    (
        added("guard_rules:", "  names: {file: files/long.guard}"),
        "6: guard_rules.names.file: allowed: a policy of 1 to 10000 characters; got 10001",
    ),
    (
        added("guard_rules:", "  names: {file: files/good.guard, runtime: guard-3.x.x}"),
        "6: guard_rules.names.runtime: allowed: guard-2.x.x; got 'guard-3.x.x'",
    ),
    (
        added(
            "guard_rules:",
            "  names: {file: files/good.guard, maximum_execution_frequency: One_Hour}",
        ),
        (
            "6: guard_rules.names.maximum_execution_frequency: unknown key; allowed: "
            "debug_logging, description, enabled, evaluation_modes, file, input_parameters, "
            "remediation, resource_id, resource_types, runtime, tag_key, tag_value, tests"
        ),
    ),
    (
        added("guard_rules:", "  names: {file: files/good.guard, tests: {passes: []}}"),
        "6: guard_rules.names.tests.passes: allowed: pass or fail; got 'passes'",
    ),
    (
        added(
            "guard_rules:", "  names: {file: files/good.guard, tests: {pass: [files/gone.json]}}"
        ),
        (
            "6: guard_rules.names.tests.pass.0: allowed: a file that can be read, by its path from "
            "the folder of these settings on; got 'files/gone.json': No such file or directory"
        ),
    ),
    (
        added("guard_rules:", "  names: {file: files/good.guard, resource_id: bucket}"),
        (
            "6: guard_rules.names.resource_id: allowed: nothing, where resource_types is not "
            "exactly one type; got 'bucket'"
        ),
    ),
    (
        added("guard_rules:", "  names: {file: files/good.guard, input_parameters: {a: {b: c}}}"),
        (
            "6: guard_rules.names.input_parameters.a: allowed: a string that is not empty, a "
            "number, true or false, or a list of these; got {'b': 'c'}"
        ),
    ),
    (
        added(
            "guard_rules:",
            f"  names: {{file: files/good.guard, input_parameters: {{a: {'x' * 1024}}}}}",
        ),
        "6: guard_rules.names.input_parameters: allowed: at most 1024 characters as JSON; got 1032",
    ),
    (
        added(
            "guard_rules:",
            "  names: {file: files/good.guard, evaluation_modes: [PROACTIVE, PROACTIVE]}",
        ),
        "6: guard_rules.names.evaluation_modes.1: allowed: each mode once; got 'PROACTIVE' twice",
    ),
    # Conformance packs
    (
        added("conformance_packs:", "  1st: {template_s3_uri: s3://bucket/key}"),
        (
            "6: conformance_packs.1st: allowed: a name of letters, digits and hyphens, a letter "
            "first; got '1st'"
        ),
    ),
    (
        added("conformance_packs:", "  storage: {}"),
        (
            "6: conformance_packs.storage: allowed: exactly one of template_file and "
            "template_s3_uri; got neither"
        ),
    ),
    (
        added(
            "conformance_packs:",
            "  storage: {template_file: files/pack.yaml, template_s3_uri: s3://bucket/key}",
        ),
        (
            "6: conformance_packs.storage: allowed: exactly one of template_file and "
            "template_s3_uri; got both"
        ),
    ),
    (
        added("conformance_packs:", "  storage: {template_s3_uri: https://bucket/key}"),
        (
            "6: conformance_packs.storage.template_s3_uri: allowed: s3://bucket/key; got "
            "'https://bucket/key'"
        ),
    ),
    (
        added("conformance_packs:", "  storage: {template_file: files/bucket.yaml}"),
        (
            "6: conformance_packs.storage.template_file: allowed: a template of "
            "AWS::Config::ConfigRule and AWS::Config::RemediationConfiguration alone; got "
            "{'Bucket': 'AWS::S3::Bucket'}"
        ),
    ),
    (
        added("conformance_packs:", "  storage: {template_file: files/choice.yaml}"),
        (
            "6: conformance_packs.storage.template_file: allowed: AllowedValues that are a list of "
            "plain values; got {'Days': {'AllowedValues': '5', 'Type': 'Number'}}"
        ),
    ),
    (
        added("conformance_packs:", "  storage: {template_file: files/good.guard}"),
        (
            "6: conformance_packs.storage.template_file: allowed: a template with Resources; got "
            "'rule named { resourceName exists }'"
        ),
    ),
    (
        added("conformance_packs:", "  storage: {template_file: files/long.yaml}"),
        (
            "6: conformance_packs.storage.template_file: allowed: at most 51200 bytes; put it in a "
            "bucket; got 51215"
        ),
    ),
    (
        added("conformance_packs:", "  storage: {template_file: files/pack.yaml}"),
        (
            "6: conformance_packs.storage.input_parameters.Days: allowed: a value of type Number, "
            "for it has no default; got nothing"
        ),
    ),
    (
        added(
            "conformance_packs:",
            "  storage: {template_file: files/pack.yaml, input_parameters: {Days: soon}}",
        ),
        (
            "6: conformance_packs.storage.input_parameters.Days: allowed: a value of type Number; "
            "got 'soon'"
        ),
    ),
    (
        added(
            "conformance_packs:",
            "  storage: {template_file: files/pack.yaml, input_parameters: {Days: 1, Day: 1}}",
        ),
        (
            "6: conformance_packs.storage.input_parameters.Day: allowed: a parameter of the "
            "template: Days; got 'Day'; did you mean Days?"
        ),
    ),
    (
        added(
            "conformance_packs:", *(f"  p{n}: {{template_file: files/many.yaml}}" for n in range(8))
        ),
        "3: rules: allowed: at most 1000 rules, those of conformance packs among them; got 1041",
    ),
    (
        added(
            "conformance_packs:",
            *(f"  p{n}: {{template_s3_uri: s3://bucket/key}}" for n in range(51)),
        ),
        (
            "5: conformance_packs: allowed: a mapping of at most 50 names to conformance packs; "
            "got {'p0': {'template_s3_uri': 's3://bucket/key'}, 'p1': {'template_s3_uri': "
            "'s3://bucket/key'}, 'p10': {'template_s3_uri': 's3://bucket/key'}, 'p11': "
            "{'template_s3_uri': 's3://bucket/key'}, ...}"
        ),
    ),
    (
        added("conformance_packs:", f"  {'x' * 253}: {{template_s3_uri: s3://bucket/key}}"),
        (
            f"6: conformance_packs.{'x' * 253}: "
            "allowed: at most 256 characters together with -dev; got 257"
        ),
    ),
    # Remediation
    (
        remediation(document="Mend it"),
        (
            "7: rules.s3-encryption-compliance.remediation.document: allowed: the name or ARN of "
            "an SSM document, such as AWS-EnableS3BucketEncryption; got 'Mend it'"
        ),
    ),
    (
        remediation(permissions="[]"),
        (
            "8: rules.s3-encryption-compliance.remediation.permissions: allowed: a list of at "
            "least one mapping with actions and resources; got []"
        ),
    ),
    (
        remediation(permissions="[{actions: [s3:*], resources: ['*']}]"),
        (
            "8: rules.s3-encryption-compliance.remediation.permissions.0.actions.0: allowed: an "
            "IAM action without wildcards, such as s3:PutEncryptionConfiguration; got 's3:*'"
        ),
    ),
    (
        remediation(permissions="[{actions: [s3:PutBucketAcl], resources: ['arn:{zone}:s3:::a']}]"),
        (
            "8: rules.s3-encryption-compliance.remediation.permissions.0.resources.0: allowed: *, "
            "or an ARN with {partition}, {region} and {account} where they belong; got "
            "'arn:{zone}:s3:::a'"
        ),
    ),
    (
        remediation("document_version: 1"),
        (
            "9: rules.s3-encryption-compliance.remediation.document_version: allowed: a version in "
            "quotes, such as '1', $DEFAULT or $LATEST; got 1, which YAML takes for a number: put "
            "it in quotes"
        ),
    ),
    (
        remediation("maximum_automatic_attempts: 26"),
        (
            "9: rules.s3-encryption-compliance.remediation.maximum_automatic_attempts: allowed: a "
            "whole number, 1 to 25; got 26"
        ),
    ),
    (
        remediation("maximum_automatic_attempts: 3"),
        (
            "9: rules.s3-encryption-compliance.remediation.maximum_automatic_attempts: allowed: "
            "nothing, where automatic is not true; got 3"
        ),
    ),
    (
        remediation("retry_attempt_seconds: 0"),
        (
            "9: rules.s3-encryption-compliance.remediation.retry_attempt_seconds: allowed: a whole "
            "number of seconds, 1 to 2678000; got 0"
        ),
    ),
    (
        remediation("concurrent_percentage: 101"),
        (
            "9: rules.s3-encryption-compliance.remediation.concurrent_percentage: allowed: a whole "
            "number, 1 to 100; got 101"
        ),
    ),
    (
        remediation("error_percentage: 10.5"),
        (
            "9: rules.s3-encryption-compliance.remediation.error_percentage: allowed: a whole "
            "number, 1 to 100; got 10.5"
        ),
    ),
    (
        remediation("resource_type: S3"),
        (
            "9: rules.s3-encryption-compliance.remediation.resource_type: allowed: a resource type "
            "of AWS Config, such as AWS::S3::Bucket; got 'S3'"
        ),
    ),
    (
        remediation("automatic: true", "role_parameter: Role"),
        (
            "10: rules.s3-encryption-compliance.remediation.role_parameter: allowed when "
            "automatic: AutomationAssumeRole, the only one that AWS Config takes; got 'Role'"
        ),
    ),
    (
        remediation("parameters: {AutomationAssumeRole: {static_value: arn}}"),
        (
            "9: rules.s3-encryption-compliance.remediation.parameters.AutomationAssumeRole: "
            "allowed: parameters beside that of the role, whose value is made here; got "
            "'AutomationAssumeRole'"
        ),
    ),
    (
        remediation("parameters: {BucketName: {}}"),
        (
            "9: rules.s3-encryption-compliance.remediation.parameters.BucketName: allowed: exactly "
            "one of resource_value, static_value, static_values; got none"
        ),
    ),
    (
        remediation("parameters: {BucketName: {static_value: a, resource_value: RESOURCE_ID}}"),
        (
            "9: rules.s3-encryption-compliance.remediation.parameters.BucketName: allowed: exactly "
            "one of resource_value, static_value, static_values; got resource_value and "
            "static_value"
        ),
    ),
    (
        remediation("parameters: {BucketName: {resource_value: RESOURCE_ARN}}"),
        (
            "9: rules.s3-encryption-compliance.remediation.parameters.BucketName.resource_value: "
            "allowed: RESOURCE_ID; got 'RESOURCE_ARN'"
        ),
    ),
    (
        remediation("parameters: {SSEAlgorithm: {static_value: 7}}"),
        (
            "9: rules.s3-encryption-compliance.remediation.parameters.SSEAlgorithm.static_value: "
            "allowed: 1 to 256 characters; got 7, which YAML takes for a number: put it in quotes"
        ),
    ),
    (
        remediation(
            "parameters: {" + ", ".join(f"p{n}: {{static_value: x}}" for n in range(25)) + "}"
        ),
        (
            "9: rules.s3-encryption-compliance.remediation.parameters: allowed: a mapping of at "
            "most 24 parameters to values; got {'p0': {'static_value': 'x'}, 'p1': "
            "{'static_value': 'x'}, 'p10': {'static_value': 'x'}, 'p11': {'static_value': 'x'}, "
            "...}"
        ),
    ),
    (
        added(
            "managed_rules:",
            f"  {'x' * 51}:",
            "    identifier: S3_BUCKET_SSL_REQUESTS_ONLY",
            "    remediation:",
            "      document: AWS-EnableS3BucketEncryption",
            "      permissions: [{actions: [s3:PutBucketPolicy], resources: ['*']}]",
        ),
        (
            "6: managed_rules.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: allowed: at "
            "most 54 characters together with -dev; got 55"
        ),
    ),
]


def mistakes(folder: Path, text: str) -> list[str]:
    """The messages about settings, from the file's line on."""
    (folder / "files").mkdir()
    for name, content in FILES.items():
        (folder / "files" / name).write_bytes(content)
    (folder / "dev.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_environments(folder)
    return [message.removeprefix(f"{folder}/dev.yaml:") for message in caught.value.mistakes]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_wrong_settings_get_the_message_that_mends_them(
    tmp_path: Path, text: str, message: str
) -> None:
    assert mistakes(tmp_path, text) == [message]


def test_what_is_wrong_in_several_places_is_told_all_at_once(tmp_path: Path) -> None:
    """Also about managed rules that stand beside one whose very form is wrong."""
    text = added(
        "managed_rules:",
        "  s3-bucket-ssl-requests-only: {maximum_execution_frequency: Daily, frequency: x}",
        "  s3-bucket-versioning-enabled: {resource_types: [AWS::EC2::Volume]}",
        "guard_rules:",
        "  names: {file: files/gone.guard}",
    )
    found = mistakes(tmp_path, text)
    assert [message.split(": ")[:2] for message in found] == [
        ["6", "managed_rules.s3-bucket-ssl-requests-only.maximum_execution_frequency"],
        ["6", "managed_rules.s3-bucket-ssl-requests-only.frequency"],
        ["7", "managed_rules.s3-bucket-versioning-enabled.resource_types.0"],
        ["9", "guard_rules.names.file"],
    ]
