"""How far the shares of a column in two samples are apart."""

from __future__ import annotations

import math

import polars as pl


def divergence_bits(shares: pl.DataFrame) -> float:
    """Return the Jensen-Shannon divergence of columns `parent` and `child`, each summing to one."""
    p, q = pl.col("parent"), pl.col("child")
    middle = (p + q) / 2

    def half(share: pl.Expr) -> pl.Expr:
        return pl.when(share > 0).then(share * (share / middle).log(2)).otherwise(0.0).sum() / 2

    return round(float(shares.select(half(p) + half(q)).item() or 0.0), 6)


def moved_bits(before: pl.DataFrame, after: pl.DataFrame, by: str) -> float:
    """Return how far the shares of a column moved between two samples, less what chance alone moves them, in bits.

    Chance: (k - 1)(1/n + 1/m) / (8 ln 2) for k values and n and m rows, the mean of the Jensen-Shannon divergence of
    two samples of one distribution to second order (Lin, doi 10.1109/18.61115, by Taylor as for chi-squared).
    """
    if before.is_empty() or after.is_empty():
        return 0.0
    shares = shares_of(before, by, "parent").join(
        shares_of(after, by, "child"), on=by, how="full", coalesce=True
    )
    found = divergence_bits(shares.with_columns(pl.col("parent", "child").fill_null(0.0)))
    chance = (shares.height - 1) * (1 / before.height + 1 / after.height) / (8 * math.log(2))
    return round(max(0.0, found - chance), 6)


def shares_of(kept: pl.DataFrame, by: str, name: str) -> pl.DataFrame:
    """Return the values of a column and their shares under a name, in order of the values."""
    counted = kept.group_by(by).agg(pl.len().alias(name)).sort(by)
    return counted.with_columns(pl.col(name) / max(kept.height, 1))
