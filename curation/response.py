"""Which turns of a row are its responses, and what lies beside a turn: words the row-local stages share."""

from __future__ import annotations

import polars as pl

from tilth.shards.tables import Role

RESPONSES = (Role.ASSISTANT, Role.DOCUMENT, Role.CHOSEN, Role.REJECTED)
# What a model is to learn from: a rejected answer may well be broken.
GOOD_RESPONSES = (Role.ASSISTANT, Role.DOCUMENT, Role.CHOSEN)
# A document is text, not an answer to anything.
ANSWERS = (Role.ASSISTANT, Role.CHOSEN)


def has_role(roles: tuple[Role, ...]) -> pl.Expr:
    """Return whether a turn is of one of these roles."""
    return pl.col("role").is_in([role.value for role in roles])


def previous(column: str, back: int = 1) -> pl.Expr:
    """Return a column of the turn before, null at the start of a row; turns are ordered by row_id, turn."""
    return pl.when(pl.col("row_id") == pl.col("row_id").shift(back)).then(pl.col(column).shift(back))


def following(column: str) -> pl.Expr:
    """Return a column of the turn after, null at the end of a row; turns are ordered by row_id, turn."""
    return pl.when(pl.col("row_id") == pl.col("row_id").shift(-1)).then(pl.col(column).shift(-1))


def where(condition: pl.Expr) -> pl.Expr:
    """Return 1.0 where a condition holds and 0.0 elsewhere."""
    return condition.fill_null(False).cast(pl.Float64)
