"""The CDKTF app: ``python main.py`` synthesizes one stack for each file in ``environments/``.

``ASSAY_ENVIRONMENTS`` names another folder of settings, ``ENVIRONMENT_SUFFIX`` overrides the
suffix, and ``CDKTF_OUTDIR`` (set by the CDKTF CLI) says where the stacks go.
"""

import gc
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

PROJECT = Path(__file__).resolve().parent


def main() -> int:
    """Synthesize all environments.

    Returns:
        0, or 1 when settings are wrong, or when ``cdktf deploy`` would take over somebody else's
        recorder; the reason is then on stderr.
    """
    from assay_constructs.loads_ahead import load_ahead  # noqa: PLC0415

    load_ahead()
    # What follows starts Node.js, so it comes after that call, and before the settings are read.
    from cdktf import App  # noqa: PLC0415

    from assay_cli.doctor.cdktf_cli import running_command  # noqa: PLC0415
    from assay_constructs.environments import read_environments  # noqa: PLC0415
    from assay_constructs.errors import SettingsError  # noqa: PLC0415
    from assay_constructs.stack import ComplianceStack  # noqa: PLC0415

    folder = Path(os.environ.get("ASSAY_ENVIRONMENTS") or PROJECT / "environments")
    suffix = os.environ.get("ENVIRONMENT_SUFFIX") or None
    try:
        environments = read_environments(folder, environment_suffix=suffix)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1

    if (command := running_command()) is not None:
        # Loads what talks to AWS, which a mere synth does not need.
        from assay_cli.doctor.guard import recorder_guard  # noqa: PLC0415

        if reason := recorder_guard(command, environments, PROJECT):
            print(reason, file=sys.stderr)
            return 1

    app = App()
    for environment, settings in environments.items():
        ComplianceStack(app, environment, settings=settings)
    app.synth()
    return 0


def run_in_project_environment(project: Path) -> int:
    """Start again with the Python of the project's virtual environment, made by make or Pipenv.

    So that ``cdktf deploy`` works in a shell in which that environment is not active.

    Args:
        project: Folder that holds ``main.py``, and ``.venv`` or a Pipfile that Pipenv knows.

    Returns:
        The exit code of the second start; 1 when there is no such environment.
    """
    scripts = project / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    python = shutil.which("python", path=str(scripts))
    if python is None and (pipenv := shutil.which("pipenv")):
        asked = subprocess.run(  # noqa: S603
            [pipenv, "--py"], cwd=project, capture_output=True, text=True, check=False
        )
        python = asked.stdout.strip() if asked.returncode == 0 else None
    if python is None or "ASSAY_RESTARTED" in os.environ:
        print("assay is not installed: `make setup` or `pipenv sync` does that", file=sys.stderr)
        return 1
    environment = {**os.environ, "ASSAY_RESTARTED": "1"}
    return subprocess.run(  # noqa: S603
        [python, str(project / "main.py")], env=environment, check=False
    ).returncode


if __name__ == "__main__":
    installed = find_spec("assay_constructs") is not None
    # Until the process ends, nothing is worth freeing: a synth only ever adds to what it holds.
    gc.disable()
    exit_code = main() if installed else run_in_project_environment(PROJECT)
    gc.freeze()
    sys.exit(exit_code)
