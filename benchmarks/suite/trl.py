"""LoRA on chat rows beside TRL's SFTTrainer: the same base, rows, labels and adapter; speed, memory, bookkeeping."""

from __future__ import annotations

import json
import multiprocessing
import time
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.inputs.sample import read_real
from benchmarks.tools import peer
from benchmarks.tools.watched_run import load_adapted, load_examples, make_recipe, save_base, train_once

REQUIREMENTS = [
    "torch==2.13.0",
    "trl==1.16.0",
    "transformers==5.23.0",
    "peft==0.21.2",
    "datasets==5.2.0",
    "accelerate==1.15.0",
]
SETTINGS = tuple(
    f"{batches}-{precision}"
    for batches, precision in product(
        ("padded-4", "padded-8", "packed-2", "packed-4"), ("float32", "bfloat16")
    )
)
PACK_TOKENS = {"auto": 2048, "float32": 1024}  # ours: the most that keeps to 60 % of TRL's memory
ROWS = 128
BOOKKEEPING_PASSES = 2
ROUNDS = 4  # of both in turn: the speed of a shared machine drifts


def measure() -> dict[str, Any]:
    """Return tokens a second and peak memory of both, TRL at the fastest of its settings; nothing without the rows."""
    rows = read_real("sft/sft_mix.jsonl.zst")
    if rows is None:
        return {"skipped": "needs TILTH_REAL_DATA"}
    chosen = rows.filter(pl.col("lang") == "en").head(ROWS)
    with TemporaryDirectory() as folder:
        path, base = Path(folder) / "rows.jsonl", Path(folder) / "base"
        lines = [json.dumps({"messages": row}) for row in chosen["messages"].to_list()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        _alone(save_base, str(path), str(base))
        tried = {name: _paced(_trl(path, base, name)) for name in SETTINGS}
        figures: dict[str, Any] = {"trl_tried": tried}
        for precision in PACK_TOKENS:
            figures[precision] = _beside(path, base, precision, tried)
        figures["bookkeeping_share"] = _alone(_bookkeeping, str(path), str(base))["share"]
    return figures


def _beside(path: Path, base: Path, precision: str, tried: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Train with both in turn: ours in a precision, TRL at the fastest of its settings (in 32 bits if ours is)."""
    ran = {
        name: found["tokens_per_s"]
        for name, found in tried.items()
        if "tokens_per_s" in found and (precision == "auto" or name.endswith(precision))
    }
    changes = {"precision": precision, "pack_tokens": PACK_TOKENS[precision]}
    if not ran:
        return {"tilth": _paced(_alone(train_once, str(path), str(base), changes))}
    best = max(ran, key=lambda name: ran[name])
    rounds = [
        {
            "tilth": _paced(_alone(train_once, str(path), str(base), changes)),
            "trl": _paced(_trl(path, base, best)),
        }
        for _ in range(ROUNDS)
    ]
    return {
        "trl_command": f"benchmarks/peers/trl.py ROWS BASE {best}",
        "rounds": rounds,
        "times_trl": _spread(rounds, "tokens_per_s"),
        "times_trl_by_cpu": _spread(rounds, "tokens_per_cpu_s"),
        "memory_of_trl": _spread(rounds, "peak_mib"),
    }


def _trl(path: Path, base: Path, setting: str) -> dict[str, Any]:
    return peer.run("trl", REQUIREMENTS, str(path), str(base), setting)


def _spread(rounds: list[dict[str, Any]], figure: str) -> dict[str, float]:
    """Return the least, median and largest ratio of ours to theirs within a round."""
    ratios = sorted(round(found["tilth"][figure] / found["trl"][figure], 3) for found in rounds)
    return {"low": ratios[0], "median": median(ratios), "high": ratios[-1]}


def _paced(found: dict[str, Any]) -> dict[str, Any]:
    if "unavailable" in found:
        return found
    return found | {
        "cpu_s": round(found["cpu_s"], 2),
        "wall_s": round(found["wall_s"], 2),
        "tokens_per_s": round(found["tokens"] / found["wall_s"]),
        "tokens_per_cpu_s": round(found["tokens"] / found["cpu_s"]),
    }


def _alone(run: Any, *arguments: Any) -> dict[str, Any]:
    """Run a function in a process of its own, so that its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return dict(pool.apply(run, arguments))


def _bookkeeping(rows: str, base: str) -> dict[str, Any]:
    """Return what margins and the dynamics of rows add to a batch: each is taken with and without, in turn.

    Once before, untimed: products in 16 bits are compiled when a batch of their shape first comes.
    """
    from tilth.training.model.loss import token_losses
    from tilth.training.monitors.dynamics import Dynamics
    from tilth.training.rows.pack import pack

    recipe, examples = make_recipe(base), load_examples(rows, base)
    (model, _), dynamics = load_adapted(recipe), Dynamics(examples, [""])
    spent = {False: 0.0, True: 0.0}
    batches = pack(examples, recipe.pack_tokens)
    for batch in batches:
        token_losses(model, batch, statistics=True).nll.mean().backward()
    for number, batch in enumerate(batches * BOOKKEEPING_PASSES):
        for watched in (number % 2 == 0, number % 2 == 1):
            started = time.process_time()
            losses = token_losses(model, batch, statistics=watched)
            losses.nll.mean().backward()
            if watched:
                dynamics.add(batch, losses)
            spent[watched] += time.process_time() - started
    return {"share": round(spent[True] / spent[False] - 1, 4)}
