"""What the finished run says of each row."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from tilth.shards.feedback import FEEDBACK_ROWS, Finding
from tilth.shards.tables import VALUE_DECIMALS, conform
from tilth.training.monitors import label_noise as noise
from tilth.training.monitors.neighbours import NEIGHBOURS, difficulty
from tilth.training.monitors.repetition import MAX_EXPOSURES
from tilth.training.monitors.signal import Signal

MAX_KINDS = 3
DECOYS_PER_KIND = 40
# Means of 20 independent scores vary a twentieth as much as the scores. Of one task .6 to 1.5 times that was seen, of
# several mixed 1.7 to 7 (docs/lab-notes.md).
MAX_VARIANCE_RATIO = 2.0


def judge(
    scores: pl.DataFrame,
    decoy_scores: pl.DataFrame,
    dynamics: pl.DataFrame,
    questions: Mapping[bytes, np.ndarray],
) -> tuple[pl.DataFrame, list[Signal]]:
    """Return one line per row with its finding, and one signal per slice.

    scores, decoy_scores: as from `loss.score`, by example. dynamics: as from `Dynamics.frame`. questions: row id ->
    the token ids of what the row asks.
    """
    rows = by_row(scores).join(dynamics.drop("slice_code"), on="row_id", how="left", maintain_order="left")
    judged, signals = [], []
    for name in sorted(rows["slice"].unique()):
        mine = rows.filter(pl.col("slice") == name)
        wrong = decoy_scores.filter(pl.col("slice") == name)
        kinds, decoy_kinds = _kinds(mine, wrong, questions)
        findings, precision, signal = noise.examine(
            mine["contradiction"].to_numpy(),
            mine["margin_mean"].fill_null(math.nan).to_numpy(),
            wrong["contradiction"].to_numpy(),
            slice_name=name,
            kinds=kinds,
            decoy_kinds=decoy_kinds,
        )
        signals.append(signal)
        judged.append(
            mine.with_columns(finding=pl.Series(findings, dtype=pl.String), est_precision=pl.lit(precision))
        )
    return pl.concat(judged).sort("row_id"), signals


def _kinds(
    rows: pl.DataFrame, wrong: pl.DataFrame, questions: Mapping[bytes, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Part rows and decoys by how hard the model finds what they ask: (rows,), (decoys,).

    All are of one kind where neighbours score no more alike than chance has it, or decoys are too few to part.
    """
    scores = rows["contradiction"].to_numpy()
    asked = [*rows["row_id"], *wrong["row_id"]]
    hard = difficulty([questions[row] for row in asked], scores)
    hard, hard_decoys = hard[: rows.height], hard[rows.height :]
    alike = hard.var() * NEIGHBOURS > MAX_VARIANCE_RATIO * scores.var()
    count = max(1, min(MAX_KINDS, wrong.height // DECOYS_PER_KIND)) if alike else 1
    bounds = np.quantile(hard, np.arange(1, count) / count)
    return np.searchsorted(bounds, hard, side="right"), np.searchsorted(bounds, hard_decoys, side="right")


def by_row(scores: pl.DataFrame) -> pl.DataFrame:
    """Put the examples of a row together: token means of loss and contradiction, in row_id order."""
    tokens = pl.col("n_tokens").sum()
    return (
        scores.group_by("row_id", maintain_order=True)
        .agg(
            pl.col("slice").first(),
            loss=pl.col("nll_sum").sum() / tokens,
            contradiction=(pl.col("contradiction") * pl.col("n_tokens")).sum() / tokens,
        )
        .sort("row_id")
    )


def feedback_rows(judged: pl.DataFrame, withheld: list[bytes]) -> pl.DataFrame:
    """Return FEEDBACK_ROWS (text digests left null) from what `judge` found.

    withheld: row ids of the twin panel; their final loss is out of sample.
    """
    quiet = pl.col("finding") == Finding.NONE.value
    repeated = quiet & (pl.col("n_exposures") > MAX_EXPOSURES)
    twin = pl.Series(withheld, dtype=pl.Binary).unique()
    rows = judged.with_columns(
        in_twin=pl.col("row_id").is_in(twin.implode()), n_exposures=pl.col("n_exposures").fill_null(0)
    ).with_columns(
        oos_loss=pl.when(pl.col("in_twin")).then(pl.col("loss")),
        finding=pl.when(repeated).then(pl.lit(Finding.REPEATED.value)).otherwise(pl.col("finding")),
        est_precision=pl.when(~quiet).then(pl.col("est_precision")),
        evidence=pl.when(~quiet)
        .then(pl.format("M6: contradiction {} nat", pl.col("contradiction").round(3)))
        .when(repeated)
        .then(pl.format("M5: seen {} times", pl.col("n_exposures"))),
    )
    return conform(rows, FEEDBACK_ROWS)


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """Round every figure to the precision that is kept."""
    return frame.with_columns(pl.selectors.float().round(VALUE_DECIMALS))
