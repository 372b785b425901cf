"""The answer is the reference as JSON."""

from __future__ import annotations

import json

from tilth.training.evaluation.metric import metric


@metric("json")
def equal_json(answer: str, reference: str) -> float:
    """Both parse as JSON and hold equal values; key order and spacing do not count."""
    try:
        return float(json.loads(answer) == json.loads(reference))
    except (ValueError, RecursionError):
        return 0.0
