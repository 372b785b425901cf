"""Frames in Arrow files: written a batch at a time, read by mapping, so that they cost memory only where touched.

A file that a later run reads ends in the digest of what stands before it, and is believed only with it: offsets that
one flipped bit moved would let a mapped frame read any memory.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from weakref import WeakSet

import polars as pl
import pyarrow as pa

from tilth.shards.atomic import write_pieces

DIGEST_BYTES = 32
_HASHED_BYTES = 16 << 20  # at a time, so that memory may be given back between
_mapped: WeakSet[mmap.mmap] = WeakSet()


class _Pieces:
    """What an Arrow writer has written since it was last taken."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Do nothing; a writer asks for it."""

    def close(self) -> None:
        """Do nothing; a writer asks for it."""

    def take(self) -> list[bytes]:
        taken, self._pieces = self._pieces, []
        return taken


def keep(path: Path, frames: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """Write frames of one schema as the batches of a file that later runs read: synced, with its digest.

    Returns them as one frame, mapped. Raises StoreError.
    """
    write_pieces(path, _sealed(frames))
    mapped = _map(path)
    return _frame(mapped, len(mapped) - DIGEST_BYTES)


def _sealed(frames: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    digest, pieces = hashlib.sha256(), _Pieces()

    def taken() -> Iterator[bytes]:
        for piece in pieces.take():
            digest.update(piece)
            yield piece

    first = table(next(frames))
    with pa.ipc.new_file(pa.PythonFile(pieces, "w"), first.schema) as writer:
        writer.write_table(first)
        yield from taken()
        for frame in frames:
            writer.write_table(table(frame))
            yield from taken()
    yield from taken()
    yield digest.digest()


def kept(path: Path) -> pl.DataFrame | None:
    """Return the frame that `keep` wrote, mapped; None where there is none, or it is not what was written."""
    try:
        mapped = _map(path)
    except (FileNotFoundError, ValueError):  # an empty file cannot be mapped
        return None
    end = len(mapped) - DIGEST_BYTES
    digest = hashlib.sha256()
    with memoryview(mapped) as whole:
        for start in range(0, max(end, 0), _HASHED_BYTES):
            digest.update(whole[start : min(start + _HASHED_BYTES, end)])
            mapped.madvise(mmap.MADV_DONTNEED)
        if end < 0 or digest.digest() != whole[end:].tobytes():
            return None
    return _frame(mapped, end)


def write(path: Path, frames: Iterator[pl.DataFrame]) -> None:
    """Write frames of one schema as the batches of a file of this run, there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    first = table(next(frames))
    with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, first.schema) as writer:
        writer.write_table(first)
        for frame in frames:
            writer.write_table(table(frame))
    temporary.replace(path)


def read(path: Path) -> pl.DataFrame:
    """Return the frame of a file of this run, mapped; the file may be deleted while it is in use."""
    mapped = _map(path)
    return _frame(mapped, len(mapped))


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _frame(mapped: mmap.mmap, end: int) -> pl.DataFrame:
    _mapped.add(mapped)
    return cast(pl.DataFrame, pl.from_arrow(pa.ipc.open_file(pa.py_buffer(mapped).slice(0, end)).read_all()))


def let_go() -> None:
    """Give back the memory of all mapped frames: what is touched again is read again."""
    for mapped in _mapped:
        mapped.madvise(mmap.MADV_DONTNEED)


def table(frame: pl.DataFrame) -> pa.Table:
    """Return a frame as a table that is used as it lies in the file."""
    # Through the older layouts, since the newer ones of strings drag along bytes that a slice does not show.
    compact = pl.from_arrow(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    return cast(pl.DataFrame, compact).to_arrow(compat_level=pl.CompatLevel.newest())
