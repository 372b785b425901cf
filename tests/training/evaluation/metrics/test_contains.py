"""The answer holds the reference."""

from __future__ import annotations

import pytest

from tilth.training.evaluation.metrics.contains import contains


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        ("It belongs to Parcels.", "parcels", 1),
        ("It belongs to billing.", "parcels", 0),
    ],
)
def test_contains(answer, reference, score):
    assert contains(answer, reference) == score
