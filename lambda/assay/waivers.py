"""Waivers: violations that somebody answers for, up to a day."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# How long before its end a waiver is warned of.
WARNING = timedelta(days=14)

_STRING_FIELDS = ("rule_name", "resource", "owner", "reason")


@dataclass(frozen=True)
class Waiver:
    """One rule's violations by some resources, which count as waived until it expires.

    Attributes:
        rule_name: The rule.
        resource: A pattern of ARNs, in which `*` stands for any characters and `?` for any one.
        owner: Who answers for it.
        reason: Why.
        expires: Its last day, in UTC.
    """

    rule_name: str
    resource: str
    owner: str
    reason: str
    expires: date
    _matches: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = {"*": ".*", "?": "."}
        pattern = "".join(parts.get(each) or re.escape(each) for each in self.resource)
        object.__setattr__(self, "_matches", re.compile(pattern, re.DOTALL))

    @property
    def waiver_id(self) -> str:
        """Names it; the same when its owner, reason or end changes."""
        named = f"{self.rule_name}\n{self.resource}".encode()
        return blake2b(named, digest_size=4).hexdigest()

    def matches(self, resource_id: str) -> bool:
        """Tells whether the pattern matches an ARN from end to end."""
        return self._matches.fullmatch(resource_id) is not None

    def status(self, now: datetime) -> Literal["active", "expiring", "expired"]:
        """Tells whether it holds, and whether its end is near."""
        today = now.astimezone(UTC).date()
        if today > self.expires:
            return "expired"
        return "expiring" if self.expires - today < WARNING else "active"

    def to_json(self) -> dict[str, str]:
        """Returns what `Waivers.read` reads."""
        values = {name: getattr(self, name) for name in _STRING_FIELDS}
        return {**values, "expires": self.expires.isoformat()}


class Waivers:
    """The waivers of a deployment.

    Attributes:
        all: All of them, sorted by rule and pattern.
    """

    def __init__(self, waivers: Iterable[Waiver] = ()) -> None:
        self.all: Sequence[Waiver] = sorted(
            waivers, key=lambda each: (each.rule_name, each.resource)
        )
        # Of several for one resource the one that holds longest counts.
        self._by_rule: dict[str, list[Waiver]] = {}
        for waiver in sorted(self.all, key=lambda each: each.expires, reverse=True):
            self._by_rule.setdefault(waiver.rule_name, []).append(waiver)

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads a JSON list of waivers.

        Raises:
            ValueError: It is none.
        """
        given = json.loads(text)
        if not isinstance(given, list):
            raise ValueError(f"must be a list, got {given!r}")  # noqa: TRY004 - it is the text that is wrong
        return cls(map(_waiver, given))

    def find(self, rule_name: str, resource_id: str) -> Waiver | None:
        """Returns the waiver for a resource, expired or not, None when there is none."""
        for waiver in self._by_rule.get(rule_name, ()):
            if waiver.matches(resource_id):
                return waiver
        return None

    def cover(self, rule_name: str, resource_id: str, now: datetime) -> bool:
        """Tells whether a violation is waived."""
        waiver = self.find(rule_name, resource_id)
        return waiver is not None and waiver.status(now) != "expired"


def _waiver(given: Any) -> Waiver:
    fields = {*_STRING_FIELDS, "expires"}
    if not isinstance(given, dict) or set(given) != fields:
        raise ValueError(f"must be objects with {', '.join(sorted(fields))}, got {given!r}")
    if not all(isinstance(value, str) for value in given.values()):
        raise ValueError(f"must have strings only, got {given!r}")
    return Waiver(**{**given, "expires": date.fromisoformat(given["expires"])})
