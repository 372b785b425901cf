"""Reads bytes the way a run does and lays the result out for comparison."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import polars as pl
from polars.testing import assert_frame_equal

from tilth.curation.reading import read
from tilth.curation.reading.read import Ingest, ReadLimits, Source, SourceFile, ingest
from tilth.shards.tables import OCCURRENCES, ROWS, TURNS, empty

SCHEMAS = {"occurrences": OCCURRENCES, "rows": ROWS, "turns": TURNS}

# Full counts of the fault tests; `make faults` sets it.
FULL = bool(os.environ.get("TILTH_FULL"))

MEASURED_READ = """
import sys, resource, json
from pathlib import Path
from tilth.curation.reading.read import ReadLimits, Source, ingest
import polars as pl
path, out = Path(sys.argv[1]), Path(sys.argv[2])
limits = ReadLimits(**json.loads(sys.argv[3]))
result = ingest([Source(path=path.name)], path.parent, out, limits)
seen = pl.concat([pl.read_parquet(part.occurrences) for part in result.parts])
try:  # ru_maxrss of a child starts at its parent's size
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
inner = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps({"peak_mb": peak, "peak_children_mb": inner, "reasons": seen["reader_reason"].to_list(),
                  "problem": result.files[0].problem}))
"""


@dataclass(frozen=True)
class Reading:
    """Everything one ingest wrote."""

    ingest: Ingest
    occurrences: pl.DataFrame
    rows: pl.DataFrame
    turns: pl.DataFrame

    @property
    def file(self) -> SourceFile:
        """The only file."""
        (file,) = self.ingest.files
        return file

    @property
    def reasons(self) -> list[str | None]:
        """The reason of each line, None where it is a row."""
        return self.occurrences["reader_reason"].to_list()

    def texts(self) -> list[list[str | None]]:
        """The texts of each row, in the order of the lines."""
        by_row: dict[bytes, list[str | None]] = {}
        for row_id, text in self.turns.select("row_id", "text").iter_rows():
            by_row.setdefault(row_id, []).append(text)
        return [by_row[row_id] for row_id in self.occurrences["row_id"].drop_nulls()]

    def turn_dicts(self) -> list[dict[str, Any]]:
        """The turns as dicts without their nulls."""
        return [
            {
                name: value
                for name, value in turn.items()
                if value is not None and name not in ("row_id", "turn")
            }
            for turn in self.turns.iter_rows(named=True)
        ]


def read_sources(
    folder: Path, *sources: Source, limits: ReadLimits | None = None, out: Path | None = None, **options: Any
) -> Reading:
    """Ingest sources under `folder` and check that lines in = occurrences, one id or one reason each.

    What is read by the compiled reader is read line by line as well, and must come out the same.
    """
    out = out or folder / "out"
    with patch.object(read, "MIN_COMPILED_BYTES", 0):
        result = ingest(list(sources), folder, out, limits or ReadLimits(), **options)
    options.pop("on_progress", None)
    with TemporaryDirectory() as other:
        again = ingest(list(sources), folder, Path(other), limits or ReadLimits(), **options)
        for name in SCHEMAS:
            assert_frame_equal(_table(result, name), _table(again, name))
    occurrences, rows, turns = (_table(result, name) for name in SCHEMAS)
    assert (occurrences["row_id"].is_null() ^ occurrences["reader_reason"].is_null()).all()
    assert set(occurrences["row_id"].drop_nulls()) == set(rows["row_id"]) == set(turns["row_id"])
    for file in result.files:
        lines = occurrences.filter(source_path=file.path)["line"].to_list()
        assert lines == list(range(1, file.lines + 1))
    return Reading(result, occurrences, rows, turns)


def _table(result: Ingest, name: str) -> pl.DataFrame:
    return pl.concat([empty(SCHEMAS[name]), *(pl.read_parquet(getattr(part, name)) for part in result.parts)])


def read_bytes(
    folder: Path, data: bytes, name: str = "rows.jsonl", limits: ReadLimits | None = None, **source: Any
) -> Reading:
    """Write `data` as a file and ingest it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return read_sources(folder, Source(path=name, **source), limits=limits)


def good(number: int) -> bytes:
    """Return a readable line."""
    return json.dumps({"prompt": f"question {number}", "response": f"answer {number}"}).encode()


def read_measured(path: Path, out: Path, **limits: int) -> dict[str, Any]:
    """Ingest one file in a fresh process; return its peak memory and its children's (MB), reasons and problem."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED_READ, str(path), str(out), json.dumps(limits)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
