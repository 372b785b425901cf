"""What a user calls a column of a row, in slices, targets, selection and rules: one meaning everywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from tilth.shards.errors import RecipeError

DIRECT = ("source", "shape", "group", "licence")
LANGUAGE = "language.language"


def column(rows: pl.DataFrame, name: str) -> pl.Series | None:
    """Return what a user calls `name`: a column of ROWS, the measured language, or an attribute."""
    if name in DIRECT:
        return rows[name].cast(pl.String)
    if name == "language" and LANGUAGE in rows.columns:
        return rows[LANGUAGE]
    values = rows["attributes"].str.json_path_match(f"$[{json.dumps(name)}]")
    return None if values.null_count() == values.len() and values.len() else values


def require_columns(rows: pl.DataFrame, names: Sequence[str], key: tuple[str, ...]) -> None:
    """Raise RecipeError at `key` if no row has one of these columns: a rule over it would never say anything."""
    absent = [name for name in names if column(rows, name) is None]
    if absent:
        raise RecipeError(
            key,
            f"no row has a column {absent[0]!r}",
            f"name one of {', '.join(DIRECT)}, language, or an attribute of the sources",
        )
