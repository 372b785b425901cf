"""Words in common, in any order."""

from __future__ import annotations

import re
import string
from collections import Counter

from tilth.training.evaluation.metric import metric


@metric("f1")
def f1(answer: str, reference: str) -> float:
    """Word F1 after SQuAD's normalisation (Rajpurkar et al., arXiv 1606.05250)."""
    got, wanted = _squad_words(answer), _squad_words(reference)
    if not got or not wanted:
        return float(got == wanted)
    common = sum((Counter(got) & Counter(wanted)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(got), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def _squad_words(text: str) -> list[str]:
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()
