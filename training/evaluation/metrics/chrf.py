"""Character n-grams in common."""

from __future__ import annotations

from collections import Counter

from tilth.training.evaluation.metric import metric

ORDER, BETA = 6, 2


@metric("chrf")
def chrf(answer: str, reference: str) -> float:
    """Character n-gram F2 for n up to 6 (Popović 2015), as sacrebleu's sentence chrF, in [0, 1]."""
    got, wanted = "".join(answer.split()), "".join(reference.split())
    precision = recall = 0.0
    orders = 0
    for n in range(1, ORDER + 1):
        a, b = _ngrams(got, n), _ngrams(wanted, n)
        if not a or not b:
            continue
        common = sum((a & b).values())
        precision += common / sum(a.values())
        recall += common / sum(b.values())
        orders += 1
    if orders == 0 or precision + recall == 0:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)


def _ngrams(text: str, n: int) -> Counter[str]:
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))
