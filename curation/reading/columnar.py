"""Rows of Parquet and Arrow IPC files, a small batch at a time.

Invalid text is quarantined row by row; of a damaged Parquet row group each row that the footer promises is, of an
Arrow file what cannot be read as one. What unpacks to far more than the file holds stops as an archive does. A
struct has every field that any row has, null where a row has none: such nulls are left out again, so that no call
is learned with the arguments of all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import SEEK_END
from itertools import repeat
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tilth.curation.reading.limits import ReadLimits, Reason, text_bytes
from tilth.shards.errors import SourceError

BATCH_ROWS = 1024
BATCH_BYTES = 64 << 20  # of text, beyond which a batch is read a row at a time
GROUP_BYTES = 128 << 20  # what the rows that Parquet hands over at once may take
BUFFER_BYTES = 1 << 20  # of a column chunk that is read at once
ROW_BYTES = 64  # what a row counts for beside its text: a file can hold any number of empty ones
MAX_PROMISED = 1_000_000  # rows of a file that are missed one by one; beyond them one reason stands for all
HEADER_BYTES, I32_NEXT_FIELD = 32, 0x15  # of a page; the mark of a number in Thrift's compact protocol
# What pyarrow raises for a file that is not what it says.
UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, KeyError, IndexError)
ROW_FACTOR = 8  # bytes of a column in memory for a byte that a batch of it may take
# Objects that may be empty by what they mean; any other that holds only padding was not there.
MAY_BE_EMPTY = frozenset({"arguments", "parameters", "properties", "input", "input_schema", "args"})
SAID = frozenset({"content", "value", "text"})  # of a message: null says that there is no text


def parquet_records(stored: BinaryIO, name: str, limits: ReadLimits) -> Iterator[dict[str, Any] | Reason]:
    """Return the rows of a Parquet file; of one whose footer cannot be read, a reason that stands for all of them.

    Raises SourceError for columns that no row can tell apart.
    """
    try:
        file = pq.ParquetFile(stored, page_checksum_verification=True, buffer_size=BUFFER_BYTES)
        _check_columns(file.schema_arrow.names, name)
    except UNREADABLE:
        return iter([Reason.UNREAD_BYTES])
    return _bounded(_parquet_rows(file, stored, limits), _size(stored), limits)


def arrow_records(stored: BinaryIO, name: str, limits: ReadLimits) -> Iterator[dict[str, Any] | Reason]:
    """Return the rows of an Arrow IPC file or stream; of one whose schema cannot be read, a reason that stands for all.

    Raises SourceError for columns that no row can tell apart.
    """
    try:
        try:
            file = pa.ipc.open_file(stored)
            batches = _batches(file)
        except pa.ArrowInvalid:
            stored.seek(0)
            file = pa.ipc.open_stream(stored)
            batches = _streams(file, stored)
        _check_columns(file.schema.names, name)
    except UNREADABLE:
        return iter([Reason.UNREAD_BYTES])
    return _bounded(_arrow_rows(batches, limits), _size(stored), limits)


def _bounded(
    records: Iterator[dict[str, Any] | Reason], stored_bytes: int, limits: ReadLimits
) -> Iterator[dict[str, Any] | Reason]:
    """Yield records until they outgrow the file that they came from, as archives are read."""
    total = 0
    for record in records:
        total += ROW_BYTES + (text_bytes(record) if type(record) is dict else 0)
        if total > limits.max_file_bytes:
            yield Reason.FILE_LIMIT
            return
        if total > limits.free_expansion_bytes and total > limits.max_expansion * stored_bytes:
            yield Reason.EXPANSION_LIMIT
            return
        yield record


def _size(stored: BinaryIO) -> int:
    at = stored.tell()
    size = stored.seek(0, SEEK_END)
    stored.seek(at)
    return size


def _batches(file: pa.RecordBatchFileReader) -> Iterator[pa.RecordBatch | Reason]:
    """Yield the batches of a file, or that one cannot be had."""
    for number in range(file.num_record_batches):
        try:
            yield file.get_batch(number)
        except UNREADABLE:
            yield Reason.UNREAD_BYTES


def _streams(stream: pa.RecordBatchReader, stored: BinaryIO) -> Iterator[pa.RecordBatch | Reason]:
    """Yield the batches of streams that follow each other, and where they stop that the rest cannot be had."""
    try:
        while True:
            yield from stream
            at = stored.tell()
            if not stored.read(1):
                return
            stored.seek(at)
            stream = pa.ipc.open_stream(stored)
    except UNREADABLE:
        yield Reason.UNREAD_BYTES


def _parquet_rows(
    file: pq.ParquetFile, stored: BinaryIO, limits: ReadLimits
) -> Iterator[dict[str, Any] | Reason]:
    """Yield the rows of every group, and a reason for each that the footer promises and the pages do not hold."""
    promised = left = 0
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        promised += group.num_rows
        seen = 0
        try:
            for batch in file.iter_batches(_batch_rows(group, stored), row_groups=[number]):
                seen += batch.num_rows
                yield from _rows(batch, limits)
        except UNREADABLE:
            pass
        left += max(group.num_rows - seen, 0)
        yield from repeat(Reason.DAMAGED, min(group.num_rows - seen, MAX_PROMISED))
        if left > MAX_PROMISED:
            break
    if left > MAX_PROMISED or file.metadata.num_rows > promised:
        yield Reason.UNREAD_BYTES


def _batch_rows(group: pq.RowGroupMetaData, stored: BinaryIO) -> int:
    """Return how many rows may be taken at once, so that they fit even if each repeats the longest of its group.

    Sizes are those of the pages before compression; of a column with a dictionary that of the dictionary, which
    each value may repeat whole.
    """
    rows = max(group.num_rows, 1)
    row_bytes = group.total_byte_size / rows
    for number in range(group.num_columns):
        column = group.column(number)
        if column.has_dictionary_page and column.physical_type == "BYTE_ARRAY":
            values_a_row = max(column.num_values / rows, 1.0)
            row_bytes += values_a_row * _dictionary_bytes(stored, column.dictionary_page_offset)
    return int(min(max(GROUP_BYTES / max(row_bytes, 1.0), 1), BATCH_ROWS))


def _dictionary_bytes(stored: BinaryIO, offset: int) -> int:
    """Return the size of a dictionary page before compression: the second field of its Thrift header."""
    at = stored.tell()
    stored.seek(max(offset, 0))
    head = stored.read(HEADER_BYTES)
    stored.seek(at)
    field, size = 0, 0
    numbers = iter(head)
    while field < 2 and next(numbers, None) == I32_NEXT_FIELD:
        size = shift = 0
        for byte in numbers:
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        field += 1
    return size >> 1 if field == 2 else 0


def _arrow_rows(
    batches: Iterator[pa.RecordBatch | Reason], limits: ReadLimits
) -> Iterator[dict[str, Any] | Reason]:
    for batch in batches:
        if isinstance(batch, Reason):
            yield batch
            continue
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield from _rows(batch.slice(start, BATCH_ROWS), limits)


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
    except UNREADABLE:
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
    except UNREADABLE:
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
