"""Rows read so far as flat columns, written as the three tables of a part."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from tilth.curation.chat import Turn
from tilth.shards.digest import row_id
from tilth.shards.tables import OCCURRENCES, ROWS, TURNS, Shape, conform

TURN_KEYS = tuple(name for name in TURNS if name not in ("row_id", "turn"))
ROW_KEYS = ("row_id", "shape", "group", "licence", "attributes", "tools")
FULL_CHARS = 32 << 20


@dataclass(frozen=True)
class Part:
    """Three Parquet files: `turns` (TURNS), `rows` (ROWS, text_digest null), `occurrences` (OCCURRENCES).

    All of one input file; a row that repeats within the part stands once in `rows`, with the attributes of
    its first line.
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


class Batch:
    """Collects rows and quarantined lines of one file."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.line_ids: list[bytes | None] = []
        self.reasons: list[str | None] = []
        self.rows: list[tuple[str | bytes | None, ...]] = []  # in the order of ROW_KEYS
        self.turns: list[Turn] = []
        self.turn_ids: list[bytes] = []
        self.turn_numbers: list[int] = []
        self.seen: set[bytes] = set()
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
        if key in self.seen:
            return
        self.seen.add(key)
        self.rows.append((key, shape, group, licence, attributes, tools))
        self.chars += len(attributes or "") + len(tools or "")
        for turn in turns:
            self.chars += sum(map(len, turn.values()))
        self.turns += turns
        self.turn_ids += [key] * len(turns)
        self.turn_numbers += range(len(turns))

    def write(self, prefix: Path, origin: Origin) -> Part:
        """Write the three tables as `<prefix>.turns.parquet` and so on."""
        paths = (
            prefix.with_name(f"{prefix.name}.{table}.parquet") for table in ("turns", "rows", "occurrences")
        )
        part = Part(*paths)
        present = [name for name in TURN_KEYS if any(name in turn for turn in self.turns)]
        turns = pl.DataFrame(
            {"row_id": self.turn_ids, "turn": self.turn_numbers}
            | {name: [turn.get(name) for turn in self.turns] for name in present},
            schema={"row_id": TURNS["row_id"], "turn": pl.Int64(), **{name: TURNS[name] for name in present}},
        )
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(ROW_KEYS)
        rows = pl.DataFrame(
            dict(zip(ROW_KEYS, columns, strict=True)), schema={key: ROWS[key] for key in ROW_KEYS}
        )
        occurrences = pl.DataFrame(
            {"line": self.lines, "row_id": self.line_ids, "reader_reason": self.reasons},
            schema={key: OCCURRENCES[key] for key in ("line", "row_id", "reader_reason")},
        )
        place = {name: pl.lit(value) for name, value in asdict(origin).items()}
        _write(turns, TURNS, part.turns)
        _write(rows.with_columns(source=place["source"]), ROWS, part.rows)
        _write(occurrences.with_columns(**place), OCCURRENCES, part.occurrences)
        return part


def _write(frame: pl.DataFrame, schema: pl.Schema, path: Path) -> None:
    conform(frame, schema).write_parquet(path, compression="lz4")
