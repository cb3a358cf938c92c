"""The compliance score."""

from __future__ import annotations


def score(*, compliant: int, non_compliant: int) -> float | None:
    """Returns compliant / (compliant + non-compliant) in percent, with two decimals.

    No score at all, None, beats a perfect one for what has judged nothing; and one violation of
    very many is not rounded away.

    Args:
        compliant: How many resources are compliant.
        non_compliant: How many violate a rule.
    """
    judged = compliant + non_compliant
    if not judged:
        return None
    rounded = round(100 * compliant / judged, 2)
    return min(rounded, 99.99) if non_compliant else rounded
