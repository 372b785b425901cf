"""What the runs show against what was demanded: gap closure with its interval, precision, recall, what is missing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from benchmarks.proof import registered as plan
from benchmarks.proof.__main__ import path_of, todo
from benchmarks.tools.record import write

DRAWS = 4000


def judge() -> None:
    """Write benchmarks/results/proof_real.json from the runs that are done."""
    runs = {
        (world, seed, arm): json.loads(path_of(world, seed, arm).read_text())
        for world, seed, arm in todo()
        if path_of(world, seed, arm).exists()
    }
    worlds = [_world(world, runs) for world in plan.WORLDS if any(key[0] == world for key in runs)]
    missing = len(todo()) - len(runs)
    write(
        "proof_real",
        "make proof",
        {
            "registered": plan.NAME,
            "worlds": worlds,
            "gap_closure": {
                world["world"]: {
                    arm["arm"]: arm["gap_closure"][0] for arm in world["arms"] if "gap_closure" in arm
                }
                for world in worlds
            },
            "runs": len(runs),
            "missing": missing,
            "core_hours": round(sum(run["seconds"] for run in runs.values()) / 3600, 2),
        },
    )
    for world in worlds:
        print(f"\n{world['world']}")
        for arm in world["arms"]:
            closed = arm.get("gap_closure")
            gap = "" if closed is None else f"  closes {closed[0]:+.2f} [{closed[1]:+.2f}, {closed[2]:+.2f}]"
            print(f"  {arm['arm']:20s} accuracy {arm['accuracy']:.3f}{gap}")
    print(f"\n{missing} runs missing")


def _world(world: plan.World, runs: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    """Return the arms of a world; gap closure over the seeds that have noisy, oracle and the arm."""
    arms = []
    for arm in plan.ARMS:
        mine = {seed: runs[world, seed, arm] for seed in plan.SEEDS if (world, seed, arm) in runs}
        if not mine:
            continue
        named, hits, wrong = (
            sum(run[key] for run in mine.values()) for key in ("named", "named wrong", "wrong")
        )
        line: dict[str, Any] = {
            "arm": arm,
            "seeds": sorted(mine),
            "accuracy": float(np.mean([run["accuracy"] for run in mine.values()])),
            "loss": float(np.mean([run["loss"] for run in mine.values()])),
            "named": named,
            "rows": sum(run["rows"] for run in mine.values()),
            "precision": hits / named if named else None,
            "recall": hits / wrong if wrong else None,
            "wrong left": sum(run["wrong left"] for run in mine.values()),
        }
        scored = [run["auroc"] for run in mine.values() if run.get("auroc") is not None]
        if scored:
            line["auroc"] = [min(scored), max(scored)]
        if "changed" in next(iter(mine.values())):
            line["changed by round"] = [run["changed"] for run in mine.values()]
        if arm != "noisy":
            line |= _against(world, arm, runs)
        arms.append(line)
    return {"world": world.name, "arms": arms}


def _against(world: plan.World, arm: str, runs: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    """Return the gain over noisy and the gap closure, each (estimate, lower, upper) by a two-level bootstrap."""
    seeds = [s for s in plan.SEEDS if all((world, s, a) in runs for a in ("noisy", arm))]
    if not seeds:
        return {}
    right = {a: [_right(runs[world, s, a]) for s in seeds] for a in ("noisy", arm)}
    rng = np.random.default_rng(0)
    draws = [(rng.integers(0, len(seeds), len(seeds)), rng.random((len(seeds), 1))) for _ in range(DRAWS)]
    picks = [rng.integers(0, plan.HELD_OUT, (len(seeds), plan.HELD_OUT)) for _ in range(DRAWS)]

    def means(values: list[np.ndarray]) -> np.ndarray:
        """Return the mean of every draw, after the mean itself: (1 + DRAWS,)."""
        stacked = np.stack(values)
        drawn = [
            np.mean([stacked[s][picks[i][k]].mean() for k, s in enumerate(chosen)])
            for i, (chosen, _) in enumerate(draws)
        ]
        return np.array([stacked.mean(), *drawn])

    noisy, mine = means(right["noisy"]), means(right[arm])
    found: dict[str, Any] = {"gain": _interval(mine - noisy)}
    if all((world, s, "oracle") in runs for s in seeds):
        oracle = means([_right(runs[world, s, "oracle"]) for s in seeds])
        with np.errstate(divide="ignore", invalid="ignore"):
            closed = (mine - noisy) / (oracle - noisy)
        if (oracle - noisy)[0] > 0:
            found["gap_closure"] = _interval(np.where(oracle > noisy, closed, np.nan))
    return found


def _right(run: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(run["right"].encode(), dtype=np.uint8) - ord("0")


def _interval(values: np.ndarray) -> list[float]:
    lower, upper = np.nanquantile(values[1:], [0.025, 0.975])
    return [round(float(v), 4) for v in (values[0], lower, upper)]
