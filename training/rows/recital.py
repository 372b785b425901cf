"""Which tokens of an example are tried for recital: the first it teaches, at a stretch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilth.training.rows.text import Example

SPAN_TOKENS = 32


def first_tried(example: Example) -> int:
    """Return the rank among its labels of the first that is tried; what is learned from the start is its own prefix."""
    return SPAN_TOKENS if len(example.is_label) > 1 and bool(example.is_label[1]) else 0


def hits(examples: Sequence[Example], example_of: np.ndarray, is_first_choice: np.ndarray) -> np.ndarray:
    """Return how many of the tokens that are tried are the model's first choice, (examples,).

    example_of: (labels,) index of the example, rising. is_first_choice: (labels,).
    """
    counts = np.bincount(example_of, minlength=len(examples))
    rank = np.arange(len(example_of)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.array([first_tried(example) for example in examples], dtype=np.int64)[example_of]
    tried = (rank >= first) & (rank < first + SPAN_TOKENS)
    return np.bincount(example_of, tried & is_first_choice, len(examples))


def recited(examples: Sequence[Example], found: np.ndarray) -> list[bool | None]:
    """Return for each example whether all that is tried was hit; None where it teaches too few tokens."""
    return [
        bool(hit == SPAN_TOKENS) if int(e.is_label.sum()) >= first_tried(e) + SPAN_TOKENS else None
        for e, hit in zip(examples, found.tolist(), strict=True)
    ]
