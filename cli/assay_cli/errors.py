"""The errors that a user can act on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class AssayError(Exception):
    """A failure whose message is all that the user needs: it is printed without a traceback.

    Attributes:
        log: what is printed before the message.
    """

    log = ""


# Ours, and those of AWS clients, whose messages are for users too.
USER_ERRORS = (AssayError, BotoCoreError, ClientError, ResponseParserError)


@contextmanager
def errors_for_users() -> Iterator[None]:
    """Print what a user can act on without a traceback, and exit with 1."""
    try:
        yield
    except USER_ERRORS as error:
        log = error.log if isinstance(error, AssayError) else ""
        sys.stderr.write(f"{log}error: {error}\n")
        raise typer.Exit(1) from error
