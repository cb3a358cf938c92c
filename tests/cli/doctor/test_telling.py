"""What was found, as people and machines read it."""

from collections.abc import Iterator

import pytest

from assay_cli.doctor.check import Finding, Level, check, could_not_look, error, ok, warning
from assay_cli.doctor.examination import Examination, Section
from assay_cli.doctor.identity import Identity
from assay_cli.doctor.telling import as_json, tell

PRINCIPAL = "arn:aws:iam::123456789012:user/you"


@check(
    name="recorder",
    what="the recorder is the environment's own",
    why="AWS allows one recorder for each account and region, and another one is refused.",
    remedy="recorder: {mode: existing, name: ...}",
)
def recorder(findings: list[Finding]) -> Iterator[Finding]:
    """Finds what it is given."""
    yield from findings


@check(name="rules", what="there is room for rules", why="Quotas.", remedy="fewer rules")
def rules(findings: list[Finding]) -> Iterator[Finding]:
    """Finds what it is given."""
    yield from findings


@pytest.fixture
def examination() -> Examination:
    """One that has found something of each level."""
    machine = Section("this machine")
    machine.run([recorder], [ok("one"), ok("another")])
    machine.run([rules], [ok("enough")])
    dev = Section("dev, us-east-1", "dev", "us-east-1")
    denied = Finding(
        Level.COULD_NOT_LOOK,
        "the credentials lack config:DescribeConfigRules",
        "allow config:DescribeConfigRules",
        ("config:DescribeConfigRules",),
    )
    dev.run([rules], [denied, could_not_look("nobody knows")])
    dev.run([rules], [warning("nearly full"), warning("fuller"), warning("apart", "delete")])
    dev.run([rules], [ok("enough")])
    taken = "recorder default is there, so that assay-dev cannot be made here by anybody at all"
    dev.run([recorder], [error(taken, "recorder: {mode: existing, name: default}")])
    return Examination(Identity("123456789012", PRINCIPAL), [machine, dev])


def lines(examination: Examination, width: int | None, *, everything: bool = False) -> str:
    said: list[str] = []
    tell(examination, said.append, width=width, everything=everything)
    return "\n".join(said)


def test_what_is_wrong_is_told_with_reason_and_remedy_the_worst_first(
    examination: Examination,
) -> None:
    assert lines(examination, 60) == (
        """\
this machine
  ok: recorder, rules

dev, us-east-1
  error: recorder
    recorder default is there, so that assay-dev cannot be
      made here by anybody at all
    why:  AWS allows one recorder for each account and
          region, and another one is refused.
    mend: recorder: {mode: existing, name: default}
  warning: rules
    nearly full
    fuller
    why:  Quotas.
    mend: fewer rules
  warning: rules
    apart
    why:  Quotas.
    mend: delete
  could not look: rules
    the credentials lack config:DescribeConfigRules
    why:  Quotas.
    mend: allow config:DescribeConfigRules
  could not look: rules
    nobody knows
    why:  Quotas.
  ok: rules

errors: 1, warnings: 3, could not look: 2, ok: 4"""
    )


def test_without_a_terminal_no_line_is_broken(examination: Examination) -> None:
    told = lines(examination, None)
    assert "cannot be made here by anybody at all\n" in told
    assert "    why:  AWS allows one recorder for each account and region, and another" in told


def test_what_is_well_is_told_in_full_on_demand(examination: Examination) -> None:
    told = lines(examination, 60, everything=True)
    assert told.startswith(
        "this machine\n  ok: recorder: one\n  ok: recorder: another\n  ok: rules: enough\n\n"
    )
    assert "  ok: rules: enough\n\nerrors: 1" in told


def test_machines_get_everything(examination: Examination) -> None:
    found = as_json(examination, strict=False)
    rule = {"check": "rules", "what": "there is room for rules", "why": "Quotas."}
    own = {
        "check": "recorder",
        "what": "the recorder is the environment's own",
        "why": "AWS allows one recorder for each account and region, and another one is refused.",
    }
    none: dict[str, object] = {"missing_actions": []}
    assert found == {
        "schema_version": 1,
        "account_id": "123456789012",
        "principal": PRINCIPAL,
        "sections": [
            {
                "title": "this machine",
                "environment": None,
                "region": None,
                "findings": [
                    {**own, **none, "level": "ok", "message": "one", "remedy": None},
                    {**own, **none, "level": "ok", "message": "another", "remedy": None},
                    {**rule, **none, "level": "ok", "message": "enough", "remedy": None},
                ],
            },
            {
                "title": "dev, us-east-1",
                "environment": "dev",
                "region": "us-east-1",
                "findings": [
                    {
                        **rule,
                        "level": "could_not_look",
                        "message": "the credentials lack config:DescribeConfigRules",
                        "remedy": "allow config:DescribeConfigRules",
                        "missing_actions": ["config:DescribeConfigRules"],
                    },
                    {
                        **rule,
                        **none,
                        "level": "could_not_look",
                        "message": "nobody knows",
                        "remedy": None,
                    },
                    {
                        **rule,
                        **none,
                        "level": "warning",
                        "message": "nearly full",
                        "remedy": "fewer rules",
                    },
                    {
                        **rule,
                        **none,
                        "level": "warning",
                        "message": "fuller",
                        "remedy": "fewer rules",
                    },
                    {**rule, **none, "level": "warning", "message": "apart", "remedy": "delete"},
                    {**rule, **none, "level": "ok", "message": "enough", "remedy": None},
                    {
                        **own,
                        **none,
                        "level": "error",
                        "message": "recorder default is there, so that assay-dev cannot be made "
                        "here by anybody at all",
                        "remedy": "recorder: {mode: existing, name: default}",
                    },
                ],
            },
        ],
        "counts": {"ok": 4, "could_not_look": 2, "warning": 3, "error": 1},
        "exit_code": 1,
    }


def test_without_an_identity_machines_get_null() -> None:
    found = as_json(Examination(Identity(problem="none"), []), strict=True)
    assert (found["account_id"], found["principal"], found["exit_code"]) == (None, None, 0)
