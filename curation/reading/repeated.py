"""What is said of a row that stands in several lines: the same whatever the order of the lines, parts and files.

All licences that its lines state hold, so that the strictest decides. Its group and its attributes are the least
that a line states, as texts.
"""

from __future__ import annotations

import polars as pl

from tilth.curation.reading.stated_licence import with_stated_licence
from tilth.shards.licences import all_of

LABELS = ("group", "licence", "attributes")


def labelled(distinct: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return distinct rows with the labels that all lines of each give it.

    Both have row_id and LABELS. Rows that stand in one line only stay as they are.
    """
    return agreed(distinct, lines.filter(pl.col("row_id").is_duplicated()))


def agreed(distinct: pl.DataFrame, repeated: pl.DataFrame) -> pl.DataFrame:
    """Return distinct rows with the labels that all lines of each give it.

    repeated: the lines of the rows that have several.
    """
    return _replaced(distinct, _agreed(repeated))


def _agreed(lines: pl.DataFrame) -> pl.DataFrame:
    """Return row_id and LABELS of each row of these lines once, in an order of their own."""
    least = (
        with_stated_licence(lines.select("row_id", *LABELS))
        .group_by("row_id")
        .agg(pl.col("group").min(), pl.col("licence").drop_nulls().unique(), pl.col("attributes").min())
    )
    licences = [all_of(found) if len(found) else None for found in least["licence"].to_list()]
    return least.with_columns(licence=pl.Series(licences, dtype=pl.String))


def _replaced(rows: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the labels of `said` where it has the row."""
    joined = rows.join(
        said.with_columns(is_said=pl.lit(True)),
        on="row_id",
        how="left",
        maintain_order="left",
        suffix="_said",
    )
    chosen = [pl.when("is_said").then(f"{label}_said").otherwise(label).alias(label) for label in LABELS]
    return joined.with_columns(chosen).select(rows.columns)
