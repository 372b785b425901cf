"""Words in common, in their order."""

from __future__ import annotations

import re

from tilth.training.evaluation.metric import metric

_WORD = re.compile(r"[^\W_]+")


@metric("rouge")
def rouge(answer: str, reference: str) -> float:
    """ROUGE-L F1 (Lin 2004): words in common in the same order, as the rouge-score package without stemming.

    Words are runs of letters and digits of any script; rouge-score knows those of ASCII only.
    """
    got, wanted = _WORD.findall(answer.lower()), _WORD.findall(reference.lower())
    common = _common_in_order(got, wanted)
    return 2 * common / (len(got) + len(wanted)) if common else 0.0


def _common_in_order(a: list[str], b: list[str]) -> int:
    """Return the length of the longest common subsequence, a bit of an integer for each word of `a` (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    all_bits = (1 << len(a)) - 1
    free = all_bits
    for word in b:
        matched = free & places.get(word, 0)
        free = ((free + matched) | (free - matched)) & all_bits
    return len(a) - free.bit_count()
