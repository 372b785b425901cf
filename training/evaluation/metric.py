"""The metric contract: a score of one answer against its reference. A file in metrics/ is found by being there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from tilth.shards.discovery import import_all

# What a recipe without a task is told to add.
ADD_A_TASK = "evaluation: {tasks: [{path: questions.jsonl, metric: exact}]}"
FOLDER = "tilth.training.evaluation.metrics"
Score = Callable[[str, str], float]  # (answer, reference) -> [0, 1], higher is better
_METRICS: dict[str, Metric] = {}


def any_text(reference: str) -> str:
    """Find nothing wrong with a reference."""
    return ""


@dataclass(frozen=True)
class Metric:
    """How answers are scored. problem: what is wrong with a reference, "" if it will do; asked before any answer."""

    name: str
    score: Score
    problem: Callable[[str], str] = any_text

    @property
    def sentence(self) -> str:
        """What it measures, in a sentence."""
        return (self.score.__doc__ or "").strip().split("\n")[0]


def metric(name: str, *, problem: Callable[[str], str] = any_text) -> Callable[[Score], Score]:
    """Register a function of (answer, reference) as the metric that tasks call `name`."""

    def register(score: Score) -> Score:
        if name in _METRICS and _METRICS[name].score.__module__ != score.__module__:
            raise ValueError(f"two metrics are named {name!r}")
        _METRICS[name] = Metric(name, score, problem)
        return score

    return register


@cache
def registry() -> dict[str, Metric]:
    """Return every metric of the house by name, importing the folder of metrics and nothing else."""
    import_all(FOLDER)
    return dict(sorted(_METRICS.items()))
