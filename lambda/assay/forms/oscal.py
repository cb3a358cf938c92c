"""The report as OSCAL assessment results, for auditors.

See https://pages.nist.gov/OSCAL-Reference/models/v1.2.3/assessment-results/json-outline/.

Every verdict is in it, and the size stays within reason: resources of which a rule says the same at
the same time are the subjects of one observation, a rule's open violations are one risk, and so is
what a waiver covers.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from assay.forms.context import NAMESPACE, Context
from assay.forms.form import Form
from assay.forms.streaming import write_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.report import Report, ResourceReport, RuleReport, RunReport

_VERSION = "1.2.3"

# Whose names the properties have that OSCAL does not know.
_NS = f"urn:uuid:{NAMESPACE}"

_SAME = (
    "rule_name",
    "compliance_type",
    "annotation",
    "severity",
    "evaluated_at",
    "unreadable",
    "waived",
    "waiver_id",
    "change",
)


class _Observation:
    """Verdicts that say the same.

    Attributes:
        uuid: Its id.
        resources: The resources that have the verdict; at least one.
    """

    __slots__ = ("resources", "uuid")

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid
        self.resources: list[ResourceReport] = []


def write(report: Report) -> Iterator[str]:
    """Writes the report."""
    context = Context.of(report)
    observations = _observe(context)
    return write_object(
        _document(context, observations),
        {
            "inventory-items": _inventory(context),
            "observations": (
                _observation(context, observation)
                for of_rule in observations.values()
                for observation in of_rule
            ),
        }
        if any(observations.values())
        else {},
    )


def _observe(context: Context) -> dict[str, list[_Observation]]:
    """Puts verdicts together that say the same, by rule."""
    found: dict[tuple[object, ...], _Observation] = {}
    for resource in context.verdicts():
        key = tuple(getattr(resource, name) for name in _SAME)
        if key not in found:
            found[key] = _Observation(context.stable_id("observation", *key))
        found[key].resources.append(resource)
    by_rule: dict[str, list[_Observation]] = {rule_name: [] for rule_name in context.rules}
    for observation in found.values():
        by_rule.setdefault(observation.resources[0].rule_name, []).append(observation)
    return by_rule


def _document(context: Context, observations: dict[str, list[_Observation]]) -> dict[str, Any]:
    report = context.report
    plan = context.stable_id("plan")
    where = f"account {report.account_id}, {report.region}, deployment {report.environment_suffix}"
    document: dict[str, Any] = {
        "uuid": context.stable_id("document", report.generated_at),
        "metadata": {
            "title": f"Compliance of {where}",
            "last-modified": report.generated_at,
            "version": report.generated_at,
            "oscal-version": _VERSION,
        },
        "import-ap": {"href": f"#{plan}"},
        "results": [_result(context, observations, where)],
        "back-matter": {
            "resources": [
                {
                    "uuid": plan,
                    "title": "No assessment plan",
                    "description": (
                        "The assessment is continuous and follows no written plan. What is "
                        "assessed are the rules, which the local definitions hold as objectives."
                    ),
                }
            ]
        },
    }
    if report.rules:
        document["local-definitions"] = {
            "objectives-and-methods": [
                {
                    "control-id": rule.rule_name,
                    "description": rule.rationale,
                    "parts": [
                        {
                            "id": _objective(rule),
                            "name": "assessment-objective",
                            "prose": rule.requirement,
                        }
                    ],
                }
                for rule in report.rules
            ]
        }
    return {"assessment-results": document}


def _objective(rule: RuleReport) -> str:
    return f"{rule.rule_name}_obj"


def _result(
    context: Context, observations: dict[str, list[_Observation]], where: str
) -> dict[str, Any]:
    report = context.report
    counts = report.summary
    tool, platform = context.stable_id("tool"), context.stable_id("platform")
    definitions: dict[str, Any] = {
        "assessment-assets": {
            "components": [
                {
                    "uuid": tool,
                    "type": "software",
                    "title": "Assay",
                    "description": "Continuous compliance for AWS.",
                    "status": {"state": "operational"},
                }
            ],
            "assessment-platforms": [
                {"uuid": platform, "uses-components": [{"component-uuid": tool}]}
            ],
        },
    }
    controls: dict[str, Any] = {
        "control-selections": [{"description": "No rule is enabled.", "include-all": {}}]
    }
    if report.rules:
        controls = {
            "control-selections": [
                {"include-controls": [{"control-id": rule.rule_name} for rule in report.rules]}
            ],
            "control-objective-selections": [
                {
                    "include-objectives": [
                        {"objective-id": _objective(rule)} for rule in report.rules
                    ]
                }
            ],
        }
    result: dict[str, Any] = {
        "uuid": context.stable_id("result", report.generated_at),
        "title": f"Report of {report.generated_at}",
        "description": f"The latest verdict of every rule on every resource of {where}.",
        "start": min(
            (resource.evaluated_at for resource in report.resources), default=report.generated_at
        ),
        "end": report.generated_at,
        "props": _props(
            score=counts.score,
            judged=counts.judged,
            compliant=counts.compliant,
            non_compliant=counts.non_compliant,
            waived=counts.waived,
            not_applicable=counts.not_applicable,
        ),
        "local-definitions": definitions,
        "reviewed-controls": controls,
    }
    if entries := [_log_entry(context, run) for rule in report.rules for run in _runs(rule)]:
        result["assessment-log"] = {"entries": entries}
    if any(observations.values()):
        # Both are filled in when they are written.
        definitions["inventory-items"] = []
        result["observations"] = []
    risks, findings = [], []
    for rule in report.rules:
        of_rule = list(_risks(context, rule, observations[rule.rule_name]))
        risks += of_rule
        findings.append(_finding(context, rule, observations[rule.rule_name], of_rule))
    if risks:
        result["risks"] = risks
    if findings:
        result["findings"] = findings
    if report.problems:
        result["remarks"] = "\n\n".join(problem.message for problem in report.problems)
    return result


def _inventory(context: Context) -> Iterator[dict[str, Any]]:
    for resource_id, verdicts in groupby(
        sorted(context.verdicts(), key=_resource_id), key=_resource_id
    ):
        resource = next(verdicts)
        yield {
            "uuid": _item_id(context, resource),
            "description": f"{resource.resource_type} {resource.config_resource_id}",
            "props": [
                {"name": "asset-id", "value": resource_id},
                *_props(resource_type=resource.resource_type),
            ],
        }


def _resource_id(resource: ResourceReport) -> str:
    return resource.resource_id


def _item_id(context: Context, resource: ResourceReport) -> str:
    return context.stable_id("item", resource.resource_id)


def _observation(context: Context, observation: _Observation) -> dict[str, Any]:
    verdict = observation.resources[0]
    found = {
        "uuid": observation.uuid,
        "title": f"{verdict.rule_name}: {context.words(verdict)}",
        "description": verdict.annotation,
        "props": _props(
            rule=verdict.rule_name,
            verdict=verdict.compliance_type,
            status=context.words(verdict),
            severity=context.severity(verdict),
            change=verdict.change,
            unreadable=verdict.unreadable,
            waived="true" if verdict.waived else None,
            waiver_id=verdict.waiver_id,
        ),
        "methods": ["TEST"],
        "types": ["finding" if verdict.compliance_type == "NON_COMPLIANT" else "control-objective"],
        "origins": [_origin(context)],
        "subjects": [
            {
                "subject-uuid": _item_id(context, resource),
                "type": "inventory-item",
                "props": _props(since=resource.since),
            }
            for resource in observation.resources
        ],
        "collected": verdict.evaluated_at,
    }
    if reasons := context.reasons(verdict):
        found["remarks"] = "\n\n".join(reasons.values())
    return found


def _risks(
    context: Context, rule: RuleReport, observations: Iterable[_Observation]
) -> Iterator[dict[str, Any]]:
    """Yields the risk of a rule's open violations, and one for each waiver in force."""
    by_waiver: dict[str | None, list[_Observation]] = {}
    for observation in observations:
        verdict = observation.resources[0]
        if verdict.is_open:
            by_waiver.setdefault(None, []).append(observation)
        elif verdict.waived:
            by_waiver.setdefault(verdict.waiver_id or "", []).append(observation)
    for waiver_id, violations in by_waiver.items():
        number = sum(len(violation.resources) for violation in violations)
        risk: dict[str, Any] = {
            "uuid": context.stable_id("risk", rule.rule_name, waiver_id or ""),
            "title": f"Violated: {_line(rule.requirement)}",
            "description": rule.rationale or rule.requirement,
            "status": "open",
            "statement": f"Open violations: {number}.",
            "props": _props(rule=rule.rule_name, severity=rule.severity, violations=number),
            "origins": [_origin(context)],
            "related-observations": _related(violations),
        }
        if waiver_id is not None:
            risk["status"] = "deviation-approved"
            risk["statement"] = f"Waived violations: {number}."
        if waiver := context.waivers.get(waiver_id or ""):
            risk["statement"] += (
                f" {waiver.owner} answers for them until {waiver.expires}: {waiver.reason}"
            )
            risk["props"] += _props(
                waiver_id=waiver_id,
                owner=waiver.owner,
                expires=waiver.expires,
                resource=waiver.resource,
            )
            # The day itself is covered.
            risk["deadline"] = f"{waiver.expires}T23:59:59Z"
        if rule.remedy:
            risk["remediations"] = [
                {
                    "uuid": context.stable_id("remedy", rule.rule_name, waiver_id or ""),
                    "lifecycle": "recommendation",
                    "title": "Remedy",
                    "description": rule.remedy,
                }
            ]
        yield risk


