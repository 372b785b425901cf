"""What monitors look at: the panels at every evaluation, the tokens drawn, and after the last step the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tilth.training.evaluation.panels import Track
from tilth.training.monitors.dynamics import Dynamics


@dataclass(frozen=True)
class Rows:
    """Every row seen or withheld, under the final weights.

    scores: row_id, slice, loss and contradiction (nat/token), and the statistics of `Dynamics.frame` (null where the
    row was never trained on), in row_id order. decoys: contradiction of rows with the answer of another, one line an
    example (row_id, slice, contradiction). questions: row id -> the token ids of what the row asks.
    """

    scores: pl.DataFrame
    decoys: pl.DataFrame
    questions: Mapping[bytes, np.ndarray]


@dataclass(frozen=True)
class Observations:
    """What a run has seen so far. rows: None before the last step."""

    tracks: Mapping[str, Track]  # by the name of the panel: probe, twin, feedback, base
    dynamics: Dynamics
    slices: Sequence[str]
    rows: Rows | None = None

    @property
    def scopes(self) -> list[str | None]:
        """Every slice, then None: the run as a whole."""
        return [*self.slices, None]

    def losses(self, panel: str, slice_name: str | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the losses of a panel's rows of a slice (None: all) and their groups.

        (evaluations, rows) in nat/token, line 0 the untuned model; (rows,) codes, equal for rows of one group.
        """
        code = None if slice_name is None else self.slices.index(slice_name)
        return self.tracks[panel].of_slice(code)
