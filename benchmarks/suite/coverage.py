"""How often the intervals and words of a run are right, where the truth is known: simulated rows and questions.

Coverage of 95 % intervals of a mean paired change at sizes from 5 to 1,000, alone and in clusters (groups of rows,
questions asked again); the percentile bootstrap, which was used before, beside them. Then how often ten tasks whose
scores did not change are headed USE or DO NOT USE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

SIZES = (5, 10, 20, 30, 50, 100, 300, 1000)
TRIALS, BOOTSTRAP_TRIALS, RUNS = 2000, 400, 4000
TASKS, QUESTIONS = 10, 100
CLUSTER_SIZES = (1, 1, 2, 3, 5, 8)
FLIPPED = (0.05, 0.1, 0.2, 0.4)  # share of the questions whose answer changed, as often to right as to wrong
DECIMALS = 4


class Drawn(NamedTuple):
    """Differences and sizes by row, the cluster of each, and the true mean."""

    differences: np.ndarray
    sizes: np.ndarray
    clusters: np.ndarray
    mean: float


World = Callable[[np.random.Generator, int, bool], Drawn]


def measure() -> dict[str, Any]:
    """Return coverage by world and size, the least of all, and the rates of false words."""
    rng = np.random.default_rng(0)
    worlds: dict[str, tuple[World, tuple[float, float] | None]] = {
        "loss, skewed and heavy-tailed": (_losses, None),
        "score, 30 % gained 10 % lost": (_scores(0.3, 0.1), (-1.0, 1.0)),
        "score, 5 % gained 5 % lost": (_scores(0.05, 0.05), (-1.0, 1.0)),
        "score, 60 % gained none lost": (_scores(0.6, 0.0), (-1.0, 1.0)),
        "score between 0 and 1": (_parts, (-1.0, 1.0)),
    }
    covered = {
        f"{name}, {'clustered' if clustered else 'alone'}": {
            str(size): _coverage(rng, world, size, clustered, ends) for size in SIZES
        }
        for name, (world, ends) in worlds.items()
        for clustered in (False, True)
    }
    return {
        "covered": covered,
        "least_covered": min(share for by_size in covered.values() for share in by_size.values()),
        "covered_by_percentile_bootstrap": {
            str(size): _bootstrap_coverage(rng, size) for size in SIZES if size <= QUESTIONS
        },
        "words_of_ten_unchanged_tasks": {
            f"{flipped:.0%} flipped": _false_words(rng, flipped) for flipped in FLIPPED
        },
    }


def _coverage(
    rng: np.random.Generator, world: World, size: int, clustered: bool, ends: tuple[float, float] | None
) -> float:
    from tilth.training.evaluation.intervals import paired_mean

    hits = 0
    for _ in range(TRIALS):
        drawn = world(rng, size, clustered)
        found = paired_mean(drawn.differences[None], drawn.sizes, clusters=drawn.clusters, ends=ends)
        hits += found.interval().covers(drawn.mean)
    return round(hits / TRIALS, DECIMALS)


def _bootstrap_coverage(rng: np.random.Generator, size: int, draws: int = 1000) -> float:
    hits = 0
    for _ in range(BOOTSTRAP_TRIALS):
        drawn = _losses(rng, size, False)
        picks = rng.multinomial(size, np.full(size, 1 / size), size=draws)
        low, high = np.quantile((picks @ drawn.differences) / (picks @ drawn.sizes), [0.025, 0.975])
        hits += bool(low <= drawn.mean <= high)
    return round(hits / BOOTSTRAP_TRIALS, DECIMALS)


def _false_words(rng: np.random.Generator, flipped: float) -> dict[str, float]:
    from tilth.training.evaluation.judge import scores_mean
    from tilth.training.run.word import Evidence, weigh

    words = []
    still = {"value": 0.5, "low": 0.4, "high": 0.6}
    for _ in range(RUNS):
        tasks = []
        for number in range(TASKS):
            moved = rng.random(QUESTIONS)
            gained = (moved < flipped / 2) * 1.0 - (moved > 1 - flipped / 2)
            found = scores_mean(gained, None)
            of = {"name": str(number), "metric": "exact", "items": QUESTIONS, "base": still, "tuned": still}
            tasks.append(of | {"change": still, "p_better": found.p_above(), "p_worse": found.p_below()})
        words.append(weigh(Evidence(None, tasks=tasks)).word)  # type: ignore[arg-type]
    return {word: round(words.count(word) / RUNS, DECIMALS) for word in ("USE", "DO NOT USE")}


def _clusters(rng: np.random.Generator, size: int, clustered: bool) -> np.ndarray:
    if not clustered:
        return np.arange(size)
    return np.repeat(np.arange(size), rng.choice(CLUSTER_SIZES, size))[:size]


def _losses(rng: np.random.Generator, size: int, clustered: bool) -> Drawn:
    clusters = _clusters(rng, size, clustered)
    sizes = rng.integers(5, 60, size).astype(float)
    of_cluster = rng.gamma(2, 0.15, size)[clusters] - 0.3
    of_row = 0.05 + of_cluster + rng.standard_t(5, size) * 0.2
    return Drawn(of_row * sizes, sizes, clusters, 0.05)


def _scores(gained: float, lost: float) -> World:
    def drawn(rng: np.random.Generator, size: int, clustered: bool) -> Drawn:
        clusters, moved = _clusters(rng, size, clustered), rng.random(size)
        of_question = (moved < gained) * 1.0 - (moved > 1 - lost)
        return Drawn(of_question[clusters], np.ones(size), clusters, gained - lost)

    return drawn


def _parts(rng: np.random.Generator, size: int, clustered: bool) -> Drawn:
    clusters = _clusters(rng, size, clustered)
    of_question = rng.beta(0.5, 0.5, size) - rng.beta(0.4, 0.6, size)
    return Drawn(of_question[clusters], np.ones(size), clusters, 0.1)
