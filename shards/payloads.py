"""Every byte of a file, and every byte that is packed in it: gzip, Zstandard, Parquet, Arrow."""

from __future__ import annotations

import gzip
import mmap
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from tilth.shards.sealed import DIGEST_BYTES

BLOCK_BYTES = 4 << 20
OVERLAP_BYTES = 64  # a passage that two blocks share stands whole in one of them
BATCH_ROWS = 50_000
GZIP, ZSTD, PARQUET, ARROW = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"ARROW1"


def pieces(path: Path) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a file as they are stored, then as they are unpacked.

    What calls itself packed and cannot be unpacked is yielded as stored alone. Raises OSError.
    """
    size = path.stat().st_size
    if not size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        data = bytes(mapped) if size <= BLOCK_BYTES else None
        if data is not None:
            yield data
        else:
            file.seek(0)
            yield from _blocks(file)
        head = mapped[: DIGEST_BYTES + 8]
        for start in (0, DIGEST_BYTES):  # a sealed file begins with a digest
            if head[start:].startswith(PARQUET):
                yield from _parquet(mapped[start:])
            elif head[start:].startswith(ARROW):
                yield from _arrow(mapped[start:])
    if head.startswith(GZIP) or head.startswith(ZSTD):
        yield from _unpacked(path, is_gzip=head.startswith(GZIP))


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    kept = b""
    while block := file.read(BLOCK_BYTES):
        yield kept + block
        kept = (kept + block)[-OVERLAP_BYTES:]


def _unpacked(path: Path, *, is_gzip: bool) -> Iterator[bytes]:
    import zstandard

    with path.open("rb") as file:
        opened = (
            gzip.GzipFile(fileobj=file)
            if is_gzip
            else zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        )
        try:
            yield from _blocks(cast("IO[bytes]", opened))
        except (OSError, EOFError, zlib.error, zstandard.ZstdError):
            return


def _parquet(data: bytes) -> Iterator[memoryview]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(pa.BufferReader(data)).iter_batches(batch_size=BATCH_ROWS):
            yield from _buffers(batch)
    except (pa.ArrowException, OSError):
        return


def _arrow(data: bytes) -> Iterator[memoryview]:
    import pyarrow as pa

    for end in (len(data), len(data) - DIGEST_BYTES):  # one that is kept ends in a digest
        try:
            opened = pa.ipc.open_file(pa.BufferReader(data[:end]))
            for number in range(opened.num_record_batches):
                yield from _buffers(opened.get_batch(number))
            return
        except (pa.ArrowException, OSError):
            continue


def _buffers(batch: Any) -> Iterator[memoryview]:
    for column in batch.columns:
        parts = [column.dictionary, column.indices] if hasattr(column, "dictionary") else [column]
        for part in parts:
            yield from (memoryview(buffer) for buffer in part.buffers() if buffer is not None and buffer.size)
