"""A short run as torchrun starts it: two_ranks.py REQUEST, a JSON file; see test_distributed.py.

Writes the gradients of the first step, whole, beside the request.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tiny
import torch

from tilth.shards.store import Store
from tilth.training import distributed, loop
from tilth.training.optim import clip
from tilth.training.recipe import EvaluationRecipe
from tilth.training.train import train


def main(path: Path) -> None:
    """Train as the request says; `stop_at` pulls the plug after that step."""
    torch.set_num_threads(1)
    request = json.loads(path.read_bytes())
    store = Store.open(path.parent / request["store"])
    version = store.version(request["version"])
    recipe = tiny.make_recipe(path.parent / "base", **request["training"])
    gradients: dict[str, torch.Tensor] = {}

    def watch(model: Any, clip_norm: float) -> float:
        if not gradients:
            named = [(name, p.grad) for name, p in model.named_parameters() if p.grad is not None]
            gradients.update({name: distributed.kept(gradient) for name, gradient in named})
        return clip(model, clip_norm)

    def report(what: str, done: int, total: int) -> None:
        if what == "train" and done == request.get("stop_at"):
            raise ConnectionError("the plug is pulled")

    loop.clip = watch
    try:
        train(
            recipe,
            EvaluationRecipe(),
            version,
            store,
            base_dir=path.parent,
            recipe_digest=request["digest"] * 64,
            on_progress=report,
        )
    finally:
        if gradients and all(gradient.numel() for gradient in gradients.values()):
            torch.save(gradients, path.with_suffix(".pt"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
