"""One process per card, without anyone typing torchrun."""

from __future__ import annotations

import os
import subprocess
import sys

import torch

from tilth.training.recipe import TrainingRecipe

COMMAND = "tilth.workbench.commands.train"


def launch(recipe: TrainingRecipe, unsharded: str) -> int | None:
    """Start this command anew, one process per visible card, and return its exit code.

    None where this process is to do the work: fewer than two cards, or a method that cannot be sharded (`unsharded`
    says why).
    """
    cards = torch.cuda.device_count() if recipe.device != "cpu" else 0
    if cards < 2 or "WORLD_SIZE" in os.environ or unsharded:
        return None
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={cards}"]
    return subprocess.run([sys.executable, *torchrun, "-m", COMMAND, *sys.argv[1:]], check=False).returncode
