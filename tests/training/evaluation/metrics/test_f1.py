"""F1, beside SQuAD 1.1's evaluate script."""

from __future__ import annotations

import pytest

from tilth.training.evaluation.metrics.f1 import f1


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        ("The Denver Broncos!", "Denver Broncos", 1.0),
        ("a big red dog", "the red dog", 0.8),
        ("cat", "dog", 0.0),
        ("", "", 1.0),
        ("the", "dog", 0.0),
    ],
)
def test_f1(answer, reference, score):
    assert f1(answer, reference) == pytest.approx(score)
