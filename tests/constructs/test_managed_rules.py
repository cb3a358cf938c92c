"""Managed rules: what is known of them, and what is said about settings that cannot work."""

import json
import subprocess
import sys
from typing import Any

import pytest
from cdktf import Token
from hypothesis import given
from hypothesis import strategies as st

from assay_constructs import managed_rules
from assay_constructs.errors import ConstructArgumentError
from assay_constructs.managed_rule_identifiers import ManagedRuleIdentifier
from assay_constructs.managed_rules import (
    ManagedRule,
    Parameter,
    check_scope,
    problems,
    scope_problems,
)

CHANGE = "S3_BUCKET_SSL_REQUESTS_ONLY"
PERIODIC = "IAM_USER_UNUSED_CREDENTIALS_CHECK"
BOTH = "RESTRICTED_INCOMING_TRAFFIC"
PROACTIVE = "RDS_STORAGE_ENCRYPTED"
TAGS = "REQUIRED_TAGS"

NUMBER = Parameter("n", "int")
FRACTION = Parameter("f", "double")
SWITCH = Parameter("b", "boolean")
WORDED_SWITCH = Parameter("w", "String", default="True")
TEXT = Parameter("s", "String")
LIST = Parameter("l", "CSV")
PAIRS = Parameter("m", "StringMap")


def found(**settings: Any) -> dict[str, str]:
    """The problems, by their place with dots."""
    listed = [(".".join(map(str, place)), message) for place, message in problems(**settings)]
    assert len(dict(listed)) == len(listed)
    return dict(listed)


def test_facts_are_found_by_identifier_and_by_documented_name() -> None:
    ssh = managed_rules.facts("INCOMING_SSH_DISABLED")
    assert ssh
    assert ssh == managed_rules.by_name("restricted-ssh")
    assert (ssh.name, ssh.trigger, ssh.proactive) == ("restricted-ssh", "both", False)
    assert ssh.resource_types == ("AWS::EC2::SecurityGroup",)
    assert ssh.parameters == ()
    assert managed_rules.facts("restricted-ssh") is None
    assert managed_rules.by_name("INCOMING_SSH_DISABLED") is None


def test_parameters_have_their_documented_types_and_defaults() -> None:
    rule = managed_rules.facts(PERIODIC)
    assert rule
    assert rule.parameters == (Parameter("maxCredentialUsageAge", "int", True, "90"),)


def test_identifiers_are_many_sorted_and_dated() -> None:
    known = managed_rules.identifiers()
    assert len(known) == len(set(known)) > 800
    assert list(known) == sorted(known)
    assert managed_rules.as_of() == "2026-10"


def test_a_rule_that_aws_documents_without_a_name_is_named_like_its_identifier() -> None:
    rule = managed_rules.by_name("aws-config-process-check")
    assert rule
    assert rule.identifier == "AWS_CONFIG_PROCESS_CHECK"


def test_some_rules_can_judge_what_is_not_deployed_yet() -> None:
    able = [name for name in managed_rules.identifiers() if _facts(name).proactive]
    assert PROACTIVE in able
    assert len(able) == 17
    assert managed_rules.proactive_as_of() == "2023-06"


def _facts(identifier: str) -> managed_rules.ManagedRuleFacts:
    rule = managed_rules.facts(identifier)
    assert rule
    return rule


def test_identifiers_complete_in_editors_and_are_strings() -> None:
    assert [each.value for each in ManagedRuleIdentifier] == list(managed_rules.identifiers())
    rule = ManagedRule(name="tls", identifier=ManagedRuleIdentifier.S3_BUCKET_SSL_REQUESTS_ONLY)
    assert rule == ManagedRule(name="tls", identifier=CHANGE)


