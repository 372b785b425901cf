"""The answer is the reference."""

from __future__ import annotations

from tilth.training.evaluation.metric import metric


@metric("exact")
def exact(answer: str, reference: str) -> float:
    """Equal up to white space at the ends and runs of it."""
    return float(" ".join(answer.split()) == " ".join(reference.split()))
