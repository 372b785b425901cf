"""Endpoints of a comparison: what is measured of every arm, and which differences count.

A difference counts only if its interval over seeds and rows leaves out zero and what random removal does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from tilth.shards.errors import TrainingError
from tilth.training.evaluation import intervals
from tilth.training.evaluation.judge import Judgement, clusters

MIN_SEEDS = 2
CONFIDENCE = 0.95  # over all endpoints together (Bonferroni)
Answer = Literal["better", "worse", "no difference shown"]


@dataclass(frozen=True)
class Endpoint:
    """One thing that is measured: `values` maps an arm to (seeds, units); `sizes` weighs the units."""

    label: str
    unit: str
    lower_is_better: bool
    values: dict[str, np.ndarray]
    sizes: np.ndarray
    clusters: np.ndarray | None
    primary: bool
    bounded: bool = False  # whether values are scores in [0, 1]
    written: bool = False  # whether they score answers
    retention: bool = False  # whether it is of what the base already knew

    @property
    def distinct(self) -> int:
        """How many units differ: rows, or different questions."""
        if self.lower_is_better or self.clusters is None:
            return self.sizes.size
        return len(np.unique(self.clusters))

    def difference(self, arm: str, other: str, level: float) -> intervals.Interval:
        """Return arm - other, paired by seed and unit."""
        return self.change(arm, other).interval(level)

    def change(self, arm: str, other: str) -> intervals.Mean:
        """Return the mean of arm - other, paired by seed and unit, with what its tests rest on."""
        delta, ends = self.values[arm] - self.values[other], (-1.0, 1.0) if self.bounded else None
        return intervals.paired_mean(delta, self.sizes, clusters=self.clusters, ends=ends)


def measure(judged: Mapping[str, list[Judgement]], groups: Mapping[bytes, str]) -> list[Endpoint]:
    """Return the endpoints: the loss on all rows first, then every task, the loss of every slice, and retention.

    Only rows that every arm was measured on count. Raises TrainingError where there is nothing to go by.
    """
    first = judged["base"][0]
    common = first.losses.select("row_id", "slice", "n_tokens")
    for models in judged.values():
        for model in models:
            common = common.join(
                model.losses.select("row_id"), on="row_id", how="semi", maintain_order="left"
            )
    aligned = {
        arm: np.stack([_aligned(common, model)["nll_sum"].to_numpy() for model in models])
        for arm, models in judged.items()
    }
    tokens, codes = common["n_tokens"].to_numpy(), clusters(common["row_id"], groups)
    endpoints = []
    if common.height:
        endpoints.append(Endpoint("loss, all slices", "nat/token", True, aligned, tokens, codes, True))
    for i, task in enumerate(first.tasks):
        scores = {arm: np.stack([m.tasks[i].scores for m in models]) for arm, models in judged.items()}
        ones = np.ones(len(task.scores))
        made = Endpoint(task.name, task.metric, False, scores, ones, task.clusters, True)
        endpoints.append(replace(made, bounded=task.bounded, written=task.written))
    for name in sorted(common["slice"].unique()):
        mine = (common["slice"] == name).to_numpy()
        part = {arm: values[:, mine] for arm, values in aligned.items()}
        endpoints.append(Endpoint(f"loss, {name}", "nat/token", True, part, tokens[mine], codes[mine], False))
    endpoints += _retention(judged)
    if not any(endpoint.primary for endpoint in endpoints):
        raise TrainingError(
            "compare",
            "there are no promotion rows that all arms share, and no evaluation tasks",
            "The versions cannot be compared",
            "Raise curation.split.promotion, or name evaluation.tasks",
        )
    return endpoints


def _retention(judged: Mapping[str, list[Judgement]]) -> list[Endpoint]:
    """Return the loss on what the base already knew, of the arms that were trained; none where it was not measured."""
    measured = {arm: [m.retained for m in models if m.retained is not None] for arm, models in judged.items()}
    measured = {arm: frames for arm, frames in measured.items() if len(frames) == len(judged[arm])}
    if not {"parent", "child"} <= set(measured):
        return []
    first = measured["parent"][0]
    values = {arm: np.stack([f["nll_sum"].to_numpy() for f in frames]) for arm, frames in measured.items()}
    label, tokens = "loss, base knowledge", first["n_tokens"].to_numpy()
    return [Endpoint(label, "nat/token", True, values, tokens, None, False, retention=True)]


def level_of(endpoints: list[Endpoint]) -> float:
    """Return the level of each interval at which all primary endpoints together have CONFIDENCE."""
    return 1 - (1 - CONFIDENCE) / sum(endpoint.primary for endpoint in endpoints)


def decide(endpoints: list[Endpoint], seeds: int, steps: int) -> tuple[Answer, str, list[str]]:
    """Return the answer, a sentence that says it, and three reasons with numbers.

    What may be served is more than this: see promotion.py.
    """
    primary = [e for e in endpoints if e.primary]
    level = level_of(endpoints)
    better: list[str] = []
    worse: list[str] = []
    reasons: list[str] = []
    for endpoint in primary:
        change = endpoint.difference("child", "parent", level)
        text = f"child - parent, {endpoint.label}: {_shown(change)} {endpoint.unit}"
        moved = seeds >= MIN_SEEDS and not change.covers(0)
        if endpoint.distinct < intervals.MIN_TO_DECIDE:
            text += f" ({endpoint.distinct} are too few: {intervals.MIN_TO_DECIDE} can decide)"
            moved = False
        if moved and "random removal" in endpoint.values:
            random = endpoint.difference("random removal", "parent", level)
            text += f"; random removal {random.mean:+.4f}"
            moved = not change.covers(random.mean)
        if moved:
            (better if (change.mean < 0) == endpoint.lower_is_better else worse).append(endpoint.label)
        reasons.append(text)
    units = ", ".join(f"{e.sizes.size:,} {'rows' if e.lower_is_better else 'questions'}" for e in primary)
    reasons.append(f"{seeds} paired seeds of {steps:,} steps; {units}; {level:.1%} intervals")
    if better and not worse:
        return "better", f"The child is better: {', '.join(better)}.", _three(reasons)
    if worse and not better:
        return "worse", f"The child is worse: {', '.join(worse)}.", _three(reasons)
    sentence = "No difference shown: the change lies within the spread of seeds, rows and random removal."
    if better and worse:
        sentence = f"Mixed: better in {', '.join(better)}, worse in {', '.join(worse)}."
    elif seeds < MIN_SEEDS:
        sentence = "No difference shown: one seed says nothing about the spread between seeds."
    return "no difference shown", sentence, _three(reasons)


def _aligned(common: pl.DataFrame, model: Judgement) -> pl.DataFrame:
    return common.select("row_id").join(model.losses, on="row_id", how="left", maintain_order="left")


def _shown(interval: intervals.Interval) -> str:
    return f"{interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def _three(reasons: list[str]) -> list[str]:
    """Keep the first two endpoints and the last line, which says on what they rest."""
    return [*reasons[:2], reasons[-1]] if len(reasons) > 3 else reasons
