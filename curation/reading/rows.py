"""Objects of one file to rows: turns, tools, group, licence and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from typing import Any

from tilth.curation.reading.batch import FULL_CHARS, Batch, Tables
from tilth.curation.reading.chat import stable_json
from tilth.curation.reading.formats import Record
from tilth.curation.reading.limits import ReadLimits, Reason, Unreadable
from tilth.curation.reading.shapes import Row, find_mapping, reader
from tilth.curation.reading.source import Source
from tilth.shards.errors import UsageError

PLAIN = frozenset({str, int, bool})


class RowReader:
    """Reads the objects of one file as rows, by the mapping that a sample of them shows.

    group, licence_column: their columns. licence: of every row, where no column says it. kept: the columns
    kept as attributes, None for every scalar. Raises UsageError as find_mapping does, and for a group column
    that no row has.
    """

    def __init__(self, source: Source, sample: list[Row], limits: ReadLimits, where: str) -> None:
        self.mapping = find_mapping(source, sample, where)
        self._read = reader(self.mapping, limits.max_turns)
        columns = {column for row in sample for column in row}
        if source.group and source.group not in columns:
            raise UsageError(
                where,
                f"no row has the group column {source.group!r}",
                "parts of one conversation could end up in two splits",
                f"the columns are {', '.join(sorted(columns))}",
            )
        self.group = source.group
        self.licence_column = source.licence if source.licence in columns else None
        self.licence = None if self.licence_column else source.licence
        self.kept = source.attributes
        self._used = self.mapping.used_columns() | {self.group, self.licence_column}

    def add(self, row: Row, line: int, batch: Batch) -> None:
        """Add a row to a batch, in quarantine if it cannot be read."""
        try:
            turns, tools = self._read(row)
            group = _label(row.get(self.group)) if self.group else None
            licence = _label(row.get(self.licence_column)) if self.licence_column else self.licence
            batch.add(line, self.mapping.shape, turns, tools, group, licence, self._attributes(row))
        except Unreadable as unreadable:
            batch.quarantine(line, unreadable.reason)
        except MemoryError:
            raise
        except Exception:  # whatever it is, it costs one line and not its neighbours
            batch.quarantine(line, Reason.READER_RAISED)

    def _attributes(self, row: Row) -> str | None:
        if self.kept is not None:
            kept = {name: row[name] for name in self.kept if row.get(name) is not None}
        else:
            kept = {
                name: value
                for name, value in row.items()
                if name not in self._used and value is not None and type(value) not in (dict, list)
            }
        if not all(type(value) in PLAIN for value in kept.values()):
            kept = {name: plain for name, value in kept.items() if (plain := _plain(value)) is not None}
        return stable_json(kept) if kept else None


def batches(records: Iterable[Record], rows: RowReader | None, batch_rows: int) -> Iterator[Tables]:
    """Yield the records of a file, numbered from 1, in batches bounded in lines and in characters.

    rows: None where no record is an object.
    """
    batch = Batch()
    for line, record in enumerate(records, 1):
        if isinstance(record, Reason) or rows is None:
            batch.quarantine(line, str(record))
        else:
            rows.add(record, line, batch)
        if len(batch) >= batch_rows or batch.chars >= FULL_CHARS:
            yield batch.tables()
            batch = Batch()
    if len(batch):
        yield batch.tables()


def _label(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    raise Unreadable(Reason.WRONG_TYPE)


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it; None for what it cannot: NaN, bytes."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, date | time | Decimal):
        return str(value)
    return value if isinstance(value, str | int | bool | dict | list) else None
