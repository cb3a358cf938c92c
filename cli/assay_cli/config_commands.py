"""The commands about rules of AWS Config: what they take, and what they print."""

import json
from pathlib import Path
from typing import Annotated

import typer

from assay_cli import import_pack, managed_rules_list
from assay_cli.display import Display
from assay_cli.errors import errors_for_users

_EXIT_CODES = "Exit codes: 0 all well, 1 failed or something is left to do, 2 wrong usage."


def register(app: typer.Typer) -> None:
    """Add these commands to an application."""
    app.command("rules", epilog=_EXIT_CODES, short_help="List or explain rules.")(rules)
    app.command(
        "import-pack",
        epilog=_EXIT_CODES,
        short_help="Turn a conformance pack into settings.",
    )(import_pack_command)


def rules(
    *,
    search: Annotated[
        str | None,
        typer.Argument(
            metavar="SEARCH",
            help="A rule's name or identifier, which explains it; or words that occur in names, "
            "identifiers and resource types. All rules without it.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the rules, as JSON and nothing else.")
    ] = False,
) -> None:
    """List rules, the managed rules of AWS Config and Assay's own, or explain one.

    \b
    Examples:
      assay rules
      assay rules "s3 encrypt"
      assay rules AWS::RDS::DBInstance
      assay rules s3-bucket-ssl-requests-only
      assay rules ACCESS_KEYS_ROTATED --json

    An explanation ends with what goes into a settings file.
    """  # noqa: D301 - Click wants the character that \b stands for
    with errors_for_users():
        found = managed_rules_list.find(search)
    if as_json:
        typer.echo(json.dumps(managed_rules_list.as_json(found)))
    else:
        managed_rules_list.show(found, Display())


def import_pack_command(
    *,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="The template, YAML or JSON.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where the settings go; stdout by default.", show_default=False
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the settings and what is left, as JSON and nothing else."
        ),
    ] = False,
) -> None:
    """Turn the template of a conformance pack into settings for managed rules.

    What a deployment would fill in comes from the defaults of the template's parameters. Whatever
    is not turned, or not completely, is named with its reason on standard error and in comments,
    and the command ends with 1: custom rules, rules that AWS Config would refuse, functions that
    only a deployment can resolve. A remediation becomes a comment, for a pack does not say what
    its document may do.

    \b
    Examples:
      assay import-pack pack.yaml
      assay import-pack pack.yaml --out managed-rules.yaml
      assay import-pack pack.json --json
    """  # noqa: D301 - Click wants the character that \b stands for
    with errors_for_users():
        imported = import_pack.read(file)
        if out is not None:
            import_pack.write(imported, file, out)
    if as_json:
        typer.echo(json.dumps(import_pack.as_json(imported)))
    elif out is None:
        typer.echo(import_pack.as_yaml(imported, file), nl=False)
    else:
        typer.echo(f"{len(imported.rules)} rules written to {out}")
    for each in imported.left:
        typer.echo(f"left: {each}", err=True)
    if imported.left:
        raise typer.Exit(1)
