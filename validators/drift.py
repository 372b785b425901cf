"""How far a version moved from its parent, over the rows it kept."""

from __future__ import annotations

from typing import Any

import polars as pl

from tilth.shards.tables import Verdict
from tilth.validators.divergence import divergence_bits, shares_of
from tilth.validators.metrics import Tables

LANGUAGE = "language.language"
ATTRIBUTES = ("slice", "source", "language")


def drift(parent: Tables, child: Tables) -> list[dict[str, Any]]:
    """Return, per attribute (slice, source, language), how the shares of the kept rows moved.

    Each is {"by", "divergence_bits", "values": [{"value", "parent", "child"}]}, largest move first.
    divergence_bits: Jensen-Shannon divergence to base 2, from 0 (same) to 1 (disjoint), doi 10.1109/18.61115.
    An attribute that neither version measured is left out.
    """
    before, after = kept_attributes(parent), kept_attributes(child)
    reports = []
    for by in ATTRIBUTES:
        if by not in before.columns or by not in after.columns:
            continue
        shares = shares_of(before, by, "parent").join(
            shares_of(after, by, "child"), on=by, how="full", coalesce=True
        )
        shares = shares.with_columns(pl.col("parent", "child").fill_null(0.0))
        moved = (pl.col("child") - pl.col("parent")).abs()
        ordered = shares.sort(moved, pl.col(by), descending=[True, False]).rename({by: "value"})
        reports.append({"by": by, "divergence_bits": divergence_bits(shares), "values": ordered.to_dicts()})
    return reports


def kept_attributes(tables: Tables) -> pl.DataFrame:
    """Return row_id, slice, source and (where measured) language of the kept rows; unknown is "unknown"."""
    kept = tables.decisions.filter(pl.col("verdict") == Verdict.KEEP).select("row_id", "slice")
    kept = kept.join(tables.rows.select("row_id", "source"), on="row_id")
    return with_language(kept, tables.row_measures).with_columns(
        pl.col("slice", "source").fill_null("unknown")
    )


def with_language(rows: pl.DataFrame, measures: pl.DataFrame) -> pl.DataFrame:
    """Add `language` to `rows` if the row-level `measures` have it."""
    if LANGUAGE not in measures.columns:
        return rows
    languages = measures.select("row_id", language=LANGUAGE)
    return rows.join(languages, on="row_id", how="left", maintain_order="left").with_columns(
        pl.col("language").fill_null("unknown")
    )
