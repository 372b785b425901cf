"""ROUGE-L, beside rouge-score 0.1.2."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.training.evaluation.metrics.rouge import _common_in_order, rouge


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
    assert rouge(answer, reference) == pytest.approx(score, abs=1e-6)


def test_rouge_reads_other_scripts_too():
    assert rouge("Grüße aus Köln", "Grüße nach Köln") == pytest.approx(2 / 3)


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_words_in_common_are_counted_as_the_textbook_counts_them(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, j in itertools.product(range(len(a)), range(len(b))):
        longest = max(table[i][j + 1], table[i + 1][j])
        table[i + 1][j + 1] = table[i][j] + 1 if a[i] == b[j] else longest
    assert _common_in_order(a, b) == table[-1][-1]
