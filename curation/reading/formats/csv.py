"""CSV and its kin: a header, then a record a line, or over several where a quote is open.

A quote that is never closed swallows the lines after it. They are held while a record is read, so that it costs
one record: what it swallowed is read again.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from tilth.curation.reading.csv_dialect import Dialect, find_dialect
from tilth.curation.reading.formats import Record
from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.lines import Tail, lines
from tilth.curation.reading.opened import Opened, peek
from tilth.shards.errors import SourceError

# Lines inside a record that each make a whole record: so many, and so large a part of them, were swallowed, if
# they are about as long as the records of one line before them. A table that was asked for is not.
MIN_SWALLOWED, SWALLOWED_SHARE, ALIKE = 10, 0.9, 2.0
FEW_SWALLOWED = 3  # lines that are so many only if all of them are records
# Bytes that are read again, in line lengths: then lines are given up one by one, without looking for more.
MAX_AGAIN = 8


class Csv:
    """Reads records as objects of the header's names."""

    name = "csv"
    suffixes = (".csv", ".tsv", ".psv")
    magic = ()
    unit = "record"
    is_text = True
    is_table = True
    order = 15

    def claims(self, text: bytes, suffix: str) -> bool:
        """Claim a file by its suffix."""
        return suffix in self.suffixes

    def records(self, opened: Opened) -> Iterator[Record]:
        """Return the record of each line or lines. Raises SourceError for a header that cannot be read."""
        text, plain = peek(opened.text())
        dialect = find_dialect(text, opened.name, opened.source)
        most = opened.limits.max_line_bytes
        csv.field_size_limit(most + 1)
        held = _Lines(lines(plain, most), most)
        for _ in range(dialect.lead_lines):
            next(held, None)
        return _Records(held, dialect, _header(held, dialect, opened.name)).all()


class _Lines:
    """Feeds physical lines to csv.reader, bounds how many bytes a record takes, and can give them again."""

    def __init__(self, source: Iterator[bytes | Reason], max_record_bytes: int) -> None:
        self.source = source
        self.max_record_bytes = max_record_bytes
        self.again: deque[bytes] = deque()
        self.room = MAX_AGAIN * max_record_bytes
        self.begin()

    def begin(self) -> None:
        """Begin a record."""
        self.taken: list[bytes] = []
        self.record_bytes = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self.source)
        if isinstance(line, Reason):
            raise Unreadable(line)
        self.taken.append(line)
        self.record_bytes += len(line) + 1
        if self.record_bytes > self.max_record_bytes + 1:
            raise Unreadable(Reason.TOO_LONG)
        # Bytes that are no UTF-8 come out as lone surrogates and are found once the record is whole.
        return line.decode("utf-8", "surrogateescape") + "\n"

    def ended_whole(self) -> bool:
        """Whether a line end follows what was taken."""
        return not self.taken or not isinstance(self.taken[-1], Tail)

    def give_back(self) -> int:
        """Have all but the first line of the record read again; return how many lines are given up instead."""
        again = self.taken[1:]
        self.room -= sum(map(len, again))
        if self.room < 0:
            return len(again)
        self.again.extendleft(reversed(again))
        return 0


class _Records:
    """The records of a table; one that cannot be read gives back the lines that it swallowed."""

    def __init__(self, held: _Lines, dialect: Dialect, header: list[str]) -> None:
        self.held, self.dialect, self.header = held, dialect, header
        self.plain_records = self.plain_bytes = 0  # of one line

    def all(self) -> Iterator[Record]:
        """Yield every record, or why there is none."""
        table = self.dialect.reader(self.held)
        while True:
            self.held.begin()
            try:
                fields = next(table)
            except StopIteration:
                return
            except Unreadable as unreadable:
                yield unreadable.reason
            except csv.Error:
                is_cut = len(self.held.taken) == 1 and not self.held.ended_whole()
                yield Reason.CUT_TAIL if is_cut else Reason.INVALID_CSV
            else:
                if len(self.held.taken) == 1:
                    self.plain_records += 1
                    self.plain_bytes += self.held.record_bytes
                if not self._swallowed():
                    yield self._record(fields) if fields else Reason.BLANK
                    continue
                yield Reason.INVALID_CSV
            for _ in range(self.held.give_back()):
                yield Reason.INVALID_CSV
            table = self.dialect.reader(self.held)

    def _record(self, fields: list[str]) -> Record:
        if len(fields) != len(self.header):
            return Reason.WRONG_COLUMNS
        try:
            "".join(fields).encode("utf-8")
        except UnicodeEncodeError:
            return Reason.INVALID_UTF8
        return dict(zip(self.header, fields, strict=True))

    def _swallowed(self) -> bool:
        """Tell whether a record that two stray quotes hold together is made of many whole ones."""
        first, inside = self.held.taken[:1], self.held.taken[1:-1]
        are_few = len(inside) < FEW_SWALLOWED or self.plain_records < MIN_SWALLOWED
        if are_few or len(self.header) < 2:
            return False
        usual, here = self.plain_bytes / self.plain_records, sum(map(len, inside)) / len(inside)
        if not usual / ALIKE < here < usual * ALIKE:
            return False
        like_records = sum(self._is_record(self._fields(line)) for line in inside)
        opening = self._fields(first[0].replace(self.dialect.quote.encode(), b""))
        share = SWALLOWED_SHARE if len(inside) >= MIN_SWALLOWED else 1.0
        return self._is_record(opening) and like_records >= share * len(inside)

    def _is_record(self, fields: list[str]) -> bool:
        return len(fields) == len(self.header) and all(field.strip() for field in fields)

    def _fields(self, line: bytes) -> list[str]:
        try:
            return next(self.dialect.reader(iter([line.decode("utf-8", "replace")])), [])
        except csv.Error:
            return []


def _header(held: _Lines, dialect: Dialect, name: str) -> list[str]:
    try:
        header = next(dialect.reader(held), [])
        "".join(header).encode("utf-8")
    except (csv.Error, Unreadable, UnicodeEncodeError):
        raise SourceError(
            name,
            "the header line cannot be read",
            "no row of it can be read",
            "say how it is written: `encoding: cp1252` (or utf-16), `delimiter:` and `quote:` of the source",
        ) from None
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise SourceError(
            name,
            f"the header names {', '.join(map(repr, repeated))} more than once",
            "no row of it can be read",
            "rename the columns",
        )
    return header


FORMAT = Csv()
