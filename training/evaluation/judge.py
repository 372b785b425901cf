"""Judges a model on rows and tasks that nothing in the run has looked at, and one model against another.

Losses of single promotion rows live in memory only: writing them down would let the next curation learn
from the rows that are to judge it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.tables import VALUE_DECIMALS
from tilth.training.evaluation import intervals
from tilth.training.evaluation.evaluate import LoadedTask, TaskScores, answer_tasks, generate
from tilth.training.model import loss
from tilth.training.rows.text import Example
from tilth.validators.facts.page import Interval
from tilth.validators.facts.run import FewShotResult, SliceResult, TaskResult

PAIRS = "held-out pairs"


@dataclass(frozen=True)
class Judgement:
    """One model: losses (row_id, slice, nll_sum, n_tokens; one line per row in row_id order) and tasks.

    few_shot: the tasks again, after worked examples; held: answers to the held-out prompts. Empty if not asked for.
    """

    losses: pl.DataFrame
    tasks: list[TaskScores]
    few_shot: list[TaskScores] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    @property
    def loss(self) -> float:
        """Mean loss in nat/token over all rows."""
        nll, tokens = self.losses["nll_sum"].to_numpy(), self.losses["n_tokens"].to_numpy()
        return float(nll.sum() / max(1, tokens.sum()))


def judge(
    model: Any,
    tokenizer: Any,
    promotion: list[Example],
    loaded: list[LoadedTask],
    pack_tokens: int,
    held: LoadedTask | None = None,
    score: Callable[..., pl.DataFrame] = loss.score,
) -> Judgement:
    """Measure a model on the promotion rows and let it answer the tasks and the held-out prompts.

    score: the method's, which says what the loss of a row is.
    """
    scores = score(model, promotion, pack_tokens)
    losses = (
        scores.group_by("row_id", maintain_order=True)
        .agg(pl.col("slice").first(), pl.col("nll_sum", "n_tokens").sum())
        .sort("row_id")
    )
    tasks = answer_tasks(model, tokenizer, loaded) + _preferences(scores.sort("row_id"))
    return Judgement(losses, tasks, held=answer_held(model, tokenizer, held) if held else [])


def _preferences(scores: pl.DataFrame) -> list[TaskScores]:
    """Return what a model prefers of held-out pairs as two tasks; none where no pairs were scored.

    accuracy: 1 where it finds the chosen answer likelier than the rejected one. margin: by how much, in nat.
    """
    if "preferred" not in scores.columns:
        return []
    preferred = scores["preferred"].to_numpy()
    return [
        TaskScores(PAIRS, "accuracy", (preferred > 0).astype(np.float64), []),
        TaskScores(PAIRS, "margin", preferred, []),
    ]


def answer_held(model: Any, tokenizer: Any, held: LoadedTask) -> list[str]:
    """Return the greedy answers to the held-out prompts."""
    return generate(model, tokenizer, [q.prompt_ids for q in held.questions], held.max_new_tokens)


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
    """Return the scores of base and tuned per task, paired by item; of the base after examples where it was asked."""
    results = []
    for before, after, prompted in zip_longest(base.tasks, tuned.tasks, base.few_shot):
        result = TaskResult(
            name=before.name,
            metric=before.metric,
            items=len(before.scores),
            base=_mean(before.scores),
            tuned=_mean(after.scores),
            change=_mean(after.scores - before.scores),
        )
        if prompted is not None:
            asked = ~np.isnan(prompted.scores)
            scores, gained = prompted.scores[asked], (after.scores - prompted.scores)[asked]
            result["few_shot"] = FewShotResult(
                items=int(asked.sum()),
                score=_mean(scores) if asked.any() else None,
                change=_mean(gained) if asked.any() else None,
            )
        results.append(result)
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


def _mean(scores: np.ndarray) -> Interval:
    return fact(intervals.paired_bootstrap(scores[None], np.ones(len(scores))))


def _loss(part: pl.DataFrame, column: str, groups: Mapping[bytes, str] | None) -> Interval:
    return fact(
        intervals.paired_bootstrap(
            part[column].to_numpy()[None],
            part["n_tokens"].to_numpy(),
            clusters=clusters(part["row_id"], groups),
        )
    )
