"""Judges a model on rows and tasks that nothing in the run has looked at, and one model against another.

Losses of single promotion rows live in memory only: writing them down would let the next curation learn
from the rows that are to judge it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.tables import VALUE_DECIMALS
from tilth.training.evaluation import intervals
from tilth.training.evaluation.evaluate import LoadedTask, TaskScores, answer_tasks
from tilth.training.evaluation.generation import generate
from tilth.training.evaluation.kept_answers import Ask
from tilth.training.evaluation.sampled import Judging
from tilth.training.model import loss
from tilth.validators.facts.page import Interval
from tilth.validators.facts.run import FewShotResult, SliceResult, TaskResult, TaskSlice

PAIRS = "held-out pairs"


@dataclass(frozen=True)
class Judgement:
    """One model: losses (row_id, slice, nll_sum, n_tokens; one line per row in row_id order) and tasks.

    few_shot: the tasks again, after worked examples; held: answers to the held-out prompts. Empty if not asked for.
    retained: as losses, of what the base already knew; None where it was not measured.
    """

    losses: pl.DataFrame
    tasks: list[TaskScores]
    few_shot: list[TaskScores] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    retained: pl.DataFrame | None = None

    @property
    def loss(self) -> float:
        """Mean loss in nat/token over all rows."""
        nll, tokens = self.losses["nll_sum"].to_numpy(), self.losses["n_tokens"].to_numpy()
        return float(nll.sum() / max(1, tokens.sum()))


def judge(
    model: Any,
    tokenizer: Any,
    judging: Judging,
    pack_tokens: int,
    score: Callable[..., pl.DataFrame] = loss.score,
    on_tokens: Callable[[int], None] | None = None,
    ask: Ask = generate,
) -> Judgement:
    """Measure a model on the promotion rows and let it answer the tasks and the held-out prompts.

    score: the method's, which says what the loss of a row is. on_tokens: told how many more were read and written.
    ask: as `answer_tasks` takes it.
    """
    scores = score(model, judging.promotion, pack_tokens)
    if on_tokens is not None:
        on_tokens(sum(len(example.input_ids) for example in judging.promotion))
    tasks = answer_tasks(model, tokenizer, judging.tasks, on_tokens, ask) + _preferences(
        scores.sort("row_id")
    )
    held = judging.held
    prompts = [question.prompt_ids for question in held.questions] if held else []
    written = ask(model, tokenizer, prompts, held.max_new_tokens, on_tokens) if held else []
    return Judgement(by_row(scores), tasks, held=written)


def by_row(scores: pl.DataFrame) -> pl.DataFrame:
    """Return the losses of examples by row: row_id, slice, nll_sum, n_tokens, in row_id order."""
    return (
        scores.group_by("row_id", maintain_order=True)
        .agg(pl.col("slice").first(), pl.col("nll_sum", "n_tokens").sum())
        .sort("row_id")
    )


def _preferences(scores: pl.DataFrame) -> list[TaskScores]:
    """Return what a model prefers of held-out pairs as two tasks; none where no pairs were scored.

    accuracy: 1 where it finds the chosen answer likelier than the rejected one. margin: by how much, in nat.
    """
    if "preferred" not in scores.columns:
        return []
    preferred = scores["preferred"].to_numpy()
    return [
        TaskScores(PAIRS, "accuracy", (preferred > 0).astype(np.float64), [], written=False),
        TaskScores(PAIRS, "margin", preferred, [], written=False, bounded=False),
    ]


def slice_results(
    base: Judgement, tuned: Judgement, groups: Mapping[bytes, str] | None = None
) -> list[SliceResult]:
    """Return the losses of base and tuned per slice of the promotion rows, paired by row."""
    rows = paired(base, tuned)
    return [
        _loss_result(name, rows.filter(pl.col("slice") == name), groups)
        for name in sorted(rows["slice"].unique())
    ]


def loss_result(
    base: Judgement, tuned: Judgement, groups: Mapping[bytes, str] | None = None
) -> SliceResult | None:
    """Return the losses over all promotion rows, as of a slice named ""; None where there is no row."""
    rows = paired(base, tuned)
    return _loss_result("", rows, groups) if rows.height else None


def task_results(base: Judgement, tuned: Judgement, loaded: Sequence[LoadedTask]) -> list[TaskResult]:
    """Return the scores of base and tuned per task, paired by item; of the base after examples where it was asked.

    Equal questions are one cluster. Questions that train rows hold are scored and counted, and left out of `unseen`
    and of the tests. What a model prefers of held-out pairs stands last: no answer is written for it.
    """
    results = []
    for task, before, after, prompted in zip_longest(loaded, base.tasks, tuned.tasks, base.few_shot):
        result = _task_result(task, before, after)
        if prompted is not None:
            asked = ~np.isnan(prompted.scores)
            codes, beyond = task.clusters[asked], (after.scores - prompted.scores)[asked]
            result["few_shot"] = FewShotResult(
                items=int(asked.sum()),
                score=_score(prompted.scores[asked], codes) if asked.any() else None,
                change=fact(scores_mean(beyond, codes).interval()) if asked.any() else None,
            )
        results.append(result)
    return results


def _task_result(task: LoadedTask | None, before: TaskScores, after: TaskScores) -> TaskResult:
    count, ends = len(before.scores), (-1.0, 1.0) if before.bounded else None
    codes = task.clusters if task else np.arange(count)
    told = np.array([q.told for q in task.questions] if task else [False] * count, dtype=bool)
    gained = after.scores - before.scores
    unseen = scores_mean(gained[~told], codes[~told], ends)
    result = TaskResult(
        name=before.name,
        metric=before.metric,
        items=count,
        distinct=len(np.unique(codes[~told])),
        told=int(told.sum()),
        empty=sum(not q.item.reference.strip() for q in task.questions) if task else 0,
        written=before.written,
        base=_score(before.scores, codes, before.bounded),
        tuned=_score(after.scores, codes, before.bounded),
        change=fact(scores_mean(gained, codes, ends).interval()),
        p_better=unseen.p_above(),
        p_worse=unseen.p_below(),
        slices=_task_slices(task, before.scores, after.scores, told) if task else [],
    )
    if task and task.left_out:
        result["left_out"] = task.left_out
    if told.any():
        result["unseen"] = fact(unseen.interval())
    return result


def scores_mean(
    differences: np.ndarray,
    clusters: np.ndarray | None,
    ends: tuple[float, float] | None = (-1.0, 1.0),
) -> intervals.Mean:
    """Return the mean of paired differences of scores."""
    return intervals.paired_mean(differences[None], np.ones(differences.size), clusters=clusters, ends=ends)


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
    """Return an interval as the pages show it; its ends are None where there are too few groups for one."""
    low, high = (
        round(end, VALUE_DECIMALS) if math.isfinite(end) else None for end in (interval.low, interval.high)
    )
    return Interval(value=round(interval.mean, VALUE_DECIMALS), low=low, high=high)


def _score(scores: np.ndarray, clusters: np.ndarray, bounded: bool = True) -> Interval:
    return fact(scores_mean(scores, clusters, (0.0, 1.0) if bounded else None).interval())


def _task_slices(
    task: LoadedTask, before: np.ndarray, after: np.ndarray, told: np.ndarray
) -> list[TaskSlice]:
    """Return what became of each slice that the questions of a task name, where they name more than one."""
    named, codes = np.array([q.item.slice for q in task.questions], dtype=object), task.clusters
    names = sorted(set(named[~told]))
    found = []
    for name in names if len(names) > 1 else []:
        mine = (named == name) & ~told
        gained = scores_mean((after - before)[mine], codes[mine])
        found.append(
            TaskSlice(
                slice=name,
                items=int(mine.sum()),
                distinct=len(np.unique(codes[mine])),
                base=_score(before[mine], codes[mine]),
                tuned=_score(after[mine], codes[mine]),
                change=fact(gained.interval()),
                p_worse=gained.p_below(),
            )
        )
    return found


def _loss_result(name: str, part: pl.DataFrame, groups: Mapping[bytes, str] | None) -> SliceResult:
    sizes, codes = part["n_tokens"].to_numpy(), clusters(part["row_id"], groups)

    def mean(nll: pl.Series) -> intervals.Mean:
        return intervals.paired_mean(nll.to_numpy()[None], sizes, clusters=codes)

    change = mean(part["nll_tuned"] - part["nll_sum"])
    return SliceResult(
        slice=name,
        rows=part.height,
        base=fact(mean(part["nll_sum"]).interval()),
        tuned=fact(mean(part["nll_tuned"]).interval()),
        change=fact(change.interval()),
        p_worse=change.p_above(),
    )
