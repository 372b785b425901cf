"""False alarms and power of every monitor: watched runs in which nothing is wrong, and one plant for each finding.

Null runs are real ones, of a Llama of 60,000 parameters (inputs/toy_runs.py); every second one knows what the run
before it left, as runs of one name do. `at_most` is the upper end of the exact 95 % interval. Starvation and collapse,
which compare versions, have their plants in tests/training/monitors/test_beyond_loss.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.inputs.toy_runs import STOP, VOCABULARY, World, null_world, rows, watch

PAIRS, PLANTED = 10, 1


def measure() -> dict[str, Any]:
    """Return the share of null runs in which each monitor spoke, and of planted runs in which it found the plant."""
    started = time.process_time()
    spoke = [heard_of for seed in range(PAIRS) for heard_of in null_pair(seed)]
    found = {name: _power(name, *plant) for name, plant in PLANTS.items()}
    return {
        **false_alarms(spoke),
        "found": found,
        "planted_runs": PLANTED,
        "cpu_s": round(time.process_time() - started),
    }


def null_pair(seed: int) -> list[set[tuple[str, str]]]:
    """Return what spoke in a run in which nothing is wrong, and in a second one that knows of it."""
    first = watch(null_world(seed), seed)
    second = watch(null_world(seed), seed + PAIRS, past_of(first))
    said = [heard(first), heard(second)]
    print(seed, *(sorted(each) for each in said), flush=True)
    return said


def false_alarms(spoke: list[set[tuple[str, str]]]) -> dict[str, Any]:
    """Return in how many null runs each monitor spoke, with the upper end of the exact 95 % interval."""
    from scipy.stats import beta

    from tilth.training.monitors.monitor import registry

    runs, found = len(spoke), {}
    for name in (
        name for name in registry() if not name.startswith("chosen_")
    ):  # no pairs are trained on here
        alarms = sum(name in {monitor for monitor, _ in said} for said in spoke)
        high = float(beta.ppf(0.975, alarms + 1, max(1, runs - alarms)))
        found[name] = {"runs": alarms, "share": round(alarms / runs, 3), "at_most": round(high, 3)}
    return {"null_runs": runs, "alarms": found}


def heard(learning: Any) -> set[tuple[str, str]]:
    """Return (monitor, finding) of all that spoke at any time in a run."""
    return {(s["monitor"], s["finding"]) for s in learning.last_signals.values() if s["fired"]}


def past_of(learning: Any) -> Any:
    """Return what a second run knows of the first."""
    from tilth.training.evaluation.intervals import Estimate
    from tilth.training.monitors.observations import Past

    of_slices = {
        name: min(line["loss_feedback"] for line in learning.slice_lines if line["slice"] == name)
        for name in learning.slices
    }
    drift = learning.drift
    first = Estimate(drift["mean"], drift["se"], int(drift["groups"])) if drift else None
    return Past(1, of_slices, learning.effective_rows, first, int(drift.get("beyond", 0)))


def by_heart(seed: int) -> World:
    """A slice of ten rows that follow no rule, each read two hundred times."""
    world = null_world(seed)
    few = rows("long", 10, 1_000 * seed + 7, rule=False)
    held = [rows("long", n, 1_000 * seed + 8 + n, rule=False) for n in (40, 60, 61)]
    kept = [[e for e in part if e.slice == "short"] for part in (world.twin, world.feedback, world.promotion)]
    short = [e for e in world.train if e.slice == "short"]
    twin, feedback, promotion = (old + new for old, new in zip(kept, held, strict=True))
    order = [e for i, first in enumerate(short) for e in (first, few[i % len(few)])]
    return replace(world, train=short + few, twin=twin, feedback=feedback, promotion=promotion, order=order)


def recited(seed: int) -> World:
    """The same ten rows, and nothing else is read: three hundred times each."""
    world = by_heart(seed)
    few = [e for e in world.train if e.slice == "long"]
    return replace(world, order=few)


def shifted(seed: int) -> World:
    """Held-out rows of which a half follow no rule, where all withheld ones do."""
    world = null_world(seed)
    odd = rows("short", 30, 1_000 * seed + 7, rule=False)
    keep = [e for e in world.feedback if e.slice == "long"] + [
        e for e in world.feedback if e.slice == "short"
    ][:30]
    return replace(world, feedback=keep + odd)


def forgotten(seed: int) -> World:
    """What stands for the base's knowledge is nothing that is trained on."""
    return replace(null_world(seed), base=rows("short", 60, 1_000 * seed + 7, rule=False))


def mislabelled(seed: int) -> World:
    """A sixth of the short answers are those of other rows."""
    world, rng = null_world(seed), np.random.default_rng(seed)

    def spoiled(example: Any) -> Any:
        if example.slice != "short" or rng.random() >= 1 / 6:
            return example
        ids = example.input_ids.copy()
        ids[example.is_label & (ids != STOP)] = rng.integers(2, VOCABULARY)
        return replace(example, input_ids=ids)

    return replace(world, train=[spoiled(example) for example in world.train])


def canaries_known(seed: int) -> World:
    """Canaries of one copy whose answers the rest of the data give away."""
    world = null_world(seed)
    told = rows("short", len(world.canaries.planted), 1_000 * seed + 7)
    return replace(world, canaries=replace(world.canaries, planted=told))


def burned(seed: int) -> World:
    """Promotion rows of which a third follow no rule, where feedback rows all do."""
    world = null_world(seed)
    return replace(world, promotion=world.promotion[:80] + rows("short", 40, 1_000 * seed + 7, rule=False))


PLANTS: dict[str, tuple[Callable[[int], World], str]] = {
    "twin_gap": (by_heart, "memorising"),
    "validation_rise": (by_heart, "overfit"),
    "repetition": (by_heart, "repeated"),
    "extraction": (recited, "extractable"),
    "shift_gap": (shifted, "coverage_gap"),
    "forgetting": (forgotten, "forgetting"),
    "label_noise": (mislabelled, "noisy"),
    "canary_exposure": (canaries_known, "memorisation_high"),
    "validation_burn": (burned, "val_burned"),
}


def _power(name: str, plant: Callable[[int], World], finding: str) -> dict[str, Any]:
    found = [(name, finding) in heard(watch(plant(500 + seed), 500 + seed)) for seed in range(PLANTED)]
    print(name, found, flush=True)
    return {"finding": finding, "runs": sum(found), "share": round(float(np.mean(found)), 2)}
