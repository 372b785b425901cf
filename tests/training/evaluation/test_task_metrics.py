"""Golden values; chrF from sacrebleu 2.5 (sentence chrF / 100), F1 from SQuAD 1.1's evaluate script, ROUGE-L from
rouge-score 0.1.2."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.training.evaluation import task_metrics as metrics


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
    ("answer", "reference", "score"),
    [
        ("the quick brown fox", "the quick brown fox", 1.0),
        ("The cat sat on the mat.", "A cat is sitting on the mat", 0.615385),
        ("police killed the gunman", "police kill the gunman", 0.75),
        ("the gunman kill police", "police kill the gunman", 0.5),
        ("order B2540 left on 2027-10-02", "Order B2540 went on 02-10-2027, they say", 0.5),
        ("a b c d e f g", "g f e d c b a", 0.142857),
        ("no words in common", "entirely different text", 0.0),
        ("", "something", 0.0),
    ],
)
def test_rouge(answer, reference, score):
    assert metrics.rouge(answer, reference) == pytest.approx(score, abs=1e-6)


def test_rouge_reads_other_scripts_too():
    assert metrics.rouge("Grüße aus Köln", "Grüße nach Köln") == pytest.approx(2 / 3)


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_words_in_common_are_counted_as_the_textbook_counts_them(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, j in itertools.product(range(len(a)), range(len(b))):
        longest = max(table[i][j + 1], table[i + 1][j])
        table[i + 1][j + 1] = table[i][j] + 1 if a[i] == b[j] else longest
    assert metrics._common_in_order(a, b) == table[-1][-1]


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
