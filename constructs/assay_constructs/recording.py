"""What a configuration recorder records and how often, and which of it AWS Config refuses."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from assay_constructs import managed_rules
from assay_constructs.conformance_template import ConformanceTemplate

RecordingFrequency = Literal["CONTINUOUS", "DAILY"]

# Every region that records them makes the same configuration items again, each of them billed.
# https://docs.aws.amazon.com/config/latest/developerguide/select-resources.html
GLOBAL_RESOURCE_TYPES = (
    "AWS::IAM::Group",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::IAM::User",
)
# Where AWS Config came after February 2022: there it records no global types.
# https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingGroup.html
_WITHOUT_GLOBAL_RESOURCE_TYPES = (
    *("ap-east-2", "ap-south-2", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6"),
    *("ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-2", "il-central-1"),
    *("me-central-1", "mx-central-1"),
)
# https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingMode.html
_NEVER_DAILY = (
    "AWS::Config::ConfigurationRecorder",
    "AWS::Config::ConformancePackCompliance",
    "AWS::Config::ResourceCompliance",
)
# They change with everything else, and so make most of what AWS bills.
COSTLY_RESOURCE_TYPES = ("AWS::Config::ResourceCompliance", "AWS::EC2::NetworkInterface")


def records_global_resource_types(region: str) -> bool:
    """Whether AWS Config can record the global types of IAM in a region."""
    return region not in _WITHOUT_GLOBAL_RESOURCE_TYPES


@dataclass(frozen=True)
class Problem:
    """What AWS Config would refuse, or take and not do.

    Attributes:
        argument: The argument, by its name in ``Recording``.
        allowed: What it may be.
        received: What it was.
        index: Which item of the argument, where it is about one.
    """

    argument: str
    allowed: str
    received: object
    index: int | None = None


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a recorder records: named types, all but named types, or all that AWS Config supports.

    Args:
        resource_types: Types to record.
        exclude_resource_types: Records all types but these, and the global ones where they are
            not among these.
        all_supported: Records all types but the global ones.
        include_global_resource_types: Records those, too.
        recording_frequency: How often changes are recorded.
        override_resource_types: Types that are recorded at another frequency.
        override_recording_frequency: That frequency.
        override_description: Why it is so, at most 256 characters.

    Source: https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingGroup.html and
    https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingMode.html
    """

    resource_types: Sequence[str] = ()
    exclude_resource_types: Sequence[str] = ()
    all_supported: bool = False
    include_global_resource_types: bool = False
    recording_frequency: RecordingFrequency = "CONTINUOUS"
    override_resource_types: Sequence[str] = ()
    override_recording_frequency: RecordingFrequency | None = None
    override_description: str | None = None

    def records(self, resource_type: str) -> bool:
        """Whether a type is recorded."""
        if self.all_supported:
            is_global = resource_type in GLOBAL_RESOURCE_TYPES
            return self.include_global_resource_types or not is_global
        if self.exclude_resource_types:
            return resource_type not in self.exclude_resource_types
        return resource_type in self.resource_types

    def global_resource_types(self) -> tuple[str, ...]:
        """The global types of IAM that are recorded."""
        return tuple(each for each in GLOBAL_RESOURCE_TYPES if self.records(each))

    def costly_resource_types(self) -> tuple[str, ...]:
        """The types that are recorded although nobody named them, and make most of the bill."""
        named = (*self.resource_types, *self.override_resource_types)
        return tuple(
            each for each in COSTLY_RESOURCE_TYPES if self.records(each) and each not in named
        )

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong."""
        given = {
            "resource_types": self.resource_types,
            "exclude_resource_types": self.exclude_resource_types,
            "all_supported": self.all_supported,
        }
        chosen = [name for name, value in given.items() if value]
        if not chosen:
            yield Problem("resource_types", "at least one type", self.resource_types)
        for name in chosen[1:]:
            yield Problem(name, f"left out beside {chosen[0]}", given[name])
        if self.include_global_resource_types and not self.all_supported:
            allowed = (
                "false without all_supported, the only thing that it extends: types of IAM are "
                "recorded when resource_types names them, or exclude_resource_types does not"
            )
            yield Problem("include_global_resource_types", allowed, received=True)
        if self.recording_frequency == "DAILY":
            for index, each in enumerate(self.resource_types):
                if each in _NEVER_DAILY and each not in self.override_resource_types:
                    allowed = "types that can be recorded DAILY, or an override as CONTINUOUS"
                    yield Problem("resource_types", allowed, each, index)
        yield from self._override_problems()

    def _override_problems(self) -> Iterator[Problem]:
        frequency = self.override_recording_frequency
        if bool(self.override_resource_types) != bool(frequency):
            allowed = "given together with override_recording_frequency, or left out like it"
            yield Problem("override_resource_types", allowed, self.override_resource_types)
            return
        if frequency == self.recording_frequency:
            allowed = f"another frequency than {self.recording_frequency}, which holds anyway"
            yield Problem("override_recording_frequency", allowed, frequency)
        for index, each in enumerate(self.override_resource_types):
            if each in self.override_resource_types[:index]:
                yield Problem("override_resource_types", "each type once", each, index)
            elif not self.records(each):
                yield Problem("override_resource_types", "types that are recorded", each, index)
            elif frequency == "DAILY" and each in _NEVER_DAILY:
                allowed = "types that can be recorded DAILY"
                yield Problem("override_resource_types", allowed, each, index)


@dataclass(frozen=True)
class Judged:
    """The types that a rule judges when they change.

    Attributes:
        rule: The rule.
        resource_types: The types; none for a rule that does not run on changes, and where only
            AWS knows.
        named: Whether somebody named these very types, so that each of them must be recorded; one
            of them is enough where AWS documents what a rule can judge.
    """

    rule: str
    resource_types: tuple[str, ...]
    named: bool = True

    def missing(self, recording: Recording) -> tuple[str, ...]:
        """The types that must be recorded, or of which one must be, and that are not."""
        types = tuple(each for each in self.resource_types if not recording.records(each))
        return types if self.named or types == self.resource_types else ()

    def needed(self, recording: Recording) -> str:
        """The missing types in words."""
        return (" and " if self.named else " or ").join(self.missing(recording))


def judged(
    *,
    functions: Iterable[tuple[str, str, Sequence[str] | None]],
    managed: Iterable[tuple[str, str, Sequence[str]]],
    guard: Iterable[tuple[str, Sequence[str]]],
    packs: Iterable[tuple[str, ConformanceTemplate | None]],
) -> tuple[Judged, ...]:
    """The types that must be recorded, so that each rule hears of changes.

    Args:
        functions: Rules that functions judge by: name, type, what AWS Config triggers them on.
        managed: Managed rules: name, identifier, types in scope.
        guard: Custom policy rules: name, types in scope.
        packs: Conformance packs: name, template where it is known.
    """
    return (
        *(
            # What runs periodically asks the services themselves.
            Judged(name, (kind,) if "change" in (triggers or ("change",)) else ())
            for name, kind, triggers in functions
        ),
        *(_by_managed_rule(*each) for each in managed),
        *(Judged(name, tuple(types)) for name, types in guard),
        *(
            _by_managed_rule(f"{rule.name} of pack {name}", rule.identifier, rule.resource_types)
            for name, template in packs
            for rule in (template.rules if template else ())
        ),
    )


def _by_managed_rule(name: str, identifier: str, resource_types: Sequence[str]) -> Judged:
    facts = managed_rules.facts(identifier)
    if facts is not None and facts.trigger == "periodic":
        return Judged(name, ())
    if resource_types or facts is None:
        return Judged(name, tuple(resource_types))
    return Judged(name, facts.resource_types, named=False)


def types_to_record(rules: Iterable[Judged]) -> tuple[str, ...]:
    """All types that rules judge on changes, sorted."""
    return tuple(sorted({each for rule in rules for each in rule.resource_types}))
