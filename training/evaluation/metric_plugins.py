"""Metrics of installed packages: imported only when a task names them.

A package offers a metric, a function of (answer, reference) that returns a score in [0, 1], through an entry point of
the group `tilth.metrics`; a task names it as the entry point is called, or by its value:

    [project.entry-points."tilth.metrics"]
    politeness = "my_package.politeness:score"
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from tilth.shards.errors import TrainingError
from tilth.training.evaluation.task_metrics import METRICS

GROUP = "tilth.metrics"
Metric = Callable[[str, str], float]


def require_offered(name: str) -> str:
    """Return the name of a metric that is built in or installed; imports nothing. Raises ValueError."""
    if name in METRICS or name in _offered():
        return name
    known = [*METRICS, *sorted(_offered())]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}"
    raise ValueError(f"no metric {name!r}; {hint}")


def metric(name: str) -> Metric:
    """Return a metric, importing it if a package offers it.

    Its scores are checked: one that raises, or returns what is no number in [0, 1], raises TrainingError naming it.
    So does one that cannot be imported.
    """
    if name in METRICS:
        return METRICS[name]
    score = _imported(_offered()[require_offered(name)])

    def checked(answer: str, reference: str) -> float:
        try:
            value = float(score(answer, reference))
        except Exception as error:
            raise _unusable(name, f"raised {type(error).__name__}") from error
        if not 0 <= value <= 1:
            raise _unusable(name, f"returned {value:g}, a score must be in [0, 1]")
        return value

    return checked


def _offered() -> dict[str, EntryPoint]:
    points = entry_points(group=GROUP)
    return {p.value: p for p in points} | {p.name: p for p in points}


def _imported(point: EntryPoint) -> Metric:
    try:
        score: Metric = point.load()
    except Exception as error:
        raise _unusable(point.name, f"cannot be imported ({type(error).__name__})") from error
    if not callable(score):
        raise _unusable(point.name, "is no function of (answer, reference)")
    return score


def _unusable(name: str, what: str) -> TrainingError:
    return TrainingError(
        f"metric {name}", what, "The model cannot be judged with it", "Mend or reinstall its package"
    )
