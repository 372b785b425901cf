"""The records of a file, whatever its format: JSON lines, a JSON array, CSV, Parquet or Arrow IPC.

A record is an object or the Reason it is none; records are numbered from 1 by whoever counts them. Nothing is
held whole but one record, one chunk, or one Parquet row group.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO

from tilth.curation.reading.decompress import chunks, codec, plain_suffix
from tilth.curation.reading.json_array import elements
from tilth.curation.reading.limits import ReadLimits, Reason, Unreadable
from tilth.curation.reading.lines import Tail, lines, without_bom
from tilth.curation.reading.parse import parse_object
from tilth.shards.errors import SourceError, UsageError

Record = dict[str, Any] | Reason

DELIMITERS = {".csv": ",", ".tsv": "\t"}
COLUMNAR_MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow"}
COLUMNAR_SUFFIXES = {".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow"}
CUT_SHORT = (Reason.INVALID_JSON, Reason.INVALID_UTF8)


def read_records(stored: BinaryIO, name: str, limits: ReadLimits) -> tuple[str, Iterator[Record]]:
    """Return the format of an open file and its records, in order.

    The bytes decide between Parquet, Arrow and text; `.csv` and `.tsv` go by their suffix; a text that opens
    with `[` is a JSON array, any other is JSON lines. Raises SourceError if the container cannot be opened.
    """
    head = stored.read(8)
    stored.seek(0)
    suffix = plain_suffix(name)
    columnar = next((kind for magic, kind in COLUMNAR_MAGIC.items() if head.startswith(magic)), None)
    columnar = columnar or COLUMNAR_SUFFIXES.get(suffix)
    if columnar and codec(head, name):
        raise UsageError(
            name, f"{columnar} inside an archive cannot be read in pieces", "", "decompress the file first"
        )
    if columnar:
        from tilth.curation.reading import columnar as tables

        open_table = tables.parquet_records if columnar == "parquet" else tables.arrow_records
        return columnar, open_table(stored, name, limits)
    plain = chunks(stored, name, limits)
    if suffix in DELIMITERS:
        return suffix[1:], _csv_records(plain, name, DELIMITERS[suffix], limits)
    opening, plain = _peek(plain)
    if opening == b"[" and suffix != ".jsonl":
        return "json", _array_records(plain, limits)
    return "jsonl", _line_records(plain, limits)


def _peek(plain: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first byte that is no whitespace, and the chunks as if none had been taken."""
    try:
        first = next(plain, b"")
    except Unreadable as stop:
        return b"", _stopped(stop)
    return next(without_bom([first])).lstrip()[:1], chain([first], plain)


def _stopped(stop: Unreadable) -> Iterator[bytes]:
    raise stop
    yield b""


def _line_records(plain: Iterator[bytes], limits: ReadLimits) -> Iterator[Record]:
    for line in lines(plain, limits.max_line_bytes):
        if isinstance(line, Reason):
            yield line
            continue
        yield parse_line(line, limits, is_tail=isinstance(line, Tail))


def parse_line(line: bytes, limits: ReadLimits, *, is_tail: bool) -> Record:
    """Return the object on a line, or why there is none. is_tail: no newline ends it."""
    if len(line) > limits.max_line_bytes:
        return Reason.TOO_LONG
    record = parse_object(line, limits.max_depth)
    return Reason.CUT_TAIL if is_tail and record in CUT_SHORT else record


def _array_records(plain: Iterator[bytes], limits: ReadLimits) -> Iterator[Record]:
    for element in elements(without_bom(plain), limits.max_line_bytes):
        yield element if isinstance(element, Reason) else parse_object(element, limits.max_depth)


class _CsvLines:
    """Feeds physical lines to csv.reader and bounds how many bytes one record takes."""

    def __init__(self, source: Iterable[bytes | Reason], max_record_bytes: int) -> None:
        self.source = iter(source)
        self.max_record_bytes = max_record_bytes
        self.record_bytes = 0
        self.ended_whole = True

    def __iter__(self) -> _CsvLines:
        return self

    def __next__(self) -> str:
        line = next(self.source)
        if isinstance(line, Reason):
            raise Unreadable(line)
        self.record_bytes += len(line) + 1
        if self.record_bytes > self.max_record_bytes + 1:
            raise Unreadable(Reason.TOO_LONG)
        self.ended_whole = not isinstance(line, Tail)
        # Bytes that are no UTF-8 come out as lone surrogates and are found once the record is whole.
        return line.decode("utf-8", "surrogateescape") + "\n"


def _csv_records(plain: Iterator[bytes], name: str, delimiter: str, limits: ReadLimits) -> Iterator[Record]:
    source = _CsvLines(lines(plain, limits.max_line_bytes), limits.max_line_bytes)
    csv.field_size_limit(limits.max_line_bytes + 1)
    table = csv.reader(source, delimiter=delimiter, strict=True)
    header = _csv_header(table, name)
    while True:
        source.record_bytes = 0
        try:
            fields = next(table)
        except StopIteration:
            return
        except Unreadable as unreadable:
            yield unreadable.reason
        except csv.Error:
            yield Reason.INVALID_CSV if source.ended_whole else Reason.CUT_TAIL
        else:
            yield _csv_record(header, fields) if fields else Reason.BLANK


def _csv_header(table: Iterator[list[str]], name: str) -> list[str]:
    try:
        header = next(table, [])
        "".join(header).encode("utf-8")
    except (csv.Error, Unreadable, UnicodeEncodeError):
        raise SourceError(name, "the header line cannot be read", "no row of it can be read") from None
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise SourceError(
            name,
            f"the header names {', '.join(map(repr, repeated))} more than once",
            "no row of it can be read",
            "rename the columns",
        )
    return header


def _csv_record(header: list[str], fields: list[str]) -> Record:
    if len(fields) != len(header):
        return Reason.WRONG_COLUMNS
    try:
        "".join(fields).encode("utf-8")
    except UnicodeEncodeError:
        return Reason.INVALID_UTF8
    return dict(zip(header, fields, strict=True))
