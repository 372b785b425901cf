"""Forgetting: the loss on text the base model already knew has risen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.evaluation.intervals import clustered_mean, spent_alpha
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import MIN_GROUPS, Signal, too_few

MAX_FORGOTTEN = 0.02  # nat/token


@monitor("forgetting", label="M9")
class Forgetting:
    """The loss on text the base model already knew has risen."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("base",)
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.FORGETTING: "raise the share of base-domain rows in the mix"
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Test the run as a whole; say nothing where no row stands for what the base knew."""
        losses, clusters = observations.losses("base", None)
        return [of_run(losses, clusters)] if losses.shape[1] else []


def of_run(losses: np.ndarray, clusters: np.ndarray | None = None) -> Signal:
    """Test L(t) - L(0) at the last evaluation, row by row.

    losses: (evaluations, rows) in nat/token on base-domain rows; line 0 is the base itself.
    """
    estimate = clustered_mean(losses[-1] - losses[0], clusters)
    if estimate.groups < MIN_GROUPS:
        return too_few(None, estimate.groups)
    now = len(losses) - 1
    if now < 1:
        return Signal(Finding.NONE, None, "baseline")
    alpha = spent_alpha(now, 1)
    lcb = estimate.lower(alpha)
    return Signal(
        Finding.FORGETTING if lcb > MAX_FORGOTTEN else Finding.NONE,
        None,
        f"loss on base knowledge {estimate.mean:+.3f} nat, at least {lcb:+.3f}; {MAX_FORGOTTEN} is allowed "
        f"({losses.shape[1]} rows)",
        estimate.mean,
        lcb,
        MAX_FORGOTTEN,
        alpha,
    )
