"""Which rows were met before, told by what they are and not by a hash of it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def matched(wanted: pl.DataFrame, pieces: Sequence[pl.DataFrame]) -> pl.Series:
    """Return, aligned with `wanted`, the number of the first piece that holds an equal row; null where none does.

    wanted: row_id, distinct, and whatever else makes a row what it is; pieces have these columns. Two rows are equal if
    all of it is, nulls included.
    """
    names = [name for name in wanted.columns if name != "row_id"]
    numbered = [
        piece.select(wanted.columns).with_columns(piece=pl.lit(number, pl.UInt32))
        for number, piece in enumerate(pieces)
        if piece.height
    ]
    if not numbered:
        return pl.Series("piece", [None], dtype=pl.UInt32).new_from_index(0, wanted.height)
    held = pl.concat(numbered)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_held")) for name in names)
    met = (
        wanted.with_row_index("place")
        .join(held, on="row_id", how="inner", suffix="_held")
        .filter(same if names else True)
        .group_by("place")
        .agg(pl.col("piece").min())
    )
    places = pl.DataFrame({"place": pl.int_range(wanted.height, dtype=pl.UInt32, eager=True)})
    return places.join(met, on="place", how="left", maintain_order="left")["piece"]
