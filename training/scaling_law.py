"""How loss falls with data: the rectified scaling law L(D) = B / (D_l + D^β) + E (Lin et al., arXiv 2402.02314).

D_l stands for what a model had learned of the task before: a well-suited base begins on the flat part of its curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Points = Sequence[tuple[float, float]]  # (rows, loss); no rows: the untuned model

BETAS, FLOORS = (0.1, 1.5), (0.0, 0.98)  # the floor in parts of the lowest loss seen
PRELEARNED = np.geomspace(1e-2, 1e4, 40)  # D_l in multiples of (smallest subset)^β
FINER = np.geomspace(0.7, 1.43, 21)  # around the best of those
GRID, ROUNDS, SHRINK = 13, 8, 0.4
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

    B and D_l are each curve's own; β and E are common to all. Five short runs of one model do not hold four
    parameters, and the slope and the floor belong to the task more than to the model. β and E are searched on a
    grid refined around its best cell, D_l on a grid within, B follows in closed form. Needs two sizes above 0.
    """
    data = [np.asarray(curve, float).T for curve in curves]
    lowest = min(float(losses.min()) for _, losses in data)
    bounds = (BETAS, (FLOORS[0] * lowest, FLOORS[1] * lowest))
    betas, floors = (np.linspace(*ends, GRID) for ends in bounds)
    best: tuple[float, list[Law]] = (math.inf, [])
    for _ in range(ROUNDS):
        for beta in betas.tolist():
            for floor in floors.tolist():
                laws = [_curve(rows, losses, beta, floor) for rows, losses in data]
                error = sum(law.error**2 * len(rows) for law, (rows, _) in zip(laws, data, strict=True))
                if error < best[0]:
                    best = error, laws
        at = best[1][0]
        betas = _around(at.exponent, betas, bounds[0])
        floors = _around(at.floor, floors, bounds[1])
    return best[1]


def in_power_phase(larger: Points, rows: float, loss: float) -> bool:
    """Tell whether a smaller subset still lies on the line of log loss over log rows of the larger ones.

    "Accept then stop": before the power phase a curve is flatter, and no smaller subset says anything more.
    """
    x, y = np.log(np.asarray(larger, float)).T
    slope, start = np.polyfit(x, y, 1)
    return bool(math.log(loss) >= slope * math.log(rows) + start - TOLERANCE)


def _curve(rows: np.ndarray, losses: np.ndarray, beta: float, floor: float) -> Law:
    """Return the law of least error for fixed β and E."""
    prelearned = PRELEARNED * float(rows[rows > 0].min()) ** beta
    law = _least(rows, losses, beta, floor, prelearned)
    return _least(rows, losses, beta, floor, law.prelearned * FINER)


def _least(rows: np.ndarray, losses: np.ndarray, beta: float, floor: float, prelearned: np.ndarray) -> Law:
    share = 1 / (prelearned[:, None] + rows**beta) / losses  # (values of D_l, points)
    left = 1 - floor / losses
    scale = np.maximum(share @ left, 0) / (share**2).sum(axis=1)
    error = ((scale[:, None] * share - left) ** 2).mean(axis=1)
    best = int(error.argmin())
    return Law(float(scale[best]), float(prelearned[best]), beta, floor, math.sqrt(float(error[best])))


def _around(centre: float, grid: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    reach = SHRINK * float(grid[-1] - grid[0]) / 2
    return np.clip(np.linspace(centre - reach, centre + reach, GRID), *bounds)
