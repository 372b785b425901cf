"""What failing checks leave to look at: the rows of each in a Parquet file, and all results as JUnit XML."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import polars as pl

from tilth.shards.atomic import write_file
from tilth.shards.erasure import parquet_of
from tilth.shards.ledger import first_occurrences
from tilth.validators.failing import failing_rows
from tilth.validators.junit import junit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tilth.validators.gate import CheckResult
    from tilth.validators.metrics import Tables

FOLDER, XML = "checks", "checks.xml"
MOST_ROWS = 10_000  # in one file; the count of all stands in the XML


def write_failures(
    folder: Path,
    name: str,
    checks: Sequence[CheckResult],
    tables: Tables,
    turns: Callable[[pl.Series], pl.DataFrame] | None,
) -> list[Path]:
    """Write `checks/NAME.parquet` of every failing check that speaks of rows, and `checks.xml`; return the paths.

    Columns: row_id, id (hex), source_path, line, text (every turn with its role; null without `turns`).
    """
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    written = []
    for check in checks:
        rows = check.failing if check.failing is not None else failing_rows(check.name, tables)
        if check.passed or rows is None or rows.is_empty():
            continue
        path = folder / FOLDER / f"{re.sub(r'[^A-Za-z0-9_]', '_', check.name)}.parquet"
        write_file(path, parquet_of(_with_texts(rows.head(MOST_ROWS), tables, turns)))
        written.append(path)
    write_file(folder / XML, junit(name, checks))
    return [*written, folder / XML]


def _with_texts(
    rows: pl.DataFrame, tables: Tables, turns: Callable[[pl.Series], pl.DataFrame] | None
) -> pl.DataFrame:
    places = first_occurrences(tables.occurrences)
    found = rows.join(places, on="row_id", how="left", maintain_order="left").with_columns(
        id=pl.col("row_id").bin.encode("hex")
    )
    if turns is None:
        return found.with_columns(text=pl.lit(None, pl.String))
    said = (
        turns(rows["row_id"])
        .sort("row_id", "turn")
        .group_by("row_id", maintain_order=True)
        .agg(
            text=pl.format("{}: {}", pl.col("role").cast(pl.String), pl.col("text").fill_null("")).str.join(
                "\n"
            )
        )
    )
    return found.join(said, on="row_id", how="left", maintain_order="left")
