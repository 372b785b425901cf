"""Turn frames by hand: a row is a list of (role, text) or of dicts with the columns of TURNS."""

from __future__ import annotations

from typing import Any

import polars as pl

from tilth.curation.stage import Local
from tilth.shards.tables import SHAPE, TURNS, Shape, conform

Turn = tuple[str, str | None] | dict[str, Any]


def turn_frame(
    *rows: list[Turn], shape: Shape = Shape.CHAT, attributes: list[str | None] | None = None
) -> pl.DataFrame:
    """Return rows as a stage sees them; the id of row i is i in 16 bytes, `attributes` are aligned with rows."""
    turns = [
        {
            "row_id": index.to_bytes(16, "big"),
            "turn": number,
            **(turn if isinstance(turn, dict) else {"role": turn[0], "text": turn[1]}),
        }
        for index, row in enumerate(rows)
        for number, turn in enumerate(row)
    ]
    schema = {name: TURNS[name] for name in TURNS if not turns or any(name in turn for turn in turns)}
    frame = conform(pl.DataFrame(turns, schema=schema), TURNS)
    of_row = pl.DataFrame(
        {
            "row_id": [index.to_bytes(16, "big") for index in range(len(rows))],
            "attributes": attributes or [None] * len(rows),
        },
        schema={"row_id": pl.Binary(), "attributes": pl.String()},
    )
    return frame.join(of_row, on="row_id", how="left", maintain_order="left").with_columns(
        shape=pl.lit(shape.value, SHAPE),
        source=pl.lit("source"),
        text_digest=pl.col("row_id"),
        **{name: pl.lit(None, pl.String) for name in ("tools", "licence")},
    )


def answers(*texts: str | None, prompt: str = "Tell me.") -> pl.DataFrame:
    """Return one row for each text, as the answer to `prompt`."""
    return turn_frame(*[[("user", prompt), ("assistant", text)] for text in texts])


def reasons(stage: Local, turns: pl.DataFrame) -> list[set[str]]:
    """Return, for each row in order, the reasons of the rules it breaks, tags included."""
    measured = stage.measure(turns)
    found: dict[bytes, set[str]] = {row: set() for row in turns["row_id"].unique(maintain_order=True)}
    for rule in stage.rules():
        value = pl.col(rule.measure)
        low = value < rule.low if rule.low is not None else pl.lit(False)
        high = value > rule.high if rule.high is not None else pl.lit(False)
        for row in measured.filter(low | high)["row_id"]:
            found[row].add(rule.reason)
    return list(found.values())
