"""Joins the judged parts of a run into one narrow view of every distinct row; the rest stays in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Protocol

import polars as pl

from tilth.curation.run.local import LocalPart
from tilth.curation.run.parts import Parts
from tilth.shards import arrow_file
from tilth.shards.columns import LANGUAGE, column, require_columns
from tilth.shards.tables import FINDINGS, OCCURRENCES, ROWS, conform, empty

UNKNOWN_SLICE = "unknown"


class Observed(Protocol):
    """Every distinct row with what was measured of it, ordered by row_id."""

    @property
    def rows(self) -> pl.DataFrame:
        """Schema ROWS."""

    @property
    def slices(self) -> pl.Series:
        """The slice of each, aligned with `rows`."""

    def measures(self, names: Sequence[str]) -> pl.DataFrame:
        """Return these row-level measures (`stage.measure`), aligned with `rows`; absent ones are left out."""

    def numbers(self) -> list[str]:
        """Return the names of the row-level measures that are numbers, in order."""


@dataclass(frozen=True)
class Combined:
    """The judged parts of a run; a row's provenance is that of its least occurrence.

    occurrences: schema OCCURRENCES, ordered by source_path and line, mapped. findings: of the local rules, in the
    order of the stages.
    """

    occurrences: pl.DataFrame
    parts: Parts
    rows: pl.DataFrame
    slices: pl.Series
    findings: pl.DataFrame

    def measures(self, names: Sequence[str]) -> pl.DataFrame:
        """Return these row-level measures (`stage.measure`), aligned with `rows`; absent ones are left out."""
        lines = self.parts.scan("measures").filter(pl.col("turn").is_null())
        return aligned(lines, self.rows, [name for name in names if name in self._measured])

    def numbers(self) -> list[str]:
        """Return the names of the row-level measures that are numbers, in order."""
        return numbers_of(self.parts.scan("measures").filter(pl.col("turn").is_null()))

    @cached_property
    def _measured(self) -> set[str]:
        return set(self.parts.scan("measures").collect_schema())


def combine(
    occurrences: list[Path], parts: list[LocalPart], slice_by: tuple[str, ...], out: Path
) -> Combined:
    """Combine the parts. The part that holds a row's least (source_path, line) speaks for it.

    out: a folder for what is too large to hold. Raises RecipeError if `slice_by` names a column that no row
    has.
    """
    chosen = Parts(parts, _choose(occurrences))
    rows = _rows(chosen, out)
    lines = _lines(_in_order(occurrences), out)
    held = Combined(lines, chosen, rows, pl.Series(), _findings(chosen))
    return replace(held, slices=slices_of(held, slice_by))


def aligned(lines: pl.LazyFrame, rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return columns of `lines` (one line a row at most) in the order of `rows`, null where there is none."""
    if not names:
        return rows.select([])
    found = lines.select("row_id", *names).collect()
    return rows.select("row_id").join(found, on="row_id", how="left", maintain_order="left").drop("row_id")


def numbers_of(lines: pl.LazyFrame) -> list[str]:
    """Return, in order, the columns of numbers in which some line (of a row) has one."""
    counted = lines.drop("row_id", "turn").select(pl.selectors.numeric().count()).collect()
    return sorted(name for name, n in zip(counted.columns, counted.row(0)) if n)


def slices_of(data: Observed, slice_by: tuple[str, ...]) -> pl.Series:
    """Return the slice of every row. Raises RecipeError for a column that no row has."""
    rows = data.rows
    if "language" in slice_by:
        rows = rows.hstack(data.measures([LANGUAGE]))
    require_columns(rows, slice_by, ("curation", "slice_by"))
    found = [(name, column(rows, name)) for name in slice_by]
    parts = pl.DataFrame(
        {name: values.fill_null(UNKNOWN_SLICE) for name, values in found if values is not None}
    )
    return parts.select(slice=pl.concat_str(pl.all(), separator="/"))["slice"]


def _in_order(occurrences: list[Path]) -> list[Path]:
    """Return the files (each of one source file, its lines in order) ordered by source_path and line."""
    firsts = [
        (pl.read_parquet(path, columns=["source_path", "line"], n_rows=1, glob=False).rows() or [("", 0)])[0]
        for path in occurrences
    ]
    return [path for _, path in sorted(zip(firsts, occurrences))]


def _choose(occurrences: list[Path]) -> pl.DataFrame:
    """Return row_id and part of every distinct row, in row_id order: the part of its least occurrence."""
    numbers = {path: number for number, path in enumerate(occurrences)}
    lines = [
        pl.read_parquet(path, columns=["row_id"], glob=False)
        .drop_nulls()
        .with_columns(part=pl.lit(numbers[path], pl.UInt32))
        for path in _in_order(occurrences)
    ]
    start = pl.DataFrame(schema={"row_id": pl.Binary, "part": pl.UInt32})
    return pl.concat([start, *lines]).unique("row_id", keep="first", maintain_order=True).sort("row_id")


def _rows(parts: Parts, out: Path) -> pl.DataFrame:
    """Return schema ROWS in row_id order, mapped from a file in `out`."""
    chunks = (conform(parts.scan("rows", c).sort("row_id").collect(), ROWS) for c in parts.chunks())
    arrow_file.write(out / "rows.arrow", chain([empty(ROWS)], chunks))
    return conform(arrow_file.read(out / "rows.arrow"), ROWS)


def _findings(parts: Parts) -> pl.DataFrame:
    """Return the findings (schema FINDINGS) of the parts, each row's in the order of the stages."""
    return conform(
        pl.concat([empty(FINDINGS).lazy(), parts.scan("findings")], how="diagonal").collect(), FINDINGS
    )


def _lines(occurrences: list[Path], out: Path) -> pl.DataFrame:
    """Return schema OCCURRENCES of files that are in order, mapped from a file in `out`."""
    lines = (conform(pl.read_parquet(path, glob=False), OCCURRENCES) for path in occurrences)
    arrow_file.write(out / "lines.arrow", chain([empty(OCCURRENCES)], lines))
    return conform(arrow_file.read(out / "lines.arrow"), OCCURRENCES)
