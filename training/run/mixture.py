"""The mixture of slices during a run: a target anchored at the curated mixture, without memory.

The target is computed anew from what was measured; nothing accumulates, so nothing can run away. Loss is
never a reward: rewarding it sends tokens to the noisiest slice. Every bound is a named constant, and caps
that cannot be met are reported, never dropped in silence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tilth.training.monitors.repetition import value as repetition_value

MAX_STEP = 0.05  # total variation of one update
MAX_DIVERGENCE = 0.5  # KL(p || q) in nats
MAX_EPOCHS = 16.0  # passes over a slice in the whole run
MIN_SHARE, MAX_SHARE = 0.01, 0.6
MIN_RATIO, MAX_RATIO = 0.3, 3.0  # of the curated share
MIN_LOG_VALUE = -3.0
PROGRESS_WEIGHT, OVERFIT_WEIGHT, MEMORISING_WEIGHT = 0.5, 1.0, 0.5
STRIP = 4  # evaluations behind a slope


@dataclass(frozen=True)
class Evidence:
    """What the update may use, one value per slice."""

    curated: np.ndarray  # q, sums to 1
    current: np.ndarray  # p, sums to 1
    drawn_tokens: np.ndarray
    unique_tokens: np.ndarray
    slope: np.ndarray  # change of the feedback loss per evaluation; NaN where not measured
    slope_se: np.ndarray
    overfit: np.ndarray  # bool
    memorising: np.ndarray  # bool
    tokens_left: float


@dataclass(frozen=True)
class Update:
    """The next mixture and why."""

    p: np.ndarray
    target: np.ndarray
    value: np.ndarray  # of another pass over each slice
    progress: np.ndarray  # in [-1, 1]
    exhausted: bool  # the caps on passes could not all be met
    total_variation: float


def update(evidence: Evidence) -> Update:
    """Return the mixture for the steps until the next evaluation.

    p moves at most 0.05 in total variation towards the target; KL(p || q) <= 0.5 if it held before.
    """
    q, p = evidence.curated, evidence.current
    value = repetition_value(evidence.drawn_tokens, evidence.unique_tokens)
    worth = np.log(np.maximum(value, 1e-300))
    worth = np.maximum(worth - worth.max(), MIN_LOG_VALUE)
    progress = relative_progress(evidence.slope, evidence.slope_se)
    logits = (
        np.log(q)
        + worth
        + PROGRESS_WEIGHT * progress
        - OVERFIT_WEIGHT * evidence.overfit
        - MEMORISING_WEIGHT * evidence.memorising
    )
    wish = np.exp(logits - logits.max())
    low, high, exhausted = bounds(evidence)
    target = near(waterfill(wish / wish.sum(), low, high), q)
    distance = total_variation(target, p)
    p = p + (target - p) * min(1.0, MAX_STEP / max(distance, 1e-12))
    p = p / p.sum()
    return Update(p, target, value, progress, exhausted, total_variation(p, evidence.current))


def relative_progress(slope: np.ndarray, slope_se: np.ndarray) -> np.ndarray:
    """Return how much faster than average each slice learns, in [-1, 1]; 0 where it was not measured.

    Slopes are shrunk towards their mean by their standard errors (empirical Bayes, method of moments).
    """
    progress = np.zeros(len(slope))
    known = np.isfinite(slope) & np.isfinite(slope_se)
    if known.sum() < 2:
        return progress
    gain, noise = -slope[known], slope_se[known] ** 2
    between = max(0.0, float(gain.var(ddof=1) - noise.mean()))
    trust = between / np.maximum(between + noise, 1e-30)
    gain = gain.mean() + trust * (gain - gain.mean())
    scale = float(np.abs(gain).mean())
    if scale > 0:
        progress[known] = np.clip(gain / scale - np.sign(gain.mean()), -1, 1)
    return progress


def bounds(evidence: Evidence) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the least and the greatest share of each slice, and whether the caps had to be relaxed.

    A slice whose curated share already exceeds 0.6 keeps it. Where all caps on passes together leave tokens
    without a place, they give way in proportion to the distinct tokens of the slices.
    """
    q, unique = evidence.curated, evidence.unique_tokens
    floor = min(MIN_SHARE, 0.5 / len(q))
    low = np.maximum(np.minimum(floor, q), MIN_RATIO * q)
    widest = np.maximum(q, np.minimum(MAX_SHARE, MAX_RATIO * q))
    passes_left = (MAX_EPOCHS * unique - evidence.drawn_tokens) / max(1.0, evidence.tokens_left)
    high = np.maximum(low, np.minimum(widest, passes_left))
    if high.sum() >= 1:
        return low, high, False
    share = unique / max(1.0, unique.sum())
    lacking = 1 - high.sum()
    return low, high + lacking * share / max(share.sum(), 1e-12), True


def waterfill(p: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return clip(c * p, low, high) with the c for which it sums to 1.

    Needs low <= high, sum(low) <= 1 <= sum(high) and p > 0.
    """
    bottom, top = -60.0, 60.0
    for _ in range(100):
        middle = (bottom + top) / 2
        if np.clip(p * math.exp(middle), low, high).sum() < 1:
            bottom = middle
        else:
            top = middle
    filled = np.clip(p * math.exp(top), low, high)
    return filled / filled.sum()


def near(target: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return the point towards q nearest to `target` with KL(. || q) <= 0.5.

    KL is convex: a step from a mixture within the bound towards this one stays within it.
    """
    if divergence(target, q) <= MAX_DIVERGENCE:
        return target
    inside, outside = 0.0, 1.0
    for _ in range(60):
        middle = (inside + outside) / 2
        if divergence(q + middle * (target - q), q) <= MAX_DIVERGENCE:
            inside = middle
        else:
            outside = middle
    return q + inside * (target - q)


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Return KL(p || q) in nats."""
    positive = p > 0
    return float((p[positive] * np.log(p[positive] / q[positive])).sum())


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """Return half the sum of absolute differences."""
    return 0.5 * float(np.abs(p - q).sum())


def theil_sen(losses: np.ndarray) -> tuple[float, float]:
    """Return (slope, standard error) of the mean loss per evaluation over the last 4 evaluations.

    losses: (evaluations, rows). The slope is the median over pairs of evaluations (Theil 1950, Sen 1968);
    its error is that of the mean of the rows' least-squares slopes. NaN with fewer than two of either.
    """
    strip = losses[-STRIP:]
    count, rows = strip.shape
    if count < 2 or rows < 2:
        return math.nan, math.nan
    means = strip.mean(axis=1)
    first, second = np.triu_indices(count, 1)
    slope = float(np.median((means[second] - means[first]) / (second - first)))
    times = np.arange(count) - (count - 1) / 2
    of_row = times @ strip / float(times @ times)
    return slope, float(of_row.std(ddof=1)) / math.sqrt(rows)
