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
    first = first_occurrences(occurrences).rename({"source_path": "first_path", "line": "first_line"})
    witness = first.rename(
        {"row_id": "witness_id", "first_path": "witness_path", "first_line": "witness_line"}
    )
    repeat = pl.col("row_id").is_not_null() & (
        (pl.col("source_path") != pl.col("first_path")) | (pl.col("line") != pl.col("first_line"))
    )
    unreadable = pl.col("row_id").is_null()
    lines = (
        occurrences.join(first, on="row_id", how="left")
        .join(decisions, on="row_id", how="left")
        .join(witness, on="witness_id", how="left")
        .with_columns(repeat=repeat)
        .with_columns(pl.when("repeat").then(None).otherwise(pl.col(list(DECISIONS)[1:])).name.keep())
        .with_columns(
            verdict=pl.when("repeat")
            .then(pl.lit(Verdict.DROP.value))
            .when(unreadable)
            .then(pl.lit(Verdict.QUARANTINE.value))
            .otherwise(pl.col("verdict").cast(pl.String)),
            stage=pl.when("repeat").then(pl.lit(REPEAT_STAGE)).when(unreadable).then(pl.lit(READ_STAGE))
            .otherwise("stage"),
            reason=pl.when("repeat").then(pl.lit(REPEAT_REASON)).when(unreadable).then("reader_reason")
            .otherwise("reason"),
            witness_id=pl.when("repeat").then("row_id").otherwise("witness_id"),
            witness_path=pl.when("repeat").then("first_path").otherwise("witness_path"),
            witness_line=pl.when("repeat").then("first_line").otherwise("witness_line"),
        )
    )  # fmt: skip
    return conform(lines, LEDGER).sort(PLACE)


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
