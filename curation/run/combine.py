"""Joins the judged parts of a run into one narrow view of every distinct row; the rest stays in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Protocol

import polars as pl

from tilth.curation.run.kept.files import ReadFile
from tilth.curation.run.local import findings_of
from tilth.curation.run.parts import Parts
from tilth.curation.stage import Local, Rewrite
from tilth.shards import arrow_file
from tilth.shards.columns import LANGUAGE, column, require_columns
from tilth.shards.tables import FINDINGS, OCCURRENCES, ROWS, conform, empty

UNKNOWN_SLICE = "unknown"

Judges = tuple[Sequence[Rewrite], Sequence[Local]]  # the stages that see a row by itself, in their order


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
    files: list[ReadFile], parts: Parts, stages: Judges, slice_by: tuple[str, ...], out: Path
) -> Combined:
    """Combine what was judged of the rows of `files`.

    stages: those that judge a row by itself. out: a folder for what is too large to hold. Raises RecipeError if
    `slice_by` names a column that no row has.
    """
    held = Combined(_lines(files, out), parts, _rows(parts, out), pl.Series(), _findings(parts, stages))
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


def _rows(parts: Parts, out: Path) -> pl.DataFrame:
    """Return schema ROWS in row_id order, mapped from a file in `out`."""
    chunks = (conform(parts.scan("rows", c).sort("row_id").collect(), ROWS) for c in parts.chunks())
    arrow_file.write(out / "rows.arrow", chain([empty(ROWS)], chunks))
    return conform(arrow_file.read(out / "rows.arrow"), ROWS)


def _findings(parts: Parts, stages: Judges) -> pl.DataFrame:
    """Return the findings (schema FINDINGS) of the local rules, each row's in the order of the stages."""
    found = (findings_of(lines, *stages) for lines in parts.batches("measures"))
    return pl.concat([empty(FINDINGS), *chain.from_iterable(found)])


def _lines(files: list[ReadFile], out: Path) -> pl.DataFrame:
    """Return schema OCCURRENCES, ordered by source_path and line, mapped from a file in `out`."""
    ordered = sorted(files, key=lambda file: file.input.named)
    arrow_file.write(
        out / "lines.arrow", chain([empty(OCCURRENCES)], (file.occurrences() for file in ordered))
    )
    return conform(arrow_file.read(out / "lines.arrow"), OCCURRENCES)
