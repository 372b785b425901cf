"""Both as JSON."""

from __future__ import annotations

import pytest

from tilth.training.evaluation.metrics.equal_json import equal_json


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        ('{"b": 1, "a": [2]}', '{"a":[2],"b":1}', 1),
        ('{"a": 1', '{"a": 1}', 0),
        ("[" * 100_000, "[]", 0),
    ],
)
def test_equal_json(answer, reference, score):
    assert equal_json(answer, reference) == score
