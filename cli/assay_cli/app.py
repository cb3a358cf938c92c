"""The entry point of the `assay` command."""

import sys

from assay_cli.processes import Interrupted, interruptible


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        with interruptible():
            # Imported late, so that Ctrl-C ends the command cleanly while the rest still loads.
            from assay_cli.commands import app  # noqa: PLC0415

            app()
    except Interrupted as interrupted:
        sys.stderr.write(f"\nended by {interrupted}\n")
        sys.exit(interrupted.exit_code)
