"""make proof: run what is registered, one process a core, resumable; then judge it.

`python -m benchmarks.proof run DATA` takes the next run that is not done and goes on until none is left; several may be
started side by side. `python -m benchmarks.proof judge` writes benchmarks/results/proof_real.json from the runs there
are, and says which are missing. DATA is a folder with clinc150_train.jsonl.zst and banking77_train.jsonl.zst.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.proof import registered as plan
from benchmarks.tools.record import ROOT

RUNS = ROOT / "build" / plan.NAME


def todo() -> list[tuple[plan.World, int, str]]:
    """Return every registered run, in order."""
    return [(world, seed, arm) for world in plan.WORLDS for seed in plan.SEEDS for arm in plan.arms_of(world)]


def path_of(world: plan.World, seed: int, arm: str) -> Path:
    """Return the file of a run."""
    return RUNS / f"{world.name}-{seed}-{arm.replace(' ', '_')}.json"


def run_all(data: Path) -> None:
    """Do what is not done, world by world: all arms of a seed in one process, which computes what is frozen once."""
    import torch

    torch.set_num_threads(1)
    RUNS.mkdir(parents=True, exist_ok=True)
    bench = None
    for arms in (plan.FIRST_ARMS, plan.ARMS):
        for world, seed in ((world, seed) for world in plan.WORLDS for seed in plan.SEEDS):
            mine = [arm for arm in plan.arms_of(world) if arm in arms]
            held = RUNS / f"{world.name}-{seed}.held"
            if all(path_of(world, seed, arm).exists() for arm in mine) or not _take(held):
                continue
            from benchmarks.proof.one import run_seed
            from benchmarks.proof.tuning import Bench

            bench = bench or Bench()
            try:
                run_seed(bench, world, seed, mine, data)
            finally:
                held.unlink(missing_ok=True)


def _take(held: Path) -> bool:
    """Hold a world and seed for this process; what a process that is gone held is free."""
    with suppress(FileNotFoundError, ValueError):
        if not Path(f"/proc/{int(held.read_text())}").exists():
            held.unlink()
    try:
        with held.open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def announce() -> None:
    """Print how many runs are left and about how long they take."""
    left = [path_of(*item) for item in todo() if not path_of(*item).exists()]
    done = [json.loads(path_of(*item).read_text()) for item in todo() if path_of(*item).exists()]
    each = float(np.mean([run["seconds"] for run in done])) if done else 180.0
    cores = os.cpu_count() or 1
    print(
        f"{len(left)} of {len(todo())} runs left, about {len(left) * each / 3600 / cores:.1f} h on {cores} cores"
    )


def main() -> None:
    """Run or judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proof", description=__doc__)
    parser.add_argument("what", choices=("run", "judge"))
    parser.add_argument("data", nargs="?", type=Path)
    asked = parser.parse_args()
    announce()
    if asked.what == "run":
        if asked.data is None or not asked.data.is_dir():
            sys.exit(
                "say where the tasks lie: python -m benchmarks.proof run FOLDER (clinc150_train.jsonl.zst, ...)"
            )
        run_all(asked.data)
    from benchmarks.proof import page
    from benchmarks.proof.verdict import judge

    judge()
    page.main()


def record(path: Path, found: dict[str, Any]) -> None:
    """Write the result of a run, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(found, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    main()
