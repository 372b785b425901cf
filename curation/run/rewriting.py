"""The rewrites of one part, one after the other, and what each of them changed."""

from __future__ import annotations

import polars as pl

from tilth.curation.run.guard import Guard
from tilth.curation.stage import ROW_TEXTS, Rewrite
from tilth.shards.tables import TURNS, conform, empty

# One line for each thing that a rewrite changed: of what kind it is, and how it may be shown to people.
REWRITES = pl.Schema(
    {"row_id": pl.Binary, "turn": pl.UInt16, "stage": pl.String, "kind": pl.String, "shown": pl.String}
)
UNCHANGED = "left whole"  # the kind of what a rewrite saw and left as it was
ANY = "any"  # of whatever kind, in a count
EXAMPLES = 4
TEXT, LEFT_OUT = "text", "turn left out"  # the kinds of a rewrite that names none
HIDES = "pii"  # the stage before which no text may be shown
_SHOWN, _SHOWN_CHARS = 20, 160


def counted(changes: pl.LazyFrame, kept: pl.Series) -> pl.DataFrame:
    """Return how much was changed, a line for each stage and kind, and one for each stage and ANY.

    changes: schema REWRITES. kept: the ids of the kept rows. Columns: stage, kind, places (changes), turns, rows,
    kept_rows, examples (up to EXAMPLES texts).
    """
    lines = changes.collect()
    figures = (
        pl.len().alias("places"),
        pl.struct("row_id", "turn").n_unique().alias("turns"),
        pl.col("row_id").n_unique().alias("rows"),
        pl.col("row_id").filter("is_kept").n_unique().alias("kept_rows"),
        pl.col("shown")
        .filter(pl.col("shown") != "")
        .unique(maintain_order=True)
        .head(EXAMPLES)
        .alias("examples"),
    )
    lines = lines.with_columns(is_kept=pl.col("row_id").is_in(kept.implode()))
    by_kind = lines.group_by("stage", "kind").agg(figures)
    of_all = (
        lines.filter(pl.col("kind") != UNCHANGED)
        .group_by("stage")
        .agg(figures)
        .with_columns(kind=pl.lit(ANY), examples=pl.lit([], pl.List(pl.String)))
    )
    return pl.concat([by_kind, of_all.select(by_kind.columns)]).sort(
        "stage", "rows", "kind", descending=[False, True, False]
    )


def as_counts(figures: pl.DataFrame) -> dict[str, int]:
    """Return the rows changed, for a manifest: `rewritten.STAGE.KIND`."""
    return {
        f"rewritten.{stage}.{kind}": rows
        for stage, kind, rows in figures.select("stage", "kind", "rows").iter_rows()
    }


class Rewriting:
    """Rows and turns on their way through the rewrites."""

    def __init__(self, rows: pl.DataFrame, turns: pl.DataFrame) -> None:
        """rows: schema ROWS. turns: schema TURNS, ordered by row_id and turn."""
        self._rows = rows
        self._changes: dict[str, pl.DataFrame] = {}
        joined = turns.join(rows.select("row_id", *ROW_TEXTS), on="row_id", how="left", maintain_order="left")
        self._turns = joined.with_columns(pl.when(_is_first()).then(pl.col(n)).alias(n) for n in ROW_TEXTS)

    def apply(self, stage: Rewrite, guard: Guard) -> pl.DataFrame:
        """Rewrite with one stage; return the turns of the rows on which it raised.

        These rows stay as they were, or lose their texts where the stage is there to withhold some.
        """
        before, columns = self._turns, self._turns.columns
        after, failed = guard.apply(before)
        if "changes" in after.columns:
            said = after.select("row_id", "turn", "changes").drop_nulls("changes")
            changes = said.explode("changes").unnest("changes")
        else:
            changes = _changed(before, after, failed, shown=HIDES in self._changes)
        after = after.with_columns(before[n] for n in ROW_TEXTS if n not in after.columns).select(columns)
        if failed.height:
            if getattr(stage, "withholds", False):
                texts = [name for name, kind in failed.schema.items() if kind == pl.String]
                failed = failed.with_columns(pl.lit(None, pl.String).alias(name) for name in texts)
            after = pl.concat([after, failed.select(columns)]).sort("row_id", "turn")
        self._turns = after
        self._changes[stage.name] = changes
        return failed

    def turns(self) -> pl.DataFrame:
        """Return the turns as they are now (schema TURNS)."""
        return conform(self._turns, TURNS)

    def rows(self) -> pl.DataFrame:
        """Return the rows with their texts as they are now."""
        texts = self._turns.filter(_is_first()).select("row_id", *ROW_TEXTS)
        rest = self._rows.drop(ROW_TEXTS)
        return rest.join(texts, on="row_id", how="left", maintain_order="left").select(self._rows.columns)

    def changes(self) -> pl.DataFrame:
        """Return what was changed (schema REWRITES), ordered by row_id, turn and stage."""
        found = [
            conform(some.with_columns(stage=pl.lit(name)), REWRITES) for name, some in self._changes.items()
        ]
        return pl.concat([empty(REWRITES), *found]).sort("row_id", "turn", maintain_order=True)

    def with_changes(self, stage: str, view: pl.DataFrame) -> pl.DataFrame:
        """Return the turns with a column of what the rewrite of the same name said of each, if there is one."""
        if stage not in self._changes:
            return view
        said = self._changes[stage].group_by("row_id", "turn").agg(changes=pl.struct("kind", "shown"))
        return view.join(said, on=["row_id", "turn"], how="left", maintain_order="left")


def _is_first() -> pl.Expr:
    return (pl.col("row_id") != pl.col("row_id").shift()).fill_null(True)


def _changed(before: pl.DataFrame, after: pl.DataFrame, failed: pl.DataFrame, *, shown: bool) -> pl.DataFrame:
    """Return the turns that have another text or other reasoning than before, and those that are gone."""
    keys = ["row_id", "turn"]
    if before.height == after.height:
        other = before["text"].ne_missing(after["text"]) | before["reasoning"].ne_missing(after["reasoning"])
        return before.filter(other).select(*keys, kind=pl.lit(TEXT), shown=pl.lit(""))
    kept = pl.concat([after.select(keys), failed.select(keys)])
    gone = before.join(kept, on=keys, how="anti", maintain_order="left")
    said = pl.col("text").fill_null("").str.slice(0, _SHOWN_CHARS) if shown else pl.lit("")
    left_out = gone.select(
        *keys,
        kind=pl.lit(LEFT_OUT),
        shown=pl.when(pl.int_range(pl.len()) < _SHOWN).then(said).otherwise(pl.lit("")),
    )
    texts = after.join(before.select(*keys, was="text"), on=keys, how="left", maintain_order="left")
    reworded = texts.filter(pl.col("text").ne_missing(pl.col("was")))
    return pl.concat([left_out, reworded.select(*keys, kind=pl.lit(TEXT), shown=pl.lit(""))])
