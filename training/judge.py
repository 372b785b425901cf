"""Judges a model on rows and tasks that nothing in the run has looked at, and one model against another.

Losses of single promotion rows live in memory only: writing them down would let the next curation learn
from the rows that are to judge it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.tables import VALUE_DECIMALS
from tilth.training import intervals
from tilth.training.evaluate import LoadedTask, TaskScores, answer_tasks
from tilth.training.loss import score
from tilth.training.text import Example
from tilth.validators.report_facts import Interval, SliceResult, TaskResult


@dataclass(frozen=True)
class Judgement:
    """One model: losses (row_id, slice, nll_sum, n_tokens; one line per row in row_id order) and tasks."""

    losses: pl.DataFrame
    tasks: list[TaskScores]

    @property
    def loss(self) -> float:
        """Mean loss in nat/token over all rows."""
        nll, tokens = self.losses["nll_sum"].to_numpy(), self.losses["n_tokens"].to_numpy()
        return float(nll.sum() / max(1, tokens.sum()))


def judge(
    model: Any, tokenizer: Any, promotion: list[Example], loaded: list[LoadedTask], pack_tokens: int
) -> Judgement:
    """Measure a model on the promotion rows and let it answer the tasks."""
    losses = (
        score(model, promotion, pack_tokens)
        .group_by("row_id", maintain_order=True)
        .agg(pl.col("slice").first(), pl.col("nll_sum", "n_tokens").sum())
        .sort("row_id")
    )
    return Judgement(losses, answer_tasks(model, tokenizer, loaded))


def slice_results(
    base: Judgement, tuned: Judgement, groups: Mapping[bytes, str] | None = None
) -> list[SliceResult]:
    """Return the losses of base and tuned per slice of the promotion rows, paired by row."""
    rows = paired(base, tuned)
    return [
        SliceResult(
            slice=name,
            rows=part.height,
            base=_loss(part, "nll_sum", groups),
            tuned=_loss(part, "nll_tuned", groups),
            change=fact(
                intervals.paired_bootstrap(
                    (part["nll_tuned"] - part["nll_sum"]).to_numpy()[None],
                    part["n_tokens"].to_numpy(),
                    clusters=clusters(part["row_id"], groups),
                )
            ),
        )
        for name, part in (
            (name, rows.filter(pl.col("slice") == name)) for name in sorted(rows["slice"].unique())
        )
    ]


def task_results(base: Judgement, tuned: Judgement) -> list[TaskResult]:
    """Return the scores of base and tuned per task, paired by item."""
    results = []
    for before, after in zip(base.tasks, tuned.tasks):
        ones = np.ones(len(before.scores))
        results.append(
            TaskResult(
                name=before.name,
                metric=before.metric,
                items=len(before.scores),
                base=fact(intervals.paired_bootstrap(before.scores[None], ones)),
                tuned=fact(intervals.paired_bootstrap(after.scores[None], ones)),
                change=fact(intervals.paired_bootstrap((after.scores - before.scores)[None], ones)),
            )
        )
    return results


def change_in_loss(
    base: Judgement, tuned: Judgement, groups: Mapping[bytes, str] | None = None
) -> intervals.Interval:
    """Return the paired change in loss over all promotion rows."""
    rows = paired(base, tuned)
    return intervals.paired_bootstrap(
        (rows["nll_tuned"] - rows["nll_sum"]).to_numpy()[None],
        rows["n_tokens"].to_numpy(),
        clusters=clusters(rows["row_id"], groups),
    )


def paired(base: Judgement, tuned: Judgement) -> pl.DataFrame:
    """Return the rows that both models were measured on, with `nll_sum` and `nll_tuned`."""
    return base.losses.join(
        tuned.losses.select("row_id", nll_tuned="nll_sum"), on="row_id", how="inner", maintain_order="left"
    )


def clusters(row_ids: pl.Series, groups: Mapping[bytes, str] | None) -> np.ndarray:
    """Return an integer per row, equal for rows of one group; a row without a group stands alone."""
    labels = [(groups or {}).get(r) or r.hex() for r in row_ids]
    return np.unique(np.array(labels, dtype=object).astype(str), return_inverse=True)[1]


def fact(interval: intervals.Interval) -> Interval:
    """Return an interval as the pages show it."""
    return Interval(
        value=round(interval.mean, VALUE_DECIMALS),
        low=round(interval.low, VALUE_DECIMALS),
        high=round(interval.high, VALUE_DECIMALS),
    )


def _loss(part: pl.DataFrame, column: str, groups: Mapping[bytes, str] | None) -> Interval:
    return fact(
        intervals.paired_bootstrap(
            part[column].to_numpy()[None],
            part["n_tokens"].to_numpy(),
            clusters=clusters(part["row_id"], groups),
        )
    )
