"""Rows read so far as flat columns, written as the three tables of a part."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tilth.curation.reading.chat import Turn
from tilth.curation.reading.limits import FINAL, Reason
from tilth.curation.reading.repeated import labelled
from tilth.shards.digest import row_id
from tilth.shards.tables import OCCURRENCES, ROWS, TURNS, Shape, conform

TURN_KEYS = tuple(name for name in TURNS if name not in ("row_id", "turn"))
ROW_KEYS = ("row_id", "shape", "group", "licence", "attributes", "tools")
FULL_CHARS = 32 << 20

# The tables of a part before they know their file; `line` says where a row and its turns come from.
_LINE = {"line": OCCURRENCES["line"]}
LINES = pl.Schema({name: OCCURRENCES[name] for name in ("line", "row_id", "reader_reason")})
LINE_ROWS = pl.Schema({**_LINE, **{name: ROWS[name] for name in ROW_KEYS}})
LINE_TURNS = pl.Schema({**_LINE, **TURNS})


@dataclass(frozen=True)
class Part:
    """Three Parquet files: `turns` (TURNS), `rows` (ROWS, text_digest null), `occurrences` (OCCURRENCES).

    All of one input file; a row that repeats within the part stands once in `rows`, with what all its lines say of
    it (repeated.py).
    """

    turns: Path
    rows: Path
    occurrences: Path

    def remove(self) -> None:
        """Delete the files of the part."""
        for path in (self.turns, self.rows, self.occurrences):
            path.unlink()


@dataclass(frozen=True)
class Origin:
    """The file that the lines of a batch come from."""

    file_digest: bytes
    source_path: str
    source: str


@dataclass(frozen=True)
class Tables:
    """The lines of a batch (schema LINES) with its distinct rows (LINE_ROWS) and turns (LINE_TURNS)."""

    lines: pl.DataFrame
    rows: pl.DataFrame
    turns: pl.DataFrame

    def __len__(self) -> int:
        return self.lines.height

    @property
    def last_reason(self) -> str | None:
        """Why the last line is no row."""
        reason: str | None = self.lines["reader_reason"][-1]
        return reason

    @property
    def problem(self) -> Reason | None:
        """Why a part of the file, of nobody knows how many rows, is not among the lines."""
        found = FINAL.intersection(self.lines["reader_reason"].unique().drop_nulls())
        return Reason(min(found)) if found else None

    def merge(self, other: Tables) -> Tables:
        """Return the tables of both, in the order of the lines; each row once."""
        if not len(other) or not len(self):
            return self if len(self) else other
        lines = pl.concat([self.lines, other.lines]).sort("line")
        rows = pl.concat([self.rows, other.rows]).sort("line")
        turns = pl.concat([self.turns, other.turns]).sort("line", "turn")
        return Tables(lines, rows, turns).distinct()

    def without(self, lines: np.ndarray, reason: str) -> Tables:
        """Return the tables with these lines in quarantine."""
        if not len(lines):
            return self
        out = pl.col("line").is_in(lines.tolist())
        marked = self.lines.with_columns(
            row_id=pl.when(~out).then("row_id"),
            reader_reason=pl.when(out).then(pl.lit(reason)).otherwise("reader_reason"),
        )
        return Tables(marked, self.rows.filter(~out), self.turns.filter(~out))

    def distinct(self) -> Tables:
        """Return the tables with each row once, at its first line, with what all its lines say of it."""
        first = self.rows["row_id"].is_first_distinct()
        if first.all():
            return self
        rows = labelled(self.rows.filter(first), self.rows)
        turns = self.turns.join(rows.select("line"), on="line", how="semi", maintain_order="left")
        return Tables(self.lines, rows, turns)

    def write(self, prefix: Path, origin: Origin) -> Part:
        """Write the three tables as `<prefix>.turns.parquet` and so on."""
        paths = (
            prefix.with_name(f"{prefix.name}.{table}.parquet") for table in ("turns", "rows", "occurrences")
        )
        part = Part(*paths)
        place = {name: pl.lit(value) for name, value in asdict(origin).items()}
        _write(self.turns, TURNS, part.turns)
        _write(self.rows.with_columns(source=place["source"]), ROWS, part.rows)
        _write(self.lines.with_columns(**place), OCCURRENCES, part.occurrences)
        return part


class Batch:
    """Collects rows and quarantined lines of one file, one by one."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.line_ids: list[bytes | None] = []
        self.reasons: list[str | None] = []
        self.rows: list[tuple[int | str | bytes | None, ...]] = []  # in the order of LINE_ROWS
        self.turns: list[Turn] = []
        self.turn_lines: list[int] = []
        self.turn_ids: list[bytes] = []
        self.turn_numbers: list[int] = []
        self.seen: dict[bytes, tuple[str | None, ...]] = {}
        self.chars = 0

    def __len__(self) -> int:
        return len(self.lines)

    def quarantine(self, line: int, reason: str) -> None:
        """Record a line that is no row."""
        self.lines.append(line)
        self.line_ids.append(None)
        self.reasons.append(reason)

    def add(
        self,
        line: int,
        shape: Shape,
        turns: list[Turn],
        tools: str | None,
        group: str | None,
        licence: str | None,
        attributes: str | None,
    ) -> None:
        """Record a line that is a row."""
        key = row_id(shape, turns, tools)
        self.lines.append(line)
        self.line_ids.append(key)
        self.reasons.append(None)
        labels = (group, licence, attributes)
        known = self.seen.setdefault(key, labels)
        if known is not labels:
            if known != labels:
                self.rows.append((line, key, shape, *labels, tools))
            return
        self.rows.append((line, key, shape, *labels, tools))
        self.chars += len(attributes or "") + len(tools or "")
        for turn in turns:
            self.chars += sum(len(value) for value in turn.values() if type(value) is str)
        self.turns += turns
        self.turn_lines += [line] * len(turns)
        self.turn_ids += [key] * len(turns)
        self.turn_numbers += range(len(turns))

    def tables(self) -> Tables:
        """Return what was collected."""
        lines = pl.DataFrame(
            {"line": self.lines, "row_id": self.line_ids, "reader_reason": self.reasons}, schema=LINES
        )
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(LINE_ROWS)
        rows = pl.DataFrame(dict(zip(LINE_ROWS, columns, strict=True)), schema=LINE_ROWS)
        present = [name for name in TURN_KEYS if any(name in turn for turn in self.turns)]
        turns = pl.DataFrame(
            {"line": self.turn_lines, "row_id": self.turn_ids, "turn": self.turn_numbers}
            | {name: [turn.get(name) for turn in self.turns] for name in present},
            schema={name: LINE_TURNS[name] for name in ("line", "row_id")}
            | {"turn": pl.Int64()}
            | {name: TURNS[name] for name in present},
        )
        return Tables(lines, rows, conform(turns, LINE_TURNS)).distinct()


def _write(frame: pl.DataFrame, schema: pl.Schema, path: Path) -> None:
    """Write a table that is read once, soon, and then deleted: neither small nor indexed, but fast."""
    conform(frame, schema).write_parquet(path, compression="uncompressed", statistics=False)
