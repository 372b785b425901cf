"""How sure a score makes it that a row is wrong, read off decoys: rows whose answer is known to be wrong.

With F the share of rows that score at least t and pi the share of noise of the decoys' kind,
precision(t) = pi F_decoy(t) / F_all(t).

The plain estimate pi = min_t F_all(t) / F_decoy(t) counts the tail of the clean rows as noise and so finds
noise where there is none. What tells them apart is shape: of four quarters of the decoys by score, noise
fills the highest and the third alike, while clean rows thin out upwards. If they are at least
CLEAN_DECAY times rarer in the highest, the excess of the third bounds how many of the highest are clean.
All of this holds for rows that are as hard as each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MIN_DECOYS = 30
MIN_PRECISION = 0.9
MIN_FLAGGED = 5  # rows beyond the highest quarter of the decoys
CLEAN_DECAY = 10.0
CONFIDENCE_Z = 1.3  # one-sided 90 % on the excess
LEVELS = np.arange(0.15, 1.0, 0.05)  # shares of the decoys at or above the thresholds tried


@dataclass(frozen=True)
class Calibration:
    """What the decoys say about the scores of a slice, by descending threshold."""

    noise: float  # lower estimate of pi
    thresholds: np.ndarray
    precision: np.ndarray  # estimated, of the rows at or above each threshold

    @property
    def threshold(self) -> float | None:
        """The lowest threshold with precision >= 0.9; None where there is none."""
        sure = np.flatnonzero(self.precision >= MIN_PRECISION)
        return float(self.thresholds[sure[-1]]) if len(sure) else None

    def of(self, scores: np.ndarray) -> np.ndarray:
        """Return the estimated precision at each score (n,); 0 below every threshold."""
        beyond = scores[:, None] >= self.thresholds[None, :]
        best = self.precision[np.argmax(beyond, axis=1)]
        return np.where(beyond.any(axis=1), best, 0.0)


def calibrate(scores: np.ndarray, decoys: np.ndarray) -> Calibration | None:
    """Return the precision of thresholds on `scores` (n,), higher is worse; None with too few decoys (m,)."""
    if min(len(scores), len(decoys)) < MIN_DECOYS:
        return None
    thresholds = np.quantile(decoys, 1 - LEVELS)
    share_all, share_decoy = survival(scores, thresholds), survival(decoys, thresholds)
    noise = noise_share(scores, decoys)
    precision = np.minimum(1.0, noise * share_decoy / np.maximum(share_all, 1e-12))
    # A higher threshold cannot be less precise: what holds for a lower one holds for it.
    return Calibration(noise, thresholds, np.maximum.accumulate(precision[::-1])[::-1])


def separation(scores: np.ndarray, decoys: np.ndarray) -> float:
    """Return the probability that a decoy scores above a row, ties counted half."""
    ordered = np.sort(scores)
    below = np.searchsorted(ordered, decoys, side="left") + np.searchsorted(ordered, decoys, side="right")
    return float(below.mean()) / (2 * len(scores))


def noise_share(scores: np.ndarray, decoys: np.ndarray) -> float:
    """Return a lower estimate of the share of rows that are noise of the decoys' kind."""
    third, half, highest = np.quantile(decoys, [0.25, 0.5, 0.75])
    top = int((scores >= highest).sum())
    beside = int(((scores >= third) & (scores < half)).sum())
    if top < MIN_FLAGGED:
        return 0.0
    # Poisson counts; a quarter of m decoys is known to sqrt(3 / m) of itself
    error = math.sqrt(top + beside + 3 * (top**2 + beside**2) / len(decoys))
    clean = max(0.0, beside - top + CONFIDENCE_Z * error) / (CLEAN_DECAY - 1)
    return min(1.0, max(0.0, top - clean) / (0.25 * len(scores)))


def survival(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the share of `values` that is >= each of `at`."""
    return 1 - np.searchsorted(np.sort(values), at, side="left") / max(1, len(values))
