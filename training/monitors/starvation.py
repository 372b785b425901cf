"""Starvation: at the end of a run a slice is behind what an earlier run reached, and still learns.

Behind is the excess over the least held-out loss that earlier runs of the name reached on the same base (excess loss,
Xie et al., arXiv 2305.10429), next to that of the other slices: a run that is worse as a whole only had another seed.
Loss itself never counts: the hardest slice is often the noisiest. Before the last step every slice is behind, and in a
first run nothing tells. Fresh rows ask for more of the mixture, worn ones for more rows: what another pass is worth
(repetition.py) tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.evaluation.intervals import Estimate, clustered_mean, spent_alpha
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.repetition import value
from tilth.training.monitors.signal import MIN_GROUPS, Signal, too_few

STRIP = 4  # evaluations behind a slope
MIN_FALL = 0.01  # nat/token an evaluation
MIN_EXCESS = 0.05  # nat/token beyond the mean excess of the other slices
TOP_SHARE = 1 / 3  # of the slices, those furthest behind
FRESH, WORN = 0.8, 0.4  # worth of another pass


@monitor("starvation", label="M4")
class Starvation:
    """At its end a slice is behind what an earlier run reached, and still learns."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("rows",)
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.STARVED: "the slice weighs more",
        Finding.TOP_UP: "rows of its reserve are taken in; add rows to the slice",
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Judge every slice next to the others; say nothing of one slice alone, nor in a first run."""
        best, slices = (
            observations.past.best_loss,
            [s for s in observations.slices if s in observations.past.best_loss],
        )
        if observations.rows is None or len(observations.slices) < 2 or not slices:
            return []
        alone = {name: beyond(*observations.losses("feedback", name), best[name]) for name in slices}
        excess = {name: _next_to(alone, name) for name in slices}
        known = sorted((e.mean for e in excess.values() if np.isfinite(e.mean)), reverse=True)
        least = known[: max(1, int(TOP_SHARE * len(known)))][-1] if known else np.inf
        dynamics = observations.dynamics
        worth = dict(zip(observations.slices, value(dynamics.drawn_tokens, dynamics.unique_tokens)))
        return [
            of_slice(
                excess[name] if excess[name].mean >= least else replace(excess[name], mean=-np.inf),
                fall(*observations.losses("feedback", name)),
                worth=float(worth[name]),
                slice_name=name,
                alpha=spent_alpha(1, len(slices)),
            )
            for name in slices
        ]


def of_slice(excess: Estimate, fall: Estimate, *, worth: float, slice_name: str, alpha: float) -> Signal:
    """Judge a slice: starved where it is surely behind, surely still falls, and its rows are fresh; worn: to top up.

    excess, fall: nat/token; the mean of an excess that is not among the highest is minus infinity.
    """
    if fall.groups < MIN_GROUPS:
        return too_few(slice_name, fall.groups)
    lcb, falls = excess.lower(alpha), fall.lower(alpha)
    finding = Finding.NONE
    if lcb > MIN_EXCESS and falls > MIN_FALL:
        finding = Finding.STARVED if worth >= FRESH else Finding.TOP_UP if worth < WORN else Finding.NONE
    behind = (
        f"{excess.mean:+.3f} nat further than the others from the least that earlier runs reached, at least {lcb:+.3f}"
        if np.isfinite(excess.mean)
        else "not among those furthest behind"
    )
    return Signal(
        finding,
        slice_name,
        f"{behind}; held-out loss falls by {fall.mean:.3f} nat an evaluation, at least {falls:.3f} "
        f"({MIN_FALL} counts); another pass is worth {worth:.2f}",
        excess.mean if np.isfinite(excess.mean) else None,
        lcb if np.isfinite(lcb) else None,
        MIN_EXCESS,
        alpha,
    )


def beyond(losses: np.ndarray, clusters: np.ndarray, best: float) -> Estimate:
    """Return the mean of the last losses (evaluations, rows) beyond `best`, in nat/token."""
    return clustered_mean(losses[-1] - best, clusters)


def _next_to(excess: Mapping[str, Estimate], name: str) -> Estimate:
    """Return the excess of a slice beyond the mean of the others."""
    others = [
        estimate for other, estimate in excess.items() if other != name and estimate.groups >= MIN_GROUPS
    ]
    if not others:
        return replace(excess[name], mean=-np.inf)
    mean = float(np.mean([estimate.mean for estimate in others]))
    error = float(np.sqrt(sum(estimate.se**2 for estimate in others))) / len(others)
    return excess[name] - Estimate(mean, error, min(estimate.groups for estimate in others))


def fall(losses: np.ndarray, clusters: np.ndarray) -> Estimate:
    """Return the mean least-squares fall of each row's loss per evaluation, over the last 4.

    losses: (evaluations, rows) in nat/token; clusters: (rows,) group codes.
    """
    strip = losses[-STRIP:]
    if len(strip) < 2:
        return Estimate(np.nan, np.nan, len(np.unique(clusters)))
    times = np.arange(len(strip)) - (len(strip) - 1) / 2
    return clustered_mean(-(times @ strip) / float(times @ times), clusters)
