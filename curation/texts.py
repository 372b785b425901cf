"""Gives barriers the texts they ask for, from files, so that their row frames stay narrow."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tilth.shards.tables import Role

_RESPONSES = [Role.ASSISTANT.value, Role.DOCUMENT.value, Role.CHOSEN.value, Role.REJECTED.value]
_PAIR = [Role.CHOSEN.value, Role.REJECTED.value]
_ROLE = pl.col("role").cast(pl.String)
_SAID = pl.concat_str(pl.col("text"), pl.col("tool_calls"), separator="\n", ignore_nulls=True)


class PartTexts:
    """The rewritten turns of a run, read from its part files; `chosen` names one part per distinct row."""

    def __init__(self, parts: list[Path], chosen: pl.DataFrame) -> None:
        """chosen: row_id and part (index into `parts`) of every distinct row, ordered by row_id."""
        self._parts, self._chosen = parts, chosen

    def turns(self) -> pl.LazyFrame:
        """Return the turns of every distinct row, ordered by row_id and turn."""
        frames = [
            pl.scan_parquet(path).join(
                self._chosen.lazy().filter(pl.col("part") == index).select("row_id"), on="row_id", how="semi"
            )
            for index, path in enumerate(self._parts)
        ]
        return pl.concat(frames).sort("row_id", "turn")

    def prompts(self, row_ids: pl.Series) -> pl.Series:
        """Return what stands before the last response, turns joined by newlines; "" where nothing does."""
        return self._joined(row_ids, pl.col("turn") < pl.col("boundary"))

    def first_prompts(self, row_ids: pl.Series) -> pl.Series:
        """Return the first user turn; of a document its text."""
        asks = _ROLE.is_in([Role.USER.value, Role.DOCUMENT.value])
        return self._joined(row_ids, pl.col("turn") == pl.col("turn").filter(asks).min().over("row_id"))

    def responses(self, row_ids: pl.Series) -> pl.Series:
        """Return the last response with its tool calls; a document's text; chosen and rejected of a pair."""
        return self._joined(row_ids, (pl.col("turn") >= pl.col("boundary")) & _ROLE.is_in(_RESPONSES))

    def _joined(self, row_ids: pl.Series, keep: pl.Expr) -> pl.Series:
        """Join the turns that `keep` selects; `boundary` is the turn where the last response begins."""
        last = pl.col("turn").filter(_ROLE.is_in(_RESPONSES)).max().over("row_id")
        pair = pl.col("turn").filter(_ROLE.is_in(_PAIR)).min().over("row_id")
        texts = (
            self.turns()
            .with_columns(boundary=pl.coalesce(pair, last))
            .filter(keep)
            .group_by("row_id", maintain_order=True)
            .agg(text=_SAID.str.join("\n"))
            .collect()
        )
        aligned = pl.DataFrame({"row_id": row_ids}).join(
            texts, on="row_id", how="left", maintain_order="left"
        )
        return aligned["text"].fill_null("")
