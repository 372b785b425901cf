"""Whether the new rows of the sources are unlike those that are served: they are read, and nothing is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tilth.curation.reading.read import ingest
from tilth.shards.columns import column
from tilth.shards.tables import ROWS, empty
from tilth.validators.against import MIN_NEW_ROWS, kept_rows
from tilth.validators.divergence import moved_bits

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.workbench.recipes.sections import Recipe


def new_rows_drift(recipe: Recipe, store: Store) -> tuple[float, int] | None:
    """Return how far slices and sources of the new rows are from those served, in bits, and how many rows are new.

    None where nothing is served yet. Slices by language are not known before rows are judged: sources alone count then.
    """
    served = store.served(recipe.name)
    if served is None:
        return None
    before = kept_rows(served.rows(["row_id", "source"]), served.decisions())
    with store.workspace() as work:
        read = ingest(list(recipe.sources), recipe.base_dir, work / "read", recipe.limits)
        rows = pl.concat([empty(ROWS), *(pl.read_parquet(part.rows, glob=False) for part in read.parts)])
    new = rows.unique("row_id", maintain_order=True).join(served.rows(["row_id"]), on="row_id", how="anti")
    if new.height < MIN_NEW_ROWS:
        return 0.0, new.height
    found = [moved_bits(before, new.select("source"), "source")]
    named = [column(new, name) for name in recipe.curation.slice_by]
    if "language" not in recipe.curation.slice_by:
        parts = [pl.Series([None] * new.height, dtype=pl.String) if one is None else one for one in named]
        slices = pl.DataFrame({str(at): part.fill_null("unknown") for at, part in enumerate(parts)})
        joined = slices.select(slice=pl.concat_str(pl.all(), separator="/"))
        found.append(moved_bits(before, joined, "slice"))
    return max(found), new.height
