"""The AWS provider: which release, and where from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assay_cli.doctor.checks import provider
from assay_cli.doctor.subjects import Deployment
from assay_cli.terraform import find_provider_mirror, pinned_provider_version

Look = Callable[..., list[tuple[str, str, str | None]]]
Deploy = Callable[..., Deployment]

PINNED = pinned_provider_version()
LOCK = """
provider "registry.terraform.io/hashicorp/aws" {{
  version     = "{version}"
  constraints = "{version}"
}}
"""


def mirror(folder: Path, *versions: str) -> Path:
    """Put releases for this platform, and for all others, into a folder."""
    for version in versions:
        for system in ("linux", "darwin"):
            for machine in ("amd64", "arm64"):
                of_aws = folder / "registry.terraform.io" / "hashicorp" / "aws"
                (of_aws / version / f"{system}_{machine}").mkdir(parents=True)
    return folder


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror with the pinned release."""
    folder = mirror(tmp_path / "mirror", PINNED)
    monkeypatch.setenv("ASSAY_PROVIDER_MIRROR", str(folder))
    return folder


@pytest.mark.usefixtures("mirrored")
@pytest.mark.parametrize("given", [None, PINNED])
def test_the_pinned_release_is_well(look: Look, deployment: Deploy, given: str | None) -> None:
    found = deployment(provider_version=given)
    assert look(provider.provider, found.environment) == [("ok", f"AWS provider {PINNED}", None)]


def test_another_major_version_is_told(look: Look, deployment: Deploy, mirrored: Path) -> None:
    mirror(mirrored, "5.100.0")
    found = deployment(provider_version="5.100.0")
    assert look(provider.provider, found.environment) == [
        (
            "warning",
            f"the AWS provider is to be 5.100.0, and the code is made for {PINNED}",
            None,
        )
    ]


@pytest.mark.usefixtures("mirrored")
def test_the_release_of_the_last_run_is_told_where_it_is_another(
    look: Look, deployment: Deploy
) -> None:
    environment = deployment().environment
    lock = environment.project.stack_folder("dev") / ".terraform.lock.hcl"
    lock.parent.mkdir(parents=True)
    lock.write_text(LOCK.format(version="6.20.0"), encoding="utf-8")
    assert look(provider.provider, environment) == [
        (
            "warning",
            (
                f"the AWS provider is to be {PINNED}, and .terraform.lock.hcl of the last run has "
                "6.20.0"
            ),
            f"rm {lock}",
        )
    ]
    lock.write_text(LOCK.format(version=PINNED), encoding="utf-8")
    assert look(provider.provider, environment) == [("ok", f"AWS provider {PINNED}", None)]
    lock.write_text("# nothing yet", encoding="utf-8")
    assert look(provider.provider, environment) == [("ok", f"AWS provider {PINNED}", None)]


def test_a_mirror_without_the_release_is_told(
    look: Look, deployment: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mirror(tmp_path / "other", "99.0.0")
    monkeypatch.setenv("ASSAY_PROVIDER_MIRROR", str(folder))
    found = find_provider_mirror("98.0.0")
    assert found is not None
    assert found.version == "99.0.0"
    wanted = deployment(provider_version="98.0.0")
    assert look(provider.provider, wanted.environment) == [
        ("warning", f"the AWS provider is to be 98.0.0, and the code is made for {PINNED}", None),
        (
            "warning",
            (
                f"the mirror {folder} has no AWS provider 98.0.0, but 99.0.0; the registry has to "
                "be in reach"
            ),
            "put 98.0.0 into the mirror, or provider_version: 99.0.0",
        ),
    ]
