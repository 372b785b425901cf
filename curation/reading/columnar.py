"""Rows of Parquet and Arrow IPC files, a small batch at a time.

Invalid text is quarantined row by row; of a damaged Parquet row group each row that the footer promises is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tilth.curation.reading.limits import ReadLimits, Reason, text_bytes
from tilth.shards.errors import SourceError

BATCH_ROWS = 1024


def parquet_records(stored: BinaryIO, name: str, limits: ReadLimits) -> Iterator[dict[str, Any] | Reason]:
    """Return the rows of a Parquet file. Raises SourceError if its footer cannot be read."""
    try:
        file = pq.ParquetFile(stored, page_checksum_verification=True)
        _check_columns(file.schema_arrow.names, name)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(name, "Parquet") from error
    return _parquet_rows(file, limits)


def arrow_records(stored: BinaryIO, name: str, limits: ReadLimits) -> Iterator[dict[str, Any] | Reason]:
    """Return the rows of an Arrow IPC file or stream. Raises SourceError if its schema cannot be read."""
    try:
        try:
            file = pa.ipc.open_file(stored)
            batches: Iterator[pa.RecordBatch] = map(file.get_batch, range(file.num_record_batches))
        except pa.ArrowInvalid:
            stored.seek(0)
            file = pa.ipc.open_stream(stored)
            batches = iter(file.read_next_batch, None)
        _check_columns(file.schema.names, name)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(name, "Arrow") from error
    return _arrow_rows(batches, limits)


def _parquet_rows(file: pq.ParquetFile, limits: ReadLimits) -> Iterator[dict[str, Any] | Reason]:
    for group in range(file.num_row_groups):
        seen = 0
        try:
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group]):
                seen += batch.num_rows
                yield from _rows(batch, limits)
        except (pa.ArrowException, OSError):
            yield from repeat(Reason.DAMAGED, file.metadata.row_group(group).num_rows - seen)


def _arrow_rows(batches: Iterator[pa.RecordBatch], limits: ReadLimits) -> Iterator[dict[str, Any] | Reason]:
    try:
        for batch in batches:
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield from _rows(batch.slice(start, BATCH_ROWS), limits)
    except (pa.ArrowException, OSError):
        yield Reason.DAMAGED


def _rows(batch: pa.RecordBatch, limits: ReadLimits) -> Iterator[dict[str, Any] | Reason]:
    try:
        batch.validate(full=True)
        rows = batch.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError, ValueError):
        if batch.num_rows == 1:
            yield _why(batch)
            return
        for index in range(batch.num_rows):
            yield from _rows(batch.slice(index, 1), limits)
        return
    for row in rows:
        yield row if text_bytes(row) <= limits.max_line_bytes else Reason.TOO_LONG


def _why(batch: pa.RecordBatch) -> Reason:
    try:
        batch.validate()
        batch.to_pylist()
    except UnicodeDecodeError:
        return Reason.INVALID_UTF8
    except (pa.ArrowException, ValueError):
        pass
    return Reason.DAMAGED


def _check_columns(names: list[str], name: str) -> None:
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise SourceError(
            name,
            f"the column {repeated[0]!r} stands in the file more than once",
            "no row of it can be read",
            "rename one of them",
        )


def _unreadable(name: str, kind: str) -> SourceError:
    return SourceError(
        name, f"this is no whole {kind} file", "no row of it can be read", "fetch or write the file again"
    )
