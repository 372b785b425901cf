"""What changed between two versions, row by row."""

from __future__ import annotations

import polars as pl

from tilth.shards.tables import Verdict
from tilth.shards.version import Version

COMPARED = ("verdict", "stage", "reason", "split", "weight", "text_digest")
CHANGE = pl.Enum(["added", "removed", "verdict", "reason", "split", "weight", "text"])
# A change -> the columns that show it. Split and weight follow from the verdict, so a row says them only
# where it was kept before and after.
SIGNS = {"reason": ("stage", "reason"), "split": ("split",), "weight": ("weight",), "text": ("text_digest",)}


def diff(old: Version, new: Version) -> pl.DataFrame:
    """Return one line per row and change, ordered by row_id, change.

    change: added, removed (the row itself), verdict, reason (same verdict, other stage or reason), split,
    weight, text (same row, other text after rewrites). Beside it, of before and after: `verdict_before`,
    `verdict_after`, and so for stage, reason, split, weight (millionths); null where there was no such row.
    """
    return changes(*(v.decisions().with_columns(v.rows(["text_digest"])["text_digest"]) for v in (old, new)))


def changes(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return what `diff` does, from two frames of decisions (schema DECISIONS) with their `text_digest`."""
    rows = _compared(old, "_before").join(_compared(new, "_after"), on="row_id", how="full", coalesce=True)
    before, after = pl.col("verdict_before"), pl.col("verdict_after")
    same_verdict = before == after
    kept = same_verdict & (after == Verdict.KEEP.value)
    conditions = {
        "added": before.is_null(),
        "removed": after.is_null(),
        "verdict": before != after,
        **{change: _differs(*columns) for change, columns in SIGNS.items()},
    }
    conditions["reason"] &= same_verdict
    conditions["split"] &= kept
    conditions["weight"] &= kept
    conditions["text"] &= before.is_not_null() & after.is_not_null()
    parts = [
        rows.filter(where).with_columns(change=pl.lit(change, CHANGE)) for change, where in conditions.items()
    ]
    columns = [f"{name}{side}" for name in COMPARED[:-1] for side in ("_before", "_after")]
    return pl.concat(parts).select("row_id", "change", *columns).sort("row_id", "change")


def _compared(decisions: pl.DataFrame, suffix: str) -> pl.DataFrame:
    return decisions.select("row_id", pl.col(COMPARED).name.suffix(suffix))


def _differs(*columns: str) -> pl.Expr:
    return pl.any_horizontal(pl.col(f"{c}_before").ne_missing(pl.col(f"{c}_after")) for c in columns)
