"""What is looked at, in the order in which it is told."""

from assay_cli.doctor.check import Check
from assay_cli.doctor.checks import (
    access,
    backend,
    delivery,
    machine,
    names,
    provider,
    recorder,
    recording,
    rules,
    security_hub,
)
from assay_cli.doctor.state import Project
from assay_cli.doctor.subjects import Deployment, Environment, Place

MACHINE_CHECKS: tuple[Check[Project], ...] = (machine.terraform, machine.node, machine.cdktf)
ENVIRONMENT_CHECKS: tuple[Check[Environment], ...] = (
    provider.provider,
    backend.backend,
    recording.known_types,
)
PLACE_CHECKS: tuple[Check[Place], ...] = (
    recorder.status,
    recorder.role,
    recorder.service_linked_role,
    delivery.channel,
    delivery.status,
    delivery.bucket,
    rules.quota,
)
DEPLOYMENT_CHECKS: tuple[Check[Deployment], ...] = (
    access.shell_region,
    access.permissions,
    backend.state_bucket,
    backend.state,
    recorder.recorder,
    recorder.kept,
    *PLACE_CHECKS,
    recording.types,
    recording.frequency,
    recording.global_types,
    rules.names,
    names.buckets,
    names.others,
    security_hub.enabled,
    security_hub.sufficient,
)
