"""JSON lines to tables: plain lines through the kernel, every other line one by one, in the order of the file.

Both ways give the same tables for the same line; the kernel is only faster.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tilth.curation.reading.batch import Batch, Tables
from tilth.curation.reading.compiled.mark_kernel import may_hold_call
from tilth.curation.reading.formats.jsonl import parse_line
from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.curation.reading.lines import Tail, blocks
from tilth.curation.reading.plain_rows import FULL_BYTES, PlainRows, plan
from tilth.curation.reading.rows import RowReader
from tilth.curation.reading.written_calls import may_hold_calls, may_hold_react
from tilth.shards.tables import Shape


def line_batches(
    chunks: Iterator[bytes], rows: RowReader | None, limits: ReadLimits, batch_rows: int
) -> Iterator[Tables]:
    """Yield the lines of a file, numbered from 1, in batches bounded in lines and in bytes.

    rows: None where no line is an object. Tables must be out of use before the next are asked for.
    """
    reader = _LineReader(rows, limits, batch_rows)
    for block in blocks(chunks, limits.max_line_bytes):
        start = 0
        while start < len(block):
            start = reader.read(block, start)
            if reader.is_full:
                yield reader.tables()
                reader.clear()
    if reader.lines:
        yield reader.tables()


class _LineReader:
    """Reads blocks of lines into a batch until it is full."""

    def __init__(self, rows: RowReader | None, limits: ReadLimits, batch_rows: int) -> None:
        self._rows, self._limits, self._batch_rows = rows, limits, batch_rows
        self._plain = PlainRows(plan(rows, limits), limits, batch_rows)
        self._reads_calls = (
            rows is not None and not rows.manner.keeps_calls and rows.mapping.shape is not Shape.DOCUMENT
        )
        self._others = Batch()
        self._first_line = 1
        self._size = 0

    @property
    def lines(self) -> int:
        """How many lines the batch holds."""
        return len(self._plain)

    @property
    def is_full(self) -> bool:
        """Whether the batch has reached a bound."""
        return self.lines >= self._batch_rows or self._size >= FULL_BYTES

    def read(self, block: bytes | Reason, start: int) -> int:
        """Read a block from a byte on until it ends or the batch is full; return the byte after the last line."""
        if isinstance(block, Reason):
            self._others.quarantine(self._first_line + self.lines, block)
            self._plain.pass_over()
            return len(block)
        is_tail = isinstance(block, Tail)
        may_call = self._reads_calls and (
            (may_hold_call(np.frombuffer(block, np.uint8), start) and may_hold_calls(block, start))
            or may_hold_react(block, start)
        )
        end, refused = self._plain.read(block + b"\n" if is_tail else block, start, one_by_one=may_call)
        for line, begins, stops in refused:
            record = parse_line(block[begins:stops], self._limits, is_tail=is_tail)
            number = self._first_line + line
            if isinstance(record, Reason) or self._rows is None:
                self._others.quarantine(number, str(record))
            else:
                self._rows.add(record, number, self._others)
        self._size += end - start
        return end

    def tables(self) -> Tables:
        """Return the batch."""
        return self._plain.tables(self._first_line).merge(self._others.tables())

    def clear(self) -> None:
        """Begin the next batch."""
        self._first_line += self.lines
        self._size = 0
        self._plain.clear()
        self._others = Batch()
