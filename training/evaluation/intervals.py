"""Intervals: clustered Student-t bounds for monitors, paired means of rows, questions and seeds for what is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr, stdtrit

DRAWS = 20_000
LEVEL = 0.95
MIN_TO_DECIDE = 30  # rows, or different questions, below which no test decides


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
        """Tell whether `value` lies inside, or nothing tells that it does not."""
        return not (value < self.low or value > self.high)

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


@dataclass(frozen=True)
class Mean:
    """A mean with what its interval and its tests rest on.

    centre and se are those of the mean after two made-up questions (see `paired_mean`); df: of Student's t. seed_se and
    seed_df: the spread of the mean over paired seeds, 0 for one seed, whose interval speaks of that seed only.
    """

    mean: float
    centre: float
    se: float
    groups: int
    df: float
    seed_se: float = 0.0
    seed_df: int = 0
    ends: tuple[float, float] = (-math.inf, math.inf)

    def interval(self, level: float = LEVEL) -> Interval:
        """Return the two-sided interval; its ends are NaN where fewer than two groups give none.

        Over seeds it is that of the sum of two independent t variables (Behrens and Fisher), drawn.
        """
        if self.groups < 2 or not math.isfinite(self.se):
            return Interval(self.mean, math.nan, math.nan)
        if self.seed_df:
            low, high = np.quantile(self._drawn(), [(1 - level) / 2, (1 + level) / 2])
        else:
            high = float(stdtrit(self.df, (1 + level) / 2)) * self.se
            low = -high
        least, most = self.ends
        return Interval(self.mean, max(least, self.centre + float(low)), min(most, self.centre + float(high)))

    def p_above(self) -> float:
        """Return the one-sided p-value of a mean that is not above zero; 1 where nothing can be said."""
        return self._p(self.centre)

    def p_below(self) -> float:
        """Return the one-sided p-value of a mean that is not below zero; 1 where nothing can be said."""
        return self._p(-self.centre)

    def p_not_below(self, margin: float) -> float:
        """Return the one-sided p-value of a mean that is not below `margin`; 1 where nothing can be said."""
        if self.groups < 2 or not math.isfinite(self.se):
            return 1.0
        if self.seed_df:
            return float((self.centre + self._drawn() >= margin).mean())
        if self.se == 0:
            return 0.0 if self.centre < margin else 1.0
        return float(stdtr(self.df, (self.centre - margin) / self.se))

    def _p(self, centre: float) -> float:
        if self.groups < 2 or not math.isfinite(self.se) or self.seed_df:
            return 1.0
        if self.se == 0:
            return 0.0 if centre > 0 else 1.0
        return float(stdtr(self.df, -centre / self.se))

    def _drawn(self) -> np.ndarray:
        rng = np.random.default_rng(0)
        of_rows = self.se * rng.standard_t(self.df, DRAWS)
        return of_rows + self.seed_se * rng.standard_t(self.seed_df, DRAWS)


def paired_mean(
    differences: np.ndarray,
    sizes: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    ends: tuple[float, float] | None = None,
) -> Mean:
    """Return the mean paired difference, sum(differences) / sum(sizes), and how far it may be off.

    differences: (seeds, rows), one line per paired seed: new minus old, summed over the tokens of a row.
    sizes: (rows,) tokens of a row; ones for scores per item.
    clusters: (rows,) codes of rows that belong together; they are left out together.
    ends: the least and the greatest a score (or a difference of scores) can be; None for losses, which have none.

    The error is that of the delete-one-cluster jackknife (Tukey 1958; CV3 of MacKinnon, Nielsen and Webb 2023), with
    Student's t at the effective number of clusters, (sum s)^2 / sum s^2, less one (Carter, Schnepel and Steigerwald
    2017). Scores that are all alike have no spread, and few of them too little: so two made-up clusters stand beside
    them, one at each end (as Agresti and Min 2005 add to the cells of a paired table), of the size of the cluster in
    which a question stands on average, sum s^2 / sum s. benchmarks/suite/coverage.py measures what comes of it.
    """
    seeds, rows = differences.shape
    codes = np.arange(rows) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    groups = int(codes.max()) + 1 if rows else 0
    size_of = np.bincount(codes, weights=sizes, minlength=groups)
    if groups == 0 or size_of.sum() <= 0:
        return Mean(math.nan, math.nan, math.nan, 0, 0.0)
    total_of = np.bincount(codes, weights=differences.mean(axis=0), minlength=groups)
    mean, usual = float(total_of.sum() / size_of.sum()), float((size_of**2).sum() / size_of.sum())
    df = float(size_of.sum()) / usual - 1
    if ends is not None:
        total_of, size_of = (
            np.concatenate([total_of, usual * np.array(ends)]),
            np.append(size_of, [usual, usual]),
        )
    centre, se = _jackknife(total_of, size_of)
    found = Mean(mean, centre, se, groups, max(1.0, df), ends=ends or (-math.inf, math.inf))
    if seeds == 1:
        return found
    of_seed = differences.sum(axis=1) / sizes.sum()
    return replace(found, seed_se=float(of_seed.std(ddof=1)) / math.sqrt(seeds), seed_df=seeds - 1)


def _jackknife(totals: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Return sum(totals) / sum(sizes) and its standard error, from leaving out each cluster in turn."""
    centre, groups = float(totals.sum() / sizes.sum()), len(totals)
    if groups < 2:
        return centre, math.nan
    without = (totals.sum() - totals) / np.maximum(sizes.sum() - sizes, 1e-12)
    return centre, math.sqrt((groups - 1) / groups * float(((without - centre) ** 2).sum()))


def holm(p_values: Mapping[str, float], error: float = (1 - LEVEL) / 2) -> set[str]:
    """Return the names whose hypotheses are refused so that the chance of one false refusal in all is `error`.

    Holm 1979: the k-th smallest of m p-values is held against error / (m - k + 1), until one fails.
    """
    refused: set[str] = set()
    for rank, name in enumerate(sorted(p_values, key=lambda n: p_values[n])):
        if not p_values[name] <= error / (len(p_values) - rank):
            break
        refused.add(name)
    return refused
