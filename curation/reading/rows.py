"""Objects of one file to rows: turns, tools, group, licence and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from math import isnan
from typing import Any

from tilth.curation.reading.batch import FULL_CHARS, Batch, Tables
from tilth.curation.reading.formats import Record
from tilth.curation.reading.limits import ReadLimits, Reason, Unreadable
from tilth.curation.reading.manner import Manner, Trail, holds, stable_json
from tilth.curation.reading.recognise import (
    ALIASES,
    LOOKED_AT,
    OPTIONAL,
    Row,
    find_mapping,
    listed,
    other_readings,
)
from tilth.curation.reading.shapes import read_row
from tilth.curation.reading.source import Source
from tilth.shards.errors import UsageError

PLAIN = frozenset({str, int, bool})


class RowReader:
    """Reads the objects of one file as rows, by the mapping that a sample of them shows.

    others: the mappings that the sample fits as well. columns: those that the sample has. group, licence_column:
    their columns. licence: of every row, where no column says it. kept: the columns kept as attributes, None for
    every scalar. is_table: whether the words that pandas writes for nulls stand for nothing. left: what the
    sample leaves unread. Raises UsageError as find_mapping does, and for a group column that no row has.
    """

    def __init__(
        self, source: Source, sample: list[Row], limits: ReadLimits, where: str, *, is_table: bool = False
    ) -> None:
        self.source = source
        self.mapping = find_mapping(source, sample, where)
        self.others = other_readings(self.mapping, source, sample)
        self.manner = Manner.of(source, limits, is_table=is_table)
        self.columns = columns = {column for row in sample for column in row}
        if source.group and source.group not in columns:
            raise UsageError(
                where,
                f"no row has the group column {source.group!r}",
                "parts of one conversation could end up in two splits",
                f"the columns are {listed([dict.fromkeys(sorted(columns))])}",
            )
        self.group = source.group
        self.licence_column = source.licence if source.licence in columns else None
        self.licence = None if self.licence_column else source.licence
        self.kept = source.attributes
        self._beside = {self.group, self.licence_column}
        self.left = self._left(sample[:LOOKED_AT])

    @property
    def trail(self) -> Trail:
        """What has been left unread so far, and what was done."""
        return self.manner.trail

    def late_names(self) -> set[str]:
        """Return names of columns that another row may have a part in."""
        names = {name for others in self.mapping.aliases.values() for name in others}
        parts = OPTIONAL[self.mapping.shape] if not self.source.map else ()
        unmapped = {name for part in parts if part not in self.mapping.columns for name in ALIASES[part]}
        return (names | unmapped) - set(self.mapping.columns.values())

    def read(self, row: Row) -> tuple[Any, ...]:
        """Return turns, tools, group, licence and attributes of a row. Raises Unreadable."""
        self.trail.begin()
        columns = self.mapping.of(row)
        turns, tools = read_row(row, self.mapping, columns, self.manner)
        group = _label(row.get(self.group)) if self.group else None
        licence = _label(row.get(self.licence_column)) if self.licence_column else self.licence
        return turns, tools, group, licence, self._attributes(row, {*columns.values(), *self._beside})

    def add(self, row: Row, line: int, batch: Batch) -> None:
        """Add a row to a batch, in quarantine if it cannot be read."""
        try:
            batch.add(line, self.mapping.shape, *self.read(row))
        except Unreadable as unreadable:
            batch.quarantine(line, unreadable.reason)
        except MemoryError:
            raise
        except Exception:  # whatever it is, it costs one line and not its neighbours
            batch.quarantine(line, Reason.READER_RAISED)
        else:
            self.trail.end()

    def _attributes(self, row: Row, used: set[str | None]) -> str | None:
        """Return the columns that are kept, as canonical JSON; of the others note those that hold something."""
        kept = {}
        for name, value in row.items():
            if value is None:
                continue
            if (
                name in self.kept
                if self.kept is not None
                else (name not in used and type(value) not in (dict, list))
            ):
                kept[name] = value
            elif name not in used and holds(value):
                self.trail.leave(name)
        if not all(type(value) in PLAIN for value in kept.values()):
            kept = {name: plain for name, value in kept.items() if (plain := _plain(value)) is not None}
        return stable_json(kept) if kept else None

    def _left(self, sample: list[Row]) -> frozenset[str]:
        """Return what reading the sample leaves unread."""
        left: set[str] = set()
        for row in sample:
            try:
                self.read(row)
            except Unreadable:
                continue
            except Exception:
                continue
            left |= self.trail.current()
        return frozenset(left)


def batches(
    records: Iterable[Record], rows: RowReader | None, batch_rows: int, *, first_line: int = 1
) -> Iterator[Tables]:
    """Yield the records of a file, numbered from `first_line`, in batches bounded in lines and in characters.

    rows: None where no record is an object.
    """
    batch = Batch()
    for line, record in enumerate(records, first_line):
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
    """Return a group or licence as text: a whole float, as pandas makes of integers beside nulls, is an integer."""
    if value is None or type(value) is str:
        return value
    if type(value) is float:
        if isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int | Decimal | date):
        return str(value)
    raise Unreadable(Reason.WRONG_TYPE)


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it; None for what it cannot: NaN, bytes."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, date | time | timedelta | Decimal):
        return str(value)
    if isinstance(value, dict | list):
        return _finite(value)
    return value if isinstance(value, str | int | bool) else None


def _finite(value: Any) -> Any:
    """Return a nested value with null for what JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else _plain(value)