def test_settings_are_checked_without_cdktf_and_facts_are_read_only_when_asked_for() -> None:
    # What an environment without managed rules would pay.
    code = (
        "import sys; from assay_constructs import managed_rules;"
        "print('cdktf' in sys.modules, managed_rules._catalogue.cache_info().currsize,"
        "'assay_constructs.managed_rule_identifiers' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False 0 False\n"


@pytest.mark.parametrize(
    ("identifier", "name", "expected"),
    [(CHANGE, "any", CHANGE), (None, "restricted-ssh", "INCOMING_SSH_DISABLED"), (None, "x", None)],
)
def test_a_documented_name_stands_for_its_identifier(
    identifier: str | None, name: str, expected: str | None
) -> None:
    assert managed_rules.identifier_of(identifier, name) == expected


@pytest.mark.parametrize(
    "settings",
    [
        {"identifier": CHANGE},
        {"identifier": None, "rule_name": "restricted-ssh"},
        {"identifier": CHANGE, "resource_types": ["AWS::S3::Bucket"]},
        {"identifier": CHANGE, "resource_types": ["AWS::S3::Bucket"], "resource_id": "logs"},
        {"identifier": CHANGE, "tag_key": "Data", "tag_value": "personal"},
        {"identifier": CHANGE, "tag_key": "Data", "evaluation_modes": ["DETECTIVE"]},
        {"identifier": PROACTIVE, "evaluation_modes": ["DETECTIVE", "PROACTIVE"]},
        {"identifier": BOTH, "maximum_execution_frequency": "Six_Hours"},
        {
            "identifier": PERIODIC,
            "input_parameters": {"maxCredentialUsageAge": 90},
            "maximum_execution_frequency": "TwentyFour_Hours",
        },
        {
            "identifier": "BRAND_NEW_RULE",
            "allow_unknown": True,
            "input_parameters": {"list": ["a", 1], "switch": True, "number": 1.5, "text": "x"},
            "resource_types": ["AWS::New::Thing"],
            "maximum_execution_frequency": "One_Hour",
            "evaluation_modes": ["PROACTIVE"],
        },
        {
            "identifier": CHANGE,
            "allow_unknown": True,
            "input_parameters": {"newer": "x"},
            "resource_types": ["AWS::S3::AccessPoint"],
            "evaluation_modes": ["PROACTIVE"],
        },
    ],
)
def test_what_aws_config_takes_is_no_problem(settings: dict[str, Any]) -> None:
    assert found(**settings) == {}


NEWER = "the identifier of a managed rule; with allow_unknown: true, one newer than 2026-10"
DEFAULT = "which AWS documents as the default but only its console fills in"
STRING = "a string that is not empty, in quotes where YAML would take it for something else"
PORTS = "blockedPort1, blockedPort2, blockedPort3, blockedPort4, blockedPort5, blockedPorts"
NO_TYPE = "nothing, where resource_types is not exactly one type"
NO_SCOPE = f"nothing, for {PERIODIC} runs periodically only, where AWS Config refuses a scope"
NO_PROACTIVE = "is none of the rules that AWS lists for proactive evaluation (2023-06)"
FREQUENCIES = "One_Hour, Three_Hours, Six_Hours, Twelve_Hours, TwentyFour_Hours"
AGE = {"maxCredentialUsageAge": 90}


@pytest.mark.parametrize(
    ("settings", "place", "allowed", "came"),
    [
        (
            {"identifier": "S3_BUCKET_SSL_REQUEST_ONLY"},
            "identifier",
            NEWER,
            f"'S3_BUCKET_SSL_REQUEST_ONLY'; did you mean {CHANGE}?",
        ),
        (
            {"identifier": "s3_bucket_ssl_requests_only"},
            "identifier",
            NEWER,
            f"'s3_bucket_ssl_requests_only'; did you mean {CHANGE}?",
        ),
        (
            {"identifier": "restricted-common-port"},
            "identifier",
            NEWER,
            f"'restricted-common-port'; did you mean {BOTH} or INCOMING_SSH_DISABLED?",
        ),
        ({"identifier": "?"}, "identifier", NEWER, "'?'"),
        (
            {"identifier": "brand-new-rule", "allow_unknown": True},
            "identifier",
            "1 to 256 capital letters, digits and underscores",
            "'brand-new-rule'",
        ),
        (
            {"identifier": None, "rule_name": "s3-bucket-ssl-request-only"},
            "identifier",
            "the identifier of a managed rule, where the rule's own name is none of AWS's",
            f"nothing; did you mean {CHANGE}?",
        ),
        (
            {"identifier": CHANGE, "input_parameters": {"age": 1}},
            "input_parameters.age",
            f"nothing, for {CHANGE} has no parameters",
            "'age'",
        ),
        (
            {"identifier": BOTH, "input_parameters": {"blockedPort": 1}},
            "input_parameters.blockedPort",
            f"a parameter of {BOTH}: {PORTS}",
            "'blockedPort'; did you mean blockedPorts?",
        ),
        (
            {"identifier": BOTH, "input_parameters": {"blockedPort1": [22]}},
            "input_parameters.blockedPort1",
            "a whole number",
            "[22]",
        ),
        (
            {"identifier": PERIODIC},
            "input_parameters.maxCredentialUsageAge",
            f"a whole number, such as 90, {DEFAULT}",
            "nothing",
        ),
        (
            {"identifier": "CLOUDFORMATION_STACK_DRIFT_DETECTION_CHECK"},
            "input_parameters.cloudformationRoleArn",
            f"{STRING}, for the rule fails without it",
            "nothing",
        ),
        (
            {"identifier": TAGS, "input_parameters": {"tag1Key": None}},
            "input_parameters.tag1Key",
            STRING,
            "nothing",
        ),
        (
            {"identifier": CHANGE, "input_parameters": ["a"]},
            "input_parameters",
            "a mapping of names to values",
            "['a']",
        ),
        (
            {"identifier": "NEW", "allow_unknown": True, "input_parameters": {"a": {"b": 1}}},
            "input_parameters.a",
            (
                "a string that is not empty, a number, true, false, or a list of strings without "
                "commas or of whole numbers"
            ),
            "{'b': 1}",
        ),
        (
            {"identifier": CHANGE, "resource_types": ["AWS::S3::Bucket", "AWS::S3::Buckets"]},
            "resource_types.1",
            f"AWS::S3::Bucket, which {CHANGE} judges",
            "'AWS::S3::Buckets'; did you mean AWS::S3::Bucket?",
        ),
        ({"identifier": CHANGE, "resource_id": "a"}, "resource_id", NO_TYPE, "'a'"),
        (
            {
                "identifier": TAGS,
                "input_parameters": {"tag1Key": "Owner"},
                "resource_types": ["AWS::S3::Bucket", "AWS::EC2::Instance"],
                "resource_id": "a",
            },
            "resource_id",
            NO_TYPE,
            "'a'",
        ),
        (
            {"identifier": CHANGE, "resource_types": ["AWS::S3::Bucket"], "tag_key": "a"},
            "tag_key",
            "nothing beside resource_types, for a scope is of types or of a tag",
            "'a'",
        ),
        ({"identifier": CHANGE, "tag_value": "a"}, "tag_value", "nothing without tag_key", "'a'"),
        ({"identifier": CHANGE, "tag_key": ""}, "tag_key", "1 to 128 characters long", "''"),
        (
            {
                "identifier": PERIODIC,
                "input_parameters": AGE,
                "resource_types": ["AWS::IAM::User"],
            },
            "resource_types",
            NO_SCOPE,
            "['AWS::IAM::User']",
        ),
        (
            {"identifier": PERIODIC, "input_parameters": AGE, "tag_key": "Team"},
            "tag_key",
            NO_SCOPE,
            "'Team'",
        ),
        (
            {"identifier": CHANGE, "maximum_execution_frequency": "One_Hour"},
            "maximum_execution_frequency",
            f"nothing, for {CHANGE} runs on changes only",
            "'One_Hour'",
        ),
        (
            {"identifier": BOTH, "maximum_execution_frequency": "Six_hours"},
            "maximum_execution_frequency",
            FREQUENCIES,
            "'Six_hours'; did you mean Six_Hours?",
        ),
        (
            {"identifier": PROACTIVE, "evaluation_modes": ["Proactive"]},
            "evaluation_modes.0",
            "DETECTIVE, PROACTIVE",
            "'Proactive'",
        ),
        (
            {"identifier": PROACTIVE, "evaluation_modes": ["DETECTIVE", "DETECTIVE"]},
            "evaluation_modes.1",
            "each mode once",
            "'DETECTIVE'",
        ),
        (
            {"identifier": CHANGE, "evaluation_modes": ["PROACTIVE"]},
            "evaluation_modes.0",
            f"DETECTIVE, for {CHANGE} {NO_PROACTIVE}",
            "'PROACTIVE'",
        ),
    ],
)
def test_what_cannot_work_is_said_with_its_place_and_what_is_allowed(
    settings: dict[str, Any], place: str, allowed: str, came: str
) -> None:
    assert found(**settings) == {place: f"allowed: {allowed}; got {came}"}


def test_everything_is_said_at_once() -> None:
    assert list(
        found(
            identifier=PERIODIC,
            input_parameters={"maxAge": 1},
            resource_types=["AWS::IAM::User"],
            resource_id="x",
            maximum_execution_frequency="daily",
            evaluation_modes=["both"],
        )
    ) == [
        "input_parameters.maxAge",
        "input_parameters.maxCredentialUsageAge",
        "resource_types",
        "resource_id",
        "maximum_execution_frequency",
        "evaluation_modes.0",
    ]


def test_all_parameters_together_are_at_most_1024_characters_as_json() -> None:
    key = "iamRoleArns"
    long = {key: "x" * (1024 - len(json.dumps({key: ""}, separators=(",", ":"))))}
    settings = {"identifier": "NEW", "allow_unknown": True}
    assert found(**settings, input_parameters=long) == {}
    message = found(**settings, input_parameters={key: long[key] + "x"})["input_parameters"]
    assert message.startswith("allowed: at most 1024 characters as JSON, not 1025; got '{")


def test_the_scope_of_any_rule_is_checked_alike() -> None:
    fine: dict[str, Any] = {"resource_types": ["AWS::S3::Bucket"], "resource_id": "logs"}
    assert list(scope_problems(**fine)) == []
    check_scope(**fine)
    listed = list(scope_problems(resource_id="x" * 769, tag_value="y" * 257))
    assert [place for place, _ in listed] == [
        ("resource_id",),
        ("tag_value",),
        ("resource_id",),
        ("tag_value",),
    ]
    with pytest.raises(ConstructArgumentError, match="resource_id must be 1 to 768 characters"):
        check_scope(resource_id="x" * 769, tag_value="y" * 257)


def test_a_scope_has_at_most_100_types() -> None:
    types = [f"AWS::S3::Bucket{number}" for number in range(101)]
    assert list(scope_problems(resource_types=types[:100])) == []
    (((place, message)),) = scope_problems(resource_types=types)
    assert place == ("resource_types",)
    assert message.startswith("allowed: at most 100 types, not 101; got ['AWS::S3::Bucket0', ")


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        (NUMBER, [90, "90", "-1", 0]),
        (FRACTION, [1, 0.5, "0.5", "1e3", 1e30]),
        (SWITCH, [True, False, "true", "False"]),
        (WORDED_SWITCH, [True, "true"]),
        (TEXT, ["90", "x"]),
        (LIST, [["a", "b"], ["a", 1], "a,b", "a", 22]),
        (PAIRS, ["key:value,other"]),
    ],
)
def test_values_of_the_documented_type_are_taken(parameter: Parameter, values: list[Any]) -> None:
    assert [value for value in values if not parameter.takes(value)] == []


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        (NUMBER, [True, 5.0, "5.0", "", "x", None, [5], {}, "1" * 19]),
        (FRACTION, [False, "x", float("nan"), float("inf"), "nan", [0.5]]),
        (SWITCH, [1, "yes", "", ["true"]]),
        (WORDED_SWITCH, ["x", 1]),
        (TEXT, [90, 1.5, True, "", None, ["x"], {"a": "b"}]),
        (LIST, [[], [""], ["a,b"], [1.10], [True], [["a"]], [None], True, 1.5, "", None, {"a": 1}]),
        (PAIRS, [{"key": "value"}, ["key:value"], 1]),
    ],
)
def test_values_of_another_type_are_not(parameter: Parameter, values: list[Any]) -> None:
    assert [value for value in values if parameter.takes(value)] == []
    assert parameter.allowed.split()[0] in ("a", "true")


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (NUMBER, "90", 90),
        (NUMBER, "ninety", "ninety"),
        (FRACTION, "0.5", "0.5"),
        (WORDED_SWITCH, "True", True),
        (SWITCH, "false", False),
        (LIST, "ERROR,INFO", ["ERROR", "INFO"]),
        (LIST, "ERROR, INFO", "ERROR, INFO"),
        (LIST, "ERROR,", "ERROR,"),
        (LIST, "ERROR", "ERROR"),
        (TEXT, "90", "90"),
    ],
)
def test_strings_of_aws_config_become_what_people_write(
    parameter: Parameter, text: str, value: Any
) -> None:
    assert parameter.plain(text) == value


