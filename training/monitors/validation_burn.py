"""Validation burn: the feedback split was asked so often that the data fit it better than they fit other rows.

Feedback rows choose checkpoints and steer the next version; promotion rows do neither. Both come from the same lot, so
what tuning gains on them is equal until feedback has been fitted to. The drift is
mean[l_tuned - l_base] on promotion rows minus the same on feedback rows, row by row, less that of the first version.
Every run asks promotion once, through Thresholdout (thresholdout.py): what is within the noise of what is allowed costs
nothing, what is beyond it one of a few answers that are left. The error probability is spent over all runs of a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tilth.shards.feedback import Finding
from tilth.training.evaluation.intervals import Estimate, spent_alpha
from tilth.training.evaluation.thresholdout import Thresholdout
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations, Past
from tilth.training.monitors.signal import MIN_GROUPS, Signal, too_few

MAX_DRIFT = 0.01  # nat/token
BUDGET = 5  # answers beyond what is allowed, over the versions of a name


@monitor("validation_burn", label="M10")
class ValidationBurn:
    """Tuning gains more on the rows that steer than on rows that do not."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("promotion",)
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.VAL_BURNED: "nothing is steered by this record; take a fresh feedback split from new rows"
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Test the run as a whole; say nothing where no promotion rows were measured."""
        if observations.promotion is None:
            return []
        drift = measure(observations.promotion, observations.past, observations.seed)
        return [of_run(drift, observations.past)]


@dataclass(frozen=True)
class Drift:
    """By how much more tuning gained on feedback than on promotion rows, nat/token.

    moved: less that of the first run of the name. is_beyond: what Thresholdout said of it.
    """

    now: Estimate
    moved: Estimate
    is_beyond: bool

    def record(self) -> dict[str, float]:
        """Return what the header of the feedback keeps: means, never losses of rows."""
        if self.now.groups < MIN_GROUPS:
            return {}
        now = {"mean": round(self.now.mean, 6), "se": round(self.now.se, 6), "groups": float(self.now.groups)}
        return {**now, "beyond": float(self.is_beyond)}


def measure(gains: tuple[Estimate, Estimate], past: Past, seed: int) -> Drift:
    """Return the drift of a run. gains: the mean change of loss on promotion rows, and on feedback rows."""
    now = gains[0] - gains[1]
    moved = now - past.first_drift if past.first_drift else now
    if moved.groups < MIN_GROUPS:
        return Drift(now, moved, False)
    allowed = max(MAX_DRIFT, 2 * moved.se)
    asked = Thresholdout(allowed, moved.se / 8, BUDGET - past.drifts_beyond, seed)
    return Drift(now, moved, asked.is_beyond(max(0.0, moved.mean)))


def of_run(drift: Drift, past: Past) -> Signal:
    """Test the drift of a run, with what the runs of its name have spent so far."""
    moved = drift.moved
    if moved.groups < MIN_GROUPS:
        return too_few(None, moved.groups)
    alpha = spent_alpha(past.runs + 1, 1)
    lcb = moved.lower(alpha)
    spent = past.drifts_beyond + int(drift.is_beyond)
    return Signal(
        Finding.VAL_BURNED if lcb > MAX_DRIFT or spent >= BUDGET else Finding.NONE,
        None,
        f"promotion rows gained {moved.mean:+.3f} nat less than feedback rows, at least {lcb:+.3f}; {MAX_DRIFT} is "
        f"allowed; run {past.runs + 1} of this name, {spent} of {BUDGET} answers beyond the noise are spent",
        moved.mean,
        lcb,
        MAX_DRIFT,
        alpha,
    )
