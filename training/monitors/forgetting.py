"""M9, retention: the loss on text the base model already knew has risen."""

from __future__ import annotations

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.evaluation.intervals import clustered_mean, spent_alpha
from tilth.training.monitors.signal import MIN_GROUPS, Signal, too_few

VERSION = "1"
MAX_FORGOTTEN = 0.02  # nat/token


def examine(losses: np.ndarray, clusters: np.ndarray | None = None) -> Signal:
    """Test L(t) - L(0) at the last evaluation, row by row.

    losses: (evaluations, rows) in nat/token on base-domain rows; line 0 is the base itself.
    """
    estimate = clustered_mean(losses[-1] - losses[0], clusters)
    if estimate.groups < MIN_GROUPS:
        return too_few("M9", None, estimate.groups)
    now = len(losses) - 1
    if now < 1:
        return Signal("M9", Finding.NONE, None, "baseline")
    alpha = spent_alpha(now, 1)
    lcb = estimate.lower(alpha)
    return Signal(
        "M9",
        Finding.FORGETTING if lcb > MAX_FORGOTTEN else Finding.NONE,
        None,
        f"loss on base knowledge {estimate.mean:+.3f} nat, at least {lcb:+.3f}; {MAX_FORGOTTEN} is allowed "
        f"({losses.shape[1]} rows)",
        estimate.mean,
        lcb,
        MAX_FORGOTTEN,
        alpha,
    )
