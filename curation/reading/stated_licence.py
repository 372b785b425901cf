"""The licence that a row states of itself, in a column called so, where the recipe names none for its source."""

from __future__ import annotations

import polars as pl

COLUMNS = ("licence", "license", "Licence", "License", "LICENSE", "license_name", "spdx", "rights")


def with_stated_licence(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `licence` filled from their attributes where it is null; attributes stay."""
    lacks = rows["licence"].is_null() & rows["attributes"].str.contains_any(
        [f'"{name}":' for name in COLUMNS]
    )
    if not lacks.fill_null(False).any():
        return rows
    stated = pl.coalesce(pl.col("attributes").str.json_path_match(f"$.{name}") for name in COLUMNS)
    stated = stated.str.strip_chars()
    said = pl.when(lacks.fill_null(False) & (stated != "")).then(stated)
    return rows.with_columns(licence=pl.coalesce("licence", said))
