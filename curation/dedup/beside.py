"""What a row holds beside what is said in it: its tools, its reasoning, the numbers of its tool calls.

Texts that are nearly equal may still be other rows by these: an answer that was reached another way, a call for 15
degrees and one for 16. Numbers stand as they are written, so that integers of any size are told apart.
"""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl

# A number wherever it stands, in a text too, and what stands for one.
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b")
_BETWEEN = " ¦ "


def beside(rows: pl.DataFrame, turns: pl.LazyFrame) -> pl.Series:
    """Return, aligned with `rows` (row_id, tools), what each holds beside its texts; "" where that is nothing.

    turns: schema TURNS, ordered by row_id and turn.
    """
    some = turns.filter(pl.col("reasoning").is_not_null() | pl.col("tool_calls").is_not_null())
    found = some.select("row_id", "turn", "reasoning", "tool_calls").collect()
    numbers = pl.Series("numbers", [_numbers(calls) for calls in found["tool_calls"]], dtype=pl.String)
    parts = (pl.col("reasoning").fill_null(""), numbers.fill_null(""))
    held = (
        found.select("row_id", held=pl.concat_str("turn", *parts, separator=_BETWEEN))
        .group_by("row_id", maintain_order=True)
        .agg(pl.col("held").str.join(_BETWEEN))
    )
    return (
        rows.select("row_id", "tools")
        .join(held, on="row_id", how="left", maintain_order="left")
        .select(beside=pl.concat_str("tools", "held", separator=_BETWEEN, ignore_nulls=True).fill_null(""))
        .to_series()
    )


def _numbers(calls: str | None) -> str | None:
    """Return the numbers in the arguments of tool calls, in order; ids of calls are names and not counted."""
    if calls is None:
        return None
    try:
        parsed: list[dict[str, Any]] = json.loads(calls)
    except ValueError:
        return calls  # a rewrite left no JSON of it
    said = json.dumps([call.get("arguments") for call in parsed], sort_keys=True, ensure_ascii=False)
    return " ".join(_NUMBERS.findall(said))
