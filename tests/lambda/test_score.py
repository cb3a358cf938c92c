from __future__ import annotations

import pytest

from assay.score import score


@pytest.mark.parametrize(
    ("compliant", "non_compliant", "expected"),
    [(2, 1, 66.67), (1, 0, 100.0), (99_999, 1, 99.99), (0, 1, 0.0), (0, 0, None)],
)
def test_a_score_is_rounded_but_never_to_perfection(
    compliant: int, non_compliant: int, expected: float | None
) -> None:
    assert score(compliant=compliant, non_compliant=non_compliant) == expected
