"""Curates a recipe in a process of its own. Usage: RECIPE STORE WORKERS BATCH_ROWS ORDER; prints both ids.

ORDER: seeds the order in which the folder lists its files.
"""

from __future__ import annotations

import glob
import random
import sys
from pathlib import Path

from tilth.curation import curate
from tilth.curation.run import executor
from tilth.shards.store import Store
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.running.curate import request_of


def main(recipe_path: str, store: str, workers: str, batch_rows: str, order: str) -> None:
    listed = glob.glob

    def shuffled(*words: str, **options: object) -> list[str]:
        names = listed(*words, **options)
        random.Random(order).shuffle(names)
        return names

    glob.glob = shuffled
    executor.MIN_FILES_FOR_POOL = 2
    curate.BATCH_LINES = int(batch_rows)
    request = request_of(load(Path(recipe_path)))
    outcome = curate.curate(request, Store.open(Path(store)), executor=executor.LocalExecutor(int(workers)))
    print(outcome.version.id, outcome.version.manifest.content_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
