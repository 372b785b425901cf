"""Frames in Arrow files: written a batch at a time, read by mapping, so that they cost memory only where touched."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from weakref import WeakSet

import polars as pl
import pyarrow as pa

_mapped: WeakSet[mmap.mmap] = WeakSet()


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
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    _mapped.add(mapped)
    return cast(pl.DataFrame, pl.from_arrow(pa.ipc.open_file(pa.py_buffer(mapped)).read_all()))


def let_go() -> None:
    """Give back the memory of all mapped frames: what is touched again is read again."""
    for mapped in _mapped:
        mapped.madvise(mmap.MADV_DONTNEED)


def _table(frame: pl.DataFrame) -> pa.Table:
    """Return a frame as a table that is used as it lies in the file."""
    # Through the older layouts, since the newer ones of strings drag along bytes that a slice does not show.
    compact = pl.from_arrow(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    return cast(pl.DataFrame, compact).to_arrow(compat_level=pl.CompatLevel.newest())
