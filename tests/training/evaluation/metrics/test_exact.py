"""The answer is the reference, white space aside."""

from __future__ import annotations

import pytest

from tilth.training.evaluation.metrics.exact import exact


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        (" parcels\n", "parcels", 1),
        ("Parcels", "parcels", 0),
    ],
)
def test_exact(answer, reference, score):
    assert exact(answer, reference) == score
