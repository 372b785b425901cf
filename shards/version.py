"""A published version, opened: its tables read from verified objects."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tilth.shards.ledger import build_ledger
from tilth.shards.manifest import Manifest
from tilth.shards.object import Objects
from tilth.shards.retractions import IDS
from tilth.shards.tables import DECISIONS, MEASURE_KEYS, ROWS, TURNS, Verdict, conform

TURN_STRUCT = ("role", "text", "reasoning", "tool_calls", "tool_call_id", "name", "learned")
SHORT_HEX = 12


class Version:
    """A published manifest with the objects it names. Every read raises CorruptObject on damaged bytes."""

    def __init__(self, manifest: Manifest, objects: Objects, erased: pl.Series | None = None) -> None:
        """erased: ids of rows whose text is nowhere any more."""
        self.manifest = manifest
        self.objects = objects
        self.erased = IDS.to_frame()["row_id"] if erased is None else erased
        self.id = manifest.id
        self.short = self.id[:SHORT_HEX]

    def __repr__(self) -> str:
        return f"Version({self.manifest.name!r}, {self.short})"

    def rows(self, columns: list[str] | None = None) -> pl.DataFrame:
        """Return the distinct readable rows (schema ROWS, or some of its columns) in row_id order."""
        frame = self._table("rows", columns)
        return conform(frame, pl.Schema({name: ROWS[name] for name in columns or ROWS}))

    def decisions(self) -> pl.DataFrame:
        """Return schema DECISIONS, one line per row, in row_id order."""
        return conform(self.rows(["row_id"]).hstack(self._table("decisions")), DECISIONS)

    def occurrences(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return schema OCCURRENCES, or some of its columns, one line per line of input, by source_path, line."""
        return self._table("occurrences", columns)

    def measures(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """Return row_id, turn (null) and one column a measure of rows, in row_id order.

        names: only these measures; those that nothing measured are left out.
        """
        return self._measures(pl.col("turn").is_null(), names)

    def turn_measures(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """Return row_id, turn and one column a measure of turns, in row_id and turn order."""
        return self._measures(pl.col("turn").is_not_null(), names)

    def measure_names(self) -> list[str]:
        """Return the names of all measures, of rows and of turns."""
        return [name for name in self.scan_measures().collect_schema() if name not in MEASURE_KEYS]

    def fitted(self, name: str) -> bytes | None:
        """Return what a stage fitted to the rows of the first version of its kind, or None."""
        digest = self.manifest.fitted.get(name)
        return self.objects.read_bytes(digest) if digest else None

    def scan_measures(self) -> pl.LazyFrame:
        """Return the measures of rows and of turns: row_id, turn (null in those of rows), a column a measure."""
        frames = [self.objects.scan(digest) for digest in self.manifest.objects["measures"]]
        return pl.concat(frames, how="diagonal")

    def _measures(self, which: pl.Expr, names: Sequence[str] | None) -> pl.DataFrame:
        lines = self.scan_measures().filter(which)
        if names is not None:
            held = lines.collect_schema()
            lines = lines.select(*MEASURE_KEYS, *(name for name in names if name in held))
        return lines.collect()

    def turns(self, row_ids: pl.Series | None = None) -> pl.DataFrame:
        """Return the rewritten turns (schema TURNS) of all rows, or of `row_ids`, ordered by row_id, turn."""
        keys = self.rows(["row_id", "text_digest"])
        shards = [self.objects.scan(digest) for digest in self.manifest.objects["turns"]]
        if row_ids is not None:
            keys = keys.filter(pl.col("row_id").is_in(row_ids.implode()))
            # Beside the join, so that of the other rows only the ids are read.
            shards = [s.filter(pl.col("row_id").is_in(row_ids.implode())) for s in shards]
        if not shards:
            return TURNS.to_frame()
        selected = [s.join(keys.lazy(), on=["row_id", "text_digest"], how="semi") for s in shards]
        # Shards of older versions lack the columns that are younger than they are.
        return conform(pl.concat(selected, how="diagonal").collect().sort("row_id", "turn"), TURNS)

    def samples(self, *splits: str) -> pl.DataFrame:
        """Return the kept rows of these splits (of every split where none is named), in row_id order.

        Rows that were erased since are not among them.

        Columns of ROWS, then split, fold, slice, weight (millionths), and `turns`: a list of structs with
        role, text, reasoning, tool_calls, tool_call_id, name, learned.
        """
        decisions = self.decisions()
        kept = decisions["verdict"] == Verdict.KEEP.value
        if self.erased.len():
            kept &= ~decisions["row_id"].is_in(self.erased.implode())
        if splits:
            kept &= decisions["split"].is_in([str(s) for s in splits])
        rows = self.rows().hstack(decisions.select("split", "fold", "slice", "weight")).filter(kept)
        whole = kept.all()
        lists = (
            self.turns(None if whole else rows["row_id"])
            .group_by("row_id", maintain_order=True)
            .agg(turns=pl.struct(TURN_STRUCT))
        )
        return rows.join(lists, on="row_id", how="left").sort("row_id")

    def ledger(self) -> pl.DataFrame:
        """Return schema LEDGER: exactly one line per line of input, ordered by source_path, line."""
        return build_ledger(self.occurrences(), self.decisions())

    def _table(self, table: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        names = list(columns) if columns else None
        return pl.concat([self.objects.frame(digest, names) for digest in self.manifest.objects[table]])
