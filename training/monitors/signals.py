"""What the monitors say at one evaluation: each of them asked about every slice, and about the run as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.evaluation.panels import Track
from tilth.training.monitors import forgetting as retention
from tilth.training.monitors import label_noise as noise
from tilth.training.monitors import repetition, twin_gap, validation_rise
from tilth.training.monitors.dynamics import Dynamics
from tilth.training.monitors.signal import Signal

MONITORS = {
    "M1": twin_gap.VERSION,
    "M2": validation_rise.VERSION,
    "M5": repetition.VERSION,
    "M6": noise.VERSION,
    "M9": retention.VERSION,
}


def signals_of(tracks: Mapping[str, Track], dynamics: Dynamics, slices: Sequence[str]) -> list[Signal]:
    """Return what every monitor that speaks during a run makes of the panels and of the tokens drawn so far.

    tracks: by the name of the panel. M6 speaks once, of the final weights (`verdicts.py`).
    """
    signals: list[Signal] = []
    exposures = dynamics.exposures
    for code, name in enumerate(slices):
        signals += _of_losses(tracks, code, name, len(slices))
        signals.append(
            repetition.examine(
                int(dynamics.drawn_tokens[code]),
                int(dynamics.unique_tokens[code]),
                int(exposures[dynamics.slice_of == code].max(initial=0)),
                slice_name=name,
            )
        )
    signals += _of_losses(tracks, None, None, len(slices))
    base, groups = tracks["base"].of_slice(None)
    if base.shape[1]:
        signals.append(retention.examine(base, groups))
    return signals


def is_overfit(signals: Sequence[Signal], losses: np.ndarray) -> bool:
    """Overfit as a whole: M2 on all held-out rows, or Prechelt's GL twice where M2 has enough rows.

    losses: held-out loss (nat/token) at every evaluation so far.
    """
    pooled = next(s for s in signals if s.monitor == "M2" and s.slice is None)
    if pooled.finding is Finding.INCONCLUSIVE:
        return False
    return pooled.fired or validation_rise.stays_above(losses)


def _of_losses(
    tracks: Mapping[str, Track], code: int | None, name: str | None, slices: int
) -> tuple[Signal, Signal]:
    """Return what M1 and M2 say of one slice, or of all rows together."""
    (probe, probe_groups), (twin, twin_groups), (held, held_groups) = (
        tracks[panel].of_slice(code) for panel in ("probe", "twin", "feedback")
    )
    gap = twin_gap.examine(
        twin,
        probe,
        slice_name=name,
        slices=slices + 1,  # the pooled test is one more test of the same family
        twin_clusters=twin_groups,
        probe_clusters=probe_groups,
    )
    return gap, validation_rise.examine(held, held_groups, slice_name=name, slices=slices + 1)
