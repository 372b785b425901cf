"""A version against what is served: which lines are new and what became of them, and which sources shrank.

A bad day hides in the rates of all that was ever read, and a source that lost its files looks like a small one: both
are judged against the version that is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import polars as pl

from tilth.shards.tables import OCCURRENCES, Verdict
from tilth.validators.divergence import moved_bits

MIN_NEW_LINES = 20  # fewer tell no rate
MIN_NEW_ROWS = 50  # to tell where the new ones moved
KEPT = pl.Schema({"row_id": pl.Binary, "slice": pl.String, "source": pl.String})
COLUMNS = ("source_path", "line", "row_id", "reader_reason")


@dataclass(frozen=True)
class Before:
    """What is served: COLUMNS of its lines of input, the paths of the recipe's sources now, KEPT of its rows."""

    lines: pl.DataFrame
    sources: Sequence[str]
    kept: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=KEPT))

    @classmethod
    def nothing(cls) -> Before:
        """Return what stands before a first version."""
        return cls(OCCURRENCES.to_frame().select(COLUMNS), ())


def against(before: Before, lines: pl.DataFrame, decisions: pl.DataFrame) -> dict[str, float | int]:
    """Return source_shrink, new_lines, new_quarantine_rate and new_drop_rate of a version.

    lines: schema OCCURRENCES. decisions: schema DECISIONS. source_shrink: of the source that shrank most, which share
    of its lines is gone. The rates are of the lines that are new, 0 where they are too few to tell; a line is new if no
    line before held that row, or, unread, if none stood at its place with its reason.
    """
    shrunk = max((share for _, share in shrinks(before, lines)), default=0.0)
    readable = pl.col("row_id").is_not_null()
    if before.lines.is_empty():
        return {"source_shrink": shrunk, "new_lines": 0, "new_quarantine_rate": 0.0, "new_drop_rate": 0.0}
    known = before.lines.select("row_id").drop_nulls().unique()
    rows = lines.filter(readable).select("row_id").join(known, on="row_id", how="anti")
    unread = lines.filter(~readable).join(
        before.lines.filter(~readable), on=["source_path", "line", "reader_reason"], how="anti"
    )
    fates = rows.unique().join(decisions.select("row_id", pl.col("verdict").cast(pl.String)), on="row_id")
    verdicts = dict(fates["verdict"].value_counts().iter_rows())
    repeats = rows.height - fates.height
    total = rows.height + unread.height
    quarantined = unread.height + verdicts.get(Verdict.QUARANTINE.value, 0)
    dropped = repeats + verdicts.get(Verdict.DROP.value, 0)
    told = total if total >= MIN_NEW_LINES else 0
    return {
        "source_shrink": shrunk,
        "new_lines": total,
        "new_quarantine_rate": quarantined / told if told else 0.0,
        "new_drop_rate": dropped / told if told else 0.0,
    }


def kept_rows(rows: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Return KEPT of the rows that are kept. rows: row_id and source. decisions: schema DECISIONS."""
    kept = decisions.filter(pl.col("verdict").cast(pl.String) == Verdict.KEEP.value)
    return (
        kept.select("row_id", "slice")
        .join(rows.select("row_id", "source"), on="row_id")
        .with_columns(pl.col("slice", "source").fill_null("unknown"))
    )


def drifted(before: Before, kept: pl.DataFrame) -> dict[str, float]:
    """Return drift_bits, how far slices or sources of the kept rows moved, and new_drift_bits, of the new among them.

    Too few new rows tell nothing: 0.
    """
    new = kept.join(before.kept, on="row_id", how="anti")
    of_new = new if new.height >= MIN_NEW_ROWS else new.clear()
    return {
        name: max(moved_bits(before.kept, some, by) for by in ("slice", "source"))
        for name, some in (("drift_bits", kept), ("new_drift_bits", of_new))
    }


def shrinks(before: Before, lines: pl.DataFrame) -> list[tuple[str, float]]:
    """Return each source of the recipe that was read before and which share of its lines is gone, most first."""
    then, now = (frame["source_path"].value_counts() for frame in (before.lines, lines))
    found = []
    for source in before.sources:
        was, has = (
            sum(count for path, count in counted.iter_rows() if belongs(path, source))
            for counted in (then, now)
        )
        if was:
            found.append((source, max(0.0, 1 - has / was)))
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def belongs(path: str, source: str) -> bool:
    """Return whether a file that a version names comes from a source as a recipe names it."""
    return path == source or fnmatchcase(path, source) or path.startswith(f"{source.rstrip('/')}/")
