"""What a version looks like in numbers, from its tables alone.

Every count of input lines comes from the ledger, which gives each line one fate; so lines in = kept + dropped
+ quarantined + unaccounted holds whatever the tables say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from tilth.shards.ledger import scan_ledger
from tilth.shards.tables import LEDGER, UNFINISHED, VALUE_DECIMALS, WEIGHT_UNIT, Split, Verdict
from tilth.validators.against import Before, against, drifted, kept_rows

HELD_OUT = (Split.FEEDBACK, Split.PROMOTION, Split.FINAL)

_KEPT = pl.col("verdict") == Verdict.KEEP.value
_UNDECIDED = pl.col("lines").filter(pl.col("verdict").is_null()).sum()
_TRAIN = pl.col("split") == Split.TRAIN.value


@dataclass(frozen=True)
class Tables:
    """The tables of a version (schemas of shards.tables); `measures` holds those that are asked about here."""

    occurrences: pl.DataFrame
    rows: pl.DataFrame
    decisions: pl.DataFrame
    measures: pl.DataFrame

    @cached_property
    def fates(self) -> pl.DataFrame:
        """What became of the lines of input: source, verdict, stage, reason, lines (how many); names as String."""
        counted = self._ledger.group_by("source", "verdict", "stage", "reason").agg(
            lines=pl.len().cast(pl.Int64)
        )
        return counted.collect(engine="streaming")

    @cached_property
    def taken(self) -> pl.DataFrame:
        """The lines of input that are not kept, with all columns of LEDGER; names as String."""
        taken = self._ledger.filter((pl.col("verdict") != Verdict.KEEP.value) | pl.col("verdict").is_null())
        return (
            taken.select(pl.col(LEDGER.names()))
            .with_columns(pl.col("split").cast(pl.String))
            .collect(engine="streaming")
        )

    @cached_property
    def _ledger(self) -> pl.LazyFrame:
        return scan_ledger(self.occurrences, self.decisions)

    @cached_property
    def row_measures(self) -> pl.DataFrame:
        """The lines of `measures` that speak of a whole row."""
        return self.measures.filter(pl.col("turn").is_null())


def measure(
    tables: Tables, held_out: Mapping[str, float] | None = None, before: Before | None = None
) -> pl.DataFrame:
    """Return one line of metrics: counts as Int64, rates as fractions of one in Float64.

    A rate of nothing (no line, no row) is null, which no check passes; `leak_rate` without held-out rows is
    0. `effective_rate` is Kish's effective sample size of the train weights over the train rows. `split_miss`: see
    there. held_out: the shares that the recipe asks for. before: what is served; see against.py.
    """
    fates = tables.fates.lazy()
    kept = _kept_rows(tables)
    by_source = _by_source(fates)
    parts = [
        fates.select(rows_in=pl.col("lines").sum(), **_verdict_counts(), undecided=_UNDECIDED),
        tables.decisions.lazy()
        .join(tables.occurrences.lazy(), on="row_id", how="anti")
        .select(invented=pl.len()),
        kept.select(
            **{f"rows_{split.value}": (pl.col("split") == split.value).sum() for split in Split},
            distinct_texts=pl.col("text_digest").n_unique(),
            effective_rate=_effective_rate(),
        ),
        tables.rows.lazy().select(distinct_rows=pl.len()),
        tables.occurrences.lazy()
        .filter(pl.col("reader_reason").cast(pl.String).is_in(UNFINISHED))
        .select(unfinished_files=pl.struct("file_digest", "source_path").n_unique()),
        by_source.select(sources=pl.len(), max_source_loss=pl.col("loss").max()),
        _leaks(kept),
    ]
    # One after another: together they would hold a table of all row ids each.
    found = [
        part.with_columns(pl.selectors.integer().cast(pl.Int64)).collect(engine="streaming") for part in parts
    ]
    wide = pl.concat(found, how="horizontal")
    rates = {
        "keep_rate": pl.col("kept") / pl.col("rows_in"),
        "drop_rate": pl.col("dropped") / pl.col("rows_in"),
        "quarantine_rate": pl.col("quarantined") / pl.col("rows_in"),
        "duplicate_rate": 1 - pl.col("distinct_texts") / pl.col("kept"),
        "leak_rate": pl.col("leaks") / pl.max_horizontal("held_out", 1),
        "split_miss": pl.lit(split_miss(wide.row(0, named=True), held_out or {})),
    }
    return (
        wide.with_columns(unaccounted=pl.col("undecided") + pl.col("invented"), **rates)
        .drop("undecided", "invented")
        .with_columns(**found_against(before, tables))
        .with_columns(pl.selectors.float().fill_nan(None).round(VALUE_DECIMALS))
    )


def found_against(before: Before | None, tables: Tables) -> dict[str, pl.Expr]:
    """Return the metrics of a version against what is served."""
    found = against(before or Before.nothing(), tables.occurrences, tables.decisions)
    moved = drifted(before or Before.nothing(), kept_rows(tables.rows, tables.decisions))
    return {name: pl.lit(value) for name, value in (found | moved).items()}


def split_miss(found: Mapping[str, int], asked: Mapping[str, float]) -> float:
    """Return how far the held-out splits are off the shares asked for, as a share of the kept rows.

    That is the largest miss of a split and of all together; feedback and promotion count as one, as they are in
    small versions, and a miss of two rows, which groups and rounding make, is none. found: `rows_SPLIT` and `kept`.
    """
    kept = max(1, found["kept"])
    judging = (Split.FEEDBACK.value, Split.PROMOTION.value)
    parts = (judging, (Split.FINAL.value,), (*judging, Split.FINAL.value)) if any(asked.values()) else ()
    off = [abs(sum(found[f"rows_{name}"] - asked.get(name, 0.0) * kept for name in part)) for part in parts]
    return max((rows / kept for rows in off if rows > 2), default=0.0)


def by_source(tables: Tables) -> pl.DataFrame:
    """Return source, lines, kept, dropped, quarantined, unaccounted, loss (fraction of lines not kept)."""
    return _by_source(tables.fates.lazy()).sort("source").collect(engine="streaming")


def by_slice(tables: Tables) -> pl.DataFrame:
    """Return slice, rows (kept), rows per split, weight (train rows, in rows), share (of train weight)."""
    weight = total_weight(_TRAIN)
    return (
        _kept_rows(tables)
        .group_by("slice")
        .agg(
            rows=pl.len(),
            **{f"rows_{split.value}": (pl.col("split") == split.value).sum() for split in Split},
            weight=weight,
        )
        .with_columns(share=(pl.col("weight") / pl.col("weight").sum()).fill_nan(0.0))
        .sort("slice")
        .collect(engine="streaming")
    )


def funnel(tables: Tables) -> pl.DataFrame:
    """Return verdict, stage, reason, rows: input lines that each rule took, most first."""
    return (
        tables.fates.lazy()
        .filter(~_KEPT)
        .group_by("verdict", "stage", "reason")
        .agg(rows=pl.col("lines").sum())
        .sort("rows", "stage", "reason", "verdict", descending=[True, False, False, False])
        .collect(engine="streaming")
    )


def heavy_rules(tables: Tables, *, over: float = 0.02) -> pl.DataFrame:
    """Return source, verdict, stage, reason, rows, share of every rule that took more than `over` of a
    source's lines, most first."""
    fates = tables.fates.lazy()
    total = fates.group_by("source").agg(total=pl.col("lines").sum())
    return (
        fates.filter(~_KEPT)
        .rename({"lines": "rows"})
        .join(total, on="source")
        .with_columns(share=pl.col("rows") / pl.col("total"))
        .filter(pl.col("share") > over)
        .drop("total")
        .sort("share", "source", "stage", "reason", descending=[True, False, False, False])
        .collect(engine="streaming")
    )


