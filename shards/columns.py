"""What a user calls a column of a row, in slices, targets, selection and rules: one meaning everywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from tilth.shards.errors import RecipeError

DIRECT = ("file", "source", "shape", "group", "licence")
LANGUAGE = "language.language"


def column(rows: pl.DataFrame, name: str) -> pl.Series | None:
    """Return what a user calls `name`: a column of ROWS, the measured language, or an attribute; None if no row has it.

    `file` is the name of the source that a row came from, and so is `source` for a row without a column of
    that name.
    """
    if name == "source":
        return pl.select(pl.coalesce(attribute(rows, name), rows["source"].cast(pl.String))).to_series()
    if name in DIRECT:
        return rows["source" if name == "file" else name].cast(pl.String)
    if name == "language" and LANGUAGE in rows.columns:
        return rows[LANGUAGE]
    values = attribute(rows, name)
    return None if values.null_count() == values.len() and values.len() else values


def attribute(rows: pl.DataFrame, name: str) -> pl.Series:
    """Return an attribute of the rows as text, null where a row has none."""
    return rows["attributes"].str.json_path_match(f"$[{json.dumps(name)}]")


def require_columns(rows: pl.DataFrame, names: Sequence[str], key: tuple[str, ...]) -> None:
    """Raise RecipeError at `key` if no row has one of these columns: a rule over it would never say anything."""
    absent = [name for name in names if column(rows, name) is None]
    if absent:
        raise RecipeError(
            key,
            f"no row has a column {absent[0]!r}",
            f"name one of {', '.join(DIRECT)}, language, or an attribute of the sources",
        )
