"""The plain lines of a file: planned from the mapping of its columns, read by the kernel, held as flat columns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import orjson
import polars as pl
import pyarrow as pa

from tilth.curation.reading.batch import LINE_ROWS, LINE_TURNS, LINES, Tables
from tilth.curation.reading.chat import READ_KEYS
from tilth.curation.reading.compiled import blake2_kernel, line_kernel, row_kernel
from tilth.curation.reading.compiled.line_kernel import MAX_UNREAD, Meanings, message_keys, names, speakers
from tilth.curation.reading.compiled.mark_kernel import may_hold_mark
from tilth.curation.reading.compiled.row_kernel import Columns, Scratch
from tilth.curation.reading.compiled.wide_kernel import WIDTH
from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.curation.reading.manner import MEDIA_MARK, Trail, is_shown
from tilth.curation.reading.rows import RowReader
from tilth.curation.reading.source import Source
from tilth.shards.digest import ROW_ID_BYTES
from tilth.shards.tables import ROLE, SHAPE, Role, Shape, conform

FULL_BYTES = 32 << 20  # of lines, after which a batch is full
MESSAGES_DEPTH = 3
MAX_TURNS = 4096  # longer conversations are read one by one
# A turn takes at least so many bytes of its line: two quotes, and a key with quotes, colon and comma.
TURN_BYTES = 6
# Canonical JSON is at most twice the line (by the names of role and text), and the names of shape and turns;
# beyond that the kernel fills up the last block of the hash, and copies WIDTH bytes where fewer are left.
CANONICAL_ROOM = 512

_PARTS = {
    Shape.CHAT: {"messages": line_kernel.MESSAGES, "tools": line_kernel.TOOLS, "system": line_kernel.SYSTEM},
    Shape.INSTRUCTION: {
        "context": line_kernel.CONTEXT,
        "prompt": line_kernel.PROMPT,
        "input": line_kernel.INPUT,
        "response": line_kernel.RESPONSE,
        "tools": line_kernel.TOOLS,
        "system": line_kernel.SYSTEM,
    },
    Shape.DOCUMENT: {"text": line_kernel.TEXT},
}


@dataclass(frozen=True)
class Plan:
    """What each column, key and speaker of a file is for. default: the kind of the columns that are not named.

    left: the paths of what is only counted, by bit. trail: where it is counted.
    """

    shape: int
    of: Meanings
    default: int
    licence: str | None
    left: tuple[str, ...] = ()
    trail: Trail = field(default_factory=Trail)


def plan(rows: RowReader | None, limits: ReadLimits) -> Plan:
    """Return how the kernel reads the lines of a file; by a plan of NO_SHAPE it refuses every line."""
    nothing = Plan(row_kernel.NO_SHAPE, Meanings(names({}), names({}), names({})), line_kernel.SKIPPED, None)
    if rows is None or limits.max_depth < MESSAGES_DEPTH or not _is_usual(rows.source):
        return nothing
    default = line_kernel.ATTRIBUTE if rows.kept is None else line_kernel.HOLDING
    kinds = _PARTS.get(rows.mapping.shape, {})
    if not kinds or any(part not in kinds for part in rows.mapping.columns):
        return nothing
    used = [(column, kinds[part]) for part, column in rows.mapping.columns.items()]
    used += [(rows.group, line_kernel.GROUP)] if rows.group else []
    used += [(rows.licence_column, line_kernel.LICENCE)] if rows.licence_column else []
    used += [(name, line_kernel.ATTRIBUTE) for name in dict.fromkeys(rows.kept or ())]
    if len({column for column, _ in used}) < len(used):
        return nothing  # a column with two uses
    # Names are compared one after the other: those that lines have come first.
    codes = dict(used) | dict.fromkeys(sorted(rows.columns - {name for name, _ in used}), default)
    # What is read with the line's own mapping, or says that there is more to a line than its text.
    taken = {column for column, _ in used}
    codes |= dict.fromkeys(sorted(rows.late_names() - taken), line_kernel.LATE)
    if rows.mapping.shape is not Shape.DOCUMENT:
        codes |= dict.fromkeys((name for name in rows.manner.media if name not in taken), line_kernel.HOLDING)
    columns, keys = _left(rows, {name for name, code in codes.items() if code != default})
    codes |= {name: line_kernel.UNREAD + n for n, name in enumerate(columns)}
    return Plan(
        line_kernel.SHAPES.index(rows.mapping.shape),
        Meanings(names(codes), message_keys(keys, len(columns)), speakers(rows.manner.roles)),
        default,
        rows.licence,
        (*columns, *(f"{_messages(rows)}{key}" for key in keys)),
        rows.trail,
    )


def _is_usual(source: Source) -> bool:
    return source.neighbours == "keep" and not source.text_only and source.nulls is None


def _messages(rows: RowReader) -> str:
    return f"{rows.mapping.columns.get('messages', '')}[]."


def _left(rows: RowReader, taken: set[str]) -> tuple[list[str], list[str]]:
    """Return the columns and the keys of messages that the sample leaves unread, as many as there are bits."""
    before = _messages(rows)
    columns = sorted(path for path in rows.left if path not in taken and "[]." not in path)
    keys = sorted(path.removeprefix(before) for path in rows.left if path.startswith(before))
    keys = [key for key in keys if "[]." not in key and key not in READ_KEYS]
    return columns[: MAX_UNREAD // 2], keys[: MAX_UNREAD // 2]


class PlainRows:
    """Reads the plain lines of blocks into columns that are used again for every batch."""

    def __init__(self, plan: Plan, limits: ReadLimits, batch_rows: int) -> None:
        self.plan = plan
        self.batch_rows = batch_rows
        max_turns = min(limits.max_turns, MAX_TURNS)
        self._bounds = np.array([limits.max_line_bytes, limits.max_depth, max_turns], np.int64)
        self._used = np.zeros(row_kernel.COUNTERS, np.int64)
        self._scratch = Scratch(
            spans=np.zeros((line_kernel.SPANS + max_turns, 4), np.int64),
            words=np.zeros(0, np.uint64),
            pending=np.zeros((row_kernel.MAX_PENDING, 2), np.int64),
            lanes=np.zeros((blake2_kernel.LANE_WORDS, blake2_kernel.LANES), np.uint64),
        )
        self._columns = _columns(batch_rows)

    def __len__(self) -> int:
        """Return the lines seen, plain or not."""
        return int(self._used[row_kernel.N_LINES])

    def pass_over(self) -> None:
        """Count a line that is not there to be read."""
        self._used[row_kernel.N_LINES] += 1

    def clear(self) -> None:
        """Begin a new batch; tables returned before must be out of use."""
        self._used[:] = 0

    def read(
        self, block: bytes, start: int, *, one_by_one: bool = False
    ) -> tuple[int, list[tuple[int, int, int]]]:
        """Read lines from a block until it or the batch is full; none is plain where it is read one by one.

        Returns the byte after the last line seen, and of each line that is not plain its number in the
        batch, start and end.
        """
        self._make_room(len(block) - start)
        self._used[row_kernel.N_REFUSED] = 0
        end = row_kernel.read_lines(
            np.frombuffer(block, np.uint8),
            start,
            self.batch_rows,
            row_kernel.NO_SHAPE if one_by_one else self.plan.shape,
            self.plan.of,
            self.plan.default,
            self._bounds,
            self._scratch,
            self._columns,
            self._used,
        )
        refused = self._columns.refused[: self._used[row_kernel.N_REFUSED]]
        return end, [tuple(line) for line in refused.tolist()]

    def tables(self, first_line: int) -> Tables:
        """Return the plain rows of the batch, whose first line has this number."""
        rows = self._columns.rows[: self._used[row_kernel.N_ROWS]]
        turns = self._columns.turns[: self._used[row_kernel.N_TURNS]]
        ids = self._columns.row_ids[: len(rows)]
        lines = rows[:, row_kernel.LINE] + first_line
        of_rows = pl.DataFrame(
            {
                "line": lines,
                "row_id": _ids(ids),
                "group": self._labels("groups", row_kernel.GROUP_END, row_kernel.HAS_GROUP),
                "licence": self._labels("licences", row_kernel.LICENCE_END, row_kernel.HAS_LICENCE),
                "attributes": self._attributes(),
            }
        ).with_columns(shape=pl.lit(line_kernel.SHAPES[max(self.plan.shape, 0)].value, SHAPE))
        if self.plan.licence is not None:
            of_rows = of_rows.with_columns(licence=pl.lit(self.plan.licence))
        row = turns[:, row_kernel.ROW]
        shown = self._shown(turns)
        self._count(rows, shown)
        of_turns = pl.DataFrame(
            {
                "line": lines[row],
                "row_id": _ids(ids[row]),
                "turn": turns[:, row_kernel.NUMBER].astype(np.uint16),
                "role": pl.Series(ROLE.categories, dtype=ROLE).gather(turns[:, row_kernel.ROLE]),
                "text": _texts(self._columns.texts, turns[:, row_kernel.TEXT_END]),
            }
        )
        tables = Tables(
            conform(of_rows.select("line", "row_id"), LINES),
            conform(of_rows, LINE_ROWS),
            conform(of_turns, LINE_TURNS),
        )
        return tables.without(lines[shown], Reason.NOT_TEXT).distinct()

    def _shown(self, turns: np.ndarray) -> np.ndarray:
        """Return which rows ask about a picture, sound or film that their text only marks."""
        texts = self._columns.texts
        end = int(self._used[row_kernel.N_TEXTS])
        if self.plan.shape == line_kernel.DOCUMENT or not may_hold_mark(texts, end):
            return np.zeros(0, np.int64)
        said = _texts(texts, turns[:, row_kernel.TEXT_END])
        asks = turns[:, row_kernel.ROLE] == line_kernel.ROLE_NAMES.index(Role.USER.value)
        marked = np.flatnonzero(said.str.contains(MEDIA_MARK.pattern).to_numpy() & asks)
        shown = [n for n, text in zip(marked, said.gather(marked), strict=True) if is_shown(text)]
        return np.unique(turns[shown, row_kernel.ROW])

    def _count(self, rows: np.ndarray, shown: np.ndarray) -> None:
        """Count what the rows of the batch leave unread."""
        left = np.delete(rows[:, row_kernel.LEFT], shown)
        if self.plan.left and left.any():
            for bit, path in enumerate(self.plan.left):
                found = int((left >> bit & 1).sum())
                if found:
                    self.plan.trail.unread[path] += found

    def _labels(self, name: str, end: int, given: int) -> pl.Series:
        rows = self._columns.rows[: self._used[row_kernel.N_ROWS]]
        return _texts(getattr(self._columns, name), rows[:, end], rows[:, given])

    def _attributes(self) -> pl.Series:
        rows = self._columns.rows[: self._used[row_kernel.N_ROWS]]
        ends = rows[:, row_kernel.ATTRIBUTES_END]
        texts = _texts(self._columns.attributes, ends, np.diff(ends, prepend=0) > 0)
        rough = np.flatnonzero(rows[:, row_kernel.IS_ROUGH])
        if not len(rough):
            return texts
        canonical = [orjson.dumps(orjson.loads(text)).decode() for text in texts.gather(rough)]
        return texts.scatter(rough, canonical)

    def _make_room(self, size: int) -> None:
        """Make sure that `size` bytes of lines fit, whatever they hold."""
        needed = {name: self._used[counter] + size + WIDTH for name, counter in _BUFFERS.items()}
        needed["turns"] = self._used[row_kernel.N_TURNS] + size // TURN_BYTES + 1
        grown = {
            name: _grown(column, int(room))
            for name, room in needed.items()
            if len(column := getattr(self._columns, name)) < room
        }
        self._columns = self._columns._replace(**grown)
        room = row_kernel.PENDING_BYTES + 2 * size + CANONICAL_ROOM
        if self._scratch.words.nbytes < room:
            self._scratch = self._scratch._replace(words=np.zeros(room // 8 + 1, np.uint64))


_BUFFERS = {
    "texts": row_kernel.N_TEXTS,
    "attributes": row_kernel.N_ATTRIBUTES,
    "groups": row_kernel.N_GROUPS,
    "licences": row_kernel.N_LICENCES,
}


def _grown(column: np.ndarray, room: int) -> np.ndarray:
    larger = np.empty((2 * room, *column.shape[1:]), column.dtype)
    larger[: len(column)] = column
    return larger


def _columns(rows: int) -> Columns:
    return Columns(
        rows=np.zeros((rows, row_kernel.ROW_COLUMNS), np.int64),
        row_ids=np.zeros((rows, 2), np.uint64),
        turns=np.empty((4 * rows, row_kernel.TURN_COLUMNS), np.int64),
        refused=np.zeros((rows, 3), np.int64),
        # Memory that is not written takes no room: rather too much than to be moved.
        **{name: np.empty(FULL_BYTES, np.uint8) for name in _BUFFERS},
    )


def _texts(data: np.ndarray, ends: np.ndarray, given: np.ndarray | None = None) -> pl.Series:
    """Return texts as a series over the same memory; those not given are null."""
    bounds = np.zeros(len(ends) + 1, np.int64)
    bounds[1:] = ends
    valid = None if given is None else pa.py_buffer(np.packbits(given.astype(bool), bitorder="little"))
    buffers = pa.py_buffer(bounds), pa.py_buffer(data), valid
    return pl.Series(pl.from_arrow(pa.LargeStringArray.from_buffers(len(ends), *buffers)))


def _ids(words: np.ndarray) -> pl.Series:
    """Return row ids as a Binary series."""
    bounds = np.arange(len(words) + 1, dtype=np.int64) * ROW_ID_BYTES
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(np.ascontiguousarray(words))]
    return pl.Series(pl.from_arrow(pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(words), buffers)))
