"""Repetition: what another pass over the same rows is still worth.

v = exp(-R / R*), R = passes beyond the first (Muennighoff et al., arXiv 2305.16264, who fit R* = 15.39 for
pre-training). Tuning overfits sooner, so R* starts at 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import polars as pl

from tilth.shards.feedback import Finding
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import Signal

REPETITION_CONSTANT = 4.0
MIN_VALUE = 0.5
MAX_EXPOSURES = 16


def value(drawn_tokens: np.ndarray, unique_tokens: np.ndarray) -> np.ndarray:
    """Return v per slice from the tokens drawn so far and the distinct tokens there are."""
    epochs = drawn_tokens / np.maximum(unique_tokens, 1)
    return np.exp(-np.maximum(0.0, epochs - 1) / REPETITION_CONSTANT)


@monitor("repetition", label="M5")
class Repetition:
    """Another pass over the same rows is worth little, or a row was seen too often."""

    version: ClassVar[str] = "1"
    looks_at: ClassVar[tuple[Looks, ...]] = ("exposures", "rows")
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.REPEATED: "the slice weighs as much as another pass is worth"
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Judge every slice; at the end, name the rows that were seen too often."""
        if observations.rows is not None:
            return _rows_seen_too_often(observations.rows.scores)
        dynamics = observations.dynamics
        return [
            of_slice(
                int(dynamics.drawn_tokens[code]),
                int(dynamics.unique_tokens[code]),
                int(dynamics.exposures[dynamics.slice_of == code].max(initial=0)),
                slice_name=name,
            )
            for code, name in enumerate(observations.slices)
        ]


def _rows_seen_too_often(scores: pl.DataFrame) -> list[Signal]:
    repeated = scores.filter(pl.col("n_exposures") > MAX_EXPOSURES)
    if repeated.is_empty():
        return []
    rows = repeated.select(
        "row_id",
        finding=pl.lit(Finding.REPEATED.value),
        est_precision=pl.lit(None, dtype=pl.Float64),
        evidence=pl.format("seen {} times", pl.col("n_exposures")),
    )
    # Its slice was judged at the last evaluation.
    return [Signal(Finding.NONE, None, f"{rows.height} rows seen more than {MAX_EXPOSURES} times", rows=rows)]


def of_slice(drawn_tokens: int, unique_tokens: int, most_exposures: int, *, slice_name: str) -> Signal:
    """Judge a slice by the worth of another pass and by its most repeated row."""
    worth = float(value(np.array([drawn_tokens]), np.array([unique_tokens]))[0])
    epochs = drawn_tokens / max(1, unique_tokens)
    fired = worth < MIN_VALUE or most_exposures > MAX_EXPOSURES
    return Signal(
        Finding.REPEATED if fired else Finding.NONE,
        slice_name,
        f"{epochs:.1f} passes leave another one {worth:.2f} of its worth ({MIN_VALUE} is allowed); "
        f"most repeated row seen {most_exposures} times ({MAX_EXPOSURES} allowed)",
        worth,
        None,
        MIN_VALUE,
    )
