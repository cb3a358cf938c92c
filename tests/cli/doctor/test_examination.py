"""What is looked at, for settings, without them, and where the credentials do not lead."""

from collections.abc import Callable, Iterator, Sequence

import boto3
import pytest
from botocore.exceptions import ProfileNotFound

from assay_cli.doctor.check import Finding, check, could_not_look, error, ok, warning
from assay_cli.doctor.examination import Examination, Result, Section, examine
from assay_cli.doctor.identity import Identity
from assay_cli.doctor.state import Project
from assay_constructs.settings import Settings

ACCOUNT_ID = "123456789012"
Examine = Callable[..., Examination]
Told = list[tuple[str, str, str]]


@pytest.fixture
def run(
    project: Project,
    session: boto3.Session,
    stub: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Examine:
    """Looks at everything, on a machine without programs, with all actions allowed."""
    monkeypatch.setenv("PATH", "")
    allowed = [{"EvalActionName": "any", "EvalDecision": "allowed"}]
    stub("iam.SimulatePrincipalPolicy", {"EvaluationResults": allowed, "IsTruncated": False})

    def examined(
        environments: dict[str, Settings] | None = None,
        *,
        make_session: Callable[[], boto3.Session] = lambda: session,
        wanted: str | None = None,
        mistakes: Sequence[str] = (),
    ) -> Examination:
        return examine(
            project,
            environments or {},
            wanted=wanted,
            mistakes=mistakes,
            make_session=make_session,
        )

    return examined


def told(section: Section) -> Told:
    return [(each.check.name, each.finding.level, each.finding.message) for each in section.results]


def names(section: Section) -> list[str]:
    return list(dict.fromkeys(each.check.name for each in section.results))


def titles(examination: Examination) -> list[str]:
    return [each.title for each in examination.sections]


MACHINE: Told = [
    ("terraform", "error", "there is no terraform on the PATH"),
    ("node", "error", "there is no node on the PATH"),
    ("cdktf", "warning", "there is no CDKTF CLI, neither in node_modules nor on the PATH"),
]
PLACE = ["service-linked-role", "rule-quota"]


def test_an_empty_account_is_ready_for_an_environment(
    run: Examine, make_settings: Callable[..., Settings]
) -> None:
    found = run({"dev": make_settings(provider_version="6.25.0")})
    assert titles(found) == ["this machine", "credentials", "dev, us-east-1"]
    machine, reached, dev = found.sections
    assert told(machine) == MACHINE
    assert names(reached) == ["credentials"]
    assert (dev.environment, dev.region) == ("dev", "us-east-1")
    assert [each for each in told(dev) if each[0] != "provider" and each[1] != "ok"] == []
    assert names(dev) == [
        "settings",
        "provider",
        "backend",
        "recorder-types",
        "account",
        "region",
        "permissions",
        "state",
        "recorder",
        *PLACE,
        "rule-names",
        "bucket-names",
        "names",
    ]


def test_without_settings_account_and_region_of_the_shell_are_looked_at(
    run: Examine, put_recorder: Callable[..., None]
) -> None:
    put_recorder(channel=False)
    found = run()
    assert titles(found) == ["this machine", "credentials", f"account {ACCOUNT_ID}, us-east-1"]
    assert (found.sections[-1].environment, found.sections[-1].region) == (None, "us-east-1")
    assert names(found.sections[-1]) == [
        "recorder-status",
        "recorder-role",
        "service-linked-role",
        "delivery-channel",
        "rule-quota",
    ]


def test_without_settings_and_region_there_is_nothing_to_look_at(run: Examine) -> None:
    without = boto3.Session(aws_access_key_id="any", aws_secret_access_key="any")
    found = run(make_session=lambda: without)
    assert titles(found)[-1] == f"account {ACCOUNT_ID}, no region"
    assert told(found.sections[-1]) == [
        ("place", "could_not_look", "there are neither settings nor a region in the shell")
    ]


def test_mistakes_in_settings_are_told_and_the_account_is_looked_at(run: Examine) -> None:
    found = run(mistakes=["dev.yaml:1: wrong", "dev.yaml:2: wrong"])
    assert titles(found)[2:] == ["settings", f"account {ACCOUNT_ID}, us-east-1"]
    assert told(found.sections[2]) == [
        ("settings", "error", "dev.yaml:1: wrong"),
        ("settings", "error", "dev.yaml:2: wrong"),
    ]


def test_settings_that_cannot_be_synthesized_are_told(
    run: Examine, make_settings: Callable[..., Settings]
) -> None:
    # Only the stack's own arguments are longer than what the settings allow of each.
    recorder = {"mode": "create", "name": "x" * 256}
    settings = make_settings(recorder=recorder)
    object.__setattr__(settings.recorder, "name", "x" * 257)
    found = run({"dev": settings})
    (problem, *_) = told(found.sections[2])
    assert problem[:2] == ("settings", "error")
    assert problem[2].startswith("name must be 1 to 256 characters long; received 'xxx")
    assert names(found.sections[2]) == ["settings", "provider", "backend", "recorder-types"]


def test_a_synthesis_that_fails_in_any_other_way_is_told(
    run: Examine, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Node.js has ended")

    monkeypatch.setattr("assay_constructs.stack.ComplianceStack", broken)
    (problem, *_) = told(run({"dev": make_settings()}).sections[2])
    assert problem == (
        "settings",
        "error",
        "synthesis fails unexpectedly: RuntimeError: Node.js has ended",
    )


def fail() -> boto3.Session:
    raise ProfileNotFound(profile="gone")


def test_without_credentials_only_what_is_here_is_looked_at(
    run: Examine, make_settings: Callable[..., Settings]
) -> None:
    found = run({"dev": make_settings()}, make_session=fail)
    assert told(found.sections[1]) == [
        ("credentials", "error", "The config profile (gone) could not be found")
    ]
    assert found.identity.account_id == ""
    assert names(found.sections[2]) == ["settings", "provider", "backend", "recorder-types"]
    assert titles(run(make_session=fail)) == ["this machine", "credentials"]


def test_expired_credentials_lead_nowhere(run: Examine, stub: Callable[..., None]) -> None:
    stub("sts.GetCallerIdentity", code="ExpiredToken")
    found = run()
    assert titles(found) == ["this machine", "credentials"]
    assert told(found.sections[1]) == [("credentials", "error", "the credentials have expired")]


def test_of_several_environments_those_of_other_accounts_are_passed_over(
    run: Examine, make_settings: Callable[..., Settings]
) -> None:
    environments = {
        "dev": make_settings(account_id=ACCOUNT_ID),
        "production": make_settings(account_id="210987654321"),
    }
    found = run(environments)
    assert titles(found)[2:] == ["dev, us-east-1", "production, us-east-1"]
    assert told(found.sections[3])[-1] == (
        "account",
        "could_not_look",
        f"the settings are for account 210987654321, and the credentials of {ACCOUNT_ID}",
    )
    assert names(found.sections[2])[-1] == "names"


def test_a_wanted_environment_of_another_account_is_an_error(
    run: Examine, make_settings: Callable[..., Settings]
) -> None:
    environments = {
        "dev": make_settings(account_id=ACCOUNT_ID),
        "production": make_settings(account_id="210987654321"),
    }
    found = run(environments, wanted="production")
    assert titles(found)[2:] == ["production, us-east-1"]
    assert told(found.sections[2])[-1][:2] == ("account", "error")


def test_a_region_that_is_not_there_ends_the_look_at_an_environment(
    run: Examine, make_settings: Callable[..., Settings]
) -> None:
    found = run({"dev": make_settings(region="xx-nowhere-1")})
    assert told(found.sections[2])[-1] == (
        "region",
        "error",
        "there is no region xx-nowhere-1 in partition aws",
    )


def test_an_environment_knows_the_others(
    run: Examine, make_settings: Callable[..., Settings]
) -> None:
    environments = {
        "dev": make_settings(),
        "staging": make_settings(
            environment_suffix="staging", recorder={"mode": "existing", "name": "assay-dev"}
        ),
    }
    assert (
        "recorder",
        "warning",
        "there is no recorder assay-dev yet; environment dev makes it",
    ) in told(run(environments, wanted="staging").sections[2])


@check(name="any", what="what", why="why", remedy="remedy")
def example(findings: list[Finding]) -> Iterator[Finding]:
    """Finds what it is given."""
    yield from findings


@pytest.mark.parametrize(
    ("findings", "code", "strict"),
    [
        ([], 0, 0),
        ([ok("m")], 0, 0),
        ([ok("m"), warning("m")], 0, 1),
        ([could_not_look("m")], 0, 1),
        ([error("m"), ok("m"), error("m")], 1, 1),
    ],
)
def test_errors_end_with_1_and_strictly_everything_but_well(
    findings: list[Finding], code: int, strict: int
) -> None:
    section = Section("any")
    section.run([example], findings)
    assert section.results == [Result(example, each) for each in findings]
    found = Examination(Identity(), [section])
    assert (found.exit_code(strict=False), found.exit_code(strict=True)) == (code, strict)


def test_findings_are_counted_by_level() -> None:
    section = Section("any")
    assert section.run([example], [ok("m"), warning("m"), ok("m")])
    assert not section.run([example], [error("m")])
    assert Examination(Identity(), [section]).counts() == {
        "ok": 2,
        "could_not_look": 0,
        "warning": 1,
        "error": 1,
    }
