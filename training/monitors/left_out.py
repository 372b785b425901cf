"""What the other rows say a row's answer is: predictions from which its own answer is left out, in closed form.

Kernel ridge regression of the answers on what the untuned base makes of the questions. With G = (K + ridge I)^-1, the
prediction for a row from all others is y - (G y) / diag(G) (Allen's PRESS, 1974; Rifkin and Lippert, 2007): exact, at
the price of one inverse. No row takes part in its own judgement, whatever it would have made a model memorise.
"""

from __future__ import annotations

import numpy as np

WIDTH = 0.5  # of the kernel exp(WIDTH (cos - 1)): broad, so that most of it is linear in the states
RIDGES = (0.3, 0.1, 0.03, 0.01, 1e-3)  # the first that predicts answers as well as any, but for SLACK
SLACK = 0.003
MAX_ROWS = 4096  # of one inverse: 2 s and 270 MB; more rows are judged in blocks of that many


def kernel(states: np.ndarray) -> np.ndarray:
    """Return how alike rows are to the base, (rows, rows), from their states (rows, width), standardised."""
    scaled = (states - states.mean(0)) / (states.std(0) + 1e-6)
    scaled /= np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)
    alike: np.ndarray = np.exp(WIDTH * (scaled @ scaled.T - 1.0))
    return alike


def left_out_scores(alike: np.ndarray, answers: np.ndarray, trusted: np.ndarray, ridge: float) -> np.ndarray:
    """Return a score of every answer for every row, (rows, answers), from the trusted rows but the row itself.

    alike: as `kernel` returns. answers: codes (rows,). trusted: bool (rows,). The scores of a row sum to about 1.
    """
    kept = np.flatnonzero(trusted)
    kinds = int(answers.max()) + 1
    wanted = np.eye(kinds)[answers[kept]] - 1 / kinds
    inverse = _inverse(alike[np.ix_(kept, kept)], ridge)
    weights = inverse @ wanted
    scores: np.ndarray = alike[:, kept] @ weights + 1 / kinds
    scores[kept] = wanted - weights / np.diag(inverse)[:, None] + 1 / kinds
    return scores


def best_ridge(alike: np.ndarray, answers: np.ndarray) -> float:
    """Return the largest of RIDGES that predicts the answers of left-out rows as often as the best, but for SLACK."""
    all_rows = np.ones(len(answers), dtype=bool)
    agreed = [
        float((left_out_scores(alike, answers, all_rows, ridge).argmax(1) == answers).mean())
        for ridge in RIDGES
    ]
    return next(ridge for ridge, share in zip(RIDGES, agreed, strict=True) if share >= max(agreed) - SLACK)


def _inverse(matrix: np.ndarray, ridge: float) -> np.ndarray:
    from scipy.linalg.lapack import dpotrf, dpotri

    factor, failed = dpotrf(matrix + ridge * np.eye(len(matrix)), lower=1)
    lower, failed_too = dpotri(factor, lower=1)
    if failed or failed_too:
        raise np.linalg.LinAlgError("the kernel of the rows is not positive definite")
    half = np.tril(lower)
    whole: np.ndarray = half + np.tril(half, -1).T
    return whole
