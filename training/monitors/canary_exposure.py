"""Canary exposure: made-up secrets, planted at known copies, stand out among secrets that were never shown.

exposure = log2 |R| - log2 rank, the rank of a canary's loss among references of its form (Carlini et al., "The Secret
Sharer", arXiv 1802.08232). It is 1.44 bits on average where nothing was learned of a canary (rank uniform), and about
log2 |R| where no reference is likelier. By copies it tells how often a secret may stand in the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.evaluation.intervals import clustered_mean
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import MIN_GROUPS, Signal

MAX_EXPOSURE = 3.0  # bits at one copy
ALPHA = 0.05


@monitor("canary_exposure", label="M8")
class CanaryExposure:
    """Made-up secrets that were trained on stand out among secrets that were never shown."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("canaries",)
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.MEMORISATION_HIGH: "fewer passes, a lower rate or a lower rank: one copy is enough to be known by heart"
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Judge the canaries of the run; say nothing where none were planted."""
        planted = observations.canaries
        if planted is None:
            return []
        bits = exposure(planted.losses, planted.references)
        by_copies = {int(copies): bits[planted.copies == copies] for copies in np.unique(planted.copies)}
        return [of_run(by_copies, len(planted.references))]


def of_run(bits: Mapping[int, np.ndarray], references: int) -> Signal:
    """Judge exposures, copies -> (canaries,) in bits: those of one copy alone may speak."""
    levels = ", ".join(f"{copies}: {values.mean():.2f}" for copies, values in sorted(bits.items()))
    told = f"exposure in bits by copies: {levels} (among {references:,} references; 1.44 where nothing was learned)"
    if len(bits.get(1, ())) < MIN_GROUPS:
        return Signal(
            Finding.INCONCLUSIVE, None, f"{told}; {len(bits.get(1, ()))} of one copy, {MIN_GROUPS} needed"
        )
    estimate = clustered_mean(bits[1])
    lcb = estimate.lower(ALPHA)
    return Signal(
        Finding.MEMORISATION_HIGH if lcb > MAX_EXPOSURE else Finding.NONE,
        None,
        f"{told}; at one copy at least {lcb:.2f}, {MAX_EXPOSURE:g} is allowed",
        estimate.mean,
        lcb,
        MAX_EXPOSURE,
        ALPHA,
    )


def exposure(losses: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return log2 |R| - log2 rank of each loss (canaries,), itself one of R; ties rank behind."""
    ranks = 1 + np.searchsorted(np.sort(references), losses, side="right")
    return np.log2(len(references) + 1) - np.log2(ranks)
