"""Rows and texts as barriers see them, made from prompts and responses."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from tilth.curation.stage import Observe
from tilth.shards.digest import row_id
from tilth.shards.tables import ROWS, SPLIT, TURNS, conform, empty


class ListedTexts:
    """Texts held in memory: (prompt, response) by row id."""

    def __init__(self, said: dict[bytes, tuple[str, str]]) -> None:
        self._said = said

    def each(self, rows: pl.DataFrame, observe: Observe) -> pl.DataFrame:
        return observe(rows, self)

    def turns(self) -> pl.LazyFrame:
        turns = [
            {"row_id": key, "turn": place, "role": role, "text": text}
            for key in sorted(self._said)
            for place, (role, text) in enumerate(zip(("user", "assistant"), self._said[key]))
        ]
        given = {name: TURNS[name] for name in ("row_id", "turn", "role", "text")}
        return conform(pl.DataFrame(turns, schema=given), TURNS).lazy()

    def prompts(self, row_ids: pl.Series) -> pl.Series:
        return pl.Series([self._said[key][0] for key in row_ids], dtype=pl.String)

    first_prompts = prompts

    def responses(self, row_ids: pl.Series) -> pl.Series:
        return pl.Series([self._said[key][1] for key in row_ids], dtype=pl.String)


def make_rows(pairs: list[tuple[str, str]], **columns: list[Any]) -> tuple[pl.DataFrame, ListedTexts]:
    """Return distinct rows in row_id order and their texts; `columns` are aligned with `pairs`."""
    rows: dict[bytes, dict[str, Any]] = {}
    said = {}
    for place, (prompt, response) in enumerate(pairs):
        key = row_id(
            "chat", [{"role": "user", "text": prompt}, {"role": "assistant", "text": response}], None
        )
        said[key] = (prompt, response)
        values = {name: column[place] for name, column in columns.items()}
        rows[key] = {"row_id": key, "shape": "chat", "source": "src", "slice": "s", **values}
    ordered = [rows[key] for key in sorted(rows)]
    schema = pl.Schema({**ROWS, "slice": pl.String(), "split": SPLIT, "fold": pl.UInt8()})
    frame = pl.DataFrame(ordered, schema_overrides=schema) if ordered else empty(schema)
    return conform(frame, schema), ListedTexts(said)


def words(text: str) -> list[str]:
    """Return the tokens of a text in the Latin alphabet."""
    return re.findall(r"\w+", text.lower())


def shingles(text: str, width: int = 5) -> frozenset[tuple[str, ...]]:
    """Return the word shingles of a text in the Latin alphabet; a short one is one by itself."""
    tokens = words(text)
    if len(tokens) < width:
        whole = " ".join(text.lower().split())
        return frozenset([(whole,)] if whole else [])
    return frozenset(tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1))


def jaccard(a: frozenset[Any], b: frozenset[Any]) -> float:
    """Return the Jaccard similarity of two sets; of two empty ones 1."""
    return len(a & b) / len(a | b) if a or b else 1.0
