"""Runs the tiny training of tests/tiny.py; as a program, so that it can be killed.

python training_run.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch

from tests import tiny
from tilth.shards.store import Store
from tilth.training.plan.request import Request
from tilth.training.run.finish import RunResult
from tilth.training.train import train


def run(folder: Path, changes: dict[str, Any] | None = None, **keywords: Any) -> RunResult:
    """Train on the 120 sums in `folder`, writing a checkpoint after every step, and return what came of it."""
    torch.set_num_threads(1)
    base = folder / "base"
    if not base.exists():
        tiny.save_base(base)
    store = Store.open(folder / "store")
    version = store.candidate("sums") or tiny.make_version(store)
    recipe = tiny.make_recipe(base, **{"epochs": 3, "checkpoint_minutes": 1e-9, **(changes or {})})
    watched = {name: keywords.pop(name) for name in ("fresh", "on_progress") if name in keywords}
    request = Request(version, recipe, **{"base_dir": folder, "recipe_digest": "f" * 64, **keywords})
    return train(request, store, **watched)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
