"""What a watched run spends on evaluation, beside the share of its time that the recipe allows (`evaluation.share`).

The bundled sample, the demo base, and runs long and short: below about two million tokens an evaluation of
MIN_EVALUATION_TOKENS is more than the share, which then gives way and says so on the page.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

STEPS = (200, 2400)
DECIMALS = 4


def measure() -> dict[str, Any]:
    """Return, for a short and a long run, the share asked for, planned and taken, and what was evaluated."""
    from tilth.shards.store import Store
    from tilth.training.plan.request import Request
    from tilth.training.train import train
    from tilth.workbench.recipes.recipe_file import load
    from tilth.workbench.running.curate import curate_recipe
    from tilth.workbench.running.demo import prepare_sample

    figures: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        path = prepare_sample(Path(folder) / "demo")
        loaded = load(path)
        store = Store.open(path.parent / ".tilth")
        version = curate_recipe(loaded, store).version
        changes = {"max_steps": None, "epochs": 99, "early_stop": False, "merge": False}
        tuning = loaded.require_training().model_copy(update=changes)
        evaluation = loaded.evaluation.model_copy(update={"tasks": []})
        for steps in STEPS:
            run = train(
                Request(
                    version, tuning, evaluation, base_dir=path.parent, recipe_digest="share", max_steps=steps
                ),
                store,
            )
            figures[f"{steps} steps"] = _figures(run.run_dir, tuning.batch_tokens, evaluation.share)
    return figures


def _figures(run_dir: Path, batch_tokens: int, asked: float) -> dict[str, Any]:
    from tilth.training.run.journal import read

    lines = read(run_dir / "metrics.jsonl")
    of = {kind: [line for line in lines if line["kind"] == kind] for kind in ("step", "time", "panels")}
    steps_s = sum(line["seconds"] for line in of["step"])
    evaluations_s = sum(line["evaluation_s"] for line in of["time"])
    return {
        "tokens": len(of["step"]) * batch_tokens,
        "evaluations": len(of["time"]),
        "rows_measured": sum(of["panels"][0]["rows"].values()),
        "share_asked": asked,
        "share_planned": round(of["panels"][0]["planned_share"], DECIMALS),
        "share_taken": round(evaluations_s / steps_s, DECIMALS),
        "steps_s": round(steps_s, 1),
        "evaluations_s": round(evaluations_s, 1),
    }
