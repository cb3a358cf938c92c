"""What every rule must keep to, and how rules are found."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import rules
from assay.aws import Aws
from assay.rule import AnyRule, Severity
from assay.rules.ec2_tag_compliance import Ec2TagCompliance

AWS = Aws(partition="aws", region="us-east-1", account_id="123456789012")
CONSOLES = [
    ("aws", "us-east-1", "us-east-1.console.aws.amazon.com"),
    ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
    ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
]
ALL = [rules.load(name) for name in rules.names()]
BY_NAME = [pytest.param(rule, id=rule.name) for rule in ALL]


def test_rules_are_the_files_present() -> None:
    folder = Path(rules.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert rules.names() == tuple(sorted(file.replace("_", "-") for file in files))
    assert {"ec2-tag-compliance", "rds-backup-compliance", "s3-encryption-compliance"} <= set(
        rules.names()
    )


def test_loading_a_rule_imports_no_other() -> None:
    program = (
        "import sys; from assay import rules; rules.load('ec2-tag-compliance');"
        "print([name for name in sys.modules if name.startswith('assay.rules.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "['assay.rules.ec2_tag_compliance']"


def test_an_unknown_rule_is_refused_with_the_nearest_name() -> None:
    message = "got 's3-encription'; did you mean s3-encryption-compliance?"
    with pytest.raises(rules.UnknownRuleError, match=re.escape(message)):
        rules.load("s3-encription")


@pytest.mark.parametrize("rule", BY_NAME)
def test_a_rule_is_named_as_its_file(rule: type[AnyRule]) -> None:
    assert rule.__module__ == f"assay.rules.{rule.name.replace('-', '_')}"
    assert rules.load(rule.name) is rule


@pytest.mark.parametrize("rule", BY_NAME)
def test_a_reference_leads_back_to_its_rule(rule: type[AnyRule]) -> None:
    assert rule.reference() == f"{rule.__module__}:{rule.__name__}"
    assert rules.load_reference(rule.reference()) is rule


def test_a_reference_says_where_a_rule_lies() -> None:
    reference = "assay.rules.ec2_tag_compliance:Ec2TagCompliance"
    assert Ec2TagCompliance.reference() == reference
    assert rules.load_reference(reference) is Ec2TagCompliance


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("assay.rules.nothing:Nothing", "No module named 'assay.rules.nothing'"),
        (
            "assay.rules.ec2_tag_compliance:Nothing",
            "module 'assay.rules.ec2_tag_compliance' has no attribute 'Nothing'",
        ),
        (
            "assay.rules.ec2_tag_compliance",
            "module 'assay.rules.ec2_tag_compliance' has no attribute ''",
        ),
        (":Ec2TagCompliance", "Empty module name"),
        (
            ".rules:Ec2TagCompliance",
            "the 'package' argument is required to perform a relative import for '.rules'",
        ),
    ],
)
def test_a_reference_to_nothing_is_refused(reference: str, reason: str) -> None:
    with pytest.raises(rules.UnknownRuleError) as caught:
        rules.load_reference(reference)
    assert str(caught.value) == (
        "rule class: must be module:Class of a rule that can be imported, "
        f"got {reference!r}: {reason}"
    )


@pytest.mark.parametrize(
    "reference", ["assay.rule:Severity", "assay.rule:ANNOTATION_LENGTH", "assay.rule:Rule"]
)
def test_a_reference_to_anything_but_a_rule_is_refused(reference: str) -> None:
    with pytest.raises(rules.UnknownRuleError) as caught:
        rules.load_reference(reference)
    assert str(caught.value) == (
        f"rule class: must be derived from Rule and define all its methods, got {reference!r}"
    )


@pytest.mark.parametrize("rule", BY_NAME)
def test_metadata_fits_aws_config(rule: type[AnyRule]) -> None:
    assert 1 <= len(rule.requirement) <= 256
    assert rule.requirement.endswith(".")
    assert rule.rationale.endswith(".")
    assert rule.severity in Severity
    assert re.fullmatch(r"AWS::\w+::\w+", rule.resource_type)
    assert rule.identified_by in {"resourceId", "resourceName", "ARN"}
    assert sum(map(len, rule.Parameters().to_input_parameters().values())) < 1024


@pytest.mark.parametrize("rule", BY_NAME)
def test_a_remedy_is_a_sentence_or_two(rule: type[AnyRule]) -> None:
    assert 1 <= len(re.findall(r"\.(?: |$)", rule.remedy)) <= 2
    assert rule.remedy.endswith(".")
    assert rule.remedy != rule.requirement


@pytest.mark.parametrize("rule", BY_NAME)
def test_permissions_name_actions_and_fill_to_arns(rule: type[AnyRule]) -> None:
    for permission in rule.permissions:
        assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action) for action in permission.actions)
        for resource in permission.resources:
            assert resource == "*" or AWS.fill(resource).startswith("arn:aws:")


@pytest.mark.parametrize("rule", BY_NAME)
@given(data=st.data())
def test_each_id_leads_to_an_arn_and_back(rule: type[AnyRule], data: st.DataObject) -> None:
    resource_id = data.draw(st.from_regex(rule.id_pattern, fullmatch=True))
    arn = rule.arn(AWS, resource_id)
    assert re.fullmatch(r"arn:aws:[a-z0-9]+:(us-east-1)?:(123456789012)?:.+", arn)
    assert rule.id_in(AWS, arn) == resource_id
    assert rule.id_in(AWS, arn.replace("aws", "aws-cn", 1)) is None


@pytest.mark.parametrize("rule", BY_NAME)
@given(data=st.data())
def test_each_resource_has_a_page_in_the_console(rule: type[AnyRule], data: st.DataObject) -> None:
    partition, region, host = data.draw(st.sampled_from(CONSOLES))
    aws = Aws(partition=partition, region=region, account_id="123456789012")
    resource_id = data.draw(st.from_regex(rule.id_pattern, fullmatch=True))
    url = rule.console_url(aws, rule.arn(aws, resource_id))
    address = urlsplit(url)
    assert (address.scheme, address.netloc) == ("https", host)
    assert not re.search(r"[{}\s]", url)
    # IAM's pages take a user's name without its path.
    assert quote(resource_id.rpartition("/")[2], safe="") in url


@pytest.mark.parametrize("rule", BY_NAME)
def test_defaults_are_those_of_the_docstring(rule: type[AnyRule]) -> None:
    assert rule.Parameters.__doc__
    documented = re.findall(r"Default: `?(.+?)`?\.\n", rule.Parameters.__doc__)
    values = vars(rule.Parameters()).values()
    words = {"all three": ("AES256", "aws:kms", "aws:kms:dsse"), "none": ()}
    assert [
        words[text] if text in words else eval(text)  # noqa: S307 - it is our own docstring
        for text in documented
    ] == list(values)
