"""Choosing a base for a tenth of the compute: the ranking of `train --choose-base` beside tuning every base in full.

Eight small bases (benchmarks/small_bases.py) are ranked for the bundled sample, then all of them are really tuned.
The truth is the loss of the full runs on promotion rows, which the ranking never reads.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks import small_bases

SEEDS, STEPS, BATCH_TOKENS, DECIMALS = (0, 1), 640, 256, 4


def measure() -> dict[str, Any]:
    """Return, for each seed, the ranking, the truth, Kendall's tau, and what the pick loses against the best."""
    from tilth.shards.store import Store
    from tilth.workbench import curating, demo, recipe

    started = time.process_time()
    bases = small_bases.make()
    with TemporaryDirectory() as folder:
        path = demo.prepare(Path(folder) / "demo")
        loaded = recipe.load(path)
        store = Store.open(path.parent / ".tilth")
        version = curating.run(loaded, store).version
        changes = {
            "bases": [str(base) for base in bases],
            "rate": None,
            "batch_tokens": BATCH_TOKENS,
            "max_steps": STEPS,
            "retention": {"replay": 0.0, "max_forgotten": None},
        }
        tuning = loaded.require_training()
        tuning = type(tuning).model_validate(tuning.model_dump() | changes)
        runs = [_of_seed(tuning, loaded.evaluation, version, store, path.parent, seed) for seed in SEEDS]
    return {
        "bases": {kind.name: f"reads {kind.reads}, {kind.steps * 2048:,} tokens, width {kind.width}"
                  for kind in small_bases.KINDS},
        "full_run_tokens": STEPS * BATCH_TOKENS,
        "kendall_tau": _spread([run["kendall_tau"] for run in runs]),
        "kendall_tau_bits_per_byte": _spread([run["kendall_tau_bits_per_byte"] for run in runs]),
        "pick_above_best": _spread([run["pick_above_best"] for run in runs]),
        "pick_of_bits_per_byte_above_best": _spread([run["pick_of_bits_per_byte_above_best"] for run in runs]),
        "compute_share": _spread([run["compute_share"] for run in runs]),
        "seeds": {str(seed): run for seed, run in zip(SEEDS, runs, strict=True)},
        "cpu_s": round(time.process_time() - started),
    }  # fmt: skip


def _of_seed(
    tuning: Any, evaluation: Any, version: Any, store: Any, base_dir: Path, seed: int
) -> dict[str, Any]:
    from tilth.training.choose_base import choose_base

    tuning = tuning.model_copy(update={"seed": seed})
    choice = choose_base(tuning, evaluation, version, store, base_dir=base_dir, recipe_digest="bases")
    truth = {c.base: _full(tuning, evaluation, version, store, base_dir, c) for c in choice.candidates}
    best = min(truth.values())
    first = min(choice.candidates, key=lambda c: c.bits_per_byte)
    lines = {
        Path(c.base).name: {
            "bits_per_byte": round(c.bits_per_byte, DECIMALS),
            "predicted": c.predicted and round(c.predicted, DECIMALS),
            "full_run": round(truth[c.base], DECIMALS),
            "points": c.points,
        }
        for c in choice.candidates
    }
    known = list(truth.values())
    predicted = [c.predicted if c.predicted is not None else math.inf for c in choice.candidates]
    found = {
        "ranking": lines,
        "kendall_tau": kendall_tau(predicted, known),
        "kendall_tau_bits_per_byte": kendall_tau([c.bits_per_byte for c in choice.candidates], known),
        "pick_above_best": round(truth[choice.chosen.base] / best - 1, DECIMALS),
        "pick_of_bits_per_byte_above_best": round(truth[first.base] / best - 1, DECIMALS),
        "compute_share": choice.cost,
        "compute_share_from_scratch": choice.scratch_cost,
        "data_efficiency_nat_per_token": choice.curve(),
    }
    print(seed, found, flush=True)
    return found


def _full(tuning: Any, evaluation: Any, version: Any, store: Any, base_dir: Path, candidate: Any) -> float:
    """Return the bits per byte on promotion rows after a full run."""
    from tilth.shards.tables import Split
    from tilth.training.choose_base import answer_bytes
    from tilth.training.job import prepare
    from tilth.training.short_run import ShortRuns

    job = prepare(
        tuning.model_copy(update={"base": candidate.base}), evaluation, version, store, base_dir=base_dir,
        recipe_digest="bases", seed=tuning.seed, exclude=None, max_steps=None, monitors=True,
    )  # fmt: skip
    runs = ShortRuns(job)
    runs.train(candidate.rate, job.plan.tokens)
    rows = pl.Series(sorted({example.row_id for example in job.roles.promotion}), dtype=pl.Binary)
    size = answer_bytes(version.samples(Split.PROMOTION), rows)
    return runs.nll(job.roles.promotion)[0] / (math.log(2) * size)


def kendall_tau(first: list[float], second: list[float]) -> float:
    """Return Kendall's tau-b of two rankings."""
    from scipy.stats import kendalltau

    return round(float(kendalltau(first, second).statistic), DECIMALS)


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": round(fmean(values), DECIMALS), "low": min(values), "high": max(values)}
