"""Rows of Parquet and Arrow IPC files, a small batch at a time.

Invalid text is quarantined row by row; of a damaged Parquet row group each row that the footer promises is. A
struct has every field that any row has, null where a row has none: such nulls are left out again, so that no call
is learned with the arguments of all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tilth.curation.reading.limits import ReadLimits, Reason, text_bytes
from tilth.shards.errors import SourceError

BATCH_ROWS = 1024
BATCH_BYTES = 64 << 20  # of text, beyond which a batch is read a row at a time
ROW_FACTOR = 8  # bytes of a column in memory for a byte that a batch of it may take
# Objects that may be empty by what they mean; any other that holds only padding was not there.
MAY_BE_EMPTY = frozenset({"arguments", "parameters", "properties", "input", "input_schema", "args"})
SAID = frozenset({"content", "value", "text"})  # of a message: null says that there is no text


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
            batches = _streams(file, stored)
        _check_columns(file.schema.names, name)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(name, "Arrow") from error
    return _arrow_rows(batches, limits)


def _streams(stream: pa.RecordBatchReader, stored: BinaryIO) -> Iterator[pa.RecordBatch]:
    """Yield the batches of streams that follow each other. Raises ArrowException for bytes that are no stream."""
    while True:
        yield from stream
        at = stored.tell()
        if not stored.read(1):
            return
        stored.seek(at)
        stream = pa.ipc.open_stream(stored)


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
    if batch.num_rows > 1 and _unfolded_bytes(batch) > BATCH_BYTES:
        half = batch.num_rows // 2
        yield from _rows(batch.slice(0, half), limits)
        yield from _rows(batch.slice(half), limits)
        return
    try:
        batch.validate(full=True)
        if batch.num_rows == 1 and _unfolded_bytes(batch) > ROW_FACTOR * limits.max_line_bytes:
            yield Reason.TOO_LONG
            return
        rows = batch.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError, ValueError, OverflowError):
        if batch.num_rows == 1:
            yield _why(batch)
            return
        for index in range(batch.num_rows):
            yield from _rows(batch.slice(index, 1), limits)
        return
    nested = [field.name for field in batch.schema if pa.types.is_nested(field.type)]
    for row in rows:
        for name in nested:
            row[name] = _unpadded(row[name])
        yield row if text_bytes(row) <= limits.max_line_bytes else Reason.TOO_LONG


def _unfolded_bytes(batch: pa.RecordBatch) -> int:
    """Return about how many bytes the columns take once each row holds its own value."""
    total = 0
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and pa.types.is_large_string(column.type.value_type) | (
            pa.types.is_string(column.type.value_type)
        ):
            lengths = pc.binary_length(column.dictionary)
            total += pc.sum(lengths.take(column.indices)).as_py() or 0
        else:
            total += column.get_total_buffer_size() if not column.offset else column.nbytes
    return total


def _unpadded(value: Any) -> Any:
    """Return a value without the fields of structs that are null, and without structs that hold nothing else."""
    if type(value) is list:
        return [_unpadded(item) for item in value]
    if type(value) is not dict:
        return value
    kept = {}
    for name, inner in value.items():
        bare = _unpadded(inner)
        is_padding = bare is None and (name not in SAID or not _is_spoken(value))
        is_hollow = type(bare) is dict and not bare and bool(inner) and name not in MAY_BE_EMPTY
        if not is_padding and not is_hollow:
            kept[name] = bare
    return kept


def _is_spoken(value: dict[str, Any]) -> bool:
    return any(type(value.get(speaker)) is str for speaker in ("role", "from", "speaker"))


def _why(batch: pa.RecordBatch) -> Reason:
    try:
        batch.validate()
        batch.to_pylist()
    except UnicodeDecodeError:
        return Reason.INVALID_UTF8
    except (pa.ArrowException, ValueError, OverflowError):
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
