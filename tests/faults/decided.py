"""Curates the rows of one file in this process, to see what became of each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faults.test_f17_determinism import NO_CHECKS
from tilth.curation.curate import curate
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.running.curate import request_of

ALONE = "unicode: null, pii: null, split: null"  # stages that would get in the way of a few small rows


def write_lines(path: Path, rows: Iterable[Any]) -> Path:
    """Write rows, or lines that are text already, as JSON lines."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def curated(source: Path, curation: str = ALONE, *, also: str = "", store: str = "store") -> Version:
    """Return the version made of one file; `also`: further keys of its source, as flow YAML."""
    recipe = source.with_name("recipe.yaml")
    extra = f", {also}" if also else ""
    path = json.dumps(source.name)
    recipe.write_text(
        f"name: t\nsources: [{{path: {path}, name: s{extra}}}]\ncuration: {{{curation}}}\n{NO_CHECKS}"
    )
    return curate(request_of(load(recipe)), Store.open(source.with_name(store))).version


def fates(version: Version) -> list[str]:
    """Return `verdict` or `reason` of each line in the order of the file: why it is not kept, if it is not."""
    ledger = version.ledger().sort("source_path", "line")
    return [
        "keep" if verdict == "keep" else str(reason)
        for verdict, reason in ledger.select("verdict", "reason").iter_rows()
    ]
