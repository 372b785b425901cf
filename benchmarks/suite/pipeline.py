"""The whole of `curate` on rows of 712 characters: wall, CPU and memory of the process tree, phase by phase.

    TILTH_BENCH_ROWS=1000000,4000000 python -m benchmarks.bench pipeline

says by how many bytes memory grows a row between the smallest and the largest number of rows, and what a run takes
whose rows are all the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.inputs.rows_712 import write, write_equal

# Rows to measure on.
SIZES = tuple(int(n) for n in os.environ.get("TILTH_BENCH_ROWS", "300000,1000000").split(","))
EQUAL_ROWS = 100_000
RECIPE = "name: rows\nsources:\n  - path: rows.jsonl\ncuration:\n  slice_by: [origin]\n"
_SAMPLE_SECONDS = 0.05
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def measure() -> dict[str, Any]:
    """Return the figures of every size, how memory grows from the smallest to the largest, and those of equal rows.

    grown_bytes_per_row: of peak_mib (see `run`); grown_own_bytes_per_row: of peak_own_mib.
    """
    runs = {rows: _curated(partial(write, rows)) for rows in SIZES}
    figures: dict[str, Any] = {f"rows_{rows}": found for rows, found in runs.items()}
    if len(runs) > 1:
        (small, first), (large, last) = min(runs.items()), max(runs.items())
        for name in ("", "own_"):
            grown = (last[f"peak_{name}mib"] - first[f"peak_{name}mib"]) * 2**20 / (large - small)
            figures[f"grown_{name}bytes_per_row"] = round(grown)
    figures["equal_rows"] = _curated(partial(write_equal, EQUAL_ROWS))
    return figures


def _curated(write_rows: Callable[[Path], Path]) -> dict[str, Any]:
    with TemporaryDirectory(prefix="tilth-bench-") as folder:
        write_rows(Path(folder) / "rows.jsonl")
        (Path(folder) / "recipe.yaml").write_text(RECIPE)
        return run(Path(folder) / "recipe.yaml")


def run(recipe: Path) -> dict[str, Any]:
    """Curate a recipe and write its page in a process of its own; return its figures.

    peak_mib: the most that the process and its children held together, resident: pages that they share count
    in each, and so do pages of mapped files, which the system takes back when it needs them.
    peak_own_mib: without the pages of files.
    """
    command = [sys.executable, "-m", "benchmarks.suite.pipeline", str(recipe)]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    samples: list[tuple[float, int, int]] = []
    while process.poll() is None:
        samples.append((time.monotonic(), *_resident_bytes(process.pid)))
        time.sleep(_SAMPLE_SECONDS)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    assert process.stdout is not None
    said = json.loads(process.stdout.read().splitlines()[-1])
    starts = [*said.pop("phases"), ("end", time.monotonic())]
    phases = {}
    for (name, start), (_, end) in pairwise(starts):
        held = [size for at, size, _ in samples if start <= at < end]
        phases[name] = {"wall_s": round(end - start, 2), "peak_mib": max(held, default=0) >> 20}
    wall = time.monotonic() - started
    peaks = {
        "peak_mib": max(size for _, size, _ in samples) >> 20,
        "peak_own_mib": max(size - files for _, size, files in samples) >> 20,
    }
    return {"wall_s": round(wall, 1), **peaks, **said, "phases": phases}


def _resident_bytes(pid: int) -> tuple[int, int]:
    """Return the resident memory of a process and all below it, and how much of it are pages of files."""
    total, files, waiting = 0, 0, [pid]
    while waiting:
        folder = Path("/proc") / str(waiting.pop())
        try:
            _, resident, shared, *_ = (folder / "statm").read_text().split()
            total, files = total + int(resident) * _PAGE_BYTES, files + int(shared) * _PAGE_BYTES
            for task in (folder / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it has just ended
            continue
    return total, files


def _job(recipe_path: Path) -> dict[str, Any]:
    from tilth.shards.store import Store
    from tilth.workbench.recipes.recipe_file import load
    from tilth.workbench.running.curate import curate_recipe, write_page

    phases: list[tuple[str, float]] = []

    def note(phase: str, *_: int) -> None:
        name = "read" if phase == "rows.jsonl" else phase
        if not phases or phases[-1][0] != name:
            phases.append((name, time.monotonic()))

    phases.append(("start", time.monotonic()))
    loaded, store = load(recipe_path), Store.open(recipe_path.parent / ".tilth")
    outcome = curate_recipe(loaded, store, on_progress=note)
    note("page")
    write_page(loaded, store, outcome)
    counts, times = outcome.version.manifest.counts, os.times()
    taken = sum((times.user, times.system, times.children_user, times.children_system))
    return {
        "cpu_s": round(taken, 1),
        "counts": {name: counts[name] for name in ("lines", "kept", "dropped", "quarantined")},
        "content_id": outcome.version.manifest.content_id,
        "phases": phases,
    }


if __name__ == "__main__":
    print(json.dumps(_job(Path(sys.argv[1]))))
