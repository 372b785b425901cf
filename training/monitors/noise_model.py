"""How likely a row's answer is wrong, given what the other rows say it is: a model of noise with two numbers.

The true answer z of a row is drawn from q = softmax(sharpness * scores), and it stands there wrong with probability
`noise`: then as an answer that is confused with z, as often as the rows themselves confuse the two. Both numbers are
those under which the answers that stand there are likeliest, so that a base that cannot tell finds little noise and no
row of which it is sure. Nothing in it is fitted to a row's own answer: the scores come from all other rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLOOR = 1e-12
SHARPEST, FLATTEST = 64.0, 1.0
MAX_NOISE = 0.6


@dataclass(frozen=True)
class NoiseModel:
    """The fit, and what it says of every row."""

    sharpness: float
    noise: float  # share of the answers that are wrong
    wrong: np.ndarray  # (rows,): probability that the row's own answer is wrong
    likeliest: np.ndarray  # (rows,): code of the likeliest answer, the row's own considered
    probability: np.ndarray  # (rows,): of that


def fit(scores: np.ndarray, answers: np.ndarray) -> NoiseModel:
    """Fit the model to scores (rows, answers) and the codes of the answers that stand there (rows,)."""
    from scipy.optimize import minimize

    rows = np.arange(len(answers))
    confused = _confusions(_softmax(8.0 * scores))

    def parts(logs: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        sharpness = float(np.clip(np.exp(logs[0]), FLATTEST, SHARPEST))
        noise = MAX_NOISE / (1 + float(np.exp(-np.clip(logs[1], -12, 12))))
        likely = _softmax(sharpness * scores)
        mistaken = (likely * confused[:, answers].T).sum(1)  # for what stands there
        return likely, noise, mistaken

    def surprise(logs: np.ndarray) -> float:
        likely, noise, mistaken = parts(logs)
        return float(-np.log((1 - noise) * likely[rows, answers] + noise * mistaken + FLOOR).mean())

    start = np.array([[2.7, -2.0], [3.2, -2.0], [2.7, -1.0]])
    found = minimize(
        surprise,
        start[0],
        method="Nelder-Mead",
        options={"initial_simplex": start, "xatol": 1e-3, "fatol": 1e-7},
    )
    likely, noise, _ = parts(found.x)
    stands = noise * confused + (1 - noise) * np.eye(
        len(confused)
    )  # true answer -> the one that stands there
    posterior = likely * stands[:, answers].T
    posterior /= np.maximum(posterior.sum(1, keepdims=True), FLOOR)
    likeliest = posterior.argmax(1)
    sharpness = float(np.clip(np.exp(found.x[0]), FLATTEST, SHARPEST))
    return NoiseModel(sharpness, noise, 1 - posterior[rows, answers], likeliest, posterior[rows, likeliest])


def _confusions(likely: np.ndarray) -> np.ndarray:
    """Return how often each answer (line) is taken for each other (column); lines sum to 1, the diagonal is 0."""
    found: np.ndarray = likely.T @ likely
    np.fill_diagonal(found, 0.0)
    return found / np.maximum(found.sum(1, keepdims=True), FLOOR)


def _softmax(logits: np.ndarray) -> np.ndarray:
    raised: np.ndarray = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)
