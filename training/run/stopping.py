"""When a run stops before its last step: Prechelt's rules on its losses, each behind a monitor that is sure.

GL and PQ are those of "Early Stopping - But When?" (Prechelt 1998): how far held-out loss lies above its least, and
that by how much training still gains. The third rule is the twin gap: rows are known by heart and nothing held out
gains. The best checkpoint is what stays, so a rule that fires late costs time alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.monitors.signal import Signal

PERSISTENCE = 2  # evaluations in a row
MAX_GENERALISATION_LOSS = 5.0  # per cent, Prechelt's GL_5
MAX_QUOTIENT = 2.0  # Prechelt's PQ_2
MIN_GENERALISATION_LOSS = 1.0  # per cent; below it PQ would take the jitter of a plateau for a rise
STRIP = 5  # evaluations behind the progress of training


def reason_to_stop(signals: Sequence[Signal], held_out: np.ndarray, trained: np.ndarray) -> str:
    """Return why the run should stop, "" where it should go on.

    held_out, trained: losses (evaluations,) in nat/token, of rows held out and of rows trained on.
    """
    rise, gap = _of_all(signals, "validation_rise"), _of_all(signals, "twin_gap")
    if rise is not None and rise.finding is not Finding.INCONCLUSIVE:
        if rise.fired:
            return f"held-out loss surely rose: {rise.evidence}"
        if stays_above(held_out):
            return f"held-out loss {generalisation_loss(held_out):.1f} % above its least twice in a row (GL)"
        if has_stalled(held_out, trained):
            return (
                f"held-out loss {generalisation_loss(held_out):.2f} % above its least, "
                f"{quotient(held_out, trained):.1f} times what training still gains, twice in a row "
                f"(PQ; {MAX_QUOTIENT:g} is allowed)"
            )
    if gap is not None and gap.fired and no_gain(held_out):
        return f"rows are known by heart and held-out loss gains nothing: {gap.evidence}"
    return ""


def generalisation_loss(held_out: np.ndarray) -> float:
    """Return GL = 100 (E(t) / min E - 1) in per cent."""
    return 100 * (float(held_out[-1]) / max(1e-12, float(held_out.min())) - 1)


def progress(trained: np.ndarray) -> float:
    """Return P = 1000 (mean / min - 1) of the last losses on rows trained on, in per mille."""
    strip = trained[-STRIP:]
    return 1000 * (float(strip.mean()) / max(1e-12, float(strip.min())) - 1)


def quotient(held_out: np.ndarray, trained: np.ndarray) -> float:
    """Return PQ = GL / P."""
    return generalisation_loss(held_out) / max(1e-12, progress(trained))


def stays_above(held_out: np.ndarray) -> bool:
    """Tell whether GL exceeded its limit at each of the last two evaluations."""
    return _twice(
        lambda until: generalisation_loss(held_out[:until]) > MAX_GENERALISATION_LOSS, len(held_out)
    )


def has_stalled(held_out: np.ndarray, trained: np.ndarray) -> bool:
    """Tell whether PQ exceeded its limit at each of the last two evaluations, over a strip that is full."""

    def exceeds(until: int) -> bool:
        risen = generalisation_loss(held_out[:until]) > MIN_GENERALISATION_LOSS
        return until > STRIP and risen and quotient(held_out[:until], trained[:until]) > MAX_QUOTIENT

    return _twice(exceeds, len(held_out))


def no_gain(held_out: np.ndarray) -> bool:
    """Tell whether the least held-out loss lies before the last two evaluations."""
    return int(held_out.argmin()) < len(held_out) - PERSISTENCE


def _twice(holds: Callable[[int], bool], evaluations: int) -> bool:
    return evaluations > PERSISTENCE and all(holds(evaluations - back) for back in range(PERSISTENCE))


def _of_all(signals: Sequence[Signal], name: str) -> Signal | None:
    return next((s for s in signals if s.monitor == name and s.slice is None), None)
