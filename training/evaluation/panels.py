"""Panels: fixed rows on which the model is measured at every evaluation, and how many the run can afford."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tilth.training.evaluation.intervals import Estimate, clustered_mean
from tilth.training.methods.method import method_of

if TYPE_CHECKING:
    from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
    from tilth.training.rows.text import Example

MIN_EVALUATIONS = 5
# Below this an evaluation says nothing, so a very short run may spend more than its share on it.
MIN_EVALUATION_TOKENS = 32_768
# Memorising shows from one pass to the next: the first passes each end with an evaluation.
EARLY_PASSES = 4


@dataclass(frozen=True)
class Panel:
    """Rows in a fixed order; a row may consist of several examples."""

    name: str
    examples: list[Example]
    row_ids: list[bytes]
    row_of: np.ndarray  # (examples,) index into row_ids
    slice_of: np.ndarray  # (rows,) index into the run's slices
    cluster_of: np.ndarray  # (rows,) rows of one group share a code

    def losses(self, scores: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return (nll_sum, n_tokens), each (rows,), from what `loss.score` gave for `examples`, in order."""
        rows = len(self.row_ids)
        nll = np.bincount(self.row_of, weights=scores["nll_sum"].to_numpy(), minlength=rows)
        tokens = np.bincount(self.row_of, weights=scores["n_tokens"].to_numpy(), minlength=rows)
        return nll, tokens

    def members(self, slice_code: int) -> np.ndarray:
        """Return the indices of the rows of one slice."""
        return np.flatnonzero(self.slice_of == slice_code)


class Track:
    """A panel with the loss of every row at every evaluation so far."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.history = np.zeros((0, len(panel.row_ids)))  # (evaluations, rows), nat/token
        self.tokens = np.zeros(len(panel.row_ids))

    def add(self, scores: pl.DataFrame) -> None:
        """Append one evaluation."""
        nll, self.tokens = self.panel.losses(scores)
        self.history = np.vstack([self.history, nll / np.maximum(self.tokens, 1)])

    def of_slice(self, code: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Return (history, clusters) of the rows of a slice; None: of all rows."""
        rows = np.arange(len(self.panel.row_ids)) if code is None else self.panel.members(code)
        return self.history[:, rows], self.panel.cluster_of[rows]

    def loss(self, code: int) -> tuple[float, float, int]:
        """Return (sum nll / sum tokens, its standard error, rows) of a slice at the last evaluation."""
        rows = self.panel.members(code)
        if len(rows) == 0 or len(self.history) == 0:
            return math.nan, math.nan, 0
        tokens, last = self.tokens[rows], self.history[-1, rows]
        mean = float(last @ tokens / max(1.0, tokens.sum()))
        # linearised ratio estimator
        residual = (last - mean) * tokens / max(1e-12, tokens.mean())
        spread: Estimate = clustered_mean(residual, self.panel.cluster_of[rows])
        return mean, spread.se, len(rows)


def draw(
    name: str,
    examples: list[Example],
    slices: list[str],
    max_rows_per_slice: int,
    groups: Mapping[bytes, str] | None = None,
) -> Panel:
    """Choose up to `max_rows_per_slice` rows of each slice by the hash of (panel name, row_id).

    The choice does not depend on the seed of the run, so runs of one version are measured on the same rows.
    Rows of slices the run does not train on are left out. groups: row_id -> conversation or source.
    """
    code = {name: i for i, name in enumerate(slices)}
    of_row: dict[bytes, str] = {e.row_id: e.slice for e in examples if e.slice in code}
    taken = dict.fromkeys(slices, 0)
    chosen = []
    for row_id in sorted(of_row, key=lambda r: hashlib.blake2b(name.encode() + b"\0" + r).digest()):
        if taken[of_row[row_id]] < max_rows_per_slice:
            taken[of_row[row_id]] += 1
            chosen.append(row_id)
    chosen.sort()
    index = {row_id: i for i, row_id in enumerate(chosen)}
    kept = [e for e in examples if e.row_id in index]
    labels = [(groups or {}).get(r) or r.hex() for r in chosen]
    cluster = {label: i for i, label in enumerate(sorted(set(labels)))}
    return Panel(
        name=name,
        examples=kept,
        row_ids=chosen,
        row_of=np.array([index[e.row_id] for e in kept], dtype=np.int64),
        slice_of=np.array([code[of_row[r]] for r in chosen], dtype=np.int64),
        cluster_of=np.array([cluster[label] for label in labels], dtype=np.int64),
    )


@dataclass(frozen=True)
class EvaluationPlan:
    """When a run is evaluated and on how much."""

    steps: tuple[int, ...]  # steps done before each evaluation; the first is 0
    rows_per_slice: int
    tokens: int  # per evaluation, all panels together
    share: float  # of the run's time, as planned


def plan_evaluations(
    panels: Mapping[str, tuple[list[Example], list[str]]],
    recipe: TrainingRecipe,
    evaluation: EvaluationRecipe,
    total_steps: int,
) -> EvaluationPlan:
    """Choose the number of evaluations and the rows per slice that keep to `evaluation.share`.

    panels: name -> (examples, slices). Time is counted in tokens, not by the clock, so that a resumed run
    repeats the same evaluations. First the evaluations become fewer (down to 5), then the panels smaller,
    down to 32,768 tokens an evaluation, below which the share gives way. A run of several passes is evaluated after
    each of the first four as well, whatever its share: between two evaluations rows may else be known by heart.
    """
    run_tokens = total_steps * recipe.batch_tokens * method_of(recipe).forwards_per_step
    budget = evaluation.share * run_tokens
    wanted = max(1, min(total_steps, max(MIN_EVALUATIONS, round(1 / evaluation.every))))
    early = _ends_of_passes(panels["probe"][0], recipe.batch_tokens, total_steps)
    fewest = max(1, min(total_steps, MIN_EVALUATIONS))

    def cost(rows: int) -> int:
        return sum(
            len(e.input_ids)
            for name, (examples, slices) in panels.items()
            for e in draw(name, examples, slices, rows).examples
        )

    rows = evaluation.max_rows_per_slice
    tokens = cost(rows)
    count = int(min(wanted, max(fewest, budget // max(1, tokens) - 1)))
    allowed = max(MIN_EVALUATION_TOKENS, budget / (count + 1 + len(early)))
    while tokens > allowed and rows > 2:
        rows = max(2, min(rows - 1, int(rows * allowed / tokens)))
        tokens = cost(rows)
    steps = sorted({0, *early, *(round(k * total_steps / count) for k in range(1, count + 1))})
    return EvaluationPlan(tuple(steps), rows, tokens, tokens * len(steps) / run_tokens)


def _ends_of_passes(train: list[Example], batch_tokens: int, total_steps: int) -> list[int]:
    """Return the steps at which the first passes over the train rows end; none for a run of less than two."""
    of_pass = sum(example.weight * len(example.input_ids) for example in train) / batch_tokens
    if of_pass <= 0 or total_steps < 2 * of_pass:
        return []
    ends = (max(1, round(number * of_pass)) for number in range(1, EARLY_PASSES + 1))
    return [step for step in ends if step <= total_steps]
