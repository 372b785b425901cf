"""The plain lines of a file: planned from the mapping of its columns, read by the kernel, held as flat columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import orjson
import polars as pl
import pyarrow as pa

from tilth.curation import row_kernel as kernel
from tilth.curation.batch import LINE_ROWS, LINE_TURNS, LINES, Tables
from tilth.curation.json_kernel import MAX_KEYS
from tilth.curation.limits import ReadLimits
from tilth.curation.row_kernel import Columns, Names, Scratch
from tilth.curation.rows import RowReader
from tilth.shards.digest import ROW_ID_BYTES
from tilth.shards.tables import ROLE, SHAPE, Shape, conform

MESSAGES_DEPTH = 3
MAX_TURNS = 4096  # longer conversations are read one by one
# A turn takes at least so many bytes of its line: two quotes, and a key with quotes, colon and comma.
TURN_BYTES = 6
# Canonical JSON is no longer than the line but for the names it gives to shape, role and text.
CANONICAL_ROOM = 512

_PARTS = {
    Shape.CHAT: {"messages": kernel.MESSAGES, "tools": kernel.TOOLS, "system": kernel.SYSTEM},
    Shape.INSTRUCTION: {
        "context": kernel.CONTEXT,
        "prompt": kernel.PROMPT,
        "input": kernel.INPUT,
        "response": kernel.RESPONSE,
        "tools": kernel.TOOLS,
        "system": kernel.SYSTEM,
    },
    Shape.DOCUMENT: {"text": kernel.TEXT},
}


@dataclass(frozen=True)
class Plan:
    """What each column of a file is for. default: the kind of the columns that are not named."""

    shape: int
    columns: Names
    default: int
    licence: str | None


def plan(rows: RowReader | None, limits: ReadLimits) -> Plan:
    """Return how the kernel reads the lines of a file; by a plan of NO_SHAPE it refuses every line."""
    nothing = Plan(kernel.NO_SHAPE, kernel.names({}), kernel.SKIPPED, None)
    if rows is None or rows.mapping.shape not in _PARTS or limits.max_depth < MESSAGES_DEPTH:
        return nothing
    kinds = _PARTS[rows.mapping.shape]
    used = [(column, kinds.get(part, kernel.SKIPPED)) for part, column in rows.mapping.columns.items()]
    used += [(rows.group, kernel.GROUP)] if rows.group else []
    used += [(rows.licence_column, kernel.LICENCE)] if rows.licence_column else []
    used += [(name, kernel.ATTRIBUTE) for name in dict.fromkeys(rows.kept or ())]
    if len({column for column, _ in used}) < len(used):
        return nothing  # a column with two uses
    default = kernel.ATTRIBUTE if rows.kept is None else kernel.SKIPPED
    return Plan(kernel.SHAPES.index(rows.mapping.shape), kernel.names(dict(used)), default, rows.licence)


class PlainRows:
    """Reads the plain lines of blocks into columns that are used again for every batch."""

    def __init__(self, plan: Plan, limits: ReadLimits, batch_rows: int) -> None:
        self.plan = plan
        self.batch_rows = batch_rows
        self._max_turns = min(limits.max_turns, MAX_TURNS)
        self._bounds = np.array([limits.max_line_bytes, limits.max_depth, self._max_turns], np.int64)
        self._used = np.zeros(8, np.int64)
        self._scratch = _scratch(self._max_turns, CANONICAL_ROOM)
        self._columns = _columns(batch_rows)

    def __len__(self) -> int:
        """Return the lines seen, plain or not."""
        return int(self._used[kernel.LINES])

    def pass_over(self) -> None:
        """Count a line that is not there to be read."""
        self._used[kernel.LINES] += 1

    def clear(self) -> None:
        """Begin a new batch; tables returned before must be out of use."""
        self._used[:] = 0

    def read(self, block: bytes, start: int) -> tuple[int, list[tuple[int, int, int]]]:
        """Read lines from a block until it or the batch is full.

        Returns the byte after the last line seen, and of each line that is not plain its number in the
        batch, start and end.
        """
        self._make_room(len(block) - start)
        self._used[kernel.REFUSALS] = 0
        end = kernel.read_lines(
            np.frombuffer(block, np.uint8),
            start,
            self.batch_rows,
            self.plan.shape,
            self.plan.columns,
            self.plan.default,
            self._bounds,
            self._scratch,
            self._columns,
            self._used,
        )
        refused = self._columns.refused[: self._used[kernel.REFUSALS]]
        return end, [tuple(line) for line in refused.tolist()]

    def tables(self, first_line: int) -> Tables:
        """Return the plain rows of the batch, whose first line has this number."""
        c, used = self._columns, self._used
        rows, turns = int(used[kernel.ROWS]), int(used[kernel.TURNS])
        lines = c.row_lines[:rows] + first_line
        of_turns = c.turn_rows[:turns]
        row_frame = pl.DataFrame(
            {
                "line": lines,
                "row_id": _ids(c.row_ids[:rows]),
                "group": _texts(c.groups, c.group_ends[: rows + 1], c.group_given[:rows]),
                "licence": _texts(c.licences, c.licence_ends[: rows + 1], c.licence_given[:rows]),
                "attributes": self._attributes(rows),
            }
        ).with_columns(shape=pl.lit(kernel.SHAPES[max(self.plan.shape, 0)].value, SHAPE))
        if self.plan.licence is not None:
            row_frame = row_frame.with_columns(licence=pl.lit(self.plan.licence))
        turn_frame = pl.DataFrame(
            {
                "line": lines[of_turns],
                "row_id": _ids(c.row_ids[of_turns]),
                "turn": c.turn_numbers[:turns],
                "role": pl.Series(ROLE.categories, dtype=ROLE).gather(c.roles[:turns]),
                "text": _texts(c.texts, c.text_ends[: turns + 1]),
            }
        )
        return Tables(
            conform(row_frame.select("line", "row_id"), LINES),
            conform(row_frame, LINE_ROWS),
            conform(turn_frame, LINE_TURNS),
        ).distinct()

    def _attributes(self, rows: int) -> pl.Series:
        ends = self._columns.attribute_ends[: rows + 1]
        texts = _texts(self._columns.attributes, ends, ends[1:] > ends[:-1])
        rough = np.flatnonzero(self._columns.rough[:rows])
        if not len(rough):
            return texts
        canonical = [orjson.dumps(orjson.loads(text)).decode() for text in texts.gather(rough)]
        return texts.scatter(rough, canonical)

    def _make_room(self, size: int) -> None:
        """Make sure that `size` bytes of lines fit, whatever they hold."""
        needed = {name: self._used[counter] + size for name, counter in _BUFFERS.items()}
        turns = self._used[kernel.TURNS] + size // TURN_BYTES + 1
        needed |= dict.fromkeys(("turn_rows", "turn_numbers", "roles"), turns) | {"text_ends": turns + 1}
        grown = {
            name: _grown(column, int(room))
            for name, room in needed.items()
            if (column := getattr(self._columns, name)).size < room
        }
        self._columns = self._columns._replace(**grown)
        if self._scratch.canonical.size < 2 * size + CANONICAL_ROOM:
            self._scratch = _scratch(self._max_turns, 2 * size + CANONICAL_ROOM)


_BUFFERS = {
    "texts": kernel.TEXTS,
    "attributes": kernel.ATTRIBUTES,
    "groups": kernel.GROUPS,
    "licences": kernel.LICENCES,
}


def _grown(column: np.ndarray, room: int) -> np.ndarray:
    larger = np.zeros(2 * room, column.dtype)
    larger[: column.size] = column
    return larger


def _scratch(max_turns: int, canonical_bytes: int) -> Scratch:
    words = np.zeros(canonical_bytes // 8 + 16, np.uint64)
    return Scratch(
        keys=np.zeros((MAX_KEYS + 1, 2), np.int64),
        parts=np.zeros((kernel.KINDS, 4), np.int64),
        attributes=np.zeros((kernel.MAX_ATTRIBUTES, 5), np.int64),
        turns=np.zeros((max_turns + 8, 4), np.int64),
        canonical=words.view(np.uint8),
        words=words,
        state=np.zeros(8, np.uint64),
    )


def _columns(rows: int) -> Columns:
    def ends() -> np.ndarray:
        return np.zeros(rows + 1, np.int64)

    def given() -> np.ndarray:
        return np.zeros(rows, np.bool_)

    def empty(dtype: type) -> np.ndarray:
        return np.zeros(1, dtype)

    return Columns(
        row_lines=np.zeros(rows, np.int64),
        row_ids=np.zeros((rows, 2), np.uint64),
        rough=given(),
        turn_rows=empty(np.int64),
        turn_numbers=empty(np.uint16),
        roles=empty(np.uint8),
        texts=empty(np.uint8),
        text_ends=empty(np.int64),
        attributes=empty(np.uint8),
        attribute_ends=ends(),
        groups=empty(np.uint8),
        group_ends=ends(),
        group_given=given(),
        licences=empty(np.uint8),
        licence_ends=ends(),
        licence_given=given(),
        refused=np.zeros((rows, 3), np.int64),
    )


def _texts(data: np.ndarray, ends: np.ndarray, given: np.ndarray | None = None) -> pl.Series:
    """Return texts as a series over the same memory; those not given are null."""
    valid = None if given is None else pa.py_buffer(np.packbits(given, bitorder="little"))
    size = len(ends) - 1
    array = pa.LargeStringArray.from_buffers(size, pa.py_buffer(ends), pa.py_buffer(data), valid)
    return pl.Series(pl.from_arrow(array))


def _ids(words: np.ndarray) -> pl.Series:
    """Return row ids as a Binary series."""
    ends = np.arange(len(words) + 1, dtype=np.int64) * ROW_ID_BYTES
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(words))]
    return pl.Series(pl.from_arrow(pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(words), buffers)))
