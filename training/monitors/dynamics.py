"""What each row did during training: exposures, losses and margins, as arrays over the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from tilth.training.model.loss import TokenLoss
    from tilth.training.rows.pack import Batch
    from tilth.training.rows.text import Example

SUMS = (
    "seen",  # examples of the row that were trained on
    "nll",
    "margin",
    "tokens",  # label tokens behind nll and margin
    "first_nll",
    "first_tokens",
    "last_nll",
    "last_tokens",
)


class Dynamics:
    """Accumulates per-row statistics from the losses that the training step computes anyway.

    A row that a template splits into several examples (one per assistant turn) counts as exposed once when
    all its examples were. Losses are nat/token; the margin is log p(label) - max other log p, whose mean
    over the exposures is the area under the margin (Pleiss et al., arXiv 2001.10528).
    """

    def __init__(self, examples: list[Example], slices: list[str]) -> None:
        of_row: dict[bytes, str] = {e.row_id: e.slice for e in examples}
        self.row_ids = sorted(of_row)
        self.index = {row_id: i for i, row_id in enumerate(self.row_ids)}
        code = {name: i for i, name in enumerate(slices)}
        self.slice_of = np.array([code[of_row[r]] for r in self.row_ids], dtype=np.int64)
        self.parts = np.zeros(len(self.row_ids), dtype=np.int64)
        self.unique_tokens = np.zeros(len(slices), dtype=np.int64)
        for example in examples:
            self.parts[self.index[example.row_id]] += 1
            self.unique_tokens[code[example.slice]] += len(example.input_ids)
        self.drawn_tokens = np.zeros(len(slices), dtype=np.int64)
        self.sums = {name: np.zeros(len(self.row_ids)) for name in SUMS}

    def add(self, batch: Batch, losses: TokenLoss) -> None:
        """Add one micro batch: O(labels) in numpy, no work per token in Python."""
        rows = np.array([self.index[e.row_id] for e in batch.examples], dtype=np.int64)
        lengths = np.array([len(e.input_ids) for e in batch.examples], dtype=np.int64)
        example_of = losses.example_of.detach().cpu().numpy()
        size = len(rows)
        nll = np.bincount(example_of, weights=_array(losses.nll), minlength=size)
        margin = np.bincount(example_of, weights=_array(losses.margin), minlength=size)
        tokens = np.bincount(example_of, minlength=size)
        self.drawn_tokens += np.bincount(
            self.slice_of[rows], weights=lengths, minlength=len(self.drawn_tokens)
        ).astype(np.int64)
        sums = self.sums
        position = sums["seen"][rows] % self.parts[rows]
        started = rows[position == 0]
        sums["last_nll"][started] = 0
        sums["last_tokens"][started] = 0
        first = sums["seen"][rows] < self.parts[rows]
        np.add.at(sums["first_nll"], rows[first], nll[first])
        np.add.at(sums["first_tokens"], rows[first], tokens[first])
        added: dict[str, np.ndarray] = {
            "seen": np.ones(size),
            "nll": nll,
            "margin": margin,
            "tokens": tokens,
            "last_nll": nll,
            "last_tokens": tokens,
        }
        for name, values in added.items():
            np.add.at(sums[name], rows, values)

    @property
    def exposures(self) -> np.ndarray:
        """Times each row was trained on, in the order of `row_ids`."""
        return np.ceil(self.sums["seen"] / self.parts)

    def saw(self, row_id: bytes) -> bool:
        """Tell whether a row was trained on at least once."""
        return bool(self.sums["seen"][self.index[row_id]])

    @property
    def margin_mean(self) -> np.ndarray:
        """Mean margin of each row; NaN where it was never trained on."""
        return _ratio(self.sums["margin"], self.sums["tokens"])

    def frame(self) -> pl.DataFrame:
        """Return row_id, slice code and statistics, one line per row in row_id order; null where unseen."""
        s = self.sums
        return pl.DataFrame(
            {
                "row_id": pl.Series(self.row_ids, dtype=pl.Binary),
                "slice_code": self.slice_of,
                "n_exposures": self.exposures.astype(np.uint32),
                "loss_first": _ratio(s["first_nll"], s["first_tokens"]),
                "loss_last": _ratio(s["last_nll"], s["last_tokens"]),
                "loss_mean": _ratio(s["nll"], s["tokens"]),
                "margin_mean": self.margin_mean,
            }
        ).with_columns(pl.selectors.float().fill_nan(None))

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return the accumulators as arrays."""
        return {**self.sums, "drawn_tokens": self.drawn_tokens}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the accumulators; the rows are those given at construction."""
        self.drawn_tokens = np.array(state["drawn_tokens"], dtype=np.int64)
        self.sums = {name: np.array(state[name], dtype=np.float64) for name in SUMS}


def _array(values: Any) -> np.ndarray:
    return values.detach().float().cpu().numpy().astype(np.float64)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)
