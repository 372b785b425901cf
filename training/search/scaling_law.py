"""How loss falls with data: the rectified scaling law L(D) = B / (D_l + D^β) + E (Lin et al., arXiv 2402.02314).

D_l stands for what a model had learned of the task before: a well-suited base begins on the flat part of its curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import least_squares

Points = Sequence[tuple[float, float]]  # (rows, loss), rows ascending from 0: the untuned model

BETAS, FLOORS = (0.1, 1.5), (0.0, 0.98)  # the floor in parts of the lowest loss seen
SCALES = (-20.0, 30.0)  # of ln (L(0) - E) and of ln D_l: a curve that does not fall has no end of its own
STARTS = tuple(
    product((0.3, 0.6, 0.9), (0.05, 0.5))
)  # β and floor that the search for the least error starts from
NOISE = 0.02  # relative, of one measured loss: two seeds of a short run differ by 1 to 5 %
SPREAD = 0.5  # of ln β among models on one task
MIN_ACCEPTED = 3
TOLERANCE = 0.05  # relative: a loss so far above the line of the larger subsets has left the power phase


@dataclass(frozen=True)
class Law:
    """The four parameters; data in rows, loss in any unit. error: root mean square of the relative residuals."""

    scale: float  # B
    prelearned: float  # D_l
    exponent: float  # β
    floor: float  # E
    error: float = 0.0

    def loss(self, rows: float) -> float:
        """Return the loss after `rows` rows."""
        return self.scale / (self.prelearned + rows**self.exponent) + self.floor

    def doubling(self, rows: float) -> float:
        """Return by how much the loss falls from `rows` rows to twice as many."""
        return self.loss(rows) - self.loss(2 * rows)


def fit(curves: Sequence[Points]) -> list[Law]:
    """Return the law of each curve, of least squared relative error over all of them.

    B, D_l and β are each curve's own, E is common to all. A few short runs of one model hardly tell β from D_l, so
    each β is held near the geometric mean of all (partial pooling): ln β strays by SPREAD for the price of an error
    of NOISE. A curve of two points takes the common β; one of many has its own. Each needs a point above 0 rows.
    """
    data = [np.asarray(curve, float).T for curve in curves]
    lowest = min(float(losses.min()) for _, losses in data)

    def laws(values: np.ndarray) -> list[Law]:
        heights, prelearned, betas = (
            np.exp(values[1:]).reshape(3, -1).tolist()
        )  # a height is L(0) - E = B / D_l
        return [
            Law(height * d, d, beta, float(values[0]) * lowest)
            for height, d, beta in zip(heights, prelearned, betas, strict=True)
        ]

    def residuals(values: np.ndarray) -> np.ndarray:
        errors = [_errors(law, points) / NOISE for law, points in zip(laws(values), data, strict=True)]
        log_betas = values[-len(data) :]
        return np.concatenate([*errors, (log_betas - log_betas.mean()) / SPREAD])

    low, high = (
        [FLOORS[end], *[SCALES[end]] * (2 * len(data)), *[math.log(BETAS[end])] * len(data)] for end in (0, 1)
    )
    found = [least_squares(residuals, _start(data, *at), bounds=(low, high), x_scale="jac") for at in STARTS]
    best = laws(min(found, key=lambda result: result.cost).x)
    return [
        Law(law.scale, law.prelearned, law.exponent, law.floor, float(np.sqrt((_errors(law, p) ** 2).mean())))
        for law, p in zip(best, data, strict=True)
    ]


def accepted(points: Points) -> list[tuple[float, float]]:
    """Return the points that a law is fitted to: "accept then stop".

    From the largest subset down a point is accepted while it lies on the line of log loss over log rows of the
    larger ones; before that power phase a curve is flatter, and no smaller subset says anything more. The largest
    MIN_ACCEPTED always stay, and so does the untuned model, which fixes B / D_l.
    """
    untuned, subsets = [p for p in points if p[0] == 0], [p for p in points if p[0] > 0]
    kept = subsets[-MIN_ACCEPTED:]
    for rows, loss in reversed(subsets[:-MIN_ACCEPTED]):
        x, y = np.log(np.asarray(kept, float)).T
        slope, start = np.polyfit(x, y, 1)
        if math.log(loss) < slope * math.log(rows) + start - TOLERANCE:
            break
        kept = [(rows, loss), *kept]
    return [*untuned, *kept]


def _errors(law: Law, points: np.ndarray) -> np.ndarray:
    """Return the relative error of a law at points (2, count)."""
    rows, losses = points
    return (law.scale / (law.prelearned + rows**law.exponent) + law.floor) / losses - 1


def _start(data: list[np.ndarray], beta: float, floor: float) -> np.ndarray:
    """Return a start of the search: floor, log heights, log D_l, log β. Each curve is met at its ends."""
    lowest = floor * min(float(losses.min()) for _, losses in data)
    heights = [float(losses.max()) - lowest for _, losses in data]
    ends = [max(float(losses[-1]) - lowest, 1e-9) for _, losses in data]
    prelearned = [
        float(rows[-1]) ** beta / max(height / end - 1, 1e-3)
        for (rows, _), height, end in zip(data, heights, ends, strict=True)
    ]
    return np.array([floor, *np.log(heights), *np.log(prelearned), *[math.log(beta)] * len(data)])
