"""What 16 bits on a CPU cost: the demo base tuned with LoRA on the bundled sample, three seeds in either precision.

The base is narrower than those that a run takes to 16 bits by itself, so rounding weighs more here.
"""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

PRECISIONS = ("float32", "auto")
SEEDS, STEPS, DECIMALS = (0, 1, 2), 60, 4


def measure() -> dict[str, Any]:
    """Return loss on promotion rows and exact match on desk questions of every run; nothing without AMX."""
    from tilth.shards.store import Store
    from tilth.training.hardware import device
    from tilth.training.plan.request import Request
    from tilth.training.train import train
    from tilth.workbench.recipes.recipe_file import load
    from tilth.workbench.running.curate import curate_recipe
    from tilth.workbench.running.demo import prepare_sample

    if not device._has_matrix_units():
        return {"skipped": "needs a CPU with AMX"}
    device.MIN_WIDTH_16 = 1
    found: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        path = prepare_sample(Path(folder) / "demo")
        loaded = load(path)
        store = Store.open(path.parent / ".tilth")
        version = curate_recipe(loaded, store).version
        tuning = loaded.require_training()
        evaluation = loaded.evaluation.model_copy(
            update={"tasks": loaded.evaluation.tasks[:1], "few_shot": 0}
        )
        for precision in PRECISIONS:
            changes = {"max_steps": STEPS, "precision": precision, "merge": False, "reload": False}
            changed = tuning.model_copy(update=changes)
            fixed: dict[str, Any] = {"base_dir": path.parent, "recipe_digest": f"precision: {precision}"}
            runs = [train(Request(version, changed, evaluation, seed=seed, **fixed), store) for seed in SEEDS]
            found[precision] = {
                "promotion_loss": [round(run.tuned.loss, DECIMALS) for run in runs],
                "desk_exact": [round(run.tuned.tasks[0].mean, DECIMALS) for run in runs],
            }
            print(precision, found[precision], flush=True)
    losses = {name: fmean(one["promotion_loss"]) for name, one in found.items()}
    return found | {"loss_added_by_16_bits": round(losses["auto"] - losses["float32"], DECIMALS)}
