"""The answer holds the reference."""

from __future__ import annotations

from tilth.training.evaluation.metric import metric


@metric("contains")
def contains(answer: str, reference: str) -> float:
    """The reference occurs in the answer, whatever the case and the white space."""
    return float(" ".join(reference.casefold().split()) in " ".join(answer.casefold().split()))