def _finding(
    context: Context,
    rule: RuleReport,
    observations: list[_Observation],
    risks: list[dict[str, Any]],
) -> dict[str, Any]:
    reason, remarks = _reason(rule)
    finding: dict[str, Any] = {
        "uuid": context.stable_id("finding", rule.rule_name),
        "title": _line(rule.requirement),
        "description": (
            f"{rule.compliant} of {rule.judged} judged resources are compliant; "
            f"waived violations: {rule.waived}, not applicable: {rule.not_applicable}."
        ),
        "props": _props(
            rule=rule.rule_name,
            severity=rule.severity,
            status=rule.status,
            score=rule.score,
        ),
        "origins": [_origin(context)],
        "target": {
            "type": "objective-id",
            "target-id": _objective(rule),
            "status": {
                "state": "satisfied" if reason == "pass" else "not-satisfied",
                "reason": reason,
                "remarks": remarks,
            },
        },
    }
    if observations:
        finding["related-observations"] = _related(observations)
    if risks:
        finding["related-risks"] = [{"risk-uuid": risk["uuid"]} for risk in risks]
    return finding


def _reason(rule: RuleReport) -> tuple[str, str]:
    """Tells whether a rule is satisfied, and why not; what is not known to be so is not."""
    found = []
    if rule.non_compliant or rule.waived:
        found.append(f"Open violations: {rule.non_compliant}, waived ones: {rule.waived}.")
    reason = "fail" if found else "other"
    if not rule.is_reporting:
        found.append("The rule is not known to have reported in its time.")
    if rule.last_run is not None and rule.last_run.unreadable_count:
        found.append(f"Resources that could not be read: {rule.last_run.unreadable_count}.")
    if not rule.judged:
        found.append("No verdict counts.")
    return (reason, " ".join(found)) if found else ("pass", "There is no violation.")


