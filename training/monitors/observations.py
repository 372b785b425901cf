"""What monitors look at: the panels at every evaluation, the tokens drawn, and after the last step the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tilth.training.evaluation.intervals import Estimate
from tilth.training.evaluation.panels import Track
from tilth.training.monitors.dynamics import Dynamics
from tilth.training.monitors.outside import Outside


@dataclass(frozen=True)
class Rows:
    """Every row seen or withheld, under the final weights.

    scores: row_id, slice, loss and contradiction (nat/token), recited (rows/recital.py; null where too little is
    taught), and the statistics of `Dynamics.frame` (null where the row was never trained on), in row_id order.
    decoys: contradiction of rows with the answer of another, one line an example (row_id, slice, contradiction).
    questions: row id -> the token ids of what the row asks. outside: what the other rows say of each row's answer,
    None where answers are open.
    """

    scores: pl.DataFrame
    decoys: pl.DataFrame
    questions: Mapping[bytes, np.ndarray]
    outside: Outside | None = None


@dataclass(frozen=True)
class Planted:
    """Canaries under the final weights: loss (nat/token) and copies of each, and the losses of references."""

    losses: np.ndarray
    copies: np.ndarray
    references: np.ndarray


@dataclass(frozen=True)
class Past:
    """What the records of earlier runs of the name say.

    runs: how many there are. best_loss: slice -> the least held-out loss of those on the same base. effective_rows:
    slice -> of the first. first_drift: of the first that measured it; drifts_beyond: how many were beyond the noise.
    """

    runs: int = 0
    best_loss: Mapping[str, float] = field(default_factory=dict)
    effective_rows: Mapping[str, float] = field(default_factory=dict)
    first_drift: Estimate | None = None
    drifts_beyond: int = 0


@dataclass(frozen=True)
class Observations:
    """What a run has seen so far.

    rows, planted canaries and promotion (the mean change of loss on promotion rows, and on feedback rows) come after
    the last step: None before, and where there are none. effective_rows: slice -> (sum w)^2 / sum w^2 of its train
    rows.
    """

    tracks: Mapping[str, Track]  # by the name of the panel: probe, twin, feedback, base
    dynamics: Dynamics
    slices: Sequence[str]
    rows: Rows | None = None
    canaries: Planted | None = None
    promotion: tuple[Estimate, Estimate] | None = None
    past: Past = field(default_factory=Past)
    effective_rows: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

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
