"""Gives barriers the texts they ask for, from files, so that their row frames stay narrow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import polars as pl

from tilth.curation.rules.response import RESPONSES, is_learned, last_response
from tilth.curation.run.parts import CHUNK_ROWS, Parts
from tilth.curation.stage import Observe
from tilth.shards.tables import TURNS, Role
from tilth.shards.version import Version

_RESPONSES = [role.value for role in RESPONSES]
_PAIR = [Role.CHOSEN.value, Role.REJECTED.value]
_ROLE = pl.col("role").cast(pl.String)
_SAID = pl.concat_str(pl.col("text"), pl.col("tool_calls"), separator="\n", ignore_nulls=True)


class HeldTexts:
    """The texts of some rows, held in memory."""

    def __init__(self, turns: pl.DataFrame) -> None:
        """turns: schema TURNS, ordered by row_id and turn."""
        pair = pl.col("turn").filter(_ROLE.is_in(_PAIR)).min().over("row_id")
        self._turns = turns.with_columns(
            boundary=pl.coalesce(pair, last_response()), is_response=_ROLE.is_in(_RESPONSES)
        )

    def turns(self) -> pl.LazyFrame:
        """Return the turns, ordered by row_id and turn."""
        return self._turns.lazy().select(TURNS.names())

    def prompts(self, row_ids: pl.Series) -> pl.Series:
        """Return what stands before the last response, turns joined by newlines; "" where nothing does."""
        return self._joined(row_ids, pl.col("turn") < pl.col("boundary"))

    def first_prompts(self, row_ids: pl.Series) -> pl.Series:
        """Return the first user turn; of a document its text."""
        asks = _ROLE.is_in([Role.USER.value, Role.DOCUMENT.value])
        return self._joined(row_ids, pl.col("turn") == pl.col("turn").filter(asks).min().over("row_id"))

    def responses(self, row_ids: pl.Series) -> pl.Series:
        """Return the last response with its tool calls; a document's text; chosen and rejected of a pair."""
        said = (pl.col("turn") >= pl.col("boundary")) & pl.col("is_response") & is_learned()
        return self._joined(row_ids, said)

    def each(self, rows: pl.DataFrame, observe: Observe) -> pl.DataFrame:
        """Return what `observe` says of each row."""
        return observe(rows, self)

    def _joined(self, row_ids: pl.Series, keep: pl.Expr) -> pl.Series:
        """Join the turns that `keep` selects; `boundary` is the turn where the last response begins."""
        said = self._turns.filter(keep).select("row_id", text=_SAID)
        if said["row_id"].n_unique() < said.height:
            said = said.group_by("row_id", maintain_order=True).agg(pl.col("text").str.join("\n"))
        aligned = pl.DataFrame({"row_id": row_ids}).join(said, on="row_id", how="left", maintain_order="left")
        return aligned["text"].fill_null("")


class FiledTexts(ABC):
    """Texts that lie in files: read for the rows asked for, a bounded number at a time.

    Rows that lie near each other in row_id order are read without the rest, so ask in that order.
    """

    @abstractmethod
    def turns(self) -> pl.LazyFrame:
        """Return the turns of every distinct row, ordered by row_id and turn."""

    @abstractmethod
    def _read(self, row_ids: pl.Series) -> pl.DataFrame:
        """Return the turns (schema TURNS) of some rows, in any order."""

    def held(self, row_ids: pl.Series) -> HeldTexts:
        """Return the texts of these rows, in memory."""
        return HeldTexts(self._read(row_ids).sort("row_id", "turn"))

    def prompts(self, row_ids: pl.Series) -> pl.Series:
        """Return what stands before the last response, turns joined by newlines; "" where nothing does."""
        return self._each(row_ids, HeldTexts.prompts)

    def first_prompts(self, row_ids: pl.Series) -> pl.Series:
        """Return the first user turn; of a document its text."""
        return self._each(row_ids, HeldTexts.first_prompts)

    def responses(self, row_ids: pl.Series) -> pl.Series:
        """Return the last response with its tool calls; a document's text; chosen and rejected of a pair."""
        return self._each(row_ids, HeldTexts.responses)

    def each(self, rows: pl.DataFrame, observe: Observe) -> pl.DataFrame:
        """Return what `observe` says of each row by itself, asked about a bounded number of rows at a time."""
        parts = rows.iter_slices(CHUNK_ROWS) if rows.height else [rows]
        return pl.concat([observe(some, self.held(some["row_id"])) for some in parts])

    def _each(self, row_ids: pl.Series, which: object) -> pl.Series:
        said = [which(self.held(ids), ids) for ids in _slices(row_ids)]  # type: ignore[operator]
        return pl.concat(said) if said else pl.Series("text", [], dtype=pl.String)


class PartTexts(FiledTexts):
    """The rewritten turns of a run, read from its part files."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def turns(self) -> pl.LazyFrame:
        """Return the turns of every distinct row, ordered by row_id and turn."""
        return self._parts.scan("turns").sort("row_id", "turn")

    def _read(self, row_ids: pl.Series) -> pl.DataFrame:
        return self._parts.read("turns", row_ids) if row_ids.len() else TURNS.to_frame()


class VersionTexts(FiledTexts):
    """The turns of a published version, read from its objects."""

    def __init__(self, version: Version) -> None:
        self._version = version

    def turns(self) -> pl.LazyFrame:
        """Return the turns of every distinct row, ordered by row_id and turn."""
        return self._version.turns().lazy()

    def _read(self, row_ids: pl.Series) -> pl.DataFrame:
        return self._version.turns(row_ids)


def _slices(row_ids: pl.Series) -> Iterator[pl.Series]:
    for start in range(0, row_ids.len(), CHUNK_ROWS):
        yield row_ids.slice(start, CHUNK_ROWS)
