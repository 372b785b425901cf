"""The reference as a pattern."""

from __future__ import annotations

import pytest

from tilth.training.evaluation.metrics.regex import regex


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        ("Total: 42 crowns", r"\b42\b", 1),
        ("Total: 142 crowns", r"\b42\b", 0),
    ],
)
def test_regex(answer, reference, score):
    assert regex(answer, reference) == score
