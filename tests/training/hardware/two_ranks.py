"""Short runs one after another, as torchrun starts them: two_ranks.py REQUEST, a JSON file; see test_distributed.py."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from tests import tiny
from tilth.shards.store import Store
from tilth.training.hardware import distributed
from tilth.training.model.optim import clip
from tilth.training.plan.request import Request
from tilth.training.run import loop
from tilth.training.train import train


class Unplugged(Exception):
    """The plug was pulled."""


def main(path: Path) -> None:
    """Train as each of the requests says, into the store beside the file."""
    torch.set_num_threads(1)
    port = int(os.environ.get("MASTER_PORT", "0"))
    # Each run meets at a place of its own: torchrun's still holds the addresses of the run before.
    os.environ["TORCHELASTIC_USE_AGENT_STORE"] = "False"
    for number, request in enumerate(json.loads(path.read_bytes())):
        os.environ["MASTER_PORT"] = str(port + 1 + number)
        # Every process but the first exits at the end of a run.
        with suppress(SystemExit, Unplugged):
            train_one(path.parent, path.stem, **request)


def train_one(
    folder: Path, store_name: str, *, digest: str, training: dict[str, Any], stop_at: int = -1
) -> None:
    """Train; after step `stop_at` the plug is pulled. Writes the gradients of the first step, whole."""
    store = Store.open(folder / store_name)
    gradients: dict[str, torch.Tensor] = {}

    def watch(model: Any, clip_norm: float) -> float:
        if not gradients:
            named = [(name, p.grad) for name, p in model.named_parameters() if p.grad is not None]
            gradients.update({name: distributed.kept(gradient) for name, gradient in named})
            if distributed.rank() == 0:
                torch.save(gradients, folder / f"{store_name}-{digest}.pt")
        return clip(model, clip_norm)

    def report(what: str, done: int, total: int) -> None:
        if what.startswith("train") and done == stop_at:
            raise Unplugged

    loop.clip = watch
    try:
        train(
            Request(
                store.candidate("sums") or tiny.make_version(store),
                tiny.make_recipe(folder / "base", **training),
                base_dir=folder,
                recipe_digest=digest * 64,
            ),
            store,
            on_progress=report,
        )
    finally:
        loop.clip = clip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
