"""What is tried for recital: the first tokens that a row teaches, at a stretch."""

from __future__ import annotations

import numpy as np

from tilth.training.rows.recital import SPAN_TOKENS, hits, recited
from tilth.training.rows.text import Example


def example(tokens: int, prompt: int) -> Example:
    return Example(
        bytes(16), "s", 1.0, np.arange(tokens, dtype=np.int32), np.arange(tokens) >= max(1, prompt)
    )


def test_an_answer_is_tried_from_its_beginning_and_a_document_after_its_prefix() -> None:
    answer, short = example(10 + 40, 10), example(10 + SPAN_TOKENS - 1, 10)
    document = example(1 + 2 * SPAN_TOKENS, 0)
    every = [answer, short, document]
    labels = [int(e.is_label.sum()) for e in every]
    of = np.repeat(np.arange(3), labels)
    right = np.ones(len(of), dtype=bool)
    right[sum(labels[:2]) : sum(labels[:2]) + SPAN_TOKENS] = (
        False  # the document's prefix is given, not recited
    )
    right[SPAN_TOKENS : labels[0]] = False  # nor does what follows the stretch count
    found = hits(every, of, right)
    assert found.tolist() == [SPAN_TOKENS, SPAN_TOKENS - 1, SPAN_TOKENS]
    assert recited(every, found) == [True, None, True]
    right[3] = False
    assert recited(every, hits(every, of, right)) == [False, None, True]
