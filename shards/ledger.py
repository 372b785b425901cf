"""The ledger of a version: exactly one line for every line of input, and the counts that follow from it."""

from __future__ import annotations

import polars as pl

from tilth.shards.tables import DECISIONS, LEDGER, Split, Verdict, conform

REPEAT_STAGE, REPEAT_REASON = "dedup", "exact_duplicate"
READ_STAGE = "read"
PLACE = ["source_path", "line"]


def first_occurrences(occurrences: pl.DataFrame) -> pl.DataFrame:
    """Return row_id, source_path, line of the least occurrence (source_path, line) of each row."""
    readable = occurrences.filter(pl.col("row_id").is_not_null())
    return readable.sort(PLACE).unique("row_id", keep="first", maintain_order=True).select("row_id", *PLACE)


def build_ledger(occurrences: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Return schema LEDGER, ordered by source_path, line.

    The least occurrence of a row carries its decision. Every other one is a repeat: DROP `exact_duplicate`
    with the least occurrence as its witness. A line that could not be read is QUARANTINE with the reader's
    reason. A line whose row has no decision has a null verdict: it is unaccounted for.
    """
    return conform(scan_ledger(occurrences, decisions).collect(), LEDGER)


def scan_ledger(occurrences: pl.DataFrame, decisions: pl.DataFrame) -> pl.LazyFrame:
    """Return the columns of LEDGER as `build_ledger` does, made as they are asked for; names are String."""
    lines = ordered(occurrences, PLACE)
    readable = pl.col("row_id").is_not_null()
    repeat = lines.select(readable & ~pl.col("row_id").is_first_distinct()).to_series()
    witnesses = pl.concat([decisions["witness_id"].drop_nulls(), lines["row_id"].filter(repeat)]).unique()
    places = (
        lines.filter(readable & ~repeat)
        .join(witnesses.to_frame("row_id"), on="row_id", how="semi")
        .select(witness_id="row_id", witness_path="source_path", witness_line="line")
    )
    is_repeat, decided = pl.col("repeat"), [name for name in DECISIONS if name != "row_id"]
    fate = {
        "verdict": (pl.lit(Verdict.DROP.value), pl.lit(Verdict.QUARANTINE.value)),
        "stage": (pl.lit(REPEAT_STAGE), pl.lit(READ_STAGE)),
        "reason": (pl.lit(REPEAT_REASON), pl.col("reader_reason")),
        "witness_id": (pl.col("row_id"), pl.lit(None, pl.Binary)),
    }
    return (
        lines.with_columns(repeat=repeat)
        .lazy()
        .join(decisions.lazy(), on="row_id", how="left", maintain_order="left")
        .with_columns(pl.col("verdict").cast(pl.String))
        .with_columns(pl.when(~is_repeat).then(pl.col(decided)))
        .with_columns(
            pl.when(is_repeat).then(repeated).when(readable).then(name).otherwise(unread).alias(name)
            for name, (repeated, unread) in fate.items()
        )
        .join(places.lazy(), on="witness_id", how="left", maintain_order="left")
    )


def ordered(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Sort a frame, or return it as it is where it is in order: a copy of a large one costs much."""
    first, *rest = [pl.col(key) for key in reversed(keys)]
    in_order = first >= first.shift()
    for key in rest:
        in_order = (key > key.shift()) | ((key == key.shift()) & in_order)
    return frame if frame.select(in_order.all()).item() else frame.sort(keys)


def count(occurrences: pl.DataFrame, decisions: pl.DataFrame) -> dict[str, int]:
    """Return lines, rows, kept, dropped, quarantined, unaccounted (in lines, but `rows`) and rows a split.

    Conservation: lines = kept + dropped + quarantined, so unaccounted = 0.
    """
    readable = occurrences["row_id"].drop_nulls()
    fates = readable.unique().to_frame().join(decisions.select("row_id", "verdict"), on="row_id", how="left")
    verdicts = dict(fates.group_by("verdict").len().iter_rows())
    kept, dropped, quarantined = (
        verdicts.get(v.value, 0) for v in (Verdict.KEEP, Verdict.DROP, Verdict.QUARANTINE)
    )
    dropped += readable.len() - fates.height  # repeats
    quarantined += occurrences.height - readable.len()  # lines that could not be read
    splits = dict(
        decisions.filter(pl.col("verdict") == Verdict.KEEP.value).group_by("split").len().iter_rows()
    )
    return {
        "lines": occurrences.height,
        "rows": decisions.height,
        "kept": kept,
        "dropped": dropped,
        "quarantined": quarantined,
        "unaccounted": occurrences.height - kept - dropped - quarantined,
        **{split.value: splits.get(split.value, 0) for split in Split},
    }
