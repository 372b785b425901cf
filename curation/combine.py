"""Joins the judged parts of a run into one narrow view of every distinct row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tilth.curation.local import LocalPart
from tilth.shards.errors import RecipeError
from tilth.shards.tables import FINDINGS, MEASURE_KEYS, OCCURRENCES, ROWS, conform, empty

DIRECT = ("source", "shape", "group", "licence")
UNKNOWN_SLICE = "unknown"


@dataclass(frozen=True)
class Combined:
    """Every distinct row once, provenance from its least occurrence, ordered by row_id.

    rows: schema ROWS, every row-level measure, slice. chosen: row_id, part. findings: of the local rules, in
    the order of the stages.
    """

    occurrences: pl.DataFrame
    rows: pl.DataFrame
    chosen: pl.DataFrame
    findings: pl.DataFrame
    measures: pl.DataFrame


def combine(occurrences: list[Path], parts: list[LocalPart], slice_by: tuple[str, ...]) -> Combined:
    """Combine the parts. The part that holds a row's least (source_path, line) speaks for it.

    Raises RecipeError if `slice_by` names a column that no row has.
    """
    seen = pl.concat(
        [empty(OCCURRENCES).with_columns(part=pl.lit(0))]
        + [pl.read_parquet(path).with_columns(part=pl.lit(i)) for i, path in enumerate(occurrences)]
    ).sort("source_path", "line")
    chosen = (
        seen.filter(pl.col("row_id").is_not_null())
        .unique("row_id", keep="first", maintain_order=True)
        .select("row_id", "part")
        .sort("row_id")
    )
    rows = _of_chosen([p.rows for p in parts], chosen, empty(ROWS)).sort("row_id")
    measures = _of_chosen([p.measures for p in parts], chosen, empty(MEASURE_KEYS)).sort("row_id", "turn")
    by_row = measures.filter(pl.col("turn").is_null()).drop("turn")
    by_row = by_row.select(
        c for c in by_row.columns if c == "row_id" or by_row[c].null_count() < by_row.height
    )
    rows = rows.join(by_row, on="row_id", how="left", maintain_order="left")
    return Combined(
        occurrences=conform(seen, OCCURRENCES),
        rows=rows.with_columns(slice=_slice(rows, slice_by)),
        chosen=chosen,
        findings=_of_chosen([p.findings for p in parts], chosen, empty(FINDINGS)),
        measures=measures,
    )


def column(rows: pl.DataFrame, name: str) -> pl.Series | None:
    """Return what a user calls `name`: a column of ROWS, the measured language, or an attribute."""
    if name in DIRECT:
        return rows[name].cast(pl.String)
    if name == "language" and "language.language" in rows.columns:
        return rows["language.language"]
    values = rows["attributes"].str.json_path_match(f"$[{json.dumps(name)}]")
    return None if values.null_count() == values.len() and values.len() else values


def _slice(rows: pl.DataFrame, slice_by: tuple[str, ...]) -> pl.Series:
    found = [(name, column(rows, name)) for name in slice_by]
    absent = [name for name, values in found if values is None]
    if absent:
        raise RecipeError(
            ("curation", "slice_by"),
            f"no row has a column {absent[0]!r}",
            f"name one of {', '.join(DIRECT)}, language, or an attribute of the sources",
        )
    parts = pl.DataFrame(
        {name: values.fill_null(UNKNOWN_SLICE) for name, values in found if values is not None}
    )
    return parts.select(slice=pl.concat_str(pl.all(), separator="/"))["slice"]


def _of_chosen(paths: list[Path], chosen: pl.DataFrame, start: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of all files that belong to a row spoken for by that file's part."""
    frames = [
        pl.read_parquet(path).join(
            chosen.filter(pl.col("part") == index), on="row_id", how="semi", maintain_order="left"
        )
        for index, path in enumerate(paths)
    ]
    return pl.concat([start, *frames], how="diagonal_relaxed")
