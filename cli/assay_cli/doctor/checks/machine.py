"""The programs that a deployment takes."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata

from assay_cli.doctor.check import Finding, check, error, ok, warning
from assay_cli.doctor.state import Project, terraform_name

_TERRAFORM = (1, 11)
# What cdktf-cli 0.21 asks for when it starts.
_NODE = (20, 9)
_SECONDS = 30


@check(
    name="terraform",
    what="Terraform 1.11 or newer is on the PATH",
    why="CDKTF runs it; older releases cannot lock state in S3 by S3 itself.",
    remedy="install Terraform 1.11 or newer (https://developer.hashicorp.com/terraform/install)",
)
def terraform(_project: Project) -> Iterator[Finding]:
    """Ask Terraform."""
    name = terraform_name()
    told = _told(name, "version", "-json")
    if isinstance(told, Finding):
        yield told
        return
    try:
        version = str(json.loads(told)["terraform_version"])
    except (ValueError, KeyError, TypeError):
        yield error(f"{name} does not tell its version; it said: {told[:200].strip()}")
        return
    yield (
        ok(f"Terraform {version}")
        if _numbers(version) >= _TERRAFORM
        else error(f"Terraform is {version}")
    )


@check(
    name="node",
    what="Node.js 20.9 or newer is on the PATH",
    why="The CDKTF CLI runs on it.",
    remedy=". .venv/bin/activate, which brings one",
)
def node(_project: Project) -> Iterator[Finding]:
    """Ask Node.js."""
    told = _told("node", "--version")
    if isinstance(told, Finding):
        yield told
        return
    version = told.strip().removeprefix("v")
    yield ok(f"Node.js {version}") if _numbers(version) >= _NODE else error(f"Node.js is {version}")


@check(
    name="cdktf",
    what="the CDKTF CLI is the release that the code is made for",
    why="It runs `main.py` and Terraform; another release may read the stacks differently.",
    remedy="npm ci",
)
def cdktf(project: Project) -> Iterator[Finding]:
    """Read the project's own, which `npx` prefers, or ask the one on the PATH."""
    wanted = metadata.version("cdktf")
    package = (project.folder or project.output) / "node_modules" / "cdktf-cli" / "package.json"
    if package.is_file():
        try:
            version = str(json.loads(package.read_bytes())["version"])
        except (OSError, ValueError, KeyError, TypeError):
            yield error(f"{package} is damaged, and the CDKTF CLI with it")
            return
    elif shutil.which("cdktf") is None:
        yield warning("there is no CDKTF CLI, neither in node_modules nor on the PATH")
        return
    else:
        told = _told("cdktf", "--version")
        if isinstance(told, Finding):
            yield told
            return
        version = told.strip()
    if version == wanted:
        yield ok(f"CDKTF CLI {version}")
    else:
        yield warning(f"the CDKTF CLI is {version}, and the code is made for {wanted}")


def _told(name: str, *arguments: str) -> str | Finding:
    """What a program says, or why it says nothing."""
    program = shutil.which(name)
    if program is None:
        return error(f"there is no {name} on the PATH")
    try:
        return subprocess.run(  # noqa: S603 - the programs that a deployment runs, too
            [program, *arguments],
            env={**os.environ, "CHECKPOINT_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired:
        return error(f"{program} does not answer within {_SECONDS} seconds")
    except OSError as failure:
        return error(f"{program} cannot be started: {failure.strerror}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))
