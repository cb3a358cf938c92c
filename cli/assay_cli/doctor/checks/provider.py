"""The AWS provider that a deployment takes."""

import re
from collections.abc import Iterator

from assay_cli.doctor.check import Finding, check, ok, warning
from assay_cli.doctor.subjects import Environment
from assay_cli.terraform import find_provider_mirror, pinned_provider_version

_LOCKED = re.compile(
    r'provider "registry\.terraform\.io/hashicorp/aws" \{\s+version\s+= "(?P<version>[^"]+)"'
)


@check(
    name="provider",
    what="the AWS provider is the release that the code is made for, and can be had",
    why="Resources are written in the terms of one release; another may refuse or change them. "
    "One that cannot be had stops `terraform init`.",
    remedy="provider_version: left out, or a release of the same major version",
)
def provider(environment: Environment) -> Iterator[Finding]:
    """Compare the settings with the bindings, the lock file and the mirrors."""
    pinned = pinned_provider_version()
    wanted = environment.settings.provider_version or pinned
    problems = list(_problems(environment, wanted, pinned))
    yield from problems
    if not problems:
        yield ok(f"AWS provider {wanted}")


def _problems(environment: Environment, wanted: str, pinned: str) -> Iterator[Finding]:
    if wanted.partition(".")[0] != pinned.partition(".")[0]:
        yield warning(f"the AWS provider is to be {wanted}, and the code is made for {pinned}")
    lock = environment.project.stack_folder(environment.name) / ".terraform.lock.hcl"
    found = _LOCKED.search(lock.read_text(encoding="utf-8")) if lock.is_file() else None
    if found and found["version"] != wanted:
        yield warning(
            f"the AWS provider is to be {wanted}, and {lock.name} of the last run has "
            f"{found['version']}",
            f"rm {lock}",
        )
    mirror = find_provider_mirror(wanted)
    if mirror is not None and mirror.version != wanted:
        yield warning(
            f"the mirror {mirror.folder} has no AWS provider {wanted}, but {mirror.version}; the "
            "registry has to be in reach",
            f"put {wanted} into the mirror, or provider_version: {mirror.version}",
        )
