"""All checks and measurements in their order, each by itself: one that fails or finds no time left stops none."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.gpu import checks
from benchmarks.gpu.shapes import DRY, SHAPES, peak_teraflops
from benchmarks.gpu.training import TUNINGS, measure
from tilth.shards.errors import TilthError

LIBRARIES = ("torch", "transformers", "peft", "polars", "numpy", "bitsandbytes")
ADAPTERS_ONLY = 4e9  # parameters from which full tuning is left out: it does not fit a card
QUANTISED_UP_TO = 1e9  # a base in 4 bits has to be saved first; the disk takes the time


def run(*, dry: bool, seconds: float) -> dict[str, Any]:
    """Return the machine, the checks and the runs; dry: tiny shapes on the CPU, to see that all of it runs."""
    device = torch.device("cpu" if dry else "cuda")
    deadline, shapes = time.monotonic() + seconds, DRY if dry else SHAPES
    teraflops, source = (None, "") if dry else peak_teraflops(device)

    def one(name: str, check: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        if time.monotonic() > deadline:
            return {"left out": "no time was left"}
        print(f"{name} …", flush=True)
        started = time.monotonic()
        with TemporaryDirectory() as folder:
            try:
                found = check(Path(folder))
            except TilthError as error:
                found = {"left out": error.what}
            except Exception as error:  # what a card does to one check must not hide the others
                found = {"failed": f"{type(error).__name__}: {error}"[:500]}
        return {**found, "took_s": round(time.monotonic() - started, 1)}

    found: dict[str, Any] = {
        "losses equal the CPU's": one("equal losses", lambda folder: checks.equal_losses(device)),
        "packed rows equal rows alone": one(
            "packed attention", lambda folder: checks.packed_attention(shapes[0], device, folder)
        ),
        "a resumed run equals a whole one": one("resume", lambda folder: checks.resumed(device, folder)),
    }
    peak = None if teraflops is None else teraflops * 1e12
    runs = {
        f"{shape.name} {tuning.name}": one(
            f"{shape.name} {tuning.name}", lambda folder, s=shape, t=tuning: measure(s, t, folder, peak)
        )
        for shape, tuning in pairs(shapes)
    }
    return {"machine": _machine(device, teraflops, source), "checks": found, "runs": runs}


def pairs(shapes: Any) -> list[tuple[Any, Any]]:
    """Return what is measured, in order: adapters at every shape first, for time may run out."""
    found = [(shape, TUNINGS[0]) for shape in reversed(shapes)]
    for shape in shapes:
        for tuning in TUNINGS[1:]:
            size = shape.layers * (4 * shape.width**2 + 3 * shape.width * shape.inner)
            if size <= (QUANTISED_UP_TO if tuning.bits else ADAPTERS_ONLY):
                found.append((shape, tuning))
    return found


def _machine(device: torch.device, teraflops: float | None, source: str) -> dict[str, Any]:
    card = {"card": "none: a dry run on the CPU"}
    if device.type == "cuda":
        seen = torch.cuda.get_device_properties(device)
        card = {
            "card": seen.name,
            "memory_gib": round(seen.total_memory / 2**30, 1),
            "cuda": str(torch.version.cuda),
            "peak_teraflops": teraflops,
            "peak_from": source,
        }
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {**card, "versions": versions}
