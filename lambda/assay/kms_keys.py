"""The KMS keys that encrypt resources, for rules that allow some of them only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.rule import Evaluation, Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.parameters import Problem

_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")


@dataclass(frozen=True)
class KeyParameters(Parameters):
    """Which KMS keys will do.

    Attributes:
        allowed_kms_keys: ARNs of the KMS keys that may be used; none means any key. Aliases are
            refused, because AWS names the key itself, by whatever name it was chosen.
            Default: none.
    """

    allowed_kms_keys: tuple[str, ...] = ()

    def problems(self) -> Iterator[Problem]:
        """Yields keys that could never count."""
        for key in self.allowed_kms_keys:
            if not _KEY_ARN.fullmatch(key):
                yield "allowed_kms_keys", f"must be ARNs of KMS keys, not of aliases, got {key!r}"


def judge(key: str | None, parameters: KeyParameters) -> Evaluation:
    """Judges the key that encrypts a resource.

    Args:
        key: The key's ARN; None for a key of AWS's own, which has no ARN.
        parameters: Which keys will do.
    """
    used = key or "a key that AWS owns"
    allowed = parameters.allowed_kms_keys
    if allowed and key not in allowed:
        return Evaluation.non_compliant(f"Encrypted by {used}, which is not an allowed key.")
    return Evaluation.compliant(f"Encrypted by {used}.")
