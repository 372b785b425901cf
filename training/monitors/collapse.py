"""Collapse: few rows carry the weight of a slice that many carried in the first version that was trained on.

n_eff = (sum w)^2 / sum w^2 (Kish 1965), of the rows a run trains on. Curation that is steered again and again may
quarantine and weigh a slice away while each step keeps its bounds; against the first version this shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import Signal

MIN_LEFT = 0.5  # of the effective rows of the first version


@monitor("collapse", label="M11")
class Collapse:
    """Few rows carry the weight of a slice that many carried in the first version."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("exposures",)
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.SLICE_COLLAPSE: "the version is not served where training decides; go back to its parent"
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Judge every slice of the first version, those that are gone included; say nothing in the first run."""
        first, now = observations.past.effective_rows, observations.effective_rows
        return [of_slice(now.get(name, 0.0), first[name], slice_name=name) for name in sorted(first)]


def of_slice(now: float, first: float, *, slice_name: str) -> Signal:
    """Judge the effective rows of a slice next to those of the first version."""
    left = now / max(first, 1e-12)
    return Signal(
        Finding.SLICE_COLLAPSE if left < MIN_LEFT else Finding.NONE,
        slice_name,
        f"{now:,.0f} effective rows, {first:,.0f} in the first version: {left:.0%} are left, {MIN_LEFT:.0%} must be",
        left,
        None,
        MIN_LEFT,
    )


def effective_rows(weights: np.ndarray) -> float:
    """Return (sum w)^2 / sum w^2 of weights (rows,); 0 for none."""
    total = float((weights**2).sum())
    return float(weights.sum()) ** 2 / total if total else 0.0
