"""LoRA on a CPU with matrix units in 32 and in 16 bits, in one lane and in two: speed by width, and what it costs.

Speed: random Llamas of four layers on real chat rows. Cost: the demo base tuned on the bundled sample with three
seeds in both, though it is narrower than the bases that a run takes to 16 bits.
"""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.sample import read_real
from benchmarks.watched_run import save_base, train_once

WIDTHS, LAYERS, ROWS, ROUNDS = (128, 256, 512, 768), 4, 128, 3
PRECISIONS, LANES = ("float32", "auto"), (1, 2)
SEEDS, STEPS, DECIMALS = (0, 1, 2), 60, 4


def measure() -> dict[str, Any]:
    """Return tokens a second by width, precision and lanes, and the losses of both precisions."""
    from tilth.training import device

    if not device._has_matrix_units():
        return {"skipped": "needs a CPU with AMX"}
    return {"tokens_per_s": _speeds(), "demo": _losses()}


def _speeds() -> dict[str, Any]:
    rows = read_real("sft/sft_mix.jsonl.zst")
    if rows is None:
        return {"skipped": "needs TILTH_REAL_DATA"}
    found: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        chosen = rows.filter(pl.col("lang") == "en").head(ROWS)["messages"].to_list()
        path.write_text("".join(json.dumps({"messages": row}) + "\n" for row in chosen), encoding="utf-8")
        for width in WIDTHS:
            base = str(Path(folder) / str(width))
            shape = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": LAYERS}
            _alone(save_base, str(path), base, shape | {"num_attention_heads": width // 64})
            rounds = [_round(str(path), base) for _ in range(ROUNDS)]
            found[f"width {width}"] = {name: round(median(one[name] for one in rounds)) for name in rounds[0]}
            print(width, found[f"width {width}"], flush=True)
    return found


def _round(rows: str, base: str) -> dict[str, float]:
    found = {}
    for precision in PRECISIONS:
        for lanes in LANES:
            ran = _alone(_narrow, rows, base, precision, lanes)
            found[f"{ran['dtype']}, lanes {lanes}"] = ran["tokens"] / ran["wall_s"]
    return found


def _narrow(rows: str, base: str, precision: str, lanes: int) -> dict[str, Any]:
    """Train once, in 16 bits however narrow the base if the precision is left to us."""
    from tilth.training import device

    device.MIN_WIDTH_16 = 1
    ran = train_once(rows, base, {"precision": precision}, lanes)
    return ran | {"dtype": "float32" if precision == "float32" else "bfloat16"}


def _alone(run: Any, *arguments: Any) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return dict(pool.apply(run, arguments))


def _losses() -> dict[str, Any]:
    from tilth.shards.store import Store
    from tilth.training import device
    from tilth.training.train import train
    from tilth.workbench import curating, demo, recipe

    device.MIN_WIDTH_16 = 1
    found: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        path = demo.prepare(Path(folder) / "demo")
        loaded = recipe.load(path)
        store = Store.open(path.parent / ".tilth")
        version = curating.run(loaded, store).version
        tuning = loaded.require_training()
        evaluation = loaded.evaluation.model_copy(
            update={"tasks": loaded.evaluation.tasks[:1], "few_shot": 0}
        )
        for precision in PRECISIONS:
            changes = {"max_steps": STEPS, "precision": precision, "merge": False, "reload": False}
            changed = tuning.model_copy(update=changes)
            fixed: dict[str, Any] = {"base_dir": path.parent, "recipe_digest": f"precision: {precision}"}
            runs = [train(changed, evaluation, version, store, seed=seed, **fixed) for seed in SEEDS]
            found[precision] = {
                "promotion_loss": [round(run.tuned.loss, DECIMALS) for run in runs],
                "desk_exact": [round(run.tuned.tasks[0].mean, DECIMALS) for run in runs],
            }
            print(precision, found[precision], flush=True)
    losses = {name: fmean(one["promotion_loss"]) for name, one in found.items()}
    return found | {"loss_added_by_16_bits": round(losses["auto"] - losses["float32"], DECIMALS)}
