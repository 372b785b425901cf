"""tilth diff: what changed between two versions, row by row, with the reason of each change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from rich.markup import escape

from tilth.shards.diff import diff
from tilth.shards.version import SHORT_HEX
from tilth.workbench.session import plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.version import Version

# Balance moves every weight a little when rows come or go: such changes stand after all others, the largest first.
WEIGHTS_LAST = (
    pl.when(pl.col("change") == "weight")
    .then(10.0 - (pl.col("weight_after") / pl.col("weight_before")).log().abs())
    .otherwise(0.0)
)


def changes_between(old: Version, new: Version) -> pl.DataFrame:
    """Return what `shards.diff` does, row ids as hex, changes of weight last."""
    changes = diff(old, new).with_columns(pl.col("row_id").bin.encode("hex"))
    return changes.sort(WEIGHTS_LAST, "row_id")


def as_dict(old: Version, new: Version, changes: pl.DataFrame) -> dict[str, Any]:
    """Return the changes as plain JSON values."""
    return {"old": old.id, "new": new.id, "feedback": new.manifest.feedback, "rows": changes.to_dicts()}


def show_changes(screen: Console, old: Version, new: Version, changes: pl.DataFrame, max_rows: int) -> None:
    """Print how many rows changed in which way, the first of them, and the command that takes it back."""
    counts = changes.group_by("change").len().sort("change")
    summary = ", ".join(f"{n:,} {change}" for change, n in counts.iter_rows()) or "no row changed"
    screen.print(f"{old.short} → {new.short}: {summary}")
    if new.manifest.feedback and new.manifest.feedback != old.manifest.feedback:
        screen.print(f"feedback read: {', '.join(d[:SHORT_HEX] for d in new.manifest.feedback)}")
    table = plain_table("row", "change", "before", "after", "reason")
    for line in changes.head(max_rows).iter_rows(named=True):
        table.add_row(line["row_id"][:SHORT_HEX], line["change"], *map(escape, _sides(line)))
    if table.row_count:
        screen.print(table)
    if changes.height > max_rows:
        screen.print(f"… and {changes.height - max_rows:,} more (--rows N, or --json for all)")
    screen.print(f"take it back with: tilth rollback {new.manifest.name} --to {old.short}")


def _sides(line: dict[str, Any]) -> tuple[str, str, str]:
    """Return what a changed row was, what it is, and why."""
    if line["change"] == "weight":
        return f"{line['weight_before'] / 1e6:g}", f"{line['weight_after'] / 1e6:g}", "pushback or balance"
    if line["change"] == "split":
        return line["split_before"], line["split_after"], ""
    reason = " ".join(part for part in (line["stage_after"], line["reason_after"]) if part)
    before = " ".join(p for p in (line["verdict_before"], line["stage_before"], line["reason_before"]) if p)
    return before, line["verdict_after"] or "", reason
