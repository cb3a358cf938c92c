"""The error that a user can act on."""


class AssayError(Exception):
    """A failure whose message is all that the user needs: it is printed without a traceback."""