def test_aws_config_gets_strings() -> None:
    rule = ManagedRule(
        name="new",
        identifier="NEW",
        allow_unknown=True,
        input_parameters={"d": 0.5, "c": ["x", 22], "b": True, "a": 90, "e": "text"},
    )
    assert rule.input_parameters_json == '{"a":"90","b":"true","c":"x,22","d":"0.5","e":"text"}'
    assert ManagedRule(name="tls", identifier=CHANGE).input_parameters_json is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "name must be 1 to 64 characters long; received ''"),
        ({"description": "x" * 257}, "description must be 1 to 256 characters long"),
        (
            {"identifier": "S3_BUCKET_SSL_REQUEST_ONLY"},
            rf"identifier must be {NEWER} \(nearest: {CHANGE}\); received 'S3_BUCKET_SSL_REQUEST_",
        ),
        (
            {"identifier": BOTH, "input_parameters": {"blockedPort1": "ssh"}},
            r"input_parameters\['blockedPort1'\] must be a whole number; received 'ssh'",
        ),
        (
            {"resource_types": ["AWS::S3::Buckets"]},
            rf"resource_types\[0\] must be AWS::S3::Bucket, which {CHANGE} judges \(nearest",
        ),
        ({"resource_id": "x"}, "resource_id must be nothing, where resource_types is not exactly"),
        ({"maximum_execution_frequency": "One_Hour"}, "must be nothing, for S3_BUCKET_SSL_REQ"),
        ({"evaluation_modes": ["PROACTIVE"]}, r"evaluation_modes\[0\] must be DETECTIVE, for S3"),
    ],
)
def test_a_managed_rule_that_cannot_work_is_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConstructArgumentError, match=message):
        ManagedRule(**{"name": "tls", "identifier": CHANGE, **arguments})


