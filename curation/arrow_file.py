"""Frames in Arrow files: written a batch at a time, read by mapping, so that they cost memory only where touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa


def write(path: Path, frames: Iterator[pl.DataFrame]) -> None:
    """Write frames of one schema as the batches of a file, there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    first = _table(next(frames))
    with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, first.schema) as writer:
        writer.write_table(first)
        for frame in frames:
            writer.write_table(_table(frame))
    temporary.replace(path)


def read(path: Path) -> pl.DataFrame:
    """Return the frame of a file, mapped; the file may be deleted while it is in use."""
    return cast(pl.DataFrame, pl.from_arrow(pa.ipc.open_file(pa.memory_map(str(path))).read_all()))


def _table(frame: pl.DataFrame) -> pa.Table:
    # The newer layouts of strings would drag along bytes that a slice does not show.
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
