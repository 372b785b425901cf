"""Golden values; chrF from sacrebleu 2.5 (sentence chrF / 100), F1 from SQuAD 1.1's evaluate script."""

from __future__ import annotations

import pytest

from tilth.training import task_metrics as metrics


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
    assert metrics.chrf(answer, reference) == pytest.approx(score)


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
    assert metrics.f1(answer, reference) == pytest.approx(score)


@pytest.mark.parametrize(
    ("metric", "answer", "reference", "score"),
    [
        ("exact", " parcels\n", "parcels", 1),
        ("exact", "Parcels", "parcels", 0),
        ("contains", "It belongs to Parcels.", "parcels", 1),
        ("contains", "It belongs to billing.", "parcels", 0),
        ("regex", "Total: 42 crowns", r"\b42\b", 1),
        ("regex", "Total: 142 crowns", r"\b42\b", 0),
        ("json", '{"b": 1, "a": [2]}', '{"a":[2],"b":1}', 1),
        ("json", '{"a": 1', '{"a": 1}', 0),
        ("json", "[" * 100_000, "[]", 0),
    ],
)
def test_simple_metrics(metric, answer, reference, score):
    assert metrics.METRICS[metric](answer, reference) == score


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
    assert metrics.tool_call(answer, '[{"name": "book", "arguments": {"day": "Monday", "hour": 9}}]') == score
