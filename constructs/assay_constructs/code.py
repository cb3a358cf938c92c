"""The deployment package of the Lambda functions: one zip whose bytes follow from its contents."""

import atexit
import base64
import functools
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import assay

# boto3 is part of the Lambda runtime; these are what the code needs beside it.
BUNDLED_DISTRIBUTIONS = ("aws-lambda-powertools", "jmespath", "typing-extensions")

# Powertools' HTTP router with its web page: three quarters of the package, never imported.
LEFT_OUT = ("aws_lambda_powertools/event_handler/",)

# The earliest time that a zip can hold, so that no file's own time changes the bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class DeploymentPackage:
    """A zip file that Lambda can run.

    Args:
        path: Where the file lies, until this process ends.
        source_code_hash: Base64 of its SHA-256, as ``aws_lambda_function`` wants it.
    """

    path: Path
    source_code_hash: str


@functools.cache
def deployment_package() -> DeploymentPackage:
    """Build the zip with the ``assay`` package and its dependencies, once for each process.

    Entries are sorted, carry one fixed time and mode, and are stored uncompressed: the bytes,
    and so the hash that Terraform compares, change when the code does and never otherwise, be it
    with another checkout, machine or version of a compressor.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
    """
    folder = Path(tempfile.mkdtemp(prefix="assay-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "assay.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, source in sorted(_contents()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, source.read_bytes())
    digest = hashlib.sha256(path.read_bytes()).digest()
    return DeploymentPackage(path, base64.b64encode(digest).decode())


def _contents() -> Iterator[tuple[str, Path]]:
    own = Path(assay.__file__).parent
    for source in own.rglob("*.py"):
        yield f"assay/{source.relative_to(own).as_posix()}", source
    for name in BUNDLED_DISTRIBUTIONS:
        for file in distribution(name).files or ():
            entry = file.as_posix()
            if not _is_clutter(entry):
                yield entry, Path(str(file.locate()))


def _is_clutter(entry: str) -> bool:
    return (
        entry.endswith(".pyc")
        or entry.startswith(("..", *LEFT_OUT))
        or ".dist-info/" in entry.split("/", 1)[0] + "/"
    )