def test_a_description_of_256_characters_is_taken() -> None:
    assert ManagedRule(name="tls", identifier=CHANGE, description="x" * 256)


def test_what_terraform_will_know_passes() -> None:
    later = Token.as_string(Token.as_any("later"))
    rule = ManagedRule(name="ports", identifier=BOTH, input_parameters={"blockedPort1": later})
    assert rule.input_parameters["blockedPort1"] == later


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text()
    | st.sampled_from(["true", "90", "a,b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    sorted({each.name for name in managed_rules.identifiers() for each in _facts(name).parameters})
)


@given(
    identifier=st.sampled_from(managed_rules.identifiers()) | st.text(),
    input_parameters=JSON | st.dictionaries(NAMES | st.text(), JSON, max_size=4),
    allow_unknown=st.booleans(),
)
def test_any_json_gives_problems_or_a_rule(
    identifier: str,
    input_parameters: Any,
    allow_unknown: bool,
) -> None:
    given = {
        "identifier": identifier,
        "input_parameters": input_parameters,
        "allow_unknown": allow_unknown,
    }
    # Nothing is what settings have without parameters.
    expected = list(problems(**given))
    if expected or input_parameters is None:
        return
    rule = ManagedRule(name="any", **given)
    written = json.loads(rule.input_parameters_json or "{}")
    assert set(written) == set(input_parameters)
    assert all(isinstance(value, str) and value for value in written.values())


@given(parameters=st.dictionaries(NAMES, JSON, min_size=1, max_size=2))
def test_any_json_that_has_problems_is_refused(parameters: dict[str, Any]) -> None:
    if list(problems(identifier=TAGS, input_parameters=parameters)):
        with pytest.raises(ConstructArgumentError):
            ManagedRule(name="any", identifier=TAGS, input_parameters=parameters)
    else:
        assert ManagedRule(name="any", identifier=TAGS, input_parameters=parameters)
