"""All arms of a world under one seed: what each trains on, what came of it, one file an arm."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.proof import registered as plan
from benchmarks.proof.__main__ import path_of, record
from benchmarks.proof.arms import Chosen, Evidence, by_confident_learning, pushback, removed
from benchmarks.proof.tuning import Bench, Tuned
from benchmarks.proof.worlds import Rows, read


def run_seed(bench: Bench, world: plan.World, seed: int, arms: list[str], data: Path) -> None:
    """Run the arms that are not done."""
    rows = read(world, seed, data)
    examples = bench.examples(rows.texts, rows.stands, rows)
    held = bench.examples(rows.held_texts, rows.held_answers, rows)
    tokens = plan.EPOCHS * sum(len(e.input_ids) for e in examples)
    kept = path_of(world, seed, "noisy").with_suffix(".npz")
    if not kept.exists() or not path_of(world, seed, "noisy").exists():
        tuned = bench.tune(examples, held, tokens, seed)
        np.savez(kept, margins=tuned.margins, losses=tuned.losses)
        everything = Chosen(
            np.ones(len(examples), dtype=bool), rows.stands, np.zeros(len(examples), dtype=bool)
        )
        _record(world, seed, "noisy", rows, everything, tuned, {})
    shown = np.load(kept)
    states = bench.states(examples)
    seen = Evidence(
        np.stack([states[e.row_id] for e in examples]), rows.stands, shown["margins"], shown["losses"]
    )
    for arm in arms:
        if path_of(world, seed, arm).exists():
            continue
        chosen, more = _chosen(arm, seen, rows, seed)
        mine = [i for i in range(len(examples)) if chosen.keep[i]]
        trained = bench.examples([rows.texts[i] for i in mine], chosen.answers[mine], rows)
        _record(world, seed, arm, rows, chosen, bench.tune(trained, held, tokens, seed), more)


def _chosen(arm: str, seen: Evidence, rows: Rows, seed: int) -> tuple[Chosen, dict[str, Any]]:
    """Return what an arm keeps; the truth is read by the oracle and by the figures about scores alone."""
    chosen, changed, wrong = pushback(seen)
    count = int(chosen.named.sum())
    if arm == "pushback":
        return chosen, {"changed": changed, "auroc": auroc(rows.wrong, wrong)}
    if arm == "three rounds":
        chosen, changed, _ = pushback(seen, rounds=plan.ROUNDS)
        return chosen, {"changed": changed}
    if arm == "without repair":
        return pushback(seen, repair=False)[0], {}
    if arm == "oracle":
        everything = np.ones(len(rows.truth), dtype=bool)
        return Chosen(everything, rows.truth, rows.wrong), {}
    if arm == "confident learning":
        chosen, scores = by_confident_learning(seen)
        return chosen, {"auroc": auroc(rows.wrong, scores)}
    scores = {
        "random removal": np.random.default_rng([seed, 7]).random(len(rows.truth)),
        "by loss": seen.losses,
        "by aum": -seen.margins,
    }[arm]
    return removed(seen.stands, scores, count), {"auroc": auroc(rows.wrong, scores)}


def auroc(wrong: np.ndarray, scores: np.ndarray) -> float | None:
    """Return the probability that a wrong row scores above a right one; None where there is none of either."""
    from scipy.stats import rankdata

    positive, negative = int(wrong.sum()), int((~wrong).sum())
    if not positive or not negative:
        return None
    ranks = rankdata(scores)
    return float((ranks[wrong].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _record(
    world: plan.World, seed: int, arm: str, rows: Rows, chosen: Chosen, tuned: Tuned, more: dict[str, Any]
) -> None:
    named, wrong = chosen.named, rows.wrong
    found = {
        "world": asdict(world),
        "seed": seed,
        "arm": arm,
        "rows": len(rows.texts),
        "wrong": int(wrong.sum()),
        "kept": int(chosen.keep.sum()),
        "named": int(named.sum()),
        "named wrong": int((named & wrong).sum()),
        "wrong left": int((chosen.keep & (chosen.answers != rows.truth)).sum()),
        "accuracy": float(tuned.held_right.mean()),
        "loss": float(tuned.held_losses.mean()),
        "right": "".join("01"[int(r)] for r in tuned.held_right),
        "tokens": tuned.tokens,
        "seconds": round(tuned.seconds, 1),
        **more,
    }
    record(path_of(world, seed, arm), found)
    print(
        f"{world.name} seed {seed} {arm}: accuracy {found['accuracy']:.3f}, {found['seconds']:.0f} s",
        flush=True,
    )
