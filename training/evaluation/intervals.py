"""Intervals: clustered Student-t bounds for monitors, paired bootstraps for comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

DRAWS = 4_000


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error; `groups` is the number of independent groups behind it."""

    mean: float
    se: float
    groups: int

    def lower(self, alpha: float) -> float:
        """Return the one-sided lower bound at level 1 - alpha (Student t, groups - 1 degrees of freedom)."""
        if self.groups < 2:
            return -math.inf
        return self.mean - float(stdtrit(self.groups - 1, 1 - alpha)) * self.se

    def __sub__(self, other: Estimate) -> Estimate:
        """Return the difference of two independent means; the smaller sample gives the degrees of freedom."""
        return Estimate(self.mean - other.mean, math.hypot(self.se, other.se), min(self.groups, other.groups))


@dataclass(frozen=True)
class Interval:
    """A point estimate with a two-sided interval."""

    mean: float
    low: float
    high: float

    def covers(self, value: float) -> bool:
        """Tell whether `value` lies inside."""
        return self.low <= value <= self.high

    def to_dict(self) -> dict[str, float]:
        """Return the interval as plain JSON values."""
        return {"mean": self.mean, "low": self.low, "high": self.high}


def clustered_mean(values: np.ndarray, clusters: np.ndarray | None = None) -> Estimate:
    """Return the mean of `values` (n,) with a cluster-robust standard error.

    clusters: (n,) any integer codes; None: every value is its own cluster.
    Var = G/(G-1) * sum_g (sum_{i in g} (x_i - mean))^2 / n^2 (Liang & Zeger 1986).
    """
    n = len(values)
    if n == 0:
        return Estimate(math.nan, math.nan, 0)
    mean = float(values.mean())
    residuals: np.ndarray = values - mean
    if clusters is not None:
        _, codes = np.unique(clusters, return_inverse=True)
        residuals = np.bincount(codes, weights=residuals)
    groups = len(residuals)
    if groups < 2:
        return Estimate(mean, math.nan, groups)
    return Estimate(mean, math.sqrt(groups / (groups - 1) * float(residuals @ residuals)) / n, groups)


def spent_alpha(evaluation: int, slices: int, total: float = 0.05) -> float:
    """Return the level of one test so that all evaluations of all slices together spend `total`.

    evaluation: counted from 1 after the baseline. total * 6 / (pi^2 t^2) / slices sums to `total`.
    """
    return total * 6 / (math.pi**2 * evaluation**2) / max(1, slices)


def paired_bootstrap(
    differences: np.ndarray,
    sizes: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    level: float = 0.95,
) -> Interval:
    """Return the mean paired difference, sum(differences) / sum(sizes), with a two-level interval.

    differences: (seeds, rows), one line per paired seed: new minus old, summed over the tokens of a row.
    sizes: (rows,) tokens of a row; ones for scores per item.
    clusters: (rows,) codes of rows that belong together; they are drawn together.

    Rows are resampled with replacement. Two or three seeds cannot be resampled honestly (three equal draws
    of three have no spread), so the level above is drawn from Student t with seeds - 1 degrees of freedom
    and the spread of the seeds' means. With one seed that spread is unknown and the interval speaks of this
    seed only.
    """
    seeds, rows = differences.shape
    codes = np.arange(rows) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    groups = int(codes.max()) + 1 if rows else 0
    if groups == 0:
        return Interval(math.nan, math.nan, math.nan)
    rng = np.random.default_rng(seed)
    by_group = np.bincount(codes, weights=differences.mean(axis=0), minlength=groups)
    size_of_group = np.bincount(codes, weights=sizes, minlength=groups)
    picks = rng.multinomial(groups, np.full(groups, 1 / groups), size=draws)
    means = (picks @ by_group) / np.maximum(picks @ size_of_group, 1e-12)
    if seeds > 1:
        of_seed = differences.sum(axis=1) / sizes.sum()
        means = means + rng.standard_t(seeds - 1, size=draws) * of_seed.std(ddof=1) / math.sqrt(seeds)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(by_group.sum() / size_of_group.sum()), float(low), float(high))
