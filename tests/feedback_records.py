"""Feedback records for tests of what is done about them."""

from __future__ import annotations

from typing import Any

import polars as pl

from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES, FeedbackHeader
from tilth.shards.tables import conform, empty

Record = tuple[str, FeedbackHeader, pl.DataFrame, pl.DataFrame]


def curated(sizes: dict[str, int]) -> pl.DataFrame:
    """Return rows as pushback sees them: row_id, text_digest, slice."""
    names = [name for name, n in sizes.items() for _ in range(n)]
    keys = [i.to_bytes(16, "big") for i in range(len(names))]
    return pl.DataFrame(
        {"row_id": keys, "text_digest": [key * 2 for key in keys], "slice": names},
        schema={"row_id": pl.Binary, "text_digest": pl.Binary, "slice": pl.String},
    )


def record(
    rows: pl.DataFrame,
    *,
    noisy: list[int] | None = None,
    precision: float | list[float] = 0.95,
    slices: dict[str, tuple[str, float]] | None = None,
    number: int = 0,
    findings: list[dict[str, Any]] | None = None,
    **columns: Any,
) -> Record:
    """Return a record about `rows` that finds rows (by place) noisy and slices (finding, repetition value)."""
    noisy = noisy or []
    places = set(noisy)
    kinds = ["noisy" if i in places else "none" for i in range(rows.height)]
    given = precision if isinstance(precision, list) else [precision] * rows.height
    seen = rows.with_columns(
        finding=pl.Series(kinds, dtype=FEEDBACK_ROWS["finding"]),
        est_precision=pl.Series([p if i in places else None for i, p in enumerate(given)], dtype=pl.Float64),
        loss_mean=pl.lit(1.0),
        **columns,
    )
    lines = [
        {"slice": name, "evaluation": 4, "finding": finding, "repetition_value": value}
        for name, (finding, value) in (slices or {}).items()
    ]
    schema = {name: FEEDBACK_SLICES[name] for name in ("slice", "evaluation", "finding", "repetition_value")}
    by_slice = pl.DataFrame(lines, schema=schema) if lines else empty(FEEDBACK_SLICES)
    header = FeedbackHeader(
        run_id=f"run-{number}",
        version="v",
        content_id="c",
        recipe_digest="r",
        base_digest="b",
        seeds=[0],
        steps=100,
        tokens=1000,
        twin_folds=[0],
        row_count=rows.height,
        rows="",
        slices="",
        findings=findings or [],
    )
    return f"{number:064x}", header, conform(seen, FEEDBACK_ROWS), conform(by_slice, FEEDBACK_SLICES)
