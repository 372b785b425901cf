"""What each method learns and forgets: the demo base tuned on the bundled sample, three seeds a method.

Every method gets the rate that `train --find-rate` finds for it, so that none is judged at another's rate. The plot
(docs/images/methods.svg) sets exact match on the desk's questions against the rise of the loss on base documents.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.tools.record import ROOT
from benchmarks.tools.scatter import Point, scatter

SEEDS, STEPS, DECIMALS = (0, 1, 2), 60, 4
PLOT = ROOT / "docs" / "images" / "methods.svg"


@dataclass(frozen=True)
class Arm:
    """One way to tune: the method and what holds it to its base."""

    name: str
    method: str
    retention: dict[str, Any] = field(default_factory=dict)


ARMS = (
    Arm("full", "full"),
    Arm("full + replay 10 %", "full", {"replay": 0.1}),
    Arm("full + L2-SP", "full", {"l2_sp": 0.1}),
    Arm("full + KL", "full", {"kl": 1.0}),
    Arm("gradual", "gradual"),
    Arm("LoRA", "lora"),
    Arm("LoRA + interpolate", "lora", {"interpolate": True, "max_forgotten": 0.5}),
)


def measure() -> dict[str, Any]:
    """Return rate, held-out loss, exact match and forgetting of every method, and draw them."""
    from tilth.shards.store import Store
    from tilth.training.plan.request import Request
    from tilth.training.search.find_rate import find_rate
    from tilth.training.train import train
    from tilth.workbench.recipes.recipe_file import load
    from tilth.workbench.running.curate import curate_recipe
    from tilth.workbench.running.demo import prepare_sample

    started, figures = time.process_time(), {}
    with TemporaryDirectory() as folder:
        path = prepare_sample(Path(folder) / "demo")
        loaded = load(path)
        store = Store.open(path.parent / ".tilth")
        version = curate_recipe(loaded, store).version
        desk = loaded.evaluation.tasks[:1]
        evaluation = loaded.evaluation.model_copy(update={"tasks": desk, "few_shot": 0})
        for arm in ARMS:
            fixed: dict[str, Any] = {"base_dir": path.parent, "recipe_digest": f"methods: {arm.name}"}
            tuning = _recipe(loaded.require_training(), arm)
            found = find_rate(Request(version, tuning, evaluation, **fixed), store)
            tuning = tuning.model_copy(update={"rate": found.rate})
            runs = [train(Request(version, tuning, evaluation, seed=seed, **fixed), store) for seed in SEEDS]
            figures[arm.name] = _figures(found, runs)
            print(arm.name, figures[arm.name], flush=True)
    _draw(figures)
    base = {"loss": round(runs[0].base.loss, DECIMALS), "exact": round(runs[0].base.tasks[0].mean, DECIMALS)}
    return {
        "steps": STEPS,
        "seeds": list(SEEDS),
        "search": "train --find-rate for each method, on feedback rows; runs judged on promotion rows",
        "untuned": base,
        "methods": figures,
        "cpu_s": round(time.process_time() - started),
    }


def _recipe(recipe: Any, arm: Arm) -> Any:
    retention = {"max_forgotten": None, "replay": 0.0} | arm.retention
    changes = {
        "method": arm.method,
        "rate": None,
        "max_steps": STEPS,
        "retention": retention,
        "merge": False,
        "reload": False,
    }
    return type(recipe).model_validate(recipe.model_dump() | changes)


def _figures(found: Any, runs: list[Any]) -> dict[str, Any]:
    return {
        "rate": found.rate,
        "promotion_loss": _spread([run.tuned.loss for run in runs]),
        "desk_exact": _spread([run.tuned.tasks[0].mean for run in runs]),
        "forgotten": _spread([run.results["retention"]["change"]["value"] for run in runs]),
    }


def _spread(values: list[float]) -> dict[str, Any]:
    found = {"mean": fmean(values), "low": min(values), "high": max(values)}
    return {name: round(value, DECIMALS) for name, value in found.items()}


def _draw(figures: dict[str, Any]) -> None:
    points = [
        Point(
            name,
            *(
                tuple(one[axis][key] for key in ("low", "mean", "high"))
                for axis in ("forgotten", "desk_exact")
            ),
        )
        for name, one in figures.items()
    ]
    scatter(
        PLOT,
        f"Learning against forgetting: {STEPS} steps on the demo base, mean and range of {len(SEEDS)} seeds",
        "forgotten: rise of the loss on base documents, nat/token",
        "exact match on the desk's questions",
        points,
    )
