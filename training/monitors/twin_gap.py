"""Twin gap: rows the run trains on improve while withheld rows like them do not.

G(t) = [L_twin - L_probe](t) - [L_twin - L_probe](0), both in eval mode on fixed rows. Unlike validation loss
it sees repetition: a slice can be repeated hundreds of times without its validation loss rising. Where few rows are
withheld, held-out rows stand beside them: each row is compared with itself before the run, so that they need not be
as hard as the withheld ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.evaluation.intervals import MIN_TO_DECIDE, Estimate, clustered_mean, spent_alpha
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import MIN_GROUPS, Signal, too_few

MIN_GAP = 0.05  # nat/token
MIN_RELATIVE_GAP = 0.1  # of the twin loss
PERSISTENCE = 2  # evaluations in a row


@monitor("twin_gap", label="M1")
class TwinGap:
    """Rows the run trains on improve while withheld rows like them do not."""

    version: ClassVar[str] = "2"
    looks_at: ClassVar[tuple[Looks, ...]] = ("probe", "twin", "feedback")
    proposes: ClassVar[Mapping[Finding, str]] = {Finding.MEMORISING: "the slice weighs less"}

    def examine(self, observations: Observations) -> list[Signal]:
        """Test every slice, and all rows together: one more test of the same family."""
        signals = []
        for name in observations.scopes:
            twin, twin_clusters = unseen(observations, name)
            probe, probe_clusters = observations.losses("probe", name)
            signals.append(
                of_slice(
                    twin,
                    probe,
                    slice_name=name,
                    slices=len(observations.scopes),
                    twin_clusters=twin_clusters,
                    probe_clusters=probe_clusters,
                )
            )
        return signals


def unseen(observations: Observations, name: str | None, aspect: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return losses (evaluations, rows) and groups (rows,) of a slice's withheld rows; of held-out ones too if few.

    aspect: what the method measures beside the loss, such as " chosen".
    """
    twin, groups = observations.losses(f"twin{aspect}", name)
    if len(np.unique(groups)) >= MIN_TO_DECIDE:
        return twin, groups
    held, others = observations.losses(f"feedback{aspect}", name)
    if not held.shape[1]:
        return twin, groups
    return np.hstack([twin, held]), np.concatenate([groups, others + 1 + groups.max(initial=-1)])


def of_slice(
    twin: np.ndarray,
    probe: np.ndarray,
    *,
    slice_name: str | None,
    slices: int,
    twin_clusters: np.ndarray | None = None,
    probe_clusters: np.ndarray | None = None,
) -> Signal:
    """Test the gap at the last evaluation.

    twin, probe: (evaluations, rows) losses in nat/token; line 0 is the baseline before the first step.
    slices: number of slices that share the error probability.
    """
    now = len(twin) - 1
    groups = gap(twin, probe, 0, twin_clusters, probe_clusters).groups
    if groups < MIN_GROUPS:
        return too_few(slice_name, groups)
    if now < 1:
        return Signal(Finding.NONE, slice_name, "baseline")
    tested = []
    for t in range(max(1, now - PERSISTENCE + 1), now + 1):
        alpha = spent_alpha(t, slices)
        estimate = gap(twin, probe, t, twin_clusters, probe_clusters)
        threshold = max(MIN_GAP, MIN_RELATIVE_GAP * float(twin[t].mean()))
        tested.append((estimate, estimate.lower(alpha), threshold, alpha))
    estimate, lcb, threshold, alpha = tested[-1]
    fired = len(tested) == PERSISTENCE and all(bound > limit for _, bound, limit, _ in tested)
    return Signal(
        Finding.MEMORISING if fired else Finding.NONE,
        slice_name,
        f"gap between untrained and trained rows grew by {estimate.mean:.3f} nat, at least {lcb:.3f}; "
        f"{threshold:.3f} is allowed ({twin.shape[1]} untrained, {probe.shape[1]} trained rows)",
        estimate.mean,
        lcb,
        threshold,
        alpha,
    )


def gap(
    twin: np.ndarray,
    probe: np.ndarray,
    t: int,
    twin_clusters: np.ndarray | None = None,
    probe_clusters: np.ndarray | None = None,
) -> Estimate:
    """Return G(t): each row is its own control, the two panels are independent."""
    return clustered_mean(twin[t] - twin[0], twin_clusters) - clustered_mean(
        probe[t] - probe[0], probe_clusters
    )