def total_weight(which: pl.Expr) -> pl.Expr:
    """Return the summed weight of the rows `which`, in rows. As UInt32 it would overflow at 4,295 rows."""
    return pl.col("weight").filter(which).cast(pl.Int64).sum() / WEIGHT_UNIT


def effective_rows(weights: pl.Expr) -> pl.Expr:
    """Return Kish's effective sample size (sum w)^2 / sum w^2."""
    w = weights.cast(pl.Float64)
    return w.sum() ** 2 / (w**2).sum()


def _verdict_counts() -> dict[str, pl.Expr]:
    names = {"kept": Verdict.KEEP, "dropped": Verdict.DROP, "quarantined": Verdict.QUARANTINE}
    lines = pl.col("lines")
    return {name: lines.filter(pl.col("verdict") == verdict.value).sum() for name, verdict in names.items()}


def _by_source(fates: pl.LazyFrame) -> pl.LazyFrame:
    return (
        fates.group_by("source")
        .agg(pl.col("lines").sum(), **_verdict_counts(), unaccounted=_UNDECIDED)
        .with_columns(loss=1 - pl.col("kept") / pl.col("lines"))
    )


def _kept_rows(tables: Tables) -> pl.LazyFrame:
    """Kept rows with what a decision and its row say; enums as String."""
    return (
        tables.decisions.lazy()
        .with_columns(pl.col("verdict", "split").cast(pl.String))
        .filter(_KEPT)
        .select("row_id", "split", "slice", "weight")
        .join(tables.rows.lazy().select("row_id", "text_digest", "source", "group"), on="row_id")
    )


def _effective_rate() -> pl.Expr:
    weights = pl.col("weight").filter(_TRAIN)
    return effective_rows(weights) / weights.len()


def _leaks(kept: pl.LazyFrame) -> pl.LazyFrame:
    """Held-out rows, and those whose text or declared conversation also stands in train."""
    held_out = kept.filter(pl.col("split").is_in([split.value for split in HELD_OUT]))
    train = kept.filter(_TRAIN)
    texts = train.select("text_digest", same_text=True).unique()
    groups = train.filter(pl.col("group").is_not_null()).select("source", "group", same_group=True).unique()
    return (
        held_out.join(texts, on="text_digest", how="left")
        .join(groups, on=["source", "group"], how="left")
        .select(
            held_out=pl.len(),
            leaks=(pl.col("same_text").fill_null(False) | pl.col("same_group").fill_null(False)).sum(),
        )
    )
