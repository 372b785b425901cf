"""Validation rise: the loss on held-out rows has turned upwards.

The best evaluation t* is chosen on half A of the rows and the rise since then is tested on half B, so the
choice of the minimum cannot fake a rise. Whether the run stops for it is decided in run/stopping.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.evaluation.intervals import Estimate, clustered_mean, spent_alpha
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import MIN_GROUPS, Signal, too_few

MIN_RISE = 0.01  # nat/token
PERSISTENCE = 2  # evaluations in a row


@monitor("validation_rise", label="M2")
class ValidationRise:
    """The loss on held-out rows has turned upwards."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("feedback",)
    proposes: ClassVar[Mapping[Finding, str]] = {Finding.OVERFIT: "the slice weighs less"}

    def examine(self, observations: Observations) -> list[Signal]:
        """Test every slice, and all rows together: one more test of the same family."""
        slices = len(observations.scopes)
        return [
            of_slice(*observations.losses("feedback", name), slice_name=name, slices=slices)
            for name in observations.scopes
        ]


def of_slice(losses: np.ndarray, clusters: np.ndarray, *, slice_name: str | None, slices: int) -> Signal:
    """Test the rise at the last evaluation.

    losses: (evaluations, rows) in nat/token on feedback rows. clusters: (rows,) group codes; the halves are
    made of whole groups.
    """
    now = len(losses) - 1
    in_a = halves(clusters)
    groups = len(np.unique(clusters[~in_a]))
    if groups < MIN_GROUPS:
        return too_few(slice_name, groups)
    if now < 1:
        return Signal(Finding.NONE, slice_name, "baseline")
    tested = []
    for t in range(max(1, now - PERSISTENCE + 1), now + 1):
        alpha = spent_alpha(t, slices)
        estimate, best = rise(losses, clusters, in_a, t)
        tested.append((estimate, estimate.lower(alpha), best, alpha))
    estimate, lcb, best, alpha = tested[-1]
    fired = len(tested) == PERSISTENCE and all(bound > MIN_RISE for _, bound, _, _ in tested)
    return Signal(
        Finding.OVERFIT if fired else Finding.NONE,
        slice_name,
        f"held-out loss {estimate.mean:+.3f} nat against evaluation {best}, at least {lcb:+.3f}; "
        f"{MIN_RISE:.3f} is allowed ({int((~in_a).sum())} rows)",
        estimate.mean,
        lcb,
        MIN_RISE,
        alpha,
    )


def halves(clusters: np.ndarray) -> np.ndarray:
    """Return which rows (n,) belong to half A: every second group."""
    return np.unique(clusters, return_inverse=True)[1] % 2 == 0


def rise(losses: np.ndarray, clusters: np.ndarray, in_a: np.ndarray, t: int) -> tuple[Estimate, int]:
    """Return the mean paired rise on half B between t* and t, and t*, the best evaluation on half A."""
    best = int(losses[: t + 1, in_a].mean(axis=1).argmin())
    return clustered_mean(losses[t, ~in_a] - losses[best, ~in_a], clusters[~in_a]), best
