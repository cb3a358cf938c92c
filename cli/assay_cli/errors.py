"""The errors that a user can act on."""

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class AssayError(Exception):
    """A failure whose message is all that the user needs: it is printed without a traceback."""


# Ours, and those of AWS clients, whose messages are for users too.
USER_ERRORS = (AssayError, BotoCoreError, ClientError, ResponseParserError)
