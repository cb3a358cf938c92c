"""Lets Node.js start and load packages while Python goes on.

jsii waits for Node.js to start, and then for each package to be loaded, although Python needs
nothing of the answers. After :func:`load_ahead` these answers are read with the first one that is
needed, so that Python imports its modules on one core while Node.js loads its own on another. What
is sent to Node.js, and in which order, stays the same.
"""

import os
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay_constructs.bindings import SWITCH, package_cache

if TYPE_CHECKING:
    from jsii._kernel.providers.process import _NodeProcess
    from jsii._kernel.types import LoadRequest
else:
    _NodeProcess = object

# What jsii asks of the class that talks to Node.js.
METHODS = ("_next_message", "handshake", "send")
LOADED = {"ok": {"assembly": "", "types": 0}}


def load_ahead() -> None:
    """Start Node.js and stop waiting for it, unless ``ASSAY_LAZY_BINDINGS=0`` leaves jsii alone.

    Call it before ``cdktf`` is imported; it does nothing once jsii has started Node.js, and steps
    aside with a warning when jsii does not look as expected.
    """
    if os.environ.get(SWITCH) == "0":
        return
    try:
        process = import_module("jsii._kernel.providers.process")
        provider = import_module("jsii._runtime").kernel.provider
        started_by_jsii = process._NodeProcess  # noqa: SLF001
        expected = isinstance(type(provider)._process, property) and all(  # noqa: SLF001
            callable(getattr(started_by_jsii, name)) for name in METHODS
        )
    except (ImportError, AttributeError):
        expected = False
    if not expected:
        warnings.warn(
            "jsii does not look as expected, so Python waits for each package to be loaded; "
            f"{SWITCH}=0 silences this",
            RuntimeWarning,
            stacklevel=2,
        )
        return
    if not issubclass(started_by_jsii, _LoadsAhead):
        process._NodeProcess = type(  # type: ignore[attr-defined]  # noqa: SLF001
            "_NodeProcess", (_LoadsAhead, started_by_jsii), {}
        )
        # A property, which starts it.
        provider._process  # noqa: B018, SLF001


class _LoadsAhead(_NodeProcess):
    """Node.js, of whose answers those to loads, and its greeting, are read when others are."""

    _greeted = True
    _loading = False
    _owed = 0

    def handshake(self) -> None:
        """Leave the greeting to be read later."""
        self._greeted = False

    def send(self, request: Any, response_type: Any) -> Any:
        self._loading = type(request).__name__ == "LoadRequest" and _is_at_hand(request)
        return super().send(request, response_type)

    def _next_message(self) -> Any:
        if self._loading:
            self._owed += 1
            return LOADED
        if not self._greeted:
            self._greeted = True
            owed, self._owed = self._owed, 0
            try:
                super().handshake()
            except Exception:
                self.stop()
                raise
            self._owed = owed
        failed = None
        while self._owed:
            self._owed -= 1
            message = super()._next_message()
            if "ok" not in message:
                failed = failed or message
        # A failed load stands for the answer to the request at hand, so that it is raised.
        message = super()._next_message()
        return failed or message


def _is_at_hand(request: "LoadRequest") -> bool:
    """Whether a package is unpacked already, and its archive will stay where it is.

    Unpacking takes seconds, during which users are told what they wait for. An archive that Python
    itself had to take out of a zip file is removed as soon as jsii believes it to be loaded.
    """
    unpacked = package_cache() / request.name / request.version
    return unpacked.is_dir() and Path(request.tarball).with_name("__init__.py").is_file()
