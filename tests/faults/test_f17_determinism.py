"""Class 17: one version id, whatever the threads, hash seed, order of files, time zone, locale and processes."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import curate_once
from tests.reading import FULL
from tests.workbench.conftest import question
from tilth.validators.recipe import Checks

AXES: tuple[tuple[str, ...], ...] = (
    ("1", "2", "4"),  # threads
    ("0", "4242"),  # PYTHONHASHSEED
    ("UTC C", "Pacific/Kiritimati tr_TR.UTF-8"),  # TZ and LC_ALL
    ("1", "2"),  # processes
    ("20000", "97"),  # rows a batch
    ("0", "7"),  # order of the sources, and of the files in their folder
)
# Every value of every axis at least once, the plainest first.
SOME = [(0, 0, 0, 0, 0, 0), (1, 1, 1, 0, 1, 1), (2, 0, 0, 1, 0, 1), (1, 1, 0, 0, 1, 0)]
COMBINATIONS = list(itertools.product(*(range(len(axis)) for axis in AXES))) if FULL else SOME
FILES, ROWS = 4, 600
# Without a check Great Expectations is not imported, which takes seconds in every process.
NO_CHECKS = f"checks: {{{', '.join(f'{name}: null' for name in Checks.model_fields)}}}\n"


def write_sources(folder: Path) -> None:
    """Write rows that keep every rule busy: copies, near copies, contradictions, private data, broken lines."""
    rows = [question(n) for n in range(ROWS)]
    for n in range(0, ROWS, 9):
        near = question(n)
        near["messages"][0]["content"] += " Please."
        other = question(n)
        other["messages"][1]["content"] = f"Write to desk{n}@tarnwick.org, İstanbul, or call nobody at all."
        rows += [near, other, question(n)]
    lines = [json.dumps(row) for row in rows] + ['{"messages": ', "", '{"messages": []}']
    random.Random(0).shuffle(lines)
    for number in range(FILES):
        (folder / f"rows{number}.jsonl").write_text("\n".join(lines[number::FILES]) + "\n")


def write_recipe(folder: Path, order: str) -> Path:
    """Write a recipe that names its sources in an order of its own."""
    paths = ["rows0.jsonl", "rows1.jsonl", "rows[2-9].jsonl"]
    random.Random(order).shuffle(paths)
    sources = "".join(f"  - path: {path}\n" for path in paths)
    recipe = folder / f"recipe{order}.yaml"
    recipe.write_text(f"name: desk\nsources:\n{sources}curation: {{slice_by: [topic]}}\n{NO_CHECKS}")
    return recipe


def ids_of(folder: Path, combination: tuple[int, ...]) -> list[str]:
    """Return version id and content id of a fresh store."""
    threads, seed, place, workers, batch_rows, order = (axis[i] for axis, i in zip(AXES, combination))
    zone, locale = place.split()
    environment = {
        **os.environ,
        "POLARS_MAX_THREADS": threads,
        "NUMBA_NUM_THREADS": threads,
        "PYTHONHASHSEED": seed,
        "TZ": zone,
        "LC_ALL": locale,
    }
    store = folder / "store"
    words = [str(write_recipe(folder, order)), str(store), workers, batch_rows, order]
    command = [sys.executable, curate_once.__file__, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    shutil.rmtree(store, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.timeout(3000)
def test_one_id_over_every_environment(tmp_path: Path) -> None:
    write_sources(tmp_path)
    found = {combination: ids_of(tmp_path, combination) for combination in COMBINATIONS}
    first = found[COMBINATIONS[0]]
    assert [len(part) for part in first] == [64, 64]
    assert {combination: ids for combination, ids in found.items() if ids != first} == {}


def test_the_orders_differ(tmp_path: Path) -> None:
    recipes = [write_recipe(tmp_path, order).read_text() for order in AXES[-1]]
    assert recipes[0] != recipes[1]
