"""A metric by its name: one of the house, or one of an installed package, imported only when a task names it.

A package offers a metric, a function of (answer, reference) that returns a score in [0, 1], through an entry point of
the group `tilth.metrics`; a task names it as the entry point is called, or by its value:

    [project.entry-points."tilth.metrics"]
    politeness = "my_package.politeness:score"
"""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from tilth.shards.errors import TrainingError
from tilth.training.evaluation.metric import Metric, Score, registry

GROUP = "tilth.metrics"


def names() -> list[str]:
    """Return what a task may name: the metrics of the house, then those that packages offer. Imports no package."""
    return [*registry(), *sorted(_offered())]


def find(name: str) -> Metric:
    """Return a metric whose scores are checked, importing it if a package offers it.

    One that raises, or returns what is no number in [0, 1], raises TrainingError naming it; so does one that is not
    there or cannot be imported.
    """
    metric = registry().get(name)
    if metric is None:
        offered = _offered()
        if name not in offered:
            raise _unusable(name, "there is none of this name", f"Known are: {', '.join(names())}")
        metric = Metric(name, _imported(offered[name]))
    return replace(metric, score=_checked(metric))


def _checked(metric: Metric) -> Score:
    def score(answer: str, reference: str) -> float:
        try:
            value = float(metric.score(answer, reference))
        except Exception as error:
            raise _unusable(metric.name, f"raised {type(error).__name__}") from error
        if not 0 <= value <= 1:
            raise _unusable(metric.name, f"returned {value:g}, a score must be in [0, 1]")
        return value

    return score


def _offered() -> dict[str, EntryPoint]:
    points = entry_points(group=GROUP)
    return {p.value: p for p in points} | {p.name: p for p in points}


def _imported(point: EntryPoint) -> Score:
    try:
        score: Score = point.load()
    except Exception as error:
        raise _unusable(point.name, f"cannot be imported ({type(error).__name__})") from error
    if not callable(score):
        raise _unusable(point.name, "is no function of (answer, reference)")
    return score


def _unusable(name: str, what: str, next_step: str = "Mend or reinstall its package") -> TrainingError:
    return TrainingError(f"metric {name}", what, "The model cannot be judged with it", next_step)
