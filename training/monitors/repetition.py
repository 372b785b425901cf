"""M5, repetition: what another pass over the same rows is still worth.

v = exp(-R / R*), R = passes beyond the first (Muennighoff et al., arXiv 2305.16264, who fit R* = 15.39 for
pre-training). Tuning overfits sooner, so R* starts at 4.
"""

from __future__ import annotations

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.monitors.signal import Signal

VERSION = "1"
REPETITION_CONSTANT = 4.0
MIN_VALUE = 0.5
MAX_EXPOSURES = 16


def value(drawn_tokens: np.ndarray, unique_tokens: np.ndarray) -> np.ndarray:
    """Return v per slice from the tokens drawn so far and the distinct tokens there are."""
    epochs = drawn_tokens / np.maximum(unique_tokens, 1)
    return np.exp(-np.maximum(0.0, epochs - 1) / REPETITION_CONSTANT)


def examine(drawn_tokens: int, unique_tokens: int, most_exposures: int, *, slice_name: str) -> Signal:
    """Judge a slice by the worth of another pass and by its most repeated row."""
    worth = float(value(np.array([drawn_tokens]), np.array([unique_tokens]))[0])
    epochs = drawn_tokens / max(1, unique_tokens)
    fired = worth < MIN_VALUE or most_exposures > MAX_EXPOSURES
    return Signal(
        "M5",
        Finding.REPEATED if fired else Finding.NONE,
        slice_name,
        f"{epochs:.1f} passes leave another one {worth:.2f} of its worth ({MIN_VALUE} is allowed); "
        f"most repeated row seen {most_exposures} times ({MAX_EXPOSURES} allowed)",
        worth,
        None,
        MIN_VALUE,
    )
