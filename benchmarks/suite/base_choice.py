"""Choosing a base for a tenth of the compute: the ranking of `train --choose-base` beside tuning every base in full.

Eight small bases (benchmarks/small_bases.py) are ranked for the bundled sample, then all of them are really tuned.
The truth is the loss of the full runs on promotion rows, which the ranking never reads. Half and twice the tenth
show what more compute buys; the same full run under several seeds shows how well a best base is defined at all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.inputs import small_bases

SEEDS, BUDGETS, STEPS, BATCH_TOKENS, DECIMALS = (0, 1, 2), (0.05, 0.1, 0.2), 640, 256, 4
NO_NUMBERS = ("pick", "ranking", "data_efficiency_nat_per_token")  # of a judged choice


@dataclass(frozen=True)
class World:
    """What all rankings and all full runs have in common."""

    tuning: Any
    evaluation: Any
    version: Any
    store: Any
    base_dir: Path

    def choose(self, seed: int, budget: float) -> Any:
        """Rank the bases for a share of the compute of all full runs."""
        from tilth.training.search.choose_base import choose_base

        tuning = self.tuning.model_copy(update={"seed": seed})
        return choose_base(self._asked(tuning), self.store, budget=budget)

    def _asked(self, tuning: Any) -> Any:
        from tilth.training.plan.request import Request

        return Request(self.version, tuning, self.evaluation, base_dir=self.base_dir, recipe_digest="bases")

    def full_run(self, seed: int, candidate: Any) -> float:
        """Return the bits per byte on promotion rows after a full run of a candidate."""
        from tilth.shards.tables import Split
        from tilth.training.plan.job import prepare
        from tilth.training.search.choose_base import answer_bytes
        from tilth.training.search.short_run import ShortRuns

        tuning = self.tuning.model_copy(update={"base": candidate.base, "seed": seed})
        job = prepare(self._asked(tuning), self.store)
        runs = ShortRuns(job)
        runs.train(candidate.rate, job.plan.tokens)
        rows = pl.Series(sorted({example.row_id for example in job.roles.promotion}), dtype=pl.Binary)
        size = answer_bytes(self.version.samples(Split.PROMOTION), rows)
        return runs.nll(job.roles.promotion)[0] / (math.log(2) * size)


def measure() -> dict[str, Any]:
    """Return, for each budget and seed, the ranking, Kendall's tau, and what the pick loses against the best."""
    started = time.process_time()
    bases = small_bases.make()
    with TemporaryDirectory() as folder:
        world = _world(Path(folder) / "demo", bases)
        choices = {(seed, budget): world.choose(seed, budget) for seed in SEEDS for budget in BUDGETS}
        candidates = choices[SEEDS[0], BUDGETS[0]].candidates
        truth = {seed: {c.base: world.full_run(seed, c) for c in candidates} for seed in SEEDS}
    found = {
        budget: {seed: _judged(choices[seed, budget], truth[seed]) for seed in SEEDS} for budget in BUDGETS
    }
    return {
        "bases": {kind.name: f"reads {kind.reads}, {kind.steps * 2048:,} tokens, width {kind.width}"
                  for kind in small_bases.KINDS},
        "full_run_tokens": STEPS * BATCH_TOKENS,
        "full_runs": {Path(base).name: _full_runs([truth[seed][base] for seed in SEEDS]) for base in truth[0]},
        "by_budget": {
            f"{budget:g}": {key: _spread([run[key] for run in runs.values()])
                            for key in next(iter(runs.values())) if key not in NO_NUMBERS}
            for budget, runs in found.items()
        },
        "seeds": {f"{budget:g}": {str(seed): run for seed, run in runs.items()} for budget, runs in found.items()},
        "cpu_s": round(time.process_time() - started),
    }  # fmt: skip


def _world(folder: Path, bases: list[Path]) -> World:
    """Return the bundled sample, curated, and a recipe that names the bases and no rate."""
    from tilth.shards.store import Store
    from tilth.workbench.recipes.recipe_file import load
    from tilth.workbench.running.curate import curate_recipe
    from tilth.workbench.running.demo import prepare_sample

    path = prepare_sample(folder)
    loaded = load(path)
    store = Store.open(path.parent / ".tilth")
    version = curate_recipe(loaded, store).version
    changes = {
        "bases": [str(base) for base in bases],
        "rate": None,
        "batch_tokens": BATCH_TOKENS,
        "max_steps": STEPS,
        "retention": {"replay": 0.0, "max_forgotten": None},
    }
    tuning = loaded.require_training()
    tuning = type(tuning).model_validate(tuning.model_dump() | changes)
    return World(tuning, loaded.evaluation, version, store, path.parent)


def _judged(choice: Any, truth: dict[str, float]) -> dict[str, Any]:
    """Return one choice beside the truth; losses above the best are parts of the best."""
    best = min(truth.values())
    known = [truth[c.base] for c in choice.candidates]

    def above(key: Callable[[Any], float]) -> float:
        return round(truth[min(choice.candidates, key=key).base] / best - 1, DECIMALS)

    return {
        "pick": Path(choice.chosen.base).name,
        "pick_above_best": round(known[0] / best - 1, DECIMALS),
        "pick_of_bits_per_byte_above_best": above(lambda c: c.bits_per_byte),
        "kendall_tau": kendall_tau(list(range(len(known))), known),
        "kendall_tau_bits_per_byte": kendall_tau([c.bits_per_byte for c in choice.candidates], known),
        "compute_share": choice.cost,
        "compute_share_from_scratch": choice.scratch_cost,
        "ranking": [
            {
                "base": Path(c.base).name,
                "full_run": round(truth[c.base], DECIMALS),
                "predicted": c.predicted and round(c.predicted, DECIMALS),
                "longest_run": round(c.longest, DECIMALS),
                "points": c.points,
            }
            for c in choice.candidates
        ],
        "data_efficiency_nat_per_token": choice.curve(),
    }


def _full_runs(losses: list[float]) -> dict[str, Any]:
    """Return the losses of one base under every seed, and how far apart they are."""
    return {
        "bits_per_byte": [round(loss, DECIMALS) for loss in losses],
        "spread": round(max(losses) / min(losses) - 1, DECIMALS),
    }


def kendall_tau(first: list[float], second: list[float]) -> float:
    """Return Kendall's tau-b of two rankings."""
    from scipy.stats import kendalltau

    return round(float(kendalltau(first, second).statistic), DECIMALS)


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": round(fmean(values), DECIMALS), "low": min(values), "high": max(values)}
