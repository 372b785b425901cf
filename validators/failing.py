"""Which rows make a check on the metrics fail, where it speaks of rows."""

from __future__ import annotations

import polars as pl

from tilth.shards.tables import Split, Verdict
from tilth.validators.metrics import HELD_OUT, Tables

_VERDICT, _SPLIT = pl.col("verdict").cast(pl.String), pl.col("split").cast(pl.String)


def failing_rows(check: str, tables: Tables) -> pl.DataFrame | None:
    """Return row_id of the rows that a check counts against a version, in order; None where it counts no rows."""
    kept = tables.decisions.filter(Verdict.KEEP.value == _VERDICT).select("row_id", "split")
    kept = kept.join(tables.rows.select("row_id", "text_digest"), on="row_id")
    if check == "max_duplicate_rate":
        found = kept.filter(pl.col("text_digest").is_duplicated())
    elif check == "max_leak_rate":
        train = kept.filter(Split.TRAIN.value == _SPLIT).select("text_digest")
        held = kept.filter(_SPLIT.is_in([split.value for split in HELD_OUT]))
        found = held.join(train, on="text_digest", how="semi")
    elif check in ("max_quarantine_rate", "max_drop_rate"):
        fate = Verdict.QUARANTINE if check == "max_quarantine_rate" else Verdict.DROP
        found = tables.decisions.filter(fate.value == _VERDICT)
    else:
        return None
    return found.select("row_id").sort("row_id")
