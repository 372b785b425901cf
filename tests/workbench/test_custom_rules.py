"""Rules of a recipe, as a user meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = [
    {"prompt": f"What is lot {n}?", "response": f"Lot {n} is a lamp.", "kind": "ab"[n % 2]} for n in range(40)
]
RECIPE = """\
name: lots
sources: [{path: lots.jsonl}]
checks: {min_rows: 1}
curation:
  custom:
    - {name: of_kind_b, expression: 'pl.col("KIND") == "b"', verdict: drop}
"""


def curated(run: Callable[..., Any], folder: Path, column: str) -> Any:
    (folder / "lots.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "recipe.yaml").write_text(RECIPE.replace("KIND", column))
    return run("curate", "recipe.yaml", "--json")


def test_a_rule_of_the_recipe_drops_rows_and_is_named(run: Callable[..., Any], tmp_path: Path) -> None:
    done = curated(run, tmp_path, "kind")
    assert done.code == 0, done.err
    assert done.json["counts"]["dropped"] >= 20
    explained = run("tilth", "explain", "lots.jsonl:2")
    assert "drop custom of_kind_b" in explained.out


def test_a_column_that_no_row_has_is_refused_by_name(run: Callable[..., Any], tmp_path: Path) -> None:
    done = curated(run, tmp_path, "knid")
    assert done.code == 2
    assert "no row has a column 'knid'" in done.err
