"""What the finished run says of each row: what was measured of it, and the finding that asks for the most."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tilth.shards.feedback import FEEDBACK_ROWS, FINDING, Finding
from tilth.shards.tables import VALUE_DECIMALS, conform
from tilth.training.monitors.signal import ROW_FINDINGS, Signal


def by_row(scores: pl.DataFrame, dynamics: pl.DataFrame) -> pl.DataFrame:
    """Put the examples of a row together: token means of loss and contradiction, in row_id order.

    scores: as from `loss.score`, by example. dynamics: as from `Dynamics.frame`, joined to each row.
    """
    tokens = pl.col("n_tokens").sum()
    rows = (
        scores.group_by("row_id", maintain_order=True)
        .agg(
            pl.col("slice").first(),
            loss=pl.col("nll_sum").sum() / tokens,
            contradiction=(pl.col("contradiction") * pl.col("n_tokens")).sum() / tokens,
            **({"recited": pl.col("recited").any()} if "recited" in scores.columns else {}),
        )
        .sort("row_id")
    )
    return rows.join(dynamics.drop("slice_code"), on="row_id", how="left", maintain_order="left")


def found_of_rows(signals: Sequence[Signal]) -> pl.DataFrame:
    """Return one line (ROW_FINDINGS) for each row that a signal names: of several the first of `Finding`."""
    named = [
        conform(signal.rows, ROW_FINDINGS).with_columns(
            evidence=pl.format("{}: {}", pl.lit(signal.monitor), pl.col("evidence"))
        )
        for signal in signals
        if signal.rows is not None
    ]
    lines = pl.concat([ROW_FINDINGS.to_frame(), *named])
    order = lines["finding"].cast(FINDING).to_physical()
    return (
        lines.with_columns(order=order).sort("row_id", "order").unique("row_id", keep="first").drop("order")
    )


def feedback_rows(rows: pl.DataFrame, found: pl.DataFrame, withheld: list[bytes]) -> pl.DataFrame:
    """Return FEEDBACK_ROWS (text digests left null) of every row that was measured.

    withheld: row ids of the twin panel; their final loss is out of sample.
    """
    twin = pl.Series(withheld, dtype=pl.Binary).unique()
    told = rows.join(found, on="row_id", how="left", maintain_order="left").with_columns(
        in_twin=pl.col("row_id").is_in(twin.implode()),
        n_exposures=pl.col("n_exposures").fill_null(0),
        finding=pl.col("finding").fill_null(Finding.NONE.value),
    )
    return conform(told.with_columns(oos_loss=pl.when(pl.col("in_twin")).then(pl.col("loss"))), FEEDBACK_ROWS)


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """Round every figure to the precision that is kept."""
    return frame.with_columns(pl.selectors.float().round(VALUE_DECIMALS))
