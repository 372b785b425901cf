"""Calls found in the marks of any template."""

from __future__ import annotations

import pytest

from tilth.training.evaluation.metrics.tool_call import tool_call


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ('<tool_call>\n{"name": "book", "arguments": {"hour": 9, "day": "Monday"}}\n</tool_call>', 1),
        ('{"function": {"name": "book", "arguments": "{\\"day\\":\\"Monday\\",\\"hour\\":9}"}}', 1),
        ('{"name": "book", "arguments": {"day": "Monday", "hour": 10}}', 0),
        ('{"name": "book", "arguments": {"day": "Monday", "hour": 9}} {"name": "book", "arguments": {}}', 0),
        ("I will book it for Monday at 9.", 0),
        ('{"name": "book", "arguments": {"day": "Mon', 0),
    ],
)
def test_tool_call(answer, score):
    assert tool_call(answer, '[{"name": "book", "arguments": {"day": "Monday", "hour": 9}}]') == score
