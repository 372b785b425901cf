"""Shift gap: held-out rows are harder than withheld rows of the training data, which does not cover them.

L_feedback - L_twin, both never trained on. Withheld rows are of the training data by lot, so what they do not explain
of the held-out loss is another distribution: more rows like the held-out ones help, fewer passes do not. The twin gap
is the other part of the distance from train to held-out loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.evaluation.intervals import clustered_mean, spent_alpha
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import MIN_GROUPS, Signal, too_few

MAX_SHIFT = 0.1  # nat/token


@monitor("shift_gap", label="M3")
class ShiftGap:
    """Held-out rows are harder than withheld rows of the training data."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("feedback", "twin")
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.COVERAGE_GAP: "rows of its reserve are taken in; add rows like those of its feedback split"
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Test every slice, and all rows together: one more test of the same family."""
        return [
            of_slice(
                observations.losses("feedback", name),
                observations.losses("twin", name),
                slice_name=name,
                slices=len(observations.scopes),
            )
            for name in observations.scopes
        ]


def of_slice(
    held: tuple[np.ndarray, np.ndarray],
    twin: tuple[np.ndarray, np.ndarray],
    *,
    slice_name: str | None,
    slices: int,
) -> Signal:
    """Test the shift at the last evaluation.

    held, twin: losses (evaluations, rows) in nat/token, and group codes (rows,).
    """
    shift = clustered_mean(held[0][-1], held[1]) - clustered_mean(twin[0][-1], twin[1])
    evaluation = len(held[0]) - 1
    if shift.groups < MIN_GROUPS:
        return too_few(slice_name, shift.groups)
    if evaluation < 1:
        return Signal(Finding.NONE, slice_name, "baseline")
    alpha = spent_alpha(evaluation, slices)
    lcb = shift.lower(alpha)
    return Signal(
        Finding.COVERAGE_GAP if lcb > MAX_SHIFT else Finding.NONE,
        slice_name,
        f"held-out rows are {shift.mean:+.3f} nat harder than withheld ones, at least {lcb:+.3f}; {MAX_SHIFT} is "
        f"allowed ({held[0].shape[1]} held-out, {twin[0].shape[1]} withheld rows)",
        shift.mean,
        lcb,
        MAX_SHIFT,
        alpha,
    )
