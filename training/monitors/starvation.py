"""Starvation: a slice is behind and still learns, from fresh rows (more of the mixture) or worn ones (more rows).

Where earlier runs of the name on the same base tell how well a slice can be learned, a slice is behind by its excess
over the least held-out loss of them (excess loss, Xie et al., arXiv 2305.10429); without any, by how fast it still
falls, next to the others. Loss itself never counts: the hardest slice is often the noisiest. What another pass is worth
(repetition.py) tells the two remedies apart.
"""

from __future__ import annotations

from collections.abc import Mapping
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
TOP_SHARE = 1 / 3  # of the slices, those furthest behind
FRESH, WORN = 0.8, 0.4  # worth of another pass


@monitor("starvation", label="M4")
class Starvation:
    """A slice is behind the others and still learns."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("feedback", "exposures")
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.STARVED: "the slice weighs more",
        Finding.TOP_UP: "rows of its reserve are taken in; add rows to the slice",
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Judge every slice next to the others; say nothing of one slice alone."""
        if len(observations.slices) < 2:
            return []
        falls = [fall(*observations.losses("feedback", name)) for name in observations.slices]
        behind = _behind(observations, falls)
        worth = value(observations.dynamics.drawn_tokens, observations.dynamics.unique_tokens)
        first = np.sort(behind)[::-1][: max(1, int(TOP_SHARE * len(behind)))]
        return [
            of_slice(
                falls[code],
                is_behind=bool(np.isfinite(behind[code]) and behind[code] >= first[-1]),
                worth=float(worth[code]),
                evaluation=len(observations.losses("feedback", name)[0]) - 1,
                slice_name=name,
                slices=len(observations.slices),
            )
            for code, name in enumerate(observations.slices)
        ]


def of_slice(
    fall: Estimate, *, is_behind: bool, worth: float, evaluation: int, slice_name: str, slices: int
) -> Signal:
    """Judge a slice: starved where it is behind, surely still falls, and its rows are fresh; worn: to be topped up."""
    if fall.groups < MIN_GROUPS:
        return too_few(slice_name, fall.groups)
    if evaluation < STRIP - 1:
        return Signal(Finding.NONE, slice_name, f"{evaluation + 1} evaluations, {STRIP} needed")
    alpha = spent_alpha(evaluation, slices)
    lcb = fall.lower(alpha)
    finding = Finding.NONE
    if is_behind and lcb > MIN_FALL:
        finding = Finding.STARVED if worth >= FRESH else Finding.TOP_UP if worth < WORN else Finding.NONE
    place = "among the furthest behind" if is_behind else "not among those furthest behind"
    return Signal(
        finding,
        slice_name,
        f"held-out loss falls by {fall.mean:.3f} nat an evaluation, at least {lcb:.3f} ({MIN_FALL} counts); {place}; "
        f"another pass is worth {worth:.2f}",
        fall.mean,
        lcb,
        MIN_FALL,
        alpha,
    )


def fall(losses: np.ndarray, clusters: np.ndarray) -> Estimate:
    """Return the mean least-squares fall of each row's loss per evaluation, over the last 4.

    losses: (evaluations, rows) in nat/token; clusters: (rows,) group codes.
    """
    strip = losses[-STRIP:]
    if len(strip) < 2:
        return Estimate(np.nan, np.nan, len(np.unique(clusters)))
    times = np.arange(len(strip)) - (len(strip) - 1) / 2
    return clustered_mean(-(times @ strip) / float(times @ times), clusters)


def _behind(observations: Observations, falls: list[Estimate]) -> np.ndarray:
    """Return how far behind each slice is, (slices,); -inf where nothing tells."""
    best = observations.past.best_loss
    found = []
    for name, slope in zip(observations.slices, falls, strict=True):
        losses, _ = observations.losses("feedback", name)
        if not losses.shape[1]:
            found.append(-np.inf)
        elif best:
            found.append(float(losses[-1].mean()) - best[name] if name in best else -np.inf)
        else:
            found.append(slope.mean if np.isfinite(slope.mean) else -np.inf)
    return np.array(found)
