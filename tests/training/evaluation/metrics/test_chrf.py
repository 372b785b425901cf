"""chrF, beside sacrebleu 2.5 (sentence chrF / 100)."""

from __future__ import annotations

import pytest

from tilth.training.evaluation.metrics.chrf import chrf


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        ("the cat sat on the mat", "the cat is on the mat", 0.645779420625287),
        ("parcels", "billing", 0.023809523809523808),
        ("a", "a", 1.0),
        ("ab", "abc", 0.6363636363636362),
        ("Guten Tag, Frau Müller", "Guten Tag Frau Muller", 0.5887922469733647),
        ("", "x", 0.0),
    ],
)
def test_chrf(answer, reference, score):
    assert chrf(answer, reference) == pytest.approx(score)