def _runs(rule: RuleReport) -> Iterator[RunReport]:
    for run in (rule.last_run, rule.last_failure):
        if run is not None:
            yield run


def _log_entry(context: Context, run: RunReport) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "uuid": context.stable_id("run", run.rule_name, run.ordering_timestamp, run.complete),
        "title": f"Sweep of {run.rule_name}",
        "description": "It was completed." if run.complete else "It failed.",
        "start": run.started_at,
        "end": run.finished_at,
        "props": _props(
            run_id=run.run_id,
            trigger=run.trigger,
            resources=run.resources,
            unreadable=run.unreadable_count,
        ),
    }
    remarks = [f"{error.step}: {error.error_code}: {error.message}" for error in run.errors]
    remarks += [
        f"{resource.resource_id} could not be read: {resource.error_code}"
        for resource in run.unreadable
    ]
    if remarks:
        entry["remarks"] = "\n\n".join(remarks)
    return entry


def _related(observations: Iterable[_Observation]) -> list[dict[str, str]]:
    return [{"observation-uuid": observation.uuid} for observation in observations]


def _origin(context: Context) -> dict[str, Any]:
    return {"actors": [{"type": "tool", "actor-uuid": context.stable_id("tool")}]}


def _props(**values: object) -> list[dict[str, str]]:
    """Returns properties, without those that have no value."""
    return [
        {"name": name.replace("_", "-"), "ns": _NS, "value": text}
        for name, value in values.items()
        if value is not None and (text := _line(str(value)))
    ]


def _line(text: str) -> str:
    """Puts a text on one line, which is all that OSCAL takes for titles and values."""
    return " ".join(text.split())


FORM = Form(".oscal.json", "application/json", write)
