"""Reusing a holdout: Thresholdout for what steers, a Ladder for scores that are published.

Whoever looks at a holdout, changes something and looks again fits it: choosing the 500 of 10,000 pure-noise features
that agree on train and holdout shows 63 % on that holdout where 50 % is true. Thresholdout (Dwork et al., "The reusable
holdout", Science 349, 2015) answers with the training value unless the two differ by more than a noisy threshold; the
Ladder (Blum and Hardt, arXiv 1502.04585) moves a published best score only for a step that its rows can tell.
"""

from __future__ import annotations

import math

import numpy as np


class Thresholdout:
    """Answers queries with the training value while the holdout agrees with it.

    threshold: how far they may be apart. sigma: scale of the noise (Laplace; 2 sigma on the threshold, 4 sigma on each
    query, sigma on each answer, as published). budget: answers from the holdout that may be given. seed: of the noise.
    """

    def __init__(self, threshold: float, sigma: float, budget: int, seed: int) -> None:
        self.sigma, self.budget = sigma, budget
        self._threshold, self._rng = threshold, np.random.default_rng(seed)
        self._noisy = threshold + self._rng.laplace(0.0, 2 * sigma)

    def is_beyond(self, difference: float) -> bool:
        """Tell whether a difference is beyond the noisy threshold, and count it against the budget if so."""
        beyond = abs(difference) > self._noisy + self._rng.laplace(0.0, 4 * self.sigma)
        if beyond:
            self.budget -= 1
            self._noisy = self._threshold + self._rng.laplace(0.0, 2 * self.sigma)
        return bool(beyond)

    def answer(self, train: float, holdout: float) -> float:
        """Return the value of a query; NaN once the budget is spent."""
        if self.budget < 1:
            return math.nan
        return (
            holdout + float(self._rng.laplace(0.0, self.sigma)) if self.is_beyond(train - holdout) else train
        )


class Ladder:
    """The best score published so far, moved only by a step of at least `eta` = s / sqrt(n) (higher is better)."""

    def __init__(self, best: float = -math.inf) -> None:
        self.best = best

    def publish(self, scores: np.ndarray, best_scores: np.ndarray | None = None) -> float:
        """Return what may be published of scores (items,): their mean, rounded to eta, or the best so far.

        best_scores: those of the best so far, on the same items: s is then that of the differences.
        """
        spread = scores - best_scores if best_scores is not None else scores
        eta = float(spread.std(ddof=1)) / math.sqrt(len(scores))
        mean = float(scores.mean())
        if mean > self.best + eta:
            self.best = round(mean / eta) * eta if eta else mean
        return self.best
