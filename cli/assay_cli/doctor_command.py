"""The command `assay doctor`: what it takes, and what it prints."""

import difflib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay_cli.display import Display

if TYPE_CHECKING:
    from assay_cli.doctor.state import Project
    from assay_constructs.settings import Settings

_ENVIRONMENTS = "environments"
# Longer lines are hard to read, however wide the terminal is.
_MAXIMUM_WIDTH = 100


def register(app: typer.Typer, *, epilog: str) -> None:
    """Add the command to the command line.

    Args:
        app: The command line.
        epilog: Ends the help.
    """
    app.command(epilog=epilog, short_help="Say what is wrong before a deployment does.")(doctor)


def doctor(
    *,
    environment: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Look at this environment only.", show_default=False),
    ] = None,
    environments: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The settings: by default the folder in ASSAY_ENVIRONMENTS, or environments. "
            "Without settings, account and region of the shell are looked at.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Tell what is well in full, too.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="End with 1 for warnings, and for what could not be looked at, too."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything, as JSON and nothing else.")
    ] = False,
) -> None:
    """Say what is wrong about this machine, the account and the settings, and what mends it.

    It asks AWS with your credentials and changes nothing. Errors are what would fail or do harm;
    warnings alone end with 0. What your credentials may not look at is said, with the IAM action
    that they lack. Run it in the project's folder: Terraform's state tells what is an
    environment's own.

    \b
    Examples:
      assay doctor
      assay doctor --environment dev --all
      assay doctor --strict --json
    """  # noqa: D301 - Click wants the character that \b stands for
    # They load CDKTF, and Node.js with it, which no other command should wait for.
    from assay_cli.doctor.examination import examine  # noqa: PLC0415
    from assay_cli.doctor.telling import as_json as examination_as_json  # noqa: PLC0415
    from assay_cli.doctor.telling import tell  # noqa: PLC0415

    folder = _folder(environments)
    settings, mistakes = _read(folder)
    if environment is not None and not mistakes and environment not in settings:
        near = difflib.get_close_matches(environment, settings, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        allowed = ", ".join(settings) or f"none, for there are no settings in {folder}"
        raise typer.BadParameter(
            f"allowed: {allowed}; got {environment!r}{hint}", param_hint="--environment"
        )
    examination = examine(
        _project(folder),
        settings,
        wanted=None if mistakes else environment,
        mistakes=mistakes,
    )
    if as_json:
        typer.echo(json.dumps(examination_as_json(examination, strict=strict)))
    else:
        terminal = sys.stdout.isatty()
        columns = min(shutil.get_terminal_size().columns, _MAXIMUM_WIDTH)
        tell(
            examination,
            Display().say,
            width=columns if terminal else None,
            everything=everything,
        )
    raise typer.Exit(examination.exit_code(strict=strict))


def _folder(given: Path | None) -> Path:
    """The folder of settings, which must be there where it is named."""
    named = os.environ.get("ASSAY_ENVIRONMENTS")
    folder = given or Path(named or _ENVIRONMENTS)
    if (given or named) and not folder.is_dir():
        raise typer.BadParameter(f"{folder}: no such folder", param_hint="--environments")
    return folder


def _read(folder: Path) -> "tuple[dict[str, Settings], list[str]]":
    """The settings, and what is wrong about them; neither where there is no folder."""
    from assay_constructs.environments import read_environments  # noqa: PLC0415 - as above
    from assay_constructs.errors import SettingsError  # noqa: PLC0415

    if not folder.is_dir():
        return {}, []
    try:
        suffix = os.environ.get("ENVIRONMENT_SUFFIX") or None
        return read_environments(folder, environment_suffix=suffix), []
    except SettingsError as error:
        return {}, error.mistakes


def _project(settings: Path) -> "Project":
    """Where CDKTF runs, here or beside the settings, and where it puts the stacks."""
    from assay_cli.doctor.state import Project, output_folder  # noqa: PLC0415 - as above

    folders = (Path.cwd(), settings.resolve().parent)
    folder = next((each for each in folders if (each / "cdktf.json").is_file()), None)
    return Project(folder, output_folder(folder or Path.cwd()))
