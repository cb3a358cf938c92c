"""AWS Security Hub, which findings go to and which needs the recorder itself."""

from collections.abc import Iterator

from assay_cli.doctor.check import Finding, check, error, ok, warning
from assay_cli.doctor.subjects import Deployment

_NOT_ENABLED = ("InvalidAccessException", "ResourceNotFoundException")


def _is_enabled(deployment: Deployment) -> bool:
    found = deployment.aws.find("securityhub", "describe_hub", _NOT_ENABLED)
    return found is not None


@check(
    name="security-hub",
    what="Security Hub is enabled where reports go to it",
    why="The report aggregator fails on findings that nobody takes.",
    remedy="reports: {security_hub: false}; or aws securityhub enable-security-hub",
    actions=("securityhub:DescribeHub",),
)
def enabled(deployment: Deployment) -> Iterator[Finding]:
    """Ask Security Hub."""
    if not deployment.environment.settings.reports.security_hub:
        return
    if _is_enabled(deployment):
        yield ok("Security Hub is enabled")
    else:
        yield error("Security Hub is not enabled here, and reports.security_hub is true")


@check(
    name="security-hub-recording",
    what="the recorder that is made here is what Security Hub needs",
    why="Security Hub judges by what the account's one recorder records, and its control Config.1 "
    "wants the service-linked role. Its controls on other types find nothing, without a word.",
    remedy="recorder: {all_supported: true}, and Config.1 suppressed in Security Hub; or mode "
    "existing, with a recorder that was made for both",
    actions=("securityhub:DescribeHub",),
)
def sufficient(deployment: Deployment) -> Iterator[Finding]:
    """Look whether Security Hub is there, where this environment makes the recorder."""
    if deployment.mode != "create" or not _is_enabled(deployment):
        return
    recorded = deployment.environment.settings.recording()
    if recorded and recorded.resource_types:
        count = len(recorded.resource_types)
        yield warning(
            "Security Hub is enabled here, and the recorder is to record only types that are named "
            f"({count})"
        )
    else:
        yield ok("Security Hub is enabled here, and the recorder is to record nearly all types")
