"""What a check is, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from botocore.exceptions import ClientError

from assay_cli.doctor.aws import CouldNotLookError

Subject = TypeVar("Subject", contravariant=True)  # noqa: PLC0105 - no more than a type variable


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    COULD_NOT_LOOK = "could_not_look"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """What a check has found.

    Attributes:
        level: How bad it is.
        message: What there is.
        remedy: The setting or command that mends it; without one, the check's own mends errors
            and warnings.
        missing_actions: IAM actions that looking takes and the credentials lack.
    """

    level: Level
    message: str
    remedy: str | None = None
    missing_actions: tuple[str, ...] = ()


Look = Callable[[Subject], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class Check(Generic[Subject]):
    """One thing that is looked at.

    Attributes:
        name: Its name.
        what: What should be so.
        why: Why it matters.
        remedy: The setting or command that mends it.
        actions: IAM actions that looking takes.
        look: Looks; nothing is found where the check does not apply.
    """

    name: str
    what: str
    why: str
    remedy: str
    actions: tuple[str, ...]
    look: Look[Subject]

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Look, and say so where that is not possible."""
        try:
            yield from self.look(subject)
        except CouldNotLookError as error:
            allow = f"allow {', '.join(error.actions)}" if error.actions else None
            yield Finding(Level.COULD_NOT_LOOK, str(error), allow, error.actions)
        except ClientError as error:
            yield Finding(Level.COULD_NOT_LOOK, _answer(error))
        except Exception as error:  # noqa: BLE001 - the other checks still have something to say
            why = f"{type(error).__name__}: {error}"
            yield Finding(Level.COULD_NOT_LOOK, f"looking failed unexpectedly: {why}")


def check(
    *, name: str, what: str, why: str, remedy: str, actions: tuple[str, ...] = ()
) -> Callable[[Look[Subject]], Check[Subject]]:
    """Make a check of the function that looks; the arguments are the check's attributes."""

    def make(look: Look[Subject]) -> Check[Subject]:
        return Check(name=name, what=what, why=why, remedy=remedy, actions=actions, look=look)

    return make


def ok(message: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, message)


def warning(message: str, remedy: str | None = None) -> Finding:
    """Something works less well than one may think."""
    return Finding(Level.WARNING, message, remedy)


def error(message: str, remedy: str | None = None) -> Finding:
    """A deployment would fail or do harm, or what is deployed does not work."""
    return Finding(Level.ERROR, message, remedy)


def could_not_look(message: str, remedy: str | None = None) -> Finding:
    """It is not known."""
    return Finding(Level.COULD_NOT_LOOK, message, remedy)


def _answer(refused: ClientError) -> str:
    told = refused.response["Error"]
    message = told.get("Message", "")
    # A proxy's page would say less with more words.
    why = f": {message}" if message and not message.startswith("<") else ""
    return f"AWS answered {told['Code']} to {refused.operation_name}{why}"
